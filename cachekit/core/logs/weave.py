"""W&B Weave's calls, as its API and exports give them (JSON, JSON lines).

Each op is a call of Weave's; those of models are leaves whose `output.usage` is the provider's own, in its own
convention. Where the output was not kept, `summary.usage` has the same by model; since parents repeat the sums of their
children there, it counts only for ops that are no parent of another op in the file. One id is one call.

Fields: wandb/weave `weave/trace_server/trace_server_interface.py` (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.catalog.models import identify
from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import dig, mapping, moment, number, text
from cachekit.core.logs.format import (
    Format,
    Record,
    Skip,
    calls_of_response,
    clean_labels,
    milliseconds,
    present,
    session_reader,
    within,
)
from cachekit.core.model.calls import Call
from cachekit.core.providers.objects import decoded
from cachekit.core.providers.responses import read_response

NAME = "weave"


def calls(records: Iterator[Record], _: Source) -> Iterator[Call | Skip]:
    """The calls of one file, after its last record: only then is it known which ops are parents."""
    ops = [op for record in records for op in within(record, "calls", "data") or [record]]
    parents = {text(op.get("parent_id")) for op in ops}
    for op in ops:
        output = mapping(decoded(op.get("output")))
        sums = mapping(dig({"held": decoded(op.get("summary"))}, "held", "usage"))
        if mapping(output.get("usage")) or mapping(output.get("usage_metadata")):
            yield from _calls(op, output)
        elif sums and text(op.get("id")) not in parents:
            for model, usage in sums.items():
                yield from _calls(op, {"model": model, "usage": mapping(usage)}, alone=len(sums) == 1)
        else:
            yield Skip("repeats the sums of its children" if sums else "without usage")


def _calls(op: Record, response_: Record, *, alone: bool = True) -> Iterator[Call]:
    inputs, costs = mapping(decoded(op.get("inputs"))), mapping(dig(op, "summary", "weave", "costs"))
    requested = text(inputs.get("model"))
    response = read_response({k: v for k, v in response_.items() if k in _PARTS}, _provider(op, requested), requested)
    model = response.model or requested or ""
    started, ended = moment(op.get("started_at")), moment(op.get("ended_at"))
    cost = [number(mapping(entry).get(name)) for entry in costs.values() for name in _COSTS]
    call = Call(
        usage=response.usage,
        ts=started,
        id=f"{text(op.get('id')) or ''}{'' if alone else '/' + model}",
        request_id=response.id,
        provider=identify(model).host,
        model=model,
        billing=response.billing,
        latency_ms=milliseconds(started, ended),
        flags=frozenset({"error"}) if op.get("exception") else frozenset(),
        labels=clean_labels(
            {"session": op.get("thread_id"), "trace": op.get("trace_id"), "user": op.get("wb_user_id")}
        ),
        miss=response.miss,
        meta=present(cost_reported=sum(part for part in cost if part is not None) if any(cost) and alone else None),
    )
    yield from calls_of_response(call, response.attempts)


_PARTS = ("id", "model", "usage", "usage_metadata", "service_tier", "diagnostics", "type", "object")
_COSTS = ("prompt_tokens_total_cost", "completion_tokens_total_cost")


def _provider(op: Record, model: str | None) -> str:
    name = (text(op.get("op_name")) or "").lower()
    return next((known for known in ("anthropic", "openai", "bedrock", "google") if known in name), "") or (
        identify(model).host if model else ""
    )


def sniff(record: Record) -> bool:
    """A call of Weave's, or a page of them."""
    op = next(iter(within(record, "calls", "data") or ()), record)
    return "op_name" in op and "trace_id" in op and "started_at" in op


FORMAT = Format(
    name=NAME,
    title="W&B Weave calls",
    dedup="call id, over all files",
    sniff=sniff,
    read=session_reader(NAME, calls, lambda call: call.id, read_records),
)
