"""An audit as text: the prompt drawn as a table, the verdict of each breakpoint, findings, and what a call costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from cachekit.cli.common.findings import FileFindings
from cachekit.cli.common.text import Column, hanging, printable, styled, table, tokens, usd
from cachekit.core.auditors.report import AuditReport
from cachekit.core.cache.implicit import OPTIONS
from cachekit.core.cache.marks import MarkVerdict
from cachekit.core.catalog.models import identify
from cachekit.core.model.findings import Finding, Severity, Verdict
from cachekit.core.model.prompt import Block, Tokens

if TYPE_CHECKING:
    from cachekit.core.auditors.suggest import Suggestion

_COLOURS = {Severity.ERROR: "red", Severity.WARN: "yellow", Severity.INFO: "cyan"}
_VERDICT = {Verdict.YES: "green", Verdict.NO: "red", Verdict.UNSURE: "yellow"}
_COLUMNS = (
    Column("section", drop=3),
    Column("route", least=18),
    Column("kind", drop=4),
    Column("tokens", number=True),
    Column("total", number=True),
    Column("breakpoint", least=14, wrap=True),
)
_RUN = 4
"""Longer runs of like blocks that nothing is said about are drawn as one row."""


def render(
    report: AuditReport, place: FileFindings, suggestions: Sequence[Suggestion] = (), *, titled: bool = False
) -> str:
    """One audited request; with its name above where several follow each other."""
    parts = [
        f"{styled(printable(place.title), 'bold')}\n" if titled else "",
        _head(report),
        _blocks(report),
        _reasons(report),
        _suppressed(report),
        _recommendations(report),
        _suggestions(suggestions),
        _costs(report),
    ]
    return "".join(part for part in parts if part)


def _head(report: AuditReport) -> str:
    policy = report.policy
    library = f" ({report.library} {report.library_version})" if report.library else ""
    known = f", minimum {policy.minimum:,} tokens" if policy.known and policy.minimum else ""
    own = f" (yours: {', '.join(policy.overridden)})" if policy.overridden else ""
    return (
        f"backend:           {report.backend}{library}\n"
        f"model:             {_model(report)} on {policy.host}{known}{own}\n"
        f"will_cache:        {styled(str(report.will_cache), _VERDICT[report.verdict])}{_why_not(report)}\n"
        f"breakpoint_count:  {report.breakpoint_count}{_sent(report)}\n"
    )


def _model(report: AuditReport) -> str:
    """The model as the request names it, and what the user's table says it stands for."""
    named = report.prompt.scope.model
    if report.policy.known and identify(named, report.policy.host).model is None and report.policy.model != named:
        return f"{printable(named)} = {printable(report.policy.model)} (yours)"
    return printable(named or "none named")


def _why_not(report: AuditReport) -> str:
    if report.verdict is Verdict.UNSURE:
        return " (unsure)"
    if report.raises is not None:
        return " (the library refuses the request)"
    return " (the provider refuses the request)" if _is_refused(report) else ""


def _is_refused(report: AuditReport) -> bool:
    return any(finding.refused for finding in report.findings)


def _sent(report: AuditReport) -> str:
    """Where sent, read and qualifying differ, all three."""
    qualifying = sum(mark.verdict is Verdict.YES for mark in report.marks)
    implicit = sum(mark.automatic and mark.route == OPTIONS for _, _, mark in report.prompt.marked())
    counts = (len(report.sent) + implicit, report.breakpoint_count, qualifying)
    if len(set(counts)) == 1:
        return ""
    return f" (sent {counts[0]}, read there {counts[1]}, qualifying {counts[2]})"


def _blocks(report: AuditReport) -> str:
    blocks = report.prompt.blocks
    if not blocks:
        return ""
    running = report.prompt.running()
    marks = {mark.index: mark for mark in report.marks}
    named = {finding.route for finding in report.findings}
    rows: list[list[str]] = []
    plain = [i for i, b in enumerate(blocks) if i not in marks and b.route not in named]
    for like, run in groupby(range(len(blocks)), key=lambda i: _group(blocks[i], i in plain, i)):
        indices = list(run)
        if like and len(indices) > _RUN:
            rows.append(_run_row([blocks[i] for i in indices], running[indices[-1]]))
        else:
            rows.extend(_row(blocks[i], running[i], marks.get(i)) for i in indices)
    return "\n" + table(_COLUMNS, rows) + _hidden(report)


def _group(block: Block, plain: bool, index: int) -> tuple[str, ...]:
    """Blocks with the same key are drawn together; an empty key is drawn alone."""
    return (block.section.value, block.kind if block.section == "tools" else "") if plain else (str(index),) * 0


