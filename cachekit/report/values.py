"""A report: rows of figures, and what they rest on. Ratios are None where they are unknown, money where it is
unpriced; neither is ever 0 instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cachekit.core.jsonio.notebook import html_table
from cachekit.core.model.calls import BadLine
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import add

ESTABLISHED = 0.9
"""A smaller known share of the cost than this does not establish what could be saved."""

MONTH = 30 * 86400
"""Seconds in a month, for rates."""

DAY = 86400
"""Seconds that a log must span to have a rate: less says nothing of a month."""

_NOTHING = Decimal(0)


def per_month(amount: Decimal, span: float | None) -> Decimal | None:
    """USD in thirty days at the rate of a log of so many seconds; None for one of less than a day."""
    return amount * MONTH / Decimal(span) if span is not None and span >= DAY else None


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of some calls. Sums of two rows are the figures of both.

    `usage` sums all calls; `known` those that say something about the cache: only they count in ratios. `cacheable`:
    read and written tokens, or what could have been read where no writes are reported. Money in USD, over the calls
    with a price: `cost`, up to `cost_high` where writes have an unknown lifetime (priced as the cheapest), `without`
    a cache, `avoidable`. `missed`: tokens of due reads that did not happen. `unpriced_calls` and `unpriced_tokens`
    stand in none of the money. `judged`: the cost of calls of which due reads could be looked for. `reported`: what the
    log itself says that `reporting` calls cost.
    """

    name: str
    calls: int = 0
    usage: Usage = Usage()
    known_calls: int = 0
    known: Usage = Usage()
    cacheable: int = 0
    missed: int = 0
    cost: Decimal = _NOTHING
    cost_high: Decimal = _NOTHING
    without: Decimal = _NOTHING
    avoidable: Decimal = _NOTHING
    judged: Decimal = _NOTHING
    unpriced_calls: int = 0
    unpriced_tokens: int = 0
    reporting: int = 0
    reported: Decimal = _NOTHING

    def __add__(self, other: Row) -> Row:
        return Row(
            self.name,
            self.calls + other.calls,
            add(self.usage, other.usage),
            self.known_calls + other.known_calls,
            add(self.known, other.known),
            self.cacheable + other.cacheable,
            self.missed + other.missed,
            self.cost + other.cost,
            self.cost_high + other.cost_high,
            self.without + other.without,
            self.avoidable + other.avoidable,
            self.judged + other.judged,
            self.unpriced_calls + other.unpriced_calls,
            self.unpriced_tokens + other.unpriced_tokens,
            self.reporting + other.reporting,
            self.reported + other.reported,
        )

    @property
    def hit_ratio(self) -> float | None:
        """Read of what was cacheable; None when unknown or when nothing was cacheable."""
        return self.known.read / self.cacheable if self.cacheable else None

    @property
    def read_share(self) -> float | None:
        """Read of all input; None when unknown or without input."""
        return self.known.read / self.known.input_total if self.known.input_total else None

    @property
    def known_share(self) -> float | None:
        """The share of the calls that say something about the cache; None without calls."""
        return self.known_calls / self.calls if self.calls else None

    @property
    def priced(self) -> bool:
        """Whether any call has a price, so that the sums of money mean something."""
        return self.unpriced_calls < self.calls

    @property
    def saved(self) -> Decimal:
        """Cost without a cache minus cost: net of writes, negative where caching cost more than it saved."""
        return self.without - self.cost

    @property
    def coverage(self) -> float | None:
        """The share of the cost that is known and explained: of calls with a price, a known usage, a time and a family.
        Tokens without a price count as unexplained in proportion. None without any tokens."""
        tokens = self.usage.input_total + self.usage.output
        if not tokens:
            return None
        share = float(self.judged / self.cost) if self.cost else 0.0
        return share * (tokens - self.unpriced_tokens) / tokens

    @property
    def established(self) -> bool:
        """Whether enough is known to say what could be saved."""
        return self.coverage is not None and self.coverage >= ESTABLISHED

    @property
    def known_saved(self) -> Decimal | None:
        """Saved USD; None without prices, and where no call says what the cache did."""
        return self.saved if self.priced and (self.known_calls or not self.cost) else None

    @property
    def known_avoidable(self) -> Decimal | None:
        """Avoidable USD; None without prices, and where due reads could be looked for in none of the calls."""
        return self.avoidable if self.priced and (self.judged or not self.cost) else None

    @property
    def loss_per_1k(self) -> Decimal | None:
        """Avoidable USD in a thousand calls; None without calls or where it is unknown."""
        known = self.known_avoidable
        return known * 1000 / self.calls if self.calls and known is not None else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A family before and after a moment; None on the side where it has no calls."""

    name: str
    before: Row | None
    after: Row | None

    @property
    def change(self) -> float | None:
        """How much the hit ratio rose (or, negative, fell); None where a side is unknown. A family that hit before and
        afterwards neither read nor wrote fell to 0."""
        if self.before is None or self.after is None or self.before.hit_ratio is None:
            return None
        after = ratio_after(self.before.known.read, self.after)
        return None if after is None else after - self.before.hit_ratio


def ratio_after(read_before: int, row: Row) -> float | None:
    """A row's hit ratio beside an earlier one: where earlier calls read and these, though known, neither read nor
    wrote, it is 0 and not unknown."""
    silent = row.known_calls and not row.known.read and not row.known.written
    return 0.0 if read_before and silent else row.hit_ratio


@dataclass(frozen=True, slots=True)
class Bodies:
    """How many calls have their request in the log, or their family known without: `having` sums those that do, `of`
    all of which it is a question."""

    having: Row
    of: Row

    @property
    def share(self) -> float | None:
        """The share of the cost; None where nothing has a price."""
        return float(self.having.cost / self.of.cost) if self.of.cost else None


def _cells(row: Row) -> tuple[str, ...]:
    ratios = ("unknown" if share is None else f"{share:.1%}" for share in (row.hit_ratio, row.read_share))
    money = (f"{row.cost:.4f}", f"{row.avoidable:.4f}") if row.priced else ("unpriced", "unpriced")
    return (row.name, f"{row.calls:,}", *ratios, *money)


@dataclass(frozen=True, slots=True)
class Report:
    """What a log says. `rows` sum to `total`, worst first; `families` always has the rows by family, for baselines.
    `warm` are calls that only kept caches alive: in no other row. `tally` counts what was left out, repaired or could
    not be read; `unpriced` the calls of models without a price. `span`: seconds from the first call to the last.
    `bodies`: None where requests are no question. `other_labels`: where no call has the label of `by`, those that calls
    have."""

    by: str
    rows: tuple[Row, ...]
    total: Row
    families: tuple[Row, ...]
    warm: Row | None = None
    splits: tuple[Comparison, ...] = ()
    split_at: float | None = None
    first: float | None = None
    last: float | None = None
    tally: Mapping[str, int] = field(default_factory=dict)
    unpriced: Mapping[str, int] = field(default_factory=dict)
    overridden: tuple[str, ...] = ()
    examples: tuple[BadLine, ...] = ()
    bodies: Bodies | None = None
    other_labels: tuple[str, ...] | None = None

    def _repr_html_(self) -> str:
        """The rows, as a notebook shows them."""
        return html_table(
            f"{self.total.calls:,} calls by {self.by}",
            (self.by, "calls", "hit ratio", "read share", "cost, USD", "avoidable, USD"),
            (_cells(row) for row in (*self.rows, self.total)),
        )

    @property
    def span(self) -> float | None:
        """Seconds from the first call to the last."""
        return None if self.first is None or self.last is None else self.last - self.first

    @property
    def avoidable_a_month(self) -> Decimal | None:
        """Avoidable USD in thirty days at this log's rate; None for less than a day, and without a price."""
        return per_month(self.total.avoidable, self.span) if self.total.priced else None

    @property
    def disorder(self) -> int:
        """How many calls or pieces of the log could not be put in order of time: what was due there is not known."""
        return sum(number for name, number in self.tally.items() if name.startswith("order: "))

    @property
    def established(self) -> bool:
        """Whether enough is known, and in order, to say what could be saved."""
        return self.total.established and not self.disorder
