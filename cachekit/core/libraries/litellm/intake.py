"""Reading the keyword arguments of `completion()`: turns, tools and what asks for a breakpoint, with notes on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cachekit.core.jsonio.json_access import items, mapping
from cachekit.core.libraries.litellm.reasons import DROPPED, REASONS, LossReason
from cachekit.core.libraries.litellm.release import Release, is_own
from cachekit.core.libraries.litellm.values import (
    Chat,
    Draft,
    MarkerRequest,
    Part,
    Place,
    RefusalError,
    SentBlock,
    Turn,
)
from cachekit.core.model.prompt import Note
from cachekit.core.model.routes import join

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


def markers_of(chat: Chat) -> Iterator[MarkerRequest]:
    """Every breakpoint that is written in the messages and tools, in the order of the request."""
    for turn in chat.turns:
        yield from _written(Part(turn.route, None, turn.marker))
        for part in (*(turn.content if isinstance(turn.content, tuple) else ()), *turn.thinking, *turn.calls):
            yield from _written(part)
    for tool in chat.tools or ():
        yield from _written(tool)


def _written(part: Part) -> Iterator[MarkerRequest]:
    yield from (marker for marker in (part.marker, part.inner) if marker is not None)


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
    return Turn(role, route, value, content, _marker(value, route, Place.MESSAGE), _calls(value, route), thinking)


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
    return Part(route, item, _marker(mapping(item), route, place))


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
    inner = _marker(mapping(value.get("function")), join(route, "function"), places[1])
    return Part(route, item, _marker(value, route, places[0]), inner)


def _marker(holder: Mapping[str, object], route: str, place: Place) -> MarkerRequest | None:
    control = holder.get("cache_control")
    return None if control is None else MarkerRequest(join(route, "cache_control"), control, place, route)


def breakpoints_as_markers(turn: Turn) -> Turn:
    """The message with OpenAI's breakpoints on its blocks read as Anthropic's markers."""
    if not isinstance(turn.content, tuple):
        return turn
    return replace(turn, content=tuple(map(_breakpoint_as_marker, turn.content)))


def _breakpoint_as_marker(part: Part) -> Part:
    value = mapping(part.value)
    if part.marker is not None or value.get("prompt_cache_breakpoint") is None:
        return part
    bare = {key: field for key, field in value.items() if key != "prompt_cache_breakpoint"}
    marker = MarkerRequest(join(part.route, "prompt_cache_breakpoint"), {"type": "ephemeral"}, Place.BLOCK, part.route)
    return replace(part, value=bare, marker=marker)


_INPUT_TYPES = {"input_text": "text", "output_text": "text", "input_image": "image_url", "input_file": "file"}


def read_input(request: Mapping[str, object], release: Release) -> Chat:
    """A call of `responses()` as the call of `completion()` that LiteLLM makes of it for providers without that API."""
    items_ = request.get("input")
    input_turns = [{"role": "user", "content": items_}] if isinstance(items_, str) else items(items_)
    turns = []
    for index, item in enumerate(input_turns):
        route = "input" if isinstance(items_, str) else join("input", index)
        value = mapping(item)
        content = [_as_part(part) for part in items(value.get("content"))]
        kept = {"role": value.get("role"), "content": content if content else value.get("content")}
        if value.get("role") is not None:
            turns.append(_turn(kept, route, release))
    if isinstance(request.get("instructions"), str):
        turns.insert(0, Turn("system", "instructions", {"role": "system"}, str(request["instructions"])))
    unsent = ("model", "input", "instructions", "tools")
    extras = {key: value for key, value in request.items() if key not in unsent and value is not None}
    model = request.get("model")
    return Chat(model if isinstance(model, str) else "", tuple(turns), _tools(request.get("tools")), extras)


def _as_part(part: object) -> object:
    value = mapping(part)
    kind = value.get("type")
    return {**value, "type": _INPUT_TYPES.get(kind, kind) if isinstance(kind, str) else kind} if value else part


def native_input(
    request: Mapping[str, object], *, breakpoints: bool
) -> tuple[dict[str, object], dict[str, str], tuple[MarkerRequest, ...]]:
    """The body for a provider's own Responses API, its origin, and the markers that it loses: with `breakpoints` those
    on blocks become OpenAI's."""
    lost: list[MarkerRequest] = []

    def bare(value: object, route: str, depth: int) -> object:
        if isinstance(value, (list, tuple)) and depth:
            return [bare(one, join(route, index), depth - 1) for index, one in enumerate(value)]
        if not isinstance(value, dict) or not depth:
            return value
        out = {key: bare(one, join(route, key), depth - 1) for key, one in value.items() if key != "cache_control"}
        if value.get("cache_control") is not None:
            if breakpoints and "content[" in route:
                return {**out, "prompt_cache_breakpoint": {"mode": "explicit"}}
            lost.append(MarkerRequest(join(route, "cache_control"), value["cache_control"], Place.BLOCK, route))
        return out

    whole = {key: value for key, value in request.items() if not is_own(key)}
    body = {key: bare(value, key, 16) if key in ("input", "tools") else value for key, value in whole.items()}
    return body, {}, tuple(lost)


