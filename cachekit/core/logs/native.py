"""Our own call log, read: ndjson, version 1, one call a line.

A line needs a `usage`; all else is optional and may be of any type, since other programs write our log too. A line that
has a `request` and no `blocks` is lowered as it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import IO

from cachekit.core.jsonio.inputs import Source, find_sources, open_lines
from cachekit.core.jsonio.json_access import LARGEST_COUNT, count, dig, items, mapping, moment, number, seconds, text
from cachekit.core.libraries.request_form import backend_of, named_backend
from cachekit.core.logs.skeleton import prompt_of_lines
from cachekit.core.model.calls import BadLine, Billing, Call
from cachekit.core.model.prompt import Prompt, Scope
from cachekit.core.model.usage import WRITES, Usage

VERSION = 1
COUNTERS = ("uncached", "read", *WRITES, "output")

Readable = str | Path | IO[bytes] | IO[str]


def read_calls(source: Readable | Iterable[str | Path]) -> Iterator[Call | BadLine]:
    """The calls of our log, in the order written: of a path (also a folder, a glob, `-`, .gz, .zst), of several paths,
    or of an open file. A line that cannot be read is a `BadLine` in its place. Raises InputError for a missing file."""
    for found in _sources(source):
        for line in open_lines(found):
            yield line if isinstance(line, BadLine) else read_line(*line, found.name)


def read_line(number: int, line: bytes, source: str = "") -> Call | BadLine:
    """The call on a line, or why there is none."""
    from cachekit.core.jsonio.documents import value_of

    try:
        found = call_from(value_of(line))
    except ValueError as error:
        found = str(error)
    return BadLine(number, found, source) if isinstance(found, str) else found


def _sources(source: Readable | Iterable[str | Path]) -> Iterator[Source]:
    if isinstance(source, (str, Path)):
        yield from find_sources([source])
    elif isinstance(source, Iterable) and not hasattr(source, "read"):
        yield from find_sources(source)
    else:
        yield Source(str(getattr(source, "name", "")), lambda: chunks_of(source))


def chunks_of(stream: object) -> Iterator[bytes]:
    """An open file, text or binary, in chunks of a MiB."""
    read: Callable[[int], bytes | str] = getattr(stream, "read")  # noqa: B009  any object with a `read` will do
    while chunk := read(1 << 20):
        yield chunk.encode("utf-8", "surrogatepass") if isinstance(chunk, str) else chunk


def call_from(value: object) -> Call | str:
    """The call that a decoded line holds, or the reason why it holds none."""
    line = mapping(value)
    reason = _refusal(value, line)
    if reason:
        return reason
    usage, ts = usage_of(line), _moment(line.get("ts"))
    if isinstance(ts, str):
        usage, ts = replace(usage, quality=(*usage.quality, ts)), moment(line.get("ts"))
    request = line.get("request")
    call = Call(
        usage=usage,
        ts=ts,
        scope=scope_of(line.get("scope")),
        billing=billing_of(line.get("billing")),
        latency_ms=number(line.get("latency_ms")),
        ttft_ms=number(line.get("ttft_ms")),
        status=count(line.get("status")),
        flags=frozenset(flag for flag in items(line.get("flags")) if isinstance(flag, str)),
        labels=labels_of(line.get("labels")),
        miss=text(line.get("miss")) or text(dig(line, "miss", "type")),
        request=request if isinstance(request, dict) else None,
        meta=mapping(line.get("meta")),
        id=_word(line, "id"),
        request_id=_word(line, "request_id"),
        provider=_word(line, "provider"),
        api=_word(line, "api"),
        model=_word(line, "model"),
        prefix_id=_word(line, "prefix_id"),
        family=_word(line, "family"),
    )
    return _with_prompt(call, line)


def _word(line: Mapping[str, object], name: str) -> str:
    return text(line.get(name)) or ""


def _refusal(value: object, line: Mapping[str, object]) -> str:
    if not isinstance(value, dict):
        return "not a JSON object"
    version = line.get("v")
    if version is not None and version != VERSION:
        shown = version if isinstance(version, int) else "unknown"
        return f"version {shown} of the call log, and this program reads version {VERSION}"
    if version is None and not isinstance(line.get("usage"), dict):
        return "not a call: no `usage`"
    return ""


def usage_of(line: Mapping[str, object]) -> Usage:
    """The counts of a line. A count that is none becomes 0, a negative one too, and both leave a note. A usage in a
    provider's own names is read by that provider's convention."""
    raw_usage = mapping(line.get("usage"))
    if not any(name in raw_usage for name in (*COUNTERS, "known")):
        from cachekit.core.providers.responses import parse_usage

        return parse_usage(dict(raw_usage), text(line.get("provider")), text(line.get("model")))
    counts = {name: count(raw_usage.get(name)) for name in COUNTERS}
    notes = [note for note in items(raw_usage.get("quality")) if isinstance(note, str)]
    for name, value in counts.items():
        if value is None and raw_usage.get(name) is not None:
            notes.append(_fault(raw_usage[name]))
    known, quality = raw_usage.get("known") is not False, tuple(dict.fromkeys(notes))
    return Usage(**{name: value or 0 for name, value in counts.items()}, known=known, quality=quality)


def _fault(value: object) -> str:
    """Why a count is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "negative_clamped" if value < 0 else "count_too_large" if value > LARGEST_COUNT else "not_a_count"
    return "not_a_count"


def _moment(value: object) -> float | str | None:
    """When a request started; a note where the time is not as it should be."""
    if value is None:
        return None
    latency = seconds(value)
    if latency is None:
        return "time_unreadable" if moment(value) is None else "time_not_rfc3339"
    return latency if _has_zone(str(value)) else "time_without_zone"


def _has_zone(value: str) -> bool:
    return value[-1:] in ("Z", "z") or value.endswith("UTC") or "+" in value[10:] or "-" in value[10:]


def scope_of(value: object) -> Scope:
    """A scope as a line has it; what is no text is empty."""
    raw_usage = mapping(value)
    return Scope(**{f.name: text(raw_usage.get(f.name)) or "" for f in fields(Scope)})


def billing_of(value: object) -> Billing:
    """A billing as a line has it; what is no text is empty."""
    raw_usage = mapping(value)
    names = ("tier", "speed", "geo", "host")
    return Billing(batch=raw_usage.get("batch") is True, **{name: text(raw_usage.get(name)) or "" for name in names})


def labels_of(value: object) -> dict[str, str]:
    """Labels as text: numbers and truth values are written out, anything else is left out."""
    plain = {k: v for k, v in mapping(value).items() if isinstance(k, str) and isinstance(v, (str, int, float))}
    return {key: v if isinstance(v, str) else str(v).lower() for key, v in plain.items() if v != ""}


def _with_prompt(call: Call, line: Mapping[str, object]) -> Call:
    prompt = _prompt(call, line)
    if prompt is None:
        return call
    from cachekit.core.providers.families import family_of, prefix_id

    return replace(
        call,
        prompt=prompt,
        family=call.family or family_of(prompt),
        prefix_id=call.prefix_id or prefix_id(prompt),
    )


def _prompt(call: Call, line: Mapping[str, object]) -> Prompt | None:
    """The prompt of a line: from its skeleton, or else lowered from its request."""
    if isinstance(line.get("blocks"), list):
        backend = named_backend(line.get("backend")) or backend_of(call.provider, call.api, call.request or {})
        return prompt_of_lines(line, backend, call.scope)
    if call.request is None:
        return None
    from cachekit.core.libraries.lowered import (
        prompt_of_request,  # most lines need none, and a request needs the stacks
    )

    return prompt_of_request(call, call.request)
