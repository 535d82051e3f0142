"""Files as users have them: paths, folders, globs, stdin; plain, gzip or zstd; with torn ends and odd encodings.

Everything is streamed. What was read before a damaged part survives; the damage itself becomes a `BadLine`.
"""

from __future__ import annotations

import codecs
import glob
import gzip
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import InputError

LONGEST_LINE = 64 * 1024 * 1024
"""A longer line is no record of a call, and would have to be held whole."""

CHUNK = 1024 * 1024
STDIN = "-"

_LOG_NAME = re.compile(
    r".+\.(?:(?:json|jsonl|ndjson|log|csv)(?:[.-]\d[\dT:_.-]*)?(?:\.gz|\.zst)?|db|sqlite|gz|zst)", re.IGNORECASE
)
"""Logs by their endings, rotated ones too: `calls.ndjson.1`, `calls.log-20261118.gz`."""
_NEVER_LOGS = ("amazon-bedrock-logs-permission-check",)

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZSTD_BITE, _ZSTD_WINDOW = 1024, 128 * 1024 * 1024
UTF16 = {
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"{\0": "utf-16-le",
    b"[\0": "utf-16-le",
    b"\0{": "utf-16-be",
    b"\0[": "utf-16-be",
}
"""How UTF-16 begins, with a byte order mark or as JSON without one."""
_DAMAGE = (EOFError, zlib.error, OSError)
"""What a decompressor raises in the middle of a damaged file (zstd's own error is turned into one of these)."""

Open = Callable[[], Iterator[bytes]]


class CutOffError(InputError):
    """The file is damaged from here on. Readers turn it into a BadLine and keep what came before."""


@dataclass(frozen=True, slots=True)
class Source:
    """One input. `chunks` opens it again each time (stdin can be opened once); `named` says that the user named this
    very file, so that it may not be passed over."""

    name: str
    chunks: Open = field(repr=False)
    path: Path | None = None
    named: bool = True


def find_sources(paths: Iterable[str | Path], stdin: BinaryIO | None = None) -> Iterator[Source]:
    """The inputs behind files, folders (recursive), globs and `-`, each once, in a stable order.

    Raises InputError for a path that is not there and for a folder or glob without logs.
    """
    seen: set[Path] = set()
    for path_name in paths:
        if str(path_name) == STDIN:
            yield Source("stdin", _once(stdin if stdin is not None else sys.stdin.buffer))
            continue
        for path, named in _files(path_name):
            if (real := path.resolve()) not in seen:
                seen.add(real)
                yield file_source(path, named=named)


def file_source(path: Path, *, named: bool = True) -> Source:
    """A file as a source. A pipe (`<(...)`, `/dev/stdin`) has no path: what is read of it is gone."""
    whole = path if path.is_file() else None
    return Source(str(path), lambda: _file_chunks(path), whole, named)


def open_lines(source: str | Path | Source) -> Iterator[tuple[int, bytes] | BadLine]:
    """The lines of a source with their numbers (from 1), without their ends; blank lines are left out.

    Too long a line and a damaged end come as BadLine. Raises InputError where the file cannot be opened at all.
    """
    if not isinstance(source, Source):
        source = next(find_sources([source]))
    return split_lines(source.chunks(), source.name)


def split_lines(chunks: Iterator[bytes], name: str = "") -> Iterator[tuple[int, bytes] | BadLine]:
    """The lines of a stream of chunks; never holds more than a chunk and one line of the longest allowed length."""
    number, pending, size = 0, list[bytes](), 0
    for chunk in _whole_chunks(chunks):
        if isinstance(chunk, CutOffError):
            yield from _last(number, pending, size, name)
            yield BadLine(number + 2 if pending else number + 1, chunk.what, name)
            return
        first, *others = chunk.split(b"\n")
        size += len(first)
        if size <= LONGEST_LINE:
            pending.append(first)
        elif pending:
            pending = []
        if not others:
            continue
        number += 1
        yield from _line(number, b"".join(pending), size, name)
        for line in others[:-1]:
            number += 1
            if line and not line.isspace():
                yield number, line
        pending, size = [others[-1]], len(others[-1])
    yield from _last(number, pending, size, name)


def _line(number: int, line: bytes, size: int, name: str) -> Iterator[tuple[int, bytes] | BadLine]:
    if size > LONGEST_LINE:
        yield BadLine(number, f"a line of {size:,} bytes, longer than {LONGEST_LINE:,}", name)
    elif line and not line.isspace():
        yield number, line


def _last(number: int, pending: list[bytes], size: int, name: str) -> Iterator[tuple[int, bytes] | BadLine]:
    yield from _line(number + 1, b"".join(pending), size, name)


