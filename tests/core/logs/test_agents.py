"""Codex, Gemini CLI, llm, batches, telemetry and traces: what is a repeat, and what a call carries."""

from __future__ import annotations

import gzip
import sqlite3

import pytest

from cachekit.core.jsonio.inputs import file_source
from cachekit.core.model.errors import InputError
from cachekit.core.model.prompt import Tokens, prefixes
from cachekit.core.model.usage import Usage
from tests.core.logs.reading import bad_lines_of, calls_of, items_of, source_of, summaries_of

NAMES = ("input_tokens", "cached_input_tokens", "output_tokens", "total_tokens")


def _meta(id, **more):
    return {"type": "session_meta", "payload": {"id": id, "cwd": "/home/dev"} | more}


def _count(total, last=None, at=0):
    info = {"total_token_usage": dict(zip(NAMES, total, strict=True))}
    info |= {"last_token_usage": dict(zip(NAMES, last, strict=True))} if last else {}
    return {
        "timestamp": f"2026-11-01T10:00:{at:02d}Z",
        "type": "event_msg",
        "payload": {"type": "token_count", "info": info},
    }


ONE, TWO = (8000, 0, 100, 8100), (17000, 7680, 250, 17250)


def test_a_codex_call_is_the_last_usage_inclusive():
    (call,) = calls_of(
        "codex",
        source_of(_meta("c-1"), {"type": "turn_context", "payload": {"model": "gpt-5.6-sol"}}, _count(ONE, ONE)),
    )
    assert call.usage == Usage(8000, output=100)
    assert (call.model, call.provider, call.labels) == ("gpt-5.6-sol", "openai", {"session": "c-1", "cwd": "/home/dev"})


def test_without_the_last_usage_it_is_the_difference_of_totals():
    calls = calls_of("codex", source_of(_meta("c-1"), _count(ONE), _count(TWO)))
    assert [call.usage for call in calls] == [Usage(8000, output=100), Usage(1320, 7680, output=150)]


def test_an_unchanged_total_is_a_repeat():
    assert len(calls_of("codex", source_of(_meta("c-1"), _count(ONE, ONE), _count(ONE, ONE)))) == 1


def test_a_forks_copy_of_its_parent_counts_once():
    parent = source_of(_meta("c-1"), _count(ONE, ONE), name="parent")
    fork = source_of(_meta("c-2", forked_from_id="c-1"), _count(ONE, ONE), _count(TWO), name="fork")
    assert len(calls_of("codex", parent, fork)) == 2
    assert [summary.duplicates for summary in summaries_of("codex", parent, fork)] == [0, 1]


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
def test_a_fork_of_a_fork_counts_what_it_copied_once(order, tmp_path):
    three = (20000, 9000, 300, 20300)
    logs = {
        "a": source_of(_meta("c-1"), _count(ONE, ONE)),
        "b": source_of(_meta("c-2", forked_from_id="c-1"), _count(ONE, ONE), _count(TWO)),
        "c": source_of(_meta("c-3", forked_from_id="c-2"), _count(ONE, ONE), _count(TWO), _count(three)),
    }
    for name, source in logs.items():
        (tmp_path / name).write_bytes(b"".join(source.chunks()))
    calls = calls_of("codex", *(file_source(tmp_path / name) for name in order))
    assert sum(call.usage.output for call in calls) == 300


def test_two_sessions_of_their_own_may_have_equal_totals():
    assert (
        len(calls_of("codex", source_of(_meta("c-1"), _count(ONE, ONE)), source_of(_meta("c-2"), _count(ONE, ONE))))
        == 2
    )


def test_a_spawned_agent_begins_with_a_replay(tmp_path):
    path = tmp_path / "rollout.jsonl"
    lines = source_of(
        _meta("c-3", source="thread_spawn"),
        _count(ONE, ONE, at=0),
        _count(TWO, at=0),
        _count((20000, 9000, 300, 20300), at=9),
    )
    path.write_bytes(b"".join(lines.chunks()))
    (call,) = calls_of("codex", file_source(path))
    assert call.usage == Usage(1680, 1320, output=50)


