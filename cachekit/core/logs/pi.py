"""pi's sessions (`~/.pi/agent/sessions/<folder>/<time>_<id>.jsonl`), also of agents built on it.

Replies of the assistant have disjoint counts (`input`, `cacheRead`, `cacheWrite`), whose `totalTokens` is their sum; a
row of another sum is read by it. `cost.total` is in dollars. The first line names the session. A session that was
forked copies the entries before the fork with their ids and times: an entry of one id and time is one call.

Fields: earendil-works/pi `packages/coding-agent/docs/session.md` and `packages/ai/src/types.ts` (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import count, dig, mapping, moment, number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, host_of_agent, present, session_reader
from cachekit.core.model.calls import Call
from cachekit.core.providers.counts import EXCLUSIVE, NO_USAGE, Counts, settle

NAME = "pi"

_APIS = {"anthropic-messages": "messages", "openai-completions": "chat", "openai-responses": "responses"}


def calls(records: Iterator[Record], _: Source) -> Iterator[Call | Skip]:
    """The calls of one session."""
    session = cwd = ""
    for record in records:
        if record.get("type") == "session":
            session, cwd = text(record.get("id")) or session, text(record.get("cwd")) or cwd
        message = mapping(record.get("message"))
        if record.get("type") != "message" or message.get("role") != "assistant" or not mapping(message.get("usage")):
            yield Skip("without usage")
            continue
        yield _call(record, message, session, cwd)


def _call(record: Record, message: Record, session: str, cwd: str) -> Call:
    usage, stop = mapping(message["usage"]), message.get("stopReason")
    counts = Counts(
        base=count(usage.get("input")),
        read=count(usage.get("cacheRead")),
        write=count(usage.get("cacheWrite")),
        output=count(usage.get("output")),
        total=count(usage.get("totalTokens")),
        usual=EXCLUSIVE,
        open=True,
    )
    empty = not (counts.base or counts.read or counts.write or counts.output)
    return Call(
        usage=NO_USAGE if empty else settle(counts),
        ts=moment(message.get("timestamp")) or moment(record.get("timestamp")),
        id=f"{text(record.get('id')) or ''} {text(record.get('timestamp')) or message.get('timestamp')}",
        request_id=text(message.get("responseId")) or "",
        provider=host_of_agent(text(message.get("provider")) or "", text(message.get("model")) or ""),
        api=_APIS.get(text(message.get("api")) or "", ""),
        model=text(message.get("model")) or "",
        flags=frozenset({"error"}) if stop == "error" else frozenset(),
        family=session,
        labels=clean_labels({"session": session, "cwd": cwd}),
        meta=present(cost_reported=number(dig(usage, "cost", "total"))),
    )


def sniff(record: Record) -> bool:
    """The line that begins a session, or a message of one."""
    if record.get("type") == "session":
        return "cwd" in record and "id" in record
    return record.get("type") == "message" and "role" in mapping(record.get("message")) and "parentId" in record


FORMAT = Format(
    name=NAME,
    title="pi sessions",
    dedup="entry id and time, over all files",
    sniff=sniff,
    read=session_reader(NAME, calls),
)
