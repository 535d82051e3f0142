"""What pydantic-ai knows of a route and of a model on it, as far as breakpoints and the shape of messages depend on it.
The tables are `fates/pydantic_ai.json`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import orjson

from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.model.backends import Backend

_ARN = re.compile(r"arn:[^:]+:bedrock:[^:]*:[^:]*:(?:inference-profile|foundation-model)/(.+)", re.DOTALL)
_SUFFIX = re.compile(r"(.+)-v\d+(?::\d+)?")
_ALL = ("text", "image", "document", "video")
_BACKENDS = {
    "converse": Backend.BEDROCK_CONVERSE,
    "anthropic": Backend.ANTHROPIC,
    "invoke": Backend.ANTHROPIC_BEDROCK,
    "responses": Backend.OPENAI_RESPONSES,
}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a provider's requests go. `wire` is converse, anthropic, invoke (AnthropicBedrock), chat, responses,
    openrouter, or other: an API that is not ours to show. `names`: the forms of model names for which OpenAI's
    breakpoints are sent; `older`: whether 1.40.0 was measured there too. `host` is empty where the backend tells it."""

    provider: str
    wire: str
    names: tuple[str, ...] = ()
    unified: bool = False
    older: bool = False
    host: str = ""

    @property
    def backend(self) -> Backend:
        """The native form of the body."""
        return _BACKENDS.get(self.wire, Backend.OPENAI_CHAT)

    @property
    def settings(self) -> str:
        """What the names of the provider's own settings begin with."""
        if self.wire in ("anthropic", "invoke"):
            return "anthropic"
        return {"converse": "bedrock", "openrouter": "openrouter"}.get(self.wire, "openai")


@dataclass(frozen=True, slots=True)
class Profile:
    """`points`: breakpoints in messages and system are sent, `tool_points`: on tools too, `ttls`: with their ttl.
    `unified`: the `cache` setting works, `tiers`: the retentions that it can name. `automatic`: the top-level marker is
    sent. `inline`: system prompts inside the conversation keep their role. `trailing`: the last block of a request may
    carry a breakpoint. `own`: the names of the provider's settings are those of OpenAI's breakpoints. What follows is
    the rest that a family on Converse allows."""

    points: bool = False
    tool_points: bool = False
    ttls: bool = True
    unified: bool = False
    tiers: tuple[str, ...] = ()
    automatic: bool = False
    inline: bool = False
    trailing: bool = True
    most: int | None = 4
    openai_points: bool = False
    claude: bool = False
    beside_results: tuple[str, ...] = _ALL
    opens: bool = False
    choice: bool = False
    json_results: bool = False
    opaque: bool = False


def find_route(provider: str) -> Route | None:
    """The route of a provider; None where it is not in the table."""
    row = mapping(mapping(_tables()["routes"]).get(provider))
    if not row:
        return None
    names = tuple(str(name) for name in items(row.get("names")))
    return Route(
        provider, str(row["wire"]), names, bool(row.get("unified")), bool(row.get("older")), str(row.get("host", ""))
    )


def find_profile(route: Route, model: str, chosen: object, newest: bool) -> Profile:
    """The profile of a model. `chosen` is the user's own: the id of the model whose profile it is, or an object that
    adds to the model's."""
    model = chosen if isinstance(chosen, str) else model
    if route.wire == "converse":
        profile = _of_bedrock(model, newest)
    elif route.settings == "anthropic":
        profile = _of_anthropic(model, route.wire == "invoke", newest)
    else:
        profile = _of_openai(route, model, newest)
    own = mapping(chosen)
    points = own.get("bedrock_supports_prompt_caching", own.get("openai_supports_prompt_cache_breakpoints"))
    tools, unified, automatic = (
        own.get(key) for key in ("bedrock_supports_tool_caching", "supports_cache", "supports_auto_cache")
    )
    return replace(
        profile,
        points=points if isinstance(points, bool) else profile.points,
        tool_points=tools if isinstance(tools, bool) else profile.tool_points,
        unified=unified if isinstance(unified, bool) else profile.unified,
        automatic=automatic if isinstance(automatic, bool) else profile.automatic,
    )


