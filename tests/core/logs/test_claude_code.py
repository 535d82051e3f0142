"""Claude Code transcripts: which lines are one reply, and which of them counts."""

from __future__ import annotations

import pytest

from cachekit.core.model.usage import Usage
from tests.core.logs.reading import calls_of, source_of, summaries_of

TIMES = [f"2026-11-01T10:00:0{second}.000Z" for second in range(10)]


def _line(id="msg_1", request="req_1", output=10, *, session="s-1", at=0, usage=None, **more):
    counts = {
        "input_tokens": 3,
        "cache_read_input_tokens": 1000,
        "cache_creation_input_tokens": 200,
        "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
    }
    line = {"type": "assistant", "sessionId": session, "timestamp": TIMES[at], "isSidechain": False}
    message = {"id": id, "model": "claude-opus-4-6", "usage": counts | (usage or {})}
    return line | {"message": message} | ({"requestId": request} if request else {}) | more


def _progress(output=10, request="req_1", **more):
    inner = _line(output=output, request=request)
    told = {"message": inner["message"], "timestamp": TIMES[5]} | ({"requestId": request} if request else {})
    data = {"type": "agent_progress", "agentId": "a1", "message": told}
    return {"type": "progress", "sessionId": "s-1", "timestamp": TIMES[5], "isSidechain": False, "data": data} | more


def _outputs(*lines):
    return sorted(call.usage.output for call in calls_of("claude-code", source_of(*lines)))


def test_of_one_reply_the_line_with_the_largest_sum_counts():
    assert _outputs(_line(output=1), _line(output=40), _line(output=7)) == [40]


def test_the_order_of_the_lines_does_not_matter():
    assert _outputs(_line(output=40), _line(output=1)) == [40]


def test_on_a_tie_the_line_that_tells_the_speed_counts():
    (call,) = calls_of("claude-code", source_of(_line(usage={"speed": "fast"}), _line()))
    assert call.billing.speed == "fast"


def test_a_copied_history_counts_once_over_all_files():
    files = [source_of(_line(), _line("msg_2", "req_2"), name="a"), source_of(_line(session="s-2"), name="b")]
    assert len(calls_of("claude-code", *files)) == 2
    assert [summary.duplicates for summary in summaries_of("claude-code", *files)] == [0, 1]


def test_the_larger_line_may_stand_in_a_later_file():
    (call,) = calls_of("claude-code", source_of(_line(output=1)), source_of(_line(output=90)))
    assert call.usage.output == 90


def test_one_message_under_two_requests_is_two_calls():
    assert _outputs(_line(request="req_1"), _line(request="req_2")) == [10, 10]


def test_a_sidechain_under_another_request_is_a_replay_whatever_its_size():
    assert _outputs(_line(output=5), _line(request="req_9", output=500, isSidechain=True)) == [5]


def test_sidechains_of_their_own_count():
    assert _outputs(_line(isSidechain=True), _line("msg_2", "req_2", 20, isSidechain=True)) == [10, 20]


def test_a_progress_line_counts_where_the_agents_file_is_missing():
    (call,) = calls_of("claude-code", source_of(_progress(output=33)))
    assert (call.usage.output, call.labels["agent"], call.flags) == (33, "a1", {"sidechain"})


def test_a_progress_line_and_the_agents_file_are_one_call():
    assert _outputs(_progress(), _line(output=50, isSidechain=True, agentId="a1")) == [50]


def test_a_progress_line_without_its_request_is_still_the_agents_call():
    assert _outputs(_progress(request=None), _line(output=50, isSidechain=True, agentId="a1")) == [50]


def test_a_sub_agents_message_under_several_requests_is_one_call():
    assert _outputs(_line(isSidechain=True), _line(request="req_9", output=50, isSidechain=True)) == [50]
    assert _outputs(_progress(request="req_5"), _line(output=50, isSidechain=True, agentId="a1")) == [50]


@pytest.mark.parametrize("line", [_line(id=""), _line(request=None, requestId="")], ids=["message", "request"])
def test_an_empty_id_is_no_call(line):
    assert _outputs(line, _line("msg_2")) == [10]


def test_without_request_ids_a_message_id_holds_within_its_session():
    lines = [_line(request=None), _line(request=None, output=20), _line(request=None, session="s-2", output=5)]
    assert _outputs(*lines) == [5, 20]


def test_a_summary_of_a_tool_is_no_call():
    user = {"type": "user", "sessionId": "s-1", "toolUseResult": {"usage": {"input_tokens": 5, "output_tokens": 5}}}
    assert _outputs(user, _line()) == [10]


