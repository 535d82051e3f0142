"""What ChatBedrockConverse does after its messages are built: points for `cache_control=`, and tool blocks as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cachekit.core.auditors.stacks.langchain.messages import Out, Part
from cachekit.core.auditors.stacks.langchain.tools import is_point
from cachekit.core.shape import items, mapping

_MOST = 4


@dataclass(frozen=True, slots=True)
class Converse:
    """A Converse body on its way: blocks with their routes."""

    system: tuple[Part, ...]
    messages: tuple[Out, ...]
    tools: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Automatic:
    """A `cache_control=` keyword: what it holds, where the user wrote it, and for which kind of model."""

    control: Mapping[str, object]
    route: str
    nova: bool
    claude: bool

    def point(self) -> Part:
        """The point it stands for. Its type is ignored; 5m is the default and left out; Nova takes no ttl."""
        ttl = self.control.get("ttl")
        shown = {"type": "default"} | ({"ttl": ttl} if ttl and ttl != "5m" and not self.nova else {})
        return Part({"cachePoint": shown}, self.route)


def with_points(body: Converse, auto: Automatic) -> Converse:
    """Points after the system prompt, the last message, the tools (not for Nova) and, for Claude without points by
    hand, the message before the last, as long as fewer than four stand; never two in one place."""
    by_hand = sum(is_point(part.value) for part in (*body.system, *body.tools, *_all(body.messages)))
    left, point = _MOST - by_hand, auto.point()
    if left > 0 and body.system and not _pointed(body.system):
        body, left = replace(body, system=(*body.system, point)), left - 1
    if left > 0 and body.messages and _takes_point(body.messages[-1], auto.nova):
        body, left = replace(body, messages=_marked(body.messages, -1, point)), left - 1
    if left > 0 and body.tools and not auto.nova and not _pointed(body.tools):
        body, left = replace(body, tools=(*body.tools, point)), left - 1
    if left > 0 and auto.claude and not auto.nova and not by_hand and len(body.messages) > 1:
        content = _parts(body.messages[-2])
        if not _pointed(content) and not (content and "reasoningContent" in content[-1].value):
            body = replace(body, messages=_marked(body.messages, -2, point))
    return body


def _parts(message: Out) -> tuple[Part, ...]:
    return () if isinstance(message.content, str) else message.content


def _all(messages: tuple[Out, ...]) -> tuple[Part, ...]:
    return tuple(part for message in messages for part in _parts(message))


def _pointed(parts: tuple[Part, ...]) -> bool:
    return any(is_point(part.value) for part in parts)


def _takes_point(message: Out, nova: bool) -> bool:
    parts = _parts(message)
    tools = nova and any("toolResult" in part.value or "toolUse" in part.value for part in parts)
    return not tools and not _pointed(parts)


def _marked(messages: tuple[Out, ...], index: int, point: Part) -> tuple[Out, ...]:
    changed = list(messages)
    changed[index] = replace(changed[index], content=(*_parts(changed[index]), point))
    return tuple(changed)


def without_tool_blocks(messages: tuple[Out, ...]) -> tuple[Out, ...]:
    """Without any tools in the request, LangChain writes tool uses and results as text, as Converse refuses them."""
    return tuple(
        replace(message, content=tuple(told for part in _parts(message) for told in _told(part)))
        for message in messages
    )


def _told(part: Part) -> tuple[Part, ...]:
    use, result = mapping(part.value.get("toolUse")), mapping(part.value.get("toolResult"))
    if use:
        given = f" with parameters: {_dumped(use.get('input'))}" if use.get("input") else ""
        return (Part({"text": f"[Called {use.get('name', 'function')}{given}]"}, part.route),)
    if not result:
        return (part,)
    said = "".join(_said(mapping(block)) for block in items(result.get("content")))
    return (Part({"text": f"[Tool output: {said}]"}, part.route),) if said.strip() else ()


def _said(block: Mapping[str, object]) -> str:
    if "text" in block:
        return str(block["text"])
    return _dumped(block["json"]) if "json" in block else ""


def _dumped(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError, TypeError):
        return "?"
