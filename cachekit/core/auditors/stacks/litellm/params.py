"""Keywords besides messages and tools, as Anthropic and Converse get them. What LiteLLM does not know it sends on."""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.auditors.stacks.litellm.release import Release
from cachekit.core.auditors.stacks.litellm.table import is_own, refused_by_claude
from cachekit.core.auditors.stacks.litellm.values import RefusalError
from cachekit.core.shape import items, mapping

_NEVER = ("n", "stream_options", "store", "extra_body", "context_management", "parallel_tool_calls", "user")
_CONVERSE_BLOCKS = ("guardrailConfig", "performanceConfig", "serviceTier", "requestMetadata", "outputConfig")
_INFERENCE = {
    "max_tokens": "maxTokens",
    "max_completion_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop": "stopSequences",
}


def check_keywords(extras: Mapping[str, object], release: Release) -> None:
    """RefusalError where a keyword is OpenAI's alone; with drop_params it is left out instead."""
    if not extras.get("drop_params"):
        odd = next((key for key in refused_by_claude(release.name) if key in extras), None)
        if odd is not None:
            raise RefusalError(f"{odd} is not taken for this provider, and drop_params is not set")


def anthropic_fields(extras: Mapping[str, object], release: Release) -> dict[str, object]:
    """The fields of an Anthropic body besides model, messages, system and tools. A missing max_tokens, which LiteLLM
    fills in, is left out: it is no part of the cache key."""
    out = {key: value for key, value in extras.items() if _is_sent(key, release)}
    if "max_completion_tokens" in out:
        out["max_tokens"] = out.pop("max_completion_tokens")
    if "stop" in out:
        out["stop_sequences"] = _list(out.pop("stop"))
    user = mapping(extras.get("metadata")).get("user_id", extras.get("user"))
    if user is not None:
        out["metadata"] = {"user_id": user}
    choice = _anthropic_choice(out.pop("tool_choice", None), extras.get("parallel_tool_calls"))
    return {**out, **({"tool_choice": choice} if choice else {})}


def _is_sent(key: str, release: Release) -> bool:
    if is_own(key) or key in _NEVER or key in refused_by_claude(release.name):
        return False
    return not release.modern or key not in ("prompt_cache_retention", "response_format")


def _list(stop: object) -> object:
    return [stop] if isinstance(stop, str) else stop


def _anthropic_choice(choice: object, parallel: object) -> Mapping[str, object]:
    kind = {"auto": "auto", "required": "any", "none": "none"}.get(choice) if isinstance(choice, str) else None
    name = mapping(mapping(choice).get("function")).get("name")
    out: dict[str, object] = {"type": kind} if kind else {"type": "tool", "name": name} if name else {}
    if isinstance(parallel, bool) and choice != "none":
        out = {**(out or {"type": "auto"}), "disable_parallel_tool_use": not parallel}
    return out


def converse_fields(extras: Mapping[str, object], release: Release, claude: bool) -> dict[str, object]:
    """The fields of a Converse call besides its messages, system prompt and tools."""
    inference = {_INFERENCE[key]: _list(extras[key]) for key in _INFERENCE if key in extras}
    known = (*_INFERENCE, *_CONVERSE_BLOCKS, "tool_choice", "stream", "response_format", "reasoning_effort")
    model_fields = {key: extras[key] for key in extras if _is_sent(key, release) and key not in known}
    if "extra_body" in extras:
        model_fields["extra_body"] = extras["extra_body"]
    betas = _betas(extras) if claude or not release.modern else []
    if betas:
        model_fields["anthropic_beta"] = betas
    out: dict[str, object] = {"inferenceConfig": inference}
    if model_fields:
        out["additionalModelRequestFields"] = model_fields
    return {**out, **{key: extras[key] for key in _CONVERSE_BLOCKS if key in extras}}


def _betas(extras: Mapping[str, object]) -> list[str]:
    headers = mapping(extras.get("extra_headers"))
    found = next((v for k, v in headers.items() if isinstance(k, str) and k.lower() == "anthropic-beta"), None)
    if isinstance(found, str):
        return [beta.strip() for beta in found.split(",") if beta.strip()]
    return [beta for beta in items(found) if isinstance(beta, str)]


def invoke_betas(extras: Mapping[str, object]) -> Mapping[str, object]:
    """The beta header of a call to InvokeModel, which travels in the body."""
    betas = sorted(set(_betas(extras)))
    return {"anthropic_beta": betas} if betas else {}


def converse_choice(choice: object) -> Mapping[str, object] | None:
    """`toolConfig.toolChoice`."""
    if isinstance(choice, str):
        return {"auto": {"auto": {}}, "required": {"any": {}}}.get(choice)
    name = mapping(mapping(choice).get("function")).get("name")
    return {"tool": {"name": name}} if name else None
