"""A vocabulary is used where its file is at hand, known by its content, and is never fetched."""

from __future__ import annotations

import os
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from cachekit.core.catalog.tokens.gauge import Gauge, count, gauge_for
from cachekit.core.catalog.tokens.vocabulary import VARIABLE, Vocabulary, encoder, known_vocabularies, load
from cachekit.core.model.errors import UsageError

PAIRS = (b"ab", b"abc")


def write_vocabulary(path: Path) -> Vocabulary:
    """A vocabulary of all bytes and two longer tokens."""
    tokens = [bytes([byte]) for byte in range(256)] + list(PAIRS)
    path.write_bytes(b"".join(b"%s %d\n" % (b64encode(token), rank) for rank, token in enumerate(tokens)))
    return Vocabulary("tiny", path.name, sha256(path.read_bytes()).hexdigest(), r"\S+|\s+")


def test_texts_are_counted_in_the_tokens_of_the_file(tmp_path: Path) -> None:
    pytest.importorskip("tiktoken")
    encode = load(tmp_path / "tiny", write_vocabulary(tmp_path / "tiny"))
    assert encode is not None
    assert [encode(text) for text in ("", "abc", "abcx", "ab ab")] == [0, 1, 2, 3]


def test_a_very_long_text_is_counted_in_pieces(tmp_path: Path) -> None:
    pytest.importorskip("tiktoken")
    encode = load(tmp_path / "tiny", write_vocabulary(tmp_path / "tiny"))
    assert encode is not None
    assert encode("abc" * 100_000) == pytest.approx(100_000, rel=0.001)


def test_a_file_with_another_content_is_no_vocabulary_and_is_left_alone(tmp_path: Path) -> None:
    vocabulary = write_vocabulary(tmp_path / "tiny")
    (tmp_path / "tiny").write_bytes(b"YQ== 0\n")
    assert load(tmp_path / "tiny", vocabulary) is None
    assert (tmp_path / "tiny").read_bytes() == b"YQ== 0\n"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    pytest.importorskip("tiktoken")
    path = tmp_path / "tiny"
    vocabulary = write_vocabulary(path)
    good = path.read_bytes()
    path.write_bytes(b"YQ== 0\n")
    assert load(path, vocabulary) is None
    path.write_bytes(good)
    os.utime(path, ns=(1, 1))
    assert load(path, vocabulary) is not None


ABSENT = [
    pytest.param({}, id="no variable, and nothing in tiktoken's cache"),
    pytest.param({"TIKTOKEN_CACHE_DIR": ""}, id="a cache that is switched off"),
]


@pytest.mark.parametrize("environment", ABSENT)
def test_without_a_file_there_is_no_encoder(environment: dict[str, str], tmp_path: Path) -> None:
    place = environment or {"TIKTOKEN_CACHE_DIR": str(tmp_path)}
    assert encoder("cl100k", place) is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_cache_that_is_not_what_its_name_says_is_not_used(tmp_path: Path) -> None:
    (tmp_path / known_vocabularies()["cl100k"].file).write_bytes(b"YQ== 0\n")
    assert encoder("cl100k", {"TIKTOKEN_CACHE_DIR": str(tmp_path)}) is None


def test_a_folder_that_the_user_named_may_lack_a_vocabulary(tmp_path: Path) -> None:
    pytest.importorskip("tiktoken")
    assert encoder("o200k", {VARIABLE: str(tmp_path)}) is None


def test_a_path_that_the_user_named_and_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=VARIABLE):
        encoder("cl100k", {VARIABLE: str(tmp_path / "nothing")})


def test_a_file_that_the_user_named_and_that_is_no_vocabulary_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("no vocabulary")
    with pytest.raises(UsageError, match=VARIABLE):
        encoder("cl100k", {VARIABLE: str(tmp_path / "words")})


def test_words_stand_in_where_they_are_asked_for() -> None:
    assert gauge_for(("o200k", "cl100k"), "none") == Gauge("o200k")
    assert not gauge_for(("o200k", "cl100k"), "none").counted


def test_an_unknown_vocabulary_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"auto, none, cl100k, o200k"):
        gauge_for(("cl100k",), "p50k")


def test_a_text_is_counted_with_the_encoder_of_its_gauge() -> None:
    words = Gauge("cl100k", encode=lambda text: len(text.split()))
    assert count("three short words", words) == (3, 0.0)
    assert count("word " * 100, words).tokens == 100


def test_a_counted_text_in_another_script_is_foreign() -> None:
    characters = Gauge("cl100k", encode=len)
    assert count("请尽可能准确", characters) == (6, 6.0)


def test_a_repeated_text_is_counted_once() -> None:
    asked: list[str] = []

    def encode(text: str) -> int:
        asked.append(text)
        return len(text)

    text = "a text that is long enough to be worth a look into the memo, which short ones are not; written once here"
    gauge = Gauge("memo-test", encode=encode)
    assert count(text, gauge) == count(text, gauge)
    assert len(asked) == 1
