"""Bodies that Bedrock put beside its log: over 100 KB, or sent to a bucket of their own. Records hold only their paths.

They are fetched when asked for (`--bodies`): the answer's body tells how long written entries live, the request's gives
the prefix. A body that cannot be had leaves its record as it was, and is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from cachekit.core.calls import BadLine
from cachekit.core.documents import read_values
from cachekit.core.errors import CachekitError
from cachekit.core.shape import mapping, text
from cachekit.pull.aws import Service
from cachekit.pull.events import Event
from cachekit.pull.objects import fetched, in_order

_PARTS = (("input", "inputBodyS3Path", "inputBodyJson"), ("output", "outputBodyS3Path", "outputBodyJson"))

MISSING = "a body in S3 that could not be read"


@dataclass(frozen=True, slots=True)
class Bodies:
    """Where bodies are fetched. `missed` is told why one could not be."""

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
