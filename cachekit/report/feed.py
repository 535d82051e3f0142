"""Lines of a source, as fast as Python reads them."""

from __future__ import annotations

import io
from collections.abc import Iterator

from cachekit.core.inputs import LONGEST_LINE, CutOffError, Source

_BUFFER = 1 << 20


class Feed(io.RawIOBase):
    """The bytes of a source as a raw stream, so that the standard library splits the lines. Of a line that is too long
    only so much is passed on that it is seen to be. `damage` says why the source ended early, if it did."""

    def __init__(self, source: Source) -> None:
        self.damage = ""
        self._chunks, self._rest, self._line = source.chunks(), memoryview(b""), 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the buffer is always a memoryview
        """The next bytes; 0 at the end."""
        while not self._rest:
            chunk = self._next()
            if chunk is None:
                return 0
            self._rest = memoryview(self._capped(chunk))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _next(self) -> bytes | None:
        try:
            return next(self._chunks, None)
        except CutOffError as cut:
            self.damage = cut.what
            return None

    def _capped(self, chunk: bytes) -> bytes:
        end = chunk.find(b"\n")
        over = self._line > LONGEST_LINE
        if end < 0:
            self._line += len(chunk)
            return b"" if over else chunk
        self._line = len(chunk) - 1 - chunk.rfind(b"\n")
        return chunk[end:] if over else chunk


def lines_of(feed: Feed) -> Iterator[bytes]:
    """The lines, with their ends."""
    return iter(io.BufferedReader(feed, _BUFFER))
