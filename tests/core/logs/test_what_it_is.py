"""Files that are no logs say what they are; streams and tools are recognised by their first records."""

from __future__ import annotations

import json

import pytest

from cachekit.core.logs.reading import read_any
from cachekit.core.model.calls import Call
from cachekit.core.model.errors import InputError

NO_LOGS = {
    "request.json": ({"model": "gpt-5.4", "messages": [{"role": "user", "content": "hello"}]}, "a request"),
    "converse.json": ({"system": [{"text": "be brief"}], "messages": []}, "a request"),
    "gemini.json": ({"contents": [{"parts": [{"text": "hello"}]}]}, "a request"),
    "batch.jsonl": ({"custom_id": "1", "method": "POST", "body": {"model": "gpt-5.4", "messages": []}}, "a batch of"),
    "batch.anthropic.jsonl": ({"custom_id": "1", "params": {"model": "x", "messages": []}}, "a batch of requests"),
    "activity.json": (
        {"data": [{"model": "x", "byok_usage_inference": 0, "requests": 5, "prompt_tokens": 50}]},
        "a usage table of OpenRouter without cache columns",
    ),
    "costs.json": (
        {"data": [{"object": "bucket", "results": [{"object": "organization.costs.result", "amount": {"value": 1}}]}]},
        "a usage table of OpenAI without cache columns",
    ),
    "other.json": ({"name": "shop", "version": 3}, "no log format that cachekit knows"),
}


@pytest.mark.parametrize("name", NO_LOGS)
def test_a_file_that_is_no_log_says_what_it_is(name, tmp_path):
    content, wanted = NO_LOGS[name]
    (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(InputError) as error:
        list(read_any([tmp_path / name]))
    assert error.value.what.startswith(wanted)


def test_a_table_without_cache_columns_says_so(tmp_path):
    (tmp_path / "usage.csv").write_text("Date,Model,Total Tokens,Cost\n2026-11-10,auto,500,0.1\n")
    with pytest.raises(InputError, match="a usage table without cache columns"):
        list(read_any([tmp_path / "usage.csv"]))


def _read(tmp_path, name, *records):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(record) for record in records))
    return [item for item in read_any([path]) if isinstance(item, Call)]


STREAMS = {
    "anthropic": [
        {
            "type": "message_start",
            "message": {"id": "msg_1", "model": "claude-sonnet-4-6", "usage": {"input_tokens": 4}},
        },
        *[{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}] * 300,
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 9}},
    ],
    "chat": [
        *[{"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [{"delta": {}}], "usage": None}] * 300,
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "choices": [],
            "usage": {"prompt_tokens": 4, "completion_tokens": 9},
        },
    ],
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_long_recorded_stream_is_recognised_by_its_first_records(name, tmp_path):
    (call,) = _read(tmp_path, "stream.jsonl", *STREAMS[name])
    assert (call.usage.uncached, call.usage.output) == (4, 9)


def test_the_folder_of_a_task_names_its_session(tmp_path):
    counts = json.dumps({"tokensIn": 4, "tokensOut": 6, "cacheWrites": 900, "cacheReads": 0})
    message = {"ts": 1794297600000, "type": "say", "say": "api_req_started", "text": counts}
    (call,) = _read(tmp_path, "1794297600/ui_messages.json", message)
    assert (call.family, call.labels) == ("1794297600", {"session": "1794297600"})


def test_a_sub_agents_messages_in_claude_codes_output_are_a_family_of_their_own(tmp_path):
    usage = {"input_tokens": 4, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 900, "output_tokens": 1}
    message = {"id": "m-1", "model": "claude-sonnet-4-6", "usage": usage}
    line = {"type": "assistant", "session_id": "s", "message": message, "parent_tool_use_id": None}
    other = line | {"message": message | {"id": "m-2"}, "parent_tool_use_id": "toolu_1"}
    assert [call.family for call in _read(tmp_path, "out.jsonl", line, other)] == ["s", "s/toolu_1"]


def test_output_that_messages_written_early_lack_comes_from_the_result(tmp_path):
    usage = {"input_tokens": 4, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 900, "output_tokens": 1}
    message = {"id": "m-1", "model": "claude-sonnet-4-6", "usage": usage}
    sums = {"inputTokens": 4, "cacheReadInputTokens": 0, "cacheCreationInputTokens": 900, "outputTokens": 75}
    lines = [
        {"type": "assistant", "session_id": "s", "message": message},
        {"type": "result", "session_id": "s", "modelUsage": {"claude-sonnet-4-6": sums}},
    ]
    (call,) = _read(tmp_path, "out.jsonl", *lines)
    assert (call.usage.output, call.usage.quality) == (75, ("output_from_result",))
