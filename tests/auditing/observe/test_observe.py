"""The providers' own libraries, really run; the libraries above them are run by `make test-stacks`."""

from __future__ import annotations

import json
import logging
import os
import socket
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cachekit import audit
from cachekit.auditing.observe import compare_observed, missing_package, observe
from cachekit.auditing.observe.surroundings import watch
from cachekit.cli.app import app
from cachekit.cli.audit.observation import text
from cachekit.core.libraries import LIBRARIES
from cachekit.core.libraries.installed import release
from cachekit.core.libraries.library import load
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import UsageError

MARK = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
TURN = {"role": "user", "content": [{"type": "text", "text": "hello", **MARK}]}
MESSAGES = {"model": "claude-sonnet-4-6", "max_tokens": 8, "messages": [TURN]}
POINT = {"cachePoint": {"type": "default"}}
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
IMAGE = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}
CONVERSE = {"modelId": CLAUDE, "messages": [{"role": "user", "content": [IMAGE, POINT, {"text": "x"}]}]}
BODY = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 8, "messages": [TURN]}
PART = {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}
CHAT = {"model": "gpt-5.6", "messages": [{"role": "user", "content": [PART]}]}
ARN = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc"

SENT = [
    pytest.param("anthropic", MESSAGES, ("messages", "1h", "hello"), id="anthropic"),
    pytest.param("anthropic", MESSAGES | {"betas": ["a"]}, ("messages", "1h", "hello"), id="betas"),
    pytest.param("anthropic-bedrock", MESSAGES, ("messages", "1h", "hello"), id="AnthropicBedrock"),
    pytest.param("anthropic-bedrock-mantle", MESSAGES, ("messages", "1h", "hello"), id="AnthropicBedrockMantle"),
    pytest.param("openai-chat", CHAT, ("messages", None, "x"), id="chat"),
    pytest.param("openai-responses", {"model": "gpt-5.6", "input": "x"}, None, id="responses"),
    pytest.param("bedrock-converse", CONVERSE, ("messages", None, "iVBORw0KGgo="), id="converse, with bytes"),
    pytest.param("bedrock-converse", CONVERSE | {"modelId": ARN}, ("messages", None, "iVBORw0KGgo="), id="an ARN"),
    pytest.param("bedrock-invoke-anthropic", {"modelId": CLAUDE, "body": BODY}, ("messages", "1h", "hello"), id="body"),
    pytest.param(
        "bedrock-invoke-anthropic",
        {"modelId": CLAUDE, "body": json.dumps(BODY)},
        ("messages", "1h", "hello"),
        id="body as text",
    ),
    pytest.param("bedrock-invoke-anthropic", BODY | {"modelId": CLAUDE}, ("messages", "1h", "hello"), id="body alone"),
]


@pytest.mark.parametrize(("backend", "request_", "mark"), SENT)
def test_what_a_library_sends_is_seen_and_is_what_was_predicted(
    backend: str, request_: dict[str, object], mark: tuple[str, str | None, str] | None
) -> None:
    observed = observe(request_, Backend(backend))
    assert [(m.section, m.ttl, m.tail) for m in observed.sent] == ([mark] if mark else [])
    assert compare_observed(audit(request_, backend), observed).agrees


REFUSED = [
    pytest.param("anthropic", MESSAGES | {"nonsense": 1}, "TypeError", id="an unknown keyword"),
    pytest.param("openai-chat", CHAT | {"cache_control": {}}, "TypeError", id="another provider's keyword"),
    pytest.param("bedrock-converse", CONVERSE | {"system": "x"}, "ParamValidationError", id="a shape"),
    pytest.param("bedrock-invoke-anthropic", {"modelId": CLAUDE, "body": 3}, "ParamValidationError", id="no body"),
]


@pytest.mark.parametrize(("backend", "request_", "name"), REFUSED)
def test_a_refusal_is_seen_by_name_and_is_what_was_predicted(
    backend: str, request_: dict[str, object], name: str
) -> None:
    observed = observe(request_, Backend(backend))
    assert (observed.raises, observed.sent, observed.call) == (name, (), None)
    assert compare_observed(audit(request_, backend), observed).agrees


def test_differences_are_recognised_by_side() -> None:
    report = audit(MESSAGES, "anthropic")
    [predicted] = report.sent
    other = replace(predicted, ttl="5m")
    observed = observe(MESSAGES, Backend.ANTHROPIC)
    found = compare_observed(report, replace(observed, sent=(other, predicted)))
    assert [(d.by, d.mark) for d in found.differences] == [("library", other)]
    found = compare_observed(report, replace(observed, sent=(other,)))
    assert {(d.by, d.mark.ttl) for d in found.differences} == {("library", "5m"), ("model", "1h")}
    assert not found.agrees


@pytest.mark.parametrize(("predicted", "raised"), [("TypeError", None), (None, "TypeError")])
def test_a_refusal_on_one_side_only_is_a_difference(predicted: str | None, raised: str | None) -> None:
    report = replace(audit(MESSAGES, "anthropic"), raises=predicted)
    observed = replace(observe(MESSAGES, Backend.ANTHROPIC), raises=raised)
    assert not compare_observed(report, observed).agrees


def test_every_backend_has_a_driver() -> None:
    assert all(callable(load(library.observe)) for library in LIBRARIES)


ABOVE = [
    (Backend.LITELLM, "litellm"),
    (Backend.STRANDS, "strands-agents"),
    (Backend.PYDANTIC_AI, "pydantic-ai-slim"),
    (Backend.LANGCHAIN_BEDROCK, "langchain-aws"),
    (Backend.LANGCHAIN_ANTHROPIC, "langchain-anthropic"),
]