def _row(block: Block, total: Tokens, mark: MarkVerdict | None) -> list[str]:
    line = ""
    if mark is not None:
        automatic = " automatic" if mark.mark.automatic else ""
        line = styled(f"{mark.ttl}{automatic}: {mark.reason}", _VERDICT[mark.verdict])
    return [block.section.value, block.route, block.kind, tokens(block.tokens.mid), tokens(total.mid), line]


def _run_row(blocks: list[Block], total: Tokens) -> list[str]:
    count = sum(block.tokens.mid for block in blocks)
    route = f"{blocks[0].route} … ({len(blocks)} blocks)"
    return [blocks[0].section.value, route, "", tokens(count), tokens(total.mid), ""]


def _hidden(report: AuditReport) -> str:
    total = report.prompt.total()
    band = "" if total.low == total.high else f" (estimated, {total.low:,} to {total.high:,})"
    unseen = report.prompt.hidden.mid
    hidden = f", {unseen:,} of them unseen ones that the provider adds" if unseen else ""
    return _prose("", f"{total.mid:,} tokens{band}{hidden}")


def _reasons(report: AuditReport) -> str:
    lines = []
    for finding in report.findings:
        if not finding.suppressed:
            lines.append(_finding(finding))
            lines += _excerpts(report, finding)
    if report.unshown:
        lines.append(_prose("  ", f"not shown, though the verdict rests on it: {', '.join(report.unshown)}"))
    return "\nreasons:\n" + ("".join(lines) or "  none\n")


def _finding(finding: Finding, more: str = "") -> str:
    tag = styled(f"[{finding.severity}]", _COLOURS[finding.severity])
    where = f"{finding.route}: " if finding.route else ""
    doubt = " (suspected)" if finding.confidence == "suspected" else ""
    stake = f" [{usd(finding.usd)} a call]" if finding.usd else ""
    return _prose(f"  {tag} ", f"{finding.rule}: {where}{finding.message}{doubt}{stake}{more}")


def _suppressed(report: AuditReport) -> str:
    """What was found and fails nothing, each with its reason."""
    found = [finding for finding in report.findings if finding.suppressed]
    return "suppressed:\n" + "".join(_finding(f, f" ({f.suppressed})") for f in found) if found else ""


def _excerpts(report: AuditReport, finding: Finding) -> Iterator[str]:
    """What stands on both sides of the place where the prefix changed: for a person at a terminal."""
    if finding.rule != "prefix-changed":
        return
    for change in report.changes:
        if change.route == finding.route and (change.before or change.after):
            yield f"      before: …{printable(change.before)}…\n"
            yield f"      now:    …{printable(change.after)}…\n"


def _recommendations(report: AuditReport) -> str:
    found = report.recommendations
    return "recommendations:\n" + "".join(_prose("  - ", hint) for hint in found) if found else ""


def _prose(head: str, text: str) -> str:
    """A sentence behind its head: wrapped where a width is known, on one line where the output goes into a pipe."""
    from os import environ
    from sys import stdout

    has_width = stdout.isatty() or environ.get("COLUMNS", "").isdecimal()
    return hanging(head, text) if has_width else f"{head}{printable(text)}\n"


def _suggestions(suggestions: Sequence[Suggestion]) -> str:
    if not suggestions:
        return ""
    rows = [
        [s.route, tokens(s.tokens), usd(s.saves_usd_per_1k), "set already" if not s.edits else s.why]
        for s in suggestions
    ]
    columns = (
        Column("breakpoint after", least=18),
        Column("prefix", number=True),
        Column("saves / 1k reads", number=True),
        Column("why", least=20, drop=1, wrap=True),
    )
    return "\nsuggested:\n" + table(columns, rows)


def _costs(report: AuditReport) -> str:
    """What calls cost, as far as the verdict lets them be made: a refused request costs nothing."""
    forecast = report.forecast
    if report.raises is not None or _is_refused(report):
        return ""
    if forecast is None:
        return "\n" + _prose("cost of the input: ", f"unpriced ({_model(report)} has no price that we know)")
    first, following, plain = (usd(cost) for cost in (forecast.first, forecast.following, forecast.uncached))
    if not forecast.cached or (report.verdict is Verdict.NO and not report.changes):
        has_width = f"{plain} a call, nothing of it cached"
    elif report.verdict is Verdict.NO:
        has_width = f"{first} for this call, which writes again; {following} had it been read, {plain} without a cache"
    else:
        doubt = "" if report.verdict is Verdict.YES else ", if it is cached"
        has_width = f"first call {first}, following {following}{doubt}; without a cache {plain}"
    whose = f" (prices: {report.priced_by})" if report.priced_by == "yours" else ""
    return "\n" + _prose("cost of the input: ", has_width + whose)