def test_a_spawned_agent_without_a_replay_loses_nothing(tmp_path):
    path = tmp_path / "rollout.jsonl"
    lines = source_of(_meta("c-3", source="thread_spawn"), _count(ONE, ONE, at=0), _count(TWO, at=7))
    path.write_bytes(b"".join(lines.chunks()))
    assert len(calls_of("codex", file_source(path))) == 2


def test_a_total_that_falls_begins_anew():
    calls = calls_of("codex", source_of(_meta("c-1"), _count(TWO), _count(ONE)))
    assert [call.usage.output for call in calls] == [250, 100]


def test_a_fork_stays_itself_behind_the_copied_beginning_of_its_parent():
    calls = calls_of("codex", source_of(_meta("c-2", forked_from_id="c-1"), _meta("c-1"), _count(ONE, ONE)))
    assert [call.labels["session"] for call in calls] == ["c-2"]


def test_sessions_one_after_the_other_in_one_stream_stay_apart():
    calls = calls_of("codex", source_of(_meta("c-1"), _count(TWO), _meta("c-2"), _count(TWO)))
    assert [call.labels["session"] for call in calls] == ["c-1", "c-2"]


def _at(second, line):
    return line | {"timestamp": f"2026-11-01T10:00:{second:02d}.000Z"}


def _task(started, at):
    return _at(at, {"type": "event_msg", "payload": {"type": "task_started", "started_at": started}})


def _record(response, counts, thread="c-1"):
    names = ("input_tokens", "cached_input_tokens", "output_tokens", "total_tokens")
    payload = {"response_id": response, "thread_id": thread, "usage": dict(zip(names, counts, strict=True))}
    return {"type": "token_usage_record", "timestamp": "2026-11-01T10:00:30.000Z", "payload": payload}


BEGAN = 1793527200
"""2026-11-01T10:00:00Z, when the sessions below began."""


def _forked(*lines, **meta):
    first = _meta("c-2", forked_from_id="c-1", **meta)
    first["payload"]["timestamp"] = "2026-11-01T10:00:00.000Z"
    return source_of(first, *lines)


def test_copied_history_of_a_parent_that_is_not_here_ends_with_the_forks_own_task():
    log = _forked(
        _meta("c-1"),
        _task(BEGAN - 9000, at=0),
        _at(1, _count(ONE, ONE)),
        _at(3, _count(TWO)),
        _task(BEGAN + 8, at=8),
        _at(20, _count((20000, 9000, 300, 20300))),
    )
    (call,) = calls_of("codex", log)
    assert call.usage == Usage(1680, 1320, output=50)
    assert [summary.duplicates for summary in summaries_of("codex", log)] == [2]


def test_a_fork_that_copied_nothing_loses_nothing():
    log = _forked(_task(BEGAN, at=0), _at(1, _count(ONE, ONE)), _at(2, _count(TWO)))
    assert len(calls_of("codex", log)) == 2


def test_lines_older_than_the_fork_itself_are_copied():
    old = _count(ONE, ONE) | {"timestamp": "2026-10-30T10:00:00.000Z"}
    assert [call.usage.output for call in calls_of("codex", _forked(old, _at(5, _count(TWO))))] == [150]


def test_a_record_and_the_event_of_one_response_are_one_call():
    lines = [_meta("c-1"), _record("r-1", ONE), _count(ONE, ONE), _record("r-2", (9000, 7680, 150, 9150)), _count(TWO)]
    assert [call.id for call in calls_of("codex", source_of(*lines))] == ["r-1", "r-2"]
    lines = [_meta("c-1"), _count(ONE, ONE), _record("r-1", ONE)]
    assert len(calls_of("codex", source_of(*lines))) == 1


def test_the_record_of_a_compaction_is_a_call_of_its_own():
    compaction = {"type": "compacted", "payload": {"message": "", "compaction_response_id": "r-9"}}
    lines = [_meta("c-1"), _count(ONE, ONE), _record("r-9", (5000, 4000, 70, 5070)), compaction, _count(TWO)]
    assert [call.usage.output for call in calls_of("codex", source_of(*lines))] == [100, 70, 150]


