"""Parts that requests of every library are made of. Each text is like no other, so that a mark's place shows."""

from __future__ import annotations

from hypothesis import strategies as st

Strategy = st.SearchStrategy

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjEKMSAwIG9iajw8Pj5lbmRvYmoKdHJhaWxlcjw8L1Jvb3QgMSAwIFI+PgolJUVPRgo="
PLAIN = "bm90ZXM="

_WORDS = st.sampled_from(["the kiln", "a ledger", "Our ferry", "an orchard,", "the tide"])
SAID = st.tuples(_WORDS, st.integers(0, 99_999)).map(lambda pair: f"{pair[0]} in note {pair[1]}")
ODD = st.sampled_from(["", " ", "x  ", "  y"])


def rarely(common: Strategy, rare: Strategy, one_in: int = 12) -> Strategy:
    """Mostly one thing, now and then another. The rare one is no zero: hypothesis draws many of them."""
    return st.integers(1, one_in).flatmap(lambda n: rare if n == one_in else common)


TEXT = rarely(SAID, ODD)
EPHEMERAL = {"type": "ephemeral"}
CONTROL = rarely(
    st.sampled_from([EPHEMERAL, EPHEMERAL, {**EPHEMERAL, "ttl": "1h"}, {**EPHEMERAL, "ttl": "5m"}]),
    st.sampled_from([{**EPHEMERAL, "ttl": "24h"}, {"type": "persistent"}, {"ttl": "1h"}, {}, True, None]),
)
POINT = rarely(
    st.sampled_from([{"type": "default"}, {"type": "default"}, {"type": "default", "ttl": "1h"}]),
    st.sampled_from([{"type": "default", "ttl": "5m"}, {"type": "default", "ttl": "24h"}, {"type": "ephemeral"}]),
).map(lambda point: {"cachePoint": point})
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}


def some(part: Strategy, least: int = 1, most: int = 4) -> Strategy:
    """A short list."""
    return st.lists(part, min_size=least, max_size=most)


def marked(part: Strategy, one_in: int = 3) -> Strategy:
    """An object that now and then carries a cache_control."""
    return rarely(part, st.tuples(part, CONTROL).map(lambda pair: {**pair[0], "cache_control": pair[1]}), one_in)


def given(required: dict[str, Strategy], **optional: Strategy) -> Strategy:
    """An object with keys that are always there and keys that may be."""
    return st.fixed_dictionaries(required, optional=optional)


def chance(draw: st.DrawFn, one_in: int) -> bool:
    """Whether something that is rare happens."""
    return bool(draw(st.integers(1, one_in)) == one_in)
