"""Log groups by Logs Insights: a query for each window, split where its result is cut.

Queries count in seconds and an answer holds at most 100,000 rows. Whether both ends of a query are inclusive to the
millisecond is not documented, so windows overlap by their rounding and each row is checked by its own time.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cachekit.core.jsonio.json_access import items, mapping, number, seconds, text
from cachekit.core.model.errors import OutsideError
from cachekit.core.providers.objects import decoded
from cachekit.pull.aws import Service
from cachekit.pull.cursor import Batch, Event, Span
from cachekit.pull.options import SECOND

MOST_ROWS = 100_000
"""Of one query, in the service's model of 2026. Where a service gives fewer, `recordsMatched` tells."""

SLACK = 1.3
"""Pieces of a window that was cut are planned with room, since traffic is not even."""

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 5.0
_RUNNING = ("Scheduled", "Running", "Unknown")
_FIELDS = "fields @timestamp, @message"


@dataclass(frozen=True, slots=True)
class Query:
    """A log group, what follows `| filter`, and the share of the calls that is wanted."""

    group: str
    filter: str | None = None
    sample: float | None = None

    @property
    def text(self) -> str:
        """The query in Logs Insights QL."""
        clauses = [_FIELDS, f"filter {self.filter}" if self.filter else "", sample_clause(self.sample)]
        return " | ".join(clause for clause in (*clauses, "sort @timestamp asc") if clause)

    @property
    def target(self) -> dict[str, object]:
        """The group in a request."""
        arn = self.group.startswith("arn:")
        return {"logGroupIdentifiers": [self.group.removesuffix(":*")]} if arn else {"logGroupName": self.group}


def sample_clause(share: float | None) -> str:
    """A filter that passes a share of all calls, to the 65,536th. Request ids are random UUIDs, so those whose first
    four digits are below a bound are a fair sample, and the same one each time."""
    bound = round((share or 1.0) * 65_536)
    if share is None or bound >= 65_536:
        return ""
    digits = f"{max(bound, 1):04x}"
    ways = [f"{digits[:i]}{_below(int(digit, 16))}" for i, digit in enumerate(digits) if digit != "0"]
    return f"filter {' or '.join(f'requestId like /^{way}/' for way in ways)}"


def _below(digit: int) -> str:
    """A class of the hex digits below one."""
    return f"[{'0123456789abcdef'[:digit]}]"


def read_insights(service: Service, query: Query, span: Span, most: int = MOST_ROWS) -> Iterator[Batch]:
    """The events of a span. Events may come twice; none is left out. Raises OutsideError as `Service.ask`, and where a
    second holds more than an answer can."""
    windows = [span]
    while windows:
        window = windows.pop()
        cut = yield from _rows(service, query, window, most)
        if not cut:
            yield Batch((), window.end, done=window.end)
        elif window.end - window.start <= SECOND:
            hint = "read the group with --mode filter, or take a smaller --sample"
            raise OutsideError("one second holds more than Insights answers", where=service.about, hint=hint)
        else:
            windows += reversed(_pieces(window, cut))


def _pieces(window: Span, number: int) -> list[Span]:
    """A window in about as many pieces, each of whole seconds."""
    width = max((window.end - window.start) // max(number, 2) // SECOND, 1) * SECOND
    starts = [window.start, *range(window.start // SECOND * SECOND + width, window.end, width)]
    return [Span(start, end) for start, end in zip(starts, [*starts[1:], window.end], strict=True) if start < end]


def _rows(service: Service, query: Query, window: Span, most: int) -> Generator[Batch, None, int]:
    """The rows of a window. Returns into how many pieces to cut it, 0 where it is whole."""
    started = service.request(
        "start_query",
        **query.target,
        queryString=query.text,
        startTime=window.start // SECOND,
        endTime=-(-window.end // SECOND),
        limit=most,
    )
    handle: dict[str, object] = {"queryId": text(started.get("queryId")) or ""}
    answer = _finished(service, handle)
    if answer is None:
        return 2
    matched = number(mapping(answer.get("statistics")).get("recordsMatched")) or 0.0
    if matched > most:
        return _needed(matched, most)
    rows = 0
    while True:
        found = items(answer.get("results"))
        rows += len(found)
        events = list(_events(service, found, window))
        yield Batch(events, max((event.at for event in events), default=window.start))
        token = text(answer.get("nextToken"))
        if not token:
            break
        answer = service.request("get_query_results", **handle, nextToken=token)
    return _needed(max(matched, rows + 1), rows) if rows < matched or rows >= most else 0


def _needed(matched: float, rows: int) -> int:
    return max(2, int(matched / max(rows, 1) * SLACK) + 1)


def _finished(service: Service, handle: Mapping[str, object]) -> Mapping[str, object] | None:
    """The first page of a query's result, once it is complete; None where it took longer than AWS lets it."""
    pause = _FIRST_WAIT
    while True:
        answer = service.request("get_query_results", **handle)
        status = text(answer.get("status")) or "Unknown"
        if status == "Complete":
            return answer
        if status == "Timeout":
            return None
        if status not in _RUNNING:
            raise OutsideError(
                f"the Insights query ended as {status.lower()[:20]}", where=service.about, hint="try again"
            )
        service.wait(pause)
        pause = min(pause * 1.5, _LONGEST_WAIT)


def _events(service: Service, rows: Sequence[object], window: Span) -> Iterator[Event]:
    for row in rows:
        cells = {text(mapping(cell).get("field")): text(mapping(cell).get("value")) for cell in items(row)}
        at = seconds(cells.get("@timestamp"))
        message, pointer = cells.get("@message"), cells.get("@ptr") or ""
        moment = window.start if at is None else round(at * SECOND)
        if message is not None and window.start <= moment < window.end:
            yield Event(moment, pointer or message, _record(service, message, pointer))


def _record(service: Service, message: str, pointer: str) -> object:
    """The record in a message, fetched on its own where the row has it cut short."""
    found = decoded(message)
    if isinstance(found, dict) or not pointer or not message.startswith("{"):
        return found if isinstance(found, dict) else message
    whole = mapping(service.request("get_log_record", logRecordPointer=pointer).get("logRecord"))
    return text(whole.get("@message")) or message
