"""`report --by cause` as text, JSON, Markdown or CSV."""

from __future__ import annotations

from decimal import Decimal

from cachekit.cli.common import html as pages
from cachekit.cli.common.csv import csv_text
from cachekit.cli.common.json_form import envelope
from cachekit.cli.common.markdown import escaped, markdown_table
from cachekit.cli.common.text import Column, hanging, percent, styled, table, tokens, usd
from cachekit.cli.report.words import avoidable, coverage, headline, remarks, span, unreadable
from cachekit.report.causes import CauseReport, CauseRow

_COLUMNS = (
    Column("cause"),
    Column("misses", number=True, drop=3),
    Column("tokens", number=True, drop=4),
    Column("avoidable", number=True),
    Column("at stake", number=True),
    Column("inferred", number=True, drop=5),
    Column("the worst of them", least=24, drop=1, wrap=True),
)


WORDS = (
    "Avoidable: what due reads that did not happen cost above their price as reads, as in the report. A read was due "
    "when an earlier call of the family left an entry that should still live and be readable.",
    "At stake: what the tokens of a miss cost above their price as reads, whether or not a read was due; nothing for a "
    "cold start. Of an entry that had expired no read was due: a longer ttl or warming costs something too, and a "
    "replay weighs them.",
    "Inferred: told from usage and time alone, where the log holds no digests of the prompt.",
)


def text(found: CauseReport) -> str:
    """For people: what the misses cost, how much of it has a cause, and a row for each."""
    lines = [styled(hanging("", headline(found.report)), "bold"), hanging("", _to_text(found)), "\n"]
    lines.append(table(_COLUMNS, map(_cells, found.rows)) if found.rows else "no call missed\n")
    notes = [hanging("- ", remark) for remark in _remarks(found)]
    return "".join([*lines, "\n" if notes else "", *notes])


def _to_text(found: CauseReport) -> str:
    """What is known of the dollars."""
    share = f", {percent(found.explained_share)} of it with a cause" if found.avoidable else ""
    return f"in this log: {usd(found.avoidable)} avoidable{share}; {usd(found.at_stake)} at stake in all misses"


def _remarks(found: CauseReport) -> list[str]:
    unpriced = sum(row.unpriced for row in found.rows)
    note_lines = [f"misses of models without a price, in no figure of money: {unpriced:,}"] if unpriced else []
    return [*note_lines, *remarks(found.report)]


def _at_stake(row: CauseRow) -> Decimal | None:
    """Dollars of a row; None where none of its misses has a price."""
    return None if row.unpriced and not row.at_stake else row.at_stake


def _avoidable(row: CauseRow) -> Decimal | None:
    return None if _at_stake(row) is None else row.avoidable


def _cells(row: CauseRow) -> list[str]:
    return [
        row.cause,
        f"{row.misses:,}",
        tokens(row.tokens),
        usd(_avoidable(row)),
        usd(_at_stake(row)),
        f"{row.inferred:,}" if row.inferred else "",
        _worst(row),
    ]


def _worst(row: CauseRow) -> str:
    """What the worst miss was, and when."""
    found = row.worst
    if found is None:
        return _BY_COUNTERS.get(row.cause, "")
    kind = f"{found.kind.replace('_', ' ')}: " if found.kind else ""
    place = f" at {found.route}" if found.route and found.route != found.kind else ""
    reason = f" (the provider says {found.provider_reason})" if found.provider_reason else ""
    return f"{kind}{found.detail}{place}{reason}"


_BY_COUNTERS = {
    "prefix_changed": "written again while the entry of the family lived",
    "unknown": "due by the counters of the family; nothing tells why",
}
"""What is said of a cause that counters alone tell."""


def json(found: CauseReport) -> str:
    """For programs, schema `cachekit.causes/1`."""
    return envelope(
        "causes/1",
        {
            "calls": found.report.total.calls,
            "known_share": found.report.total.known_share,
            "coverage": found.report.total.coverage,
            "established": found.report.established,
            "avoidable_usd": found.avoidable,
            "explained_share": found.explained_share,
            "at_stake_usd": found.at_stake,
            "unreadable": unreadable(found.report),
            "causes": [
                {
                    "cause": row.cause,
                    "misses": row.misses,
                    "tokens": row.tokens,
                    "avoidable_usd": _avoidable(row),
                    "at_stake_usd": _at_stake(row),
                    "unpriced": row.unpriced,
                    "inferred": row.inferred,
                    "worst": _worst(row),
                }
                for row in found.rows
            ],
        },
    )


def markdown(found: CauseReport) -> str:
    """A table for a pull request or a wiki."""
    numbers = frozenset(i for i, column in enumerate(_COLUMNS) if column.number)
    titles = [column.title for column in _COLUMNS]
    lines = markdown_table(titles, [_cells(row) for row in found.rows], numbers) if found.rows else ["no call missed"]
    note_lines = [f"- {escaped(remark)}" for remark in _remarks(found)]
    head = [
        "## cachekit report by cause",
        "",
        f"**{escaped(headline(found.report))}**",
        "",
        escaped(_to_text(found)),
        "",
    ]
    return "\n".join([*head, *lines, *([""] if note_lines else []), *note_lines]) + "\n"


def html(found: CauseReport) -> str:
    """A page: one file to hand on."""
    shares = {"avoidable": found.avoidable, "at stake": found.at_stake}
    cells = [
        [
            pages.Cell(text, _bar(row, column.title, shares.get(column.title)))
            for column, text in zip(_COLUMNS, _cells(row), strict=True)
        ]
        for row in found.rows
    ]
    body = [
        _lead(found),
        pages.heading("Causes"),
        pages.table(_COLUMNS, cells),
        pages.notes(_remarks(found)),
    ]
    return pages.page("cachekit report by cause", span(found.report), body, WORDS)


def _lead(found: CauseReport) -> str:
    if found.report.established:
        return pages.lead("avoidable", avoidable(found.report), _to_text(found))
    return pages.lead("avoidable", "not established", f"{coverage(found.report)}; {_to_text(found)}", certain=False)


def _bar(row: CauseRow, title: str, whole: Decimal | None) -> tuple[pages.Part, ...]:
    """The row's share of all dollars."""
    amount = row.avoidable if title == "avoidable" else row.at_stake
    return (pages.Part(float(amount / whole), "lost"),) if whole else ()


def csv(found: CauseReport) -> str:
    """One row for each cause."""
    rows = []
    for row in found.rows:
        money = (None if amount is None else float(amount) for amount in (_avoidable(row), _at_stake(row)))
        rows.append([row.cause, row.misses, row.tokens, *money, row.unpriced, row.inferred])
    return csv_text(["cause", "misses", "tokens", "avoidable_usd", "at_stake_usd", "unpriced", "inferred"], rows)
