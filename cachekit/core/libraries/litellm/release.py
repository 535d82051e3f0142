"""Which release of LiteLLM is meant, and what it knows about models (`models.json`: measured, with source and date)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cachekit.core.jsonio.json_access import dig, items, mapping

_GEOGRAPHIES = frozenset({"global", "us", "eu", "apac", "jp", "au", "us-gov"})
_ROUTES = ("bedrock/", "chat_completions/", "converse/", "invoke/", "openai/", "mantle/", "nova-2/", "nova/")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d+")
_THROUGHPUT = re.compile(r":\d+k$")
_CLAUDE = re.compile(r"claude-[a-z]+-(\d)(?!\d)(?:[-._](\d{1,2})(?!\d))?")
_GPT = re.compile(r"^gpt-(\d{1,3})(?:\.(\d{1,3}))?")


@cache
def _data() -> Mapping[str, object]:
    return mapping(json.loads(Path(__file__).with_name("models.json").read_text(encoding="utf-8")))


@cache
def _bedrock(release: str) -> Mapping[str, frozenset[str]]:
    rows = [mapping(row) for row in items(_data()["bedrock"])]
    return {str(model): frozenset(str(row[release]).split()) for row in rows for model in items(row["models"])}


def bedrock_words(model: str, release: str) -> frozenset[str] | None:
    """What a release does with a Bedrock model (the words are explained in the data); None for a model outside the
    table. An id, its ARN's tail and its geographic forms share a row unless they have their own."""
    rows = _bedrock(release)
    full = bare_id(model, throughput=release != items(_data()["releases"])[0])
    return rows.get(full, rows.get(without_geography(full)))


def bare_id(model: str, *, throughput: bool = True) -> str:
    """The id without LiteLLM's route, the region path, the ARN and, where asked, the `throughput` suffix."""
    for prefix in _ROUTES:
        model = model.removeprefix(prefix)
    if "arn" in model.lower():
        model = model.rsplit("/", 1)[-1]
    model = _THROUGHPUT.sub("", model) if throughput else model
    region, slash, tail = model.partition("/")
    return tail if slash and _REGION.fullmatch(region) else model


def without_geography(model: str) -> str:
    """`us.anthropic.claude-...` without `us.`."""
    head, dot, tail = model.partition(".")
    return tail if dot and head in _GEOGRAPHIES else model


def bare_provider(model: str, release: str) -> str | None:
    """Who serves a model that is named without a provider, as far as the release knows: "anthropic", "openai",
    "openai-responses" or "bedrock"."""
    for provider in ("anthropic", "openai", "openai-responses"):
        if model in items(dig(_data(), "bare", provider, release)):
            return provider
    return "bedrock" if bedrock_words(model, release) is not None and "/" not in model else None


def known_elsewhere(model: str) -> bool:
    """A name without a provider that at least one measured release knows."""
    return any(bare_provider(model, str(release)) is not None for release in items(_data()["releases"]))


def keeps_system_in_messages(model: str) -> bool:
    """Claude models to which LiteLLM sends a later system message as such."""
    found = _CLAUDE.search(model)
    if found is None:
        return False
    return [int(found[1]), int(found[2] or 0)] >= list(_version("system_in_messages_from"))


def is_claude_family(model: str) -> bool:
    """A Claude whose name has the family before the version (claude-sonnet-4-5), known to the release or not."""
    return re.search(r"claude-[a-z]+-\d", model) is not None


def gpt_from(model: str, key: str) -> bool:
    """The model is a GPT of at least the version that the data has under the key."""
    found = _GPT.match(model.rsplit("/", 1)[-1].lower().removeprefix("openai."))
    return found is not None and (int(found[1]), int(found[2] or 0)) >= _version(key)


def wire_text(name: str) -> str:
    """A text that LiteLLM itself puts into a request, as seen on the wire."""
    return str(dig(_data(), "texts", name) or "")


