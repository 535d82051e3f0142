"""What the user's model settings ask for: breakpoints of the provider's own settings, else of the unified `cache`; and
which of the settings place nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.libraries.pydantic_ai.request import AgentRequest
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.libraries.traced import Breakpoint, LossLog, RefusalError
from cachekit.core.model.backends import Backend

_TIERS = ("5m", "30m", "1h", "12h")
_PLACES = ("instructions", "tool_definitions", "messages")
_OWN = {
    "bedrock": tuple(f"bedrock_cache_{place}" for place in _PLACES),
    "anthropic": ("anthropic_cache", *(f"anthropic_cache_{place}" for place in _PLACES)),
    "openrouter": tuple(f"openrouter_cache_{place}" for place in _PLACES),
    "openai": ("openai_cache_instructions", "openai_prompt_cache_options"),
}
"""The settings that place breakpoints, by the provider that reads them."""
_LATER = frozenset({"cache", "anthropic_cache", *_OWN["openai"], *_OWN["openrouter"]})
"""Settings that 1.40.0 does not know."""
_NO_MARKS = frozenset(
    "openai_prompt_cache_key openai_prompt_cache_retention openai_prompt_cache_diagnostics anthropic_cache_diagnostics "
    "google_cached_content".split()
)
AT = "model_settings"


@dataclass(frozen=True, slots=True)
class Requested:
    """The breakpoints that the settings ask for, by place. `automatic` is Anthropic's marker for the whole request."""

    tools: Breakpoint | None = None
    instructions: Breakpoint | None = None
    messages: Breakpoint | None = None
    automatic: Breakpoint | None = None


def own_settings(request: AgentRequest) -> tuple[str, ...]:
    """The settings that place breakpoints on a route."""
    own = _OWN[request.route.settings]
    return (*own, *_OWN["openai"]) if request.route.wire == "openrouter" and request.profile.openai_points else own


def requested_breakpoints(request: AgentRequest) -> Requested:
    """The breakpoints of Bedrock's, Anthropic's and OpenRouter's settings, as the library resolves them before it looks
    at the prompt."""
    prefix, settings = f"{request.route.settings}_cache", request.settings
    if not any(key in settings for key in _OWN[request.route.settings]):
        unified = resolve_unified(request)
        if unified is None:
            return Requested()
        ttl = unified.retention if unified.retention in ("5m", "1h") else None
        point = Breakpoint(ttl if prefix == "bedrock_cache" else ttl or "5m", f"{AT}.cache")
        conversation = point if unified.conversation else None
        if request.profile.automatic:
            return Requested(point, point, None, conversation)
        return Requested(point, point, conversation)

    def read(name: str) -> Breakpoint | None:
        """Anthropic and OpenRouter send 5m for True and anything else as it is; Bedrock sends a ttl only where one is
        written, and 1.40.0 none at all."""
        value = settings.get(name)
        if not value:
            return None
        if prefix == "bedrock_cache":
            return Breakpoint(value if isinstance(value, str) and request.newest else None, f"{AT}.{name}")
        return Breakpoint("5m" if value is True else value, f"{AT}.{name}")

    instructions, tools, messages = (read(f"{prefix}_{place}") for place in _PLACES)
    automatic = read(prefix) if prefix == "anthropic_cache" and request.newest else None
    if automatic and messages:
        reason = "`anthropic_cache` and `anthropic_cache_messages` cannot both be on (UserError); write one of them"
        raise RefusalError(f"{AT}.anthropic_cache", reason)
    return Requested(tools, instructions, messages, automatic)


@dataclass(frozen=True, slots=True)
class Unified:
    """The unified `cache` setting: `retention` as snapped, `wanted` as written (None: the provider's own), and whether
    the conversation is cached."""

    retention: str | None
    conversation: bool
    wanted: str | None


def resolve_unified(request: AgentRequest) -> Unified | None:
    """The setting as it takes effect on this model; None where it is off or unknown. A value that the library does not
    know is refused, but only where the model can cache."""
    value = request.settings.get("cache")
    if value is None or value is False or not request.profile.unified:
        return None
    config: Mapping[str, object] = value if isinstance(value, dict) else {"retention": value}
    unknown = sorted(str(key) for key in config if key not in ("retention", "messages"))
    if unknown:
        raise RefusalError(f"{AT}.cache", f"no such options of `cache`: {', '.join(unknown)[:60]} (UserError)")
    wanted = config.get("retention", True)
    if not isinstance(wanted, bool) and wanted not in _TIERS:
        raise RefusalError(f"{AT}.cache", f"a retention is true, false or one of {', '.join(_TIERS)} (UserError)")
    tier, offered = wanted if isinstance(wanted, str) else None, request.profile.tiers
    retention = None
    if tier and offered:  # the longest that is offered and not longer than what is wanted, else the shortest
        shorter = [one for one in offered if _TIERS.index(one) <= _TIERS.index(tier)]
        retention = shorter[-1] if shorter else offered[0]
    return Unified(retention, bool(config.get("messages", True)), tier)


# --- settings that place nothing ------------------------------------------------------------------------------------


def note_lost_settings(request: AgentRequest, log: LossLog) -> None:
    """Note another provider's settings, unknown ones, and those that switch off others."""
    profile, settings = request.profile, request.settings
    _note_foreign(request, log)
    _note_unified(request, log)
    _note_extra_body(request, log)
    if request.route.wire == "converse" and not request.newest and profile.points:
        for key in _OWN["bedrock"]:
            if isinstance(settings.get(key), str) and settings[key] != "5m":
                reason = "this release sends no ttl to Bedrock, so the default of 5 minutes holds"
                log.lose(f"{AT}.{key}", reason, "update pydantic-ai", "ttl_lost")
    tools = f"{request.route.settings}_cache_tool_definitions"
    if not profile.points and not profile.openai_points:
        for key in own_settings(request):
            if settings.get(key) and (request.newest or key not in _LATER):
                note_no_caching(request, log, f"{AT}.{key}")
    elif not profile.tool_points and settings.get(tools) and request.route.settings in ("bedrock", "openrouter"):
        what = (
            "Gemini on OpenRouter" if request.route.wire == "openrouter" else "this model family; Nova takes none there"
        )
        hint = f"write {request.route.settings}_cache_instructions instead"
        log.lose(f"{AT}.{tools}", f"tools carry no cache point on {what}", hint)


