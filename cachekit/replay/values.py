"""What a replay takes and finds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cachekit.core.catalog.overrides import Overrides
from cachekit.core.catalog.policy import Policy
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.prompt import Prompt
from cachekit.replay.strategies import Strategy
from cachekit.replay.tally import Tally


@dataclass(frozen=True, slots=True)
class Ready:
    """A call that can be replayed: its measured prompt with its model's ways, and its policy."""

    call: Call
    prompt: Prompt
    policy: Policy
    family: str


@dataclass(slots=True)
class Fidelity:
    """How well the simulation reproduces what was recorded, of one family. Known calls only."""

    calls: int = 0
    exact: int = 0
    recorded: int = 0
    missed: int = 0

    def add(self, recorded: int, simulated: int) -> None:
        """Adds a call's recorded and simulated read."""
        self.calls += 1
        self.exact += abs(recorded - simulated) <= max(16, recorded // 100)
        self.recorded += max(recorded, simulated)
        self.missed += abs(recorded - simulated)

    @property
    def share_of_calls(self) -> float | None:
        """Calls whose read is reproduced within a percent; None without any known call."""
        return self.exact / self.calls if self.calls else None

    @property
    def share_of_tokens(self) -> float | None:
        """Read tokens that are reproduced; 1.0 where nothing was read either way."""
        if not self.calls:
            return None
        return 1 - self.missed / self.recorded if self.recorded else 1.0

    @property
    def established(self) -> bool:
        """Both at least 90 %."""
        return all(share is not None and share >= 0.9 for share in (self.share_of_calls, self.share_of_tokens))


@dataclass(slots=True)
class Replayed:
    """What a replay found. `tallies` by strategy, then family. `left_out` counts calls that could not be replayed, by
    reason. `first` and `last` are the earliest and latest start, in seconds since 1970."""

    strategies: tuple[Strategy, ...]
    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)
    recorded: dict[str, Tally] = field(default_factory=dict)
    fidelity: dict[str, Fidelity] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    bad: list[BadLine] = field(default_factory=list)
    calls: int = 0
    late: int = 0
    first: float | None = None
    last: float | None = None
    overridden: tuple[str, ...] = ()

    def total(self, strategy: str) -> Tally:
        """A strategy over all families."""
        whole = Tally()
        for tally in self.tallies.get(strategy, {}).values():
            whole.merge(tally)
        return whole


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """`model` of calls that name none (a trace without models), the `host` that serves it, the log's format where its
    shape does not tell it, and prices, policies and aliases as the config has them."""

    model: str = ""
    host: str = ""
    input_format: str | None = None
    overrides: Overrides | None = None
