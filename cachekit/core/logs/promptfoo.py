"""promptfoo's results (`promptfoo eval -o results.json`, or JSON lines).

`tokenUsage` is what the provider counted; its `cached` counts tokens that promptfoo answered from its own cache of
whole answers, where nobody was asked: flag `response_cache`. What a provider's prompt cache did is in
`completionDetails` (`cacheReadInputTokens`, `cacheCreationInputTokens`), which older versions and some providers leave
out: unknown then. Whether `prompt` holds the cached tokens differs by provider: the total tells, else the maker.

Fields: promptfoo/promptfoo `src/types/shared.ts` and `src/types/index.ts` (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator

from cachekit.core.catalog.models import identify
from cachekit.core.jsonio.json_access import count, dig, mapping, moment, number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, present, record_reader, within
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import EXCLUSIVE, INCLUSIVE, NO_USAGE, Counts, settle

NAME = "promptfoo"


def calls(record: Record) -> Iterator[Call | Skip]:
    """The calls of one file of results, or of one result."""
    result_set = mapping(record.get("results"))
    results = within(result_set, "results") or within(record, "results") or [record]
    ran = moment(result_set.get("timestamp")) or moment(record.get("createdAt"))
    for result in results:
        response = mapping(result.get("response"))
        tokens = mapping(response.get("tokenUsage")) or mapping(result.get("tokenUsage"))
        yield _call(result, response, tokens, ran) if tokens else Skip("without usage")


def _call(result: Record, response: Record, tokens: Record, ran: float | None) -> Call:
    provider = text(dig(result, "provider", "id")) or text(result.get("provider")) or ""
    host, _, model = provider.partition(":")
    model = model.rpartition(":")[2] or provider
    own_cache = response.get("cached") is True or bool(count(tokens.get("cached")) and not count(tokens.get("prompt")))
    requests = number(tokens.get("numRequests"))
    return Call(
        usage=NO_USAGE if own_cache else _usage(tokens, model),
        ts=moment(result.get("timestamp")) or ran,
        id=text(result.get("id")) or "",
        provider=identify(model, host).host,
        model=model,
        latency_ms=number(result.get("latencyMs")),
        flags=frozenset(
            name
            for name, on in (
                ("response_cache", own_cache),
                ("error", bool(result.get("error")) and not response),
                ("aggregate", requests is not None and requests > 1),
            )
            if on
        ),
        labels=clean_labels({"prompt": dig(result, "prompt", "label") if "promptIdx" not in result else None}),
        meta=present(cost_reported=number(result.get("cost")), requests=requests),
    )


def _usage(tokens: Record, model: str) -> Usage:
    details = mapping(tokens.get("completionDetails"))
    return settle(
        Counts(
            base=count(tokens.get("prompt")),
            read=count(details.get("cacheReadInputTokens")),
            write=count(details.get("cacheCreationInputTokens")),
            output=count(tokens.get("completion")),
            total=count(tokens.get("total")),
            usual=EXCLUSIVE if identify(model).maker == "anthropic" else INCLUSIVE,
            open=True,
        )
    )


def sniff(record: Record) -> bool:
    """A file of results, or a line of one."""
    if isinstance(dig(record, "results", "results"), list):
        return "evalId" in record or "config" in record or "version" in mapping(record["results"])
    return "promptIdx" in record and "testIdx" in record and "response" in record


FORMAT = Format(
    name=NAME,
    title="promptfoo results",
    dedup="result id, over all files",
    sniff=sniff,
    read=record_reader(NAME, calls),
)
