"""The call log: what is written comes back, and odd lines spoil nothing beside them."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachekit.core.libraries.request_form import backend_of
from cachekit.core.logs.native import read_calls, read_line
from cachekit.core.logs.native_write import to_line
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import BadLine, Billing, Call
from cachekit.core.model.prompt import Block, Mark, Param, Prompt, Scope, Section, Tokens
from cachekit.core.model.usage import Usage
from cachekit.core.providers import lower
from cachekit.core.providers.families import family_of, prefix_id

counts = st.integers(0, 2**40)
words = st.text(st.characters(codec="utf-8"), max_size=12)
named = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
usages = st.builds(
    Usage,
    **dict.fromkeys(("uncached", "read", "write_5m", "write_1h", "write_30m", "write_unknown", "output"), counts),
    known=st.booleans(),
    quality=st.sampled_from([(), ("split_mismatch",), ("negative_clamped", "split_mismatch")]),
)
scopes = st.builds(Scope, words, words, words, words, words, words)
estimates = st.builds(lambda a, b, c: Tokens(a, a + b, a + b + c), counts, counts, counts)
marks = st.builds(Mark, st.none() | st.sampled_from(["5m", "1h"]), named, st.booleans())
blocks = st.builds(
    Block,
    st.sampled_from(list(Section)),
    route=named,
    kind=named,
    role=words,
    digest=words,
    template=words,
    chunks=st.lists(named, max_size=2).map(tuple),
    tokens=estimates,
    mark=st.none() | marks,
)
params = st.builds(Param, st.sampled_from(list(Section)), named, named)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    scope = draw(scopes)
    prompts = st.builds(
        Prompt,
        st.sampled_from(list(Backend)),
        st.just(scope),
        st.lists(blocks, min_size=1, max_size=4).map(tuple),
        st.lists(params, max_size=2).map(tuple),
        hidden=estimates,
    )
    return draw(
        st.builds(
            Call,
            usages,
            ts=st.none() | st.integers(0, 4 * 10**15).map(lambda us: us / 10**6),
            id=words,
            request_id=words,
            provider=words,
            api=words,
            model=words,
            scope=st.just(scope),
            billing=st.builds(Billing, words, words, words, st.booleans(), words),
            latency_ms=st.none() | st.floats(0, 1e6),
            ttft_ms=st.none() | st.floats(0, 1e6),
            status=st.none() | st.integers(100, 599),
            flags=st.frozensets(named, max_size=3),
            prefix_id=named,
            family=named,
            labels=st.dictionaries(named, named, max_size=3),
            miss=st.none() | named,
            prompt=st.none() | prompts,
            meta=st.dictionaries(named, st.none() | st.booleans() | named, max_size=2),
        )
    )


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(calls())
def test_what_is_written_is_what_is_read(call: Call) -> None:
    line = to_line(call)
    assert line.count(b"\n") == 1
    assert read_line(1, line.rstrip(b"\n")) == call


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    *("v", "ts", "id", "model", "provider", "api", "usage", "scope", "billing", "flags", "labels", "miss", "meta"),
    *("status", "latency_ms", "request", "blocks", "params", "hidden", "family"),
]


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_any_json_object_is_a_call_or_a_bad_line(line: dict[str, object]) -> None:
    read = read_line(7, json.dumps(line).encode())
    assert isinstance(read, (Call, BadLine))
    if isinstance(read, Call):
        assert isinstance(read_line(7, to_line(read, "full").rstrip(b"\n")), Call)


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_call_or_a_bad_line(line: bytes) -> None:
    assert isinstance(read_line(1, line), (Call, BadLine))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(b"[1]", "not a JSON object", id="an array"),
        pytest.param(b'{"a":1}', "not a call: no `usage`", id="another shape"),
        pytest.param(b'{"v":2,"usage":{}}', "version 2 of the call log, and this program reads version 1", id="newer"),
        pytest.param(b'{"v":1,"usage":{"rea', "cut off: the JSON does not end", id="torn"),
        pytest.param(b"hello", "not JSON", id="text"),
    ],
)
def test_a_line_that_is_no_call_says_why(line: bytes, reason: str) -> None:
    assert read_line(3, line, "x.ndjson") == BadLine(3, reason, "x.ndjson")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param({"uncached": 5, "read": -3}, Usage(5, 0, quality=("negative_clamped",)), id="negative"),
        pytest.param({"uncached": "5"}, Usage(quality=("not_a_count",)), id="text"),
        pytest.param({"uncached": 5, "read": None}, Usage(5), id="null is absent"),
        pytest.param({"uncached": 5.0, "read": True}, Usage(5, quality=("not_a_count",)), id="whole float and truth"),
        pytest.param({"uncached": 2**60}, Usage(quality=("count_too_large",)), id="too large"),
        pytest.param({"uncached": 5, "known": False}, Usage(5, known=False), id="not known"),
        pytest.param({}, Usage(known=False, quality=("no_usage",)), id="empty"),
        pytest.param(
            {"input_tokens": 5, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 0, "output_tokens": 1},
            Usage(5, 7, output=1),
            id="a provider's own names",
        ),
    ],
)
def test_counts_are_read_as_far_as_they_are_counts(usage: dict[str, object], expected: Usage) -> None:
    read = read_line(1, json.dumps({"v": 1, "usage": usage}).encode())
    assert isinstance(read, Call)
    assert read.usage == expected


@pytest.mark.parametrize(
    ("ts", "moment", "notes"),
    [
        pytest.param("2026-11-20T10:00:00Z", 1795168800.0, (), id="utc"),
        pytest.param("2026-11-20T12:00:00+02:00", 1795168800.0, (), id="offset"),
        pytest.param("2026-11-20T10:00:00", 1795168800.0, ("time_without_zone",), id="no zone"),
        pytest.param(1795168800, 1795168800.0, ("time_not_rfc3339",), id="seconds"),
        pytest.param(1795168800000, 1795168800.0, ("time_not_rfc3339",), id="milliseconds"),
        pytest.param("yesterday", None, ("time_unreadable",), id="no time"),
        pytest.param(None, None, (), id="none"),
    ],
)
def test_times_are_read_and_doubts_are_noted(ts: object, moment: float | None, notes: tuple[str, ...]) -> None:
    read = read_line(1, json.dumps({"v": 1, "ts": ts, "usage": {"uncached": 1}}).encode())
    assert isinstance(read, Call)
    assert (read.ts, read.usage.quality) == (moment, notes)


REQUEST = {
    "model": "claude-sonnet-4-6",
    "system": [{"type": "text", "text": "You answer.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "hi"}],
}


def test_a_request_without_blocks_is_lowered_as_it_is_read() -> None:
    line = {"v": 1, "provider": "anthropic", "api": "messages", "usage": {"uncached": 1}, "request": REQUEST}
    read = read_line(1, json.dumps(line).encode())
    assert isinstance(read, Call)
    assert read.prompt is not None
    lowered = lower(REQUEST, Backend.ANTHROPIC)
    assert read.prompt.blocks == lowered.blocks
    assert (read.family, read.prefix_id) == (family_of(lowered), prefix_id(lowered))


def test_a_full_line_keeps_the_request_and_a_digest_line_none_of_its_text() -> None:
    call = Call(Usage(1), prompt=lower(REQUEST, Backend.ANTHROPIC))
    assert b"You answer." in to_line(call, "full")
    assert b"You answer." not in to_line(call, "digests")
    assert b"digest" not in to_line(call, "none")


@pytest.mark.parametrize(
    ("provider", "api", "request_", "backend"),
    [
        ("anthropic", "messages", {}, Backend.ANTHROPIC),
        ("openai", "chat.completions", {"messages": []}, Backend.OPENAI_CHAT),
        ("openai", "responses", {}, Backend.OPENAI_RESPONSES),
        ("openai", "", {"input": "x"}, Backend.OPENAI_RESPONSES),
        ("bedrock", "converse_stream", {}, Backend.BEDROCK_CONVERSE),
        ("bedrock", "invoke_model", {}, Backend.BEDROCK_INVOKE_ANTHROPIC),
        ("bedrock", "", {"messages": [], "toolConfig": {}}, Backend.BEDROCK_CONVERSE),
        ("bedrock", "mantle-messages", {}, Backend.ANTHROPIC_BEDROCK_MANTLE),
        ("", "", {"messages": [], "system": "x"}, Backend.ANTHROPIC),
        ("openrouter", "chat", {"messages": []}, Backend.OPENAI_CHAT),
        ("", "bedrock-converse", {}, Backend.BEDROCK_CONVERSE),
    ],
)
def test_the_form_of_a_logged_request(provider: str, api: str, request_: dict[str, object], backend: Backend) -> None:
    assert backend_of(provider, api, request_) is backend


def test_a_bad_line_stands_between_its_neighbours() -> None:
    good = to_line(Call(Usage(1)))
    log = good + b"{broken\n\n" + good + b'{"v":1,"usa'
    read = list(read_calls(io.BytesIO(log)))
    assert [type(item) for item in read] == [Call, BadLine, Call, BadLine]
    assert [item.number for item in read if isinstance(item, BadLine)] == [2, 5]


def test_text_files_are_read_too() -> None:
    assert list(read_calls(io.StringIO(to_line(Call(Usage(1, 2))).decode()))) == [Call(Usage(1, 2))]