def note_no_caching(request: AgentRequest, log: LossLog, route: str) -> None:
    """Note a breakpoint that the model's profile does not send, as none is."""
    wire = request.route.wire
    if wire == "converse":
        reason, hint = "models of this family get no breakpoints", "use a Claude or Nova model"
        if request.profile.opaque:
            reason = "this model id does not say which model it stands for, so no breakpoint is sent"
            hint = "pass profile=BedrockProvider.model_profile('anthropic.claude-...') to BedrockConverseModel"
    elif wire == "openrouter":
        reason = "on OpenRouter only models of Anthropic and Google get breakpoints; others cache by themselves, or not"
        hint = "leave it out, or use openrouter:anthropic/claude-..."
    elif request.route.provider.startswith("openai"):
        later = "" if request.newest else ", and only releases after 1.40.0 know them"
        reason = f"OpenAI models before gpt-5.6 get no breakpoints{later}; they cache by themselves"
        hint = "use gpt-5.6 or later with a recent release, or leave it out"
    elif request.route.wire == "other":
        reason = "this API has no breakpoints, and pydantic-ai skips them"
        hint = (
            "leave it out: Gemini 2.5 and later cache by themselves, and google_cached_content names an explicit cache"
        )
        hint = hint if request.route.provider.startswith("google") else "leave it out"
    else:
        reason = f"this model of the provider {request.route.provider} gets no breakpoints"
        hint = "for Claude, use anthropic:, bedrock: or openrouter:, which carry breakpoints; else leave it out"
    log.lose(route, reason, hint)


def _note_foreign(request: AgentRequest, log: LossLog) -> None:
    own = own_settings(request)
    every = {key for keys in _OWN.values() for key in keys}
    sends = request.profile.points or request.profile.openai_points
    for key, value in request.settings.items():
        route = f"{AT}.{key}"
        if not isinstance(key, str) or "cache" not in key or key in _NO_MARKS or not value:
            continue
        if not request.newest and key in _LATER:
            log.lose(route, f"`{key}` came after this release", f"update pydantic-ai, or use {' or '.join(own)}")
        elif key in every and key not in own:
            place = next((name for name in _PLACES if key.endswith(name)), "instructions")
            same = next((name for name in own if name.endswith(place)), own[0])
            hint = f"write {same}" if sends else "remove it: no breakpoint is sent to this model"
            log.lose(route, f"`{key}` is read by another provider's models only", hint)
        elif key not in every and key != "cache":
            near = get_close_matches(key, [*own, "cache"], n=1, cutoff=0.4)
            log.lose(route, f"there is no setting `{key[:60]}`", f"write {near[0] if near else 'cache=True'}")


def _note_unified(request: AgentRequest, log: LossLog) -> None:
    value, route, profile = request.settings.get("cache"), f"{AT}.cache", request.profile
    if not value or not request.newest:
        return
    rivals = [key for key in own_settings(request) if key in request.settings]
    if not profile.unified and (profile.points or profile.openai_points):
        reason = f"the unified `cache` has no effect with the provider {request.route.provider}"
        log.lose(route, reason, "write openai_cache_instructions=True, or a CachePoint in the prompt")
    elif not profile.unified:
        note_no_caching(request, log, route)
    elif rivals:
        reason = f"`{rivals[0]}` is set, and any setting of the provider, even False, switches `cache` off"
        log.lose(route, reason, f"remove {', '.join(rivals)}, or write each breakpoint as a setting of the provider")
    else:
        unified = resolve_unified(request)
        if unified and unified.wanted and unified.retention != unified.wanted:
            shown = f"'{unified.retention}'" if unified.retention else "True"
            reason = f"a retention of {unified.wanted} becomes {unified.retention or 'the default'}"
            log.lose(route, f"{reason}, the nearest that this model offers", f"write {shown}", "ttl_lost")


def _note_extra_body(request: AgentRequest, log: LossLog) -> None:
    """On Bedrock Converse `extra_body` is not sent; elsewhere it is merged into the body as it is."""
    body, wire = mapping(request.settings.get("extra_body")), request.route.wire
    if wire == "invoke" and "cache_control" in body and not request.profile.automatic:
        reason = "this model on Bedrock takes no marker for the whole request, and answers one with an error"
        log.lose(f"{AT}.extra_body.cache_control", reason, "write anthropic_cache_messages", "not_read_there")
    if wire != "converse":
        return
    instructions, tools, messages = _OWN["bedrock"]
    for mark in sent_marks(body, Backend.ANTHROPIC):
        route = f"{AT}.extra_body.{mark.route}".rstrip(".")
        place = {"tools": tools, "messages": f"{messages} or a CachePoint"}.get(mark.section, instructions)
        reason = "`extra_body` is not sent to Bedrock Converse"
        log.lose(route if mark.route else f"{route}.cache_control", reason, f"write {place}")


def doubts_about(request: AgentRequest) -> Iterator[str]:
    """What about the settings cannot be known from the request."""
    if request.route.provider.startswith("azure") and request.settings.get("cache") and request.profile.points:
        yield "the unified `cache` places breakpoints with Azure's v1 API, and none with a dated api-version"
