"""`report --by cause` as text, JSON, Markdown or CSV."""

from __future__ import annotations

from cachekit.cli.output.json_form import envelope
from cachekit.cli.output.text import Column, hanging, percent, styled, table, tokens, usd
from cachekit.report.causes import CauseReport, CauseRow

_COLUMNS = (
    Column("cause", least=12),
    Column("misses", number=True),
    Column("tokens", number=True),
    Column("avoidable", number=True),
    Column("inferred", number=True, drop=2),
    Column("the worst of them", least=24, drop=1, wrap=True),
)


def text(found: CauseReport) -> str:
    """For people: what the misses cost, how much of it has a cause, and a row for each."""
    head = (
        f"avoidable: {usd(found.avoidable)} in this log; {percent(found.explained_share)} of it has a cause; "
        f"usage known for {percent(found.known_share)} of {found.calls:,} calls"
    )
    lines = [styled(head, "bold") + "\n\n", table(_COLUMNS, [_cells(row) for row in found.sorted_rows()])]
    unpriced = sum(row.unpriced for row in found.rows.values())
    if unpriced:
        lines.append(hanging("- ", f"{unpriced:,} misses of models without a price are in no dollars"))
    if found.bad:
        lines.append(hanging("- ", f"{len(found.bad):,} lines could not be read"))
    return "".join(lines)


def _cells(row: CauseRow) -> list[str]:
    return [
        row.cause,
        f"{row.misses:,}",
        tokens(row.tokens),
        usd(row.usd),
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
                    "avoidable_usd": row.usd,
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
    lines = [f"| {' | '.join(column.title for column in _COLUMNS)} |", f"|{'---|' * len(_COLUMNS)}"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in found.sorted_rows()]
    return "\n".join(lines) + "\n"


def csv(found: CauseReport) -> str:
    """One row for each cause."""
    import csv as writer
    import io

    out = io.StringIO()
    rows = writer.writer(out, lineterminator="\n")
    rows.writerow(["cause", "misses", "tokens", "avoidable_usd", "unpriced", "inferred"])
    for row in found.sorted_rows():
        rows.writerow([row.cause, row.misses, row.tokens, row.usd, row.unpriced, row.inferred])
    return out.getvalue()
