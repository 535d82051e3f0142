"""Invocation logs in S3, hour by hour, several objects at a time, and the bodies that Bedrock puts beside them.

Objects are fetched by several threads and passed on in order, never all at once. Bedrock writes its logs to
`<prefix>/AWSLogs/<account>/BedrockModelInvocationLogs/<region>/Y/M/D/H/`; hours are listed with a delimiter, so that
the bodies below `data/` are never listed. The hour of a key is when an object was delivered, about when its calls were
made.

Bodies over 100 KB, or sent to a bucket of their own, are fetched with `--bodies`: the answer's body shows how long
written entries live, the request's gives the prefix. A body that cannot be had leaves its record as it was, and is
counted.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import IO, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from urllib3.exceptions import HTTPError

from cachekit.core.jsonio.documents import read_values
from cachekit.core.jsonio.inputs import STDIN, Source, find_sources
from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import CachekitError, OutsideError
from cachekit.pull.aws import PAUSES, Service
from cachekit.pull.cursor import Batch, Event, Span
from cachekit.pull.errors import translate_error
from cachekit.pull.options import HOUR, SECOND

THREADS = 8
AHEAD = 2 * THREADS
"""How many objects may be under way or waiting for their turn."""

_IN_MEMORY = 4 * 1024 * 1024
"""A larger object waits in a temporary file."""

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


def in_order(
    pool: Executor, work: Callable[[_Item], _Done], inputs: Iterable[_Item], ahead: int = AHEAD
) -> Iterator[_Done]:
    """The results of work on each item, in their order; at most `ahead` are begun before they are taken."""
    waiting: deque[Future[_Done]] = deque()
    try:
        for item in inputs:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def fetched(service: Service, bucket: str, key: str) -> Source:
    """An object, as a source that can be read once. A transfer that breaks is begun again. Raises as `Service.ask`."""
    for pause in (*PAUSES[:3], None):
        answer = service.request("get_object", Bucket=bucket, Key=key)
        file = cast("IO[bytes]", SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115  it lives as long as its source
        try:
            shutil.copyfileobj(cast("IO[bytes]", answer["Body"]), file)
        except (BotoCoreError, ClientError, HTTPError, OSError) as error:
            file.close()
            if pause is None:
                raise translate_error(error, service.about) from None
            service.wait(pause)
            continue
        file.seek(0)
        (source,) = find_sources([STDIN], file)  # type: ignore[arg-type]
        return replace(source, name=f"s3://{bucket}/{key}")
    raise AssertionError("the last try returns or raises")


LOGS, BEDROCK = "AWSLogs/", "BedrockModelInvocationLogs/"
DAY = 24 * HOUR
_PERMISSION_CHECK = "permission-check"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and how keys begin in it. With a region, only the logs of that region are meant."""

    name: str
    prefix: str = ""
    region: str | None = None

    @classmethod
    def of(cls, uri: str, region: str | None = None) -> Bucket:
        """The bucket of `s3://bucket/prefix`."""
        name, _, prefix = uri.removeprefix("s3://").partition("/")
        return cls(name, prefix, region)


@dataclass(frozen=True, slots=True)
class Hour:
    """The keys of one hour (its beginning in ms) below one account and region."""

    at: int
    prefix: str


def roots(service: Service, bucket: Bucket) -> list[str]:
    """The prefixes with dates below them: one for each account and region. Raises OutsideError where there are none."""
    found = [
        region
        for logs in _log_folders(bucket.prefix)
        for account in _folders(service, bucket.name, logs)
        for region in _folders(service, bucket.name, f"{account}{BEDROCK}")
    ]
    meant = [root for root in found if _is_meant(root, bucket)]
    if not meant:
        hint = "name the bucket and prefix of Bedrock's logging settings; keys go on with AWSLogs/"
        raise OutsideError("no invocation logs are kept there", where=service.about, hint=hint)
    return meant


def _is_meant(root: str, bucket: Bucket) -> bool:
    return _leads(root, bucket.prefix) and (bucket.region is None or root.split("/")[-2] == bucket.region)


def _leads(folder: str, prefix: str) -> bool:
    """Whether a folder lies below a prefix, or the prefix below the folder."""
    return folder.startswith(prefix) or prefix.startswith(folder)


def _log_folders(prefix: str) -> list[str]:
    """Where `AWSLogs/` can be. A prefix may end in a slash or not, and may lead into the layout."""
    before, found, _ = f"{prefix.rstrip('/')}/".rpartition(LOGS)
    if found:
        return [f"{before}{LOGS}"]
    return list(dict.fromkeys([f"{prefix.rstrip('/')}/{LOGS}".lstrip("/"), f"{prefix}{LOGS}"]))


