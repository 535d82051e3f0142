"""What a replay shows in tables and sentences, shared by its formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from cachekit.cli.common.text import Column, percent, tokens, usd
from cachekit.replay.best import Best
from cachekit.replay.tally import Tally
from cachekit.replay.values import Fidelity, Replayed
from cachekit.report.values import per_month

COLUMNS = (
    Column("strategy", least=16, wrap=True),
    Column("hit ratio", number=True, drop=1),
    Column("read", number=True, drop=3),
    Column("written", number=True, drop=4),
    Column("cost", number=True),
    Column("against as-sent", number=True),
    Column("a month", number=True, drop=2),
    Column("waits", number=True, drop=5),
)


BEST_COLUMNS = (
    Column("family", least=14),
    Column("strategy", least=20),
    Column("cost", number=True),
    Column("saves", number=True),
)


@dataclass(frozen=True, slots=True)
class Part:
    """A table of a replay: all families together (without a title) or one of them; a tally for what was recorded and
    for each strategy."""

    title: str
    tallies: Mapping[str, Tally]

    def feasible(self) -> dict[str, Tally]:
        """The tallies that are rows, in their order."""
        return {name: tally for name, tally in self.tallies.items() if not tally.infeasible}

    def impossible(self) -> list[str]:
        """A sentence for each strategy that cannot be followed here."""
        return [f"{name}: not possible: {t.infeasible}" for name, t in self.tallies.items() if t.infeasible]


def parts(found: Replayed, by_family: bool) -> list[Part]:
    """The tables to show, the one over all families first."""
    return [Part("", _totals(found)), *(_family(found, family) for family in sorted(found.recorded) if by_family)]


def _family(found: Replayed, family: str) -> Part:
    one = found.fidelity.get(family)
    doubt = "" if one is not None and one.established else " (not established)"
    own = {strategy.name: found.tallies[strategy.name].get(family, Tally()) for strategy in found.strategies}
    return Part(f"{family or 'unassigned'}{doubt}", {"recorded": found.recorded[family]} | own)


def _totals(found: Replayed) -> dict[str, Tally]:
    """What was recorded, then each strategy, over all families."""
    recorded = Tally()
    for tally in found.recorded.values():
        recorded.merge(tally)
    return {"recorded": recorded} | {strategy.name: found.total(strategy.name) for strategy in found.strategies}


def month(found: Replayed, cost: Decimal | None) -> Decimal | None:
    """A cost at this log's rate for 30 days; None without a price, and for a log of less than a day."""
    if cost is None or found.first is None or found.last is None:
        return None
    return per_month(cost, found.last - found.first)


def remarks(found: Replayed) -> Iterator[tuple[str, bool]]:
    """How far the simulation can be trusted, and what was left out; True for what is a warning."""
    calls, families = found.calls, len(found.recorded)
    counted = f"{calls:,} call{'' if calls == 1 else 's'} of {families:,} famil{'y' if families == 1 else 'ies'}"
    yield f"{counted} replayed", False
    yield from _trust(found)
    if found.overridden:
        yield f"prices or policies of your own: {', '.join(found.overridden)}", False
    for reason, count in found.left_out.most_common():
        yield f"left out: {count:,} calls ({reason})", False
    if found.late:
        yield f"out of order: {found.late:,} calls came too late to be put in order", False
    if found.bad:
        yield f"unreadable: {len(found.bad):,} lines", False


def _trust(found: Replayed) -> Iterator[tuple[str, bool]]:
    known = [one for one in found.fidelity.values() if one.calls]
    if not known:
        yield "not established: the log does not say what was read", True
        return
    whole, good = _sum(known), sum(one.calls for one in known if one.established)
    yield (
        (
            f"simulated as sent: {percent(whole.share_of_calls)} of calls and {percent(whole.share_of_tokens)} of read "
            f"tokens as recorded; {good:,} of {whole.calls:,} calls in families that are established"
        ),
        False,
    )
    weak = sorted(name or "unassigned" for name, one in found.fidelity.items() if one.calls and not one.established)
    if weak:
        more = f" and {len(weak) - 5} more" if len(weak) > 5 else ""
        yield f"not established (under 90 %): {', '.join(weak[:5])}{more}", True


def _sum(parts: list[Fidelity]) -> Fidelity:
    whole = Fidelity()
    for one in parts:
        whole.calls += one.calls
        whole.exact += one.exact
        whole.recorded += one.recorded
        whole.missed += one.missed
    return whole


def rows(found: Replayed, part: Part) -> Iterator[list[str]]:
    """The cells of a part's feasible strategies, in the order of COLUMNS."""
    base = part.tallies["as-sent"].cost() if "as-sent" in part.tallies else None
    for name, tally in part.feasible().items():
        usage, cost = tally.usage(), tally.cost()
        hit = tally.hit_ratio()
        ratio = "none cached" if hit is None else percent(hit)
        waits = f"{tally.waited:,} x {tally.waited_seconds / tally.waited:.1f} s" if tally.waited else ""
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


def best_rows(found: list[Best]) -> list[list[str]]:
    """The cheapest strategies as cells, in the order of BEST_COLUMNS."""
    return [[row.family or "all", row.strategy, usd(row.cost), usd(row.saves)] for row in found]
