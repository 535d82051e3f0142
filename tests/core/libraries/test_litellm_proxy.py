"""Requests to a LiteLLM proxy: aliases of its config.yaml, and the Anthropic endpoint."""

import pytest
from hypothesis import given, settings

from cachekit.core.libraries.litellm import load_proxy_config, resolve_alias, translate
from cachekit.core.libraries.litellm.proxy import read_proxy_config
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import InputError
from tests.core.libraries.litellm_requests import (
    CLAUDE,
    CONVERSE,
    GO,
    INVOKE,
    MARK,
    NEW,
    NOVA,
    OLD,
    anthropic,
    marks,
    notes,
    system,
    user,
)
from tests.replay.strategies import JSON

TO_SYSTEM = {"location": "message", "role": "system"}
YAML = """
model_list:
  - model_name: house-model
    litellm_params:
      model: {model}
      api_key: os.environ/KEY
      cache_control_injection_points:
        - location: message
          role: system
router_settings:
  model_group_alias: {{cheap: house-model}}
litellm_settings:
  drop_params: true
"""


def config(*models, alias="house-model", **params):
    entries = [{"model_name": alias, "litellm_params": {"model": model, **params}} for model in models]
    return load_proxy_config({"model_list": entries})


def chat(model="house-model", **more):
    return {"model": model, "messages": [system(), GO]} | more


def test_an_alias_is_resolved_with_the_keywords_of_its_deployment():
    resolved = resolve_alias(chat(), config(CONVERSE, cache_control_injection_points=[TO_SYSTEM], api_key="k"))
    wire = translate(resolved, NEW)
    assert (wire.backend, marks(wire)) == (Backend.BEDROCK_CONVERSE, [("system", None, "Be exact.")])
    assert "api_key" not in resolved


def test_the_request_wins_over_the_deployment():
    resolved = resolve_alias(chat(max_tokens=7), config(CLAUDE, max_tokens=9))
    assert resolved["max_tokens"] == 7


ALIASES = {
    "a wildcard passes its part on": ({"alias": "*"}, ["anthropic/*"], "claude-sonnet-4-5", CLAUDE),
    "a wildcard behind a prefix": ({"alias": "claude/*"}, ["anthropic/*"], "claude/claude-sonnet-4-5", CLAUDE),
    "a wildcard for one model": ({"alias": "team-*"}, [CLAUDE], "team-blue", CLAUDE),
    "a name that is no alias": ({}, [CLAUDE], "gpt-4o", "gpt-4o"),
}


@pytest.mark.parametrize(("where", "models", "asked", "found"), ALIASES.values(), ids=ALIASES)
def test_the_deployment_of_a_name(where, models, asked, found):
    assert resolve_alias(chat(asked), config(*models, **where))["model"] == found


def test_an_exact_alias_wins_over_a_wildcard():
    entries = [
        {"model_name": "*", "litellm_params": {"model": "openai/*"}},
        {"model_name": "house-model", "litellm_params": {"model": CLAUDE}},
    ]
    assert resolve_alias(chat(), load_proxy_config({"model_list": entries}))["model"] == CLAUDE


def test_several_deployments_are_unsure():
    wire = translate(resolve_alias(chat(), config(CLAUDE, CONVERSE)), NEW)
    assert wire.backend is Backend.ANTHROPIC
    assert CONVERSE in wire.unsure[0]


def test_the_same_model_twice_is_not_unsure():
    assert translate(resolve_alias(chat(), config(CLAUDE, CLAUDE)), NEW).unsure == ()


def test_a_setting_of_the_proxy_switches_caching_on():
    settings_ = {"litellm_settings": {"enable_anthropic_prompt_caching": True}}
    entries = [{"model_name": "house-model", "litellm_params": {"model": CLAUDE}}]
    wire = translate(resolve_alias(chat(), load_proxy_config({"model_list": entries, **settings_})), NEW)
    assert len(marks(wire)) == 2


