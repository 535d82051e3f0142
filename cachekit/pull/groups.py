"""Log groups by FilterLogEvents, window by window.

AWS says that events come sorted by time; we do not rely on it. A window counts as read once all of its pages came,
empty ones too, and only then does the pull's cursor move behind it: a page token is never kept. Windows are as long as
the traffic allows, so that little has to be read again after a kill.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

from cachekit.core.jsonio.json_access import count, items, mapping, text
from cachekit.core.model.errors import OutsideError
from cachekit.pull.aws import Service
from cachekit.pull.cursor import Batch, Event, Span
from cachekit.pull.errors import AGAIN
from cachekit.pull.options import MINUTE

FIRST = MINUTE
"""The first window: short, since nothing is known of the traffic yet."""

GOOD_EVENTS, GOOD_PAGES = 10_000, 50
"""How much a window should hold. A page has at most 1 MB, so that few large events fill many pages."""

GROWTH = 8

_PARTS = frozenset({"events", "nextToken", "searchedLogStreams"})
"""Of every answer at least one."""


@dataclass(frozen=True, slots=True)
class Most:
    """What one window may hold: its ids stand in memory, and its pages are read again after a kill. One that holds more
    is read again in smaller windows. Only pages with events count."""

    events: int = 100_000
    pages: int = 500


@dataclass(frozen=True, slots=True)
class Group:
    """A log group by name or ARN, and the pattern that its events must match."""

    name: str
    pattern: str | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """The group in a request."""
        key = "logGroupIdentifier" if self.name.startswith("arn:") else "logGroupName"
        named: dict[str, object] = {key: self.name.removesuffix(":*")}
        return named | ({"filterPattern": self.pattern} if self.pattern else {})


def read_group(service: Service, group: Group, span: Span, most: Most = Most()) -> Iterator[Batch]:
    """The events of a span. Events may come twice; none is left out. Raises as `Service.ask`."""
    start, width = span.start, FIRST
    while start < span.end:
        window = Span(start, min(start + width, span.end))
        read = yield from _window(service, group, window, most)
        if read.cut is not None:
            width = read.cut - start
            continue
        yield Batch((), window.end, done=window.end)
        start, width = window.end, _next_width(window.end - window.start, read)


@dataclass(frozen=True, slots=True)
class _Read:
    """What a window contained. `cut`: it contained too much, and has to end here."""

    events: int
    pages: int
    cut: int | None = None


def _window(service: Service, group: Group, window: Span, most: Most) -> Generator[Batch, None, _Read]:
    """The pages of a window, as long as it does not hold too much."""
    events = pages = filled = 0
    reached, token = window.start, ""
    while True:
        answer = _page(service, group, window, token)
        found = [event for item in items(answer.get("events")) if (event := _event(mapping(item))) is not None]
        events, pages, filled = events + len(found), pages + 1, filled + bool(found)
        reached = max((reached, *(event.at for event in found)))
        yield Batch(found, min(reached, window.end))
        last, token = token, text(answer.get("nextToken")) or ""
        if not token:
            return _Read(events, pages)
        if token == last:
            raise OutsideError("AWS points from a page to the same page", where=service.about, hint="try later")
        if (events >= most.events or filled >= most.pages) and window.end - window.start > 1:
            middle = (window.start + window.end) // 2
            return _Read(events, pages, cut=max(min(middle, reached), window.start + 1))


def _page(service: Service, group: Group, window: Span, token: str) -> Mapping[str, object]:
    more = {"nextToken": token} if token else {}
    answer = service.request(
        "filter_log_events", **group.parameters, startTime=window.start, endTime=window.end - 1, limit=10_000, **more
    )
    if not answer.keys() & _PARTS:  # a proxy's page: taken for an empty window, it would move the cursor
        hint = f"look at HTTPS_PROXY and AWS_ENDPOINT_URL, {AGAIN}"
        raise OutsideError("what answered is not CloudWatch Logs", where=service.about, hint=hint)
    return answer


def _event(item: Mapping[str, object]) -> Event | None:
    message = text(item.get("message"))
    at = count(item.get("timestamp"))
    return None if message is None else Event(at or 0, text(item.get("eventId")) or message, message)


def _next_width(width: int, read: _Read) -> int:
    """The length of the next window: as much traffic as is good, and not many times longer than the last."""
    room = min(GOOD_EVENTS / max(read.events, 1), GOOD_PAGES / max(read.pages, 1), GROWTH)
    return max(1, int(width * room))
