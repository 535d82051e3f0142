"""Which calls belong together: the exact prefix of a call, and the family that should share one.

A prompt that changed by a timestamp is one family whose prefix broke, not many new prefixes: so a family goes by
templates, in which volatile text is masked, and a prefix by digests.
"""

from __future__ import annotations

from collections.abc import Sequence

from cachekit.core.jsonio.json_access import dig, items, mapping, text
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Block, Prompt, Section, chain, prefixes

_SHORT = 12
"""Hex digits of a digest in the name of a family: enough to tell a few million call sites apart."""

_CHAT_ROLES = frozenset({"system", "developer", "tool", "function"})


def family_of(prompt: Prompt) -> str:
    """The call site that a prompt comes from, without its model: the template of its first system block, or else its
    sorted tool names with the template of its first message. Empty for an empty prompt."""
    system = next((b for b in prompt.blocks if b.section is Section.SYSTEM), None)
    if system is not None:
        return f"system:{(system.template or system.digest)[:_SHORT]}"
    tools = sorted(_tool_name(b) for b in prompt.blocks if b.section is Section.TOOLS)
    first = next((b for b in prompt.blocks if b.section is Section.MESSAGES), None)
    if not tools and first is None:
        return ""
    opening = (first.template or first.digest) if first is not None else ""
    return f"{'tools' if tools else 'message'}:{chain(*tools, opening)[:_SHORT]}"


def _tool_name(block: Block) -> str:
    """A tool's name; where the request is not at hand, its template."""
    name = dig(block.raw, "name") or dig(block.raw, "toolSpec", "name") or dig(block.raw, "function", "name")
    return (text(name) or block.template or block.digest).replace("\0", "")


def prefix_id(prompt: Prompt) -> str:
    """The exact cacheable prefix: up to the last breakpoint, or without any all but the trailing user turn. Two equal
    prefixes in different scopes (model, account, region, routing key) have different ids. Empty without a prefix."""
    marked = prompt.marked()
    length = marked[-1][0] + 1 if marked else len(prompt.blocks) - trailing_user_blocks(prompt.blocks)
    return prefix_id_at(prompt, prefixes(prompt)[length - 1]) if length else ""


def prefix_id_at(prompt: Prompt, rolled: str) -> str:
    """The id of a prefix in a prompt's scope, from the prefix's rolling digest."""
    scope = prompt.scope
    return chain(scope.provider, scope.model, scope.region, scope.account, scope.key, rolled)


def trailing_user_blocks(blocks: Sequence[Block]) -> int:
    """How many blocks at the end belong to the last user turn."""
    count = 0
    while count < len(blocks) and _of_user(blocks[-1 - count]):
        count += 1
    return count


def _of_user(block: Block) -> bool:
    return block.section is Section.MESSAGES and block.role == "user"


def fingerprint(messages: object = None, system: object = None, tools: object = None, model: str | None = None) -> str:
    """The id of the prefix that calls with these parts share: tools, system and messages without the trailing user
    turn, for one model. Breakpoints do not change it. Takes the parts as Anthropic or as OpenAI Chat has them."""
    from cachekit.core.providers import lower

    body = {"model": model, "tools": tools, "system": system, "messages": messages}
    present = {key: value for key, value in body.items() if value is not None}
    prompt = lower(present, _backend_of(messages, system)).unmarked()
    return prefix_id(prompt) or prefix_id_at(prompt, "")


def _backend_of(messages: object, system: object) -> Backend:
    """Whose form the parts have: OpenAI keeps instructions, tool results and tool calls in messages of their own."""
    fields = [mapping(message) for message in items(messages)]
    chat = any(message.get("role") in _CHAT_ROLES or "tool_calls" in message for message in fields)
    return Backend.OPENAI_CHAT if chat and system is None else Backend.ANTHROPIC
