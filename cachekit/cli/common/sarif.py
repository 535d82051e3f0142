"""SARIF 2.1.0, for code scanning. Source: the OASIS standard, and what GitHub reads of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote

from cachekit.cli.common.about import NAME, version
from cachekit.cli.common.findings import (
    STDIN,
    FileFindings,
    Run,
    describe_finding,
    fingerprint,
    located,
    loss_fields,
    plain_number,
    shareable,
)
from cachekit.core.jsonio.dump import dump_json
from cachekit.core.jsonio.patches import replacements
from cachekit.core.jsonio.positions import Place, place
from cachekit.core.model.calls import BadLine
from cachekit.core.model.findings import Finding, Severity

if TYPE_CHECKING:
    from cachekit.core.auditors.rules.rule import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS = {Severity.INFO: "note", Severity.WARN: "warning", Severity.ERROR: "error"}


def render(run: Run) -> str:
    """The whole log as text."""
    known = {rule.id for rule in run.rules}
    extra = sorted({f.rule for file in run.files for f in file.findings} - known)
    rules = [_rule(rule) for rule in run.rules] + [_described(name, "", "") for name in extra]
    order = {str(rule["id"]): index for index, rule in enumerate(rules)}
    body = {
        "tool": {"driver": {"name": NAME, "version": version(), "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(run)],
        "results": list(_results(run, order)),
    }
    return dump_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [body]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, object]:
    level = {"defaultConfiguration": {"level": _LEVELS[rule.severity]}}
    return _described(rule.id, rule.summary, rule.docs) | level


def _described(name: str, summary: str, docs: str) -> dict[str, object]:
    """A rule with every text that GitHub asks for; one without an explanation explains itself by its name."""
    return {
        "id": name,
        "shortDescription": {"text": summary or name},
        "fullDescription": {"text": summary or name},
        "help": {"text": docs or name, "markdown": docs or name},
    }


def _invocation(run: Run) -> dict[str, object]:
    out: dict[str, object] = {"executionSuccessful": not run.unread}
    if run.unread:
        out["toolExecutionNotifications"] = [_notification(bad) for bad in run.unread]
    return out


def _notification(bad: BadLine) -> dict[str, object]:
    where = Place(bad.number, 1, bad.number, 1) if bad.number else None
    return {
        "level": "error",
        "message": {"text": f"not read: {bad.reason}"},
        "locations": [{"physicalLocation": _physical(bad.source, where)}],
    }


def _results(run: Run, order: dict[str, int]) -> Iterator[dict[str, object]]:
    seen: dict[str, int] = {}
    for file in run.files:
        for finding, where in located(file):
            result: dict[str, object] = {
                "ruleId": finding.rule,
                "ruleIndex": order[finding.rule],
                "level": _LEVELS[finding.severity],
                "message": {"text": describe_finding(finding)},
                "locations": [_location(file, finding, where)],
                "partialFingerprints": {"primaryLocationLineHash": fingerprint(file, finding, seen)},
                "properties": _properties(finding),
            }
            if finding.suppressed:
                result["suppressions"] = [{"kind": "external", "justification": finding.suppressed}]
            fix = _fix(file, finding, run.show_text)
            yield result | ({"fixes": [fix]} if fix else {})


def _properties(finding: Finding) -> dict[str, object]:
    at_stake = loss_fields(finding)
    if finding.usd is not None:
        at_stake["usd"] = plain_number(finding.usd)
    return {"confidence": finding.confidence.value, **at_stake}


def _location(file: FileFindings, finding: Finding, where: Place | None) -> dict[str, object]:
    out: dict[str, object] = {"physicalLocation": _physical(file.path, where)}
    if finding.route:
        out["logicalLocations"] = [{"fullyQualifiedName": finding.route}]
    return out


def _physical(path: str, where: Place | None) -> dict[str, object]:
    out: dict[str, object] = {"artifactLocation": {"uri": _uri(path)}}
    if where:
        out["region"] = _region(where)
    return out


def _region(where: Place) -> dict[str, int]:
    return {
        "startLine": where.line,
        "startColumn": where.column,
        "endLine": where.end_line,
        "endColumn": where.end_column,
    }


def _uri(path: str) -> str:
    if path in (STDIN, ""):
        return "stdin"
    try:
        if PurePath(path).is_absolute():
            return Path(path).as_uri()
        return quote(PurePath(path).as_posix().encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:  # half a pair that comes from no file system
        return quote(path, errors="backslashreplace")


def _fix(file: FileFindings, finding: Finding, show_text: bool) -> dict[str, object] | None:
    """The finding's edits as one change of the file; None without edits, without the text to change, or where an edit
    carries prompt text that is not to be shown."""
    if not finding.edits or not file.source or not all(shareable(edit, show_text) for edit in finding.edits):
        return None
    changes = replacements(file.source, finding.edits, file.at)
    if changes is None:
        return None
    listed = [
        {
            "deletedRegion": _region(place(file.source, change.start, change.end, file.line)),
            "insertedContent": {"text": change.text.decode()},
        }
        for change in changes
    ]
    change = {"artifactLocation": {"uri": _uri(file.path)}, "replacements": listed}
    return {"description": {"text": finding.recommendation or finding.message}, "artifactChanges": [change]}
