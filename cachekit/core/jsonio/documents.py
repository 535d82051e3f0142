"""The JSON values of a source: one a line, the elements of an array, pretty-printed documents, or rows of a table."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace

from cachekit.core.jsonio.inputs import LONGEST_LINE, CutOffError, Source, split_lines
from cachekit.core.model.calls import BadLine

Value = tuple[int, object] | BadLine

NOT_JSON = "not JSON"
"""The reason of a line that does not even begin as JSON: plain text."""

_SPACE = re.compile(r"[\s,\x00]*")
_WRAPPED = re.compile(r'\s*\{\s*"(events|data|results)"\s*:\s*\[')
"""Documents that are one long array in a wrapper: read element by element, each in the wrapper of its own."""

_JSON_LINE = re.compile(rb"^\0*(?:data:|\d{4}-\d\d-\d\d[^{\",\n]{0,200}\s)?\s*\[?{\"[^\"]", re.MULTILINE)
"""A line that tells a log of JSON that begins with text from a table, in whose cells every quote is doubled."""

_STAMP = re.compile(rb"(?:data:|\d{4}-\d\d-\d\d[^{\n]{0,200}?\s)\s*(?={)")
"""What stands before a line of JSON when tools show or export a log (a time, perhaps the name of a stream), and in
server-sent events."""

_FRAME = re.compile(rb"\s*(?:(?:event|id|retry):|:|data:\s*\[DONE\])")
"""Lines of server-sent events that hold no data."""

_OPENING = ("{", "[", '"')

_UNFINISHED = (b"{", b"[", b",", b":")
"""A first line that ends so is the start of a pretty-printed document."""


def read_values(source: Source) -> Iterator[Value]:
    """The JSON values of a source with the number of the line where each begins. What is no JSON is a BadLine."""
    chunks = source.chunks()
    head = next(chunks, b"")
    if _is_document(head):
        return _document(_Text(head, chunks), source.name)
    return _lines(split_lines(_joined(head, chunks), source.name), source.name)


def read_records(source: Source) -> Iterator[Value]:
    """The records of a source that is JSON or a table: each row of a CSV file as an object by its column names."""
    chunks = source.chunks()
    head = next(chunks, b"")
    again = replace(source, chunks=lambda: _joined(head, chunks))
    start = head.lstrip(b" \t\r\n\0")[:1]
    is_json = start in (b"{", b"[", b"") or _JSON_LINE.search(head)
    return read_values(again) if is_json else _rows(again)


def _rows(source: Source) -> Iterator[Value]:
    """Rows with the number of the line where each ends. A cell may hold line ends, and a body of any length."""
    csv.field_size_limit(LONGEST_LINE)
    damage: list[BadLine] = []
    rows = csv.DictReader(_text_lines(source, damage), restval="")
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            yield BadLine(rows.line_num, "not a row of a table", source.name)
            continue
        if row is None:
            break
        yield rows.line_num, {name: cell for name, cell in row.items() if name is not None}
    yield from damage


def _text_lines(source: Source, damage: list[BadLine]) -> Iterator[str]:
    for line in split_lines(source.chunks(), source.name):
        if isinstance(line, BadLine):
            damage.append(line)
        else:
            yield line[1].replace(b"\0", b"").decode("utf-8", "replace") + "\n"


def value_of(line: bytes) -> object:
    """A line's JSON value. Raises ValueError, without any content, for what is none.

    Forgives NUL bytes, bytes that are no UTF-8, NaN and Infinity.
    """
    import orjson

    try:
        return orjson.loads(line)
    except ValueError:
        pass
    try:
        return json.loads(line.replace(b"\0", b"").decode("utf-8", "replace"))
    except json.JSONDecodeError as error:
        raise ValueError(_reason(error)) from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        raise ValueError("a number too long to read") from None


def _reason(error: json.JSONDecodeError) -> str:
    if error.doc.strip() and not error.doc.lstrip().startswith(_OPENING):
        return NOT_JSON
    if error.pos >= len(error.doc.rstrip()) or "Unterminated string" in error.msg:
        return "cut off: the JSON does not end"
    return f"not JSON from column {error.colno} on"


def _lines(lines: Iterator[tuple[int, bytes] | BadLine], name: str) -> Iterator[Value]:
    for line in lines:
        if isinstance(line, BadLine):
            yield line
            continue
        try:
            yield line[0], value_of(line[1])
        except ValueError as error:
            yield from values_of(line, str(error), name)


def values_of(line: tuple[int, bytes], reason: str, name: str) -> Iterator[Value]:
    """The values of a line that is not one value: behind a time, or several without anything between them."""
    number, rest = line
    if _FRAME.match(rest):
        return
    stamp = _STAMP.match(rest)
    text = rest[stamp.end() if stamp else 0 :].replace(b"\0", b"").decode("utf-8", "replace")
    at, read = _past_space(text, 0), 0
    while text[at : at + 1] == "{":
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        yield number, value
        at, read = _past_space(text, at), read + 1
    if at < len(text) or not read:
        yield BadLine(number, reason, name)


def _past_space(text: str, at: int) -> int:
    """Where spaces and commas from there on end."""
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _joined(head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from chunks


def document_values(source: Source) -> tuple[Iterator[Value] | None, Source]:
    """The values of a source that is an array or pretty-printed, so that its lines are not its records; else None, and
    the source to read on from."""
    chunks = source.chunks()
    head = next(chunks, b"")
    if _is_document(head):
        return _document(_Text(head, chunks), source.name), source
    return None, source if source.path is not None else replace(source, chunks=lambda: _joined(head, chunks))


def _is_document(head: bytes) -> bool:
    """An array, or an object that goes on after its first line."""
    start = head.lstrip()
    if start.startswith(b"["):
        return True
    first, newline, _ = start.partition(b"\n")
    long_array = len(head) > LONGEST_LINE // 64 and _WRAPPED.match(start[:200].decode("utf-8", "replace"))
    return start.startswith(b"{") and (bool(newline and first.rstrip().endswith(_UNFINISHED)) or bool(long_array))


class _Text:
    """The text of a document, grown on demand: `at` is where reading goes on, `line` the line that it stands in."""

    def __init__(self, head: bytes, chunks: Iterator[bytes]) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._chunks = chunks
        self.text, self.at, self.line = self._decode(head), 0, 1
        self.cut: CutOffError | None = None

    def grow(self) -> bool:
        """Reads about as much again as is unread, so that a long value is tried few times; False at the end."""
        unread = self.text[self.at :]
        more, wanted = list[str](), max(len(unread), 1)
        while wanted > 0:
            try:
                chunk = next(self._chunks, b"")
            except CutOffError as cut:
                self.cut, chunk = cut, b""
            if not chunk:
                break
            more.append(self._decode(chunk))
            wanted -= len(more[-1])
        self.text, self.at = unread + "".join(more), 0
        return bool(more)

    def move(self, to: int) -> None:
        self.line += self.text.count("\n", self.at, to)
        self.at = to

    def leave_wrapper(self) -> bool:
        """Moves behind the object around an array that has just ended, whatever else it holds; False where it is
        broken. What is left of it is an object again with a brace before it."""
        if self.next_sign() != "}":
            self.text = f"{self.text[: self.at]}{{{self.text[self.at :]}"
            return _decode_one(self) is not _BROKEN
        self.move(self.at + 1)
        return True

    def next_sign(self) -> str:
        """The next character behind spaces and commas, not taken; empty at the end of the document."""
        while True:
            self.move(_past_space(self.text, self.at))
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.grow():
                return ""


def _document(buffer: _Text, name: str) -> Iterator[Value]:
    """The elements of an array, of the array in a wrapper, or objects one after the other."""
    key, inside, indent = "", False, None
    while sign := buffer.next_sign():
        if not inside and sign == "{" and (wrapped := _WRAPPED.match(buffer.text, buffer.at)):
            key, inside = wrapped.group(1), True
            buffer.move(wrapped.end())
            continue
        if sign == "]" or (sign == "[" and not inside):
            inside = sign == "["
            buffer.move(buffer.at + 1)
            if key and not buffer.leave_wrapper():
                break
            key = ""
            continue
        indent = indent or _indent(buffer.text, buffer.at)
        line, value = buffer.line, _decode_one(buffer)
        if value is not _BROKEN:
            yield line, {key: [value]} if key else value
            continue
        yield BadLine(line, "not JSON, or cut off", name)
        if not _to_next_element(buffer, indent):
            break
    if buffer.cut is not None:
        yield BadLine(buffer.line, buffer.cut.what, name)


_BROKEN = object()
_DECODER = json.JSONDecoder()
_TOKEN = 16
"""An error so close to the end of the text may be a value that goes on."""


def _decode_one(buffer: _Text) -> object:
    """The next value, taken; reads on while it may be cut off. `_BROKEN`, not taken, where there is none."""
    while True:
        try:
            value, end = _DECODER.raw_decode(buffer.text, buffer.at)
        except json.JSONDecodeError as error:
            goes_on = "Unterminated string" in error.msg or error.pos >= len(buffer.text) - _TOKEN
            if not goes_on or len(buffer.text) - buffer.at > LONGEST_LINE or not buffer.grow():
                return _BROKEN
        except (ValueError, RecursionError):
            return _BROKEN
        else:
            buffer.move(end)
            return value


def _indent(text: str, at: int) -> str | None:
    """What stands before an element that begins its line; None in the middle of a line."""
    before = text[text.rfind("\n", 0, at) + 1 : at]
    return f"\n{before}" if not before.strip() and "\n" in text[:at] else None


def _to_next_element(buffer: _Text, indent: str | None) -> bool:
    """Moves behind a broken element of an array to the next line that is indented as the first element was."""
    while indent is not None:
        found = buffer.text.find(f"{indent}{{", buffer.at + 1)
        if found > 0:
            buffer.move(found)
            return True
        buffer.move(max(len(buffer.text) - len(indent) - 1, buffer.at))
        if not buffer.grow():
            break
    return False
