"""Masking looks around digits only, and finds all that a look at every character would."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.model import volatile

words = st.sampled_from(
    [
        *(
            "March",
            "May",
            "5",
            "2026",
            "10:00",
            "2026-11-20",
            "at",
            "AM",
            "p.m.",
            "UTC",
            "Z",
            "+02:00",
            "12,",
            "5th",
            "the",
        ),
        *("deadbeef01", "abc_1234567890a", "req-01HXYZ", "1.5", "3/4/2025", "-", "/", ":", "(5)", "x9", "9x", "T"),
        *("550e8400-e29b-41d4-a716-446655440000", "T10:00:00Z", "Sept.", "1st", ",", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        *("sk-live_0a9", "\u0663", "10:00:00.123", "20.11.2026", "November"),
    ]
)
spaces = st.sampled_from([" ", " ", "\n", "  ", "", "\t", "\u00a0", "\r\n"])


@settings(max_examples=200)
@given(st.lists(st.tuples(words, spaces), max_size=14).map(lambda pairs: "".join(map("".join, pairs))))
def test_a_text_is_masked_as_if_every_character_were_looked_at(text: str) -> None:
    assert volatile.mask(text) == volatile._PATTERN.sub(volatile._masked, text)
