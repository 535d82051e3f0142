"""Spans of model calls: OpenTelemetry GenAI, OpenInference (Phoenix), OpenLLMetry, Vercel AI SDK, Copilot CLI, Logfire.

Read in OTLP's envelope, as the console and file exporters of the SDKs write them, as Phoenix exports them (nested, and
flat as its data frames are), as Logfire's rows, and as Copilot CLI's file exporter does. Fields: the exporters of
open-telemetry/opentelemetry-python and -js, Arize-ai/phoenix, Logfire's query API, github/copilot-cli (2026-11).

By the GenAI conventions `gen_ai.usage.input_tokens` is inclusive, and so is OpenInference's `llm.token_count.prompt`;
instrumentations differ (Bedrock and LangChain send the uncached remainder), so each span is tested by its sums and one
read the other way is counted as reinterpreted. Vercel's `ai.usage.inputTokens` is inclusive where
`ai.usage.inputTokenDetails` stands beside it (from 6 on); before, it is what the provider counts: exclusive, but for
those whose sums tell otherwise, and what was written (with Anthropic also its lifetimes) is only in `providerMetadata`.
Nowhere else are lifetimes of writes.

Only leaf spans of model calls count: parents repeat the sum of their children. A span that is the parent of a counted
one is left out, in whatever order they were written: files are read twice for that, stdin once, where children mostly
come first since they end first. One `traceId` and `spanId` is one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cachekit.core.catalog.models import host_name
from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.inputs import Source
from cachekit.core.jsonio.json_access import dig, items, mapping, parse_count, text
from cachekit.core.logs.format import Format, Item, Record, Skip, clean_labels, has_columns, milliseconds, record_reader
from cachekit.core.logs.otlp import Attributes, Span, first_number, first_text, is_span, spans
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import EXCLUSIVE, INCLUSIVE, NO_USAGE, Counts, settle
from cachekit.core.providers.objects import decoded
from cachekit.core.providers.usage_names import count_usage

NAME = "otel-spans"

_VERCEL = "ai.usage."
_EXCLUSIVE = ("anthropic", "bedrock")
"""What names providers beside whose cached tokens the old Vercel SDK counts, and leaves them out of its total too, so
that the sums tell nothing."""

_BASE = (
    *("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    *("ai.usage.inputTokens", "ai.usage.promptTokens", "llm.usage.prompt_tokens"),
)
_OUTPUT = (
    *("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
    *("ai.usage.outputTokens", "ai.usage.completionTokens", "llm.usage.completion_tokens"),
)
_READ = (
    *("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
    *("gen_ai.usage.cache_read_tokens", "gen_ai.usage.input_tokens.cached", "gen_ai.usage.details.cache_read_tokens"),
    *("llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input"),
    *("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
)
_WRITE = (
    *("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens"),
    *("gen_ai.usage.cache_write_tokens", "gen_ai.usage.input_tokens.cache_write"),
    *("gen_ai.usage.details.cache_write_tokens", "llm.token_count.prompt_details.cache_write"),
    *("ai.usage.inputTokenDetails.cacheWriteTokens",),
)
_TOTAL = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total", "ai.usage.totalTokens")

_MODEL_CALLS = frozenset({"chat", "text_completion", "generate_content", "completion"})
_SESSIONS = (
    *("gen_ai.conversation.id", "session.id", "langfuse.session.id"),
    *("traceloop.association.properties.session_id", "ai.telemetry.metadata.sessionId"),
)


def read(sources: Iterable[Source]) -> Iterator[Item]:
    """The model calls of all files. Parents of counted spans are kept over files: a trace may be spread."""
    all_sources, parents = list(sources), set[str]()
    for source in all_sources:
        if source.path is not None:
            for value in read_records(source):
                _keep_parents([] if isinstance(value, BadLine) else list(spans(mapping(value[1]))), parents)
    key = lambda call: call.request_id  # noqa: E731  the ids of the span
    return record_reader(NAME, lambda record: _calls(record, parents), key, read_records)(all_sources)


def _keep_parents(found: list[Span], parents: set[str]) -> None:
    """Adds the parents of the model calls."""
    parents.update(f"{span.trace}:{span.parent}" for span in found if span.parent and _is_model_call(span.attributes))


def _calls(record: Record, parents: set[str]) -> Iterator[Call | Skip]:
    found = list(spans(record))
    if not found:
        yield Skip("no spans in it")
    _keep_parents(found, parents)
    for span in found:
        if not _is_model_call(span.attributes):
            yield Skip("not a model call")
        elif f"{span.trace}:{span.id}" in parents:
            yield Skip("parent of a model call")
        else:
            yield _call(span)


def _is_model_call(fields: Attributes) -> bool:
    """By the operation where one is named, else by the kind of span, else by its usage."""
    operation = text(fields.get("gen_ai.operation.name"))
    kind = text(fields.get("openinference.span.kind")) or text(fields.get("traceloop.span.kind"))
    vercel = text(fields.get("ai.operationId"))
    if vercel is not None:
        return vercel.endswith((".doGenerate", ".doStream"))
    if operation is not None:
        return operation in _MODEL_CALLS
    if kind is not None:
        return kind.upper() == "LLM"
    return any(name in fields for name in _BASE)


def _call(span: Span) -> Call:
    fields, shared = span.attributes, span.shared
    cost = first_number(fields, "gen_ai.usage.cost", "llm.cost.total", "operation.cost")
    own = {
        "session": first_text(fields, *_SESSIONS),
        "service": first_text(shared, "service.name"),
        "environment": first_text(shared, "deployment.environment.name", "deployment.environment"),
        "user": first_text(fields, "user.id", "enduser.id"),
    }
    first = first_number(fields, "ai.response.msToFirstChunk", "gen_ai.server.time_to_first_token")
    return Call(
        usage=_usage(fields),
        ts=span.start,
        id=first_text(fields, "gen_ai.response.id", "ai.response.id"),
        request_id=f"{span.trace}:{span.id}" if span.id else "",
        provider=_provider(_name_of_provider(fields)),
        model=_model(fields),
        latency_ms=milliseconds(span.start, span.end),
        ttft_ms=first,
        flags=frozenset({"error"}) if span.failed else frozenset(),
        labels=clean_labels(own),
        meta={} if cost is None else {"cost_reported": cost},
    )


def _name_of_provider(fields: Attributes) -> str:
    names = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider")
    return first_text(fields, *names)


def _provider(name: str) -> str:
    """A provider by the instrumentation's name; Vercel puts the API behind it (`anthropic.messages`), and Copilot CLI
    calls itself `github`."""
    known = host_name("copilot" if name == "github" else name)
    return host_name(known.partition(".")[0]) if "." in known else known


def _model(fields: Attributes) -> str:
    answered = ("gen_ai.response.model", "ai.response.model", "llm.model_name")
    return first_text(fields, *answered, "gen_ai.request.model", "ai.model.id")


def _usage(fields: Attributes) -> Usage:
    base, output = _first(fields, _BASE), _first(fields, _OUTPUT)
    if base is None and output is None:
        return NO_USAGE
    old_vercel = _is_old_vercel(fields)
    if old_vercel and (metadata := _of_provider(fields)):
        return count_usage(metadata, "anthropic")
    return settle(
        Counts(
            base=base,
            read=_first(fields, _READ),
            write=_first(fields, _WRITE) if not old_vercel else _written_on_bedrock(fields),
            output=output,
            total=_first(fields, _TOTAL),
            usual=EXCLUSIVE if old_vercel else INCLUSIVE,
            open=not (old_vercel and _counts_beside(fields)),
        )
    )


def _is_old_vercel(fields: Attributes) -> bool:
    """Whether Vercel's SDK before 6 wrote the span: it gives the input as the provider counts it."""
    names = [name for name in fields if name.startswith(_VERCEL)]
    return bool(names) and not any("inputTokenDetails" in name for name in names)


