"""Which cause each loss has: one log, counted as `report` counts it and explained as it is read.

The counting finds which reads were due and did not happen; the explanations say why calls missed. Every call has a
number by which the two meet. What is kept grows with the misses of a log, not with its calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cachekit.core.explain.causes import NOT_DUE, Cause
from cachekit.core.explain.explanation import Explanation
from cachekit.core.logs.call_log import NAME as OURS
from cachekit.core.logs.format import Summary
from cachekit.core.logs.ordered import LATE, read_in_order
from cachekit.core.model.calls import Call
from cachekit.report.finish import joined_tracks
from cachekit.report.folding.counting import BodyFacts, Counting
from cachekit.report.folding.fold import CLAUDE_CODE, merged
from cachekit.report.folding.ledger import Sums
from cachekit.report.folding.state import State, merged_cells, summary_counts
from cachekit.report.folding.track import Loss
from cachekit.report.options import ReportOptions
from cachekit.report.reading.keys import CellKey

_NUMBER = "number in the log"
"""Where a call carries its number, among its `meta`."""

BY_COUNTERS = "by counters: "
"""Where losses stand that no explanation bears out: before the name of their cause."""


TOO_LATE = "order: calls that came too late to be put in order"
"""What the tally says of calls beyond the window in which a log is sorted."""


class Miss(NamedTuple):
    """A miss as it was explained; `blind`: the log holds no prompt of it. What it cost is None when unpriced, and 0
    where only the counting knows."""

    cause: Cause
    tokens: int
    usd: Decimal | None
    inferred: bool
    is_inferred: bool


class Blame:
    """Losses on their way to a cause."""

    def __init__(self, options: ReportOptions) -> None:
        self._options = options
        self._states = [State(options)]
        self._losses: dict[str, Loss] = {}
        self._keys: dict[CellKey, CellKey] = {}
        self._calls = 0
        self._missed: dict[str, Miss] = {}

    def calls(self, paths: Iterable[str | Path], *, stdin: BinaryIO | None = None) -> Iterator[Call]:
        """The calls of logs in order of time, each numbered and counted before it is given to be explained. Raises as
        `fold` does."""
        counting, late = (
            Counting(self._options, in_order=True, body_facts=BodyFacts(_number_of, self._take)),
            Counter[str](),
        )
        for known, item in read_in_order(paths, self._options.input_format, stdin=stdin, tally=late):
            if isinstance(item, Summary):
                counting.ledger.tally.update(summary_counts(item))
            elif isinstance(item, Call):
                self._calls += 1
                call = replace(item, meta={**item.meta, _NUMBER: self._calls})
                counting.content = known is not None and known.content and known.name not in (OURS, CLAUDE_CODE)
                counting.add(call)
                yield call
            else:
                counting.add(item)
        if late[LATE]:
            counting.ledger.tally[TOO_LATE] = late[LATE]
        self._states.append(counting.state())

    def explained(self, found: Explanation) -> None:
        """Why a call missed is known."""
        is_inferred = found.call.prompt is None
        self._missed[_number_of(found.call)] = Miss(found.cause, found.tokens, found.usd, found.inferred, is_inferred)

    def _take(self, loss: Loss) -> None:
        """A call lost something. Its cell is kept without its number, once for all losses."""
        cell = loss.cell._replace(by="")
        self._losses[loss.cell.by] = loss._replace(cell=self._keys.setdefault(cell, cell))

    def misses(self, counts: Callable[[Loss], bool]) -> Iterator[Miss]:
        """The misses. Where a read was due of which the explanation says that it was not, the cause is another: of logs
        without prompts counters tell a rewrite within the ttl, of others it is unknown. `counts`: which losses do."""
        due = {n: loss for n, loss in self._losses.items() if loss.cell.kind == "call" and counts(loss)}
        yield from (miss for number, miss in self._missed.items() if number not in due or miss.cause not in NOT_DUE)
        for number, loss in due.items():
            miss = self._missed.get(number)
            if miss is None or miss.cause in NOT_DUE:
                cause = Cause(_cause_of(miss).removeprefix(BY_COUNTERS))
                yield Miss(cause, sum(loss.tokens), Decimal(0), True, miss is None or miss.is_inferred)

    def state(self) -> State:
        """All that was counted, as `report` counts it but in one row."""
        state = merged(self._states)
        segments, losses, _ = joined_tracks(state.segments)
        for loss in losses:
            self._take(loss)
        # of families beyond the bound of a state nothing is said
        self._losses = {number: loss for number, loss in self._losses.items() if loss.cell in state.cells}
        sums = {key: Sums(key, None) for key in {loss.cell for loss in self._losses.values()}}
        for loss in self._losses.values():
            sums[loss.cell].lose(loss)
        lost = ((key, replace(each.frozen(), at=state.cells[key].at)) for key, each in sums.items())
        return replace(state, cells=merged_cells((*state.cells.items(), *lost)), segments=segments)

    def losses(self) -> Iterator[tuple[str, Loss]]:
        """All losses with the names of their causes."""
        for number, loss in self._losses.items():
            yield _cause_of(self._missed.get(number)), loss


def _cause_of(miss: Miss | None) -> str:
    """The cause of a loss."""
    if miss is not None and miss.cause not in NOT_DUE:
        return miss.cause.value
    return BY_COUNTERS + (Cause.PREFIX_CHANGED if miss is not None and miss.is_inferred else Cause.UNKNOWN).value


def _number_of(call: Call) -> str:
    return str(call.meta[_NUMBER])
