"""Which format a log has, recognised by its first records."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from itertools import chain, islice

from cachekit.core.jsonio.documents import read_values
from cachekit.core.jsonio.inputs import LONGEST_LINE, CutOffError, Source
from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.logs.format import Format
from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import UsageError

MODULES = (
    *("call_log", "bedrock", "litellm", "claude_code", "claude_stream", "codex", "otel_spans", "otel_events"),
    *("langfuse", "langsmith", "helicone", "braintrust", "weave", "openai_batch", "anthropic_batch"),
    *("anthropic_usage", "openai_usage", "gemini_cli", "copilot", "opencode", "cline", "cursor", "pi"),
    *("managed_agents", "pydantic_ai", "inspect_ai", "promptfoo", "mooncake", "llm_sqlite"),
    *("openrouter_activity", "openrouter", "raw", "flat"),
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
            hint=f"did you mean {near[0]}?" if near else f"one of {', '.join(names)}",
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
    records = _records(head, source.name)
    found = next((known for record in records for known in formats() if known.sniff(record)), None)
    if found is None and not head.lstrip().startswith((b"{", b"[")):
        found = next((known for known in formats() if known.sniff_head is not None and known.sniff_head(head)), None)
    return found, again, "" if found is not None else _describe(head, source.name)


def _describe(head: bytes, name: str) -> str:
    """What a file is that is no log, in the words of an error."""
    records = list(islice(_records(head, name), 20))
    if not records and not head.lstrip().startswith((b"{", b"[")):
        columns = head.partition(b"\n")[0].decode("utf-8", "replace").lower()
        if columns.count(",") > 1 and ("token" in columns or "cost" in columns):
            return f"a usage table{_of_whom(columns)} without cache columns"
    for record in records:
        row = next((mapping(part) for part in items(record.get("data"))), {}) or record
        first = mapping(next(iter(items(row.get("results"))), None))
        if _REQUEST.intersection(record) and not _ANSWER.intersection(record):
            return "a request, not a log of calls: use `cachekit audit`"
        if _REQUEST.intersection(mapping(record.get("body")) or mapping(record.get("params"))):
            return "a batch of requests, not a log of calls: use `cachekit audit`"
        if "amount" in first or "amount" in row or _TABLE.intersection(row):
            return (
                f"a usage table{_of_whom(' '.join((*map(str, row), str(first.get('object')))))} without cache columns"
            )
    return "no log format that cachekit knows" if records else "no JSON objects in it"


_REQUEST = frozenset({"messages", "contents", "input", "system", "toolConfig", "anthropic_version", "inferenceConfig"})
_ANSWER = frozenset({"usage", "usageMetadata", "output", "choices", "response", "role"})
_TABLE = frozenset({"byok_usage_inference", "total_tokens", "n_context_tokens_total", "amount_usd", "cost_usd"})
_MAKERS = {
    "openrouter": "OpenRouter",
    "byok_": "OpenRouter",
    "organization.costs": "OpenAI",
    "n_context_tokens": "OpenAI",
    "lineitem": "AWS",
    "workspace": "Anthropic",
    "cursor": "Cursor",
}


def _of_whom(names: str) -> str:
    return next((f" of {maker}" for sign, maker in _MAKERS.items() if sign in names.lower()), "")


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
