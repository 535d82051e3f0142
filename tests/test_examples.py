"""The examples of the documentation, word for word, and the shapes they promise. Those of CacheTracker and CacheWarmer
stand with their tests. Names without a definition in an example (`request`, `response`, `agent`) are fixtures here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import anthropic
import openai
import pytest

import cachekit
from cachekit import (
    DEFAULT_PRICING,
    AuditReport,
    Backend,
    Call,
    CallLog,
    Provider,
    Reporter,
    assert_stable_prefix,
    audit,
    capture,
    compare,
    estimate_tokens,
    explain,
    fingerprint,
    parse_usage,
    read_calls,
    simulate,
    suggest_breakpoints,
)
from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import UsageError
from cachekit.emulator import Clock, Emulator, serve
from tests.golden import ROOT
from tests.golden import run as cachekit_command

HANDBOOK = " ".join(f"Rule {n}: close valve {n % 17} before opening valve {n % 13}." for n in range(220))
MARKED = {"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}}
PLAIN_LITELLM = {
    "model": "bedrock/anthropic.claude-sonnet-4-5-v1:0",
    "messages": [{"role": "user", "content": "hi"}],
}
USAGE = {"input_tokens": 12, "cache_read_input_tokens": 3000, "cache_creation_input_tokens": 500, "output_tokens": 7}
LINES = (ROOT / "fixtures" / "logs" / "calls.ndjson").read_text(encoding="utf-8").splitlines(keepends=True)


def converse(question: str = "Which valve is first?") -> dict[str, object]:
    return {
        "modelId": "us.anthropic.claude-sonnet-4-6",
        "system": [{"text": HANDBOOK}, {"cachePoint": {"type": "default"}}],
        "messages": [{"role": "user", "content": [{"text": question}]}],
    }


def claude(question: str = "Which valve is first?", system: object = None) -> dict[str, object]:
    asked = [{"role": "user", "content": question}]
    return {"model": "claude-sonnet-4-6", "max_tokens": 100, "system": system or [MARKED], "messages": asked}


@pytest.fixture
def in_a_folder_with_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder that holds `calls.ndjson`: a log with one line that was torn."""
    (tmp_path / "calls.ndjson").write_text("".join([*LINES, '{"v": 1, "ts":']), encoding="utf-8")
    monkeypatch.chdir(tmp_path)


# audit


def test_the_audit_of_a_call_without_a_marker_through_litellm() -> None:
    request = {
        "model": "bedrock/anthropic.claude-sonnet-4-5-v1:0",
        "messages": [{"role": "user", "content": "hi"}],
    }
    report = audit(request, Backend.LITELLM)
    assert report.will_cache is False
    assert report.breakpoint_count == 0
    assert "no breakpoint" in report.errors[0]
    assert any("cache_control" in told for told in report.recommendations)


def test_assert_caches_raises_with_the_reasons() -> None:
    request = PLAIN_LITELLM
    with pytest.raises(AssertionError, match="litellm") as failed:
        audit(request, Backend.LITELLM).assert_caches()
    assert audit(request, Backend.LITELLM).errors[0] in str(failed.value)


def test_assert_caches_is_silent_on_a_request_that_caches() -> None:
    request = converse()
    audit(request, Backend.BEDROCK_CONVERSE).assert_caches()


def test_everything_that_a_report_is_asked_for() -> None:
    request = converse()
    report = audit(request, "bedrock-converse")
    assert isinstance(report, AuditReport)
    assert report.will_cache is True
    assert report.breakpoint_count == 1
    assert report.errors == []
    assert isinstance(report.warnings, list)
    assert isinstance(report.recommendations, list)


REQUESTS = [
    pytest.param(PLAIN_LITELLM, "litellm", id="without a marker"),
    pytest.param(converse(), "bedrock-converse", id="with a cachePoint"),
    pytest.param(claude(system=[{**MARKED, "cache_control": {"type": "forever"}}]), "anthropic", id="unknown type"),
    pytest.param({"model": 1, "messages": {"a": None}}, "anthropic", id="of another shape"),
]


@pytest.mark.parametrize(("request_", "backend"), REQUESTS)
def test_reasons_are_pairs_of_severity_and_message(request_: dict[str, object], backend: str) -> None:
    report = audit(request_, backend)
    assert isinstance(report.reasons, list)
    assert all(isinstance(reason, tuple) and len(reason) == 2 for reason in report.reasons)
    assert {severity for severity, _ in report.reasons} <= {"info", "warn", "error"}
    assert report.errors == [message for severity, message in report.reasons if severity == "error"]
    assert report.warnings == [message for severity, message in report.reasons if severity == "warn"]


BACKENDS = """anthropic openai-chat openai-responses bedrock-converse bedrock-invoke-anthropic anthropic-bedrock
    anthropic-bedrock-mantle litellm strands pydantic-ai pydantic-ai-bedrock langchain-anthropic
    langchain-anthropic-bedrock langchain-bedrock langchain-bedrock-converse""".split()


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_is_audited_by_its_name(name: str) -> None:
    assert audit({}, name).will_cache is False


