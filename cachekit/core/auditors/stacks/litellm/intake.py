"""Reading the keyword arguments of `completion()`: turns, tools and everything that asks for a breakpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cachekit.core.auditors.stacks.litellm.release import Release
from cachekit.core.auditors.stacks.litellm.values import Ask, Chat, Part, Place, RefusalError, Turn
from cachekit.core.routes import join
from cachekit.core.shape import items, mapping

_USER_BLOCKS = ("text", "image_url", "input_audio", "audio_url", "document", "guarded_text", "video_url", "file")
_MODERN_USER_BLOCKS = (*_USER_BLOCKS, "grounding_source", "query")


def read_chat(request: Mapping[str, object], release: Release) -> Chat:
    """The call as LiteLLM takes it in. Raises RefusalError for what it refuses on sight."""
    messages = request.get("messages")
    if not isinstance(messages, (list, tuple)):
        raise RefusalError("messages is no list")
    turns = tuple(_turn(message, join("messages", i), release) for i, message in enumerate(messages))
    extras = {
        key: value
        for key, value in request.items()
        if isinstance(key, str) and value is not None and key not in ("model", "messages", "tools")
    }
    model = request.get("model")
    return Chat(model if isinstance(model, str) else "", turns, _tools(request.get("tools")), extras)


def asks_of(chat: Chat) -> Iterator[Ask]:
    """Every breakpoint that is written in the messages and tools, in the order of the request."""
    for turn in chat.turns:
        yield from _written(Part(turn.route, None, turn.ask))
        for part in (*(turn.content if isinstance(turn.content, tuple) else ()), *turn.thinking, *turn.calls):
            yield from _written(part)
    for tool in chat.tools or ():
        yield from _written(tool)


def _written(part: Part) -> Iterator[Ask]:
    yield from (ask for ask in (part.ask, part.inner) if ask is not None)


def _turn(message: object, route: str, release: Release) -> Turn:
    if not isinstance(message, dict):
        raise RefusalError(f"{route} is no object")
    value = {key: field for key, field in message.items() if field is not None}
    role = value.get("role") or "assistant"
    if not isinstance(role, str):
        raise RefusalError(f"{route}.role is no text")
    content = _content(value.get("content"), route)
    if role == "user" and isinstance(content, tuple):
        _check_user_blocks(content, release)
    thinking = _parts(value.get("thinking_blocks"), join(route, "thinking_blocks"), Place.THINKING)
    return Turn(role, route, value, content, _ask(value, route, Place.MESSAGE), _calls(value, route), thinking)


def _content(content: object, route: str) -> str | tuple[Part, ...] | None:
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, (list, tuple)):
        return _parts(content, join(route, "content"), Place.BLOCK)
    raise RefusalError(f"{route}.content is neither a text nor a list")


def _check_user_blocks(content: tuple[Part, ...], release: Release) -> None:
    known = _MODERN_USER_BLOCKS if release.modern else _USER_BLOCKS
    for part in content:
        if isinstance(part.value, dict) and part.value.get("type") not in known:
            raise RefusalError(f"{part.route} is a block of a type that a user message may not hold")


def _parts(value: object, route: str, place: Place) -> tuple[Part, ...]:
    return tuple(_part(item, join(route, i), place) for i, item in enumerate(items(value)))


def _part(item: object, route: str, place: Place) -> Part:
    if isinstance(item, dict) and place is Place.BLOCK and item.get("type") in ("thinking", "redacted_thinking"):
        place = Place.THINKING
    return Part(route, item, _ask(mapping(item), route, place))


def _calls(message: Mapping[str, object], route: str) -> tuple[Part, ...]:
    found = enumerate(items(message.get("tool_calls")))
    return tuple(
        _with_function(item, join(join(route, "tool_calls"), i), (Place.CALL, Place.CALL_FUNCTION))
        for i, item in found
        if isinstance(item, dict)
    )


def _tools(tools: object) -> tuple[Part, ...] | None:
    if not isinstance(tools, (list, tuple)):
        return None
    places = (Place.TOOL, Place.TOOL_FUNCTION)
    return tuple(_with_function(tool, join("tools", i), places) for i, tool in enumerate(tools))


def _with_function(item: object, route: str, places: tuple[Place, Place]) -> Part:
    value = mapping(item)
    inner = _ask(mapping(value.get("function")), join(route, "function"), places[1])
    return Part(route, item, _ask(value, route, places[0]), inner)


def _ask(holder: Mapping[str, object], route: str, place: Place) -> Ask | None:
    control = holder.get("cache_control")
    return None if control is None else Ask(join(route, "cache_control"), control, place, route)