def test_one_response_counts_once_over_all_files():
    one, two = source_of(_meta("c-1"), _record("r-1", ONE)), source_of(_meta("c-1"), _record("r-1", ONE))
    assert len(calls_of("codex", one, two)) == 1


def test_a_record_of_the_parents_thread_was_copied():
    log = _forked(_record("r-1", ONE, thread="c-1"), _record("r-2", (2000, 1000, 5, 2005), thread="c-2"))
    assert [call.id for call in calls_of("codex", log)] == ["r-2"]


@pytest.mark.parametrize(
    ("tier", "billed"), [("priority", "priority"), ("fast", "priority"), ("flex", "flex"), ("default", ""), (None, "")]
)
def test_the_service_tier_that_was_set_is_billed(tier, billed):
    settings = {"type": "event_msg", "payload": {"type": "thread_settings_applied"}}
    settings["payload"]["thread_settings"] = {"service_tier": tier, "model": "gpt-5.5"}
    (call,) = calls_of("codex", source_of(_meta("c-1"), settings, _count(ONE, ONE)))
    assert (call.billing.tier, call.model) == (billed, "gpt-5.5")


def test_more_cached_than_input_is_clamped():
    (call,) = calls_of("codex", source_of(_meta("c-1"), _count((1000, 9000, 20, 1020), (1000, 9000, 20, 1020))))
    assert call.usage == Usage(0, 1000, output=20, quality=("negative_clamped",))


def test_rate_limits_alone_are_no_call():
    event = {"type": "event_msg", "payload": {"type": "token_count", "info": None}}
    assert calls_of("codex", source_of(_meta("c-1"), event)) == []


def _gemini(total, id="g-1", **tokens):
    told = {"input": 4000, "output": 50, "cached": 3000, "thoughts": 20, "tool": 0, "total": total} | tokens
    return {"type": "gemini", "id": id, "model": "gemini-3-pro", "tokens": told, "timestamp": "2026-11-01T10:00:00Z"}


@pytest.mark.parametrize(("total", "uncached"), [(4070, 1000), (7070, 4000)], ids=["inside", "beside"])
def test_gemini_clis_sum_tells_where_the_cached_tokens_are(total, uncached):
    (call,) = calls_of("gemini-cli", source_of({"sessionId": "s"}, _gemini(total)))
    assert call.usage == Usage(uncached, 3000, output=70)


def test_the_last_line_of_a_gemini_reply_counts_over_all_files():
    head = {"sessionId": "s", "projectHash": "h"}
    calls = calls_of("gemini-cli", source_of(head, _gemini(4070, output=1)), source_of(head, _gemini(4070)))
    assert [call.usage.output for call in calls] == [70]


def test_headless_statistics_are_one_call_for_each_model():
    stats = {
        "models": {
            "gemini-3-flash": {
                "api": {"totalRequests": 3},
                "tokens": {"prompt": 9000, "candidates": 100, "cached": 6000, "thoughts": 50},
            }
        }
    }
    (call,) = calls_of("gemini-cli", source_of({"response": "ok", "stats": stats}))
    assert (call.usage, call.flags, call.meta) == (Usage(3000, 6000, output=150), {"aggregate"}, {"requests": 3})


@pytest.mark.parametrize("kind", ["errored", "expired", "canceled"])
def test_only_batch_results_that_succeeded_are_calls(kind):
    assert calls_of("anthropic-batch", {"custom_id": "a", "result": {"type": kind}}) == []


def test_a_batch_call_is_billed_as_one():
    message = {
        "id": "m",
        "type": "message",
        "model": "claude-haiku-5-5",
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1},
    }
    (call,) = calls_of("anthropic-batch", {"custom_id": "a", "result": {"type": "succeeded", "message": message}})
    assert (call.billing.batch, call.labels, call.usage) == (True, {"custom_id": "a"}, Usage(5, 7, output=1))
    body = {
        "id": "c",
        "object": "chat.completion",
        "model": "gpt-5.4",
        "usage": {"prompt_tokens": 9, "completion_tokens": 1},
    }
    answer = {"status_code": 200, "request_id": "r", "body": body}
    (call,) = calls_of("openai-batch", {"id": "b", "custom_id": "a", "response": answer, "error": None})
    assert (call.billing.batch, call.status, call.request_id, call.api) == (True, 200, "r", "chat")


