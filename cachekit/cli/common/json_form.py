"""JSON for other programs: every document names its schema and version, and has a shape of its own."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import PurePath

from cachekit.cli.common.findings import plain_number, shareable
from cachekit.core.jsonio.dump import dump_json
from cachekit.core.jsonio.positions import Place
from cachekit.core.model.findings import Edit, Finding


def envelope(schema: str, body: Mapping[str, object]) -> str:
    """A document as text: `schema` is `audit/1` and the like; then the body's keys in their order."""
    return dump_json({"schema": f"cachekit.{schema}", **body}, indent=2, default=_known) + "\n"


def finding_json(finding: Finding, place: Place | None = None, show_text: bool = False) -> dict[str, object]:
    """A finding as JSON, every key always there. Edits are left out as a whole where one of them could carry prompt
    text, unless `show_text`."""
    whole = all(shareable(edit, show_text) for edit in finding.edits)
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "route": finding.route,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "message": finding.message,
        "recommendation": finding.recommendation,
        "tokens": finding.tokens,
        "usd": finding.usd,
        "verdict": finding.verdict.value if finding.verdict else None,
        "suppressed": finding.suppressed or None,
        "edits": [_edit_json(edit) for edit in finding.edits] if whole else [],
    }


def _edit_json(edit: Edit) -> dict[str, object]:
    """An edit as JSON; what is only removed has no value."""
    out: dict[str, object] = {"op": edit.op, "route": edit.route}
    return out if edit.op == "remove" else {**out, "value": edit.value}


def _known(value: object) -> object:
    """JSON for the few types of ours that stand in documents."""
    if isinstance(value, Decimal):
        return plain_number(value)
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
