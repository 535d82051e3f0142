"""Where LiteLLM sends a call: which API, in which form, and what the model there takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.libraries.litellm.fates import RouteFates, find_fates, unmeasured
from cachekit.core.libraries.litellm.release import (
    Release,
    bare_id,
    bare_provider,
    bedrock_words,
    gpt_from,
    known_elsewhere,
)
from cachekit.core.model.ground import Ground


class Form(StrEnum):
    """The form of the body."""

    ANTHROPIC = "anthropic"
    INVOKE = "invoke"
    CONVERSE = "converse"
    NOVA = "nova"
    CHAT = "chat"
    RESPONSES = "responses"
    FLAT = "flat"
    GEMINI = "gemini"


@dataclass(frozen=True, slots=True)
class Destination:
    """`model` as it is sent. `words`: what the table says of a Bedrock model, None for one outside it. `fates`: what
    becomes of markers on the route, None for Anthropic's own API and Bedrock. `refusal`: LiteLLM finds no way.
    `unsure`: what the request does not tell."""

    form: Form
    model: str
    provider: str = ""
    words: frozenset[str] | None = None
    fates: RouteFates | None = None
    refusal: str | None = None
    unsure: tuple[str, ...] = ()

    @property
    def keeps(self) -> bool:
        """The host gets cache_control from some place at least."""
        return self.fates is not None and self.fates.keeps

    def breakpoints(self, extras: Mapping[str, object]) -> str:
        """Which markers become OpenAI's own breakpoints on a call with these keywords: "", "injected" or "all"."""
        which = self.fates.breakpoints if self.fates and gpt_from(self.model, "breakpoint_from_gpt") else ""
        if which == "with options":
            return "injected" if extras.get("prompt_cache_options") is not None else ""
        return which

    @property
    def claude(self) -> bool:
        """The model is a Claude by its name."""
        return "anthropic" in self.model or "claude" in self.model


_PREFIXES = {
    "invoke": Form.INVOKE,
    "converse": Form.CONVERSE,
    "nova": Form.CONVERSE,
    "nova-2": Form.CONVERSE,
    "mantle": Form.ANTHROPIC,
    "claude_platform": Form.ANTHROPIC,
    "chat_completions": Form.CHAT,
}
_CONVERSE_ONLY = (
    "guardrailConfig",
    "performanceConfig",
    "serviceTier",
    "requestMetadata",
    "outputConfig",
    "thinking",
    "additionalModelRequestFields",
    "top_k",
    "stop",
    "model_id",
)
_PROFILE = ":application-inference-profile/"
_OPENAI_ON_BEDROCK = re.compile(r"(^|[./])openai\.")
_BEDROCK_CLAUDE = re.compile(r"(?:[a-z-]+\.)?anthropic\.claude-")
_AFTER_1_83 = re.compile(r"claude-[a-z]+-(?:4-[7-9]|[5-9])|openai\.gpt-[5-9]")
"""Models that LiteLLM 1.83.0 does not know: they go to InvokeModel there."""
_CLAUDE_NAME = re.compile(r"claude-[a-z]+-\d+(?:[-.]\d+)?(?:-\d{8})?")


def destination(request: Mapping[str, object], release: Release) -> Destination:
    """The destination of a call, from its model, its keywords and the release's table."""
    model = text(request.get("model"))
    if model is None:
        return Destination(Form.CHAT, "", refusal="the request names no model")
    provider, slash, rest = model.partition("/")
    provider_name = text(request.get("custom_llm_provider"))
    if provider_name:
        provider, rest = provider_name, model.removeprefix(f"{provider_name}/")
    elif not slash or provider.startswith("arn:"):
        return _bare(model, request, release)
    if provider == "bedrock":
        return _bedrock(rest, request, release)
    if provider == "anthropic":
        return Destination(Form.ANTHROPIC, rest, "anthropic")
    return _by_fates(provider, rest, request, release)


