"""What a strategy amounts to: tokens in cells, each priced once, and the time that calls waited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from cachekit.core.catalog.overrides import Overrides
from cachekit.core.model.calls import Billing, Call
from cachekit.core.model.usage import Usage
from cachekit.core.pricing import Rates, cell_key, find_rates, price, without_cache

FIELDS = ("uncached", "read", "write_5m", "write_1h", "write_30m", "write_12h", "write_unknown", "output")
_TTL_FIELD = {300.0: 2, 3600.0: 3, 1800.0: 4, 43200.0: 5}
CellKey = tuple[str, str, int, int, Billing]


def usage_of(counts: list[int]) -> Usage:
    """Counts in the order of FIELDS as one usage."""
    uncached, read, short, hour, half, long, unknown, output = counts
    return Usage(uncached, read, short, hour, half, long, unknown, output)


@dataclass(slots=True)
class Cell:
    """Token sums of calls that cost the same, and a moment and a prompt size that stand for them."""

    counts: list[int] = field(default_factory=lambda: [0] * len(FIELDS))
    at: float = 0.0
    size: int = 0

    def usage(self) -> Usage:
        """The sums as one usage."""
        return usage_of(self.counts)


@dataclass(slots=True)
class Tally:
    """One strategy over one family, or over all. `overrides`: prices and aliases as the config has them. `cacheable`:
    tokens read, written, or, where writes are not reported, of the prompt on its grid."""

    overrides: Overrides | None = None
    cells: dict[CellKey, Cell] = field(default_factory=dict)
    calls: int = 0
    cacheable: int = 0
    pings: int = 0
    waited: int = 0
    waited_seconds: float = 0.0
    infeasible: str = ""

    def add(self, call: Call, usage: Usage, cacheable: int = 0) -> None:
        """Adds a call's tokens. `cacheable`: those of an automatic cache, which reports no writes."""
        self.calls += 1
        self.cacheable += max(cacheable if usage.known else 0, usage.read + usage.written)
        self._sum(call, usage)

    def add_pings(self, call: Call, tokens: int, count: int) -> None:
        """Adds reads that only kept a prefix alive."""
        self.pings += count
        self.cacheable += tokens * count
        self._sum(call, Usage(read=tokens * count))

    def wait(self, seconds: float) -> None:
        """Adds a wait for somebody else's write."""
        self.waited += 1
        self.waited_seconds += seconds

    def _sum(self, call: Call, usage: Usage) -> None:
        host = call.billing.host or call.scope.host or call.provider
        size = call.usage.input_total or usage.input_total
        key = (*cell_key(call.model, host, call.ts or 0.0, size), call.billing)
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = Cell(at=call.ts or 0.0, size=size)
        for index, name in enumerate(FIELDS):
            cell.counts[index] += getattr(usage, name)

    def merge(self, other: Tally) -> None:
        """Adds another tally."""
        self.overrides = self.overrides or other.overrides
        for key, cell in other.cells.items():
            mine = self.cells.setdefault(key, Cell(at=cell.at, size=cell.size))
            mine.counts = [a + b for a, b in zip(mine.counts, cell.counts, strict=True)]
        self.calls += other.calls
        self.cacheable += other.cacheable
        self.pings += other.pings
        self.waited += other.waited
        self.waited_seconds += other.waited_seconds
        self.infeasible = self.infeasible or other.infeasible

    def usage(self) -> Usage:
        """All tokens."""
        sums = [0] * len(FIELDS)
        for cell in self.cells.values():
            sums = [a + b for a, b in zip(sums, cell.counts, strict=True)]
        return usage_of(sums)

    def hit_ratio(self) -> float | None:
        """Read of what was cacheable; None where nothing was, or nothing is known."""
        return self.usage().read / self.cacheable if self.cacheable else None

    def cost(self) -> Decimal | None:
        """USD; None where a model has no price. Writes of unknown lifetime count as the shorter."""
        return self._priced(_low)

    def plain_cost(self) -> Decimal | None:
        """USD without any cache; None where a model has no price."""
        return self._priced(without_cache)

    def _priced(self, of: Callable[[Usage, Rates], Decimal | None]) -> Decimal | None:
        total = Decimal(0)
        for (model, host, _, _, billing), cell in self.cells.items():
            rates = find_rates(
                model,
                host,
                at=cell.at or None,
                prompt_tokens=cell.size,
                billing=billing,
                overrides=self.overrides,
            )
            cost = of(cell.usage(), rates) if rates is not None else None
            if cost is None:
                return None
            total += cost
        return total


def _low(usage: Usage, rates: Rates) -> Decimal | None:
    money = price(usage, rates)
    return money.low if money.complete else None


def simulated_usage(call: Call, read: int, writes: tuple[tuple[float, int], ...], total: int) -> Usage:
    """Counts of a simulated call; more than the whole prompt is never cached."""
    counts = [0] * len(FIELDS)
    counts[1] = min(read, total)
    room = total - counts[1]
    for ttl, tokens in writes:
        taken = min(tokens, room)
        counts[_TTL_FIELD.get(ttl, 6)] += taken
        room -= taken
    counts[0], counts[7] = room, call.usage.output
    return usage_of(counts)
