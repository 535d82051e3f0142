"""Counting tokens without a vocabulary: from the words, digits, marks and lines of a text.

Each character becomes a class (letter, digit, mark...) in one pass, and runs of classes are counted with bytes methods:
no loop of ours runs per character, so that a megabyte takes some 40 ms. The coefficients stand in estimates.json.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from cachekit.core.catalog.tokens.tables import table
from cachekit.core.jsonio.json_access import number

LONG = 7
"""Letters of a word beyond these cost extra."""

_CONTINUATION = bytes(range(0x80, 0xC0))
_SPACES = re.compile(rb" {2,}")


class Count(NamedTuple):
    """Tokens of a text, and how many of them stand for scripts other than ASCII, where estimates are worse."""

    tokens: float
    foreign: float


def _classes() -> bytes:
    """The class of each byte of UTF-8; a character is classed by its first byte, the others are dropped."""
    ranges = {
        "l": (range(97, 123),),
        "U": (range(65, 91),),
        "d": (range(48, 58),),
        "n": (range(10, 11), range(13, 14)),
        " ": (range(32, 33),),
        "t": (range(9, 10),),
        "a": (range(0xC3, 0xCB),),
        "g": (range(0xCB, 0xE0),),
        "i": (range(0xE0, 0xE2),),
        "s": (range(0xC2, 0xC3), range(0xE2, 0xE3), range(0xEE, 0xF0)),
        "c": (range(0xE3, 0xEA),),
        "k": (range(0xEA, 0xEE),),
        "e": (range(0xF0, 0x100),),
    }
    out = bytearray(b"." * 256)
    for name, parts in ranges.items():
        for part in parts:
            out[part.start : part.stop] = name.encode() * len(part)
    return bytes(out)


def _only(kept: bytes) -> bytes:
    """A table that turns classes into `x` where they are kept and into spaces elsewhere."""
    return bytes(ord("x") if byte in kept else ord(" ") for byte in range(256))


_CLASSES = _classes()
_LETTERS, _CAPITALS, _DIGITS, _MARKS, _LINES = map(_only, (b"lUa", b"U", b"d", b".", b"n"))
_FOREIGN = {
    "accented": b"a",
    "alphabet": b"g",
    "abugida": b"i",
    "symbol": b"s",
    "ideograph": b"c",
    "hangul": b"k",
    "emoji": b"e",
}


def count_words(text: str, vocabulary: str) -> Count:
    """Roughly how many tokens a vocabulary (`cl100k`, `o200k`) makes of a text. Any string, also one with lone
    surrogates."""
    rates = _rates(vocabulary)
    classes = text.encode("utf-8", "surrogatepass").translate(_CLASSES, _CONTINUATION)
    plain = sum(rates[name] * amount for name, amount in _plain(classes))
    foreign = 0.0
    if not text.isascii():
        foreign = sum(rates[name] * classes.count(byte) for name, byte in _FOREIGN.items())
    return Count(plain + foreign, foreign)


def _plain(classes: bytes) -> tuple[tuple[str, int], ...]:
    """What is counted of a text. Words end at a capital after a small letter, as vocabularies mostly have it."""
    words = Counter(map(len, classes.replace(b"lU", b"l U").translate(_LETTERS).split()))
    numbers, marks = classes.translate(_DIGITS).split(), classes.translate(_MARKS).split()
    dots = classes.count(b".")
    return (
        ("word", words.total()),
        ("long", sum((length - LONG) * times for length, times in words.items() if length > LONG)),
        ("capital", classes.count(b"Ul")),
        ("acronym", classes.count(b"U") - len(classes.translate(_CAPITALS).split())),
        ("digit", classes.count(b"d")),
        ("number", len(numbers)),
        ("mark", len(marks)),
        ("marks", dots - len(marks)),
        ("line", len(classes.translate(_LINES).split())),
        ("indent", len(_SPACES.findall(classes))),
        ("tab", classes.count(b"t")),
        ("spaced", classes.count(b" .")),
    )


@lru_cache(maxsize=8)
def _rates(vocabulary: str) -> Mapping[str, float]:
    return {name: number(rate) or 0.0 for name, rate in table("words", vocabulary).items()}
