"""Usage objects of all providers, brought to disjoint counts.

Two conventions exist. *Exclusive* counters are disjoint: the input total is base + read + written. *Inclusive* ones
name a total of which the cached tokens are a part: uncached = base - read - written. The name of the base tells which,
where it can:

    base                  convention   who
    prompt_tokens         inclusive    OpenAI Chat, Azure, OpenRouter, DeepSeek, Groq, Mistral, Moonshot, xAI, Z.ai,
                                       Together, Perplexity, llama.cpp, vLLM, LiteLLM (there also beside Anthropic's
                                       names of the cache counters)
    input_tokens          inclusive    beside *_details or cached_input_tokens: OpenAI Responses, xAI, Codex, LangChain;
                                       beside cache_read_tokens: pydantic-ai
    input_tokens          exclusive    beside Anthropic's names of the cache counters: Anthropic, and Bedrock and Vertex
                                       with Anthropic bodies; inspect_ai
    inputTokens           exclusive    Bedrock Converse, Strands; there inclusive for OpenAI's models
    inputTokens           inclusive    beside inputTokenDetails: Vercel AI SDK from 6 on
    inputTokenCount       exclusive    Bedrock stream metrics, invocation log, response headers; for OpenAI's
                                       models inclusive
    promptTokenCount      inclusive    Gemini API, Vertex (prompt_token_count in its Python SDK)
    total_input_tokens    inclusive    Gemini interactions
    tokens.input_tokens   inclusive    Cohere (billed_units leaves out what is not billed)
    prompt_eval_count     inclusive    Ollama; no cache counters

Where the name alone does not tell (`open` below), the sums do: base + output = total is inclusive, base + read +
written + output = total is exclusive, and more cached (read and written) than the base is exclusive for certain. Only
then the provider, and last the name's usual meaning. A row read against its usual meaning is noted as `reinterpreted`.

Rows known to break their convention:
- Vercel's gateway, Databricks, Doubleword and Venice put Anthropic's names of the cache counters beside
  `prompt_tokens`. It stays inclusive: prompt + completion is the total in every such row seen (175 of 175). Who goes by
  those names alone looks for `input_tokens` in vain, and takes the uncached tokens for none.
- Azure-hosted Grok: `prompt_tokens` 7 with `cached_tokens` 163 and `total_tokens` 8. The cached tokens are a system
  prompt of the host that is counted nowhere else (about 160 tokens in each of 22 recorded calls): the input is 170.
- OpenAI's models on Bedrock: `totalTokens` adds the cached tokens to an `inputTokens` that holds them already, so the
  sum proves nothing; a base smaller than what was cached does not hold it. The invoice is reported to count them twice
  too (earendil-works/pi#8752, anomalyco/opencode#47296, 2026-11): noted.
- OpenRouter's Gemini rows report one run of tokens as read and as written (2,168 in, 2,161 read, 2,161 written, and
  the cost of 7 uncached): it counts once, as read.
- Qwen puts what its explicit cache wrote under Anthropic's names into `prompt_tokens_details`, inside `prompt_tokens`.
- Gemini with server tools: `toolUsePromptTokenCount` is outside `promptTokenCount`, and so outside the total; noted.
- xAI Chat: `completion_tokens` leaves the reasoning out (the total holds it): added where the total says so.
- Bedrock Converse repeats its cache counters under two names; DeepSeek, Venice and LiteLLM do too: one is read.
- Anthropic's iterations: see `iterations`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.catalog.models import identify
from cachekit.core.jsonio.json_access import count, items, mapping, text
from cachekit.core.model.usage import Usage
from cachekit.core.providers.counts import EXCLUSIVE, INCLUSIVE, NO_USAGE, Convention, Counts, noted, settle

_BASES: tuple[tuple[str, Convention], ...] = (
    ("prompt_tokens", INCLUSIVE),
    ("input_tokens", EXCLUSIVE),
    ("inputTokens", EXCLUSIVE),
    ("inputTokenCount", EXCLUSIVE),
    ("promptTokenCount", INCLUSIVE),
    ("prompt_token_count", INCLUSIVE),
    ("total_input_tokens", INCLUSIVE),
    ("tokens.input_tokens", INCLUSIVE),
    ("prompt_eval_count", INCLUSIVE),
)

INPUT_NAMES = tuple(name for name, _ in _BASES)

_READ = (
    "cache_read_input_tokens",
    "prompt_tokens_details.cached_tokens",
    "input_tokens_details.cached_tokens",
    "cacheReadInputTokens",
    "cacheReadInputTokenCount",
    "prompt_cache_hit_tokens",
    "cached_tokens",
    "cached_input_tokens",
    "cachedContentTokenCount",
    "cached_content_token_count",
    "total_cached_tokens",
    "input_token_details.cache_read",
    "inputTokenDetails.cacheReadTokens",
    "cachedInputTokens",
    "cache_read_tokens",
    "input_tokens_cache_read",
    "num_cached_tokens",
    "prompt_token_details.cached_tokens",
    "prompt_token_details.cache_read",
)

_WRITE = (
    "cache_creation_input_tokens",
    "prompt_tokens_details.cache_write_tokens",
    "prompt_tokens_details.cache_creation_tokens",
    "input_tokens_details.cache_write_tokens",
    "cacheWriteInputTokens",
    "cacheWriteInputTokenCount",
    "cache_write_input_tokens",
    "input_token_details.cache_creation",
    "inputTokenDetails.cacheWriteTokens",
    "cache_write_tokens",
    "input_tokens_cache_write",
    "prompt_tokens_details.cache_creation_input_tokens",
    "prompt_token_details.cache_creation",
)

OUTPUT_NAMES = _OUTPUT = (
    "output_tokens",
    "completion_tokens",
    "outputTokens",
    "outputTokenCount",
    "candidatesTokenCount",
    "candidates_token_count",
    "total_output_tokens",
    "tokens.output_tokens",
    "eval_count",
)

_THOUGHT_APART = ("thoughtsTokenCount", "thoughts_token_count", "total_thought_tokens")
"""Thinking tokens that are never part of the output counter beside them."""

_REASONING = ("completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens")
_TOTAL = ("total_tokens", "totalTokens", "totalTokenCount", "total_token_count")
_TOOL_PROMPT = ("toolUsePromptTokenCount", "tool_use_prompt_token_count", "total_tool_use_tokens")

_SPLITS = {
    "ephemeral_5m_input_tokens": "5m",
    "ephemeral_1h_input_tokens": "1h",
    "ttl_30m_tokens": "30m",
    "ttl_12h_tokens": "12h",
}
_SPLIT_PARENTS = (
    "cache_creation",
    "prompt_tokens_details.cache_creation_token_details",
    "prompt_tokens_details.cache_creation",
    "prompt_tokens_details.cache_write_tokens_details",
    "input_tokens_details.cache_write_tokens_details",
    "input_token_details",
)

_COUNTERS = frozenset((*(name for name, _ in _BASES), *_READ, *_WRITE, *_OUTPUT))
"""Names whose value, where it is no count, is worth a note."""

_INCLUSIVE_SIGNS = (
    "input_tokens_details",
    "prompt_tokens_details",
    "cached_input_tokens",
    "input_token_details",
    "inputTokenDetails",
    "cache_read_tokens",
    "cache_write_tokens",
)
"""Keys that make `input_tokens` or `inputTokens` a total."""

_EXCLUSIVE_PROVIDERS = frozenset({"anthropic", "bedrock"})


def count_usage(usage: Mapping[str, object], provider: str = "", model: str = "") -> Usage:
    """The disjoint counts of one usage object. Total: whatever the JSON, a Usage comes back. The model's maker decides
    where a host counts the models of one maker otherwise than those of others."""
    found = dict(_flatten(usage))
    flat = {path: tokens for path, tokens in found.items() if tokens >= 0}
    split = _split(usage, flat)
    if split is None and not any(name in flat for name in _COUNTERS):
        counted = NO_USAGE
    else:
        counted = settle(_counts(usage, flat, split, (provider, model)))
    if len(flat) < len(found) and any(found.get(name, 0) < 0 for name in _COUNTERS):
        counted = noted(counted, "bad_count")
    if (_first(flat, _TOOL_PROMPT) or 0) > 0:
        counted = noted(counted, "tool_use_prompt_not_counted")
    return counted


def _is_total(usage: Mapping[str, object], flat: Mapping[str, int]) -> bool:
    """Whether a sign beside `input_tokens` or `inputTokens` makes it a total."""
    return any(mapping(usage.get(key)) or key in flat for key in _INCLUSIVE_SIGNS)


def _counts(
    usage: Mapping[str, object], flat: Mapping[str, int], split: Mapping[str, int] | None, source: tuple[str, str]
) -> Counts:
    """The counters by what they mean; `source` is the provider and the model, each empty where it is unknown."""
    provider, model = source
    name, usual = next(((name, kind) for name, kind in _BASES if name in flat), ("", EXCLUSIVE))
    base, total, read, write = flat.get(name), _first(flat, _TOTAL), _first(flat, _READ), _first(flat, _WRITE)
    is_total, open_row, notes = _is_total(usage, flat), False, tuple[str, ...]()
    if name in ("inputTokens", "inputTokenCount") and not is_total and _maker(model) == "openai":
        cached = (read or 0) + (write or sum((split or {}).values()))
        usual = INCLUSIVE if cached <= (base or 0) else EXCLUSIVE
        notes = ("invoice_may_count_cached_twice",) if cached else ()
    elif name in ("input_tokens", "inputTokens"):
        usual = INCLUSIVE if is_total else _usual_of(name, flat, provider)
        open_row = not is_total
    elif name == "prompt_tokens":
        open_row = "cache_read_input_tokens" in flat and "prompt_tokens_details.cached_tokens" not in flat
        if _is_grok_on_azure(flat, read or 0, provider, model):
            usual, notes = EXCLUSIVE, ("reinterpreted",)
    overlaps = provider == "openrouter" or _maker(model) == "google"
    return Counts(base, read, write, split, _output(flat, base, total), total, usual, open_row, overlaps, notes)


def _maker(model: str) -> str:
    return identify(model).maker if model else ""


def _is_grok_on_azure(flat: Mapping[str, int], read: int, provider: str, model: str) -> bool:
    """Whether the cached tokens are beside the base: always with Grok on Azure, and in any row of that form that has
    more of them than the base could hold. Where no model is named, xAI's names or the row's own total tell the form."""
    base, more = flat["prompt_tokens"], read > flat["prompt_tokens"]
    if model:
        return read > 0 and "grok" in model.lower() and ("azure" in provider or more)
    named = "prompt_tokens_details.text_tokens" in flat
    return read > 0 and ((named and "azure" in provider) or (more and (named or _proves(flat, base))))


def _proves(flat: Mapping[str, int], base: int) -> bool:
    """Whether a row's total is what goes in and out by its own counters."""
    return flat.get("total_tokens") == base + flat.get("completion_tokens", 0)


