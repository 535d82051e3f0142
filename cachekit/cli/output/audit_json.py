"""An audit as JSON, schema `cachekit.audit/1`."""

from __future__ import annotations

from collections.abc import Sequence

from cachekit.audits import Audited
from cachekit.cli.output.findings import FileFindings, Run, located, shareable
from cachekit.cli.output.json_form import envelope, finding_json
from cachekit.core.auditors.report import AuditReport
from cachekit.core.prompt import Tokens
from cachekit.core.suggest import Suggestion


def render(audited: Sequence[tuple[FileFindings, Audited]], run: Run) -> str:
    """All audited requests, and what could not be read."""
    requests = [
        _request(place, one.report, one.suggestions, run.show_text) | _observed(one, run.show_text)
        for place, one in audited
    ]
    unread = [{"path": bad.source, "line": bad.number, "reason": bad.reason} for bad in run.unread]
    return envelope("audit/1", {"requests": requests, "unread": unread})


def _request(
    place: FileFindings, report: AuditReport, suggestions: Sequence[Suggestion], show_text: bool
) -> dict[str, object]:
    policy, forecast = report.policy, report.forecast
    return {
        "path": place.path,
        "name": place.name,
        "backend": report.backend.value,
        "library": report.library,
        "library_version": report.library_version,
        "model": report.prompt.scope.model,
        "host": policy.host,
        "policy": {
            "model": policy.model,
            "known": policy.known,
            "style": policy.style,
            "minimum": policy.minimum,
            "ttls": list(policy.ttls),
            "source": policy.source,
            "checked": policy.checked,
            "overridden": list(policy.overridden),
        },
        "verdict": report.verdict.value,
        "will_cache": report.will_cache,
        "breakpoint_count": report.breakpoint_count,
        "raises": report.raises,
        "tokens": _tokens(report.prompt.total()),
        "sent": [
            {
                "section": sent.section,
                "ttl": sent.ttl,
                "route": sent.route,
                "tokens_before": _tokens(sent.tokens_before),
            }
            | ({"tail": sent.tail} if show_text else {})
            for sent in report.sent
        ],
        "read": [
            {
                "route": mark.block.route,
                "ttl": mark.ttl,
                "automatic": mark.mark.automatic,
                "tokens": _tokens(mark.prefix),
                "qualifies": mark.verdict.value,
                "reason": mark.reason,
            }
            for mark in report.marks
        ],
        "blocks": [
            {
                "section": b.section.value,
                "route": b.route,
                "kind": b.kind,
                "digest": b.digest,
                "tokens": _tokens(b.tokens),
            }
            for b in report.prompt.blocks
        ],
        "findings": [finding_json(finding, spot, show_text) for finding, spot in located(place)],
        "suggestions": [_suggestion(s, show_text) for s in suggestions],
        "cost": forecast
        and {
            "first_usd": forecast.first,
            "following_usd": forecast.following,
            "uncached_usd": forecast.uncached,
            "cached_tokens": forecast.cached,
        },
    }


def _observed(audited: Audited, show_text: bool) -> dict[str, object]:
    """What the library was seen to do, where it was asked for."""
    if audited.observation is None:
        return {}
    from cachekit.cli.output import observation

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
