"""What a run amounted to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from cachekit.warm.scope import Scope
from cachekit.warm.values import DEAD, MISSED, Ending, WarmResult, WarmVerdict


@dataclass(frozen=True, slots=True)
class ScopeSummary:
    """One scope: pings sent, of those read, missed and failed, and ticks skipped; what it cost, None where the model
    has no price; how it ended; the last result."""

    scope: str
    ticks: int
    alive: int
    missed: int
    failed: int
    skipped: int
    spent_usd: Decimal | None
    ended: Ending
    last: WarmResult | None


@dataclass(frozen=True, slots=True)
class WarmSummary:
    """All scopes of a run."""

    scopes: tuple[ScopeSummary, ...]

    @property
    def spent_usd(self) -> Decimal:
        """What scopes with a price cost."""
        return sum((s.spent_usd for s in self.scopes if s.spent_usd is not None), Decimal(0))

    @property
    def all_dead(self) -> bool:
        """Whether every scope ended without being stopped or done."""
        return bool(self.scopes) and all(s.ended in DEAD for s in self.scopes)

    @property
    def any_dead(self) -> bool:
        """Whether some scope did."""
        return any(s.ended in DEAD for s in self.scopes)


@dataclass(slots=True)
class Counted:
    """Results as they come, by scope."""

    verdicts: dict[str, Counter[WarmVerdict]] = field(default_factory=dict)
    last: dict[str, WarmResult] = field(default_factory=dict)

    def add(self, result: WarmResult) -> None:
        """Counts a result."""
        self.verdicts.setdefault(result.scope, Counter())[result.verdict] += 1
        self.last[result.scope] = result

    def summary(self, scopes: Sequence[Scope]) -> WarmSummary:
        """The summary so far."""
        return WarmSummary(tuple(self._of(scope) for scope in scopes))

    def _of(self, scope: Scope) -> ScopeSummary:
        verdicts = self.verdicts.get(scope.name, Counter())
        return ScopeSummary(
            scope=scope.name,
            ticks=scope.state.ticks,
            alive=verdicts[WarmVerdict.ALIVE],
            missed=sum(verdicts[verdict] for verdict in MISSED),
            failed=verdicts[WarmVerdict.FAILED],
            skipped=verdicts[WarmVerdict.SKIPPED],
            spent_usd=scope.state.spent if scope.quote is not None else None,
            ended=scope.state.ended,
            last=self.last.get(scope.name),
        )
