"""GitHub Copilot CLI's sessions: `~/.copilot/session-state/<id>/events.jsonl`. (Its spans are read by `otel_spans`.)

`session.shutdown` has the sums of the process by model (`modelMetrics`): inclusive, one call of flag `aggregate` for
each model, the number of requests in `meta["requests"]`. Where the events of single calls are in the file
(`assistant.usage`, which the SDK writes and the CLI mostly does not), they count, and the sums do not. `cost` is a
number of premium requests, not of dollars.

Fields: the event types of github/copilot-sdk (`generated/session_events.py`) and of adapters that read them (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.catalog.models import host_name
from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import count, dig, mapping, moment, number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, present, session_reader
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import INCLUSIVE, Counts, settle

NAME = "copilot"


def calls(records: Iterator[Record], _: Source) -> Iterator[Call | Skip]:
    """The calls of one session's events."""
    session, cwd, model, single = "", "", "", False
    for record in records:
        kind, data = record.get("type"), mapping(record.get("data"))
        if kind in ("session.start", "session.resume"):
            session = text(data.get("sessionId")) or session
            cwd = text(dig(data, "context", "cwd")) or cwd
            model = text(data.get("selectedModel")) or model
            yield Skip("without usage")
        elif kind == "assistant.usage" and count(data.get("inputTokens")) is not None:
            single = True
            yield _call(record, text(data.get("model")) or model, data, {"session": session, "cwd": cwd})
        elif kind == "session.shutdown" and not single and mapping(data.get("modelMetrics")):
            for name, metrics in mapping(data["modelMetrics"]).items():
                yield _aggregate(record, name, mapping(metrics), {"session": session, "cwd": cwd})
        else:
            yield Skip("without usage")


def _call(record: Record, model: str, data: Record, labels: dict[str, str]) -> Call:
    ended, duration = moment(record.get("timestamp")), number(data.get("duration"))
    return Call(
        usage=_usage(data),
        ts=ended - duration / 1000 if ended is not None and duration is not None else ended,
        id=text(data.get("apiCallId")) or text(record.get("id")) or "",
        provider=host_name("copilot"),
        model=model,
        latency_ms=duration,
        family="/".join(filter(None, (labels["session"], text(data.get("parentToolCallId"))))),
        labels=clean_labels(labels),
    )


def _aggregate(record: Record, model: str, metrics: Record, labels: dict[str, str]) -> Call | Skip:
    usage = _usage(mapping(metrics.get("usage")))
    if not usage.input_total and not usage.output:
        return Skip("without usage")
    return Call(
        usage=usage,
        ts=moment(record.get("timestamp")),
        id=f"{text(record.get('id')) or ''}/{model}",
        provider=host_name("copilot"),
        model=model,
        flags=frozenset({"aggregate"}),
        labels=clean_labels(labels),
        meta=present(requests=number(dig(metrics, "requests", "count"))),
    )


def _usage(counts: Record) -> Usage:
    return settle(
        Counts(
            base=count(counts.get("inputTokens")),
            read=count(counts.get("cacheReadTokens")),
            write=count(counts.get("cacheWriteTokens")),
            output=count(counts.get("outputTokens")),
            usual=INCLUSIVE,
            open=True,
        )
    )


def sniff(record: Record) -> bool:
    """An event in Copilot's envelope."""
    kind = text(record.get("type")) or ""
    return isinstance(record.get("data"), dict) and kind.startswith(
        ("session.start", "session.resume", "session.shutdown", "session.info", "assistant.usage", "assistant.turn_")
    )


FORMAT = Format(
    name=NAME,
    title="GitHub Copilot CLI sessions (events.jsonl)",
    dedup="event id, over all files",
    sniff=sniff,
    read=session_reader(NAME, calls),
)
