"""Lowering of the Anthropic Messages API: tools, then system, then messages, as the provider caches them.

Source: platform.claude.com, prompt caching, 2026-08-21 and later copies.
"""

from __future__ import annotations

from collections.abc import Mapping

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Mark, Prompt, Scope, Section
from cachekit.core.providers.draft import Draft, content_items, is_cache_point, written_ttl

THINKING = frozenset({"thinking", "redacted_thinking"})
_INSIDE = "a breakpoint inside {} belongs on the {} itself; only on its last inner block is it moved there"
_HOSTS = {
    Backend.ANTHROPIC: "anthropic",
    Backend.BEDROCK_INVOKE_ANTHROPIC: "bedrock",
    Backend.ANTHROPIC_BEDROCK: "bedrock",
    Backend.ANTHROPIC_BEDROCK_MANTLE: "bedrock",
}
_KEPT_OUT_OF_THE_KEY = frozenset(
    "model messages system tools max_tokens temperature top_p top_k stop_sequences stream metadata cache_control "
    "tool_choice thinking output_config output_format speed service_tier inference_geo container context_management "
    "mcp_servers betas diagnostics extra_headers extra_query extra_body timeout anthropic_version anthropic_beta "
    "modelId body stream_options".split()
)


def lower(body: Mapping[str, object], backend: Backend = Backend.ANTHROPIC) -> Prompt:
    """The prompt of a Messages body. Never raises and never drops: what does not fit becomes a note."""
    draft = Draft()
    _tools(draft, body)
    _system(draft, body)
    _messages(draft, body)
    _automatic(draft, body)
    _params(draft, body)
    for key in body:
        if key not in _KEPT_OUT_OF_THE_KEY:
            draft.note("unknown_key", str(key), "a key that the Messages API did not have when this was written")
    host = _HOSTS.get(backend, "anthropic")
    model = text(body.get("model")) or text(body.get("modelId")) or ""
    provider = "anthropic" if host == "anthropic" else "bedrock"
    return draft.finish(backend, Scope(provider=provider, host=host, model=model), body)


def _tools(draft: Draft, body: Mapping[str, object]) -> None:
    for index, tool in enumerate(items(body.get("tools"))):
        route = f"tools[{index}]"
        if _foreign(draft, tool, route):
            continue
        draft.add(Section.TOOLS, route, tool, kind="tool")
        deferred = mapping(tool).get("defer_loading") is True
        refusal = "a tool with defer_loading may not carry a breakpoint" if deferred else ""
        _own_mark(draft, tool, route, refusal)
        if "cache_control" in mapping(mapping(tool).get("function")):
            draft.note(
                "mark_not_read",
                f"{route}.function.cache_control",
                "the Messages API reads a tool's breakpoint beside its name",
            )


def _system(draft: Draft, body: Mapping[str, object]) -> None:
    for step, part in content_items(body.get("system")):
        route = f"system{step}"
        if not _foreign(draft, part, route):
            draft.add(Section.SYSTEM, route, part, "system", "text" if isinstance(part, str) else "")
            _own_mark(draft, part, route, _refusal(part))


def _messages(draft: Draft, body: Mapping[str, object]) -> None:
    for index, message in enumerate(items(body.get("messages"))):
        route = f"messages[{index}]"
        fields = mapping(message)
        role = text(fields.get("role")) or ""
        if not fields:
            draft.add(Section.MESSAGES, route, message, kind="unknown")
            draft.note("unknown_block", route, "not a message")
            continue
        for step, part in content_items(fields.get("content")):
            _part(draft, f"{route}.content{step}", part, role)
        if fields.get("cache_control") is not None:
            draft.note(
                "mark_not_read",
                f"{route}.cache_control",
                "the Messages API reads breakpoints on content blocks, not on messages",
            )


def _part(draft: Draft, route: str, part: object, role: str) -> None:
    if _foreign(draft, part, route):
        return
    draft.add(Section.MESSAGES, route, part, role, "text" if isinstance(part, str) else "")
    if not isinstance(part, (dict, str)):
        draft.note("unknown_block", route, "not a content block")
    _own_mark(draft, part, route, _refusal(part))
    _inner_marks(draft, route, part)


def _inner_marks(draft: Draft, route: str, part: object) -> None:
    """A breakpoint inside tool_result.content or document.source.content: hoisted from the last one, else an error."""
    block = mapping(part)
    inside = (("content", block.get("content")), ("source.content", mapping(block.get("source")).get("content")))
    for where, content in inside:
        parts = items(content)
        for index, inner in enumerate(parts):
            marker = mapping(inner).get("cache_control")
            place = f"{route}.{where}[{index}].cache_control"
            if marker is None:
                continue
            if index == len(parts) - 1 and draft.blocks[-1].mark is None:
                draft.mark(Mark(written_ttl(marker), place))
                draft.note("mark_hoisted", place, "read as a breakpoint on the block around it")
            else:
                draft.note("mark_not_read", place, _INSIDE.format(f"{block.get('type')} content", block.get("type")))


