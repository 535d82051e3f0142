"""What a pull is asked for. Times are milliseconds since 1970 UTC, as CloudWatch Logs has them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cachekit.core.errors import UsageError
from cachekit.core.logs.native_write import Content

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
    """As whom and where AWS is asked. What is None is left to the environment and to the AWS configuration."""

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
            raise UsageError("a log group and a bucket are two sources", mend="name one of --log-group and --s3")
        if self.s3 is not None and not self.s3.removeprefix("s3://").strip("/"):
            raise UsageError("--s3 names no bucket", mend="write it as s3://bucket/prefix")


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
            raise UsageError("--sample needs --mode insights", mend="FilterLogEvents and S3 read everything anyway")
        if self.sample is not None and not 0 < self.sample <= 1:
            raise UsageError("--sample is a share of the calls", mend="above 0 and up to 1, such as 0.1")
        if self.content not in ("digests", "full", "none"):
            raise UsageError(f"no such content: {self.content[:40]}", mend="digests, full or none")

    @property
    def how(self) -> dict[str, object]:
        """What must stay the same for one output: with another filter, its calls would be others."""
        told = {"filter": self.filter, "sample": self.sample, "content": self.content, "bodies": self.bodies}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class PullWish:
    """A pull: `since` (inclusive) to `until` (exclusive; None is now). `max_events` counts calls of each source."""

    sources: tuple[PullSource, ...]
    since: int
    until: int | None = None
    reading: Reading = Reading()
    max_events: int | None = None
    follow: bool = False

    def __post_init__(self) -> None:
        if self.until is not None and self.since >= self.until:
            raise UsageError("--since is not before --until")
        if self.max_events is not None and self.max_events < 1:
            raise UsageError("--max-events starts at 1")
        if self.follow and self.reading.mode is Mode.INSIGHTS:
            raise UsageError("--follow does not go with --mode insights", mend="a query costs money for what it scans")
