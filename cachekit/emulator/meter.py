"""From a request to its usage: lowered, measured, looked up in the caches."""

from __future__ import annotations

from dataclasses import replace

from cachekit.core.cache.implicit import with_policy
from cachekit.core.cache.law import Lookup
from cachekit.core.cache.simulate import Caches, look_up_prompt, usage_of, with_server_breakpoint
from cachekit.core.catalog.overrides import resolve
from cachekit.core.catalog.policy import Policy, find_policy
from cachekit.core.catalog.tokens import measure
from cachekit.core.jsonio.json_access import dig, mapping, text
from cachekit.core.model.backends import api_of
from cachekit.core.model.calls import Call
from cachekit.core.model.prompt import Block, Prompt, Section
from cachekit.core.model.usage import Usage
from cachekit.core.providers import lower
from cachekit.core.providers.counts import NO_USAGE
from cachekit.emulator.state import Emulator, Stored
from cachekit.emulator.values import ApiCall, ApiError, Json, Look, Metered, RefusedError


def prompt_of(emulator: Emulator, api_call: ApiCall) -> tuple[Prompt, Policy]:
    """The prompt as the provider sees it, measured, and the policy of its model. Raises RefusedError for a model that
    neither our tables nor `models` know: nothing is known of its cache."""
    overrides = {"models": emulator.models, "policy": emulator.policy}
    policy = find_policy(api_call.named, api_call.route.host, overrides, api_of(api_call.route.backend))
    if not policy.known and resolve(api_call.named, api_call.route.host, overrides).model is None:
        raise RefusedError(_unknown(api_call))
    body = api_call.body if api_call.route.shape != "bedrock" else {**api_call.body, "modelId": api_call.model}
    prompt = lower(body, api_call.route.backend)
    scope = replace(prompt.scope, host=api_call.route.host, model=api_call.model)
    scope = replace(scope, region=scope.region or api_call.region)
    return with_server_breakpoint(measure(with_policy(replace(prompt, scope=scope), policy))), policy


def _unknown(api_call: ApiCall) -> ApiError:
    name = api_call.named[:200]
    if api_call.route.shape == "bedrock":
        return ApiError(400, "The provided model identifier is invalid.")
    if api_call.route.shape == "anthropic":
        return ApiError(404, f"model: {name}")
    return ApiError(
        404, f"The model `{name}` does not exist or you do not have access to it.", "model_not_found", "model"
    )


def meter(emulator: Emulator, prompt: Prompt, policy: Policy, silent_miss: bool = False) -> Metered:
    """What the call reads and writes, now. What it writes cannot be read before `Emulator.begin`."""
    call = Call(NO_USAGE, ts=emulator.clock.now(), ttft_ms=float("inf"), prompt=prompt)
    look = look_up_prompt(call, prompt, policy)
    total = prompt.total().mid
    if look is None:
        return Metered(prompt, policy, Usage(uncached=total))
    outcome = emulator.caches.step(look)
    if silent_miss:  # it reads and pays as if the caches were empty; entries that live go on living
        outcome = Caches().step(look)
    return Metered(prompt, policy, usage_of(outcome, total), look, *_reach(prompt, look))


def _reach(prompt: Prompt, look: Look) -> tuple[int, int]:
    """The tokens and the blocks that the call leaves in the cache."""
    if not isinstance(look, Lookup):
        return (look.tokens[-1], len(prompt.blocks)) if look.tokens and look.tokens[-1] >= look.minimum else (0, 0)
    if not look.points:
        return 0, 0
    return look.points[-1].tokens, max((index for index, _, _ in prompt.marked()), default=-1) + 1


_REASONS = {
    "output_format": "text_format_changed",
    "effort": "reasoning_effort_changed",
    "verbosity": "verbosity_changed",
    "service_tier": "service_tier_changed",
}


def diagnose(emulator: Emulator, api_call: ApiCall, metered: Metered) -> Json | None:
    """What stands in the answer, None for null or nothing."""
    if api_call.route.host == "anthropic":
        previous = text(mapping(api_call.body.get("diagnostics")).get("previous_message_id"))
        return _anthropic(emulator.stored.get(previous), metered) if previous else None
    compared = text(dig(api_call.body, "prompt_cache_options", "comparison_response_id"))
    if api_call.route.shape != "openai" or compared is None:
        return None
    return _openai(emulator.stored.get(compared), metered)


def _anthropic(before: Stored | None, now: Metered) -> Json | None:
    if before is None:
        return {"type": "previous_message_not_found"}
    if now.usage.read >= before.cached:
        return None
    kind = _anthropic_kind(before, now.prompt)
    if kind in ("", "unavailable"):
        return {"type": kind} if kind else None
    return {"type": kind, "cache_missed_input_tokens": before.cached - now.usage.read}


def _anthropic_kind(before: Stored, now: Prompt) -> str:
    changed = _changed_params(before.prompt, now)
    if before.prompt.scope.model != now.scope.model or "speed" in changed:
        return "model_changed"
    place = _first_change(before, now)
    section = place[1] if place else None
    if section in (Section.TOOLS, Section.SYSTEM):
        return f"{section}_changed"
    return "unavailable" if changed else "messages_changed" if section else ""


def _openai(before: Stored | None, now: Metered) -> Json:
    if before is None:
        return {"type": "comparison_response_not_found"}
    if before.cached and now.usage.read >= before.cached:
        return {"type": "cache_hit"}
    reason = _openai_reason(before, now.prompt)
    if not reason:
        return {"type": "unavailable"}
    place = _first_change(before, now.prompt)
    shared = now.prompt.running()[place[0] - 1].mid if place and place[0] else 0
    total = now.prompt.total().mid
    return {
        "type": "cache_miss",
        "reason": reason,
        "cache_missed_tokens": total - shared,
        "comparison_reusable_tokens": shared,
    }


def _openai_reason(before: Stored, now: Prompt) -> str:
    if before.prompt.scope.model != now.scope.model:
        return "model_changed"
    if before.prompt.scope.key != now.scope.key:
        return "prompt_cache_key_changed"
    place = _first_change(before, now)
    if place and place[1] is Section.TOOLS:
        return "tools_changed"
    changed = _changed_params(before.prompt, now)
    named = next((reason for name, reason in _REASONS.items() if name in changed), "")
    return named or ("input_changed" if place else "")


def _changed_params(before: Prompt, now: Prompt) -> set[str]:
    """The names of what is part of the cache key without being text, and differs."""
    keys = [{(param.name, param.digest) for param in prompt.params} for prompt in (before, now)]
    return {name for name, _ in keys[0] ^ keys[1]}


def _first_change(before: Stored, now: Prompt) -> tuple[int, Section] | None:
    """The first of the cached blocks that is not there any more: its place, and the earlier section of the two."""
    for index, old in enumerate(before.prompt.blocks[: before.reach]):
        new = now.blocks[index] if index < len(now.blocks) else None
        if new is None or _key(old) != _key(new):
            order = list(Section)
            sections = [old.section, *([new.section] if new else [])]
            return index, min(sections, key=order.index)
    return None


def _key(block: Block) -> tuple[str, str, str]:
    return block.section, block.role, block.digest
