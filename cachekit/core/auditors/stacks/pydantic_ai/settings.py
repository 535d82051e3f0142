"""What the user's model settings ask for: breakpoints of the provider's own settings, else of the unified `cache`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from cachekit.core.auditors.sent import sent_marks
from cachekit.core.auditors.stacks.pieces import Point, RefusalError
from cachekit.core.auditors.stacks.pydantic_ai.form import Ask
from cachekit.core.auditors.stacks.pydantic_ai.models import Profile
from cachekit.core.backends import Backend
from cachekit.core.prompt import Note
from cachekit.core.shape import mapping

_TIERS = ("5m", "30m", "1h", "12h")
_PLACES = ("instructions", "tool_definitions", "messages")
BEDROCK = tuple(f"bedrock_cache_{place}" for place in _PLACES)
ANTHROPIC = ("anthropic_cache", *(f"anthropic_cache_{place}" for place in _PLACES))
OPENAI = ("openai_cache_instructions", "openai_prompt_cache_options")
_LATER = frozenset({"cache", "anthropic_cache", *OPENAI})
"""Settings that 1.40.0 does not know."""
_NO_MARKS = frozenset(
    "openai_prompt_cache_key openai_prompt_cache_retention openai_prompt_cache_diagnostics anthropic_cache_diagnostics "
    "google_cached_content".split()
)
_AT = "model_settings"


@dataclass(frozen=True, slots=True)
class Asked:
    """The breakpoints that the settings ask for, by place. `automatic` is Anthropic's marker for the whole request."""

    tools: Point | None = None
    instructions: Point | None = None
    messages: Point | None = None
    automatic: Point | None = None


def own_keys(provider: str) -> tuple[str, ...]:
    """The settings that place breakpoints with a provider."""
    return BEDROCK if provider == "bedrock" else ANTHROPIC if provider.startswith("anthropic") else OPENAI


def asked(ask: Ask, profile: Profile) -> Asked:
    """The breakpoints asked for, as the library resolves them before it looks at the prompt."""
    unified = resolve_unified(ask, profile)
    keys = own_keys(ask.provider)
    if any(key in ask.settings for key in keys):
        return _explicit(ask)
    if unified is None:
        return Asked()
    ttl = _unified_ttl(ask.provider, unified.retention)
    point = Point(ttl, f"{_AT}.cache")
    conversation = point if unified.conversation else None
    if profile.automatic:
        return Asked(point, point, None, conversation)
    return Asked(point, point, conversation)


def _explicit(ask: Ask) -> Asked:
    prefix = "bedrock_cache" if ask.provider == "bedrock" else "anthropic_cache"
    names = [f"{prefix}_{place}" for place in ("tool_definitions", "instructions", "messages")]
    tools, instructions, messages = (_point(ask, name) for name in names)
    automatic = _point(ask, prefix) if prefix == "anthropic_cache" and ask.newest else None
    if automatic and messages:
        why = "`anthropic_cache` and `anthropic_cache_messages` cannot both be on (UserError); write one of them"
        raise RefusalError(f"{_AT}.anthropic_cache", why)
    return Asked(tools, instructions, messages, automatic)


def _point(ask: Ask, name: str) -> Point | None:
    """Anthropic sends 5m for True and anything else as it is; Bedrock sends a ttl only where one is written, and 1.40.0
    none at all."""
    value = ask.settings.get(name)
    if not value:
        return None
    if ask.provider == "bedrock":
        return Point(value if isinstance(value, str) and ask.newest else None, f"{_AT}.{name}")
    return Point("5m" if value is True else value, f"{_AT}.{name}")


@dataclass(frozen=True, slots=True)
class Unified:
    """The unified `cache` setting: `retention` as snapped, `wanted` as written (None: the provider's own), and whether
    the conversation is cached."""

    retention: str | None
    conversation: bool
    wanted: str | None


def resolve_unified(ask: Ask, profile: Profile) -> Unified | None:
    """The setting as it takes effect on this model; None where it is off or unknown. A value that the library does not
    know is refused, but only where the model can cache."""
    value = ask.settings.get("cache")
    if value is None or value is False or not profile.unified:
        return None
    config: Mapping[str, object] = value if isinstance(value, dict) else {"retention": value}
    unknown = sorted(str(key) for key in config if key not in ("retention", "messages"))
    if unknown:
        raise RefusalError(f"{_AT}.cache", f"no such options of `cache`: {', '.join(unknown)[:60]} (UserError)")
    wanted = config.get("retention", True)
    if not isinstance(wanted, bool) and wanted not in _TIERS:
        raise RefusalError(f"{_AT}.cache", f"a retention is true, false or one of {', '.join(_TIERS)} (UserError)")
    tier = wanted if isinstance(wanted, str) else None
    return Unified(_snap(tier, profile.tiers), bool(config.get("messages", True)), tier)


def _snap(tier: str | None, offered: tuple[str, ...]) -> str | None:
    """The longest offered retention that is not longer than the one asked for, else the shortest."""
    if tier is None or not offered:
        return None
    shorter = [one for one in offered if _TIERS.index(one) <= _TIERS.index(tier)]
    return shorter[-1] if shorter else offered[0]


def _unified_ttl(provider: str, retention: str | None) -> str | None:
    ttl = retention if retention in ("5m", "1h") else None
    return ttl if provider == "bedrock" else ttl or "5m"


# --- what is lost ---------------------------------------------------------------------------------------------------


