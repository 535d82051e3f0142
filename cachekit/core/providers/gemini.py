"""Lowering of Gemini's `generateContent`: tools, then the system instruction, then contents.

As the REST API has it, and with the names of the google-genai SDK (`config.system_instruction` and the like). No part
carries a breakpoint: the implicit cache finds prefixes by itself, and an explicit one is a resource that the request
names. Fields: google-genai 3.6.1, `types.py`; ai.google.dev/gemini-api/docs/caching, 2026-11. Which of tools and
instruction stands first is not documented; tools first is what others do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Prompt, Scope, Section
from cachekit.core.providers.draft import Draft


def lower(body: Mapping[str, object], backend: Backend = Backend.GEMINI) -> Prompt:
    """The prompt of a request. Never raises, never drops."""
    draft = Draft(chunked=True)
    for route, tool in _declared(body):
        draft.add(Section.TOOLS, route, tool, kind="tool")
    where, instruction = _field(body, "systemInstruction")
    for route, part in _parts(instruction, where):
        draft.add(Section.SYSTEM, route, _known(part), "system")
    contents = body.get("contents")
    turns = contents if isinstance(contents, (list, tuple)) else [contents] if contents is not None else []
    for index, turn in enumerate(turns):
        place = f"contents[{index}]" if isinstance(contents, (list, tuple)) else "contents"
        role = text(mapping(turn).get("role")) or "user"
        for route, part in _parts(turn, place):
            draft.add(Section.MESSAGES, route, _known(part), "assistant" if role == "model" else role)
    where, cached = _field(body, "cachedContent")
    if cached:
        draft.note("prefix_elsewhere", where, "the cached content holds a prefix that is not in this request")
    where, forced = _field(body, "toolConfig")
    draft.param(Section.TOOLS, "tool_choice", forced)
    return draft.finish(backend, Scope("google", "google", model_of(body)), body)


def model_of(body: Mapping[str, object]) -> str:
    """The model without the folder that the API puts before it."""
    return (text(body.get("model")) or "").rpartition("/")[2]


def _field(holder: Mapping[str, object], name: str, within: str = "") -> tuple[str, object]:
    """A field under its name in the API or in the SDK, also inside the SDK's `config`, with its route."""
    snake = "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)
    for key in (name, snake):
        if holder.get(key) is not None:
            return f"{within}{key}", holder[key]
    config = holder.get("config")
    return _field(mapping(config), name, "config.") if isinstance(config, dict) and not within else (name, None)


def _declared(body: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Each function apart, and tools of Google's own as they are."""
    where, tools = _field(body, "tools")
    for index, tool in enumerate(items(tools)):
        name, functions = _field(mapping(tool), "functionDeclarations")
        if not items(functions):
            yield f"{where}[{index}]", tool
        for number, function in enumerate(items(functions)):
            yield f"{where}[{index}].{name}[{number}]", function


def _parts(turn: object, route: str) -> Iterator[tuple[str, object]]:
    """The parts of an instruction or a turn, which may be a string, a part, a list of either, or have `parts`."""
    parts: object = mapping(turn).get("parts") if "parts" in mapping(turn) else turn
    below = f"{route}.parts" if "parts" in mapping(turn) else route
    if isinstance(parts, Sequence) and not isinstance(parts, str):
        yield from ((f"{below}[{index}]", part) for index, part in enumerate(parts))
    elif parts is not None:
        yield below, parts


def _known(part: object) -> object:
    """A part in the form whose tokens are known: text, image, file, call or result."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    own = mapping(part)
    if isinstance(own.get("text"), str):
        return (
            {"type": "thinking", "thinking": own["text"]}
            if own.get("thought") is True
            else {"type": "text", "text": own["text"]}
        )
    call, result = mapping(_field(own, "functionCall")[1]), mapping(_field(own, "functionResponse")[1])
    if call:
        return {"type": "tool_use", "name": call.get("name"), "input": call.get("args")}
    if result:
        return {"type": "tool_result", "content": json.dumps(result.get("response"), default=str)}
    data, file = mapping(_field(own, "inlineData")[1]), mapping(_field(own, "fileData")[1])
    kind = text(_field(data or file, "mimeType")[1]) or ""
    shown = "image" if kind.startswith("image/") else "document"
    if data:
        return {"type": shown, "source": {"type": "base64", "media_type": kind, "data": data.get("data")}}
    if file:
        return {"type": shown, "source": {"type": "url", "url": _field(file, "fileUri")[1]}}
    return part
