"""From events to calls: what is known is left out, what is no call is counted, the rest is parsed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from cachekit.core.jsonio.documents import NOT_JSON, value_of
from cachekit.core.jsonio.json_access import mapping, text
from cachekit.core.libraries.lowered import lowered
from cachekit.core.logs.bedrock import calls as calls_in
from cachekit.core.logs.format import Skip
from cachekit.core.model.calls import BadLine, Call
from cachekit.pull.cursor import Batch, Cursor, Event, Span, short
from cachekit.pull.options import SECOND, Reading

BATCH = 500
"""Events that are parsed together: what is kept in memory besides the ids."""

EARLIER = "calls before --since"


@dataclass(frozen=True, slots=True)
class Parsing:
    """How records become calls. `model_of` names the model behind an ARN; `filled` puts bodies into records."""

    reading: Reading = Reading()
    model_of: Callable[[str], str] = str
    filled: Callable[[Iterable[Event]], Iterator[Event]] | None = None

    def calls(self, event: Event) -> list[Call | Skip]:
        """The calls of a record: mostly one. A record without a time has that of its event."""
        record = event.record
        if isinstance(record, BadLine):
            return [Skip("plain text" if record.reason == NOT_JSON else f"unreadable: {record.reason}")]
        if not isinstance(record, dict):
            return [Skip("plain text" if isinstance(record, str) else "no record")]
        return [found if isinstance(found, Skip) else self._finished(found) for found in calls_in(record)]

    def _finished(self, call: Call) -> Call:
        """The call with the name of its model and, unless no content is wanted, its prompt."""
        if call.model.startswith("arn:") and (model := self.model_of(call.model)) != call.model:
            call = replace(call, model=model, scope=replace(call.scope, model=model))
        if self.reading.sample is not None:
            call = replace(call, meta={**call.meta, "sample": self.reading.sample})
        return call if self.reading.content == "none" else lowered(call)


@dataclass(slots=True)
class Ingest:
    """Ingesting the batches of one source. `tally` counts what was no call; `room` is how many calls may still
    come, None for any number."""

    cursor: Cursor
    span: Span
    parsing: Parsing = Parsing()
    room: int | None = None
    tally: Counter[str] = field(default_factory=Counter)

    @property
    def full(self) -> bool:
        """Whether as many calls came as were wanted."""
        return self.room is not None and self.room <= 0

    def take(self, batch: Batch) -> Iterator[list[Call]]:
        """The new calls of a batch, piece by piece. When a piece is passed on, the cursor holds its ids."""
        keys: list[str] = []
        whole, events = True, iter(batch.events)
        while events_batch := list(islice(events, BATCH)):
            calls: list[Call] = []
            for event in self._fresh(events_batch):
                key = _key(event)
                if self.full or (found := self._wanted(event, batch)) is None:
                    whole = False
                elif key not in self.cursor.ids:  # twice in one piece
                    self.cursor.ids[key] = event.at
                    keys.append(key)
                    calls += self._counted(found)
            if calls:
                yield calls
        if batch.unit is not None and whole:
            for key in keys:
                self.cursor.ids.pop(key, None)
            self.cursor.ids[short(batch.unit)] = batch.reached
        if batch.done is not None and whole:
            self.cursor.move(batch.done)

    def _fresh(self, events_batch: list[Event]) -> Iterator[Event]:
        """The events of a piece that are not known, decoded, with their bodies."""
        decoded = (replace(event, record=_decoded(event.record)) for event in events_batch)
        fresh = (event for event in decoded if _key(event) not in self.cursor.ids)
        return fresh if self.parsing.filled is None else self.parsing.filled(fresh)

    def _wanted(self, event: Event, batch: Batch) -> list[Call | Skip] | None:
        """What an event holds; None where its time has not come. The hours of S3 are rough, so there the calls' own
        times are compared with the span."""
        found = self.parsing.calls(event)
        if batch.unit is None:
            return [replace(c, ts=event.at / SECOND) if isinstance(c, Call) and c.ts is None else c for c in found]
        times = [call.ts * SECOND for call in found if isinstance(call, Call) and call.ts is not None]
        if any(moment >= self.span.end for moment in times):
            return None
        return [Skip(EARLIER)] if any(moment < self.cursor.since for moment in times) else found

    def _counted(self, found: Iterable[Call | Skip]) -> list[Call]:
        calls = [call for call in found if isinstance(call, Call)]
        self.tally.update(skip.reason for skip in found if isinstance(skip, Skip))
        self.tally["calls"] += len(calls)
        if self.room is not None:
            self.room -= len(calls)
        return calls


def _decoded(record: object) -> object:
    if not isinstance(record, str):
        return record
    try:
        return value_of(record.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        return BadLine(0, str(error))


def _key(event: Event) -> str:
    """What tells an event among all: the request it records, since a log may deliver a record twice under two event
    ids; without one, the event's own id."""
    return short(text(mapping(event.record).get("requestId")) or event.id)
