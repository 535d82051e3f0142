"""From a request to its usage: lowered, measured, looked up in the caches."""

from __future__ import annotations

from dataclasses import replace

from cachekit.core.aliases import resolve
from cachekit.core.auditors.marks import takes_marks
from cachekit.core.cache import Lookup, Outcome
from cachekit.core.calls import Call
from cachekit.core.counts import NO_USAGE
from cachekit.core.implicit import with_policy
from cachekit.core.policy import Policy, find_policy
from cachekit.core.prompt import Mark, Prompt
from cachekit.core.providers import lower
from cachekit.core.simulate import WRITE_FIELDS, Caches, breakpoint_look_up, look_up, server_tools
from cachekit.core.tokens import measure
from cachekit.core.usage import WRITES, Usage
from cachekit.emulator.state import Emulator
from cachekit.emulator.values import Asked, Look, Metered, Problem, RefusedError


def prompt_of(emulator: Emulator, asked: Asked) -> tuple[Prompt, Policy]:
    """The prompt as the provider sees it, measured, and the policy of its model. Raises RefusedError for a model that
    neither our tables nor `models` know: nothing could be said of its cache."""
    overrides = {"models": emulator.models, "policy": emulator.policy}
    policy = find_policy(asked.named, asked.route.host, overrides)
    if not policy.known and resolve(asked.named, asked.route.host, overrides).model is None:
        raise RefusedError(_unknown(asked))
    body = asked.body if asked.route.shape != "bedrock" else {**asked.body, "modelId": asked.model}
    prompt = lower(body, asked.route.backend)
    scope = replace(prompt.scope, host=asked.route.host, model=asked.model)
    scope = replace(scope, region=scope.region or asked.region)
    return _server_marks(measure(with_policy(replace(prompt, scope=scope), policy))), policy


def _unknown(asked: Asked) -> Problem:
    name = asked.named[:200]
    if asked.route.shape == "bedrock":
        return Problem(400, "The provided model identifier is invalid.")
    if asked.route.shape == "anthropic":
        return Problem(404, f"model: {name}")
    return Problem(
        404, f"The model `{name}` does not exist or you do not have access to it.", "model_not_found", "model"
    )


def _server_marks(prompt: Prompt) -> Prompt:
    """Anthropic's server tools set a 5m breakpoint of their own wherever there is any."""
    if not (prompt.marked() and prompt.scope.host == "anthropic" and server_tools(prompt)):
        return prompt
    *before, last = prompt.blocks
    own = last if last.mark else replace(last, mark=Mark("5m", "tools", automatic=True))
    return replace(prompt, blocks=(*before, own))


def meter(emulator: Emulator, prompt: Prompt, policy: Policy, silent_miss: bool = False) -> Metered:
    """What the call reads and writes, now. What it writes cannot be read before `Emulator.begin`."""
    call = Call(NO_USAGE, ts=emulator.clock.now(), ttft_ms=float("inf"), prompt=prompt)
    marked = takes_marks(prompt, policy) and policy.known
    look = breakpoint_look_up(call, prompt, policy) if marked else look_up(call, policy)
    total = prompt.total().mid
    if look is None:
        return Metered(prompt, policy, Usage(uncached=total))
    outcome = _step(emulator.caches, look, silent_miss)
    return Metered(prompt, policy, _usage(outcome, total), look, *_reach(prompt, look))


def _step(caches: Caches, look: Look, silent_miss: bool) -> Outcome:
    """A silent miss reads and pays as if the caches were empty; entries that live go on living."""
    outcome = caches.step(look)
    return Caches().step(look) if silent_miss else outcome


def _usage(outcome: Outcome, total: int) -> Usage:
    read = min(outcome.read, total)
    left, paid = total - read, dict.fromkeys(WRITES, 0)
    for ttl, tokens in outcome.written:
        paid[WRITE_FIELDS.get(ttl, "write_unknown")] = min(tokens, left)
        left -= min(tokens, left)
    write_5m, write_1h, write_30m, write_12h, unknown = (paid[name] for name in WRITES)
    return Usage(left, read, write_5m, write_1h, write_30m, write_12h, unknown)


def _reach(prompt: Prompt, look: Look) -> tuple[int, int]:
    """The tokens and the blocks that the call leaves in the cache."""
    if not isinstance(look, Lookup):
        return (look.tokens[-1], len(prompt.blocks)) if look.tokens and look.tokens[-1] >= look.minimum else (0, 0)
    if not look.points:
        return 0, 0
    return look.points[-1].tokens, max((index for index, _, _ in prompt.marked()), default=-1) + 1