def _own_mark(draft: Draft, part: object, route: str, refusal: str) -> None:
    marker = mapping(part).get("cache_control")
    place = f"{route}.cache_control"
    if marker is None:
        return
    if refusal:
        draft.note("mark_not_read", place, refusal)
        return
    draft.mark(Mark(written_ttl(marker), place))
    if mapping(marker).get("type") != "ephemeral":
        draft.note("mark_type", place, "the only type of a breakpoint is `ephemeral`")


def _refusal(part: object) -> str:
    """Why a block cannot carry a breakpoint of its own; empty when it can."""
    block = mapping(part)
    kind = block.get("type")
    if isinstance(kind, str) and kind in THINKING:
        return "a thinking block cannot carry a breakpoint; it is cached as part of a longer prefix"
    if kind == "text" and not str(block.get("text") or "").strip():
        return "an empty text block cannot carry a breakpoint"
    return ""


def _foreign(draft: Draft, part: object, route: str) -> bool:
    """A Converse cachePoint among Anthropic blocks is another provider's form: noted, and no block."""
    if not is_cache_point(part):
        return False
    draft.note(
        "foreign_mark",
        route,
        "`cachePoint` is Amazon Bedrock Converse's form; the Messages API refuses it",
        "cache_control",
    )
    return True


def _automatic(draft: Draft, body: Mapping[str, object]) -> None:
    """Top-level cache_control: the provider marks the last block that may carry a breakpoint."""
    marker = body.get("cache_control")
    if marker is None:
        return
    mark = Mark(written_ttl(marker), "cache_control", automatic=True)
    if mapping(marker).get("type") != "ephemeral":
        draft.note("mark_type", "cache_control", "the only type of a breakpoint is `ephemeral`")
    for index in range(len(draft.blocks) - 1, -1, -1):
        block = draft.blocks[index]
        if _refusal(block.raw) or mapping(block.raw).get("defer_loading") is True or block.raw == "":
            continue
        if block.mark is not None:
            same = (block.mark.ttl or "5m") == (mark.ttl or "5m")
            code = "automatic_redundant" if same else "automatic_conflict"
            draft.note(
                code,
                "cache_control",
                "the last block already carries a breakpoint" + ("" if same else " with another ttl"),
            )
            return
        tail, draft.blocks[index + 1 :] = draft.blocks[index + 1 :], []
        draft.mark(mark)
        draft.blocks.extend(tail)
        return
    draft.note("automatic_skipped", "cache_control", "no block may carry a breakpoint, so nothing is cached")


def _params(draft: Draft, body: Mapping[str, object]) -> None:
    """What is in the cache key without being text, at the level where it begins to invalidate."""
    draft.param(Section.TOOLS, "mcp_servers", body.get("mcp_servers"))
    draft.param(Section.SYSTEM, "speed", None if body.get("speed") == "standard" else body.get("speed"))
    draft.param(Section.SYSTEM, "citations", _citations(body) or None)
    draft.param(Section.MESSAGES, "tool_choice", _tool_choice(body))
    draft.param(Section.MESSAGES, "thinking", _thinking(body))
    config = mapping(body.get("output_config"))
    effort = config.get("effort")
    draft.param(Section.MESSAGES, "effort", None if effort == "high" else effort)
    draft.param(Section.MESSAGES, "output_format", config.get("format") or body.get("output_format"))
    draft.param(Section.MESSAGES, "images", True if _holds_image(body.get("messages")) else None)


def _tool_choice(body: Mapping[str, object]) -> object:
    choice = mapping(body.get("tool_choice"))
    plain = {"type": "auto"}
    return None if not choice or choice == plain else dict(choice)


def _thinking(body: Mapping[str, object]) -> object:
    thinking = mapping(body.get("thinking"))
    return None if not thinking or thinking.get("type") == "disabled" else dict(thinking)


def _citations(body: Mapping[str, object]) -> bool:
    parts = (part for message in items(body.get("messages")) for part in items(mapping(message).get("content")))
    return any(mapping(mapping(part).get("citations")).get("enabled") is True for part in parts)


def _holds_image(messages: object) -> bool:
    for message in items(messages):
        for part in items(mapping(message).get("content")):
            inner = items(mapping(part).get("content"))
            if any(mapping(block).get("type") == "image" for block in (part, *inner)):
                return True
    return False
