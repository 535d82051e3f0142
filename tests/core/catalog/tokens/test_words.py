"""Without a vocabulary the words of a text tell how many tokens it has."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.catalog.tokens.words import count_words

PROSE = (
    "The customer wrote on Monday that the second delivery had not arrived. Please look up the parcel, tell her where "
    "it is now, and offer a refund if it has been lost for more than ten days."
)
CODE = '''def total(rows: list[Row], rate: float = 0.19) -> Decimal:
    """Sum of all rows with tax."""
    net = sum(row.price * row.amount for row in rows)
    return Decimal(net) * Decimal(1 + rate)
'''
SCHEMA = (
    '{"name":"find_orders","description":"Orders of a customer, newest first","input_schema":{"type":"object",'
    '"properties":{"customer_id":{"type":"string"},"limit":{"type":"integer","default":20}},"required":["customer_id"]}}'
)
LISTS = (
    "# Opening hours\n\n- Monday: 9:00 to 17:30\n- Tuesday: 9:00 to 17:30\n- Saturday: closed\n\n"
    "## Prices (2026)\n\n| item | price |\n|---|---|\n| bread | 3.80 |\n"
)
NUMBERS = "Order 4711-0815 of 2026-11-20 came to 1,234.56 EUR; invoice 99817265, customer 5551234."
NAMES = "getCustomerById setInvoiceNumber HTTPResponseCode parseXmlDocument maxRetryCount"

# The true counts were taken with tiktoken 0.14.0.
COUNTS = [
    pytest.param(PROSE, 41, 41, 0.05, id="prose"),
    pytest.param(CODE, 55, 55, 0.08, id="code"),
    pytest.param(SCHEMA, 49, 50, 0.08, id="a tool as JSON"),
    pytest.param(LISTS, 59, 59, 0.12, id="lists and tables"),
    pytest.param(NUMBERS, 37, 37, 0.20, id="numbers"),
    pytest.param(NAMES, 15, 16, 0.15, id="names in camel case"),
]


@pytest.mark.parametrize(("text", "cl100k", "o200k", "off"), COUNTS)
def test_words_come_close_to_the_vocabularies(text: str, cl100k: int, o200k: int, off: float) -> None:
    assert count_words(text, "cl100k").tokens == pytest.approx(cl100k, rel=off)
    assert count_words(text, "o200k").tokens == pytest.approx(o200k, rel=off)


def test_the_empty_text_has_no_tokens() -> None:
    assert count_words("", "cl100k") == (0.0, 0.0)


def test_ascii_text_is_not_foreign() -> None:
    assert count_words(PROSE, "cl100k").foreign == 0.0


SCRIPTS = [
    pytest.param("请尽可能准确地回答客户的问题", 14, id="Chinese: about a token a character"),
    pytest.param("고객의 질문에 정확하게 답변해 주세요", 22, id="Korean"),
    pytest.param("Пожалуйста, ответьте на вопрос клиента", 22, id="Russian: less than a token a letter"),
    pytest.param("🚀🎉🙏", 7, id="emoji: more than two tokens each"),
]


@pytest.mark.parametrize(("text", "about"), SCRIPTS)
def test_other_scripts_are_foreign_and_cost_more(text: str, about: int) -> None:
    counted = count_words(text, "cl100k")
    assert counted.foreign > 0.8 * counted.tokens
    assert counted.tokens == pytest.approx(about, rel=0.35)


def test_newer_vocabularies_need_fewer_tokens_for_other_scripts() -> None:
    text = "请尽可能准确地回答客户的问题"
    assert count_words(text, "o200k").tokens < 0.7 * count_words(text, "cl100k").tokens


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=300))
def test_any_text_has_a_count(text: str) -> None:
    counted = count_words(text, "cl100k")
    assert 0 <= counted.foreign <= counted.tokens <= 4 * len(text.encode("utf-8", "surrogatepass")) + 1


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_two_texts_on_two_lines_cost_about_their_sum(first: str, second: str) -> None:
    apart = count_words(first, "cl100k").tokens + count_words(second, "cl100k").tokens
    assert count_words(f"{first}\n{second}", "cl100k").tokens == pytest.approx(apart, abs=2.0)


def test_a_lone_surrogate_is_counted_like_any_character() -> None:
    assert count_words("broken \ud800 text", "cl100k").tokens > count_words("broken text", "cl100k").tokens
