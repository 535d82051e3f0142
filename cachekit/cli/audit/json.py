"""An audit as JSON, schema `cachekit.audit/1`."""

from __future__ import annotations

from collections.abc import Sequence

from cachekit.auditing.run import Audited
from cachekit.cli.common.findings import FileFindings, Run, located, shareable
from cachekit.cli.common.json_form import envelope, finding_json
from cachekit.core.auditors.report import AuditReport
from cachekit.core.auditors.suggest import Suggestion
from cachekit.core.explain.changes import Change
from cachekit.core.model.prompt import Tokens


def render(audited: Sequence[tuple[FileFindings, Audited]], run: Run, is_conversation: bool = False) -> str:
    """All audited requests, and what could not be read."""
    requests = [
        _request(place, one.report, one.suggestions, run.show_text) | _observed(one, run.show_text)
        for place, one in audited
    ]
    unread = [{"path": bad.source, "line": bad.number, "reason": bad.reason} for bad in run.unread]
    body: dict[str, object] = {"requests": requests, "unread": unread}
    if is_conversation:
        from cachekit.cli.audit.turns import form

        body["turns"] = form([one.report for _, one in audited])
    return envelope("audit/1", body)


def _request(
    place: FileFindings, report: AuditReport, suggestions: Sequence[Suggestion], show_text: bool
) -> dict[str, object]:
    return {
        "path": place.path,
        "name": place.name,
        "backend": report.backend.value,
        "library": report.library,
        "library_version": report.library_version,
        "model": report.prompt.scope.model,
        "host": report.policy.host,
        "policy": _policy(report),
        "verdict": report.verdict.value,
        "will_cache": report.will_cache,
        "breakpoint_count": report.breakpoint_count,
        "raises": report.raises,
        "tokens": _tokens(report.prompt.total()),
        "sent": _sent(report, show_text),
        "read": _read(report),
        "blocks": _blocks(report),
        "findings": [finding_json(finding, spot, show_text) for finding, spot in located(place)],
        "unshown": list(report.unshown),
        "changes": [_change(change, show_text) for change in report.changes],
        "suggestions": [_suggestion(s, show_text) for s in suggestions],
        "cost": _cost(report),
    }


def _policy(report: AuditReport) -> dict[str, object]:
    policy = report.policy
    return {
        "model": policy.model,
        "known": policy.known,
        "style": policy.style,
        "minimum": policy.minimum,
        "ttls": list(policy.ttls),
        "source": policy.source,
        "checked": policy.checked,
        "overridden": list(policy.overridden),
    }


def _sent(report: AuditReport, show_text: bool) -> list[dict[str, object]]:
    """The breakpoints on the wire; the text that each one closes only where it was asked for."""
    out: list[dict[str, object]] = []
    for sent in report.sent:
        before = _tokens(sent.tokens_before)
        row: dict[str, object] = {
            "section": sent.section,
            "ttl": sent.ttl,
            "route": sent.route,
            "tokens_before": before,
        }
        out.append(row | ({"tail": sent.tail} if show_text else {}))
    return out


def _read(report: AuditReport) -> list[dict[str, object]]:
    """The breakpoints that the provider reads, and whether they qualify."""
    return [
        {
            "route": mark.block.route,
            "ttl": mark.ttl,
            "automatic": mark.mark.automatic,
            "tokens": _tokens(mark.prefix),
            "qualifies": mark.verdict.value,
            "reason": mark.reason,
        }
        for mark in report.marks
    ]


def _blocks(report: AuditReport) -> list[dict[str, object]]:
    return [
        {
            "section": block.section.value,
            "route": block.route,
            "kind": block.kind,
            "digest": block.digest,
            "tokens": _tokens(block.tokens),
        }
        for block in report.prompt.blocks
    ]


def _change(change: Change, show_text: bool) -> dict[str, object]:
    """What breaks the prefix of the request before; excerpts of prompt text only where they were asked for."""
    fields: dict[str, object] = {
        "cause": change.cause,
        "kind": change.kind,
        "section": change.section,
        "route": change.route,
        "offset": change.offset if change.offset >= 0 else None,
        "detail": change.detail,
    }
    return fields | ({"before": change.before, "after": change.after} if show_text else {})


def _cost(report: AuditReport) -> dict[str, object] | None:
    forecast = report.forecast
    if forecast is None:
        return None
    return {
        "first_usd": forecast.first,
        "following_usd": forecast.following,
        "uncached_usd": forecast.uncached,
        "cached_tokens": forecast.cached,
        "priced_by": report.priced_by,
    }


def _observed(audited: Audited, show_text: bool) -> dict[str, object]:
    """What the library was seen to do, where it was asked for."""
    if audited.observation is None:
        return {}
    from cachekit.cli.audit import observation

    return {"observed": observation.json_form(audited.observation, show_text)}


def _tokens(tokens: Tokens) -> dict[str, int]:
    return {"low": tokens.low, "mid": tokens.mid, "high": tokens.high}


def _suggestion(suggestion: Suggestion, show_text: bool) -> dict[str, object]:
    """A suggestion; its edits are left out where they could carry prompt text."""
    whole = all(shareable(edit, show_text) for edit in suggestion.edits)
    return {
        "route": suggestion.route,
        "tokens": suggestion.tokens,
        "why": suggestion.why,
        "saves_usd_per_1k": suggestion.saves_usd_per_1k,
        "edits": [{"op": e.op, "route": e.route, "value": e.value} for e in suggestion.edits] if whole else [],
    }
