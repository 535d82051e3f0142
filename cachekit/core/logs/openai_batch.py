"""Result files of OpenAI's Batch API: `{id, custom_id, response: {status_code, request_id, body}, error}`.

Inclusive, as the bodies inside are. Everything in a batch costs half. The order is not that of the requests, and there
are no times but the body's own. One batch line id is one call; lines are joined to inputs by `custom_id`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cachekit.core.jsonio.json_access import count, mapping, text
from cachekit.core.logs import raw
from cachekit.core.logs.format import Format, Record, Skip, record_reader
from cachekit.core.model.calls import Call
from cachekit.core.providers.responses import read_response

NAME = "openai-batch"


def calls(record: Record) -> Iterator[Call | Skip]:
    """The call of one line; a skip for a request that failed."""
    answer = mapping(record.get("response"))
    body = mapping(answer.get("body"))
    if not raw.has_usage(body):
        yield Skip("failed request" if record.get("error") or body.get("error") else "no usage")
        return
    _, api = raw.guess(body)
    call = raw.call_of(body, read_response(body, "openai"), "openai", api)
    yield replace(
        call,
        request_id=text(answer.get("request_id")) or text(record.get("id")) or "",
        status=count(answer.get("status_code")),
        billing=replace(call.billing, batch=True),
        labels={**call.labels, **_custom(record)},
    )


def _custom(record: Record) -> dict[str, str]:
    name = text(record.get("custom_id"))
    return {"custom_id": name} if name else {}


def sniff(record: Record) -> bool:
    """A line of the output or the error file."""
    return "custom_id" in record and ("response" in record or "error" in record) and "result" not in record


FORMAT = Format(
    name=NAME,
    title="OpenAI batch results",
    dedup="request id of the answer, over all files",
    sniff=sniff,
    read=record_reader(NAME, calls, lambda call: call.request_id),
)
