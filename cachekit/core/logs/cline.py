"""Cline, Roo Code and Kilo Code: `ui_messages.json` in the folder of a task.

A message whose `say` is `api_req_started` has the counts of one request as JSON text: `tokensIn`, `tokensOut`,
`cacheWrites`, `cacheReads`, `cost` in dollars. Cline's `tokensIn` leaves the cached tokens out. Roo's and Kilo's name
the `apiProtocol`: with `openai` they are inside, with `anthropic` too in newer versions, which is seen where `tokensIn`
is not less than what was cached. `deleted_api_reqs` sums up requests whose messages were removed: a call of flag
`aggregate`. Requests that never ended have no counts.

Fields: cline/cline `src/shared/ExtensionMessage.ts`, RooCodeInc/Roo-Code `packages/types/src/message.ts` and
`src/core/task/Task.ts` (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import count, dig, mapping, moment, number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, host_of_agent, present, session_reader
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import EXCLUSIVE, INCLUSIVE, Counts, settle
from cachekit.core.providers.objects import decoded

NAME = "cline"

_REQUESTS = ("api_req_started", "deleted_api_reqs", "subagent_usage")


def calls(records: Iterator[Record], source: Source) -> Iterator[Call | Skip]:
    """The calls of one task, which its folder names."""
    task = Path(source.name).parent.name if source.path is not None else ""
    model = host = ""
    for record in records:
        model = text(dig(record, "modelInfo", "modelId")) or model
        host = text(dig(record, "modelInfo", "providerId")) or host
        counts = mapping(decoded(record.get("text"))) if record.get("say") in _REQUESTS else {}
        if not any(count(counts.get(name)) for name in ("tokensIn", "tokensOut", "cacheReads", "cacheWrites")):
            yield Skip("no request" if record.get("say") not in _REQUESTS else "without usage")
            continue
        started = moment(record.get("ts"))
        yield Call(
            usage=_usage(counts),
            ts=started,
            id=f"{task}/{record.get('ts')}/{record.get('say')}" if task or started else "",
            provider=host_of_agent(host, model),
            model=model,
            flags=frozenset() if record.get("say") == "api_req_started" else frozenset({"aggregate"}),
            family=task if record.get("say") == "api_req_started" else "",
            labels=clean_labels({"session": task}),
            meta=present(cost_reported=number(counts.get("cost"))),
        )


def _usage(counts: Record) -> Usage:
    base, output, read, write = (
        count(counts.get(name)) for name in ("tokensIn", "tokensOut", "cacheReads", "cacheWrites")
    )
    inside = text(counts.get("apiProtocol")) is not None and (read or 0) + (write or 0) <= (base or 0)
    return settle(Counts(base, read, write, output=output, usual=INCLUSIVE if inside else EXCLUSIVE))


def sniff(record: Record) -> bool:
    """A message of a task."""
    return "ts" in record and record.get("type") in ("say", "ask") and ("say" in record or "ask" in record)


FORMAT = Format(
    name=NAME,
    title="Cline, Roo Code and Kilo Code tasks (ui_messages.json)",
    dedup="task and time of the message, over all files",
    sniff=sniff,
    read=session_reader(NAME, calls),
)