def notes_of(draft: Draft, chat: Chat, ttl: LossReason | None, library: str) -> tuple[Note, ...]:
    """A note for each breakpoint that is thrown away, moved, shortened or sent to where nobody reads it, in the order
    of the body. `ttl`: why a ttl that is missing on the wire is missing. `library`: name and release."""
    found = dict.fromkeys((*_all(draft, chat, ttl, library), *_forgotten(draft, chat, library)))
    return tuple(found)


def _forgotten(draft: Draft, chat: Chat, library: str) -> Iterator[Note]:
    """What went with a message of which nothing is sent."""
    notes = [
        marker
        for sent_block in draft.sent_blocks()
        for marker in (sent_block.marker, *(lost for lost, _ in sent_block.lost))
        if marker is not None
    ]
    notes += [marker for marker, _ in chat.lost]
    seen = {(marker.route, marker.target) for marker in notes}
    yield from (
        _note(marker, LossReason.UNSENT, library)
        for marker in markers_of(chat)
        if (marker.route, marker.target) not in seen
    )


def _all(draft: Draft, chat: Chat, ttl: LossReason | None, library: str) -> Iterator[Note]:
    for marker, loss in chat.lost:
        yield _note(marker, loss, library)
    for sent_block in draft.sent_blocks():
        for marker, loss in sent_block.lost:
            yield _note(marker, loss, library)
        if sent_block.marker is not None and sent_block.moved is not None:
            yield _note(sent_block.marker, sent_block.moved, library)
        if sent_block.marker is not None and ttl is not None and _shortened(sent_block, sent_block.marker):
            yield _note(sent_block.marker, LossReason.TTL_VALUE if _odd(sent_block.marker) else ttl, library)


def _shortened(sent_block: SentBlock, marker: MarkerRequest) -> bool:
    """A ttl was asked for, and the cache point has none; five minutes are the default anyway."""
    requested_ttl = mapping(marker.control).get("ttl")
    return (
        requested_ttl is not None
        and requested_ttl != "5m"
        and "ttl" not in mapping(mapping(sent_block.block).get("cachePoint"))
    )


def _odd(marker: MarkerRequest) -> bool:
    return mapping(marker.control).get("ttl") not in ("5m", "1h")


def _note(marker: MarkerRequest, loss: LossReason, library: str) -> Note:
    reason = REASONS[loss]
    what = {
        Place.POINT: f"the injection point at {marker.route}",
        Place.DEFAULT: marker.route,
        Place.REQUEST: marker.route,
    }.get(marker.place, f"cache_control on {marker.target} ({marker.place})")
    lead = "is lost" if reason.code == DROPPED else {"moved": "is moved", "ttl_lost": "loses its ttl"}.get(reason.code)
    verdict = lead or "goes where it is not read"
    warning = "" if reason.silent or reason.code != DROPPED else "; it logs a warning"
    detail = f"{what} {verdict}: {library} {reason.text}{warning}"
    return Note(reason.code, marker.route, detail, reason.hint, reason.silent, ground=reason.ground)