def _whole_chunks(chunks: Iterator[bytes]) -> Iterator[bytes | CutOffError]:
    """Chunks, damage as the last value instead of an exception."""
    try:
        yield from chunks
    except CutOffError as cut:
        yield cut


def _files(path_name: str | Path) -> Iterator[tuple[Path, bool]]:
    path = Path(path_name).expanduser()
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if _is_log(file, path))
        if not found:
            hint = "give a file, or a folder with .jsonl or .json files"
            raise InputError("no logs in this folder", where=str(path_name), hint=hint)
        yield from ((file, False) for file in found)
    elif path.exists():
        yield path, True
    elif glob.has_magic(str(path_name)):
        matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))
        files = [file for file in matches if file.is_file()]
        if not files:
            raise InputError("no file matches", where=str(path_name), hint="check the pattern; quote it for the shell")
        yield from ((file, False) for file in files)
    else:
        raise InputError("no such file", where=str(path_name), hint="check the path; - reads stdin")


def _is_log(file: Path, root: Path) -> bool:
    """A file worth sniffing: by its ending, not hidden below the folder, and not one of Bedrock's body objects."""
    inside = file.relative_to(root).parts
    hidden = any(name.startswith(".") for name in inside)
    body = "data" in inside[:-1] and "BedrockModelInvocationLogs" in file.parts
    return (
        _LOG_NAME.fullmatch(file.name) is not None
        and not hidden
        and not body
        and file.name not in _NEVER_LOGS
        and file.is_file()
    )


def _once(stream: BinaryIO) -> Open:
    return lambda: _decoded(_decompressed(stream, STDIN))


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError("cannot be opened", where=str(path), hint=error.strerror or "check its permissions") from None
    with stream:
        yield from _decoded(_decompressed(stream, str(path)))


def _decompressed(stream: BinaryIO, name: str) -> Iterator[bytes]:
    first = _read(stream, CHUNK)
    if first.startswith(_GZIP):
        yield from _guarded(_reader(cast("BinaryIO", gzip.GzipFile(fileobj=_rejoined(first, stream)))))
    elif first.startswith(_ZSTD):
        yield from _guarded(_zstd(_rejoined(first, stream), name))
    else:
        yield from _guarded(chain((first,), _reader(stream)))


def _read(stream: BinaryIO, size: int) -> bytes:
    """At most `size` bytes. One call to the layer below: a damaged end must not take with it what came before."""
    read = getattr(stream, "read1", stream.read)
    data: bytes = read(size)
    return data


def _reader(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := _read(stream, CHUNK):
        yield chunk


def _guarded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except _DAMAGE as error:
        raise CutOffError(f"the rest of the file is damaged or missing ({type(error).__name__})") from None


class _Rejoined:
    """A stream with its first bytes put back. Only `read` is asked of it."""

    def __init__(self, first: bytes, stream: BinaryIO) -> None:
        self._first, self._stream = first, stream

    def read(self, size: int = -1) -> bytes:
        if not self._first:
            return self._stream.read(size)
        data, self._first = (self._first, b"") if size < 0 else (self._first[:size], self._first[size:])
        return data


def _rejoined(first: bytes, stream: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", _Rejoined(first, stream))


def _zstd(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Decompressed by the extra `zstd`, frame after frame; a frame without its end raises EOFError."""
    try:
        import zstandard
    except ImportError:
        hint = "pip install 'llm-cachekit[zstd]', or unpack it first: zstd -d"
        raise InputError("compressed with zstd, which needs an extra", where=name, hint=hint) from None
    # A block of 128 KiB may take 4 bytes: what goes in at once bounds what comes out (here 32 MiB), whatever the file
    unpack, begun = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj(), False
    while data := _read(stream, _ZSTD_BITE):
        while data:
            try:
                plain = unpack.decompress(data)
            except zstandard.ZstdError:
                raise EOFError from None
            yield from (plain[at : at + CHUNK] for at in range(0, len(plain), CHUNK))
            begun, data = not unpack.eof, unpack.unused_data if unpack.eof else b""
            if unpack.eof:
                unpack = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
    if begun:
        raise EOFError


def _decoded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """UTF-8 without its byte order mark; UTF-16 (what a Windows shell writes) turned into UTF-8."""
    first = next(chunks, b"")
    if wide := next((name for start, name in UTF16.items() if first.startswith(start)), ""):
        decode = codecs.getincrementaldecoder(wide)("replace").decode
        yield from (decode(chunk).encode() for chunk in chain((first,), chunks))
        return
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from chunks