def _usual_of(name: str, flat: Mapping[str, int], provider: str) -> Convention:
    """What `input_tokens` or `inputTokens` means without a sign beside it."""
    if name == "inputTokens" or not provider or provider in _EXCLUSIVE_PROVIDERS:
        return EXCLUSIVE
    anthropic_names = "cache_read_input_tokens" in flat or "cache_creation_input_tokens" in flat
    return EXCLUSIVE if anthropic_names else INCLUSIVE


def _split(usage: Mapping[str, object], flat: Mapping[str, int]) -> dict[str, int] | None:
    details = items(usage.get("cacheDetails"))
    if details:
        return _converse_split(details)
    for parent in _SPLIT_PARENTS:
        found = {key: flat[f"{parent}.{key}"] for key in _SPLITS if f"{parent}.{key}" in flat}
        if found:
            others = sum(
                tokens
                for path, tokens in flat.items()
                if path.startswith(f"{parent}.ephemeral_") and path.rpartition(".")[2] not in _SPLITS
            )
            return {_SPLITS[key]: tokens for key, tokens in found.items()} | ({"other": others} if others else {})
    return None


def _converse_split(details: object) -> dict[str, int] | None:
    """Converse lists its writes by ttl; an entry without a ttl or a count makes the sum disagree, as it should."""
    split: dict[str, int] = {}
    for entry in items(details):
        lifetime = text(mapping(entry).get("ttl")) or "other"
        split[lifetime] = split.get(lifetime, 0) + (count(mapping(entry).get("inputTokens")) or 0)
    return split or None


def _output(flat: Mapping[str, int], base: int | None, total: int | None) -> int | None:
    output = _first(flat, _OUTPUT)
    apart = _first(flat, _THOUGHT_APART) or 0
    if output is None:
        return apart or None
    reasoning = _first(flat, _REASONING) or 0
    if reasoning and total is not None and base is not None and base + output + reasoning == total:
        return output + reasoning
    return output + apart


def _flatten(value: Mapping[str, object], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, int]]:
    """Every count in it by its dotted path, -1 for a value that is none. Three levels are as deep as usage goes."""
    for key, part in value.items():
        tokens = count(part)
        if tokens is not None:
            yield f"{prefix}{key}", tokens
        elif isinstance(part, dict):
            if depth < 2:
                yield from _flatten(part, f"{prefix}{key}.", depth + 1)
        elif part is not None and not isinstance(part, list):
            yield f"{prefix}{key}", -1


def _first(flat: Mapping[str, int], names: tuple[str, ...]) -> int | None:
    """The first of the names with tokens, else 0 if one of them is there at all. Never a sum: names repeat a count."""
    found = [flat[name] for name in names if name in flat]
    return next((tokens for tokens in found if tokens), found[0] if found else None)
