"""Lines of a source, as fast as Python reads them: the standard library splits them, over a stream of ours that never
lets a line grow without end."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path

from cachekit.core.jsonio.inputs import LONGEST_LINE, UTF16, CutOffError, Source

_BUFFER = 1 << 20
_EVERY = LONGEST_LINE // _BUFFER // 2
"""How often a file is looked at for a line without end: twice within the longest allowed."""

_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", codecs.BOM_UTF8, *UTF16)
"""How files begin that must be unpacked or decoded."""


class LineReader:
    """The lines of a source with their ends, in order. Of a line that is too long only so much is kept that it is seen
    to be. `damage` says why the source ended early, if it did."""

    def __init__(self, source: Source) -> None:
        self._raw: _Chunks | _File = _File(source.path) if _is_plain(source.path) else _Chunks(source)

    @property
    def damage(self) -> str:
        """Empty for a source that was read to its end."""
        return self._raw.damage

    def __iter__(self) -> Iterator[bytes]:
        return iter(io.BufferedReader(self._raw, _BUFFER))


def _is_plain(path: Path | None) -> bool:
    if path is None:
        return False
    try:
        with path.open("rb") as stream:
            return not stream.read(4).startswith(_PACKED)
    except OSError:
        return False  # opening it again as a source tells why


class _File(io.FileIO):
    """A plain file. Reads go straight into the reader's buffer; only now and then is a piece looked at."""

    damage = ""

    def __init__(self, path: Path | None) -> None:
        super().__init__(str(path), "rb")
        self._reads, self._line = 0, 0

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the reader's buffer is a memoryview
        """The next bytes; 0 at the end."""
        size = super().readinto(buffer) or 0
        self._reads += 1
        if not self._line and self._reads % _EVERY:
            return size
        data = bytes(buffer[:size])
        while size and data.find(b"\n") < 0:
            self._line += size
            if self._line <= LONGEST_LINE:
                return size
            size = super().readinto(buffer) or 0
            data = bytes(buffer[:size])
        start = data.find(b"\n") if self._line > LONGEST_LINE else 0
        self._line = 0
        if start > 0:
            buffer[: size - start] = data[start:]
        return size - start


class _Chunks(io.RawIOBase):
    """The chunks of a source that is unpacked, decoded or a pipe."""

    def __init__(self, source: Source) -> None:
        self.damage = ""
        self._chunks, self._rest, self._line = source.chunks(), memoryview(b""), 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the reader's buffer is a memoryview
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
        end, over = chunk.find(b"\n"), self._line > LONGEST_LINE
        if end < 0:
            self._line += len(chunk)
            return b"" if over else chunk
        self._line = len(chunk) - 1 - chunk.rfind(b"\n")
        return chunk[end:] if over else chunk
