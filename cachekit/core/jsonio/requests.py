"""Requests as users have them: one in a file, an array, ndjson, batch rows; files, folders, globs, stdin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from cachekit.core.jsonio.documents import value_of
from cachekit.core.jsonio.inputs import LONGEST_LINE, Source, find_sources, split_lines
from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import InputError


@dataclass(frozen=True, slots=True)
class RequestText:
    """A request and where it stands: the source's name, the JSON text that holds it and the line where that begins,
    the route to it inside that text, and what tells it from others of the same file. `named`: the user named this very
    file, so that it may not be passed over."""

    path: str
    request: dict[str, object] = field(repr=False)
    source: bytes = field(default=b"", repr=False)
    line: int = 1
    at: str = ""
    name: str = ""
    named: bool = True


def read_requests(paths: Iterable[str | Path], stdin: BinaryIO | None = None) -> Iterator[RequestText | BadLine]:
    """All requests of the sources, in order; what is none is a BadLine, and what stands beside it is not lost.

    Raises InputError for what is not there.
    """
    for source in find_sources(paths, stdin):
        found = False
        for item in _of_source(source):
            found = True
            yield item if isinstance(item, BadLine) else replace(item, named=source.named)
        if not found:
            yield BadLine(0, "is empty: give a request as JSON", source.name)


def _of_source(source: Source) -> Iterator[RequestText | BadLine]:
    damage: list[BadLine] = []
    yield from _of_chunks(source.name, _undamaged(source, damage))
    yield from damage


def _undamaged(source: Source, damage: list[BadLine]) -> Iterator[bytes]:
    """The chunks of a source as far as they can be read; what is wrong with the rest goes into the list."""
    try:
        yield from source.chunks()
    except InputError as error:
        advice = f" ({error.hint})" if error.hint else ""
        damage.append(BadLine(0, f"{error.what}{advice}", source.name))


def _of_chunks(name: str, chunks: Iterator[bytes]) -> Iterator[RequestText | BadLine]:
    head = next((chunk for chunk in chunks if chunk.strip()), b"")
    first = head.lstrip().partition(b"\n")[0]
    try:
        value_of(first)
        several_lines = True
    except ValueError:
        several_lines = b"\n" in head.strip() and first.rstrip()[-1:] not in (b"{", b"[", b",", b":")
    if several_lines:
        yield from _of_lines(name, chain((head,), chunks))
    elif head:
        yield from _of_document(name, chain((head,), chunks))


def _of_lines(name: str, chunks: Iterator[bytes]) -> Iterator[RequestText | BadLine]:
    lines = list_if_short(split_lines(chunks, name))
    alone = isinstance(lines, list) and len(lines) == 1
    for line in lines:
        if isinstance(line, BadLine):
            yield line
            continue
        number, text = line
        label = "" if alone else f"line {number}"
        yield from _requests_in(RequestText(name, {}, text, number, name=label))


def list_if_short(lines: Iterator[tuple[int, bytes] | BadLine]) -> Iterable[tuple[int, bytes] | BadLine]:
    """The lines as a list when there is one at most, else the iterator with its first two put back."""
    first = [line for _, line in zip(range(2), lines, strict=False)]
    return first if len(first) < 2 else chain(first, lines)


def _of_document(name: str, chunks: Iterator[bytes]) -> Iterator[RequestText | BadLine]:
    pending, size = [], 0
    for chunk in chunks:
        pending.append(chunk)
        size += len(chunk)
        if size > LONGEST_LINE:
            yield BadLine(1, f"one JSON document of more than {LONGEST_LINE:,} bytes", name)
            return
    yield from _requests_in(RequestText(name, {}, b"".join(pending)))


_WORDS = {str: "text", bool: "true or false", type(None): "null"}


def _requests_in(place: RequestText) -> Iterator[RequestText | BadLine]:
    """The request, or the requests of an array, that a JSON text holds."""
    try:
        value = value_of(place.source)
    except ValueError as error:
        yield BadLine(place.line, str(error), place.path)
        return
    batch = value.get("requests") if isinstance(value, dict) else None
    if isinstance(batch, list) and batch and all(isinstance(row, dict) and "params" in row for row in batch):
        for index, row in enumerate(batch):  # the body of POST /v1/messages/batches
            route = f"requests[{index}]"
            yield RequestText(place.path, row, place.source, place.line, route, f"{place.name} {route}".strip())
        return
    if isinstance(value, dict):
        yield RequestText(place.path, value, place.source, place.line, name=place.name)
        return
    if not isinstance(value, list):
        yield BadLine(place.line, f"no request: JSON, but {_WORDS.get(type(value), 'a number')}", place.path)
        return
    if not value:
        yield BadLine(place.line, "no request: an empty array", place.path)
    for index, item in enumerate(value):
        label = f"{place.name}[{index}]".lstrip()
        if isinstance(item, dict):
            yield RequestText(place.path, item, place.source, place.line, f"[{index}]", label)
        else:
            yield BadLine(place.line, f"element {index} is no request", place.path)
