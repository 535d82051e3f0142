"""Application inference profiles: the model behind an ARN."""

from __future__ import annotations

import json

import pytest

from cachekit.core.catalog.models import identify
from cachekit.pull.profiles import FILE, Profiles, profile_model
from tests.pull.aws import Events, Fault
from tests.pull.reading import lines
from tests.pull.records import HOUR, NOW, PROFILE, iso, logged

SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"


def arns(*regions: str, model: str = SONNET) -> list[str]:
    return [f"arn:aws:bedrock:{region}::foundation-model/{model}" for region in regions]


HELD = {
    "one region": (arns("us-east-1"), SONNET, "in-region"),
    "the United States": (arns("us-east-1", "us-east-2", "us-west-2"), f"us.{SONNET}", "geo"),
    "Europe": (arns("eu-west-1", "eu-central-1"), f"eu.{SONNET}", "geo"),
    "Asia": (arns("ap-northeast-1", "ap-southeast-2"), f"apac.{SONNET}", "geo"),
    "GovCloud": (arns("us-gov-east-1", "us-gov-west-1"), f"us-gov.{SONNET}", "us-gov"),
    "the world": (arns("", "us-east-1"), f"global.{SONNET}", "global"),
}


@pytest.mark.parametrize("case", HELD)
def test_a_profile_tells_its_model_and_its_price_scope(case):
    models, wanted, scope = HELD[case]
    found = profile_model({"models": [{"modelArn": model} for model in models]})
    assert found == wanted
    assert identify(found, "bedrock").scope == scope


ODD = [{}, {"models": None}, {"models": [{}]}, {"models": [{"modelArn": "arn:aws:s3:::x"}]}, {"models": [3, None]}]
ODD += [
    {"models": [{"modelArn": arn} for arn in (*arns("us-east-1"), *arns("us-east-1", model="amazon.nova-pro-v1:0"))]}
]


@pytest.mark.parametrize("answer", ODD)
def test_an_answer_without_one_model_tells_none(answer):
    assert profile_model(answer) is None


@pytest.fixture
def calls(world, tmp_path):
    world.groups["/calls"] = Events.listed([logged(number, modelId=PROFILE) for number in range(5)])
    world.profiles[PROFILE] = arns("us-east-1", "us-west-2")
    return tmp_path / "calls.ndjson"


HOUR_AGO = {"log_group": "/calls", "since": iso(NOW - HOUR), "until": iso(NOW)}


def test_a_profile_is_asked_about_once_and_remembered(calls, world, pull, tmp_path):
    pull(**HOUR_AGO)
    pull(output="again.ndjson", **HOUR_AGO)
    assert world.asked["GetInferenceProfile"] == 1
    assert json.loads((tmp_path / "cache" / "cachekit" / FILE).read_text()) == {PROFILE: f"us.{SONNET}"}
    for name in ("calls.ndjson", "again.ndjson"):
        found = lines(tmp_path / name)
        assert {(line["model"], line["scope"]["model"]) for line in found} == {(f"us.{SONNET}",) * 2}
        assert {line["meta"]["model_arn"] for line in found} == {PROFILE}


def test_a_name_in_the_configuration_wins(calls, world, pull, tmp_path):
    (tmp_path / "cachekit.toml").write_text(f'[models]\n"{PROFILE}" = "anthropic.claude-opus-4-8"\n')
    pull(**HOUR_AGO)
    assert {line["model"] for line in lines(calls)} == {"anthropic.claude-opus-4-8"}
    assert world.asked["GetInferenceProfile"] == 0


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_a_profile_that_is_not_told_leaves_the_arn_and_is_noted_once(calls, world, pull, code):
    world.faults["GetInferenceProfile"] = [Fault(code, 403)] * 9
    done = pull(**HOUR_AGO)
    assert {line["model"] for line in lines(calls)} == {PROFILE}
    assert world.asked["GetInferenceProfile"] == 1
    assert done.outcomes[0].notes.total() == 1
    assert done.missing == []


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"a": 3}'])
def test_a_cache_that_cannot_be_read_is_none(tmp_path, data):
    (tmp_path / FILE).write_bytes(data)
    asked: list[str] = []

    class NeverError(Exception):
        pass

    def bedrock(region: str) -> object:
        asked.append(region)
        raise NeverError

    with pytest.raises(NeverError):
        Profiles(bedrock, {}, tmp_path).model_of(PROFILE)
    assert asked == ["us-east-1"]


def test_models_that_are_no_profiles_are_never_asked_about():
    profiles = Profiles(lambda region: pytest.fail(region), {"mine": "x"}, None)
    assert profiles.model_of("mine") == "x"
    for model in (SONNET, "arn:aws:bedrock:us-east-1:1:provisioned-model/abc", ""):
        assert profiles.model_of(model) == model
