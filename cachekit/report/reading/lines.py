"""Lines of our log as the fast fold decodes them: only what counts, and only where it has the type it should have.

What has not is refused by the decoder, and read the tolerant way instead: another version, a count that is none, a
usage in other names than ours or with notes on its quality.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from cachekit.core.jsonio.json_access import seconds
from cachekit.report.folding.track import Attempt, Entry, entry_of
from cachekit.report.reading.fingerprint import NOTHING, Request
from cachekit.report.reading.keys import CellKey

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Fine = Annotated[int, msgspec.Meta(ge=0, le=399)]
_Time = Annotated[str, msgspec.Meta(min_length=1)]


class Few(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A usage in our own names, written for five minutes if at all: what most logs hold."""

    write_1h: ClassVar[int] = 0
    write_30m: ClassVar[int] = 0
    write_12h: ClassVar[int] = 0
    write_unknown: ClassVar[int] = 0
    known: ClassVar[bool] = True

    uncached: _Count
    read: _Count = 0
    write_5m: _Count = 0
    output: _Count = 0


class Counts(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A usage in our own names."""

    uncached: _Count
    read: _Count = 0
    write_5m: _Count = 0
    write_1h: _Count = 0
    write_30m: _Count = 0
    write_12h: _Count = 0
    write_unknown: _Count = 0
    output: _Count = 0
    known: bool = True


class _Read:
    """What is asked of a line, whichever of the classes it was decoded to."""

    __slots__ = ()

    usage: Counts
    ts: str
    latency_ms: float | None
    ttft_ms: float | None

    def entry(self) -> Entry:
        """The entry that this call left in the cache."""
        u, began, waited = self.usage, moment(self.ts), self.waited()
        if u.write_1h or u.write_30m or u.write_12h or u.write_unknown:
            writes = (u.write_12h, u.write_1h, u.write_30m, u.write_5m, u.write_unknown)
            return entry_of(began, waited, u.read, writes)
        life = 300 if u.write_5m else 0
        return Entry(began, began + waited / 1000, u.read + u.write_5m, life, 0, 0, u.read)

    def waited(self) -> float:
        """Milliseconds until the answer began, or ended where only that is known."""
        return (self.ttft_ms if self.ttft_ms is not None else self.latency_ms) or 0.0

    def total(self) -> int:
        """All input tokens."""
        u = self.usage
        return u.uncached + u.read + u.write_5m + u.write_1h + u.write_30m + u.write_12h + u.write_unknown

    def attempt(self, key: CellKey) -> Attempt:
        """The call as a track judges it."""
        u = self.usage
        written = u.write_5m + u.write_1h + u.write_30m + u.write_12h + u.write_unknown
        billed = (u.write_12h, u.write_1h, u.write_30m, u.write_5m, u.write_unknown, u.uncached)
        return Attempt(moment(self.ts), u.read, written, u.read + written + u.uncached, billed, key)


class Meta(msgspec.Struct, gc=False, frozen=True):
    """What else a line tells: a cost of its own is refused."""

    cost_reported: None = None


_NO_META = Meta()


class Line(_Read, msgspec.Struct, gc=False, kw_only=True):
    """What every fold needs of a line, in the order in which we write it: the decoder looks for the next field first.
    The status of an error is refused, and a cost of its own."""

    v: Literal[1] = 1
    ts: _Time = "-"
    provider: str = ""
    model: str = ""
    scope: msgspec.Raw = NOTHING
    billing: msgspec.Raw = NOTHING
    usage: Counts
    latency_ms: float | None = None
    ttft_ms: float | None = None
    status: _Fine | None = None
    flags: tuple[str, ...] = ()
    family: str = ""
    meta: Meta = _NO_META


class FewLine(_Read, msgspec.Struct, gc=False, kw_only=True):
    """A line of most logs: written for five minutes, if at all. Otherwise as `Line`."""

    v: Literal[1] = 1
    ts: _Time = "-"
    provider: str = ""
    model: str = ""
    scope: msgspec.Raw = NOTHING
    billing: msgspec.Raw = NOTHING
    usage: Few  # type: ignore[assignment]  # it has all that Counts has, and most of it is always 0
    latency_ms: float | None = None
    ttft_ms: float | None = None
    status: _Fine | None = None
    flags: tuple[str, ...] = ()
    family: str = ""
    meta: Meta = _NO_META


class WideLine(Line, gc=False, kw_only=True):
    """What a line tells besides, where rows or families ask for it."""

    api: str = ""
    prefix_id: str = ""
    labels: dict[str, str] = {}
    meta: msgspec.Raw = NOTHING  # type: ignore[assignment]  # whole, for its rows; who names the line looks for a cost
    blocks: msgspec.Raw = NOTHING
    request: Request | None = None


AnyLine = Line | FewLine


def moment(ts: str) -> float:
    """The moment of a time that ends in Z; where its last digits are odd, the ten seconds in which it falls."""
    found = seconds(ts)
    return found if found is not None else seconds(f"{ts[:18]}0Z") or 0.0
