"""Which format a log has, told from its first records."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from itertools import chain, islice

from cachekit.core.calls import BadLine
from cachekit.core.documents import read_values
from cachekit.core.errors import UsageError
from cachekit.core.inputs import LONGEST_LINE, CutOffError, Source
from cachekit.core.logs.format import Format

MODULES = (
    *("call_log", "bedrock", "litellm", "claude_code", "codex", "otel_spans", "otel_events", "langfuse", "helicone"),
    *("openai_batch", "anthropic_batch", "gemini_cli", "mooncake", "llm_sqlite", "openrouter", "raw", "flat"),
)
"""One module for each format, in the order of asking: the telling ones first, raw responses and flat rows last, since
other formats have a `usage` and counters too."""

_HEAD = 256 * 1024
_RECORDS = 200
"""How far to look past leading records that tell nothing."""


@cache
def _format(module: str) -> Format:
    """A format, imported when it is asked for: most commands read one."""
    found: Format = import_module(f"cachekit.core.logs.{module}").FORMAT
    return found


def formats() -> Iterator[Format]:
    """All formats, in the order of asking."""
    return map(_format, MODULES)


def format_named(name: str) -> Format:
    """The format of that name. Raises UsageError, naming the nearest."""
    found = next((known for known in formats() if known.name == name), None)
    if found is None:
        names = [known.name for known in formats()]
        near = get_close_matches(name, names, n=1)
        raise UsageError(
            f"no log format is named {name!r}",
            mend=f"did you mean {near[0]}?" if near else f"one of {', '.join(names)}",
        )
    return found


def sniff(source: Source) -> tuple[Format | None, Source, str]:
    """The format of a source, the source to read on from (its head put back), and why there is no format."""
    chunks = source.chunks()
    head = _head(chunks)
    again = (
        source if source.path is not None else Source(source.name, lambda: chain((head,), chunks), None, source.named)
    )
    if not head.strip(b" \t\r\n\0"):
        return None, again, "empty"
    records = _Seen(_records(head, source.name))
    found = next((known for record in records for known in formats() if known.sniff(record)), None)
    if found is None and not head.lstrip().startswith((b"{", b"[")):
        found = next((known for known in formats() if known.sniff_head is not None and known.sniff_head(head)), None)
    return found, again, "no log format that cachekit knows" if records.any else "no JSON objects in it"


class _Seen:
    """Records as they are asked for, and whether there was any."""

    def __init__(self, records: Iterator[dict[str, object]]) -> None:
        self._records, self.any = records, False

    def __iter__(self) -> Iterator[dict[str, object]]:
        for record in self._records:
            self.any = True
            yield record


def _head(chunks: Iterator[bytes]) -> bytes:
    """The first bytes, at least one whole line of what is no array; less where the file is damaged or ends."""
    parts, size = list[bytes](), 0
    try:
        for chunk in chunks:
            parts.append(chunk)
            size += len(chunk)
            whole = b"\n" in chunk or parts[0].lstrip().startswith(b"[")
            if (size >= _HEAD and whole) or size > LONGEST_LINE:
                break
    except CutOffError:
        pass  # reading it again tells of the damage
    return b"".join(parts)


def _records(head: bytes, name: str) -> Iterator[dict[str, object]]:
    """The JSON objects at the start; the last is mostly torn by the end of the head, and then passed over."""
    values = read_values(Source(name, lambda: iter((head,))))
    for value in islice(values, _RECORDS):
        if not isinstance(value, BadLine) and isinstance(value[1], dict):
            yield value[1]
