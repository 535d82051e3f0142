"""Where breakpoints pay: at most four places, chosen by what they save, as edits on the user's own routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from cachekit.core.auditors.audit import AuditOptions, audit_with
from cachekit.core.auditors.marks import positions
from cachekit.core.auditors.records import unwrap
from cachekit.core.auditors.report import AuditReport
from cachekit.core.auditors.rules.stable import static_end
from cachekit.core.backends import Backend
from cachekit.core.captured import Captured
from cachekit.core.errors import UsageError
from cachekit.core.findings import Edit
from cachekit.core.policy import Policy
from cachekit.core.pricing import find_rates
from cachekit.core.prompt import Block, Prompt, Section
from cachekit.core.routes import parent, resolve
from cachekit.core.shape import mapping

MOST = 4
_CALLS = 1000


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
            raise UsageError("a system prompt alone does not say for which model", mend="give model=")
        request, backend = _request_of(request, model), backend or _backend_of(model)
    report = audit_with(request, backend, options or AuditOptions())
    return suggest(report, unwrap(request).request)


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


def suggest(report: AuditReport, request: Mapping[str, object]) -> list[Suggestion]:
    """The best breakpoints of an audited request."""
    prompt, policy = report.prompt, report.policy
    if policy.style != "breakpoints" or not policy.known or report.raises is not None:
        return []
    running = prompt.running()
    places = [(i, why) for i, why in _places(prompt, policy) if running[i].mid >= policy.minimum]
    places = sorted(sorted(places, key=lambda place: -running[place[0]].mid)[:MOST])
    rate = _saved_per_token(report)
    out, before = [], 0
    for index, why in places:
        tokens = running[index].mid
        saves = rate * (tokens - before) * _CALLS if rate is not None else None
        block = prompt.blocks[index]
        edits = () if block.mark is not None else marking(request, block, report.backend)
        out.append(Suggestion(block.route, tokens, why, saves, edits))
        before = tokens
    return out


def _saved_per_token(report: AuditReport) -> Decimal | None:
    rates = find_rates(report.prompt.scope.model, report.policy.host, at=None, prompt_tokens=report.prompt.total().mid)
    if rates is None or rates.input is None or rates.read is None:
        return None
    return (rates.input - rates.read) / 1_000_000


def _places(prompt: Prompt, policy: Policy) -> list[tuple[int, str]]:
    """Block indices worth a breakpoint: the end of what never changes, the documents before a question, the end of a
    conversation, and one in the middle of a turn that outgrows the lookback."""
    found: dict[int, str] = {}
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
    return sorted((i, why) for i, why in found.items() if prompt.blocks[i].kind != "thinking")


def _last_markable(prompt: Prompt, turns: list[int]) -> int | None:
    return next((i for i in reversed(turns) if prompt.blocks[i].kind not in ("thinking", "redacted_thinking")), None)


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


def marking(request: Mapping[str, object], block: Block, backend: Backend) -> tuple[Edit, ...]:
    """The edits that set a breakpoint at a block, in the form its backend reads; none where there is no form."""
    try:
        value = resolve(request, block.route)
    except KeyError:
        return ()
    if backend in _CACHE_POINT:
        return (Edit("insert", block.route, {"cachePoint": {"type": "default"}}),)
    key, marker = (
        ("prompt_cache_breakpoint", {"mode": "explicit"})
        if backend in _OPENAI
        else ("cache_control", {"type": "ephemeral"})
    )
    if isinstance(value, str):
        if backend is Backend.LITELLM:
            return (Edit("set", f"{parent(block.route)}.cache_control", marker),)
        kind = "input_text" if backend is Backend.OPENAI_RESPONSES else "text"
        return (Edit("set", block.route, [{"type": kind, "text": value, key: marker}]),)
    return (Edit("set", f"{block.route}.{key}", marker),) if mapping(value) else ()


_OPENAI = (Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES)
_CACHE_POINT = (Backend.BEDROCK_CONVERSE, Backend.STRANDS, Backend.LANGCHAIN_BEDROCK_CONVERSE)
