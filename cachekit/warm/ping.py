"""From a scope's request to what is sent for it: translated, made minimal, and compared with the original.

`prepare` answers with a Ping only where the minimal request has the very prefix of the original one, up to the same
last breakpoint: both are lowered and compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from cachekit.client.sending import Outgoing
from cachekit.core.auditors.audit import AuditOptions, wire_of
from cachekit.core.cache.implicit import with_policy
from cachekit.core.cache.law import reaches
from cachekit.core.cache.marks import judge_marks
from cachekit.core.catalog.policy import Policy, find_policy
from cachekit.core.catalog.refusals import find_refusals
from cachekit.core.catalog.tokens import measure
from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.model.backends import NATIVE, Backend, api_of
from cachekit.core.model.errors import UsageError
from cachekit.core.model.findings import Verdict
from cachekit.core.model.prompt import Prompt, Section, Tokens, prefixes
from cachekit.core.model.routes import nearest
from cachekit.core.providers import lower
from cachekit.core.providers.families import prefix_id_at
from cachekit.warm.choice import Choice, choose
from cachekit.warm.minimal import Minimal, Wanted, minimise, raised
from cachekit.warm.request_source import headers_of, host_of
from cachekit.warm.timing import Lifetime, lifetime_of
from cachekit.warm.values import Request, WarmupConfig

Tables = Mapping[str, object]
"""The user's own `policy`, `models` and `pricing`, as in the config file."""


@dataclass(frozen=True)
class Ping:
    """What is sent for a scope, and what is known of it beforehand.

    `body` and `headers` go to the API of `backend`. `prompt` is the body as the cache sees it, `choice` the prefix that
    is kept alive, `limit` the limit on output and `output` the most of it that a ping can cost. `notes` are for people:
    what could not be cut, what is not sure.
    """

    backend: Backend
    body: Mapping[str, object] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    prompt: Prompt = field(repr=False)
    policy: Policy = field(repr=False)
    choice: Choice = field(repr=False)
    lifetime: Lifetime
    limit: int
    output: int
    translated_from: Backend | None = None
    notes: tuple[str, ...] = ()

    @property
    def outgoing(self) -> Outgoing:
        """The ping as it is sent."""
        return Outgoing(self.backend, self.body, self.headers, self.prompt.scope.model)

    @cached_property
    def digest(self) -> str:
        """The rolling digest of the prefix that is kept alive; the scope is not part of it."""
        return prefixes(self.prompt)[self.choice.index]

    @cached_property
    def prefix_id(self) -> str:
        """The prefix in its scope."""
        return prefix_id_at(self.prompt, self.digest)

    @property
    def tokens(self) -> Tokens:
        """The length of the prefix, estimated."""
        return self.prompt.running()[self.choice.index]

    @property
    def automatic(self) -> bool:
        """Whether the provider caches by itself, without breakpoints: nothing is then reported as written."""
        return self.choice.mark is None


def prepare(config: WarmupConfig, request: Request, backend: Backend, tables: Tables) -> Ping:
    """The ping for a request. Raises UsageError for one that cannot be kept alive, and says why."""
    models = {str(name): model for name, model in mapping(tables.get("models")).items() if isinstance(model, str)}
    wire = wire_of(request, backend, AuditOptions(library_version=config.library_version, models=models))
    if wire.raises is not None:
        raise UsageError(f"{backend.value} refuses this request: {wire.raises}", hint="correct the request first")
    if mapping(wire.body).get("conversation") is not None:
        raise UsageError("each ping would add to the stored conversation", hint="warm a request without `conversation`")
    model = wire.model or text(wire.body.get("model")) or text(wire.body.get("modelId")) or ""
    policy = find_policy(model, host_of(request, wire.backend, config.base_url), tables, api_of(wire.backend))
    prompt = _lowered(wire.body, wire.backend, policy, config)
    if not prompt.blocks:
        raise UsageError("the request is empty", hint="give one with a prompt")
    _check_accepted(prompt, policy, wire.origin)
    choice = choose(prompt, policy, config.breakpoint, wire.origin)
    ttl = config.ttl
    if ttl is not None and (lifetime_of(ttl) is None or (policy.known and ttl not in policy.ttls)):
        known = ", ".join(policy.ttls) or "5m, 1h"
        raise UsageError(f"{policy.model or 'this model'} has no ttl {ttl[:20]!r}", hint=f"choose one of {known}")
    minimal, lowered, notes = _minimal(prompt, policy, Wanted(choice, config.ttl, config.max_tokens), config)
    return Ping(
        backend=wire.backend,
        body=minimal.body,
        headers=headers_of(request, backend),
        prompt=lowered,
        policy=policy,
        choice=choice,
        lifetime=_lifetime(lowered, policy, choice, config),
        limit=minimal.limit,
        output=minimal.output,
        translated_from=None if backend in NATIVE else backend,
        notes=(*notes, *_doubts(lowered, policy, choice), *wire.unsure),
    )