def _of_bedrock(model: str, newest: bool) -> Profile:
    """ARNs that name no model, and families outside the table, have no breakpoints."""
    maker, name = _split(model, newest)
    families = mapping(_tables()["bedrock_families"])
    family = mapping(families.get("amazon/nova" if maker == "amazon" and "nova" in name else maker))
    points = family.get("points")
    claude = maker == "anthropic" and "anthropic" in families
    return Profile(
        points=points is not None,
        tool_points=points == "all",
        unified=points is not None and newest,
        tiers=("5m", "1h") if claude and _is_listed(name, "one_hour_on_bedrock") else ("5m",),
        claude=claude,
        beside_results=tuple(str(kind) for kind in items(family.get("beside_results", _ALL))) if newest else _ALL,
        opens=bool(family.get("opens")) or not newest,
        choice=bool(family.get("choice")),
        json_results=bool(family.get("json_results")),
        opaque=not maker,
    )


def _of_anthropic(model: str, on_bedrock: bool, newest: bool) -> Profile:
    """No model on the Claude API or on Vertex is left out, and through AnthropicBedrock none either."""
    name = _split(model, newest)[1] if on_bedrock else model
    return Profile(
        points=True,
        tool_points=True,
        unified=newest,
        tiers=("5m", "1h") if not on_bedrock or _is_listed(name, "one_hour_on_bedrock") else ("5m",),
        automatic=not on_bedrock or _is_listed(name, "automatic_on_invoke_model"),
        inline=newest and _is_listed(name, "system_inside_messages"),
        claude=True,
    )


def _of_openai(route: Route, model: str, newest: bool) -> Profile:
    """OpenAI's breakpoints go out from gpt-5.6 on, where the provider knows the model's name in the form that the user
    wrote; OpenRouter has markers of its own for Claude and Gemini."""
    vendors = [form for form in route.names if form != "bare" and model.startswith(form)]
    name = model.removeprefix(vendors[0]) if vendors else model if "bare" in route.names else ""
    points = newest and bool(name) and _is_listed(name, "openai_breakpoints")
    if route.wire != "openrouter":
        tiers = ("30m", "12h") if route.wire == "responses" else ("30m",)
        return Profile(points, unified=points and route.unified, tiers=tiers, inline=True, openai_points=points)
    maker = mapping(mapping(_tables()["openrouter_makers"]).get(model.removeprefix("~").partition("/")[0]))
    marked = bool(maker.get("points"))
    return Profile(
        points=marked,
        tool_points=bool(maker.get("tool_points")),
        ttls=bool(maker.get("ttls")),
        unified=marked,
        tiers=tuple(str(tier) for tier in items(maker.get("tiers"))),
        inline=True,
        trailing=bool(maker.get("trailing", True)),
        most=4 if maker.get("most") else None,
        openai_points=points,
    )


def _split(model: str, newest: bool) -> tuple[str, str]:
    """The maker and the bare name of a Bedrock model id; no maker where the id names none."""
    found = _ARN.fullmatch(model) if newest else None
    rest = found[1] if found else model
    regions = items(mapping(_tables()["bedrock_regions"])["2.68.0" if newest else "1.40.0"])
    region, _, tail = rest.partition(".")
    rest = tail if region in regions and "." in tail else rest
    maker, _, name = rest.partition(".")
    if not name:
        return "", model
    suffixed = _SUFFIX.fullmatch(name)
    return maker, suffixed[1] if suffixed else name


def _is_listed(name: str, table: str) -> bool:
    return name.startswith(tuple(str(prefix) for prefix in items(_tables()[table])))


@cache
def _tables() -> Mapping[str, object]:
    return mapping(orjson.loads(files("cachekit.core.libraries").joinpath("fates/pydantic_ai.json").read_bytes()))
