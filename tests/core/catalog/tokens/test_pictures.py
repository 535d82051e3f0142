"""Images cost by their size, read from their first bytes; files by their pages."""

from __future__ import annotations

import struct
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.catalog.tokens.dialect import Dialect, dialect_of
from cachekit.core.catalog.tokens.parts import Cost, Part
from cachekit.core.catalog.tokens.pictures import (
    file_span,
    image_size,
    image_span,
    pdf_pages,
    plain_text,
    reasoning_span,
)
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Prompt, Scope


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02"


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00\x00"


def jpeg(width: int, height: int) -> bytes:
    app = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\x00" + bytes(9)
    frame = b"\xff\xc2" + struct.pack(">HBHH", 17, 8, height, width) + bytes(10)
    return b"\xff\xd8" + app + frame


def webp(kind: bytes, width: int, height: int) -> bytes:
    body = {
        b"VP8 ": bytes(10) + struct.pack("<HH", width, height),
        b"VP8L": bytes(4) + b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(8),
        b"VP8X": bytes(8) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
    }[kind]
    return b"RIFF" + bytes(4) + b"WEBP" + kind + body


SIZES = [
    pytest.param(png(800, 600), (800, 600), id="PNG"),
    pytest.param(gif(320, 200), (320, 200), id="GIF"),
    pytest.param(jpeg(1024, 768), (1024, 768), id="JPEG, progressive, behind a segment"),
    pytest.param(webp(b"VP8 ", 640, 480), (640, 480), id="WebP, lossy"),
    pytest.param(webp(b"VP8L", 640, 480), (640, 480), id="WebP, lossless"),
    pytest.param(webp(b"VP8X", 640, 480), (640, 480), id="WebP, extended"),
    pytest.param(b"<svg/>", None, id="an image that tells nothing"),
    pytest.param(png(0, 0), None, id="a size of nothing"),
    pytest.param(jpeg(10, 10)[:12], None, id="a JPEG that breaks off"),
    pytest.param(b"", None, id="nothing"),
]


@pytest.mark.parametrize(("data", "size"), SIZES)
def test_a_size_is_read_from_the_first_bytes(data: bytes, size: tuple[int, int] | None) -> None:
    assert image_size(data) == size


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"", b"\xff\xd8", b"RIFF0000WEBPVP8 ", b"\x89PNG\r\n\x1a\n"]), st.binary(max_size=60))
def test_any_bytes_are_an_image_or_not(start: bytes, rest: bytes) -> None:
    size = image_size(start + rest)
    assert size is None or (size[0] > 0 and size[1] > 0)


def speaks(model: str, backend: Backend = Backend.ANTHROPIC) -> Dialect:
    return dialect_of(Prompt(backend, Scope(model=model)), "none")


def picture(data: bytes, raw: object = None) -> Part:
    return Part(Cost.IMAGE, b64encode(data).decode(), raw)


COSTS = [
    pytest.param("claude-sonnet-4-6", png(750, 1000), 1000, id="width times height over 750"),
    pytest.param("claude-sonnet-4-6", png(1, 1), 3, id="a pixel"),
    pytest.param("claude-sonnet-4-6", png(4000, 3000), 1600, id="a large image is shrunk"),
    pytest.param("claude-sonnet-4-6", png(3136, 100), 105, id="so is a long one"),
    pytest.param("claude-opus-4-7", png(1920, 1080), 2765, id="from Opus 4.7 on larger images are kept"),
    pytest.param("claude-opus-4-7", png(8000, 8000), 4784, id="up to a limit"),
]


@pytest.mark.parametrize(("model", "data", "tokens"), COSTS)
def test_an_image_on_claude_costs_its_area(model: str, data: bytes, tokens: int) -> None:
    span = image_span(picture(data), speaks(model))
    assert span.mid == pytest.approx(tokens, abs=4)
    assert span.low <= span.mid <= span.high


def test_an_image_on_openai_costs_its_tiles() -> None:
    dialect = speaks("gpt-4o", Backend.OPENAI_CHAT)
    assert image_span(picture(png(1024, 1024)), dialect).mid == 85 + 4 * 170
    assert image_span(picture(png(2048, 4096)), dialect).mid == 85 + 6 * 170
    low = {"type": "image_url", "image_url": {"url": "u", "detail": "low"}}
    assert image_span(picture(png(1024, 1024), low), dialect).mid == 85


def test_an_image_of_unknown_size_has_a_wide_band() -> None:
    span = image_span(Part(Cost.IMAGE, ""), speaks("claude-sonnet-4-6"))
    assert span.low < 10 < 1600 <= span.high


PDFS = [
    pytest.param(b"%PDF-1.4 /Type /Page /Type/Page /Type /Pages", 2, id="page objects"),
    pytest.param(b"%PDF-1.4 <</Type/Pages/Kids[1 0 R]/Count 12>>", 12, id="the page tree"),
    pytest.param(b"%PDF-1.7 compressed", None, id="neither"),
]


@pytest.mark.parametrize(("data", "pages"), PDFS)
def test_pages_of_a_pdf_are_counted_where_they_show(data: bytes, pages: int | None) -> None:
    assert pdf_pages(data) == pages


def test_a_pdf_costs_its_pages_and_any_other_file_anything() -> None:
    two = file_span(Part(Cost.FILE, b64encode(b"%PDF-1.4 /Type /Page /Type/Page").decode()))
    unknown = file_span(Part(Cost.FILE, b64encode(b"PK").decode()))
    assert two.low < 2 * 1700 == two.mid < two.high
    assert unknown.low < 100 < 10_000 < unknown.high


def test_encrypted_reasoning_costs_by_its_length() -> None:
    assert reasoning_span(Part(Cost.SEALED, "x" * (1050 + 630))).mid == pytest.approx(100)
    assert reasoning_span(Part(Cost.SEALED, "")).low == 0


def test_a_text_file_is_read() -> None:
    assert plain_text(b64encode(b"hello").decode()) == "hello"
    assert plain_text(b64encode(b"\xff\xfe\x00").decode()) is None
    assert plain_text("") is None