def _attributes(held):
    kinds = {int: "intValue", float: "doubleValue", str: "stringValue"}
    return [
        {"key": name, "value": {kinds[type(value)]: str(value) if type(value) is int else value}}
        for name, value in held.items()
    ]


def _span(id, held, parent=None):
    times = {"startTimeUnixNano": "1793527200000000000", "endTimeUnixNano": "1793527202500000000"}
    return times | {"traceId": "t", "spanId": id, "parentSpanId": parent, "attributes": _attributes(held)}


def _export(*spans):
    resource = {"attributes": _attributes({"service.name": "shop"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "aws.bedrock",
    "gen_ai.usage.input_tokens": 5000,
    "gen_ai.usage.output_tokens": 4,
}

VERCEL = {
    "ai.operationId": "ai.generateText.doGenerate",
    "gen_ai.usage.input_tokens": 100,
    "ai.usage.inputTokens": 100,
    "ai.usage.outputTokens": 1,
    "ai.usage.totalTokens": 101,
    "ai.usage.cachedInputTokens": 80,
}
METADATA = (
    '{"anthropic": {"usage": {"input_tokens": 100, "output_tokens": 1, "cache_read_input_tokens": 80,'
    ' "cache_creation_input_tokens": 30, "cache_creation": {"ephemeral_1h_input_tokens": 30}}}}'
)

SPANS = {
    "gen-ai": (
        CHAT | {"gen_ai.usage.cache_read.input_tokens": 4000, "gen_ai.usage.cache_creation.input_tokens": 500},
        Usage(500, 4000, write_unknown=500, output=4),
    ),
    "gen-ai-in-the-wild": (CHAT | {"gen_ai.usage.cache_read_input_tokens": 4000}, Usage(1000, 4000, output=4)),
    "uncached-remainder": (
        CHAT | {"gen_ai.usage.cache_read.input_tokens": 9000},
        Usage(5000, 9000, output=4, quality=("reinterpreted",)),
    ),
    "open-inference": (
        {
            "openinference.span.kind": "LLM",
            "llm.token_count.prompt": 100,
            "llm.token_count.completion": 10,
            "llm.token_count.prompt_details.cache_read": 64,
        },
        Usage(36, 64, output=10),
    ),
    "vercel-6": (
        {
            "ai.operationId": "ai.streamText.doStream",
            "ai.usage.inputTokens": 100,
            "ai.usage.outputTokens": 1,
            "ai.usage.inputTokenDetails.cacheReadTokens": 80,
        },
        Usage(20, 80, output=1),
    ),
    "vercel-5": (
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.usage.inputTokens": 100,
            "ai.usage.outputTokens": 1,
            "ai.usage.cachedInputTokens": 80,
        },
        Usage(100, 80, output=1),
    ),
    "more-written-than-input": (
        CHAT | {"gen_ai.usage.cache_read.input_tokens": 0, "gen_ai.usage.cache_creation.input_tokens": 9000},
        Usage(5000, write_unknown=9000, output=4, quality=("reinterpreted",)),
    ),
    "counts-as-text": (
        CHAT | {"gen_ai.usage.input_tokens": "5000", "gen_ai.usage.cache_read.input_tokens": "4000"},
        Usage(1000, 4000, output=4),
    ),
    "vercel-5-anthropic": (VERCEL | {"ai.model.provider": "anthropic.messages"}, Usage(100, 80, output=1)),
    "vercel-5-bedrock": (
        VERCEL
        | {
            "ai.model.provider": "amazon-bedrock",
            "ai.response.providerMetadata": '{"bedrock": {"usage": {"cacheWriteInputTokens": 30}}}',
        },
        Usage(100, 80, write_unknown=30, output=1),
    ),
    "vercel-5-on-vertex": (VERCEL | {"ai.model.provider": "vertex.anthropic.messages"}, Usage(100, 80, output=1)),
    "vercel-5-openai": (
        VERCEL | {"ai.model.provider": "openai.responses"},
        Usage(20, 80, output=1, quality=("reinterpreted",)),
    ),
    "vercel-5-metadata": (
        VERCEL | {"ai.response.providerMetadata": METADATA},
        Usage(100, 80, write_1h=30, output=1),
    ),
    "no-cache-field": (CHAT, Usage(5000, output=4, known=False)),
}


@pytest.mark.parametrize("case", SPANS)
def test_spans_are_read_by_their_convention_and_tested_by_their_sums(case):
    held, wanted = SPANS[case]
    (call,) = calls_of("otel-spans", _export(_span("a", held)))
    assert call.usage == wanted


NOT_CALLS = {
    "agent": {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 5},
    "tool": {"gen_ai.operation.name": "execute_tool"},
    "chain": {"openinference.span.kind": "CHAIN", "llm.token_count.prompt": 5},
    "vercel-outer": {"ai.operationId": "ai.generateText", "ai.usage.inputTokens": 5},
    "http": {"http.method": "POST"},
}


@pytest.mark.parametrize("case", NOT_CALLS)
def test_spans_that_only_surround_calls_do_not_count(case):
    assert calls_of("otel-spans", _export(_span("a", NOT_CALLS[case]))) == []


def test_the_parent_of_a_counted_span_repeats_it():
    child, parent = _span("b", CHAT, parent="a"), _span("a", CHAT)
    assert len(calls_of("otel-spans", source_of(_export(child), _export(parent)))) == 1
    assert len(calls_of("otel-spans", source_of(_export(parent, child)))) == 1


def test_a_parent_that_was_written_first_is_left_out_too(tmp_path):
    lines = source_of(_export(_span("a", CHAT)), _export(_span("b", CHAT, parent="a")))
    (tmp_path / "spans.jsonl").write_bytes(b"".join(lines.chunks()))
    (call,) = calls_of("otel-spans", file_source(tmp_path / "spans.jsonl"))
    assert call.request_id == "t:b"


def test_other_signals_among_the_spans_are_counted_as_such():
    (summary,) = summaries_of("otel-spans", source_of(_export(_span("a", CHAT)), {"resourceMetrics": []}))
    assert (summary.calls, summary.skipped) == (1, {"no spans in it": 1})


def test_a_span_tells_times_and_service():
    (call,) = calls_of("otel-spans", _export(_span("a", CHAT | {"session.id": "s-1"})))
    assert (call.ts, call.latency_ms, call.provider) == (1793527200, 2500, "bedrock")
    assert call.labels == {"session": "s-1", "service": "shop"}


def _log(body, held):
    record = {"timeUnixNano": "1793527210000000000", "body": {"stringValue": body}, "attributes": _attributes(held)}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}


