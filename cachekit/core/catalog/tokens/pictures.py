"""What images and files cost: by their size where the data tells it, else by a wide band.

Sizes are read from the first bytes of PNG, JPEG, GIF and WebP; the pages of a PDF are counted where its page objects
are not compressed.
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Mapping

from cachekit.core.catalog.tokens.dialect import CLAUDE, OPENAI, Dialect
from cachekit.core.catalog.tokens.parts import Part
from cachekit.core.catalog.tokens.span import Span, span_of, within
from cachekit.core.catalog.tokens.tables import table
from cachekit.core.jsonio.json_access import mapping, number

_HEAD = 262_144
"""Base64 characters that are looked at for an image's size: metadata of a photograph can come first."""

_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_PAGE = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")
_PAGE_TOTAL = re.compile(
    rb"/Type\s*/Pages\b[^>]{0,400}?/Count\s+(\d{1,5})|/Count\s+(\d{1,5})[^>]{0,400}?/Type\s*/Pages\b"
)


def image_span(part: Part, dialect: Dialect) -> Span:
    """An image. Its tokens do not depend on the tokenizer, so the generation's factor is not applied."""
    rates = table("images", dialect.family) or table("images", "other")
    size = image_size(_decoded(part.text[:_HEAD]))
    if dialect.family == CLAUDE:
        return _claude_image(size, rates, newer=dialect.factor.high > 1.0)
    if dialect.family == OPENAI and _detail(mapping(part.raw)) == "low":
        return within(number(rates.get("low_detail")) or 0.0, number(rates.get("band")) or 0.0)
    if dialect.family == OPENAI and size is not None:
        return _tiles(size, rates)
    return span_of(mapping(rates.get("unknown")))


def _detail(block: Mapping[str, object]) -> object:
    return block.get("detail") or mapping(block.get("image_url")).get("detail")


def _claude_image(size: tuple[int, int] | None, rates: Mapping[str, object], newer: bool) -> Span:
    if size is None:
        unknown = mapping(rates.get("unknown"))
        high = number(unknown.get("newer_high" if newer else "high")) or 0.0
        return Span(number(unknown.get("low")) or 0.0, number(unknown.get("mid")) or 0.0, high)
    edge = number(rates.get("newer_edge" if newer else "edge")) or 1.0
    most = number(rates.get("newer_most" if newer else "most")) or 0.0
    shrink = min(1.0, edge / max(*size, 1))
    tokens = min(most, size[0] * size[1] * shrink * shrink / (number(rates.get("pixels")) or 1.0))
    return within(tokens, number(rates.get("band")) or 0.0) + within(number(rates.get("least")) or 0.0, 0.5)


def _tiles(size: tuple[int, int], rates: Mapping[str, object]) -> Span:
    """512-pixel tiles of the image once it fits a square and its short side is no longer than the limit."""
    rate = {key: number(rates.get(key)) or 1.0 for key in ("base", "tile", "edge", "short", "side", "band")}
    shrink = min(1.0, rate["edge"] / max(*size, 1))
    shrink *= min(1.0, rate["short"] / max(1.0, min(size) * shrink))
    across, down = (math.ceil(max(1, side) * shrink / rate["side"]) for side in size)
    return within(rate["base"] + rate["tile"] * across * down, rate["band"])


def file_span(part: Part) -> Span:
    """A document without readable text: by its pages, else by nothing but a wide band."""
    pages = pdf_pages(_decoded(part.text)) if part.text.startswith("JVBERi") else None
    return span_of(table("files", "page")) * pages if pages else span_of(table("files", "unknown"))


def sealed_span(part: Part) -> Span:
    """Content that the provider encrypted for itself: its length is all there is."""
    per = table("files", "base64_characters_per_token")
    low, mid, high = (len(part.text) / (number(per.get(key)) or 1.0) for key in ("low", "mid", "high"))
    return Span(low, mid, high)


def reasoning_span(part: Part) -> Span:
    """OpenAI's encrypted reasoning, by its length; where only its id is handed over there is none to go by."""
    row = table("reasoning", OPENAI)
    beyond = len(part.text) - (number(row.get("frame")) or 0.0)
    if beyond <= 0:
        return span_of(table("reasoning", "unseen"))
    return within(beyond / (number(row.get("characters_per_token")) or 1.0), number(row.get("band")) or 0.0)


def plain_text(data: str) -> str | None:
    """The text of a base64 text file; None where it is no text."""
    try:
        return _decoded(data).decode("utf-8") if data else None
    except UnicodeDecodeError:
        return None


def _decoded(data: str) -> bytes:
    """The bytes of base64, a last incomplete group left out; empty for what is no base64."""
    bare = "".join(data.split())
    try:
        return b64decode(bare[: len(bare) - len(bare) % 4], validate=True)
    except ValueError:
        return b""


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels from the first bytes of a PNG, GIF, WebP or JPEG; None where they do not tell."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        return _numbers(data, (16, 4), (20, 4), "big")
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return _numbers(data, (6, 2), (8, 2), "little")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= 30:
        return _webp(data)
    return _jpeg(data) if data[:2] == b"\xff\xd8" else None


def _numbers(data: bytes, first: tuple[int, int], second: tuple[int, int], order: str) -> tuple[int, int] | None:
    little = order == "little"
    width, height = (
        int.from_bytes(data[at : at + length], "little" if little else "big") for at, length in (first, second)
    )
    return (width, height) if 0 < width < 100_000 and 0 < height < 100_000 else None


def _webp(data: bytes) -> tuple[int, int] | None:
    """The three kinds of WebP: lossy, lossless and extended."""
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    else:
        return None
    return (width, height) if width and height else None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Segment by segment to the one that begins the frame."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind in _FRAMES:
            return _numbers(data, (at + 7, 2), (at + 5, 2), "big")
        at += 1 if kind == 0xFF else 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return None


def pdf_pages(data: bytes) -> int | None:
    """Pages of a PDF, from its page objects or its page tree; None where both are compressed."""
    found = len(_PAGE.findall(data))
    totals = [int(first or second) for first, second in _PAGE_TOTAL.findall(data)]
    return max((found, *totals)) or None
