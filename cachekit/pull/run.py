"""Pulling: every source from its mark to the end, written and committed as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from cachekit.core.errors import CachekitError, UsageError
from cachekit.core.logs.native_write import to_line
from cachekit.core.pricing.table import cache_folder
from cachekit.pull.events import Span
from cachekit.pull.marks import Mark
from cachekit.pull.objects import THREADS
from cachekit.pull.opening import Means, Opened, open_source
from cachekit.pull.output import Output
from cachekit.pull.taking import Taking
from cachekit.pull.wish import MINUTE, SECOND, Clock, PullSource, PullWish

COMMIT_SECONDS = 1.0
"""What a kill costs: so much is read again."""

POLL_SECONDS = 20.0
"""Between two looks for what is new, with --follow."""

POLL_LATE, FULL_EVERY = 2 * MINUTE, 15
"""While following, a look reaches back two minutes; each fifteenth, as far as anything may come late."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a source came: the `share` of its time, the moment reached (ms), and the calls so far."""

    name: str
    share: float
    reached: int
    calls: int


Tell = Callable[[Progress], None]


@dataclass(slots=True)
class Outcome:
    """What became of one source. `span` is what this run read, None where it read nothing; `resumed`: it went on with
    an earlier pull. `tally` counts calls, and what was none by its reason; `notes` what could not be had beside them.
    `fault` ended it early; `full`: as many calls came as were wanted."""

    source: PullSource
    opened: Opened | None = None
    span: Span | None = None
    resumed: bool = False
    tally: Counter[str] = field(default_factory=Counter)
    fault: CachekitError | None = None
    full: bool = False

    @property
    def name(self) -> str:
        """What the user calls it, or else the log."""
        told = self.opened.service.about if self.opened is not None else self.source.s3 or self.source.log_group
        parts = [told or "the configured log", self.source.place.role_arn, self.source.place.profile]
        return self.source.name or " ".join(part for part in parts if part)

    @property
    def notes(self) -> Counter[str]:
        """What could not be had beside the calls, and how often."""
        return self.opened.notes if self.opened is not None else Counter()


@dataclass(frozen=True, slots=True)
class _Run:
    wish: PullWish
    output: Output
    clock: Clock
    tell: Tell


@dataclass(frozen=True, slots=True)
class _Look:
    """One reading of all sources, up to a moment (ms); `late`: how far behind the marks, None for as far as needed."""

    end: int
    late: int | None = None


def pull(wish: PullWish, output: Output, clock: Clock, tell: Tell = lambda _: None) -> list[Outcome]:
    """Pull all sources into an output, one after the other. A source that fails leaves the others alone, and what came
    of it is kept. With `follow` it goes on until it is interrupted, `until` is over, or no source is left."""
    run, outcomes = _Run(wish, output, clock, tell), [Outcome(source) for source in wish.sources]
    with ThreadPoolExecutor(THREADS, "pull") as pool:
        means = Means(clock, pool, cache_folder())
        for outcome in outcomes:
            with _kept(outcome):
                _open(outcome, run, means)
        try:
            _read_all(outcomes, run)
        except KeyboardInterrupt:
            if not wish.follow:
                raise
    return outcomes


def _forget(outcome: Outcome, marks: dict[str, Mark]) -> None:
    """A source that failed before anything came leaves no mark: what is mended may be its name."""
    key = outcome.opened.key if outcome.opened is not None else ""
    if key in marks and not marks[key].begun:
        del marks[key]


def _read_all(outcomes: list[Outcome], run: _Run) -> None:
    for look in _looks(run.wish, run.clock):
        left = [outcome for outcome in outcomes if outcome.fault is None and not outcome.full]
        for outcome in left:
            with _kept(outcome):
                _read(outcome, run, look)
        if not left:
            return


def _looks(wish: PullWish, clock: Clock) -> Iterator[_Look]:
    """One look, or with `follow` one after the other until the end that was asked for."""
    for number in count():
        now = int(clock.now() * SECOND)
        over = not wish.follow or (wish.until is not None and now >= wish.until)
        end = now if wish.until is None else min(wish.until, now)  # what is to come is not there yet
        yield _Look(end, POLL_LATE if number % FULL_EVERY else None)
        if over:
            return
        clock.wait(POLL_SECONDS)


@contextmanager
def _kept(outcome: Outcome) -> Iterator[None]:
    """What ends one source is kept with it."""
    try:
        yield
    except CachekitError as error:
        outcome.fault = error


def _open(outcome: Outcome, run: _Run, means: Means) -> None:
    """Sign in and find the source's mark, or begin one."""
    opened = open_source(outcome.source, run.wish.reading, means)
    outcome.opened = opened
    marks, how = run.output.marks, run.wish.reading.how
    mark = marks.get(opened.key)
    if mark is None and marks and len(run.wish.sources) == 1:
        mend = "name another file with -o; several logs go into one file with --sources"
        raise UsageError(f"this file holds a pull of {', '.join(marks)}", where=outcome.name, mend=mend)
    if mark is not None:
        mark.check(run.wish.since, how, outcome.name)
        outcome.resumed = True
    else:
        marks[opened.key] = Mark(run.wish.since, run.wish.since, how, opened.late)


def _read(outcome: Outcome, run: _Run, look: _Look) -> None:
    """Read a source up to the end of a look. What came before it failed is committed."""
    opened = outcome.opened
    assert opened is not None  # one that could not be opened has a fault, and is not read
    mark = run.output.marks[opened.key]
    span = mark.span_to(look.end, None if opened.source.s3 else look.late)
    if span.start >= span.end:
        return
    outcome.span = outcome.span or span
    most = run.wish.max_events
    room = None if most is None else most - outcome.tally["calls"]
    taking = Taking(mark, span, opened.parsing, room, outcome.tally)
    try:
        _take_all(outcome, taking, run)
    except CachekitError:
        _forget(outcome, run.output.marks)
        run.output.commit()
        raise
    outcome.full = taking.full
    run.output.commit()


def _take_all(outcome: Outcome, taking: Taking, run: _Run) -> None:
    assert outcome.opened is not None
    content, span = run.wish.reading.content, taking.span
    due = run.clock.now() + COMMIT_SECONDS
    for batch in outcome.opened.batches(span, taking.mark):
        for calls in taking.take(batch):
            run.output.write(b"".join(to_line(call, content) for call in calls))
            if (begun := run.clock.now()) >= due:
                run.output.commit()
                spent = run.clock.now() - begun  # many ids, or a slow disk: at most a twentieth of the time
                due = begun + max(COMMIT_SECONDS, 20 * spent)
        share = min(max(batch.reached - span.start, 0) / (span.end - span.start), 1.0)
        run.tell(Progress(outcome.name, share, batch.reached, taking.tally["calls"]))
        if taking.full:
            return