def days(span: Span) -> Iterator[int]:
    """The days that a span touches, each by its beginning in ms."""
    yield from range(span.start // DAY * DAY, span.end, DAY)


def hours(service: Service, bucket: Bucket, root: str, day: int, span: Span) -> list[Hour]:
    """The hours of a day (its beginning in ms) that are in the bucket and touch a span, in order."""
    found = _folders(service, bucket.name, f"{root}{datetime.fromtimestamp(day / SECOND, UTC):%Y/%m/%d}/")
    known = [Hour(at, prefix) for prefix in found if (at := _hour_of(prefix)) is not None]
    return [hour for hour in known if span.start - HOUR < hour.at < span.end and _leads(hour.prefix, bucket.prefix)]


def _hour_of(prefix: str) -> int | None:
    """The beginning of an hour (ms) whose folder ends in `2026/11/20/07/`."""
    try:
        moment = datetime.strptime(prefix[-14:], "%Y/%m/%d/%H/").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * SECOND


def objects(service: Service, bucket: Bucket, hour: Hour) -> list[str]:
    """The keys of an hour's log objects, in order."""
    keys = [
        text(mapping(item).get("Key")) or ""
        for page in _pages(service, bucket.name, hour.prefix)
        for item in items(page.get("Contents"))
    ]
    return [key for key in keys if key.startswith(bucket.prefix) and not key.endswith(("/", _PERMISSION_CHECK))]


def _folders(service: Service, bucket: str, prefix: str) -> list[str]:
    return [
        folder
        for page in _pages(service, bucket, prefix)
        for item in items(page.get("CommonPrefixes"))
        if (folder := text(mapping(item).get("Prefix")))
    ]


def _pages(service: Service, bucket: str, prefix: str) -> Iterator[Mapping[str, object]]:
    token: dict[str, object] = {}
    while True:
        page = service.request("list_objects_v2", Bucket=bucket, Prefix=prefix, Delimiter="/", **token)
        yield page
        following = text(page.get("NextContinuationToken"))
        if not following:
            return
        token = {"ContinuationToken": following}


LATE = HOUR
"""Calls stand under the hour of their delivery, which can be the one behind that of the call."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A log object; with an empty key, the end of an hour: all its objects come before."""

    hour: Hour
    key: str = ""
    body: Source | None = None


def read_bucket(
    service: Service, bucket: Bucket, span: Span, pool: Executor, known: Callable[[str], bool] = lambda _: False
) -> Iterator[Batch]:
    """The events of a span, and of the hours around it; an object whose key is known is passed over. Raises as
    `Service.ask`, and OutsideError where the bucket holds no invocation logs."""
    wanted = (found for found in _listed(service, bucket, span, pool) if not (found.key and known(found.key)))
    for found in in_order(pool, partial(_fetch, service, bucket), wanted):
        over = found.hour.at + HOUR  # the hour is read again as long as a span touches its end
        if found.body is None:
            yield Batch((), over, done=min(over, span.end))
        else:
            yield Batch(_events(found.body, over), over, unit=found.key)
    yield Batch((), span.end, done=span.end)


def _fetch(service: Service, bucket: Bucket, found: _Found) -> _Found:
    return _Found(found.hour, found.key, fetched(service, bucket.name, found.key)) if found.key else found


def _listed(service: Service, bucket: Bucket, span: Span, pool: Executor) -> Iterator[_Found]:
    """The log objects in order of their hours, and each hour's end."""
    reach = Span(span.start, span.end + LATE)
    all_roots = roots(service, bucket)
    for day in days(reach):
        of_root = in_order(pool, lambda root, day=day: hours(service, bucket, root, day, reach), all_roots)  # type: ignore[misc]
        of_day = sorted((hour for found in of_root for hour in found), key=lambda hour: (hour.at, hour.prefix))
        listed = in_order(pool, lambda hour: (hour, objects(service, bucket, hour)), of_day)
        yield from _with_ends(listed)


def _with_ends(listed: Iterable[tuple[Hour, list[str]]]) -> Iterator[_Found]:
    last: Hour | None = None
    for hour, keys in listed:
        if last is not None and hour.at > last.at:
            yield _Found(last)
        yield from (_Found(hour, key) for key in keys)
        last = hour
    if last is not None:
        yield _Found(last)


def _events(body: Source, at: int) -> Iterator[Event]:
    """The records of an object. What cannot be read stands as its reason, so that it is counted."""
    for value in read_values(body):
        number, record = (value.number, value) if isinstance(value, BadLine) else value
        yield Event(at, f"{body.name}#{number}", record)


_PARTS = (("input", "inputBodyS3Path", "inputBodyJson"), ("output", "outputBodyS3Path", "outputBodyJson"))

MISSING = "a body in S3 that could not be read"


@dataclass(frozen=True, slots=True)
class Bodies:
    """Where bodies are fetched. `missed` is called with the reason where one could not be."""

    service: Service
    pool: Executor
    missed: Callable[[str], None]

    def filled(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events in their order, with the bodies that their records point to."""
        return in_order(self.pool, self._filled, events)

    def _filled(self, event: Event) -> Event:
        record = mapping(event.record)
        parts = {part: self._part(mapping(record.get(part)), path, body) for part, path, body in _PARTS}
        found = {name: part for name, part in parts.items() if part is not None}
        return Event(event.at, event.id, {**record, **found}) if found else event

    def _part(self, part: Mapping[str, object], path: str, body: str) -> dict[str, object] | None:
        """The part with its body; None where it has one, or points to none, or none can be had."""
        uri = text(part.get(path))
        if uri is None or body in part:
            return None
        value = self._body(uri)
        return None if value is None else {**part, body: value}

    def _body(self, uri: str) -> object:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not key:
            self.missed(MISSING)
            return None
        try:
            values = list(read_values(fetched(self.service, bucket, key)))
        except CachekitError as error:
            self.missed(f"{MISSING}: {error.what}")
            return None
        if len(values) == 1 and not isinstance(values[0], BadLine):
            return values[0][1]
        lines = [value[1] for value in values if not isinstance(value, BadLine)]
        if not lines or len(lines) < len(values):
            self.missed(f"{MISSING}: not JSON")
            return None
        return lines
