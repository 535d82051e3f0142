"""Pulling: every source from its cursor to the end, written and committed as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TypedDict, Unpack

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.logs.native_write import to_line
from cachekit.core.model.calls import Call
from cachekit.core.model.errors import CachekitError, UsageError
from cachekit.core.pricing.table import cache_folder
from cachekit.pull.cursor import Cursor, Span
from cachekit.pull.ingest import Ingest
from cachekit.pull.open_source import Means, Opened, open_source
from cachekit.pull.options import MINUTE, SECOND, Clock, Place, PullOptions, PullSource, Reading
from cachekit.pull.output import Output
from cachekit.pull.s3 import THREADS

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


OnProgress = Callable[[Progress], None]


@dataclass(slots=True)
class Outcome:
    """What became of one source. `span` is what this run read, None where it read nothing; `resumed`: it went on with
    an earlier pull. `tally` counts calls, and what was none by its reason; `notes` what could not be had beside them.
    `error` ended it early; `full`: as many calls came as were wanted."""

    source: PullSource
    opened: Opened | None = None
    span: Span | None = None
    resumed: bool = False
    tally: Counter[str] = field(default_factory=Counter)
    error: CachekitError | None = None
    full: bool = False

    @property
    def name(self) -> str:
        """What the user calls it, or else the log."""
        log = self.opened.service.about if self.opened is not None else self.source.s3 or self.source.log_group
        parts = [log or "the configured log", self.source.place.role_arn, self.source.place.profile]
        return self.source.name or " ".join(part for part in parts if part)

    @property
    def notes(self) -> Counter[str]:
        """What could not be had beside the calls, and how often."""
        return self.opened.notes if self.opened is not None else Counter()


@dataclass(frozen=True, slots=True)
class _Run:
    options: PullOptions
    output: Output
    clock: Clock
    on_progress: OnProgress


@dataclass(frozen=True, slots=True)
class _Look:
    """One reading of all sources, up to a moment (ms); `late`: how far behind the cursors, None for as far as
    needed."""

    end: int
    late: int | None = None


def pull(options: PullOptions, output: Output, clock: Clock, on_progress: OnProgress = lambda _: None) -> list[Outcome]:
    """Pull all sources into an output, one after the other. A source that fails leaves the others alone, and what came
    of it is kept. With `follow` it goes on until it is interrupted, `until` is over, or no source is left."""
    run, outcomes = _Run(options, output, clock, on_progress), [Outcome(source) for source in options.sources]
    with ThreadPoolExecutor(THREADS, "pull") as pool:
        means = Means(clock, pool, cache_folder())
        for outcome in outcomes:
            with _kept(outcome):
                _open(outcome, run, means)
        try:
            _read_all(outcomes, run)
        except KeyboardInterrupt:
            if not options.follow:
                raise
    return outcomes


def _forget(outcome: Outcome, cursors: dict[str, Cursor]) -> None:
    """A source that failed before anything came leaves no cursor: what is corrected may be its name."""
    key = outcome.opened.key if outcome.opened is not None else ""
    if key in cursors and not cursors[key].begun:
        del cursors[key]


def _read_all(outcomes: list[Outcome], run: _Run) -> None:
    for look in _looks(run.options, run.clock):
        left = [outcome for outcome in outcomes if outcome.error is None and not outcome.full]
        for outcome in left:
            with _kept(outcome):
                _read(outcome, run, look)
        if not left:
            return


def _looks(options: PullOptions, clock: Clock) -> Iterator[_Look]:
    """One look, or with `follow` one after the other until the end."""
    for number in count():
        now = int(clock.now() * SECOND)
        over = not options.follow or (options.until is not None and now >= options.until)
        end = now if options.until is None else min(options.until, now)  # what is to come is not there yet
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
        outcome.error = error


def _open(outcome: Outcome, run: _Run, means: Means) -> None:
    """Sign in and find the source's cursor, or begin one."""
    opened = open_source(outcome.source, run.options.reading, means)
    outcome.opened = opened
    cursors, how = run.output.cursors, run.options.reading.how
    cursor = cursors.get(opened.key)
    if cursor is None and cursors and len(run.options.sources) == 1:
        hint = "name another file with -o; several logs go into one file with --sources"
        raise UsageError(f"this file holds a pull of {', '.join(cursors)}", where=outcome.name, hint=hint)
    if cursor is not None:
        cursor.check(run.options.since, how, outcome.name)
        outcome.resumed = True
    else:
        cursors[opened.key] = Cursor(run.options.since, run.options.since, how, opened.late)


def _read(outcome: Outcome, run: _Run, look: _Look) -> None:
    """Read a source up to the end of a look. What came before it failed is committed."""
    opened = outcome.opened
    assert opened is not None  # one that could not be opened has a error, and is not read
    cursor = run.output.cursors[opened.key]
    span = cursor.span_to(look.end, None if opened.source.s3 else look.late)
    if span.start >= span.end:
        return
    outcome.span = outcome.span or span
    most = run.options.max_events
    room = None if most is None else most - outcome.tally["calls"]
    ingest = Ingest(cursor, span, opened.parsing, room, outcome.tally)
    try:
        _take_all(outcome, ingest, run)
    except CachekitError:
        _forget(outcome, run.output.cursors)
        run.output.commit()
        raise
    outcome.full = ingest.full
    run.output.commit()


def _take_all(outcome: Outcome, ingest: Ingest, run: _Run) -> None:
    assert outcome.opened is not None
    content, span = run.options.reading.content, ingest.span
    due = run.clock.now() + COMMIT_SECONDS
    for batch in outcome.opened.batches(span, ingest.cursor):
        for calls in ingest.take(batch):
            run.output.write(b"".join(to_line(call, content) for call in calls))
            if (begun := run.clock.now()) >= due:
                run.output.commit()
                spent = run.clock.now() - begun  # many ids, or a slow disk: at most a twentieth of the time
                due = begun + max(COMMIT_SECONDS, 20 * spent)
        share = min(max(batch.reached - span.start, 0) / (span.end - span.start), 1.0)
        run.on_progress(Progress(outcome.name, share, batch.reached, ingest.tally["calls"]))
        if ingest.full:
            return


class Where(TypedDict, total=False):
    """The identity and region for AWS, and what of the log is wanted; as the options of `cachekit pull`."""

    region: str | None
    profile: str | None
    role_arn: str | None
    filter: str | None
    bodies: bool


def group_calls(
    log_group: str | None, since: float, until: float, overrides: Mapping[str, object], **where: Unpack[Where]
) -> Iterator[Call]:
    """The calls of a log group (None: as Bedrock is set up), about in order of time. Times in seconds since 1970 UTC;
    `overrides` may name the models of ARNs. Raises UsageError and OutsideError."""
    models = {name: model for name, model in mapping(overrides.get("models")).items() if isinstance(model, str)}
    reading = Reading(filter=where.get("filter"), bodies=where.get("bodies", False), models=models)
    source = PullSource(Place(where.get("region"), where.get("profile"), where.get("role_arn")), log_group)
    yield from calls_of(source, Span(round(since * SECOND), round(until * SECOND)), reading)


def calls_of(source: PullSource, span: Span, reading: Reading) -> Iterator[Call]:
    """The calls of a source in a span, each once. Raises as `open_source`."""
    with ThreadPoolExecutor(THREADS, "pull") as pool:
        opened = open_source(source, reading, Means(Clock(), pool, cache_folder()))
        cursor = Cursor(span.start, span.start, late=opened.late)
        ingest = Ingest(cursor, span, opened.parsing)
        for batch in opened.batches(span, cursor):
            for calls in ingest.take(batch):
                yield from calls
