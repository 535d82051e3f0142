"""LangSmith runs, exported by its API or SDK (`list_runs`), as JSON or JSON lines.

Only runs of type `llm` are calls: chains repeat the sums of their children. `prompt_tokens` is inclusive, for every
provider, as LangChain's `usage_metadata` is; `prompt_token_details` has what was read and written, with Anthropic also
the lifetimes. Where the details are missing, the usage in the outputs counts. One run id is one call; `total_cost` is
LangSmith's own estimate.

Fields: langchain-ai/langsmith-sdk `schemas.py` and LangChain's `UsageMetadata` (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.catalog.models import host_name, identify
from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.json_access import count, dig, items, mapping, moment, parse_number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, milliseconds, present, record_reader, within
from cachekit.core.model.calls import Call
from cachekit.core.providers.counts import INCLUSIVE, NO_USAGE, Counts, settle
from cachekit.core.providers.objects import decoded

NAME = "langsmith"


def calls(record: Record) -> Iterator[Call | Skip]:
    """The calls of one run, of a page of them (`runs`), and of child runs that a run holds."""
    for run in within(record, "runs", "data") or [record]:
        yield _call(run) if run.get("run_type") == "llm" else Skip("no run of a model")
        for child in within(run, "child_runs") or ():
            yield from calls(child)


def _call(run: Record) -> Call:
    started, ended, first = (moment(run.get(name)) for name in ("start_time", "end_time", "first_token_time"))
    extra = mapping(decoded(run.get("extra")))
    metadata, parameters = mapping(extra.get("metadata")), mapping(extra.get("invocation_params"))
    model = (
        text(metadata.get("ls_model_name")) or text(parameters.get("model")) or text(parameters.get("model_name")) or ""
    )
    usage = _usage_of(run)
    details = mapping(usage.get("input_token_details"))
    split = {"5m": details.get("ephemeral_5m_input_tokens"), "1h": details.get("ephemeral_1h_input_tokens")}
    counts = Counts(
        base=count(usage.get("input_tokens")),
        read=count(details.get("cache_read")),
        write=count(details.get("cache_creation")),
        split={name: found for name, value in split.items() if (found := count(value)) is not None} or None,
        output=count(usage.get("output_tokens")),
        total=count(usage.get("total_tokens")),
        usual=INCLUSIVE,
        open=True,
    )
    host = host_name(text(metadata.get("ls_provider")) or "") or identify(model).host
    return Call(
        usage=settle(counts) if counts.base or counts.output else NO_USAGE,
        ts=started,
        id=text(run.get("id")) or "",
        provider=host,
        model=model,
        latency_ms=milliseconds(started, ended),
        ttft_ms=milliseconds(started, first),
        flags=frozenset({"error"}) if run.get("status") == "error" or run.get("error") else frozenset(),
        labels=clean_labels(
            {
                "session": metadata.get("session_id") or metadata.get("thread_id") or metadata.get("conversation_id"),
                "project": run.get("session_name") or run.get("session_id"),
                "name": run.get("name"),
            }
        ),
        meta=present(cost_reported=parse_number(run.get("total_cost"))),
    )


def _usage_of(run: Record) -> Mapping[str, object]:
    """The run's counts under the names of `usage_metadata`: its own, else those of its outputs."""
    outputs = mapping(decoded(run.get("outputs")))
    found = mapping(outputs.get("usage_metadata"))
    for generation in items(next(iter(items(outputs.get("generations"))), None)) or items(outputs.get("generations")):
        found = found or mapping(dig(generation, "message", "kwargs", "usage_metadata"))
    own = {
        "input_tokens": run.get("prompt_tokens"),
        "output_tokens": run.get("completion_tokens"),
        "total_tokens": run.get("total_tokens"),
        "input_token_details": mapping(decoded(run.get("prompt_token_details"))) or None,
    }
    return {**found, **{name: value for name, value in own.items() if value is not None}}


def sniff(record: Record) -> bool:
    """A run, or a page of runs."""
    run = next(iter(within(record, "runs", "data") or ()), record)
    return "run_type" in run and ("trace_id" in run or "inputs" in run or "extra" in run)


FORMAT = Format(
    name=NAME,
    title="LangSmith runs",
    dedup="run id, over all files",
    sniff=sniff,
    read=record_reader(NAME, calls, values=read_records),
)
