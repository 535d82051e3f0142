"""Events of Anthropic's Managed Agents sessions, as the API lists or streams them.

`span.model_request_end` has the counts of one request (`model_usage`, as the Messages API counts: exclusive). It names
no model: that of the session's agent counts, where the file holds the session or the agent; otherwise the calls are
unpriced. A request that failed has no counts. The sums in the session's own `usage` repeat the events. One event id is
one call.

Fields: platform.claude.com, Managed Agents, events and streaming (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import dig, mapping, moment, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, session_reader, within
from cachekit.core.model.calls import Billing, Call
from cachekit.core.providers.counts import NO_USAGE
from cachekit.core.providers.usage_names import count_usage

NAME = "managed-agents"


def calls(records: Iterator[Record], _: Source) -> Iterator[Call | Skip]:
    """The calls of one session's events, also as a page of them."""
    session = model = ""
    started: dict[str, float | None] = {}
    for record in records:
        for event in within(record, "data", "events") or [record]:
            kind, agent = text(event.get("type")) or "", mapping(event.get("agent"))
            if kind in ("session", "agent"):
                own = event if kind == "agent" else agent
                model = text(own.get("model")) or text(dig(own, "model", "id")) or model
                session = text(event.get("id")) or session if kind == "session" else session
            session = text(event.get("session_id")) or session
            if kind == "span.model_request_start":
                started[text(event.get("id")) or ""] = moment(event.get("processed_at"))
            if kind != "span.model_request_end":
                yield Skip("without usage")
                continue
            began = started.pop(text(event.get("model_request_start_id")) or "", None)
            yield _call(event, began, session, model)


def _call(event: Record, began: float | None, session: str, model: str) -> Call:
    usage = mapping(event.get("model_usage")) or mapping(event.get("usage"))
    ended, thread = moment(event.get("processed_at")), text(event.get("session_thread_id")) or ""
    return Call(
        usage=count_usage(usage, "anthropic") if usage else NO_USAGE,
        ts=began if began is not None else ended,
        id=text(event.get("id")) or "",
        provider="anthropic",
        api="messages",
        model=text(event.get("model")) or text(usage.get("model")) or model,
        billing=Billing(speed=text(usage.get("speed")) or ""),
        latency_ms=(ended - began) * 1000 if began is not None and ended is not None and ended >= began else None,
        flags=frozenset({"error"}) if event.get("is_error") is True else frozenset(),
        family="/".join(filter(None, (session, thread))),
        labels=clean_labels({"session": session, "agent": thread}),
    )


def sniff(record: Record) -> bool:
    """An event, or a page of events."""
    event = next(iter(within(record, "data", "events") or ()), record)
    kind = text(event.get("type")) or ""
    if kind == "session" and isinstance(event.get("agent"), dict):
        return True
    return kind.startswith(("span.model_request_", "session.status_", "session.thread_")) or (
        kind.startswith("agent.") and "processed_at" in event
    )


FORMAT = Format(
    name=NAME,
    title="Managed Agents events",
    dedup="event id, over all files",
    sniff=sniff,
    read=session_reader(NAME, calls),
)
