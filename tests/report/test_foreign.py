"""Logs of others that hold requests give the report that our own log of the same traffic gives."""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cachekit.core.logs.native import read_calls
from cachekit.core.model.calls import Call
from cachekit.report import Report, ReportOptions, Row, finish, fold, fold_calls
from cachekit.report.save import save_log
from tests.golden import run
from tests.workload import Sent, conversation, record

Json = dict[str, Any]

MODEL = "claude-sonnet-4-6"
BEDROCK = "us.anthropic.claude-sonnet-4-6"


def traffic() -> list[tuple[Json, Call]]:
    """Three conversations, in two of which the time in the system prompt moves from some call on: the request of each
    call, and what came of it."""
    rng, sent = random.Random(7), list[Sent]()
    for seed, broken in ((1, 99), (2, 2), (3, 4)):
        for number, one in enumerate(conversation(seed, turns=7, start=1_790_000_000 + seed * 37)):
            request = copy.deepcopy(one.request)
            del request["messages"][0]["content"][0]  # the image, which not all forms have
            clock = f"{rng.randint(10, 59)}:{rng.randint(10, 59)}" if number >= broken else "00:00"
            request["system"][0]["text"] += f" It is 2026-09-21T14:{clock}Z."
            sent.append(replace(one, at=float(round(one.at)), request=request))
    calls = record(sent)
    return list(zip((one.request for one in sorted(sent, key=lambda one: one.at)), calls, strict=True))


def moment(ts: float | None) -> str:
    return datetime.fromtimestamp(ts or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def native(request: Json, call: Call, provider: str, model: str) -> Json:
    """A line as other programs write our log by hand."""
    counts = {name: getattr(call.usage, name) for name in ("uncached", "read", "write_5m", "output")}
    told = {"v": 1, "ts": moment(call.ts), "provider": provider, "api": "messages", "model": model}
    return {**told, "usage": counts, "request": request}


def native_converse(request: Json, call: Call) -> Json:
    return {**native(converse(request), call, "bedrock", BEDROCK), "api": "converse"}


def converse(request: Json) -> Json:
    """A Messages request in Converse's form."""
    point = {"cachePoint": {"type": "default"}}

    def content(blocks: list[Json]) -> list[Json]:
        return [part for block in blocks for part in ({"text": block["text"]}, point)[: 1 + ("cache_control" in block)]]

    def spec(tool: Json) -> Json:
        named = {"name": tool["name"], "description": tool["description"]}
        return {"toolSpec": {**named, "inputSchema": {"json": tool["input_schema"]}}}

    return {
        "toolConfig": {"tools": [spec(tool) for tool in request["tools"]]},
        "system": content(request["system"]),
        "messages": [{"role": m["role"], "content": content(m["content"])} for m in request["messages"]],
        "inferenceConfig": {"maxTokens": request["max_tokens"]},
    }


def bedrock(number: int, request: Json, call: Call, operation: str) -> Json:
    """A record of Bedrock's invocation log."""
    usage = call.usage
    sent = {
        "inputContentType": "application/json",
        "inputTokenCount": usage.uncached,
        "cacheReadInputTokenCount": usage.read,
        "cacheWriteInputTokenCount": usage.write_5m,
        "inputBodyJson": request,
    }
    counts: Json = {"input_tokens": usage.uncached, "output_tokens": usage.output}
    counts |= {"cache_read_input_tokens": usage.read, "cache_creation_input_tokens": usage.write_5m}
    counts["cache_creation"] = {"ephemeral_5m_input_tokens": usage.write_5m, "ephemeral_1h_input_tokens": 0}
    if operation == "Converse":
        named = {"inputTokens": usage.uncached, "outputTokens": usage.output, "cacheReadInputTokens": usage.read}
        details = [{"ttl": "5m", "inputTokens": usage.write_5m}] if usage.write_5m else []
        counts = {**named, "cacheWriteInputTokens": usage.write_5m, "cacheDetails": details}
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": moment(call.ts),
        "accountId": "111122223333",
        "region": "us-west-2",
        "requestId": f"r-{number}",
        "operation": operation,
        "modelId": BEDROCK,
        "input": sent,
        "output": {"outputTokenCount": usage.output, "outputBodyJson": {"usage": counts}},
    }


def invoke_body(request: Json) -> Json:
    body = {name: value for name, value in request.items() if name != "model"}
    return {"anthropic_version": "bedrock-2023-05-31", **body}


def chat(request: Json) -> Json:
    """A Messages request as it is handed to LiteLLM."""
    functions = [
        {"name": t["name"], "description": t["description"], "parameters": t["input_schema"]} for t in request["tools"]
    ]
    return {
        "messages": [{"role": "system", "content": request["system"]}, *request["messages"]],
        "tools": [{"type": "function", "function": function} for function in functions],
    }


