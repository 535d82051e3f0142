"""The configuration: where it is found, what wins, and what an error says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.config.find import find_file, load_config, read_config
from cachekit.core.config.read import dotted, unknown_variables
from cachekit.core.config.values import Config, WarmScope
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import CachekitError, InputError, UsageError

FULL = Path(__file__).parents[3] / "fixtures" / "config" / "full" / "cachekit.toml"


def configured(folder: Path, text: str, env: dict[str, str] | None = None, name: str = "cachekit.toml") -> Config:
    """The configuration of a folder with one file."""
    (folder / name).write_text(text, encoding="utf-8")
    return load_config(folder, env or {})


def test_every_table_is_read() -> None:
    config = read_config(FULL, {})
    assert (config.backend, config.library_version) == (Backend.LITELLM, "1.109.1")
    assert config.log == FULL.parent / "logs" / "calls.ndjson"
    assert (config.fail_under, config.max_drop, config.min_calls) == (0.6, 0.05, 20)
    assert config.max_loss_usd_per_1k == Decimal("0.25")
    assert config.pricing["claude-sonnet-9"]["cache_write_5m"] == Decimal("3.75")
    assert config.policy == {"claude-sonnet-9": {"minimum": 512, "ttls": ("5m", "1h")}}
    assert config.models["smart"] == "claude-sonnet-4-6"
    assert config.labels == {"team": "search"}
    assert [scope.name for scope in config.scopes] == ["support", "eu"]
    assert config.scopes[1] == WarmScope(
        name="eu",
        backend=Backend.BEDROCK_CONVERSE,
        request=FULL.parent / "warm" / "eu.json",
        region="eu-west-1",
        profile="production",
    )


def test_without_a_file_nothing_is_configured(tmp_path: Path) -> None:
    assert load_config(tmp_path, {}) == Config(file=find_file(tmp_path))


def test_the_nearest_file_counts_alone(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    configured(tmp_path, '[defaults]\nlibrary_version = "1"\n[labels]\nteam = "x"\n')
    (tmp_path / "a" / "cachekit.toml").write_text('[defaults]\nlibrary_version = "2"\n', encoding="utf-8")
    config = load_config(inner, {})
    assert (config.library_version, config.labels) == ("2", {})


def test_our_own_file_comes_before_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.cachekit.labels]\nteam = "pyproject"\n', encoding="utf-8")
    assert load_config(tmp_path, {}).labels == {"team": "pyproject"}
    assert configured(tmp_path, '[labels]\nteam = "own"\n').labels == {"team": "own"}


FOREIGN = [
    pytest.param('[tool.other]\nname = "x"\n', id="of another tool"),
    pytest.param('[project]\ndependencies = ["cachekit"]\n', id="that only depends on us"),
    pytest.param("[tool\nbroken", id="that is broken and not about us"),
]


@pytest.mark.parametrize("text", FOREIGN)
def test_a_pyproject_is_passed_over(text: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    configured(tmp_path, '[labels]\nteam = "outer"\n')
    (inner / "pyproject.toml").write_text(text, encoding="utf-8")
    assert load_config(inner, {}).labels == {"team": "outer"}


def test_the_environment_wins_over_the_file_and_says_so(tmp_path: Path) -> None:
    text = '[defaults]\nbackend = "litellm"\n[thresholds]\nfail_under = 0.5\n'
    env = {
        "CACHEKIT_FAIL_UNDER": "0.7",
        "CACHEKIT_MIN_CALLS": "5",
        "CACHEKIT_BACKEND": "",
        "CACHEKIT_LIBRARY_VERSION": "2",
    }
    config = configured(tmp_path, text, env)
    assert (config.fail_under, config.min_calls, config.library_version) == (0.7, 5, "2")
    assert config.origin == {
        "defaults.backend": str(tmp_path / "cachekit.toml"),
        "thresholds.fail_under": "CACHEKIT_FAIL_UNDER",
        "thresholds.min_calls": "CACHEKIT_MIN_CALLS",
        "defaults.library_version": "CACHEKIT_LIBRARY_VERSION",
    }


def test_a_path_is_taken_from_the_file_that_names_it(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    configured(tmp_path, '[defaults]\nlog = "calls.ndjson"\n')
    assert load_config(inner, {}).log == tmp_path / "calls.ndjson"


WRONG = [
    pytest.param(
        "[thresholds]\nfail_undre = 1\n",
        "unknown key thresholds.fail_undre (did you mean fail_under?)",
        id="a typo in a key",
    ),
    pytest.param("[threshold]\n", "unknown key threshold (did you mean thresholds?)", id="a typo in a table"),
    pytest.param("[zzz]\n", "unknown key zzz (known: defaults, thresholds, ", id="nothing like it"),
    pytest.param('[pricing."m"]\ninptu = 1\n', "unknown key pricing.m.inptu (did you mean input?)", id="a rate"),
    pytest.param('[pricing."m.1"]\nx = 1\n', 'unknown key pricing."m.1".x', id="a model's name is quoted"),
    pytest.param("[[warm.scopes]]\n", "unknown key warm.scopes (did you mean scope?)", id="a list"),
    pytest.param("[[warm.scope]]\nintervall = 1\n", "warm.scope[0].intervall (did you mean interval?)", id="in a list"),
    pytest.param("defaults = 1\n", "defaults expects a table, not 1", id="a number for a table"),
    pytest.param("[warm]\nscope = 1\n", "warm.scope expects a list of tables", id="a number for a list"),
    pytest.param("[warm]\nscope = [1]\n", "warm.scope expects a list of tables", id="a list of numbers"),
    pytest.param("[pricing]\nm = 1\n", "pricing.m expects a table, not 1", id="a number for a model"),
    pytest.param("[labels]\nteam = 1\n", "labels.team expects text, not 1", id="a number for text"),
    pytest.param('[labels]\nteam = ""\n', "labels.team expects text", id="empty text"),
    pytest.param(
        '[thresholds]\nfail_under = "x"\n', "expects a number from 0 to 1, not this text", id="text for a number"
    ),
    pytest.param("[thresholds]\nfail_under = 60\n", "expects a number from 0 to 1, not 60", id="percent for a share"),
    pytest.param("[thresholds]\nfail_under = nan\n", "expects a number from 0 to 1, not NaN", id="not a number"),
    pytest.param("[thresholds]\nfail_under = true\n", "a number from 0 to 1, not true or false", id="a switch"),
    pytest.param("[thresholds]\nmin_calls = 1.5\n", "expects a whole number, not 1.5", id="a fraction"),
    pytest.param("[thresholds]\nmin_calls = 1979-05-27\n", "expects a whole number, not a date", id="a date"),
    pytest.param('[pricing."m"]\ninput = -1\n', "expects an amount in USD, not -1", id="a negative price"),
    pytest.param(
        '[policy."m"]\nttls = "5m"\n', "policy.m.ttls expects a list of texts, not this text", id="text for a list"
    ),
    pytest.param('[defaults]\nbackend = "nope"\n', "defaults.backend expects one of anthropic, ", id="no such backend"),
    pytest.param("[[warm.scope]]\ninterval = 0\n", "expects a number of seconds above 0, not 0", id="no interval"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_is_wrong_is_named_with_its_file_and_key(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        configured(tmp_path, text)
    assert message in str(caught.value)
    assert caught.value.where == str(tmp_path / "cachekit.toml")
    assert caught.value.exit_code == 2


BROKEN = [
    pytest.param(b'[labels]\nteam = "x\n', ":2:10", id="an open string"),
    pytest.param(b'[labels]\nteam = "x"\nteam = "y"\n', ":3", id="a key twice"),
    pytest.param(b"[labels]\n\nteam = \xff\n", ":3", id="not UTF-8"),
    pytest.param(b"[labels", ":1", id="a torn end"),
    pytest.param(b"a = " + b"[" * 5000, "", id="very deep"),
]


@pytest.mark.parametrize(("text", "place"), BROKEN)
def test_broken_toml_is_recognised_by_line_and_not_quoted(text: bytes, place: str, tmp_path: Path) -> None:
    (tmp_path / "cachekit.toml").write_bytes(text)
    with pytest.raises(InputError) as caught:
        load_config(tmp_path, {})
    assert caught.value.where.startswith(f"{tmp_path / 'cachekit.toml'}{place}")
    assert "team" not in str(caught.value)


def test_a_broken_pyproject_that_names_us_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        configured(tmp_path, "[tool.cachekit\n", name="pyproject.toml")


VARIABLES = [
    pytest.param({"CACHEKIT_FAIL_UNDER": "2"}, "CACHEKIT_FAIL_UNDER: expects a number from 0 to 1", id="out of range"),
    pytest.param({"CACHEKIT_MIN_CALLS": "few"}, "CACHEKIT_MIN_CALLS: expects a whole number", id="no number"),
    pytest.param({"CACHEKIT_MIN_CALLS": "9" * 5000}, "CACHEKIT_MIN_CALLS: expects a whole number", id="far too large"),
    pytest.param({"CACHEKIT_BACKEND": "nope"}, "CACHEKIT_BACKEND: expects one of anthropic", id="no such backend"),
]


@pytest.mark.parametrize(("env", "message"), VARIABLES)
def test_a_variable_that_cannot_be_used_is_named(env: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_config(tmp_path, env)
    assert str(caught.value).startswith(message)


def test_unknown_variables_are_told_with_what_may_have_been_meant() -> None:
    env = {"CACHEKIT_BACKND": "x", "CACHEKIT_DIGEST_KEY": "secret", "CACHEKIT_LOG": "x", "HOME": "/", "CACHEKIT_ZZ": ""}
    assert unknown_variables(env) == (("CACHEKIT_BACKND", "CACHEKIT_BACKEND"), ("CACHEKIT_ZZ", ""))


def test_a_missing_file_is_an_error_when_it_was_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_config(tmp_path / "none.toml", {})


def test_a_key_path_is_written_as_in_toml() -> None:
    assert dotted(("pricing", "claude-x.1", "input")) == 'pricing."claude-x.1".input'


WORDS = """[defaults] [thresholds] [pricing."m"] [[warm.scope]] [labels] [policy.m] [models] fail_under backend = =1
=0.5 ="5m" =["5m"] minimum input ttls team é \0""".split()
toml = st.lists(st.sampled_from([*WORDS, "\n", "\n", "\n"]), max_size=14).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(toml)
def test_any_text_is_a_configuration_or_one_of_our_errors(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8")
    try:
        config = read_config(path, {})
    except CachekitError:
        return
    assert set(config.origin.values()) <= {str(path)}
