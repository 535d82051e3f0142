"""A source made ready to be read: signed in, located, with the ways to parse what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.model.errors import OutsideError, UsageError
from cachekit.pull.aws import Aws, Service, connect
from cachekit.pull.cursor import LATE_EVENTS, LATE_OBJECTS, Batch, Cursor, Span
from cachekit.pull.groups import Group, read_group
from cachekit.pull.ingest import Parsing
from cachekit.pull.insights import Query, read_insights
from cachekit.pull.options import Clock, Mode, PullSource, Reading
from cachekit.pull.profiles import Profiles
from cachekit.pull.s3 import Bodies, Bucket, read_bucket


def located(source: PullSource, aws: Aws) -> PullSource:
    """The source with its log group or bucket; Bedrock's own settings decide where none was named. The group comes
    before the bucket: it can be filtered. Raises OutsideError where logging is off."""
    if source.log_group or source.s3:
        return source
    service = aws.service("bedrock", "the settings of Bedrock's invocation log")
    settings = mapping(service.request("get_model_invocation_logging_configuration").get("loggingConfig"))
    group = text(mapping(settings.get("cloudWatchConfig")).get("logGroupName"))
    if group is not None:
        return replace(source, log_group=group)
    bucket = mapping(settings.get("s3Config"))
    name, prefix = text(bucket.get("bucketName")), text(bucket.get("keyPrefix")) or ""
    if name is None:
        hint = "turn on model invocation logging in Bedrock's settings, or name --log-group or --s3"
        raise OutsideError("Bedrock logs no invocations there", where=aws.region or "", hint=hint)
    return replace(source, s3=f"s3://{name}/{prefix}", place=replace(source.place, region=aws.region))


@dataclass(frozen=True, slots=True)
class Means:
    """What reading takes besides the source: the time, threads, and where models of profiles are remembered."""

    clock: Clock
    pool: Executor
    cache: Path | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that can be read. `key` names it in the cursor: what it is and as whom it is read."""

    source: PullSource
    key: str
    aws: Aws
    service: Service
    parsing: Parsing
    reading: Reading
    pool: Executor
    notes: Counter[str]

    @property
    def late(self) -> int:
        """How long after its time something may come, in ms."""
        return LATE_OBJECTS if self.source.s3 else LATE_EVENTS

    def batches(self, span: Span, cursor: Cursor) -> Iterator[Batch]:
        """What the source holds of a span. Raises OutsideError."""
        if self.source.s3:
            bucket = Bucket.of(self.source.s3, self.source.place.region)
            return read_bucket(self.service, bucket, span, self.pool, cursor.knows)
        group = self.source.log_group or ""
        if self.reading.mode is Mode.INSIGHTS:
            return read_insights(self.service, Query(group, self.reading.filter, self.reading.sample), span)
        return read_group(self.service, Group(group, self.reading.filter), span)


def open_source(source: PullSource, reading: Reading, means: Means) -> Opened:
    """Sign in and locate a source. Raises UsageError and OutsideError."""
    aws = connect(source.place, means.clock)
    source = located(source, aws)
    if source.s3 and (reading.filter or reading.mode is Mode.INSIGHTS):
        raise UsageError("S3 has no filters and no Insights", where=source.s3, hint="leave out --filter and --mode")
    notes: Counter[str] = Counter()
    what = source.s3 or f"log group {source.log_group}"
    service = aws.service("s3", what) if source.s3 else aws.service("logs", what)
    profiles = Profiles(
        lambda region: aws.service("bedrock", "inference profiles", region),
        reading.models,
        means.cache,
        lambda reason: notes.update([reason]),
    )
    parsing = Parsing(reading, profiles.model_of)
    if reading.bodies:
        bodies = Bodies(aws.service("s3", "bodies in S3"), means.pool, lambda reason: notes.update([reason]))
        parsing = Parsing(reading, profiles.model_of, bodies.filled)
    return Opened(source, _key(source, aws), aws, service, parsing, reading, means.pool, notes)


def _key(source: PullSource, aws: Aws) -> str:
    """Region and log, and as whom: equal names in two accounts are two logs."""
    region = (source.place.region if source.s3 else aws.region) or ""
    parts = [region, source.s3 or source.log_group or "", source.place.role_arn or "", source.place.profile or ""]
    return " ".join(part for part in parts if part)