def _bare(model: str, request: Mapping[str, object], release: Release) -> Destination:
    """A model that is named without a provider."""
    provider = bare_provider(model, release.table)
    if provider is None and release.modern:
        provider = "bedrock" if _BEDROCK_CLAUDE.match(model) else "anthropic" if _CLAUDE_NAME.fullmatch(model) else None
    if provider == "anthropic":
        return Destination(Form.ANTHROPIC, model, "anthropic")
    if provider == "bedrock":
        return _bedrock(model, request, release)
    if provider is not None:
        return _openai(model, request, release, named=False)
    alias = "the model is named without a provider that LiteLLM knows: is it an alias of a proxy?"
    refusal = "it knows no provider for this model" if known_elsewhere(model) else None
    return Destination(Form.CHAT, model, refusal=refusal, unsure=() if refusal else (alias,))


def _bedrock(model: str, request: Mapping[str, object], release: Release) -> Destination:
    """The route is named, or follows from the release's list of models; what is not in it goes to InvokeModel."""
    words = bedrock_words(model, release.table)
    route, slash, rest = model.partition("/")
    form = _named_form(route, release) if slash else None
    if words is None and release.modern and _OPENAI_ON_BEDROCK.search(bare_id(model)):
        words = frozenset({"converse"} if release.strips_points else {"invoke", "chat-body"})
    if form is None and release.modern and not release.strips_points and _AFTER_1_83.search(model):
        words = frozenset({"invoke", "messages-body" if "claude" in model else "chat-body"})
    if form is None:
        rest, form = model, _route(model, words, request, release)
    model_id = text(request.get("model_id")) or _region_free(rest)
    if form is Form.INVOKE:
        form = _invoke_form(rest, words, release)
    known = bedrock_words(model, release.table) is not None or (_PROFILE in model and form is Form.CONVERSE)
    unsure = () if known else (_outside(rest),)
    if form is None or (words is not None and "refused" in words and not slash):
        return Destination(Form.CONVERSE, model_id, "bedrock", words, refusal="no route to this model", unsure=unsure)
    return Destination(form, model_id, "bedrock", words, unsure=unsure)


def _named_form(route: str, release: Release) -> Form | None:
    return _PREFIXES.get(route) if release.modern or route in ("invoke", "converse") else None


def _outside(model: str) -> str:
    return f"the model {bare_id(model)!r} is not in the table of models that LiteLLM was measured with"


def _region_free(model: str) -> str:
    return model if model.startswith("arn:") else bare_id(model) if "/" in model else model


def _route(model: str, words: frozenset[str] | None, request: Mapping[str, object], release: Release) -> Form:
    if release.modern and _PROFILE in model:
        return Form.CONVERSE
    if words is not None and "chat" in words and not release.strips_points:
        return Form.INVOKE
    if words is not None and "chat" in words:
        return Form.CONVERSE if _needs_converse(request) else Form.CHAT
    if words is not None:
        return Form.CONVERSE if "converse" in words else Form.INVOKE
    return Form.INVOKE


def _needs_converse(request: Mapping[str, object]) -> bool:
    """GPT models on Bedrock's own OpenAI endpoint fall back to Converse for what that endpoint does not have."""
    if any(request.get(key) is not None for key in _CONVERSE_ONLY):
        return True
    return bool(request.get("tools") or request.get("functions")) and request.get("reasoning_effort") != "none"


def _invoke_form(model: str, words: frozenset[str] | None, release: Release) -> Form | None:
    bodies = {"messages-body": Form.INVOKE, "nova-body": Form.NOVA, "chat-body": Form.CHAT, "text-body": Form.FLAT}
    if words is not None:
        return next((form for word, form in bodies.items() if word in words), None)
    name = bare_id(model)
    if "anthropic" in name or "claude" in name:
        return Form.INVOKE
    return Form.NOVA if "amazon.nova" in name and (release.modern or not name.startswith("amazon")) else None


