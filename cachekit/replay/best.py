"""The cheapest feasible strategy, for each family and for all together."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cachekit.replay.tally import Tally
from cachekit.replay.values import Replayed


@dataclass(frozen=True, slots=True)
class Best:
    """`family` is empty for the best single strategy of all. `saves` against as-sent, in USD; costs are the log's."""

    family: str
    strategy: str
    cost: Decimal
    as_sent: Decimal

    @property
    def saves(self) -> Decimal:
        """USD, negative where nothing beats the log as it was sent."""
        return self.as_sent - self.cost


def best(found: Replayed) -> list[Best]:
    """The best of all first, then each family's own, the most saved first. Left out are families without prices and
    those whose record the simulation does not reproduce: for them nothing is established."""
    whole = {strategy.name: found.total(strategy.name) for strategy in found.strategies}
    rows = [_cheapest("", whole)]
    for family in sorted(found.recorded):
        if family in found.fidelity and not found.fidelity[family].established:
            continue
        tallies = {name: of.get(family, Tally()) for name, of in found.tallies.items()}
        rows.append(_cheapest(family, tallies))
    known = [row for row in rows if row is not None]
    return known[:1] + sorted(known[1:], key=lambda row: (-row.saves, row.family))


def _cheapest(family: str, tallies: dict[str, Tally]) -> Best | None:
    """The first of the cheapest in the order given, so that of two equal strategies the simpler one is told."""
    costs = {name: tally.cost() for name, tally in tallies.items() if not tally.infeasible}
    priced = {name: cost for name, cost in costs.items() if cost is not None}
    as_sent = priced.get("as-sent")
    if as_sent is None:
        return None
    name = min(priced, key=lambda each: priced[each])
    return Best(family, name, priced[name], as_sent)
