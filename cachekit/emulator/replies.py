"""What the emulated model says: short, and the same for equal prompts."""

from __future__ import annotations

from collections.abc import Iterable

from cachekit.core.digests import compact
from cachekit.core.prompt import Prompt, chain, prefixes
from cachekit.emulator.instances import instance
from cachekit.emulator.values import Reply, Tool, Wish

_TEXT = "Answer {key} of the emulator, the same for every equal prompt."


def reply(wish: Wish, prompt: Prompt) -> Reply:
    """The answer to a wish. A token is a word of text, or four characters of JSON, which is never cut."""
    if wish.nothing:
        return Reply(cut=True)
    if wish.tool is not None:
        arguments = _json(wish.tool.schema)
        return Reply(tool=wish.tool.name, arguments=arguments, tokens=_tokens(arguments))
    if wish.schema is not None:
        shaped = _json(wish.schema)
        return Reply(text=shaped, tokens=_tokens(shaped))
    return _said(_TEXT.format(key=chain(*prefixes(prompt)[-1:])[:6]), wish.limit)


def _said(text: str, limit: int | None) -> Reply:
    words = text.split(" ")
    kept = words if limit is None else words[:limit]
    return Reply(text=" ".join(kept), tokens=len(kept), cut=len(kept) < len(words))


def _json(schema: object) -> str:
    return compact(instance(schema)).decode()


def _tokens(text: str) -> int:
    return max(1, len(text) // 4)


def forced(tools: Iterable[Tool], name: str | None) -> Tool | None:
    """The tool that must be called: the one of this name, the first where any will do; None where there is none."""
    return next((tool for tool in tools if name is None or tool.name == name), None)
