"""`report --by cause` as text, JSON, Markdown or CSV."""

from __future__ import annotations

from decimal import Decimal

from cachekit.cli.output.json_form import envelope
from cachekit.cli.output.markdown import escaped, markdown_table
from cachekit.cli.output.text import Column, hanging, percent, styled, table, tokens, usd
from cachekit.report.causes import CauseReport, CauseRow

_COLUMNS = (
    Column("cause"),
    Column("misses", number=True),
    Column("tokens", number=True),
    Column("at stake", number=True),
    Column("inferred", number=True, drop=2),
    Column("the worst of them", least=24, drop=1, wrap=True),
)


WORDS = (
    "At stake: what the tokens of a miss cost above their price as reads; nothing for a cold start. The report calls "
    "avoidable only reads that were due.",
    "Expired: the entry had outlived its ttl, so no read was due; a longer ttl or warming costs something too: "
    "a replay weighs them.",
    "Inferred: told from usage and time alone, where the log holds no digests of the prompt.",
)


def text(found: CauseReport) -> str:
    """For people: what the misses cost, how much of it has a cause, and a row for each."""
    rows = [_cells(row) for row in found.sorted_rows()]
    lines = [styled(hanging("", _head(found)), "bold"), "\n", table(_COLUMNS, rows)]
    return "".join([*lines, *(hanging("- ", remark) for remark in _remarks(found))])


def _head(found: CauseReport) -> str:
    return f"at stake: {usd(found.avoidable)} in this log; {_known(found)}"


def _known(found: CauseReport) -> str:
    known = f"usage known for {percent(found.known_share)} of {found.calls:,} calls"
    return f"{percent(found.explained_share)} of it has a cause; {known}" if found.avoidable else known


def _remarks(found: CauseReport) -> list[str]:
    unpriced = sum(row.unpriced for row in found.rows.values())
    told = [f"misses of models without a price, in no dollars: {unpriced:,}"] if unpriced else []
    return told + ([f"lines that could not be read: {len(found.bad):,}"] if found.bad else [])


def _avoidable(row: CauseRow) -> Decimal | None:
    """Dollars of a row; None where none of its misses has a price."""
    return None if row.unpriced and not row.usd else row.usd


def _cells(row: CauseRow) -> list[str]:
    return [
        row.cause,
        f"{row.misses:,}",
        tokens(row.tokens),
        usd(_avoidable(row)),
        f"{row.inferred:,}" if row.inferred else "",
        _worst(row),
    ]


def _worst(row: CauseRow) -> str:
    """What the worst miss was, and when."""
    found = row.worst
    if found is None:
        return ""
    kind = f"{found.kind.replace('_', ' ')}: " if found.kind else ""
    place = f" at {found.route}" if found.route and found.route != found.kind else ""
    reason = f" (the provider says {found.provider_reason})" if found.provider_reason else ""
    return f"{kind}{found.detail}{place}{reason}"


def json(found: CauseReport) -> str:
    """For programs, schema `cachekit.causes/1`."""
    return envelope(
        "causes/1",
        {
            "calls": found.calls,
            "known_share": found.known_share,
            "explained_share": found.explained_share,
            "avoidable_usd": found.avoidable,
            "unreadable": len(found.bad),
            "causes": [
                {
                    "cause": row.cause,
                    "misses": row.misses,
                    "tokens": row.tokens,
                    "avoidable_usd": _avoidable(row),
                    "unpriced": row.unpriced,
                    "inferred": row.inferred,
                    "worst": _worst(row),
                }
                for row in found.sorted_rows()
            ],
        },
    )


def markdown(found: CauseReport) -> str:
    """A table for a pull request or a wiki."""
    numbers = frozenset(i for i, column in enumerate(_COLUMNS) if column.number)
    titles = [column.title for column in _COLUMNS]
    lines = markdown_table(titles, [_cells(row) for row in found.sorted_rows()], numbers)
    told = [f"- {escaped(remark)}" for remark in _remarks(found)]
    return "\n".join(["## cachekit report by cause", "", f"**{escaped(_head(found))}**", "", *lines, "", *told]) + "\n"


def html(found: CauseReport) -> str:
    """A page: one file to hand on."""
    from cachekit.cli.output import html as pages

    rows = found.sorted_rows()
    bars = [(pages.Part(float(row.usd / found.avoidable), "lost"),) if found.avoidable else () for row in rows]
    cells = [
        [
            pages.Cell(text, bar if column.title == "at stake" else ())
            for column, text in zip(_COLUMNS, texts, strict=True)
        ]
        for texts, bar in zip(map(_cells, rows), bars, strict=True)
    ]
    body = [
        pages.lead("at stake", usd(found.avoidable), f"in this log; {_known(found)}"),
        pages.heading("Causes"),
        pages.table(_COLUMNS, cells),
        pages.notes(_remarks(found)),
    ]
    return pages.page("cachekit report by cause", f"{found.calls:,} calls", body, WORDS)


def csv(found: CauseReport) -> str:
    """One row for each cause."""
    import csv as writer
    import io

    out = io.StringIO()
    rows = writer.writer(out, lineterminator="\n")
    rows.writerow(["cause", "misses", "tokens", "avoidable_usd", "unpriced", "inferred"])
    for row in found.sorted_rows():
        rows.writerow([row.cause, row.misses, row.tokens, _avoidable(row), row.unpriced, row.inferred])
    return out.getvalue()
