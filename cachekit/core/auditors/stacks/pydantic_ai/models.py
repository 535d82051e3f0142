"""What pydantic-ai knows of a model: its profile, as far as breakpoints and the shape of messages depend on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import orjson

from cachekit.core.shape import items, mapping

_ARN = re.compile(r"arn:[^:]+:bedrock:[^:]*:[^:]*:(?:inference-profile|foundation-model)/(.+)", re.DOTALL)
_SUFFIX = re.compile(r"(.+)-v\d+(?::\d+)?")
_ALL = ("text", "image", "document", "video")


@dataclass(frozen=True, slots=True)
class Profile:
    """`points`: breakpoints in messages and system are sent, `tool_points`: on tools too. `tiers`: retentions that the
    unified `cache` setting can ask for. `automatic`: the top-level marker is sent. `inline`: system prompts inside the
    conversation keep their role. `claude`: placed and framed as for Claude. `family`: what else the family allows."""

    points: bool = False
    tool_points: bool = False
    unified: bool = False
    tiers: tuple[str, ...] = ()
    automatic: bool = False
    inline: bool = False
    claude: bool = False
    beside_results: tuple[str, ...] = _ALL
    opens: bool = False
    choice: bool = False
    json_results: bool = False
    opaque: bool = False


def bedrock(model: str, newest: bool) -> Profile:
    """The profile of a Converse model. ARNs that name no model, and families outside the table, have none."""
    maker, name = split(model, newest)
    families = mapping(_table()["bedrock_families"])
    family = mapping(families.get("amazon/nova" if maker == "amazon" and "nova" in name else maker))
    points = family.get("points")
    claude = maker == "anthropic" and "anthropic" in families
    tiers = ("5m", "1h") if claude and _starts(name, "one_hour_on_bedrock") else ("5m",)
    return Profile(
        points=points is not None,
        tool_points=points == "all",
        unified=points is not None and newest,
        tiers=tiers,
        claude=claude,
        beside_results=tuple(str(kind) for kind in items(family.get("beside_results", _ALL))) if newest else _ALL,
        opens=bool(family.get("opens")) or not newest,
        choice=bool(family.get("choice")),
        json_results=bool(family.get("json_results")),
        opaque=not maker,
    )


def anthropic(model: str, on_bedrock: bool, newest: bool) -> Profile:
    """The profile of a model on the Claude API, or on Bedrock through AnthropicBedrock; no model is left out."""
    name = split(model, newest)[1] if on_bedrock else model
    return Profile(
        points=True,
        tool_points=True,
        unified=newest,
        tiers=("5m", "1h") if not on_bedrock or _starts(name, "one_hour_on_bedrock") else ("5m",),
        automatic=not on_bedrock or _starts(name, "automatic_on_invoke_model"),
        inline=newest and _starts(name, "system_inside_messages"),
        claude=True,
    )


def openai(model: str, responses: bool, newest: bool) -> Profile:
    """The profile of a model on the OpenAI API: breakpoints from gpt-5.6 on."""
    points = newest and _starts(model, "openai_breakpoints")
    return Profile(
        points=points,
        tool_points=False,
        unified=points,
        tiers=("30m", "12h") if responses else ("30m",),
        inline=True,
    )


def overridden(profile: Profile, given: Mapping[str, object]) -> Profile:
    """The profile with what the user's own one says."""
    points = given.get("bedrock_supports_prompt_caching", given.get("openai_supports_prompt_cache_breakpoints"))
    return replace(
        profile,
        points=_flag(points, profile.points),
        tool_points=_flag(given.get("bedrock_supports_tool_caching"), profile.tool_points),
        unified=_flag(given.get("supports_cache"), profile.unified),
        automatic=_flag(given.get("supports_auto_cache"), profile.automatic),
    )


def _flag(given: object, own: bool) -> bool:
    return given if isinstance(given, bool) else own


def split(model: str, newest: bool) -> tuple[str, str]:
    """The maker and the bare name of a Bedrock model id; no maker where the id names none."""
    found = _ARN.fullmatch(model) if newest else None
    rest = found[1] if found else model
    regions = items(mapping(_table()["bedrock_regions"])["2.68.0" if newest else "1.40.0"])
    region, _, tail = rest.partition(".")
    rest = tail if region in regions and "." in tail else rest
    maker, _, name = rest.partition(".")
    if not name:
        return "", model
    suffixed = _SUFFIX.fullmatch(name)
    return maker, suffixed[1] if suffixed else name


def _starts(name: str, table: str) -> bool:
    return name.startswith(tuple(str(prefix) for prefix in items(_table()[table])))


@cache
def _table() -> Mapping[str, object]:
    return mapping(orjson.loads(files(__package__).joinpath("models.json").read_bytes()))
