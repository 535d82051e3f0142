"""Invocation logs in S3, hour by hour, several objects at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

from cachekit.core.calls import BadLine
from cachekit.core.documents import read_values
from cachekit.core.inputs import Source
from cachekit.pull.aws import Service
from cachekit.pull.events import Batch, Event, Span
from cachekit.pull.layout import Bucket, Hour, days, hours, objects, roots
from cachekit.pull.objects import fetched, in_order
from cachekit.pull.wish import HOUR

LATE = HOUR
"""Calls stand under the hour of their delivery, which can be the one behind that of the call."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A log object; with an empty key, the end of an hour: all its objects come before."""

    hour: Hour
    key: str = ""
    held: Source | None = None


def read_bucket(
    service: Service, bucket: Bucket, span: Span, pool: Executor, known: Callable[[str], bool] = lambda _: False
) -> Iterator[Batch]:
    """The events of a span, and of the hours around it; an object whose key is known is passed over. Raises as
    `Service.ask`, and OutsideError where the bucket holds no invocation logs."""
    wanted = (found for found in _listed(service, bucket, span, pool) if not (found.key and known(found.key)))
    for found in in_order(pool, partial(_fetch, service, bucket), wanted):
        over = found.hour.at + HOUR  # the hour is read again as long as a span touches its end
        if found.held is None:
            yield Batch((), over, done=min(over, span.end))
        else:
            yield Batch(_events(found.held, over), over, unit=found.key)
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


def _events(held: Source, at: int) -> Iterator[Event]:
    """The records of an object. What cannot be read stands as its reason, so that it is counted."""
    for value in read_values(held):
        number, record = (value.number, value) if isinstance(value, BadLine) else value
        yield Event(at, f"{held.name}#{number}", record)
