"""LiteLLM: rows of the proxy's spend log (`LiteLLM_SpendLogs`) and callback payloads (`StandardLoggingPayload`).

`prompt_tokens` is inclusive, also for Anthropic and Bedrock models. The cache counters stand in
`metadata.usage_object` (older rows: `metadata.additional_usage_values`) under Anthropic's names, OpenAI's, or both: one
of them is read, never the sum. `metadata` may be an object or JSON text of one. `cache_hit` is LiteLLM's own cache of
whole answers: no provider was asked, so such a row has flag `response_cache` and no usage.

One `request_id` (payload: `id`) is one call; retries and fallbacks have ids of their own and were billed. `spend` can
be wrong (some versions price 1-hour writes at nothing): it is kept as `meta["cost_reported"]`, to be shown beside ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.catalog.models import host_name
from cachekit.core.jsonio.documents import read_records
from cachekit.core.jsonio.json_access import dig, items, mapping, moment, parse_count, parse_number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, milliseconds, record_reader, within
from cachekit.core.model.calls import Billing, Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import NO_USAGE
from cachekit.core.providers.objects import decoded
from cachekit.core.providers.usage_names import count_usage

NAME = "litellm"

_OWN_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_NO_COMPLETION = frozenset({"embedding", "aembedding", "rerank", "arerank", "moderation", "amoderation"})


def calls(record: Record) -> Iterator[Call | Skip]:
    """The call of one row or payload, or of a page of rows (`data`)."""
    for row in within(record, "data") or (record,):
        yield from _calls(row)


def _calls(record: Record) -> Iterator[Call | Skip]:
    if not any(name in record for name in ("call_type", "metadata", *_OWN_COUNTS)):
        yield Skip("not a row of LiteLLM's")
        return
    kind = text(record.get("call_type")) or ""
    if kind in _NO_COMPLETION:
        yield Skip(f"no completion ({kind})")
        return
    metadata = mapping(decoded(record.get("metadata")))
    own_cache = str(record.get("cache_hit")).lower() == "true"
    failed = text(record.get("status")) == "failure"
    started, ended, first = (moment(record.get(name)) for name in ("startTime", "endTime", "completionStartTime"))
    provider = text(record.get("custom_llm_provider")) or ""
    costs = (parse_number(record.get(name)) for name in ("spend", "response_cost"))
    cost = next((usage_object for usage_object in costs if usage_object is not None), None)
    yield Call(
        usage=NO_USAGE if own_cache else _usage(record, metadata),
        ts=started,
        id=text(record.get("request_id")) or text(record.get("id")) or "",
        provider=host_name(provider),
        api="litellm",
        model=text(record.get("model")) or text(record.get("model_group")) or "",
        billing=Billing(tier=text(mapping(metadata.get("usage_object")).get("service_tier")) or ""),
        latency_ms=milliseconds(started, ended),
        ttft_ms=milliseconds(started, first) if first != ended else None,
        flags=frozenset(name for name, on in (("response_cache", own_cache), ("error", failed)) if on),
        labels=_labels(record, metadata),
        request=_request(record),
        meta={} if cost is None else {"cost_reported": cost},
    )


def _usage(record: Record, metadata: Mapping[str, object]) -> Usage:
    """The usage object with the row's own counts beside it: those are inclusive for certain."""
    usage_object = mapping(decoded(metadata.get("usage_object")))
    older = mapping(decoded(metadata.get("additional_usage_values")))
    own = {name: tokens for name in _OWN_COUNTS if (tokens := parse_count(record.get(name))) is not None}
    return count_usage({**older, **usage_object, **own}, "litellm")


def _labels(record: Record, metadata: Mapping[str, object]) -> dict[str, str]:
    """Team, user, session and tags. A tag `name:value` or `name=value` is a label of that name."""
    tags = items(decoded(record.get("request_tags"))) or items(metadata.get("tags"))
    words = [tag for tag in tags if isinstance(tag, str)]
    named = {name: value for tag in words for name, value in [_named(tag)] if name and value}
    own = {
        "team": _one(record, metadata, "team_alias", "user_api_key_team_alias")
        or _one(record, metadata, "team_id", "user_api_key_team_id"),
        "user": _one(record, metadata, "end_user", "user_api_key_end_user_id", "user", "user_api_key_user_id"),
        "session": _one(record, metadata, "session_id", "trace_id"),
        "model_group": text(record.get("model_group")),
        "tags": ",".join(sorted(words)),
    }
    return clean_labels(named | {name: value for name, value in own.items() if value})


def _one(record: Record, metadata: Mapping[str, object], *names: str) -> str | None:
    return next((found for name in names if (found := text(record.get(name)) or text(metadata.get(name)))), None)


def _named(tag: str) -> tuple[str, str]:
    for sign in (":", "="):
        name, found, value = tag.partition(sign)
        if found:
            return name.strip(), value.strip()
    return "", ""


def _request(record: Record) -> Mapping[str, object] | None:
    """The request as the proxy got it, or put together from the payload's parts; None where prompts are not stored."""
    body = mapping(decoded(record.get("proxy_server_request")))
    inner = body.get("body", body)
    if isinstance(inner, dict) and inner.get("messages"):
        return inner
    messages = decoded(record.get("messages"))
    if not isinstance(messages, list) or not messages:
        return None
    parameters = mapping(decoded(record.get("model_parameters")))
    return {**parameters, "model": record.get("model"), "messages": messages}


def sniff(record: Record) -> bool:
    """A row of the spend log or a callback's payload."""
    page = within(record, "data")
    if page:
        return any(sniff(row) for row in page[:1])
    if "call_type" not in record:
        return False
    return "spend" in record or "response_cost" in record or dig(record, "metadata", "usage_object") is not None


def sniff_head(head: bytes) -> bool:
    """The spend log as a table."""
    first = head.partition(b"\n")[0]
    return b"call_type" in first and b"spend" in first and not first.lstrip().startswith((b"{", b"["))


FORMAT = Format(
    name=NAME,
    title="LiteLLM spend logs and callback payloads",
    dedup="request_id (payload: id), over all files",
    sniff=sniff,
    read=record_reader(NAME, calls, values=read_records),
    content=True,
    sniff_head=sniff_head,
)
