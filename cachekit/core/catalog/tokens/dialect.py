"""Whose tokens are estimated: the rates of a model family, and how far they can be trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from cachekit.core.catalog.models import Identity, identify
from cachekit.core.catalog.tokens.gauge import Gauge, gauge_for
from cachekit.core.catalog.tokens.span import Span
from cachekit.core.catalog.tokens.tables import table
from cachekit.core.catalog.tokens.words import Count
from cachekit.core.jsonio.json_access import items, number
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Prompt

CLAUDE, OPENAI, NOVA, NOVA_2, OTHER = "claude", "openai", "nova", "nova-2", "other"
_FOREIGN = 0.35
"""How far estimates are off, besides, for scripts other than ASCII: vocabularies differ most there."""

_OPENAI_BACKENDS = frozenset({Backend.OPENAI_CHAT, Backend.OPENAI_RESPONSES})
_CLAUDE_BACKENDS = frozenset(
    {Backend.ANTHROPIC, Backend.ANTHROPIC_BEDROCK, Backend.ANTHROPIC_BEDROCK_MANTLE, Backend.BEDROCK_INVOKE_ANTHROPIC}
)
_OLD_CLAUDE = re.compile(r"claude-(?:v?[12]\b|instant)")
_CALLS = frozenset({"tool_use", "function_call", "tool_result", "function_call_output"})
_REASONING = ((5, 0), (20, 0))
"""Versions of GPT that reason; `gpt-35-turbo` (Azure's spelling of 3.5) reads as version 35."""

_CL100K_GPT = re.compile(r"gpt-(?:3|4(?:-|$))|text-embedding")


@dataclass(frozen=True, slots=True)
class Rates:
    """Tokens of the model per token of the vocabulary (`text`, `tool`), and per thing (all others): see
    estimates.json."""

    text: float = 1.0
    tool: float = 1.0
    base: float = 0.0
    message: float = 0.0
    type: float = 0.0
    call: float = 0.0
    result: float = 0.0


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a model counts. `factor` multiplies what the rates give (Claude's newer tokenizer); `band` is the share by
    which a count of text can be off; `reasoning` and `chat` tell OpenAI's models and APIs apart."""

    family: str
    model: Identity
    gauge: Gauge
    rates: Rates
    band: float
    factor: Span = Span(1.0, 1.0, 1.0)
    reasoning: bool = False
    chat: bool = False


def dialect_of(prompt: Prompt, vocabulary: str) -> Dialect:
    """The dialect of a prompt, by its model, or by its backend where the model says nothing."""
    model = _identity(prompt)
    family = _family(model, prompt.backend)
    gauge = gauge_for(_vocabularies(family, model), vocabulary)
    rates = _rates(family, gauge.vocabulary)
    if family == CLAUDE:
        return _claude(Dialect(family, model, gauge, rates, _band(family, gauge)))
    if family == OPENAI:
        return _openai(Dialect(family, model, gauge, rates, _band(family, gauge)), prompt)
    return Dialect(family, model, gauge, rates, _band(family, gauge))


def apply(dialect: Dialect, counted: Count, rate: float) -> Span:
    """Tokens of the model for tokens of the vocabulary, with the band of the dialect."""
    loose = _FOREIGN * counted.foreign if dialect.family != OPENAI or not dialect.gauge.counted else 0.0
    off = dialect.band * counted.tokens + loose
    return scaled(dialect, Span(max(0.0, counted.tokens - off), counted.tokens, counted.tokens + off) * rate)


def scaled(dialect: Dialect, span: Span) -> Span:
    """A span of the model before 4.7 in tokens of the model asked for."""
    factor = dialect.factor
    return Span(span.low * factor.low, span.mid * factor.mid, span.high * factor.high)


def thing(dialect: Dialect, tokens: float) -> Span:
    """The cost of a thing that is no text (a message, a call): its rate, with the band of the dialect."""
    return scaled(dialect, Span(tokens * (1 - dialect.band), tokens, tokens * (1 + dialect.band)))


def _identity(prompt: Prompt) -> Identity:
    """The model; a name that has Claude's somewhere inside (a gateway's own) is read from there on."""
    model = identify(prompt.scope.model, prompt.scope.host)
    start = model.name.rfind("claude-")
    if model.family or start <= 0:
        return model
    return identify(model.name[start:], prompt.scope.host)


def _family(model: Identity, backend: Backend) -> str:
    if model.family == "claude" or "claude" in model.name:
        return CLAUDE
    if model.family == "nova" or "nova" in model.name:
        return NOVA_2 if model.at_least(2, 0) or "nova-2" in model.name else NOVA
    if model.maker == "openai" or model.family in ("gpt", "o"):
        return OPENAI
    if model.model or (model.name and not model.opaque):
        return _family_of_unknown(model, backend)
    return CLAUDE if backend in _CLAUDE_BACKENDS else OPENAI if backend in _OPENAI_BACKENDS else OTHER


def _family_of_unknown(model: Identity, backend: Backend) -> str:
    """A name that we do not know: an Azure deployment can be called anything, so its backend decides."""
    if backend in _CLAUDE_BACKENDS:
        return CLAUDE
    known_maker = model.maker or model.host not in ("", "openai", "azure")
    return OPENAI if backend in _OPENAI_BACKENDS and not known_maker and not model.model else OTHER


def _vocabularies(family: str, model: Identity) -> tuple[str, ...]:
    if family == CLAUDE or (family == OPENAI and _CL100K_GPT.match(model.name)):
        return ("cl100k", "o200k")
    return ("o200k", "cl100k")


def _rates(family: str, vocabulary: str) -> Rates:
    row = table("families", family, vocabulary)
    return Rates(**{name: number(row.get(name)) or 0.0 for name in Rates.__slots__})


def _band(family: str, gauge: Gauge) -> float:
    return number(table("families", family, "band").get("counted" if gauge.counted else "estimated")) or 0.0


def _claude(dialect: Dialect) -> Dialect:
    """The newer tokenizer; a Claude of unknown version may have either."""
    generation = table("families", CLAUDE, "generation")
    factor = number(generation.get("factor")) or 1.0
    model = dialect.model
    if model.version is None and model.line == "":
        if _OLD_CLAUDE.search(model.name):
            return dialect
        return replace(dialect, factor=Span(1.0, (1.0 + factor) / 2, factor))
    first = [int(number(part) or 0) for part in items(generation.get("from"))]
    if model.version is not None and model.version < (first[0], first[1]):
        return dialect
    band = number(table("families", CLAUDE, "band").get("newer")) or dialect.band
    return replace(dialect, factor=Span(factor, factor, factor), band=max(band, dialect.band))


def _openai(dialect: Dialect, prompt: Prompt) -> Dialect:
    """OpenAI's two APIs and two kinds of models; a foreign vocabulary and a history with calls widen the band."""
    model, rates = dialect.model, dialect.rates
    reasoning = model.family == "o" or (
        model.family == "gpt" and _REASONING[0] <= (model.version or (0, 0)) < _REASONING[1]
    )
    special = table("families", OPENAI, "reasoning") if reasoning else {}
    rates = replace(
        rates,
        base=number(special.get("base")) or rates.base,
        call=number(special.get("call")) or rates.call,
    )
    bands = table("families", OPENAI, "band")
    wider = [dialect.band]
    if dialect.gauge.counted and dialect.gauge.vocabulary != _vocabularies(OPENAI, model)[0]:
        wider.append(number(bands.get("other")) or 0.0)
    if any(block.kind in _CALLS for block in prompt.blocks):
        wider.append(number(special.get("calls")) or number(bands.get("calls")) or 0.0)
    chat = prompt.backend is Backend.OPENAI_CHAT
    return replace(dialect, rates=rates, band=max(wider), reasoning=reasoning, chat=chat)
