"""Single rules of an explanation, each on a log of a few calls whose counters are written by hand."""

from __future__ import annotations

import json
import random
from io import BytesIO

import pytest

from cachekit.core.cache.simulate import simulate
from cachekit.core.explain.explain import Cause, explain
from cachekit.core.logs.native import read_calls
from cachekit.core.logs.native_write import to_line
from cachekit.core.model.template import template_text
from cachekit.core.model.volatile import kind_at
from tests.workload import prose

SYSTEM = "You keep the books of a harbour. " + prose(random.Random(5), 2600)
MARK = {"type": "ephemeral"}


def marked(question="What is due?", **more):
    """A question under a marked system prompt."""
    system = [{"type": "text", "text": SYSTEM, "cache_control": MARK}]
    return {"system": system, "messages": [{"role": "user", "content": question}]} | more


def asked(model="gpt-5.1", **more):
    """The same without any breakpoint, for a model that caches by itself."""
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "What is due?"}]
    return {"model": model, "messages": messages} | more


def log(*calls, content=None):
    """Calls of (seconds, usage, fields): in the log's form as another program writes it, or as we do with `content`."""
    lines = [
        json.dumps(
            {"v": 1, "ts": 1_790_000_000 + at, "id": str(n), "provider": "anthropic", "api": "messages"}
            | {"model": "claude-sonnet-4-6", "latency_ms": 900, "usage": {"output": 9} | usage}
            | fields
        ).encode()
        + b"\n"
        for n, (at, usage, fields) in enumerate(calls)
    ]
    plain = b"".join(lines)
    return plain if content is None else b"".join(to_line(c, content) for c in read_calls(BytesIO(plain)))


def told(lines):
    found = explain(read_calls(BytesIO(lines)))
    return {e.call.id: e for e in found if e.cause is not Cause.COLD}


WRITES, READS, BARE = {"write_5m": 3000, "uncached": 12}, {"read": 3000, "uncached": 12}, {"uncached": 3012}


@pytest.mark.parametrize("content", [None, "full", "digests"])
def test_effort_may_be_rendered_ahead_of_the_system_text(content):
    changed = marked(output_config={"effort": "low"})
    lines = log((0, WRITES, {"request": marked()}), (20, WRITES, {"request": changed}), content=content)
    found = told(lines)["1"]
    assert (found.cause, found.kind, found.inferred) == (Cause.PARAMS_CHANGED, "effort", True)


def test_the_same_effort_and_no_read_is_a_silent_miss():
    lines = log((0, WRITES, {"request": marked()}), (20, WRITES, {"request": marked()}))
    assert told(lines)["1"].cause is Cause.EVICTED_OR_ROUTED


@pytest.mark.parametrize(
    ("gap", "cause"), [(600, Cause.EVICTED_OR_ROUTED), (2400, Cause.EXPIRED), (90_000, Cause.EXPIRED)]
)
def test_24_hours_are_the_most_that_an_automatic_cache_keeps(gap, cause):
    fields = {"provider": "openai", "api": "chat", "model": "gpt-5.1", "request": asked()}
    assert told(log((0, BARE, fields), (gap, BARE, fields)))["1"].cause is cause


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("It is now 2026-09-24 09:06:{:02}.", "timestamp"),
        ("Clock {}.", "timestamp"),
        ("Turn {} of this shift.", "counter"),
        ("Today is {:02} March 2026.", "date"),
    ],
)
def test_a_full_log_tells_by_its_text_what_changed(line, kind):
    first, second = (1_790_000_000, 1_790_000_020) if line.startswith("Clock") else (10, 30)
    requests = [
        marked() | {"system": [{"type": "text", "text": f"{line.format(n)} {SYSTEM}", "cache_control": MARK}]}
        for n in (first, second)
    ]
    calls = [(at, WRITES, {"request": request}) for at, request in zip((0, 20), requests, strict=True)]
    assert told(log(*calls, content="full"))["1"].kind == kind
    assert told(log(*calls, content="digests"))["1"].cause is Cause.PREFIX_CHANGED


@pytest.mark.parametrize(("keys", "cause"), [(("a", "a", "b"), Cause.KEY_CHANGED), (("a", "b", "c"), None)])
def test_a_routing_key_of_each_session_is_no_drift(keys, cause):
    calls = []
    for n, key in enumerate(keys):
        usage = {"read": 3000, "write_30m": 12} if n and keys[n - 1] == key else {"write_30m": 3012}
        system = {"type": "text", "text": SYSTEM, "prompt_cache_breakpoint": {"mode": "explicit"}}
        request = asked(model="gpt-5.6-sol", prompt_cache_key=key)
        request["messages"] = [{"role": "system", "content": [system]}, {"role": "user", "content": f"Question {n}"}]
        fields = {"provider": "openai", "api": "chat", "model": "gpt-5.6-sol", "labels": {"session": f"s{n}"}}
        calls.append((20 * n, usage, fields | {"request": request}))
    assert {e.cause for e in told(log(*calls)).values()} == ({cause} if cause else set())