def _check_accepted(prompt: Prompt, policy: Policy, origin: Mapping[str, str]) -> None:
    """Raises UsageError for a request to which the provider answers 400."""
    for found in find_refusals(prompt, policy):
        if found.certain:
            place = f"{nearest(found.route, dict(origin))}: " if found.route else ""
            raise UsageError(f"{place}{found.message}: the provider answers 400", hint=found.hint)


def _lowered(body: Mapping[str, object], backend: Backend, policy: Policy, config: WarmupConfig) -> Prompt:
    prompt = measure(with_policy(lower(body, backend), policy))
    scope = replace(prompt.scope, region=prompt.scope.region or config.region or "")
    return replace(prompt, scope=scope, body=body)


def _minimal(
    prompt: Prompt, policy: Policy, wanted: Wanted, config: WarmupConfig
) -> tuple[Minimal, Prompt, tuple[str, ...]]:
    """The minimal body with the same prefix, cut if that can be; raises UsageError where even the whole request with
    less output has another one."""
    for attempt in (wanted, replace(wanted, cut=False)):
        made = minimise(prompt, policy, attempt)
        lowered = _lowered(made.body, prompt.backend, policy, config)
        if _same_prefix(prompt, lowered, wanted.choice):
            note = "the messages are not cut: what stands in them is part of the cache key of the prefix"
            return made, lowered, () if attempt.cut else (note,)
    raise UsageError("no smaller request has the same cached prefix", hint="please report this request's shape")


def _same_prefix(before: Prompt, after: Prompt, choice: Choice) -> bool:
    """The same blocks and params up to the chosen end, its breakpoint there, and none of the user's behind it."""
    end = choice.index + 1
    if prefixes(before)[:end] != prefixes(after)[:end]:
        return False
    if choice.mark is None:
        return True
    marked = [index for index, _, mark in after.marked() if choice.mark.automatic or not mark.automatic]
    return bool(marked) and marked[-1] == choice.index


def _lifetime(prompt: Prompt, policy: Policy, choice: Choice, config: WarmupConfig) -> Lifetime:
    """The shortest lifetime among the breakpoints that are kept alive; of an automatic cache that of its retention."""
    if choice.mark is None:
        ttl = config.ttl or text(prompt.body.get("prompt_cache_retention")) or policy.default_ttl
        return lifetime_of(ttl or "in_memory") or Lifetime("in_memory", 300.0, 600.0)
    words = {mark.ttl or policy.default_ttl or "5m" for _, _, mark in prompt.marked()}
    found = [life for word in words if (life := lifetime_of(word)) is not None]
    if not found:
        raise UsageError("no ttl of the request's breakpoints is known", hint="set ttl for this scope")
    return min(found, key=lambda life: life.floor)


def _doubts(prompt: Prompt, policy: Policy, choice: Choice) -> tuple[str, ...]:
    """What speaks against warming; raises UsageError where the provider would cache nothing."""
    length = prompt.running()[choice.index]
    if policy.known and not reaches(policy, length.high):
        raise UsageError(
            f"the prefix has about {length.mid:,} tokens, and {policy.model} caches none below {policy.minimum:,}",
            hint="warm a longer prefix",
        )
    if not policy.known:
        return (f"the model {policy.model or '(none named)'} is in no table: minimum, ttl and price are not known",)
    unsure = [mark.reason for mark in judge_marks(prompt, policy)[-1:] if mark.verdict is not Verdict.YES]
    notes = (f"not sure to be cached: {unsure[0]} tokens",) if unsure else ()
    return (*notes, *_varies(prompt, choice))


def _varies(prompt: Prompt, choice: Choice) -> tuple[str, ...]:
    """A breakpoint at the end of a first question is read by nobody who asks another."""
    block = prompt.blocks[choice.index]
    turns = {b.role for b in prompt.blocks[: choice.index + 1] if b.section is Section.MESSAGES}
    if choice.mark is None or turns != {"user"} or len(prompt.marked()) > 1:
        return ()
    return (f"the only breakpoint is on {block.route}: calls with another first message do not read it",)


def with_more_output(ping: Ping, config: WarmupConfig) -> Ping | None:
    """The ping with the next limit on output, for an API that refuses so small a one; None at the end of them."""
    more = raised(ping.limit)
    if more is None:
        return None
    made = minimise(ping.prompt, ping.policy, Wanted(ping.choice, output=more, cut=False))
    lowered = _lowered(made.body, ping.backend, ping.policy, config)
    return replace(ping, body=made.body, prompt=lowered, limit=made.limit, output=made.output)
