"""Every backend has its module, no request makes any of them raise, and routes lead into the user's request."""

import re
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.libraries import LIBRARIES, Library, installed_version, library_for, translate
from cachekit.core.libraries.library import load
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.libraries.versions import check_release, release
from cachekit.core.model.backends import Backend
from cachekit.core.model.errors import UsageError
from cachekit.core.model.ground import Ground

OLDER = ["1.0.0", "1.20.0", "1.40.0", "1.80.0", "0.1", "9.9", "", "main", None]
WORDS = """messages system tools content role user assistant tool type text image document source data cache_control
cachePoint ttl ephemeral default model claude-sonnet-4-6 init invoke middleware function name tool_calls tool_call_id
input body modelId toolConfig toolSpec inputSchema json kind cache-point user_prompt instructions model_settings parts
provider bedrock anthropic cache_config strategy auto system_prompt tool_specs extra_body location index thinking
cache_control_injection_points tool_use tool_result id args arguments betas request response user-prompt part_kind
bedrock:us.anthropic.claude-sonnet-4-6 bedrock/us.anthropic.claude-sonnet-4-6 us.amazon.nova-pro-v1:0 guardrailConfig
AnthropicPromptCachingMiddleware BedrockPromptCachingMiddleware toolResult toolUse base64 url image_url file""".split()
SCALARS = (
    None,
    True,
    False,
    0,
    -1,
    10**30,
    0.5,
    float("nan"),
    "",
    " ",
    "1h",
    "\ud800",
    "{",
    "data:image/png;base64,QQ",
)
TURN = ("role", "content", "cache_control", "tool_calls", "tool_call_id", "cachePoint", "parts", "kind")
BLOCK = ("type", "text", "cache_control", "cachePoint", "content", "source", "image_url", "name", "id", "input")


def anything(rng, depth=4):
    """Some JSON, made of the words that the stacks look for."""
    shape = rng.randrange(5 if depth else 2)
    if shape < 2:
        return rng.choice(SCALARS if shape else WORDS)
    if shape == 2:
        return [anything(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {word: anything(rng, depth - 1) for word in rng.sample(WORDS, rng.randrange(5))}


def some(rng, keys, depth):
    """An object with a few of the keys, each holding something plausible or anything."""
    found = {key: anything(rng, depth) for key in rng.sample(keys, rng.randrange(len(keys)))}
    if "role" in found:
        found["role"] = rng.choice(["user", "assistant", "system", "tool", found["role"]])
    if "type" in found:
        found["type"] = rng.choice(
            ["text", "image", "tool_use", "tool_result", "image_url", "thinking", "file", None, 1]
        )
    return found


def request_of(rng):
    """A request of any library, half of it plausible."""
    turns = [some(rng, TURN, 3) for _ in range(rng.randrange(4))]
    for turn in turns:
        if rng.random() < 0.7:
            turn["content"] = [some(rng, BLOCK, 2) for _ in range(rng.randrange(3))]
    fields = {word: anything(rng) for word in rng.sample(WORDS, rng.randrange(8))}
    if rng.random() < 0.8:
        fields["messages"] = turns
    if rng.random() < 0.5:
        fields["tools"] = [some(rng, ("name", "description", *BLOCK, "function", "toolSpec"), 2) for _ in turns]
    return fields


@pytest.mark.parametrize("backend", Backend, ids=str)
def test_every_backend_answers(backend):
    wire = translate({}, backend)
    assert wire.backend in Backend
    assert library_for(backend).newest == library_for(backend).measured[-1]


@pytest.mark.parametrize("backend", Backend, ids=str)
@settings(max_examples=150, deadline=None)
@given(rng=st.randoms(use_true_random=True), version=st.sampled_from(OLDER))
def test_no_json_makes_a_stack_raise_and_none_changes_its_request(backend, rng, version):
    request_ = request_of(rng)
    before = repr(request_)
    wire = translate(request_, backend, version)
    assert wire.raises is None or isinstance(wire.raises, str)
    assert all(isinstance(note.route, str) and note.detail for note in wire.notes)
    assert all(isinstance(mark.section, str) for mark in sent_marks(wire.body, wire.backend))
    assert repr(request_) == before


def test_the_newest_release_is_the_default_where_nothing_is_installed():
    assert installed_version("a-library-that-nobody-has") is None
    assert {b for library in LIBRARIES for b in library.backends} == set(Backend)


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("1.80.0", (1, 80)), ("1.80.0rc1", (1, 80)), ("v2.1", (2, 1)), ("main", ()), ("", ())],
)
def test_versions_are_read_as_numbers(version, numbers):
    assert release(version) == numbers


def test_a_library_that_lacks_a_part_fails_with_the_name_of_the_part():
    whole = {field.name: getattr(LIBRARIES[0], field.name) for field in fields(Library)}
    for part in whole.keys() - {"verbatim"}:
        with pytest.raises(TypeError, match=part):
            Library(**{name: value for name, value in whole.items() if name != part})


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_every_part_of_a_library_is_there(library):
    assert callable(load(library.translate))
    assert callable(load(library.observe))
    assert list(library.measured) == sorted(library.measured, key=release)


@pytest.mark.parametrize(("number", "is_certain"), [("2.999.0", True), ("99.0.0", False)])
def test_an_installed_sdk_is_trusted_within_its_major_release(number, is_certain, tmp_path, monkeypatch):
    (tmp_path / f"anthropic-{number}.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    wire = translate(ASKS["anthropic"], Backend.ANTHROPIC)
    assert (wire.ground is not Ground.ASSUMED) is is_certain


ASKS = {
    "anthropic": {"model": "claude-sonnet-4-6", "system": [{"type": "text", "text": "Tides.", "cache_control": {}}]},
    "openai": {"model": "gpt-5.6", "messages": [{"role": "user", "content": "Hi"}], "prompt_cache_options": {}},
    "boto3": {"modelId": "m", "system": [{"text": "Tides."}, {"cachePoint": {"type": "default"}}]},
}


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_a_release_newer_than_all_measured_is_assumed_where_caching_is_asked_for(library):
    request_ = ASKS.get(library.name, {"messages": [{"role": "user", "content": "Hi", "cache_control": {}}]})
    newer = translate(request_, library.backends[0], "99.1")
    assert newer.ground is Ground.ASSUMED
    assert library.newest in "".join(newer.unsure)
    assert all(note.ground is Ground.ASSUMED for note in newer.library_notes())


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_releases_are_checked_against_those_that_were(library):
    for version in (*library.measured, "99.1", f"v{library.newest}", f"{library.newest}rc1"):
        check_release(library.name, version)
    for version in ("banana", "latest", "", "1.x", "newest", "0.0.0.7"):
        with pytest.raises(UsageError, match=re.escape(library.name)):
            check_release(library.name, version)


def test_a_release_that_never_was_names_the_one_next_to_it():
    with pytest.raises(UsageError, match=r"1\.106\.12"):
        check_release("litellm", "1.107.0")
