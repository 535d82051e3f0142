"""A pull as the command runs it: options in, outcomes out, and the comparison with CloudWatch's own counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cachekit.core.config.find import load_config
from cachekit.core.model.errors import CachekitError, UsageError
from cachekit.pull.options import SECOND, Clock, PullOptions

if TYPE_CHECKING:  # boto3 is imported when a pull runs
    from cachekit.pull.cursor import Span
    from cachekit.pull.metrics import Check
    from cachekit.pull.run import OnProgress, Outcome


@dataclass(frozen=True, slots=True)
class Context:
    """Where and when a pull runs, and what is called with its progress."""

    folder: Path
    env: Mapping[str, str]
    clock: Clock = Clock()
    on_progress: OnProgress = lambda _: None


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of a pull. `checked`: what CloudWatch counted and in which span, with `metrics`."""

    options: PullOptions
    outcomes: list[Outcome]
    output: Path | None
    checked: Checked | None = None

    @property
    def missing(self) -> list[Outcome]:
        """The sources that failed."""
        return [outcome for outcome in self.outcomes if outcome.error is not None]


@dataclass(frozen=True, slots=True)
class Checked:
    """The cross-check with the metrics. `error`: they could not be had."""

    span: Span
    checks: list[Check]
    error: CachekitError | None = None


def run_pull(options: PullOptions, output: Path | None, context: Context) -> Pulled:
    """Pull. Raises UsageError and InputError for what concerns the whole pull."""
    from cachekit.pull.output import open_output
    from cachekit.pull.run import pull

    if options.metrics and (output is None or str(output) == "-"):
        raise UsageError("--metrics reads the log that was written", hint="name a file with -o")
    config = load_config(context.folder, context.env)
    options = replace(options, reading=replace(options.reading, models=config.models))
    with open_output(output) as log:
        outcomes = pull(options, log, context.clock, context.on_progress)
    checked = _compare(options, outcomes, output, context.clock) if options.metrics and output is not None else None
    return Pulled(options, outcomes, output, checked)


def _compare(options: PullOptions, outcomes: list[Outcome], output: Path, clock: Clock) -> Checked:
    """What CloudWatch counted in the regions of the sources, of the time that all of them cover."""
    from cachekit.pull.cursor import Span
    from cachekit.pull.metrics import check, comparable

    now = int(clock.now() * SECOND)
    span, period = comparable(Span(options.since, options.until or now), now)
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
