"""A run of `report`: options, configuration, logs, thresholds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from cachekit.core.config.find import load_config
from cachekit.core.config.values import Config
from cachekit.core.jsonio.moments import parse_moment
from cachekit.core.logs.format import SKIPPED
from cachekit.core.logs.reading import read_any
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.errors import InputError, UsageError
from cachekit.report.finish import finish
from cachekit.report.folding.counting import side_of
from cachekit.report.folding.fold import fold
from cachekit.report.gate import Outcome, Thresholds, judge, read_baseline
from cachekit.report.options import LABEL, ReportOptions
from cachekit.report.values import Report


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What a run is asked for; None leaves it to the configuration. Times as the user wrote them."""

    paths: tuple[str, ...] = ()
    by: str = "family"
    since: str | None = None
    until: str | None = None
    split_at: str | None = None
    input_format: str | None = None
    min_calls: int | None = None
    top: int | None = None
    fail_under: float | None = None
    max_drop: float | None = None
    max_loss: Decimal | None = None
    baseline: Path | None = None
    strict_input: bool = False


@dataclass(frozen=True, slots=True)
class ReportRun:
    """A report, and what its thresholds say of it."""

    report: Report
    outcome: Outcome


def run_report(
    request: ReportRequest, start: Path, env: Mapping[str, str], now: float, *, stdin: BinaryIO | None = None
) -> ReportRun:
    """Reads the logs and judges them. `start`: where the configuration is looked for; `now`: what `24h` counts from.

    Raises InputError where nothing could be read, or anything could not under `strict_input`."""
    config = load_config(start, env)
    options, thresholds = options_of(request, config, now), _thresholds(request, config)
    baseline = read_baseline(request.baseline) if request.baseline is not None else None
    report = finish(fold(paths_of(request, config), options, stdin=stdin))
    check_read(report, request)
    return ReportRun(report, judge(report, thresholds, baseline, options.min_calls))


@dataclass(frozen=True, slots=True)
class Written:
    """How many calls a table holds, and how many lines could not be read."""

    calls: int
    unread: int


def write_calls(request: ReportRequest, target: Path, start: Path, env: Mapping[str, str], now: float) -> Written:
    """Writes the calls of the logs, those of the window where there is one, to a Parquet file."""
    from cachekit.core.logs.table import write_parquet

    config = load_config(start, env)
    options, unread = options_of(request, config, now), 0

    def calls() -> Iterator[Call]:
        nonlocal unread
        for found in read_any(paths_of(request, config), options.input_format):
            unread += isinstance(found, BadLine)
            if isinstance(found, Call) and side_of(options, found.ts) is not None:
                yield found

    return Written(write_parquet(calls(), target), unread)


def paths_of(request: ReportRequest, config: Config) -> list[str]:
    if request.paths:
        return list(request.paths)
    if config.log is not None:
        return [str(config.log)]
    raise UsageError(
        "no log to read, and no program's log was found",
        hint="name files or folders, - for stdin, or set defaults.log in cachekit.toml",
    )


def options_of(request: ReportRequest, config: Config, now: float) -> ReportOptions:
    since, until, split_at = (
        parse_moment(value, now) if value is not None else None
        for value in (request.since, request.until, request.split_at)
    )
    smallest = request.min_calls if request.min_calls is not None else config.min_calls
    tables = {"pricing": config.pricing, "policy": config.policy, "models": config.models}
    return ReportOptions(
        by=request.by,
        since=since,
        until=until,
        split_at=split_at,
        input_format=None if request.input_format in (None, "auto") else request.input_format,
        min_calls=1 if smallest is None else smallest,
        top=request.top,
        overrides={name: table for name, table in tables.items() if table},
    )


def _thresholds(request: ReportRequest, config: Config) -> Thresholds:
    """Options before the configuration. A drop in the configuration waits for a baseline."""
    drop = config.max_drop if request.max_drop is None and request.baseline is not None else request.max_drop
    return Thresholds(
        fail_under=config.fail_under if request.fail_under is None else request.fail_under,
        max_drop=drop,
        max_loss=config.max_loss_usd_per_1k if request.max_loss is None else request.max_loss,
    )


def check_read(report: Report, request: ReportRequest) -> None:
    """Nothing read is never a report, and neither is anything unread where that was forbidden."""
    unread = sum(number for name, number in report.tally.items() if name.startswith("bad: "))
    first = report.examples[0] if report.examples else None
    reason = first.reason if first else "unreadable"
    where = f"{first.source}:{first.number}" if first else ", ".join(request.paths)
    if unread and request.strict_input:
        others = f" (and {unread - 1:,} more)" if unread > 1 else ""
        raise InputError(f"{reason}{others}", where=where, hint="--strict-input is set")
    if report.other_labels is not None:
        known = ", ".join(f"{LABEL}{name}" for name in report.other_labels)
        hint = f"calls have {known}" if known else "no call in it has any label"
        raise UsageError(f"no call has the label {report.by.removeprefix(LABEL)[:40]!r}", hint=hint)
    if report.total.calls or report.warm or any(name.startswith("left out: ") for name in report.tally):
        return
    if unread:
        raise InputError(f"no call could be read: {reason}", where=where)
    raise _no_calls(report, request, where)


def _no_calls(report: Report, request: ReportRequest, where: str) -> InputError:
    """Why there is nothing to report on, as far as the reader knows it."""
    named = request.input_format not in (None, "auto")
    hint = (
        "leave --input-format out, and it is recognised by its records"
        if named
        else "name its format with --input-format"
    )
    found = {name.removeprefix(SKIPPED): n for name, n in report.tally.items() if name.startswith(SKIPPED) and n}
    reasons = ", ".join(f"{n:,} x {reason}" for reason, n in sorted(found.items()))
    return InputError(f"no calls in it: {reasons}" if reasons else "no calls in it", where=where, hint=hint)
