"""Where breakpoints pay: at most four places, chosen by what they save, as edits on the user's own routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cachekit.core.auditors.audit import AuditOptions, audit_unwrapped
from cachekit.core.auditors.records import Unwrapped, unwrap
from cachekit.core.auditors.report import AuditReport
from cachekit.core.auditors.rules.stable import static_end
from cachekit.core.auditors.trial import Trial
from cachekit.core.cache.law import reaches
from cachekit.core.cache.marks import positions
from cachekit.core.catalog.policy import Policy
from cachekit.core.explain.changes import Change
from cachekit.core.libraries import Edits
from cachekit.core.model.backends import Backend
from cachekit.core.model.captured import Captured
from cachekit.core.model.errors import UsageError
from cachekit.core.model.findings import Edit
from cachekit.core.model.ground import Ground
from cachekit.core.model.prompt import Prompt, Section
from cachekit.core.model.routes import is_within, parent
from cachekit.core.pricing import find_rates
from cachekit.core.providers.anthropic import THINKING

_CALLS = 1000
LOST = frozenset({"dropped", "not_read_there", "mark_not_read", "foreign_mark"})
"""Notes of breakpoints that were asked for and do not reach the provider where it reads them."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A breakpoint to set after the block at `route`. `tokens`: the prefix up to it. `saves_usd_per_1k`: what a
    thousand calls that find it in the cache save against having no breakpoint there, None when unpriced. `edits` set it
    in the request as the user wrote it; empty where it is there already."""

    route: str
    tokens: int
    why: str
    saves_usd_per_1k: Decimal | None
    edits: tuple[Edit, ...]


def suggest_breakpoints(
    request: Mapping[str, object] | Captured | str,
    backend: Backend | str | None = None,
    *,
    model: str | None = None,
    options: AuditOptions | None = None,
) -> list[Suggestion]:
    """The best breakpoints for a request, in cache order; none where the model has no breakpoints or nothing qualifies.

    Instead of a request, a system prompt may be given together with `model`. Raises UsageError without a model then.
    """
    if isinstance(request, str):
        if model is None:
            raise UsageError("a system prompt alone does not say for which model", hint="give model=")
        request, backend = _request_of(request, model), backend or _backend_of(model)
    unwrapped, wanted = unwrap(request), options or AuditOptions()
    return suggest(audit_unwrapped(unwrapped, backend, wanted), unwrapped, wanted)


def _request_of(system: str, model: str) -> dict[str, object]:
    if _backend_of(model) is Backend.BEDROCK_CONVERSE:
        return {"modelId": model, "system": [{"text": system}], "messages": []}
    if _backend_of(model) is Backend.OPENAI_CHAT:
        return {"model": model, "messages": [{"role": "system", "content": [{"type": "text", "text": system}]}]}
    return {"model": model, "system": [{"type": "text", "text": system}], "messages": []}


def _backend_of(model: str) -> Backend:
    if model.startswith("arn:") or "anthropic." in model or "amazon." in model:
        return Backend.BEDROCK_CONVERSE
    return Backend.ANTHROPIC if "claude" in model else Backend.OPENAI_CHAT


def suggest(report: AuditReport, unwrapped: Unwrapped, options: AuditOptions) -> list[Suggestion]:
    """The best breakpoints of an audited request. What is suggested was tried: the edited request was audited, and the
    breakpoint reached its block without spoiling another."""
    prompt, policy = report.prompt, report.policy
    if policy.style != "breakpoints" or not policy.known or report.raises is not None:
        return []
    running = prompt.running()
    places = [(i, why) for i, why in _places(prompt, policy, report.changes) if reaches(policy, running[i].mid)]
    trial = Trial(unwrapped, report, options)
    edits: dict[int, Edits] = {}
    for index, _ in sorted(places, key=lambda place: -running[place[0]].mid):
        if prompt.blocks[index].mark is not None:
            edits[index] = ()
            continue
        found = trial.with_mark(index)
        if found is not None:
            edits[index] = found
    return _priced([(i, why, edits[i]) for i, why in places if i in edits], report)


def _priced(chosen: list[tuple[int, str, Edits]], report: AuditReport) -> list[Suggestion]:
    rate, running = _saved_per_token(report), report.prompt.running()
    out, before = [], 0
    for index, why, edits in chosen:
        tokens = running[index].mid
        saves = rate * (tokens - before) * _CALLS if rate is not None else None
        out.append(Suggestion(report.prompt.blocks[index].route, tokens, why, saves, edits))
        before = tokens
    return out


def _saved_per_token(report: AuditReport) -> Decimal | None:
    rates = find_rates(report.prompt.scope.model, report.policy.host, at=None, prompt_tokens=report.prompt.total().mid)
    if rates is None or rates.input is None or rates.read is None:
        return None
    return (rates.input - rates.read) / 1_000_000


def _places(prompt: Prompt, policy: Policy, changes: Sequence[Change] = ()) -> list[tuple[int, str]]:
    """Block indices worth a breakpoint: the end of what never changes, the documents before a question, the end of a
    conversation, one in the middle of a turn that outgrows the lookback, and the end of what stayed the same since the
    request before."""
    found: dict[int, str] = {}
    same = changes[0].index - 1 if changes else -1
    if same >= 0 and prompt.blocks[same].section.value in policy.fields:
        found[same] = "the end of what stayed the same since the request before"
    static = static_end(prompt)
    if static >= 0 and prompt.blocks[static].section.value in policy.fields:
        found[static] = "the end of tools and system text, the same on every call"
    turns = [i for i, b in enumerate(prompt.blocks) if b.section is Section.MESSAGES]
    if turns and any(prompt.blocks[i].role == "assistant" for i in turns):
        last = _last_markable(prompt, turns)
        if last is not None:
            found[last] = "the end of the conversation so far, read again by the next turn"
            _halfway(prompt, policy, last, found)
    elif len(turns) > 1:
        found[turns[-2]] = "what stands before the question, if other questions follow"
    for index in _requested_places(prompt):
        found.setdefault(index, "where a breakpoint was asked for that is lost")
    return sorted((i, why) for i, why in found.items() if prompt.blocks[i].kind not in THINKING)


def _requested_places(prompt: Prompt) -> Iterator[int]:
    """The blocks that breakpoints were meant for which do not reach the provider: the last one with any text in the
    marked block, or else in what is around it."""
    candidates = [i for i, block in enumerate(prompt.blocks) if block.tokens.mid and block.kind not in THINKING]
    for note in (note for note in prompt.notes if note.ground is not Ground.ASSUMED):
        holder = parent(note.route) if note.route.endswith("cache_control") else note.route
        while note.code in LOST and holder:
            inside = [i for i in candidates if is_within(prompt.blocks[i].route, holder)]
            yield from inside[-1:]
            holder = "" if inside else parent(holder)


def _last_markable(prompt: Prompt, turns: list[int]) -> int | None:
    return next((i for i in reversed(turns) if prompt.blocks[i].kind not in THINKING), None)


def _halfway(prompt: Prompt, policy: Policy, last: int, found: dict[int, str]) -> None:
    """A turn of more positions than the lookback needs a breakpoint inside it."""
    start = last
    while (
        start > 0 and prompt.blocks[start - 1].section is Section.MESSAGES and prompt.blocks[start].role != "assistant"
    ):
        start -= 1
    if not policy.lookback or positions(prompt.blocks[start : last + 1], policy) <= policy.lookback:
        return
    for index in range(last, start, -1):
        if positions(prompt.blocks[index : last + 1], policy) == policy.lookback:
            found.setdefault(index, f"this turn outgrows the lookback of {policy.lookback} positions")
            return
