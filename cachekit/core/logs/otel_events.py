"""Telemetry events of coding agents: Claude Code's `claude_code.api_request`, Gemini CLI's `gemini_cli.api_response`.

OTLP log records in their envelope, or flat objects with `attributes` as a local collector writes them. Claude Code
counts exclusively, without lifetimes of writes; Gemini CLI counts inclusively, as its API does. The metrics of the same
tools (`claude_code.token.usage`) repeat these counts and are no log records: they are not read. Events have no ids of
their own: one of equal time, session and counts is the same event. Their time is the end of the request, so the
duration is taken off.
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.jsonio.json_access import count, seconds, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, record_reader
from cachekit.core.logs.otlp import Attributes, any_value, attributes, first_number, first_text, log_records, moment
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import EXCLUSIVE, INCLUSIVE, Counts, settle

NAME = "otel-events"

_CLAUDE, _GEMINI = "claude_code.api_request", "gemini_cli.api_response"


def calls(record: Record) -> Iterator[Call | Skip]:
    """The calls among the events of one export request, or of one flat event."""
    found = list(log_records(record))
    if not found and "attributes" in record:
        found = [(record, {})]
    if not found:
        yield Skip("no log records in it")
    for event, shared in found:
        fields = attributes(event.get("attributes"))
        name = _name(event, fields)
        if name == _CLAUDE:
            yield _call(event, {**shared, **fields}, "anthropic", _claude_usage(fields))
        elif name == _GEMINI:
            yield _call(event, {**shared, **fields}, "google", _gemini_usage(fields))
        else:
            yield Skip("no model call")


def _name(event: Record, fields: Attributes) -> str:
    """The event's name: its body, or `event.name`, which Claude Code shortens."""
    body = event.get("body")
    body_text = body if isinstance(body, str) else any_value(body)
    name = text(fields.get("event.name")) or text(event.get("eventName")) or ""
    if body_text in (_CLAUDE, _GEMINI):
        return str(body_text)
    return _CLAUDE if name == "api_request" else name


def _call(event: Record, fields: Attributes, provider: str, usage: Usage) -> Call:
    duration = _number(fields, "duration_ms")
    ended = moment(event.get("timeUnixNano")) or moment(event.get("observedTimeUnixNano"))
    ended = ended if ended is not None else seconds(fields.get("event.timestamp"))
    cost = _number(fields, "cost_usd")
    own = {
        "session": first_text(fields, "session.id"),
        "query_source": first_text(fields, "query_source"),
        "user": first_text(fields, "user.account_uuid", "user.id"),
        "organization": first_text(fields, "organization.id"),
        "service": first_text(fields, "service.name"),
    }
    return Call(
        usage=usage,
        ts=ended - duration / 1000 if ended is not None and duration is not None else ended,
        request_id=first_text(fields, "request_id"),
        provider=provider,
        api="messages" if provider == "anthropic" else "generateContent",
        model=first_text(fields, "model"),
        latency_ms=duration,
        labels=clean_labels(own),
        meta={} if cost is None else {"cost_reported": cost},
    )


def _number(fields: Attributes, name: str) -> float | None:
    """A number, which some exporters write as text."""
    found = first_number(fields, name)
    if found is None and (body_text := text(fields.get(name))) is not None:
        try:
            return first_number({name: float(body_text)}, name)
        except ValueError:
            return None
    return found


def _count(fields: Attributes, name: str) -> int | None:
    return count(_number(fields, name))


def _claude_usage(fields: Attributes) -> Usage:
    return settle(
        Counts(
            base=_count(fields, "input_tokens"),
            read=_count(fields, "cache_read_tokens"),
            write=_count(fields, "cache_creation_tokens"),
            output=_count(fields, "output_tokens"),
            usual=EXCLUSIVE,
        )
    )


def _gemini_usage(fields: Attributes) -> Usage:
    output, thoughts = _count(fields, "output_token_count"), _count(fields, "thoughts_token_count")
    return settle(
        Counts(
            base=_count(fields, "input_token_count"),
            read=_count(fields, "cached_content_token_count"),
            output=None if output is None else output + (thoughts or 0),
            usual=INCLUSIVE,
        )
    )


def _key(call: Call) -> str:
    return call.request_id or f"{call.ts} {call.labels.get('session')} {call.model} {call.usage}"


def sniff(record: Record) -> bool:
    """An export request of log records, or a flat event of one of the tools."""
    if "resourceLogs" in record:
        return True
    return "attributes" in record and _name(record, attributes(record.get("attributes"))).startswith(
        ("claude_code.", "gemini_cli.")
    )


FORMAT = Format(
    name=NAME,
    title="Claude Code and Gemini CLI telemetry events (OTLP logs)",
    dedup="request id, else equal time, session and counts",
    sniff=sniff,
    read=record_reader(NAME, calls, _key),
)