def litellm(number: int, request: Json, call: Call) -> Json:
    """A callback's payload, its prompt stored."""
    usage = call.usage
    details: Json = {"cached_tokens": usage.read, "cache_creation_tokens": usage.write_5m}
    details["cache_creation_token_details"] = {"ephemeral_5m_input_tokens": usage.write_5m}
    read = {"cache_read_input_tokens": usage.read, "cache_creation_input_tokens": usage.write_5m}
    asked = chat(request)
    return {
        "id": f"chatcmpl-{number}",
        "call_type": "acompletion",
        "response_cost": 0.01,
        "startTime": call.ts,
        "model": MODEL,
        "custom_llm_provider": "anthropic",
        "prompt_tokens": usage.input_total,
        "completion_tokens": usage.output,
        "total_tokens": usage.input_total + usage.output,
        "metadata": {"usage_object": {**read, "prompt_tokens_details": details}},
        "messages": asked["messages"],
        "model_parameters": {"tools": asked["tools"]},
    }


def by_proxy(number: int, request: Json, call: Call) -> Json:
    """The same as the proxy's own table has it: under an alias, the request as it came in."""
    row = litellm(number, request, call)
    return {**row, "messages": {}, "proxy_server_request": {"model": "our-best", **chat(request)}}


def at_messages(number: int, request: Json, call: Call) -> Json:
    """A call of the proxy's `/v1/messages`."""
    row = litellm(number, request, call)
    return {**row, "messages": {}, "proxy_server_request": {**request, "model": "our-best"}}


def langfuse(number: int, request: Json, call: Call) -> Json:
    usage = call.usage
    counts = {"input": usage.uncached, "output": usage.output, "input_cached_tokens": usage.read}
    return {
        "id": f"o-{number}",
        "traceId": f"t-{number}",
        "type": "GENERATION",
        "startTime": moment(call.ts),
        "model": MODEL,
        "input": {**chat(request)},
        "usageDetails": {**counts, "input_cache_creation_5m": usage.write_5m},
    }


def raw(number: int, request: Json, call: Call) -> Json:
    """A response beside its request."""
    usage = call.usage
    counts = {"input_tokens": usage.uncached, "output_tokens": usage.output, "cache_read_input_tokens": usage.read}
    created = {"ephemeral_5m_input_tokens": usage.write_5m, "ephemeral_1h_input_tokens": 0}
    told = {**counts, "cache_creation_input_tokens": usage.write_5m, "cache_creation": created}
    response = {"type": "message", "id": f"msg_{number}", "model": MODEL, "usage": told}
    return {"timestamp": moment(call.ts), "request": request, "response": response}


Write = Callable[[int, Json, Call], Json]
SAME: Mapping[str, tuple[Write, Write]] = {
    "Bedrock, InvokeModel": (
        lambda n, request, call: bedrock(n, invoke_body(request), call, "InvokeModel"),
        lambda n, request, call: native(request, call, "bedrock", BEDROCK),
    ),
    "Bedrock, Converse": (
        lambda n, request, call: bedrock(n, converse(request), call, "Converse"),
        lambda n, request, call: native_converse(request, call),
    ),
    "LiteLLM, a payload": (litellm, lambda n, request, call: native(request, call, "anthropic", MODEL)),
    "LiteLLM, a proxy's row": (by_proxy, lambda n, request, call: native(request, call, "anthropic", MODEL)),
    "LiteLLM, /v1/messages": (at_messages, lambda n, request, call: native(request, call, "anthropic", MODEL)),
    "Langfuse": (langfuse, lambda n, request, call: native(request, call, "anthropic", MODEL)),
    "responses beside requests": (raw, lambda n, request, call: native(request, call, "anthropic", MODEL)),
}


