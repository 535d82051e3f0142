"""Claude Code's output: `--output-format stream-json`, `json`, and the execution file of claude-code-action.

The same messages as in a transcript, under other names (`session_id`, `parent_tool_use_id` for a sub-agent), as lines
or as one array; no request ids and mostly no times. A reply is repeated for each block of its content, its output count
growing: of one `message.id` in a session the largest sum counts. With `--include-partial-messages` the events of the
API stand between them (`stream_event`), whose last usage is the whole.

The `result` at the end sums up by model (`modelUsage`: exclusive, its counts grow over the session). What it has
beyond the messages is counted too: output, which messages written early lack, with the last reply of the model; whole
calls, which have no message (a title, another model's), as one call of flag `aggregate`. Output that is a result alone
is such a call for each model.

Fields: the Agent SDK's message types, and files of anthropics/claude-code-action (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import count, dig, mapping, moment, number, text
from cachekit.core.logs.format import (
    Format,
    Record,
    Skip,
    calls_of_response,
    clean_labels,
    present,
    session_reader,
)
from cachekit.core.model.calls import Billing, Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import EXCLUSIVE, Counts, noted, settle
from cachekit.core.providers.responses import read_response

NAME = "claude-stream"

_KINDS = frozenset({"system", "assistant", "user", "result", "stream_event"})


@dataclass(slots=True)
class _Session:
    """The replies of one session by message id, and the last result's sums by model."""

    cwd: str = ""
    replies: dict[str, Record] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)
    sums: dict[str, Record] = field(default_factory=dict)


def calls(records: Iterator[Record], _: Source) -> Iterator[Call | Skip]:
    """The calls of one file's sessions, after its last record: a later one may hold the larger count."""
    sessions: dict[str, _Session] = {}
    for record in records:
        session = sessions.setdefault(text(record.get("session_id")) or "", _Session())
        kind, message = record.get("type"), mapping(record.get("message"))
        session.cwd = text(record.get("cwd")) or session.cwd
        if kind == "assistant" and mapping(message.get("usage")):
            yield from _add(record, message, session)
        elif kind == "stream_event":
            yield from _add_event(record, session)
        elif kind == "result" and mapping(record.get("modelUsage")):
            session.sums = {model: mapping(sums) for model, sums in mapping(record["modelUsage"]).items()}
        else:
            yield Skip("without usage")
    for name, session in sessions.items():
        yield from _calls_of(name, session)


def _add(record: Record, message: Record, session: _Session) -> Iterator[Skip]:
    """One more line of a reply: the largest sum counts."""
    id = text(message.get("id")) or f"line {len(session.replies)}"
    before = session.replies.get(id)
    if before is not None:
        yield Skip("repeats a reply")
    if before is None or _total(message) >= _total(mapping(before["message"])):
        session.replies[id] = {**record, "timestamp": (before or record).get("timestamp")}


def _total(message: Record) -> int:
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(count(dig(message, "usage", name)) or 0 for name in names)


def _add_event(record: Record, session: _Session) -> Iterator[Skip]:
    """The counts that the API's own events have of a reply: those of its last delta are the whole."""
    event, agent = mapping(record.get("event")), text(record.get("parent_tool_use_id")) or ""
    if event.get("type") == "message_start":
        message = mapping(event.get("message"))
        id = session.open[agent] = text(message.get("id")) or ""
        session.replies.setdefault(id, {**record, "message": message})
        return
    if event.get("type") == "message_delta" and session.open.get(agent) in session.replies:
        reply = session.replies[session.open[agent]]
        message = mapping(reply["message"])
        usage = {**mapping(message.get("usage")), **mapping(event.get("usage"))}
        session.replies[session.open[agent]] = {**reply, "message": {**message, "usage": usage}}
    yield Skip("an event of a reply")


def _calls_of(name: str, session: _Session) -> Iterator[Call]:
    calls = [call for id, record in session.replies.items() for call in _reply(id, record, name, session.cwd)]
    rest: list[Call] = []
    for model, sums in session.sums.items():
        own = [at for at, call in enumerate(calls) if call.model == model]
        left = _left(sums, [calls[at].usage for at in own])
        if left.input_total == 0 and left.output and own:
            usage = calls[own[-1]].usage
            whole = replace(usage, output=usage.output + left.output)
            calls[own[-1]] = replace(calls[own[-1]], usage=noted(whole, "output_from_result"))
        elif left.input_total or left.output:
            rest.append(_aggregate(model, left, sums, name, alone=not own))
    yield from calls
    yield from rest


def _reply(id: str, record: Record, session: str, cwd: str) -> Iterator[Call]:
    message, agent = mapping(record["message"]), text(record.get("parent_tool_use_id")) or ""
    response = read_response({key: value for key, value in message.items() if key != "content"}, "anthropic")
    call = Call(
        usage=response.usage,
        ts=moment(record.get("timestamp")),
        id=response.id or id,
        request_id=text(record.get("request_id")) or "",
        provider="anthropic",
        api="messages",
        model=response.model,
        billing=response.billing,
        flags=frozenset({"sidechain"}) if agent else frozenset(),
        family=f"{session}/{agent}" if agent else session,
        labels=clean_labels({"session": session, "agent": agent, "cwd": cwd}),
        miss=response.miss,
        meta=present(missed_tokens=response.missed_tokens),
    )
    yield from calls_of_response(call, response.attempts)


def _left(sums: Record, counted: list[Usage]) -> Usage:
    """What the sums of a result have beyond the calls that were counted; nothing where they have less."""
    names = ("inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens", "outputTokens")
    uncached, read, written, output = (count(sums.get(name)) or 0 for name in names)
    return settle(
        Counts(
            base=max(uncached - sum(usage.uncached for usage in counted), 0),
            read=max(read - sum(usage.read for usage in counted), 0),
            write=max(written - sum(usage.written for usage in counted), 0),
            output=max(output - sum(usage.output for usage in counted), 0),
            usual=EXCLUSIVE,
        )
    )


def _aggregate(model: str, usage: Usage, sums: Record, session: str, *, alone: bool) -> Call:
    return Call(
        usage=usage,
        id=f"{session}/{model}" if session else "",
        provider="anthropic",
        api="messages",
        model=model,
        billing=Billing(),
        flags=frozenset({"aggregate"}),
        labels=clean_labels({"session": session}),
        meta=present(cost_reported=number(sums.get("costUSD")) if alone else None),
    )


def sniff(record: Record) -> bool:
    """A message of the SDK: a session under its own name, and a kind."""
    return (
        "session_id" in record
        and text(record.get("type")) in _KINDS
        and "sessionId" not in record
        and "stats" not in record
    )


FORMAT = Format(
    name=NAME,
    title="Claude Code's stream-json and json output, and claude-code-action's execution file",
    dedup="message id within its session, the largest sum of tokens counts",
    sniff=sniff,
    read=session_reader(NAME, calls, lambda call: f"{call.labels.get('session', '')} {call.id}"),
)