def _counts_beside(fields: Attributes) -> bool:
    name, model = _name_of_provider(fields).lower(), first_text(fields, "ai.model.id").lower()
    return any(word in name for word in _EXCLUSIVE) or model.startswith("anthropic/")


def _written_on_bedrock(fields: Attributes) -> int | None:
    metadata = mapping(decoded(fields.get("ai.response.providerMetadata")))
    return parse_count(dig(metadata, "bedrock", "usage", "cacheWriteInputTokens"))


def _of_provider(fields: Attributes) -> Mapping[str, object]:
    """The usage as Anthropic gave it, which Vercel's SDK keeps as JSON text."""
    metadata = mapping(decoded(fields.get("ai.response.providerMetadata")))
    usage = mapping(dig(metadata, "anthropic", "usage"))
    return usage if "input_tokens" in usage else {}


def _first(fields: Attributes, names: tuple[str, ...]) -> int | None:
    return next((tokens for name in names if (tokens := parse_count(fields.get(name))) is not None), None)


def sniff(record: Record) -> bool:
    """An export request of spans, a span with attributes, or a page of such."""
    if "resourceSpans" in record:
        return True
    page = next((items(record[name]) for name in ("data", "spans", "rows") if items(record.get(name))), None)
    return is_span(record if page is None else mapping(page[0]))


def sniff_head(head: bytes) -> bool:
    """A table of spans, as Phoenix's data frames and Logfire write it."""
    return has_columns(head, "context.span_id", "name") or has_columns(head, "span_id", "trace_id", "attributes")


FORMAT = Format(
    name=NAME,
    title="spans (OTLP, console, Phoenix, Logfire, Copilot CLI; GenAI, OpenInference, OpenLLMetry, Vercel)",
    dedup="trace and span id, over all files; parents of counted spans are left out",
    sniff=sniff,
    read=read,
    sniff_head=sniff_head,
)