def test_an_event_is_written_at_the_end_of_its_request():
    held = {
        "model": "claude-opus-4-6",
        "input_tokens": 10,
        "output_tokens": 9,
        "cache_read_tokens": 200,
        "cache_creation_tokens": 7,
        "duration_ms": 4000,
        "cost_usd": 0.5,
    }
    (call,) = calls_of("otel-events", _log("claude_code.api_request", held))
    assert (call.ts, call.latency_ms, call.meta) == (1793527206, 4000, {"cost_reported": 0.5})
    assert call.usage == Usage(10, 200, write_unknown=7, output=9)


def test_other_events_are_no_calls():
    assert calls_of("otel-events", _log("claude_code.token.usage", {"input_tokens": 5})) == []


def test_a_trace_becomes_blocks_of_exact_tokens_and_equal_digests():
    first, second = calls_of(
        "mooncake",
        source_of(
            {"timestamp": 0, "input_length": 1300, "output_length": 5, "hash_ids": [0, 1, 2]},
            {"timestamp": 2500, "input_length": 1100, "output_length": 5, "hash_ids": [0, 1, 3]},
        ),
    )
    assert [block.tokens.mid for block in first.prompt.blocks] == [512, 512, 276]
    assert first.prompt.total() == Tokens(1300, 1300, 1300)
    assert [len(block.chunks) for block in first.prompt.blocks] == [4, 4, 3]
    assert [a == b for a, b in zip(prefixes(first.prompt), prefixes(second.prompt), strict=True)] == [True, True, False]
    assert (second.ts, second.usage) == (2.5, Usage(1100, output=5, known=False))