def _version(key: str) -> tuple[int, ...]:
    return tuple(part for part in items(_data()[key]) if isinstance(part, int))


def is_own(keyword: str) -> bool:
    """A keyword that LiteLLM takes for itself and does not send."""
    return keyword.startswith(("aws_", "litellm_", "azure_ad_")) or keyword in _own()


def refused_by_claude(release: str) -> tuple[str, ...]:
    """OpenAI's keywords that LiteLLM refuses for Claude models, unless drop_params is set."""
    return tuple(str(name) for name in items(dig(_data(), "refused_by_claude", release)))


@cache
def _own() -> frozenset[str]:
    return frozenset(str(name) for name in items(_data()["own_keywords"]))


POINTS = ("1.80.0", "1.83.0", "1.106.2", "1.106.12", "1.108.0", "1.110.2")
"""The releases that were measured; 1.108.0 for one thing, OpenAI's breakpoints."""

_NUMBERS = re.compile(r"\s*v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class Release:
    """A measured release. `modern`: later than the rewriting between 1.80.0 and 1.83.0."""

    name: str

    @property
    def modern(self) -> bool:
        return self.name != POINTS[0]

    @property
    def table(self) -> str:
        """The release by whose name the tables of models and keywords go."""
        return "1.106.2" if self.modern else POINTS[0]

    @property
    def strips_points(self) -> bool:
        """Later than the rewriting between 1.83.0 and 1.106.2: cache points go for models without prompt caching."""
        return self.numbers > numbers_of(POINTS[1])

    @property
    def takes_cache_key(self) -> bool:
        """prompt_cache_key is passed on, or refused for a provider without it; 1.83.0 sends it to nobody."""
        return self.name != POINTS[1]

    @property
    def takes_retention(self) -> bool:
        """The same of prompt_cache_retention, which the releases between 1.80.0 and 1.108.0 send to nobody."""
        return self.name == POINTS[0] or self.numbers >= numbers_of("1.108.0")

    @property
    def strips_whole(self) -> bool:
        """Bedrock gets no marker on the whole request from /v1/messages."""
        return self.numbers > numbers_of("1.106.2")

    @property
    def converts_breakpoints(self) -> bool:
        """A prompt_cache_breakpoint becomes the marker of Anthropic and Bedrock."""
        return self.name == POINTS[-1]

    @property
    def numbers(self) -> tuple[int, int, int]:
        return numbers_of(self.name)


def release(version: str) -> Release:
    """The measured release that speaks for a version: the next one where it lies between two, the oldest and the newest
    beyond the ends, the newest for what cannot be read."""
    meant = numbers_of(version)
    return Release(next((point for point in POINTS if numbers_of(point) >= meant), POINTS[-1]))


def before(version: str) -> Release | None:
    """The measured release before a version that was not measured itself; None for one that was, or beyond the ends."""
    meant = numbers_of(version)
    earlier = [point for point in POINTS if numbers_of(point) < meant]
    measured = any(numbers_of(point) == meant for point in POINTS)
    return Release(earlier[-1]) if earlier and not measured and meant < numbers_of(POINTS[-1]) else None


def older(version: str) -> bool:
    """Whether the version is older than anything measured."""
    return numbers_of(version) < numbers_of(POINTS[0])


def numbers_of(version: str) -> tuple[int, int, int]:
    """Major, minor, patch; a version that is not numbers (`latest`, `1.x`) is the newest."""
    found = _NUMBERS.match(version) if isinstance(version, str) else None
    if found is None:
        return numbers_of(POINTS[-1])
    return int(found[1]), int(found[2]), int(found[3] or 0)


def measured_at_bedrock(version: str) -> bool:
    """Whether the rules of Bedrock were measured: not in the releases after 1.80.0 and before 1.106.2."""
    return not numbers_of(POINTS[0]) < numbers_of(version) < numbers_of("1.106.2")
