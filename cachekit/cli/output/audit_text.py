"""An audit as text: the prompt drawn as a table, the verdict of each breakpoint, findings, and what a call costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from cachekit.cli.output.findings import FileFindings
from cachekit.cli.output.text import Column, printable, styled, table, tokens, usd
from cachekit.core.auditors.marks import MarkVerdict
from cachekit.core.auditors.report import AuditReport
from cachekit.core.findings import Finding, Severity, Verdict
from cachekit.core.implicit import OPTIONS
from cachekit.core.prompt import Block, Tokens
from cachekit.core.suggest import Suggestion

_COLOURS = {Severity.ERROR: "red", Severity.WARN: "yellow", Severity.INFO: "cyan"}
_VERDICT = {Verdict.YES: "green", Verdict.NO: "red", Verdict.UNSURE: "yellow"}
_COLUMNS = (
    Column("section", drop=3),
    Column("route", least=18),
    Column("kind", drop=4),
    Column("tokens", number=True),
    Column("total", number=True),
    Column("breakpoint", least=14),
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
        _reasons(report.findings),
        _recommendations(report),
        _suggestions(suggestions),
        _costs(report),
    ]
    return "".join(part for part in parts if part)


def _head(report: AuditReport) -> str:
    policy = report.policy
    library = f" ({report.library} {report.library_version})" if report.library else ""
    model = printable(report.prompt.scope.model or "none named")
    known = f", minimum {policy.minimum:,} tokens" if policy.known and policy.minimum else ""
    own = f" (yours: {', '.join(policy.overridden)})" if policy.overridden else ""
    return (
        f"backend:           {report.backend}{library}\n"
        f"model:             {model} on {policy.host}{known}{own}\n"
        f"will_cache:        {styled(str(report.will_cache), _VERDICT[report.verdict])}{_unsure(report)}\n"
        f"breakpoint_count:  {report.breakpoint_count}{_sent(report)}\n"
    )


def _unsure(report: AuditReport) -> str:
    return " (unsure)" if report.verdict is Verdict.UNSURE else ""


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
    said = ""
    if mark is not None:
        automatic = " automatic" if mark.mark.automatic else ""
        said = styled(f"{mark.ttl}{automatic}: {mark.reason}", _VERDICT[mark.verdict])
    return [block.section.value, block.route, block.kind, tokens(block.tokens.mid), tokens(total.mid), said]


def _run_row(blocks: list[Block], total: Tokens) -> list[str]:
    count = sum(block.tokens.mid for block in blocks)
    route = f"{blocks[0].route} … ({len(blocks)} blocks)"
    return [blocks[0].section.value, route, "", tokens(count), tokens(total.mid), ""]


def _hidden(report: AuditReport) -> str:
    total = report.prompt.total()
    band = "" if total.low == total.high else f" (estimated, {total.low:,} to {total.high:,})"
    unseen = report.prompt.hidden.mid
    hidden = f", {unseen:,} of them unseen ones that the provider adds" if unseen else ""
    return styled(f"{total.mid:,} tokens{band}{hidden}", "dim") + "\n"


def _reasons(findings: Iterable[Finding]) -> str:
    lines = []
    for finding in findings:
        tag = styled(f"[{finding.severity}]", _COLOURS[finding.severity])
        where = f"{finding.route}: " if finding.route else ""
        doubt = " (suspected)" if finding.confidence == "suspected" else ""
        stake = f" [{usd(finding.usd)} a call]" if finding.usd else ""
        lines.append(f"  {tag} {finding.rule}: {printable(where + finding.message)}{doubt}{stake}\n")
    return "\nreasons:\n" + ("".join(lines) or "  none\n")


def _recommendations(report: AuditReport) -> str:
    found = report.recommendations
    return "recommendations:\n" + "".join(f"  - {printable(mend)}\n" for mend in found) if found else ""


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
        Column("why", least=20, drop=1),
    )
    return "\nsuggested:\n" + table(columns, rows)


def _costs(report: AuditReport) -> str:
    forecast = report.forecast
    if report.verdict is Verdict.NO and (forecast is None or forecast.cached):
        return ""
    if forecast is None:
        model = printable(report.prompt.scope.model or "no model")
        return f"\ncost:              unpriced ({model} has no price that we know)\n"
    return (
        f"\ncost of the input: first call {usd(forecast.first)}, following {usd(forecast.following)}, "
        f"without a cache {usd(forecast.uncached)}\n"
    )
