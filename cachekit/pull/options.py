"""The options of a pull. Times are milliseconds since 1970 UTC, as CloudWatch Logs has them.

Many logs in one pull come from a TOML file of roles, regions and groups or buckets:

    [[source]]
    name = "shop"                                       # for messages; optional, as all keys are
    role_arn = "arn:aws:iam::111122223333:role/reader"  # or profile = "shop"
    region = ["us-east-1", "eu-west-1"]
    log_group = "/bedrock/calls"                        # or s3 = "s3://bucket/prefix"; neither: as Bedrock is set up

Each key takes a text or a list of texts; a list stands for a source each, and several lists for all combinations.
"""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from itertools import product
from pathlib import Path

from cachekit.core.logs.native_write import Content
from cachekit.core.model.errors import InputError, UsageError

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


class Mode(StrEnum):
    """How a log group is read."""

    FILTER = "filter"
    INSIGHTS = "insights"


@dataclass(frozen=True, slots=True)
class Clock:
    """The time in seconds since 1970 UTC, and a way to let some pass."""

    now: Callable[[], float] = time.time
    wait: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Place:
    """The identity and region for AWS. What is None is left to the environment and to the AWS configuration."""

    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class PullSource:
    """One log. Without a group and a bucket (`s3://bucket/prefix`), the one that Bedrock is configured to write to."""

    place: Place = Place()
    log_group: str | None = None
    s3: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.log_group and self.s3:
            raise UsageError("a log group and a bucket are two sources", hint="name one of --log-group and --s3")
        if self.s3 is not None and not self.s3.removeprefix("s3://").strip("/"):
            raise UsageError("--s3 names no bucket", hint="write it as s3://bucket/prefix")


@dataclass(frozen=True, slots=True)
class Reading:
    """How logs are read. `filter` is in the language of the mode. `sample` is a share of the calls, by request id.
    `bodies` fetches bodies that were off-loaded to S3. `models` are the user's names for models, by ARN."""

    mode: Mode = Mode.FILTER
    filter: str | None = None
    sample: float | None = None
    bodies: bool = False
    content: Content = "digests"
    models: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.sample is not None and self.mode is not Mode.INSIGHTS:
            raise UsageError("--sample needs --mode insights", hint="FilterLogEvents and S3 read everything anyway")
        if self.sample is not None and not 0 < self.sample <= 1:
            raise UsageError("--sample is a share of the calls", hint="above 0 and up to 1, such as 0.1")
        if self.content not in ("digests", "full", "none"):
            raise UsageError(f"no such content: {self.content[:40]}", hint="digests, full or none")

    @property
    def how(self) -> dict[str, object]:
        """What must stay the same for one output: with another filter it would hold other calls."""
        settings = {"filter": self.filter, "sample": self.sample, "content": self.content, "bodies": self.bodies}
        return {name: value for name, value in settings.items() if value}


@dataclass(frozen=True, slots=True)
class PullOptions:
    """A pull: `since` (inclusive) to `until` (exclusive; None is now). `max_events` counts calls of each source.
    `metrics`: compare the log with what CloudWatch counted."""

    sources: tuple[PullSource, ...]
    since: int
    until: int | None = None
    reading: Reading = Reading()
    max_events: int | None = None
    follow: bool = False
    metrics: bool = False

    def __post_init__(self) -> None:
        if self.until is not None and self.since >= self.until:
            raise UsageError("--since is not before --until")
        if self.max_events is not None and self.max_events < 1:
            raise UsageError("--max-events starts at 1")
        if self.follow and self.reading.mode is Mode.INSIGHTS:
            raise UsageError("--follow does not go with --mode insights", hint="a query costs money for what it scans")
        partial = {
            "--filter": self.reading.filter,
            "--sample": self.reading.sample,
            "--max-events": self.max_events,
            "--follow": self.follow,
        }
        if self.metrics and (named := [option for option, value in partial.items() if value]):
            raise UsageError(f"--metrics counts all calls, {named[0]} asks for a part of them", hint="leave one out")


def parse_mode(text: str) -> Mode:
    """The mode of a word. Raises UsageError for any other."""
    if text not in list(Mode):
        raise UsageError(f"--mode {text[:20]!r}", hint="filter or insights")
    return Mode(text)


def parse_time(text: str, now: float) -> int:
    """A moment in ms: RFC 3339, a date, or how long before `now` (seconds). Raises UsageError."""
    from cachekit.core.jsonio.moments import parse_moment

    return round(parse_moment(text, now) * SECOND)


def find_sources(source: PullSource, path: Path | None) -> tuple[PullSource, ...]:
    """The one source, or those of a file, where what the file leaves open is taken from the one."""
    if path is None:
        return (source,)
    if source.log_group or source.s3:
        raise UsageError("--sources names the logs", hint="leave out --log-group and --s3")
    usual = source.place
    return tuple(
        replace(
            each,
            place=Place(
                each.place.region or usual.region,
                each.place.profile or usual.profile,
                each.place.role_arn or usual.role_arn,
            ),
        )
        for each in read_sources(path)
    )


KEYS = ("name", "role_arn", "profile", "region", "log_group", "s3")
_LISTS = KEYS[1:]


def read_sources(path: Path) -> tuple[PullSource, ...]:
    """The sources of a file, in its order. Raises InputError for a file that is no TOML, and UsageError for one that
    holds anything else."""
    try:
        tree = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (ValueError, RecursionError) as error:
        place = re.search(r"line (\d+)", str(error))
        where = f"{path}:{place[1]}" if place else str(path)
        raise InputError("is not valid TOML", where=where, hint="look at this line and the one before") from None
    _check_keys(tree, ("source",), path)
    tables = tree.get("source")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise UsageError("names no sources", where=str(path), hint="write each under [[source]]")
    found = tuple(source for table in tables for source in _sources(table, path))
    if len(set(found)) < len(found):
        raise UsageError("names a source twice", where=str(path))
    return found


def _sources(table: Mapping[str, object], path: Path) -> Iterator[PullSource]:
    """The sources of one table: every combination of what it lists."""
    _check_keys(table, KEYS, path)
    name = table.get("name", "")
    if not isinstance(name, str):
        raise UsageError("name expects text", where=str(path))
    lists = [_texts(table, key, path) for key in _LISTS]
    many = any(len(texts) > 1 for texts in lists)
    for role, profile, region, group, s3 in product(*lists):
        label = " ".join(part for part in (name, region, group or s3, role, profile) if part) if many and name else name
        yield PullSource(Place(region, profile, role), group, s3, label)


def _texts(table: Mapping[str, object], key: str, path: Path) -> tuple[str | None, ...]:
    value = table.get(key)
    if value is None:
        return (None,)
    listed = value if isinstance(value, list) else [value]
    texts = tuple(text for text in listed if isinstance(text, str) and text)
    if not texts or len(texts) < len(listed):
        raise UsageError(f"{key} expects a text or a list of texts", where=str(path))
    return texts


def _check_keys(table: Mapping[str, object], known: tuple[str, ...], path: Path) -> None:
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise UsageError(f"unknown key {key[:40]}", where=str(path), hint=hint)