def lines(path: Path, records: list[Json]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


def nameless(report: Report) -> list[Row]:
    """The figures of the families, whatever they are called: another form of a prompt has another digest. What a log
    itself says of costs is not of the traffic."""
    rows = (replace(row, name="", reporting=0, reported=Decimal(0)) for row in (*report.families, report.total))
    return sorted(rows, key=lambda row: (row.calls, row.cost))


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
def test_the_same_traffic_gives_the_same_figures(name: str, shuffled: bool, tmp_path: Path) -> None:
    theirs, ours = SAME[name]
    calls = [(number, request, call) for number, (request, call) in enumerate(traffic())]
    expected = finish(fold(lines(tmp_path / "ours.ndjson", [ours(*one) for one in calls])))
    if shuffled:
        random.Random(3).shuffle(calls)
    found = finish(fold(lines(tmp_path / "theirs.jsonl", [theirs(*one) for one in calls])))
    assert expected.total.established
    assert expected.total.missed > 0
    assert nameless(found) == nameless(expected)


@pytest.mark.parametrize("name", ["Bedrock, InvokeModel", "LiteLLM, a payload", "LiteLLM, a proxy's row"])
def test_families_have_the_names_that_our_own_log_gives_them(name: str, tmp_path: Path) -> None:
    theirs, ours = SAME[name]
    calls = [(number, request, call) for number, (request, call) in enumerate(traffic())]
    logs = (("ours.ndjson", ours), ("theirs.jsonl", theirs))
    expected, found = (finish(fold(lines(tmp_path / file, [write(*one) for one in calls]))) for file, write in logs)
    assert [row.name for row in found.families] == [row.name for row in expected.families]
    assert len(found.families) == 3


def test_prefixes_are_told_where_they_are_asked_for(tmp_path: Path) -> None:
    theirs, _ = SAME["Bedrock, InvokeModel"]
    records = [theirs(number, request, call) for number, (request, call) in enumerate(traffic())]
    report = finish(fold(lines(tmp_path / "dump.jsonl", records), ReportOptions(by="prefix")))
    assert "unassigned" not in {row.name for row in report.rows}
    assert len(report.rows) == 21


@pytest.mark.parametrize("name", SAME)
def test_what_is_saved_of_them_gives_the_same_report(name: str, tmp_path: Path) -> None:
    theirs, _ = SAME[name]
    path, out = tmp_path / "theirs.jsonl", tmp_path / "saved.ndjson"
    lines(path, [theirs(number, request, call) for number, (request, call) in enumerate(traffic())])
    save_log([str(path)], None, out)
    assert finish(fold(out)).families == finish(fold(path)).families


def without_bodies(every: int) -> list[Json]:
    """Records of which each so manieth lacks its request: too large for the log, and kept elsewhere."""
    theirs, _ = SAME["Bedrock, InvokeModel"]
    records = [theirs(number, request, call) for number, (request, call) in enumerate(traffic())]
    for one in records[::every] if every else []:
        sent = one["input"]
        del sent["inputBodyJson"]
        sent["inputBodyS3Path"] = "s3://bucket/data/x_input.json.gz"
    return records


def test_bodies_are_recognised_by_calls_and_by_dollars(tmp_path: Path) -> None:
    path = tmp_path / "dump.json.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(one) + "\n" for one in without_bodies(3)).encode()))
    report = finish(fold(path))
    assert report.bodies is not None
    assert (report.bodies.having.calls, report.bodies.of.calls) == (14, 21)
    assert report.bodies.of.cost == report.total.cost
    assert report.bodies.share == float(report.bodies.having.cost / report.total.cost)
    having = {row.name: row.cost for row in report.rows if row.name != "unassigned"}
    assert sum(having.values()) == report.bodies.having.cost


@pytest.mark.parametrize(
    ("every", "said"),
    [
        pytest.param(0, "- request bodies: 21 of 21 calls, $", id="all"),
        pytest.param(3, "- request bodies: 14 of 21 calls, $", id="some"),
        pytest.param(1, "- request bodies: 0 of 21 calls, $0.00 of $", id="none"),
    ],
)
def test_of_bedrock_records_the_report_says_how_many_have_bodies(every: int, said: str, tmp_path: Path) -> None:
    path = lines(tmp_path / "dump.jsonl", without_bodies(every))
    assert said in run("report", str(path)).stdout
    told = json.loads(run("report", str(path), "--format", "json").stdout)
    assert told["request_bodies"]["of_calls"] == 21
    assert told["request_bodies"]["of_cost_usd"] == told["total"]["cost_usd"]


def test_bodies_that_are_all_there_are_not_worth_a_word_elsewhere(tmp_path: Path) -> None:
    records = [litellm(number, request, call) for number, (request, call) in enumerate(traffic())]
    assert "request bodies" not in run("report", str(lines(tmp_path / "a.jsonl", records))).stdout
    del records[4]["messages"]
    assert "request bodies: 20 of 21 calls" in run("report", str(lines(tmp_path / "b.jsonl", records))).stdout


def test_what_is_saved_of_bedrock_records_says_the_same_of_bodies(tmp_path: Path) -> None:
    dump, out = lines(tmp_path / "dump.jsonl", without_bodies(3)), tmp_path / "saved.ndjson"
    save_log([str(dump)], None, out)
    told = [finish(fold(dump)).bodies, finish(fold(out)).bodies, finish(fold_calls(read_calls(out))).bodies]
    assert told[0] == told[1] == told[2]
    assert "request bodies: 14 of 21 calls" in run("report", str(out), "--by", "model").stdout
    save_log([str(lines(dump, without_bodies(0)))], None, out)
    assert finish(fold(out)).bodies is None


def test_bodies_are_no_question_in_our_own_log() -> None:
    assert finish(fold("fixtures/logs/calls.ndjson")).bodies is None


def test_calls_at_hand_are_told_apart_by_their_requests() -> None:
    calls = [call for _, call in traffic()]
    requests = [replace(call, prompt=None, family="", request=request) for request, call in traffic()]
    assert finish(fold_calls(requests)) == finish(fold_calls(calls))