def test_nothing_written_behind_a_part_that_was_read_tells_that_breakpoints_are_gone():
    """Counters alone: wherever a breakpoint stood behind what was read, something would be written."""
    turns = [(0, 0, 3000, 0), (20, 3000, 300, 0), (40, 3300, 200, 0), (60, 3500, 300, 0), (80, 2500, 0, 1500)]
    calls = [
        (at, {"read": read, "write_5m": written, "uncached": rest}, {"labels": {"session": "s"}})
        for at, read, written, rest in turns
    ]
    found = told(log(*calls))
    assert {name: (e.cause, e.inferred) for name, e in found.items()} == {"4": (Cause.MARKS_GONE, True)}


def test_calls_that_read_one_length_after_the_other_share_a_prefix():
    """Counters alone: the next one of that length that reads nothing should have read it."""
    calls = [(20 * n, {"read": 3000, "write_5m": 40, "uncached": 10}, {}) for n in range(4)]
    found = told(log(*calls, (90, {"write_5m": 3045, "uncached": 12}, {})))
    assert {name: e.tokens for name, e in found.items()} == {"4": 3000}


def test_an_implicit_breakpoint_lies_behind_the_prefix_that_a_log_names():
    """Equal prefix ids of OpenAI's implicit mode do not say that the newest message is the same."""
    fields = {"provider": "openai", "api": "chat", "model": "gpt-5.6-sol", "prefix_id": "p", "family": "f"}
    calls = [(20 * n, {"write_30m": 3000 + 40 * n}, fields) for n in range(5)]
    assert told(log(*calls)) == {}


def test_another_document_of_another_length_is_no_rewrite():
    sizes = {"a": 3000, "b": 3400}
    reads = [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("a", 1)]
    calls = [
        (20 * n, {"read" if again else "write_5m": sizes[name], "uncached": 30}, {"family": "f", "prefix_id": name})
        for n, (name, again) in enumerate(reads)
    ]
    assert told(log(*calls)) == {}


def test_what_was_wholly_uncached_wrote_nothing():
    bare = log(
        (0, BARE, {"request": marked()}), (20, WRITES, {"request": marked()}), (40, READS, {"request": marked()})
    )
    counts = [(p.read, p.written) for p in simulate(read_calls(BytesIO(bare)))]
    assert counts == [(0, 0), (0, 3000), (3000, 0)]


def test_a_call_that_found_something_and_read_nothing_is_still_simulated_as_a_hit():
    lines = log((0, WRITES, {"request": marked()}), (20, BARE, {"request": marked()}))
    assert [p.read > 0 for p in simulate(read_calls(BytesIO(lines)))] == [False, True]


@pytest.mark.parametrize("content", ["full", "digests"])
def test_a_region_beside_the_request_does_not_hide_its_model(content):
    """Bedrock's requests do not hold the model, and a log may tell no more of the scope than the region."""
    fields = {"provider": "bedrock", "api": "converse", "scope": {"region": "us-east-1"}}
    request = {"system": [{"text": SYSTEM}, {"cachePoint": {"type": "default"}}]}
    request["messages"] = [{"role": "user", "content": [{"text": "What is due?"}]}]
    models = ["us.anthropic.claude-sonnet-4-6", "us.anthropic.claude-opus-4-8"]
    calls = [(20 * n, WRITES, fields | {"request": request, "model": model}) for n, model in enumerate(models)]
    lines = log(*calls, content=content)
    assert [call.prompt.scope.model for call in read_calls(BytesIO(lines))] == models
    assert told(lines)["1"].cause is Cause.MODEL_CHANGED


@pytest.mark.parametrize(
    "line",
    ["<now>2026-09-24 09:06:03</now>", "queue_depth=17.", "You have answered 12 questions so far.", "Build 92."],
)
@pytest.mark.parametrize("glue", ["{line} {text}", "{text} {line}"], ids=["before", "behind"])
def test_a_template_is_the_same_with_a_sentence_of_the_moment_in_it(line, glue):
    rest = prose(random.Random(3), 400) + "."
    assert template_text(json.dumps(glue.format(line=line, text=rest))) == template_text(json.dumps(rest))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("at 1790000000", "timestamp"),
        ("at 1790000000123", "timestamp"),
        ("at 42", "counter"),
        ("no 1190000000", "counter"),
    ],
)
def test_seconds_since_1970_are_a_moment(text, kind):
    assert kind_at(text, 3) == kind
