"""What the providers say about a miss: this prompt held against the stored one of an earlier answer.

Both tell the first difference, in cache order, up to the last breakpoint of the earlier call, and only where less was
read than that call had cached. Without a difference the entry was gone (Anthropic says null, OpenAI `unavailable`).
"""

from __future__ import annotations

from cachekit.core.prompt import Block, Prompt, Section
from cachekit.core.shape import dig, mapping, text
from cachekit.emulator.state import Emulator, Stored
from cachekit.emulator.values import Asked, Json, Metered

_REASONS = {
    "output_format": "text_format_changed",
    "effort": "reasoning_effort_changed",
    "verbosity": "verbosity_changed",
    "service_tier": "service_tier_changed",
}


def diagnose(emulator: Emulator, asked: Asked, metered: Metered) -> Json | None:
    """What stands in the answer, None for null or nothing."""
    if asked.route.host == "anthropic":
        previous = text(mapping(asked.body.get("diagnostics")).get("previous_message_id"))
        return _anthropic(emulator.stored.get(previous), metered) if previous else None
    compared = text(dig(asked.body, "prompt_cache_options", "comparison_response_id"))
    if asked.route.shape != "openai" or compared is None:
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
    told = [{(param.name, param.digest) for param in prompt.params} for prompt in (before, now)]
    return {name for name, _ in told[0] ^ told[1]}


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
