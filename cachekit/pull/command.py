"""`cachekit pull` without its words: options in, outcomes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cachekit.core.config import load_config
from cachekit.core.errors import CachekitError, UsageError
from cachekit.core.logs.native_write import Content
from cachekit.pull.wish import SECOND, Clock, Mode, Place, PullSource, PullWish, Reading

if TYPE_CHECKING:  # boto3 is imported when a pull runs
    from cachekit.pull.events import Span
    from cachekit.pull.metrics import Check
    from cachekit.pull.run import Outcome, Tell


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command, as the user wrote them."""

    log_group: str | None = None
    s3: str | None = None
    sources: Path | None = None
    place: Place = Place()
    since: str = "24h"
    until: str | None = None
    mode: str = "filter"
    filter: str | None = None
    sample: float | None = None
    content: str = "digests"
    bodies: bool = False
    max_events: int | None = None
    follow: bool = False
    metrics: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Where and when a pull runs, and who is told how far it came."""

    folder: Path
    env: Mapping[str, str]
    clock: Clock = Clock()
    tell: Tell = lambda _: None


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of a pull. `checked`: what CloudWatch counted beside it and in which span, where that was asked."""

    wish: PullWish
    outcomes: list[Outcome]
    output: Path | None
    checked: Checked | None = None

    @property
    def missing(self) -> list[Outcome]:
        """The sources that failed."""
        return [outcome for outcome in self.outcomes if outcome.fault is not None]


@dataclass(frozen=True, slots=True)
class Checked:
    """The cross-check with the metrics. `fault`: they could not be had."""

    span: Span
    checks: list[Check]
    fault: CachekitError | None = None


def wish_of(asked: Asked, models: Mapping[str, str], now: float) -> PullWish:
    """What the options ask for. Raises UsageError where they do not fit together."""
    from cachekit.report.options import parse_moment

    if asked.mode not in list(Mode):
        raise UsageError(f"--mode {asked.mode[:20]!r}", mend="filter or insights")
    reading = Reading(
        mode=Mode(asked.mode),
        filter=asked.filter,
        sample=asked.sample,
        bodies=asked.bodies,
        content=cast("Content", asked.content),
        models=models,
    )
    return PullWish(
        sources=_sources(asked),
        since=round(parse_moment(asked.since, now) * SECOND),
        until=None if asked.until is None else round(parse_moment(asked.until, now) * SECOND),
        reading=reading,
        max_events=asked.max_events,
        follow=asked.follow,
    )


def _sources(asked: Asked) -> tuple[PullSource, ...]:
    """One source, or those of the file, where what it leaves open is taken from the options."""
    if asked.sources is None:
        return (PullSource(asked.place, asked.log_group, asked.s3),)
    if asked.log_group or asked.s3:
        raise UsageError("--sources names the logs", mend="leave out --log-group and --s3")
    from cachekit.pull.sources import read_sources

    return tuple(replace(each, place=_filled(each.place, asked.place)) for each in read_sources(asked.sources))


def _filled(place: Place, usual: Place) -> Place:
    return Place(place.region or usual.region, place.profile or usual.profile, place.role_arn or usual.role_arn)


def check_metrics(asked: Asked, output: Path | None) -> None:
    """Raises UsageError where the metrics would be held against a part of the calls."""
    if output is None or str(output) == "-":
        raise UsageError("--metrics reads the log that was written", mend="name a file with -o")
    part = {
        "--filter": asked.filter,
        "--sample": asked.sample,
        "--max-events": asked.max_events,
        "--follow": asked.follow,
    }
    if named := [option for option, value in part.items() if value]:
        raise UsageError(f"--metrics counts all calls, {named[0]} asks for a part of them", mend="leave one out")


def run_pull(asked: Asked, output: Path | None, context: Context) -> Pulled:
    """Pull what was asked for. Raises UsageError and InputError for what concerns the whole pull."""
    from cachekit.pull.output import opened
    from cachekit.pull.run import pull

    config = load_config(context.folder, context.env)
    wish = wish_of(asked, config.models, context.clock.now())
    if asked.metrics:
        check_metrics(asked, output)
    with opened(output) as held:
        outcomes = pull(wish, held, context.clock, context.tell)
    checked = _checked(wish, outcomes, output, context.clock) if asked.metrics and output is not None else None
    return Pulled(wish, outcomes, output, checked)


def _checked(wish: PullWish, outcomes: list[Outcome], output: Path, clock: Clock) -> Checked | None:
    """What CloudWatch counted in the regions of the sources, of the time that all of them cover."""
    from cachekit.pull.events import Span
    from cachekit.pull.metrics import check, comparable

    now = int(clock.now() * SECOND)
    span, period = comparable(Span(wish.since, wish.until or now), now)
    if span.start >= span.end:
        return Checked(span, [])
    services = {
        (outcome.opened.aws.region, outcome.source.place.role_arn, outcome.source.place.profile): outcome.opened
        for outcome in outcomes
        if outcome.opened is not None
    }
    try:
        found = [opened.aws.service("cloudwatch", "metrics of AWS/Bedrock") for opened in services.values()]
        return Checked(span, check(output, found, span, period))
    except CachekitError as error:
        return Checked(span, [], error)
