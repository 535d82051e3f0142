"""A replay as text, JSON, Markdown or CSV."""

from __future__ import annotations

from cachekit.cli.common.csv import csv_text
from cachekit.cli.common.json_form import envelope
from cachekit.cli.common.markdown import escaped, markdown_table
from cachekit.cli.common.text import Column, hanging, printable, styled, table
from cachekit.cli.replay.table import BEST_COLUMNS, COLUMNS, best_rows, month, parts, remarks, rows
from cachekit.core.model.usage import Usage
from cachekit.replay.best import Best
from cachekit.replay.tally import Tally
from cachekit.replay.values import Fidelity, Replayed


def as_text(found: Replayed, best: list[Best], by_family: bool) -> str:
    """For people: how far it can be trusted, then a table of strategies over all and, if asked for, by family."""
    out = [styled(hanging("", line), "yellow") if warn else hanging("", line) for line, warn in remarks(found)]
    for part in parts(found, by_family):
        out.append(f"\n{styled(printable(part.title), 'bold')}\n" if part.title else "\n")
        out.append(table(COLUMNS, rows(found, part)))
        out += [styled(hanging("", line), "dim") for line in part.impossible()]
    if best:
        out += ["\ncheapest:\n", table(BEST_COLUMNS, best_rows(best))]
    return "".join(out)


def as_json(found: Replayed, rows: list[Best]) -> str:
    """For programs, schema `cachekit.replay/1`."""
    return envelope(
        "replay/1",
        {
            "calls": found.calls,
            "left_out": dict(found.left_out),
            "out_of_order": found.late,
            "unreadable": len(found.bad),
            "overridden": list(found.overridden),
            "first": found.first,
            "last": found.last,
            "fidelity": {family: _fidelity_json(one) for family, one in found.fidelity.items()},
            "recorded": {family: _tally_json(found, tally) for family, tally in found.recorded.items()},
            "strategies": [
                {
                    "strategy": strategy.name,
                    "total": _tally_json(found, found.total(strategy.name)),
                    "families": {f: _tally_json(found, t) for f, t in found.tallies[strategy.name].items()},
                }
                for strategy in found.strategies
            ],
            "best": [
                {"family": r.family, "strategy": r.strategy, "cost_usd": r.cost, "saves_usd": r.saves} for r in rows
            ],
        },
    )


def _fidelity_json(one: Fidelity) -> dict[str, object]:
    return {
        "calls": one.calls,
        "share_of_calls": one.share_of_calls,
        "share_of_tokens": one.share_of_tokens,
        "established": one.established,
    }


def _tally_json(found: Replayed, tally: Tally) -> dict[str, object]:
    usage: Usage = tally.usage()
    cost = tally.cost()
    return {
        "calls": tally.calls,
        "infeasible": tally.infeasible or None,
        "hit_ratio": tally.hit_ratio(),
        "read_share": usage.read_share,
        "uncached": usage.uncached,
        "read": usage.read,
        "written": usage.written,
        "cost_usd": cost,
        "without_cache_usd": tally.plain_cost(),
        "month_usd": month(found, cost),
        "pings": tally.pings,
        "waited_calls": tally.waited,
        "waited_seconds": tally.waited_seconds,
    }


def as_markdown(found: Replayed, best: list[Best], by_family: bool) -> str:
    """For a pull request or a wiki."""
    lines = ["## cachekit replay", "", *(f"- {escaped(line)}" for line, _ in remarks(found))]
    for part in parts(found, by_family):
        lines += ["", *([f"### {escaped(part.title)}", ""] if part.title else [])]
        lines += _rows_markdown(COLUMNS, list(rows(found, part)))
        lines += ["", *(f"- {escaped(line)}" for line in part.impossible())] if part.impossible() else []
    if best:
        lines += ["", "### Cheapest", "", *_rows_markdown(BEST_COLUMNS, best_rows(best))]
    return "\n".join(lines) + "\n"


def _rows_markdown(columns: tuple[Column, ...], cells: list[list[str]]) -> list[str]:
    numbers = frozenset(i for i, column in enumerate(columns) if column.number)
    return markdown_table([column.title for column in columns], cells, numbers)


def as_csv(found: Replayed) -> str:
    """One row for each strategy and family."""
    lines = []
    for strategy in found.strategies:
        for family, tally in sorted(found.tallies[strategy.name].items()):
            usage, cost = tally.usage(), tally.cost()
            hit = tally.hit_ratio()
            ratio = "" if hit is None else f"{hit:.6f}"
            lines.append([strategy.name, family, tally.calls, usage.uncached, usage.read, usage.written, ratio, cost])
    return csv_text(["strategy", "family", "calls", "uncached", "read", "written", "hit_ratio", "cost_usd"], lines)