@pytest.mark.parametrize(("backend", "package"), ABOVE)
def test_a_library_that_is_not_installed_is_named(backend: Backend, package: str) -> None:
    if release(package):
        pytest.skip(f"{package} is installed here")
    with pytest.raises(UsageError, match=f"{package} is not installed here.*pip install {package}"):
        observe({}, backend)


def test_the_surroundings_are_as_before_and_nothing_is_said(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = dict(os.environ)

    def work() -> None:
        assert os.environ["AWS_REGION"]
        print("a prompt")
        logging.getLogger("anyone").critical("a prompt")
        raise ZeroDivisionError

    seen = watch(work)
    logging.getLogger("anyone").critical("heard again")
    assert (seen.calls, type(seen.failure), dict(os.environ)) == ([], ZeroDivisionError, before)
    assert "a prompt" not in capsys.readouterr().out
    assert [record.message for record in caplog.records] == ["heard again"]


def test_nothing_at_all_goes_out() -> None:
    import httpx2

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        statuses: list[int] = []
        seen = watch(lambda: statuses.append(httpx2.get(f"http://127.0.0.1:{port}/prices").status_code))
        assert (statuses, seen.elsewhere) == ([404], ["127.0.0.1"])
        with pytest.raises(TimeoutError):
            server.accept()


def run(folder: Path, request_: object, *words: str) -> tuple[int, str]:
    path = folder / "request.json"
    path.write_text(json.dumps(request_))
    done = CliRunner().invoke(app, ["audit", str(path), "--observe", *words])
    return done.exit_code, done.output


LONG = {"type": "text", "text": "word " * 2000, **MARK}


def test_the_audit_says_that_the_library_does_as_predicted(tmp_path: Path) -> None:
    code, said = run(tmp_path, MESSAGES | {"system": [LONG]}, "--strict")
    assert code == 0
    assert f"observed:          anthropic {release('anthropic')} sends what was predicted (2 breakpoints)" in said
    table = [line.split() for line in said.splitlines() if line.endswith("yes")]
    assert [(row[0], row[1], row[-2:]) for row in table] == [
        ("messages", "1h", ["yes", "yes"]),
        ("system", "1h", ["yes", "yes"]),
    ]


def test_the_audit_says_so_in_json_without_prompt_text(tmp_path: Path) -> None:
    code, said = run(tmp_path, MESSAGES, "--format", "json")
    told = json.loads(said)["requests"][0]["observed"]
    assert (code, told["agrees"], told["host"], told["differences"]) == (0, True, "api.anthropic.com", [])
    assert told["sent"] == [{"section": "messages", "ttl": "1h", "route": "messages[0].content[0]"}]
    shown = json.loads(run(tmp_path, MESSAGES, "--format", "json", "--show-text")[1])["requests"][0]["observed"]
    assert shown["sent"][0]["tail"] == "hello"


WRONG = [
    pytest.param(
        ["--library-version", "1.0.0"], f"--observe runs the installed anthropic {release('anthropic')}", id="1.0"
    ),
    pytest.param(["--backend", "litellm"], "litellm is not installed here", id="not installed"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_what_cannot_be_observed_is_wrong_use(words: list[str], said: str, tmp_path: Path) -> None:
    if "litellm" in words and release("litellm"):
        pytest.skip("litellm is installed here")
    code, output = run(tmp_path, MESSAGES, *words)
    assert (code, said in output) == (2, True), output


def test_a_request_that_has_left_has_no_library_to_observe(tmp_path: Path) -> None:
    record = {"host": "api.anthropic.com", "path": "/v1/messages", "method": "POST", "headers": {}, "body": MESSAGES}
    code, said = run(tmp_path, record)
    assert (code, "observed" in said) == (0, False)


def test_the_table_shows_both_sides_of_a_difference() -> None:
    report = audit(MESSAGES, "anthropic")
    [predicted] = report.sent
    observed = observe(MESSAGES, Backend.ANTHROPIC)
    shown = text(compare_observed(report, replace(observed, sent=(replace(predicted, ttl="5m"),))))
    assert [line.split()[1:2] + line.split()[-2:] for line in shown.splitlines()[3:]] == [
        ["5m", "no", "yes"],
        ["1h", "yes", "no"],
    ]


MISSING = [
    pytest.param("google.auth.transport", "google-auth", id="a part of a namespace"),
    pytest.param("yaml", "pyyaml", id="another name"),
    pytest.param("langchain_aws_not_there.chat", "langchain-aws-not-there", id="hyphens"),
]


@pytest.mark.parametrize(("module", "package"), MISSING)
def test_the_hint_names_the_package_and_not_the_module(module: str, package: str) -> None:
    try:
        there = find_spec(module) is not None
    except ModuleNotFoundError:
        there = False
    if there:
        pytest.skip(f"{module} is installed here")
    failure = RuntimeError("wrapped")
    failure.__cause__ = ModuleNotFoundError(f"No module named {module!r}", name=module)
    assert missing_package(failure) == package


def test_a_request_in_a_form_that_is_not_read_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A base URL of another service: the request is stopped there, and said to be so."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://models.example/other?x=")
    with pytest.raises(UsageError, match=r"sends this request to models\.example, in a form that is not read here"):
        observe({"model": "m", "max_tokens": 1, "messages": "no list"}, Backend.ANTHROPIC)
