"""What a text is counted with: a vocabulary that is at hand, or else its words."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache

import xxhash

from cachekit.core.catalog.tokens.vocabulary import Encode, encoder, known_vocabularies
from cachekit.core.catalog.tokens.words import Count, count_words
from cachekit.core.model.errors import UsageError

AUTO, NONE = "auto", "none"
_SETTINGS = ("CACHEKIT_VOCABULARY", "TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")
_WORTH_KEEPING = 80
"""Shorter texts are counted faster than looked up."""

_MEMO_SIZE = 32_768


@dataclass(frozen=True, slots=True)
class Gauge:
    """A vocabulary by name, and its encoder where it is at hand; without one its counts are estimated."""

    vocabulary: str
    encode: Encode | None = field(default=None, compare=False)

    @property
    def counted(self) -> bool:
        """Whether texts are counted and not estimated."""
        return self.encode is not None


def gauge_for(wanted: tuple[str, ...], vocabulary: str = AUTO) -> Gauge:
    """The best gauge for a model whose vocabularies are `wanted`, the best one first.

    `vocabulary` is `auto` (the first at hand, else words), `none` (words) or the name of one that must be at hand.
    Raises UsageError for an unknown name, and for one that is not at hand.
    """
    if vocabulary == NONE:
        return Gauge(wanted[0])
    if vocabulary != AUTO:
        return _requested(vocabulary)
    found = ((name, _at_hand(name, _settings())) for name in wanted)
    name, encode = next(((name, encode) for name, encode in found if encode is not None), (wanted[0], None))
    return Gauge(name, encode)


def _requested(vocabulary: str) -> Gauge:
    if vocabulary not in known_vocabularies():
        known = ", ".join((AUTO, NONE, *known_vocabularies()))
        raise UsageError(f"unknown vocabulary {vocabulary[:40]!r}", hint=f"known are {known}")
    encode = _at_hand(vocabulary, _settings())
    if encode is None:
        hint = "pip install 'llm-cachekit[tokens]', and point CACHEKIT_VOCABULARY at its file"
        raise UsageError(f"the vocabulary {vocabulary} is not at hand", hint=hint)
    return Gauge(vocabulary, encode)


def _settings() -> tuple[str | None, ...]:
    return tuple(map(os.environ.get, _SETTINGS))


@lru_cache(maxsize=16)
def _at_hand(name: str, settings: tuple[str | None, ...]) -> Encode | None:
    return encoder(name, {key: value for key, value in zip(_SETTINGS, settings, strict=True) if value is not None})


_memo: dict[tuple[int, str, bool], Count] = {}


def count(text: str, gauge: Gauge) -> Count:
    """The tokens of a text. Logs repeat their texts: counts are kept, by digest, for the last 32,768 of them."""
    if len(text) < _WORTH_KEEPING:
        return _count(text, gauge)
    key = (xxhash.xxh3_128_intdigest(text.encode("utf-8", "surrogatepass")), gauge.vocabulary, gauge.counted)
    known = _memo.get(key)
    if known is None:
        if len(_memo) >= _MEMO_SIZE:
            _memo.clear()
        known = _memo[key] = _count(text, gauge)
    return known


def _count(text: str, gauge: Gauge) -> Count:
    if gauge.encode is None:
        return count_words(text, gauge.vocabulary)
    tokens = gauge.encode(text)
    if text.isascii():
        return Count(tokens, 0.0)
    beyond = len(text.encode("utf-8", "surrogatepass")) - len(text)
    return Count(tokens, tokens * min(1.0, beyond / len(text)))
