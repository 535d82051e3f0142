"""A strategy's breakpoints in a request: written as its API takes them, and read back to see that they stand.

What the simulation places on a prompt is put into the body here. The prompt itself stays as it is: only cache controls
change, and a body that lowers to anything else is not sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace

from cachekit.client.sending import Outgoing
from cachekit.core.auditors.trial import edited
from cachekit.core.cache.implicit import OPTIONS, with_policy
from cachekit.core.cache.simulate import measured
from cachekit.core.catalog.policy import Policy
from cachekit.core.jsonio.json_access import mapping
from cachekit.core.libraries import breakpoint_forms
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Prompt, prefixes
from cachekit.core.model.routes import parent, resolve, steps
from cachekit.core.providers import lower
from cachekit.core.providers.draft import MARKERS, is_cache_point
from cachekit.replay.strategies import Shared, Strategy, infeasible, plan

Body = Mapping[str, object]

_OPENAI = (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES)


def prompt_of(outgoing: Outgoing, policy: Policy) -> Prompt:
    """What the cache will see of a request, measured."""
    prompt = measured(with_policy(lower(_named(outgoing), outgoing.backend), policy))
    return replace(prompt, scope=replace(prompt.scope, model=prompt.scope.model or outgoing.model))


def _named(outgoing: Outgoing) -> Body:
    """The body with its model, which tells some forms."""
    return {"model": outgoing.model, **outgoing.body}


def rendered(outgoing: Outgoing, strategy: Strategy, policy: Policy, shared: Shared) -> Outgoing | str:
    """The request with a strategy's breakpoints in place of its own, or why it cannot have them."""
    prompt = prompt_of(outgoing, policy)
    reason = infeasible(strategy, prompt, policy) if policy.known else f"{policy.model[:60]}: its cache is not known"
    if reason:
        return reason
    if policy.style != "breakpoints":
        return outgoing if strategy.marks != "none" else "a cache that works by itself cannot be turned off"
    planned = plan(strategy, prompt, policy, shared)
    if _marks(planned, policy) == _marks(prompt, policy):
        return outgoing
    bare = _bare(outgoing.body, outgoing.backend)
    body = _placed(bare, planned, outgoing, policy) if bare is not None else None
    made = replace(outgoing, body=body) if body is not None else None
    if made is None or not _stands(made, planned, policy):
        return f"whose form cannot carry the breakpoints of {strategy.name}"
    return made


def _marks(prompt: Prompt, policy: Policy) -> dict[int, str]:
    """The ttl of each breakpoint, by the index of its block."""
    return {index: mark.ttl or policy.default_ttl for index, _, mark in prompt.marked()}


def _stands(made: Outgoing, planned: Prompt, policy: Policy) -> bool:
    """Whether a request has the very prompt and the very breakpoints that were planned."""
    found = prompt_of(made, policy)
    return prefixes(found) == prefixes(planned) and _marks(found, policy) == _marks(planned, policy)


def _bare(body: Body, backend: Backend) -> dict[str, object] | None:
    """A copy without any breakpoint. The last is taken out first, so that none moves the place of another. None where
    one stands behind a key that no route can be written for."""
    made: dict[str, object] = deepcopy(dict(body))
    try:
        for mark in reversed(sent_marks(made, backend)):
            _take_out(made, mark.route)
    except KeyError:
        return None
    return made


def _take_out(body: dict[str, object], route: str) -> None:
    if route in MARKERS:
        body.pop(route, None)
        return
    holder = resolve(body, route)
    if is_cache_point(holder):
        del resolve(body, parent(route))[steps(route)[-1]]  # type: ignore[attr-defined]  # a list holds it
    elif isinstance(holder, dict):
        for key in (*MARKERS, "cachePoint"):
            holder.pop(key, None)


def _placed(bare: dict[str, object], planned: Prompt, outgoing: Outgoing, policy: Policy) -> Body | None:
    """The bare body with the planned breakpoints, set from the last to the first; None where one has no form."""
    body: Body | None = bare
    blocks = lower({"model": outgoing.model, **bare}, outgoing.backend).blocks
    if len(blocks) != len(planned.blocks):
        return None
    for index, _, mark in reversed(planned.marked()):
        if mark.route == OPTIONS or body is None:
            continue
        ttl = None if outgoing.backend in _OPENAI else mark.ttl
        edits = next(breakpoint_forms(body, blocks[index], outgoing.backend, ttl), None)
        body = edited(body, edits) if edits is not None else None
    return body if body is None or outgoing.backend not in _OPENAI else _with_options(body, planned, policy)


def _with_options(body: Body, planned: Prompt, policy: Policy) -> Body | None:
    """OpenAI's options: one ttl for all breakpoints, and no implicit one unless it was planned."""
    if not policy.implicit:
        return body
    ttls = {mark.ttl for _, _, mark in planned.marked()}
    if len(ttls) > 1:
        return None
    implicit = any(mark.route == OPTIONS for _, _, mark in planned.marked())
    kept = {key: value for key, value in mapping(body.get(OPTIONS)).items() if key not in ("ttl", "mode")}
    ttl = next(iter(ttls), None)
    options = {**kept, **({} if implicit else {"mode": "explicit"}), **({"ttl": ttl} if ttl else {})}
    rest = {key: value for key, value in body.items() if key != OPTIONS}
    return {**rest, **({OPTIONS: options} if options else {})}
