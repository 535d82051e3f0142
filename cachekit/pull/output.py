"""The call log that a pull writes, and the cursor beside it.

The cursor file says how many bytes of the log are certain, and how far each source had come by then. It is written
after these bytes are on the disk, and in one step. Whatever stands behind them when a pull begins was left by one that
was killed: it is cut off and pulled again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from cachekit.core.jsonio.json_access import count, mapping
from cachekit.core.model.errors import InputError, UsageError
from cachekit.pull.cursor import Cursor, read_cursor

VERSION = 1
_PRIVATE = 0o600
_STALE = "delete both to pull again, or name another file with -o"


class Output(Protocol):
    """Where lines go. `cursors` are how far earlier pulls into it came."""

    cursors: dict[str, Cursor]

    def write(self, lines: bytes) -> None:
        """Append whole lines."""

    def commit(self) -> None:
        """Make certain what was written, together with the cursors."""


class Stream:
    """Lines on a stream: nothing can be resumed, so nothing is kept."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.cursors: dict[str, Cursor] = {}

    def write(self, lines: bytes) -> None:
        """Append whole lines."""
        self._stream.write(lines)

    def commit(self) -> None:
        """Hand on what was written."""
        self._stream.flush()


class Log:
    """A file with its cursor, locked by one process at a time."""

    def __init__(self, path: Path) -> None:
        """Open the log where the last pull's certain part ends. Raises UsageError for a file that is no pull's, or that
        another pull is writing, and InputError for a cursor that does not fit it."""
        self.path, self._cursor = path, cursor_path(path)
        begun = path.exists()
        self._file = _locked(path)
        size = self._file.seek(0, os.SEEK_END)
        offset, self.cursors = _read(self._cursor) if begun and self._cursor.exists() else (0, {})
        if size and not self._cursor.exists():
            hint = "name another file with -o; a pull adds only to what a pull wrote"
            raise UsageError("this file is there already and has no cursor", where=str(path), hint=hint)
        if size < offset:
            raise InputError("the file is shorter than its cursor says", where=str(path), hint=_STALE)
        self._file.truncate(offset)
        self._file.seek(offset)
        self.commit()

    def write(self, lines: bytes) -> None:
        """Append whole lines."""
        self._file.write(lines)

    def commit(self) -> None:
        """Make certain what was written, together with the cursors."""
        import orjson

        self._file.flush()
        os.fsync(self._file.fileno())
        cursors = {name: cursor.plain() for name, cursor in self.cursors.items()}
        _replace(self._cursor, orjson.dumps({"v": VERSION, "offset": self._file.tell(), "sources": cursors}))

    def close(self) -> None:
        """Let the file go. Where no source could be read, nothing is left of it."""
        if not self.cursors and not self._file.tell():
            self.path.unlink(missing_ok=True)
            self._cursor.unlink(missing_ok=True)
        self._file.close()


@contextmanager
def open_output(path: Path | None) -> Iterator[Output]:
    """The output of a pull: stdout without a path or for `-`, a log with its cursor for a file. Raises as `Log`."""
    if path is None or str(path) == "-":
        yield Stream(sys.stdout.buffer)
    elif path.exists() and not path.is_file() and not path.is_dir():  # a pipe, a device: nothing to go on with
        with path.open("ab") as stream:
            yield Stream(stream)
    else:
        log = Log(path)
        try:
            yield log
        finally:
            log.close()


def cursor_path(path: Path) -> Path:
    """The cursor beside a log."""
    return path.with_name(f"{path.name}.cursor")


def _locked(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), _PRIVATE)
    file = os.fdopen(descriptor, "r+b")
    try:
        import fcntl
    except ImportError:  # Windows: the user sees to it that one pull writes a file
        return file
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise UsageError("another pull is writing this file", where=str(path), hint="wait for it to end") from None
    return file


def _read(path: Path) -> tuple[int, dict[str, Cursor]]:
    import orjson

    try:
        state = mapping(orjson.loads(path.read_bytes()))
    except ValueError:
        state = {}
    offset = count(state.get("offset"))
    sources = mapping(state.get("sources"))
    cursors = {name: cursor for name, value in sources.items() if (cursor := read_cursor(value)) is not None}
    if state.get("v") != VERSION or offset is None or len(cursors) < len(sources):
        raise InputError("this is no cursor that can be read", where=str(path), hint=_STALE)
    return offset, cursors


def _replace(path: Path, data: bytes) -> None:
    """Write beside, then move over: a reader sees the file before or after, also once the power was cut."""
    beside = path.with_name(f"{path.name}.new")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """So that the new name is on the disk too; where folders cannot be opened, the system sees to it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