def lost_settings(ask: Ask, profile: Profile) -> tuple[Note, ...]:
    """Notes on settings that place nothing: another provider's, unknown ones, and those that switch off others."""
    found = [*_foreign(ask), *_unified_notes(ask, profile), *_extra_body(ask, profile), *_no_ttl(ask, profile)]
    if not profile.points:
        own = [key for key in own_keys(ask.provider) if ask.settings.get(key) and not _unknown(ask, key)]
        found += [no_caching(ask, f"{_AT}.{key}", profile) for key in own]
    elif not profile.tool_points and ask.settings.get("bedrock_cache_tool_definitions"):
        why = "tools carry no cache point on this model family; Nova takes none there"
        found.append(ask.lost(f"{_AT}.bedrock_cache_tool_definitions", why, "cache the instructions instead"))
    return tuple(found)


def in_a_row(ask: Ask, earlier: Point | None, later: Point) -> tuple[Note, ...]:
    """A note on a point whose block the next point marks again."""
    if earlier is None:
        return ()
    why = "two cache points stand in a row: the later one takes the place of the earlier"
    return (ask.lost(earlier.route, why, "remove one of them", "moved" if earlier.ttl == later.ttl else "ttl_lost"),)


def no_caching(ask: Ask, route: str, profile: Profile) -> Note:
    """The model's profile sends no breakpoints at all."""
    if ask.provider.startswith("openai"):
        known = "" if ask.newest else ", and only releases after 1.40.0 know them"
        why = f"OpenAI models before gpt-5.6 get no breakpoints{known}; they cache by themselves"
        return ask.lost(route, why, "use gpt-5.6 or later with a recent release, or leave it out")
    if profile.opaque:
        why = "this model id does not say which model it stands for, so no breakpoint is sent"
        mend = "pass profile=BedrockProvider.model_profile('anthropic.claude-...') to BedrockConverseModel"
        return ask.lost(route, why, mend)
    return ask.lost(route, "models of this family get no breakpoints", "use a Claude or Nova model")


def _unknown(ask: Ask, key: str) -> bool:
    return not ask.newest and key in _LATER


def _foreign(ask: Ask) -> Iterator[Note]:
    own = own_keys(ask.provider)
    every = {*BEDROCK, *ANTHROPIC, *OPENAI}
    for key, value in ask.settings.items():
        route = f"{_AT}.{key}"
        if not isinstance(key, str) or "cache" not in key or key in _NO_MARKS or not value:
            continue
        if _unknown(ask, key):
            yield ask.lost(route, f"`{key}` came after this release", f"update pydantic-ai, or use {' or '.join(own)}")
        elif key in every and key not in own:
            yield ask.lost(
                route, f"`{key}` is read by another provider's models only", f"write {_same_place(key, own)}"
            )
        elif key not in every and key != "cache":
            near = get_close_matches(key, [*own, "cache"], n=1, cutoff=0.4)
            yield ask.lost(route, f"there is no setting `{key[:60]}`", f"write {near[0] if near else 'cache=True'}")


def _same_place(key: str, own: tuple[str, ...]) -> str:
    place = next((name for name in _PLACES if key.endswith(name)), "instructions")
    return next((name for name in own if name.endswith(place)), own[0])


def _unified_notes(ask: Ask, profile: Profile) -> Iterator[Note]:
    value, route = ask.settings.get("cache"), f"{_AT}.cache"
    if not value or not ask.newest:
        return
    rivals = [key for key in own_keys(ask.provider) if key in ask.settings]
    if not profile.unified:
        yield no_caching(ask, route, profile)
    elif rivals:
        why = f"`{rivals[0]}` is set, and any setting of the provider, even False, switches `cache` off"
        yield ask.lost(route, why, f"remove {', '.join(rivals)}, or write each breakpoint as a setting of the provider")
    else:
        unified = resolve_unified(ask, profile)
        if unified and unified.wanted and unified.retention != unified.wanted:
            why = f"a retention of {unified.wanted} becomes {unified.retention}, the nearest that this model offers"
            yield ask.lost(route, why, f"write '{unified.retention}'", "ttl_lost")


def _no_ttl(ask: Ask, profile: Profile) -> Iterator[Note]:
    if ask.newest or ask.provider != "bedrock" or not profile.points:
        return
    for key in BEDROCK:
        if isinstance(ask.settings.get(key), str) and ask.settings[key] != "5m":
            why = "this release sends no ttl to Bedrock, so the default of 5 minutes holds"
            yield ask.lost(f"{_AT}.{key}", why, "update pydantic-ai", "ttl_lost")


def _extra_body(ask: Ask, profile: Profile) -> Iterator[Note]:
    """On Bedrock Converse `extra_body` is not sent; elsewhere it is merged into the body as it is."""
    body = mapping(ask.settings.get("extra_body"))
    if ask.on_bedrock and "cache_control" in body and not profile.automatic:
        why = "this model on Bedrock takes no marker for the whole request, and answers one with an error"
        yield ask.lost(f"{_AT}.extra_body.cache_control", why, "write anthropic_cache_messages", "not_read_there")
    if ask.provider != "bedrock":
        return
    for mark in sent_marks(body, Backend.ANTHROPIC):
        route = f"{_AT}.extra_body.{mark.route}".rstrip(".")
        why = "`extra_body` is not sent to Bedrock Converse"
        place = {"tools": BEDROCK[1], "messages": f"{BEDROCK[2]} or a CachePoint"}.get(mark.section, BEDROCK[0])
        yield ask.lost(route if mark.route else f"{route}.cache_control", why, f"write {place}")