def _database(path, statements=()):
    database = sqlite3.connect(path)
    columns = "id TEXT, model TEXT, input_tokens INTEGER, output_tokens INTEGER, token_details TEXT, datetime_utc TEXT"
    database.execute(f"CREATE TABLE responses ({columns})")
    for statement in statements:
        database.execute("INSERT INTO responses VALUES (?,?,?,?,?,?)", statement)
    database.commit()
    return database


DETAILS = {
    "openai": ('{"prompt_tokens_details": {"cached_tokens": 60}}', Usage(40, 60, output=5)),
    "anthropic": ('{"cache_read_input_tokens": 60}', Usage(100, 60, output=5)),
    "gemini": (
        '{"cachedContentTokenCount": 60, "candidatesTokenCount": 3, "thoughtsTokenCount": 2}',
        Usage(40, 60, output=5),
    ),
    "nothing": (None, Usage(100, output=5, known=False)),
    "no-json": ("{half", Usage(100, output=5, known=False)),
}


@pytest.mark.parametrize("case", DETAILS)
def test_llms_details_tell_their_convention(case, tmp_path):
    details, wanted = DETAILS[case]
    _database(tmp_path / "logs.db", [("01A", "m", 100, 5, details, "2026-11-01T10:00:00")]).close()
    (call,) = calls_of("llm", file_source(tmp_path / "logs.db"))
    assert call.usage == wanted


def test_a_locked_database_is_told_with_a_mend(tmp_path):
    database = _database(tmp_path / "logs.db")
    database.execute("BEGIN EXCLUSIVE")
    with pytest.raises(InputError, match="locked") as raised:
        items_of("llm", file_source(tmp_path / "logs.db"))
    assert "copy" in raised.value.hint
    database.close()


def test_a_compressed_database_is_told_as_such(tmp_path):
    _database(tmp_path / "logs.db").close()
    (tmp_path / "logs.db.gz").write_bytes(gzip.compress((tmp_path / "logs.db").read_bytes()))
    with pytest.raises(InputError, match="compressed"):
        items_of("llm", file_source(tmp_path / "logs.db.gz"))


def test_a_locked_database_in_a_folder_is_a_bad_line(tmp_path):
    database = _database(tmp_path / "logs.db")
    database.execute("BEGIN EXCLUSIVE")
    (bad,) = bad_lines_of("llm", file_source(tmp_path / "logs.db", named=False))
    assert "locked" in bad.reason
    database.close()


def test_another_programs_database_in_a_folder_is_passed_over(tmp_path):
    database = sqlite3.connect(tmp_path / "state.sqlite")
    database.execute("CREATE TABLE people (name TEXT)")
    database.close()
    (summary,) = summaries_of("llm", file_source(tmp_path / "state.sqlite", named=False))
    assert summary.skipped == {"file: a SQLite database, but not llm's": 1}


def test_what_is_no_database_is_reported(tmp_path):
    (tmp_path / "logs.db").write_bytes(b"SQLite format 3\0" + b"x" * 2000)
    with pytest.raises(InputError, match="SQLite"):
        items_of("llm", file_source(tmp_path / "logs.db"))


def test_another_programs_database_is_reported(tmp_path):
    database = sqlite3.connect(tmp_path / "other.db")
    database.execute("CREATE TABLE people (name TEXT)")
    database.commit()
    database.close()
    with pytest.raises(InputError, match="not llm's"):
        items_of("llm", file_source(tmp_path / "other.db"))


def test_reading_leaves_no_trace_in_the_folder(tmp_path):
    _database(tmp_path / "logs.db").close()
    before = (tmp_path / "logs.db").read_bytes()
    items_of("llm", file_source(tmp_path / "logs.db"))
    assert (tmp_path / "logs.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["logs.db"]
