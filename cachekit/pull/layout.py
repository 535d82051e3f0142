"""Where Bedrock puts its logs in a bucket: `<prefix>/AWSLogs/<account>/BedrockModelInvocationLogs/<region>/Y/M/D/H/`.

Hours are listed with a delimiter, so that the bodies below `data/` are never listed. The hour of a key is when an
object was delivered, about when its calls were made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cachekit.core.errors import OutsideError
from cachekit.core.shape import items, mapping, text
from cachekit.pull.aws import Service
from cachekit.pull.events import Span
from cachekit.pull.wish import HOUR, SECOND

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
        mend = "name the bucket and prefix of Bedrock's logging settings; keys go on with AWSLogs/"
        raise OutsideError("no invocation logs are kept there", where=service.about, mend=mend)
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
    told = [Hour(at, prefix) for prefix in found if (at := _hour_of(prefix)) is not None]
    return [hour for hour in told if span.start - HOUR < hour.at < span.end and _leads(hour.prefix, bucket.prefix)]


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
        page = service.ask("list_objects_v2", Bucket=bucket, Prefix=prefix, Delimiter="/", **token)
        yield page
        following = text(page.get("NextContinuationToken"))
        if not following:
            return
        token = {"ContinuationToken": following}
