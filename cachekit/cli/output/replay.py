"""A replay as text, JSON, Markdown or CSV."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from cachekit.cli.output.json_form import envelope
from cachekit.cli.output.text import Column, percent, styled, table, tokens, usd
from cachekit.core.usage import Usage
from cachekit.replay.best import Best
from cachekit.replay.run import Fidelity, Replayed
from cachekit.replay.tally import Tally

_MONTH = 30 * 86_400
_SHORT = 600
"""A log shorter than this many seconds has no rate worth a month."""

_COLUMNS = (
    Column("strategy", least=16, wrap=True),
    Column("hit ratio", number=True, drop=1),
    Column("read", number=True, drop=3),
    Column("written", number=True, drop=4),
    Column("cost", number=True),
    Column("against as-sent", number=True),
    Column("a month", number=True, drop=2),
    Column("waits", number=True, drop=5),
)


def month(found: Replayed, cost: Decimal | None) -> Decimal | None:
    """A cost at this log's rate for 30 days; None for a log without a price or too short to have a rate."""
    if cost is None or found.first is None or found.last is None or found.last - found.first < _SHORT:
        return None
    return cost * _MONTH / Decimal(found.last - found.first)


def text(found: Replayed, rows: list[Best], by_family: bool) -> str:
    """For people."""
    parts = [_fidelity(found), "\n", _table(found, _totals(found))]
    names = [strategy.name for strategy in found.strategies]
    for family in sorted(found.recorded) if by_family else ():
        parts.append(f"\n{styled(family or 'unassigned', 'bold')}{_doubt(found.fidelity.get(family))}\n")
        own = {name: found.tallies[name].get(family, Tally()) for name in names}
        parts.append(_table(found, {"recorded": found.recorded[family]} | own))
    if rows:
        parts += ["\ncheapest:\n", _best(rows)]
    return "".join(parts)


def _totals(found: Replayed) -> dict[str, Tally]:
    """What was recorded, then each strategy, over all families."""
    recorded = Tally()
    for tally in found.recorded.values():
        recorded.merge(tally)
    return {"recorded": recorded} | {strategy.name: found.total(strategy.name) for strategy in found.strategies}


def _table(found: Replayed, tallies: dict[str, Tally]) -> str:
    out = table(_COLUMNS, _rows(found, tallies))
    for name, tally in tallies.items():
        if tally.infeasible:
            out += styled(f"{name}: not possible: {tally.infeasible}", "dim") + "\n"
    return out


def _fidelity(found: Replayed) -> str:
    """How far the simulation can be trusted, and what was left out."""
    known = [one for one in found.fidelity.values() if one.calls]
    good = sum(one.calls for one in known if one.established)
    calls = sum(one.calls for one in known)
    lines = [f"{found.calls:,} calls of {len(found.recorded):,} families replayed"]
    if calls:
        whole = _sum(known)
        lines.append(
            f"simulated as sent: {percent(whole.share_of_calls)} of calls and {percent(whole.share_of_tokens)} of read "
            f"tokens as recorded; {good:,} of {calls:,} calls in families that are established"
        )
        weak = [name or "unassigned" for name, one in found.fidelity.items() if one.calls and not one.established]
        if weak:
            shown = ", ".join(sorted(weak)[:5]) + (f" and {len(weak) - 5} more" if len(weak) > 5 else "")
            lines.append(styled(f"not established (under 90 %): {shown}", "yellow"))
    else:
        lines.append("not established: the log does not say what was read")
    lines += [f"left out: {count:,} calls ({reason})" for reason, count in found.left_out.most_common()]
    if found.late:
        lines.append(f"out of order: {found.late:,} calls came too late to be put in order")
    if found.bad:
        lines.append(f"unreadable: {len(found.bad):,} lines")
    return "".join(f"{line}\n" for line in lines)


def _sum(parts: list[Fidelity]) -> Fidelity:
    whole = Fidelity()
    for one in parts:
        whole.calls += one.calls
        whole.exact += one.exact
        whole.recorded += one.recorded
        whole.missed += one.missed
    return whole


def _doubt(fidelity: Fidelity | None) -> str:
    return "" if fidelity is not None and fidelity.established else " (not established)"


def _rows(found: Replayed, tallies: dict[str, Tally]) -> Iterator[list[str]]:
    base = tallies["as-sent"].cost() if "as-sent" in tallies else None
    for name, tally in tallies.items():
        usage, cost = tally.usage(), tally.cost()
        ratio = percent(usage.hit_ratio) if usage.read + usage.written else "none cached"
        waits = f"{tally.waited:,} x {tally.waited_seconds / tally.waited:.1f} s" if tally.waited else ""
        if tally.infeasible:
            continue
        yield [
            name + (f" ({tally.pings:,} pings)" if tally.pings else ""),
            ratio,
            tokens(usage.read),
            tokens(usage.written),
            usd(cost),
            _against(cost, base),
            _money(month(found, cost)),
            waits,
        ]


def _against(cost: Decimal | None, base: Decimal | None) -> str:
    if cost is None or base is None:
        return "unknown"
    change = cost - base
    if not base:
        return usd(change)
    sign = "+" if change > 0 else ""
    return f"{sign}{usd(change)} ({float(change / base * 100):+.1f} %)" if change else "same"


def _money(amount: Decimal | None) -> str:
    return "unknown" if amount is None else usd(amount)


def _best(rows: list[Best]) -> str:
    columns = (
        Column("family", least=14),
        Column("strategy", least=20),
        Column("cost", number=True),
        Column("saves", number=True),
    )
    return table(columns, [[row.family or "all", row.strategy, usd(row.cost), usd(row.saves)] for row in rows])


def as_json(found: Replayed, rows: list[Best]) -> str:
    """For programs, schema `cachekit.replay/1`."""
    return envelope(
        "replay/1",
        {
            "calls": found.calls,
            "left_out": dict(found.left_out),
            "out_of_order": found.late,
            "unreadable": len(found.bad),
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
        "hit_ratio": usage.hit_ratio,
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


def as_markdown(found: Replayed) -> str:
    """A table for a pull request or a wiki."""
    titles = [column.title for column in _COLUMNS]
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    for row in _rows(found, _totals(found)):
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def as_csv(found: Replayed) -> str:
    """One row for each strategy and family."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["strategy", "family", "calls", "uncached", "read", "written", "hit_ratio", "cost_usd"])
    for strategy in found.strategies:
        for family, tally in sorted(found.tallies[strategy.name].items()):
            usage, cost = tally.usage(), tally.cost()
            ratio = "" if usage.hit_ratio is None else f"{usage.hit_ratio:.6f}"
            row = [strategy.name, family, tally.calls, usage.uncached, usage.read, usage.written, ratio, cost]
            writer.writerow(["" if cell is None else cell for cell in row])
    return out.getvalue()