def _by_fates(provider: str, model: str, request: Mapping[str, object], release: Release) -> Destination:
    """A provider whose rules are in the table of fates, or one that nobody measured."""
    if provider == "openai":
        return _openai(model, request, release, named=True)
    fates = find_fates(f"{provider}/{model}", release)
    if fates is None:
        doubt = f"the provider {provider[:40]!r} was not measured"
        return Destination(Form.CHAT, model, provider, fates=unmeasured(provider), unsure=(doubt,))
    assumed = f"{provider} was not measured with LiteLLM {release.name}"
    unsure = (assumed,) if fates.ground is Ground.ASSUMED and requests_caching(request) else ()
    if provider == "azure":
        form = Form.RESPONSES if _bridged(model, request, release, enforced=True) else Form.CHAT
        refusal = _azure_refusal(model, request)
        return Destination(form, model.removeprefix("responses/"), "azure", fates=fates, refusal=refusal, unsure=unsure)
    return Destination(Form(fates.form), model, provider, fates=fates, unsure=unsure)


def _azure_refusal(model: str, request: Mapping[str, object]) -> str | None:
    """Azure takes prompt_cache_retention for GPT-5 and later only; LiteLLM knows that."""
    forgiven = request.get("drop_params") or "prompt_cache_retention" in items(request.get("allowed_openai_params"))
    if request.get("prompt_cache_retention") is None or forgiven or gpt_from(model, "retention_at_azure_from_gpt"):
        return None
    return "azure does not take prompt_cache_retention for this model, and drop_params is not set"


_OPENAI_NAME = re.compile(r"(?:responses/)?(?:ft:)?(?:gpt-|o\d|chatgpt|codex|computer-use)")


def _openai(model: str, request: Mapping[str, object], release: Release, *, named: bool) -> Destination:
    """OpenAI's own host, unless api_base names another. A name that OpenAI does not have is meant for another host,
    which the environment names then."""
    base = text(request.get("api_base")) or text(request.get("base_url"))
    unclear = named and base is None and not _OPENAI_NAME.match(model) and requests_caching(request)
    host = _is_openai(base) if base is not None else not unclear
    form = Form.RESPONSES if _bridged(model, request, release, enforced=host) else Form.CHAT
    fates = find_fates(f"openai@{'openai' if host else 'elsewhere'}/{model}", release)
    unsure = ("the request names no api_base, and OpenAI has no such model: which host is it for?",) if unclear else ()
    return Destination(form, model.removeprefix("responses/"), "openai", fates=fates, unsure=unsure)


def requests_caching(value: object, depth: int = 64) -> bool:
    """The request holds a marker or an injection point; no request nests its blocks deeper than `depth`."""
    if not depth:
        return False
    if isinstance(value, dict):
        found = any(value.get(key) is not None for key in ("cache_control", "cache_control_injection_points"))
        return found or any(requests_caching(field, depth - 1) for field in value.values())
    return isinstance(value, (list, tuple)) and any(requests_caching(element, depth - 1) for element in value)


def _is_openai(base: str) -> bool:
    try:
        host = urlsplit(base).hostname or ""
    except ValueError:
        return False
    return host == "openai.com" or host.endswith(".openai.com")


def _bridged(model: str, request: Mapping[str, object], release: Release, *, enforced: bool) -> bool:
    """The call is rewritten for the Responses API."""
    if model.startswith("responses/") or bare_provider(model, release.table) == "openai-responses":
        return True
    if not release.strips_points or not gpt_from(model, "responses_for_tools_from_gpt") or "search" in model:
        return False
    effort = request.get("reasoning_effort")
    tools = request.get("tools")
    functions = isinstance(tools, (list, tuple)) and any(mapping(tool).get("type") == "function" for tool in tools)
    return functions and effort != "none" and (effort is not None or enforced)
