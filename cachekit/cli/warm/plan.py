"""A plan for warming as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal

from cachekit.cli.common.findings import plain_number
from cachekit.cli.common.json_form import envelope
from cachekit.cli.common.text import Column, hanging, styled, table, tokens, usd
from cachekit.warm.planning import Row, WarmChoice, WarmPlan

_COLUMNS = (
    Column("family", least=12),
    Column("model", least=10, drop=4),
    Column("prefix", number=True, drop=3),
    Column("calls", number=True, drop=5),
    Column("cold", number=True, drop=2),
    Column("now", number=True),
    Column("warmed", number=True),
    Column("other ttl", number=True, drop=1),
    Column("cheapest", least=20, wrap=True),
    Column("saves", number=True),
)
_MOST = 20


def text(plan: WarmPlan) -> str:
    """For people: the prefixes where something can be saved, dollars over the whole log."""
    gaining = [row for row in plan.rows if row.saved > 0]
    parts = []
    if gaining:
        parts.append(table(_COLUMNS, map(_cells, gaining[:_MOST])))
    parts.append(_verdict(plan, gaining))
    parts += [styled(f"left out: {reason}: {count:,} calls\n", "dim") for reason, count in plan.left_out.most_common()]
    return "".join(parts)


def _cells(row: Row) -> tuple[str, ...]:
    warmed = _cheapest(choice for choice in row.ways if choice.warmed and choice.ttl == row.now.ttl)
    other = _cheapest(choice for choice in row.ways if not choice.warmed and choice.ttl != row.now.ttl)
    return (
        row.family or "unassigned",
        row.model,
        tokens(row.tokens),
        f"{row.calls:,}",
        f"{row.now.writes:,}",
        usd(row.now.usd),
        usd(warmed.usd) if warmed is not None else "-",
        usd(other.usd) if other is not None else "-",
        describe_choice(row.best),
        usd(row.saved),
    )


def _cheapest(ways: Iterable[WarmChoice]) -> WarmChoice | None:
    return min(ways, key=lambda choice: choice.usd, default=None)


def describe_choice(choice: WarmChoice) -> str:
    """A way in words: `ttl 5m, warmed 08-18 h`."""
    if not choice.warmed:
        return f"ttl {choice.ttl}, not warmed"
    return f"ttl {choice.ttl}, warmed {'always' if len(choice.hours) == 24 else _spans(choice.hours)}"


def _spans(hours: frozenset[int]) -> str:
    """Hours of the day as spans: `08-12, 14-18 h`."""
    spans: list[list[int]] = []
    for hour in sorted(hours):
        if spans and spans[-1][1] == hour:
            spans[-1][1] = hour + 1
        else:
            spans.append([hour, hour + 1])
    return ", ".join(f"{start:02d}-{end:02d}" for start, end in spans) + " h"


def _verdict(plan: WarmPlan, gaining: list[Row]) -> str:
    if not plan.rows:
        return "no prefix of this log was called twice with a known price: nothing can be said\n"
    warmed = [row for row in gaining if row.best.warmed]
    saved = sum((row.saved for row in gaining), Decimal(0))
    if not gaining:
        return f"nothing to gain: {len(plan.rows):,} prefixes are cheapest as they are\n"
    rest = f", {len(gaining) - _MOST:,} of them not shown" if len(gaining) > _MOST else ""
    advice = (
        f"warming pays for {len(warmed):,} of {len(plan.rows):,} prefixes, another ttl for "
        f"{len(gaining) - len(warmed):,}{rest}; together that saves {usd(saved)} over the log"
    )
    return f"\n{hanging('', advice)}"


def as_json(plan: WarmPlan) -> str:
    """Every prefix with every way."""
    body = {"rows": [_row(row) for row in plan.rows], "left_out": dict(plan.left_out), "bad_lines": plan.bad}
    return envelope("warm-plan/1", json.loads(json.dumps(body, default=_number)))


def _row(row: Row) -> dict[str, object]:
    return {
        "family": row.family,
        "model": row.model,
        "tokens": row.tokens,
        "calls": row.calls,
        "days": round(row.days, 4),
        "now": _choice_fields(row.now),
        "best": _choice_fields(row.best),
        "saved_usd": row.saved,
        "ways": [_choice_fields(choice) for choice in row.ways],
    }


def _choice_fields(choice: WarmChoice) -> dict[str, object]:
    hours = sorted(choice.hours)
    return {"ttl": choice.ttl, "hours": hours, "usd": choice.usd, "writes": choice.writes, "pings": choice.pings}


def _number(value: object) -> int | float:
    if isinstance(value, Decimal):
        return plain_number(value)
    raise TypeError(type(value).__name__)