def test_the_names_of_backends_that_examples_use() -> None:
    for name in ("BEDROCK_CONVERSE", "BEDROCK_INVOKE_ANTHROPIC", "ANTHROPIC_BEDROCK", "LITELLM", "STRANDS"):
        assert Backend[name].value == name.lower().replace("_", "-")
    assert Backend.PYDANTIC_AI_BEDROCK is Backend.PYDANTIC_AI


def test_the_command_of_the_audit_prints_its_lines_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text('{"model": "bedrock/anthropic.claude-sonnet-4-5-v1:0", "messages": [{"role": "user"}]}')
    done = cachekit_command("audit", str(path), "--backend", "litellm", "--strict")
    starts = [line.split(":")[0] for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert {"backend", "will_cache", "breakpoint_count", "reasons", "recommendations"} <= set(starts)
    assert "\n  [error] " in done.stdout
    assert "\n  - " in done.stdout


# a prefix that stays the same


def test_a_prefix_that_stays_the_same_is_stable() -> None:
    assert_stable_prefix(claude("one"), claude("another"), backend="anthropic")


def test_a_conversation_that_grows_is_stable_without_any_marker() -> None:
    first = {"model": "gpt-4o", "messages": [{"role": "system", "content": HANDBOOK}, {"role": "user", "content": "a"}]}
    more = [{"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    assert_stable_prefix(first, {**first, "messages": [*first["messages"], *more]}, backend="openai-chat")


UNSTABLE = [
    pytest.param([{**MARKED, "text": f"Now: 2026-11-20T10:00:00Z. {HANDBOOK}"}], "timestamp", id="a timestamp"),
    pytest.param([{"type": "text", "text": "Be brief."}, MARKED], "system", id="a block put before it"),
]


@pytest.mark.parametrize(("system", "told"), UNSTABLE)
def test_a_prefix_that_changes_is_told_with_its_place(system: list[object], told: str) -> None:
    before = [{**MARKED, "text": f"Now: 2026-11-20T09:59:59Z. {HANDBOOK}"}]
    with pytest.raises(AssertionError, match=r"request 2: system\[0\]") as failed:
        assert_stable_prefix(claude(system=before), claude(system=system), backend="anthropic")
    assert told in str(failed.value)
    assert "valve" not in str(failed.value)


def test_requests_without_a_prefix_are_not_called_stable() -> None:
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    with pytest.raises(AssertionError, match="no prefix"):
        assert_stable_prefix(request, request, backend="openai-chat")


def test_one_request_alone_is_wrong_use() -> None:
    with pytest.raises(UsageError):
        assert_stable_prefix(claude(), backend="anthropic")


# capture


@pytest.fixture(scope="module")
def url():
    with serve(Emulator(clock=Clock(1_800_000_000))) as address:
        yield address


def test_what_an_agent_sends_is_captured_and_audited(url: str) -> None:
    client = anthropic.Anthropic(api_key="none", base_url=url)

    def agent(question: str) -> object:
        return client.messages.create(**claude(question))

    with capture() as seen:
        agent("hello")
    audit(seen[0]).assert_caches()


# logs


@pytest.mark.usefixtures("in_a_folder_with_a_log")
def test_reading_a_log_gives_calls_and_the_lines_that_are_none() -> None:
    found = list(read_calls("calls.ndjson"))
    calls = [call for call in found if isinstance(call, Call)]
    (bad,) = [line for line in found if isinstance(line, BadLine)]
    assert len(calls) == len(LINES)
    assert bad.number == len(LINES) + 1
    assert bad.reason


@pytest.mark.usefixtures("in_a_folder_with_a_log")
def test_explanations_of_a_log() -> None:
    told = []
    for e in explain(read_calls("calls.ndjson")):
        told.append((e.call, e.cause, e.route, e.detail, e.tokens, e.usd))
    assert told
    assert all(isinstance(call, Call) and detail for call, _, _, detail, _, _ in told)
    assert {"cold", "expired"} & {str(cause) for _, cause, _, _, _, _ in told}


@pytest.mark.usefixtures("in_a_folder_with_a_log")
def test_the_simulation_of_a_log() -> None:
    for p in simulate(read_calls("calls.ndjson")):
        assert isinstance(p.call, Call)
        assert p.read + p.written + p.uncached == p.call.usage.input_total


@pytest.mark.usefixtures("in_a_folder_with_a_log")
def test_a_report_of_a_log() -> None:
    reporter = Reporter.from_log("calls.ndjson")
    assert reporter.report.total.calls == len(LINES)
    assert 0 < reporter.report.total.hit_ratio < 1
    assert reporter.to_dict()["total"]["calls"] == len(LINES)


@pytest.mark.usefixtures("in_a_folder_with_a_log")
@pytest.mark.parametrize("name", ["report", "replay"])
def test_the_commands_that_read_a_log(name: str) -> None:
    done = cachekit_command(name, str(Path("calls.ndjson").resolve()))
    assert done.exit_code == 0
    assert done.stdout


def test_calls_written_are_calls_read(tmp_path: Path) -> None:
    call = next(iter(read_calls(ROOT / "fixtures" / "logs" / "calls.ndjson")))
    with CallLog(tmp_path / "calls.ndjson") as log:
        log.append(call)
    assert next(iter(read_calls(tmp_path / "calls.ndjson"))).usage == call.usage


# usage and tokens


def test_usage_of_an_object_of_the_sdk() -> None:
    response = anthropic.types.Message.construct(usage=anthropic.types.Usage.construct(**USAGE))
    usage = parse_usage(response)
    assert (usage.uncached, usage.read, usage.written, usage.output) == (12, 3000, 500, 7)
    assert usage.known


def test_usage_of_an_openai_object_takes_the_cached_tokens_out_of_the_input() -> None:
    cached = {"cached_tokens": 1024}
    counts = {"prompt_tokens": 1500, "completion_tokens": 5, "total_tokens": 1505, "prompt_tokens_details": cached}
    response = openai.types.chat.ChatCompletion.construct(usage=openai.types.CompletionUsage.construct(**counts))
    usage = parse_usage(response, provider="openai")
    assert (usage.uncached, usage.read) == (476, 1024)


def test_usage_of_a_response_dict() -> None:
    counts = {"inputTokens": 12, "outputTokens": 7, "cacheReadInputTokens": 3000, "cacheWriteInputTokens": 500}
    response = {"usage": counts, "output": {}}
    usage = parse_usage(response, provider="bedrock")
    assert (usage.uncached, usage.read, usage.written) == (12, 3000, 500)


def test_usage_of_a_bare_usage_dict_is_recognised_by_its_fields() -> None:
    assert parse_usage(USAGE) == parse_usage({"usage": USAGE}, provider="anthropic")


def test_usage_that_says_nothing_of_the_cache_is_not_known() -> None:
    usage = parse_usage({"prompt_tokens": 10, "completion_tokens": 1})
    assert not usage.known
    assert usage.hit_ratio is None


def test_tokens_of_a_request_are_a_band() -> None:
    request = claude()
    tokens = estimate_tokens(request, "anthropic")
    assert 2000 < tokens.low <= tokens.mid <= tokens.high < 8000


# suggestions, fingerprints, prices


@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "us.anthropic.claude-sonnet-4-6"])
def test_breakpoints_suggested_for_a_system_prompt(model: str) -> None:
    system_prompt = HANDBOOK
    (suggestion,) = suggest_breakpoints(system_prompt, model=model)
    assert suggestion.route == "system[0]"
    assert suggestion.edits


def test_breakpoints_suggested_for_a_request() -> None:
    request = claude(system=[{"type": "text", "text": HANDBOOK}])
    assert [found.route for found in suggest_breakpoints(request, "anthropic")] == ["system[0]"]


def test_a_fingerprint_leaves_the_trailing_user_turn_out() -> None:
    first = fingerprint(messages=[{"role": "user", "content": "one"}], system=HANDBOOK, tools=None, model="m")
    again = fingerprint(messages=[{"role": "user", "content": "two"}], system=HANDBOOK, tools=None, model="m")
    assert isinstance(first, str)
    assert first == again
    assert first != fingerprint(system=f"{HANDBOOK} More.", model="m")
    assert first != fingerprint(system=HANDBOOK, model="another")


def test_two_requests_compared() -> None:
    assert compare(claude("one"), claude("one"), "anthropic") == ()
    other = claude(system=[{**MARKED, "text": f"{HANDBOOK} More."}])
    assert compare(claude(), other, "anthropic")[0].route.startswith("system[0]")


def test_default_prices_are_flat_tables_that_may_be_given_back() -> None:
    prices = DEFAULT_PRICING["claude-sonnet-4-5"]
    assert isinstance(DEFAULT_PRICING, Mapping)
    assert dict(prices) == {
        "input": 3.00,
        "cache_read": 0.30,
        "cache_write_5m": 3.75,
        "cache_write_1h": 6.00,
        "output": 15.00,
    }
    assert all(Decimal(str(rate)) >= 0 for table in DEFAULT_PRICING.values() for rate in table.values())


def test_providers_of_the_examples() -> None:
    assert [Provider.ANTHROPIC, Provider.OPENAI, Provider.BEDROCK] == ["anthropic", "openai", "bedrock"]


PUBLIC = """CacheTracker CachePolicy Provider CallMetrics DEFAULT_PRICING fingerprint audit Backend AuditReport
    assert_stable_prefix CacheWarmer AsyncCacheWarmer WarmupConfig WarmResult suggest_breakpoints compare capture
    read_calls CallLog Call explain simulate parse_usage estimate_tokens Reporter""".split()


def test_no_promised_name_is_missing() -> None:
    assert set(PUBLIC) <= set(cachekit.__all__)


@pytest.mark.parametrize("name", cachekit.__all__)
def test_every_public_name_can_be_imported_and_tells_what_it_is(name: str) -> None:
    assert getattr(cachekit, name).__doc__
