"""Blocks in their plain forms: what can be digested without the lowering."""

from __future__ import annotations

from cachekit.core.providers.anthropic import THINKING


def bare_block(part: object) -> object:
    """A block as it is digested; itself where nothing has to be taken out. None where a block is not plain: an image or
    citations change more than their own place, and breakpoints inside a block are for the lowering."""
    if not isinstance(part, dict):
        return {"type": "text", "text": part} if isinstance(part, str) else None
    for name in _NOT_PLAIN:
        if name in part:
            return None
    inner = part.get("content")
    if part.get("type") == "image" or (isinstance(inner, list) and not all(map(_is_plain, inner))):
        return None
    if "cache_control" in part:
        return {name: value for name, value in part.items() if name != "cache_control"}
    return part


_NOT_PLAIN = ("citations", "cachePoint", "prompt_cache_breakpoint", "source", "toolResult")


def _is_plain(inner: object) -> bool:
    """Whether a block inside a block is text and no more."""
    return isinstance(inner, dict) and inner.keys() <= {"type", "text"} and inner.get("type") == "text"


def takes_no_mark(part: dict[str, object]) -> bool:
    """Whether a block can carry no breakpoint, as the lowering has it."""
    kind, text = part.get("type"), part.get("text")
    return kind in THINKING or (kind == "text" and not str(text or "").strip())
