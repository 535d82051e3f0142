"""OpenCode: messages as files (`storage/message/<session>/<message>.json`) and in `opencode.db` (SQLite).

Replies of the assistant have disjoint `tokens` (`input`, `cache.read`, `cache.write`); `reasoning` is beside `output`,
unless the message's own total says that it is inside. The database keeps the same message as JSON in `message.data`,
its id and session in columns. One message id is one call, over files and database: newer versions copied the files.
`cost` is in dollars. OpenAI's models on Bedrock: anomalyco/opencode#47296 says that `input` held the cached tokens too;
the totals of such messages prove nothing.

Fields: anomalyco/opencode `packages/opencode/src/session/message-v2.ts` and its database schema (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from cachekit.core.catalog.models import identify
from cachekit.core.jsonio.documents import Value, read_values
from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import count, dig, mapping, moment, number, text
from cachekit.core.logs.format import (
    Format,
    Record,
    Skip,
    clean_labels,
    host_of_agent,
    milliseconds,
    present,
    record_reader,
)
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import EXCLUSIVE, INCLUSIVE, NO_USAGE, Counts, settle
from cachekit.core.providers.objects import decoded

NAME = "opencode"

_MAGIC = b"SQLite format 3\0"


def calls(record: Record) -> Iterator[Call | Skip]:
    """The call of one message."""
    if record.get("role") != "assistant" or not isinstance(record.get("tokens"), dict):
        yield Skip("no reply of the assistant")
        return
    started, ended = (moment(dig(record, "time", name)) for name in ("created", "completed"))
    session, model = text(record.get("sessionID")) or "", text(record.get("modelID")) or ""
    host = host_of_agent(text(record.get("providerID")) or "", model)
    yield Call(
        usage=_usage(mapping(record["tokens"]), host, model),
        ts=started,
        id=text(record.get("id")) or "",
        provider=host,
        model=model,
        latency_ms=milliseconds(started, ended),
        flags=frozenset({"error"}) if isinstance(record.get("error"), dict) else frozenset(),
        family=session,
        labels=clean_labels({"session": session, "agent": record.get("agent"), "cwd": dig(record, "path", "cwd")}),
        meta=present(cost_reported=number(record.get("cost"))),
    )


def _usage(tokens: Record, host: str, model: str) -> Usage:
    base, output, reasoning = (count(tokens.get(name)) for name in ("input", "output", "reasoning"))
    read, write = (count(dig(tokens, "cache", name)) for name in ("read", "write"))
    cached, total = (read or 0) + (write or 0), count(tokens.get("total"))
    if not (base or output or cached):
        return NO_USAGE  # a message that was aborted before its answer began
    inside = total is not None and total == (base or 0) + cached + (output or 0)
    whole = (output or 0) + (0 if inside else reasoning or 0)
    inclusive = host == "bedrock" and identify(model).maker == "openai" and cached <= (base or 0)
    return settle(Counts(base, read, write, None, whole, usual=INCLUSIVE if inclusive else EXCLUSIVE))


def _values(source: Source) -> Iterator[Value]:
    """The messages of a file, or of a database, which is opened read-only."""
    if source.path is None or not next(source.chunks(), b"").startswith(_MAGIC):
        yield from read_values(source)
        return
    import sqlite3

    row = 0
    try:
        with closing(sqlite3.connect(f"{source.path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.5)) as database:
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            for id, session, data in database.execute("select id, session_id, data from message order by rowid"):
                row += 1
                message = decoded(data)
                yield row, {**message, "id": id, "sessionID": session} if isinstance(message, dict) else message
    except sqlite3.Error as error:
        yield BadLine(row + 1, f"the database cannot be read: {error}", source.name)


def sniff(record: Record) -> bool:
    """A message: a session, a role, and a model or tokens."""
    return (
        "sessionID" in record and record.get("role") in ("user", "assistant") and isinstance(record.get("time"), dict)
    )


def sniff_head(head: bytes) -> bool:
    """A database with OpenCode's tables."""
    return (
        head.startswith(_MAGIC)
        and b"session_id" in head
        and b"TABLE" in head
        and b"`message`" in head.replace(b'"', b"`")
    )


FORMAT = Format(
    name=NAME,
    title="OpenCode messages (files and opencode.db)",
    dedup="message id, over all files",
    sniff=sniff,
    read=record_reader(NAME, calls, values=_values),
    sniff_head=sniff_head,
)
