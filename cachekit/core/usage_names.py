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
    inputTokens           exclusive    Bedrock Converse, Strands
    inputTokens           inclusive    beside inputTokenDetails: Vercel AI SDK from 6 on
    inputTokenCount       exclusive    Bedrock stream metrics, invocation log, response headers
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
  prompt of the host that is counted nowhere else. No disjoint counts give a total of 7 with 163 read: clamped, noted.
- Gemini with server tools: `toolUsePromptTokenCount` is outside `promptTokenCount`, and so outside the total; noted.
- xAI Chat: `completion_tokens` leaves the reasoning out (the total holds it): added where the total says so.
- Bedrock Converse repeats its cache counters under two names; DeepSeek, Venice and LiteLLM do too: one is read.
- Anthropic's compaction iterations are outside the top-level counters: added. Advisor iterations are too, but they are
  calls to another model: left out, noted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.counts import EXCLUSIVE, INCLUSIVE, NO_USAGE, Convention, Counts, add, noted, settle
from cachekit.core.shape import count, items, mapping, text
from cachekit.core.usage import Usage

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
    "prompt_tokens_details.cache_write_tokens_details",
    "input_tokens_details.cache_write_tokens_details",
    "input_token_details",
)

_COUNTERS = frozenset((*(name for name, _ in _BASES), *_READ, *_WRITE, *_OUTPUT))
"""Names whose value, where it is no count, is worth a note."""

_INCLUSIVE_SIGNS = (
    "input_tokens_details",
    "cached_input_tokens",
    "input_token_details",
    "inputTokenDetails",
    "cache_read_tokens",
    "cache_write_tokens",
)
"""Keys that make `input_tokens` or `inputTokens` a total."""

_EXCLUSIVE_PROVIDERS = frozenset({"anthropic", "bedrock"})


def count_usage(usage: Mapping[str, object], provider: str = "") -> Usage:
    """The disjoint counts of one usage object. Total: whatever the JSON, a Usage comes back."""
    found = dict(_flatten(usage))
    flat = {path: tokens for path, tokens in found.items() if tokens >= 0}
    split = _split(usage, flat)
    if split is None and not any(name in flat for name in _COUNTERS):
        counted = NO_USAGE
    else:
        counted = settle(_counts(flat, split, _is_total(usage, flat), provider))
    if len(flat) < len(found) and any(found.get(name, 0) < 0 for name in _COUNTERS):
        counted = noted(counted, "bad_count")
    if (_first(flat, _TOOL_PROMPT) or 0) > 0:
        counted = noted(counted, "tool_use_prompt_not_counted")
    return _with_iterations(counted, usage, provider)


def _is_total(usage: Mapping[str, object], flat: Mapping[str, int]) -> bool:
    """Whether a sign beside `input_tokens` or `inputTokens` makes it a total."""
    return any(mapping(usage.get(key)) or key in flat for key in _INCLUSIVE_SIGNS)


def _counts(flat: Mapping[str, int], split: Mapping[str, int] | None, is_total: bool, provider: str) -> Counts:
    name, usual = next(((name, kind) for name, kind in _BASES if name in flat), ("", EXCLUSIVE))
    base, total = flat.get(name), _first(flat, _TOTAL)
    open_row = False
    if name in ("input_tokens", "inputTokens"):
        usual = INCLUSIVE if is_total else _usual_of(name, flat, provider)
        open_row = not is_total
    elif name == "prompt_tokens":
        open_row = "cache_read_input_tokens" in flat and "prompt_tokens_details.cached_tokens" not in flat
    return Counts(
        base=base,
        read=_first(flat, _READ),
        write=_first(flat, _WRITE),
        split=split,
        output=_output(flat, base, total),
        total=total,
        usual=usual,
        open=open_row,
    )


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


def _with_iterations(usage: Usage, source: Mapping[str, object], provider: str) -> Usage:
    for entry in items(source.get("iterations")):
        iteration = mapping(entry)
        kind = iteration.get("type")
        if kind == "compaction":
            flat = {path: tokens for path, tokens in _flatten(iteration) if tokens >= 0}
            apart = settle(_counts(flat, _split(iteration, flat), False, provider))
            usage = noted(add(usage, apart), "compaction_added")
        elif kind == "advisor_message":
            usage = noted(usage, "advisor_not_counted")
    return usage


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