ALL = [
    ("messages", None, "4 kg"),
    ("messages", None, "Go on."),
    ("system", "1h", "Be exact."),
    ("tools", None, "weigh"),
]
ENDPOINT = {
    "anthropic gets the body as it is": (CLAUDE, Backend.ANTHROPIC, ALL),
    "a claude on bedrock goes to invoke": (CONVERSE, Backend.BEDROCK_INVOKE_ANTHROPIC, ALL),
    "converse by its prefix": (CONVERSE.replace("bedrock/", "bedrock/converse/"), Backend.BEDROCK_CONVERSE, ALL),
    "a model without an hour loses it": (
        "bedrock/us.anthropic.claude-3-7-sonnet-20250219-v1:0",
        Backend.BEDROCK_INVOKE_ANTHROPIC,
        [("system", None, "Be exact.") if mark[0] == "system" else mark for mark in ALL],
    ),
    "no other model gets a marker": (NOVA, Backend.BEDROCK_CONVERSE, []),
    "openai gets the responses api": ("openai/gpt-4o", Backend.OPENAI_RESPONSES, []),
    "azure gets a chat": ("azure/gpt-4o", Backend.OPENAI_CHAT, []),
}


@pytest.mark.parametrize(("model", "backend", "expected"), ENDPOINT.values(), ids=ENDPOINT)
def test_the_anthropic_endpoint(model, backend, expected):
    wire = translate(resolve_alias(anthropic(), config(model)), NEW)
    assert (wire.backend, marks(wire)) == (backend, expected)
    assert wire.raises is None
    dropped = [route for code, route in notes(wire) if code == "dropped"]
    assert len(dropped) == len(ALL) - len(expected)


def test_injection_at_the_anthropic_endpoint_turns_a_text_into_a_block():
    body = anthropic(system="Be exact.", tools=[], messages=[user()])
    params = {"cache_control_injection_points": [TO_SYSTEM, {"location": "message", "index": -1}]}
    wire = translate(resolve_alias(body, config(INVOKE, **params)), NEW)
    assert marks(wire) == [("messages", None, "Weigh it."), ("system", None, "Be exact.")]
    before = translate(resolve_alias(body, config(INVOKE, **params)), OLD)
    assert marks(before) == []
    assert [code for code, _ in notes(before)] == ["dropped", "dropped"]


def test_a_text_that_is_not_marked_stays_a_text():
    wire = translate(resolve_alias(anthropic(system="Be exact."), config(CLAUDE)), NEW)
    assert wire.body["system"] == "Be exact."
    assert wire.body["messages"][0]["content"] == "Weigh it."


def test_an_anthropic_body_without_a_config_is_taken_for_the_endpoint_and_unsure():
    wire = translate(anthropic(model=CLAUDE), NEW)
    assert marks(wire) == ALL
    assert "/v1/messages" in wire.unsure[0]


def test_a_config_file_is_read(tmp_path):
    pytest.importorskip("yaml")
    path = tmp_path / "config.yaml"
    path.write_text(YAML.format(model=CONVERSE), encoding="utf-8")
    read = load_proxy_config(read_proxy_config(path))
    resolved = resolve_alias(chat("cheap", logprobs=True), read)
    assert resolved["model"] == CONVERSE
    assert marks(translate(resolved, NEW)) == [("system", None, "Be exact.")]


BROKEN = {"no yaml": "a: [", "no mapping": "- a\n- b", "nothing": ""}


@pytest.mark.parametrize("said", BROKEN.values(), ids=BROKEN)
def test_a_config_that_cannot_be_read_is_an_error_without_its_text(tmp_path, said):
    pytest.importorskip("yaml")
    path = tmp_path / "config.yaml"
    path.write_text(said, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_proxy_config(path)
    assert "a: [" not in str(error.value)


def test_a_config_that_is_missing_is_an_error(tmp_path):
    pytest.importorskip("yaml")
    with pytest.raises(InputError):
        read_proxy_config(tmp_path / "nowhere.yaml")


@settings(max_examples=100, deadline=None)
@given(config_=JSON, request_=JSON, params=JSON)
def test_no_config_makes_it_raise(config_, request_, params):
    entries = [{"model_name": "*", "litellm_params": {"model": CLAUDE, "more": params}}, config_]
    for loaded in (load_proxy_config({"model_list": entries}), load_proxy_config({"model_list": config_})):
        resolved = resolve_alias(chat() | {"messages": [request_], "extra": MARK}, loaded)
        assert translate(resolved, NEW).model is not None