def test_the_time_is_that_of_the_first_line():
    (call,) = calls_of("claude-code", source_of(_line(output=40, at=7), _line(output=1, at=2)))
    assert call.ts is not None
    assert call.ts % 60 == 2


def test_a_call_carries_what_the_line_tells():
    line = _line(
        cwd="/home/dev/shop", gitBranch="main", costUSD=0.5, usage={"service_tier": "standard", "inference_geo": "us"}
    )
    (call,) = calls_of("claude-code", source_of(line))
    assert call.usage == Usage(3, 1000, 200, output=10)
    assert (call.provider, call.api, call.model) == ("anthropic", "messages", "claude-opus-4-6")
    assert (call.id, call.request_id, call.family) == ("msg_1", "req_1", "s-1")
    assert call.labels == {"session": "s-1", "cwd": "/home/dev/shop", "branch": "main"}
    assert (call.billing.tier, call.billing.geo, call.meta) == ("standard", "us", {"cost_reported": 0.5})


def test_sub_agents_are_families_of_their_own():
    (call,) = calls_of("claude-code", source_of(_line(isSidechain=True, agentId="a1")))
    assert call.family == "s-1/a1"


def test_a_synthetic_reply_was_no_call_to_the_api():
    line = _line()
    line["message"]["model"] = "<synthetic>"
    (call,) = calls_of("claude-code", source_of(line))
    assert (call.flags, call.usage.known, call.usage.input_total) == ({"synthetic"}, False, 0)


def test_an_api_error_is_flagged():
    (call,) = calls_of("claude-code", source_of(_line(isApiErrorMessage=True)))
    assert "error" in call.flags


def test_a_split_that_does_not_add_up_is_not_believed():
    (call,) = calls_of("claude-code", source_of(_line(usage={"cache_creation_input_tokens": 900})))
    assert call.usage == Usage(3, 1000, write_unknown=900, output=10, quality=("split_mismatch",))


def test_compaction_inside_a_reply_is_added():
    iterations = [{"type": "compaction", "input_tokens": 7, "cache_read_input_tokens": 0, "output_tokens": 5}]
    (call,) = calls_of("claude-code", source_of(_line(usage={"iterations": iterations})))
    assert call.usage == Usage(10, 1000, 200, output=15, quality=("compaction_added",))


def _side(uuid, parent, kind="assistant", **more):
    if kind == "user":
        return (
            f'{{"parentUuid":{"null" if parent is None else chr(34) + parent + chr(34)},"isSidechain":true,'
            f'"sessionId":"s-1","type":"user","message":{{"role":"user","content":"go"}},"uuid":"{uuid}"}}'
        ).encode()
    return _line(id=uuid, request=f"req-{uuid}", isSidechain=True, uuid=uuid, parentUuid=parent, **more)


def test_sidechains_that_name_no_agent_are_told_apart_by_their_threads():
    lines = [
        _side("aaaaaaaa-1", None, "user"),
        _side("bbbbbbbb-1", None, "user"),
        _side("a2", "aaaaaaaa-1"),
        _side("b2", "bbbbbbbb-1"),
        _side("a3", "a2", "user"),
        _side("a4", "a3"),
    ]
    families = [call.family for call in calls_of("claude-code", source_of(*lines))]
    assert families == ["s-1/sidechain aaaaaaaa", "s-1/sidechain bbbbbbbb", "s-1/sidechain aaaaaaaa"]


def test_sidechain_replies_without_parents_are_one_thread_apart_from_the_main_one():
    calls = calls_of("claude-code", source_of(_line(), _side("x1", None), _side("x2", None)))
    assert [call.family for call in calls] == ["s-1", "s-1/sidechain x1", "s-1/sidechain x1"]


@pytest.mark.parametrize("broken", [{}, {"timestamp": 7}], ids=["typed", "repaired"])
def test_the_reason_that_the_api_gave_for_a_miss_is_kept(broken):
    line = _line()
    line["message"]["diagnostics"] = {
        "cache_miss_reason": {"type": "tools_changed", "cache_missed_input_tokens": 43500}
    }
    (call,) = calls_of("claude-code", source_of(line | broken))
    assert (call.miss, call.meta["missed_tokens"]) == ("tools_changed", 43500)


@pytest.mark.parametrize("diagnostics", [None, {}, {"cache_miss_reason": None}], ids=["null", "empty", "pending"])
def test_no_reason_is_no_miss(diagnostics):
    line = _line()
    line["message"]["diagnostics"] = diagnostics
    (call,) = calls_of("claude-code", source_of(line))
    assert (call.miss, call.meta) == (None, {})
