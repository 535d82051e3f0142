"""ChatAnthropic and ChatAnthropicBedrock: messages and system prompt in Anthropic's form.

Rules found by driving langchain-anthropic 1.7.7 and 1.0.0 against a local server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from cachekit.core.auditors.stacks.langchain.media import claude_data, image_of_url, is_data
from cachekit.core.auditors.stacks.langchain.messages import Out, Part, RefusedError, Turn, need
from cachekit.core.routes import join

System = str | tuple[Part, ...] | None

_KEPT: Mapping[str, frozenset[str]] = {
    "text": frozenset({"type", "text", "cache_control", "citations"}),
    "thinking": frozenset({"type", "thinking", "cache_control", "signature"}),
    "redacted_thinking": frozenset({"type", "cache_control", "data"}),
    "server_tool_use": frozenset({"type", "id", "input", "name", "server_name", "cache_control"}),
    "mcp_tool_use": frozenset({"type", "id", "input", "name", "server_name", "cache_control"}),
}
_SERVER_RESULT = frozenset({"type", "content", "tool_use_id", "is_error", "cache_control", "retrieved_at"})
_SERVER_RESULTS = frozenset(
    "code_execution_tool_result bash_code_execution_tool_result text_editor_code_execution_tool_result "
    "mcp_tool_result web_search_tool_result web_fetch_tool_result tool_search_tool_result".split()
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs: the release, and whether the model takes a later system message where it stands."""

    newest: bool = True
    in_place: bool = False


def claude_messages(turns: tuple[Turn, ...], rules: Rules) -> tuple[System, tuple[Out, ...]]:
    """The system prompt and the messages of the body. Tool results become user messages, neighbours of one role are
    merged, a later system message is hoisted or kept in place."""
    merged = _merged(turns, rules)
    talk = [index for index, turn in enumerate(merged) if turn.kind != "system"]
    last = talk[-1] if talk else -1
    if not rules.newest:
        last = len(merged) - 1
    state = _Placed()
    for index, turn in enumerate(merged):
        if turn.kind == "system":
            state = _system(state, turn, index, rules)
            continue
        out = _message(turn, rules, trim=rules.newest and index == last)
        if out.content or out.role == "user" or index >= last:
            state = _talk(state, out)
    return state.system, (*state.out, *_kept_in_place(state.waiting))


@dataclass(frozen=True, slots=True)
class _Placed:
    """The body so far; `waiting` are later system messages whose place depends on what follows."""

    system: System = None
    taken: bool = False
    out: tuple[Out, ...] = ()
    waiting: tuple[Turn, ...] = ()


def _system(state: _Placed, turn: Turn, index: int, rules: Rules) -> _Placed:
    if index and rules.in_place and rules.newest and (state.waiting or _may_follow(state.out)):
        return replace(state, waiting=(*state.waiting, turn))
    return _hoisted(state, turn, rules)


def _hoisted(state: _Placed, turn: Turn, rules: Rules) -> _Placed:
    if state.taken:
        raise RefusedError("ValueError: LangChain takes one run of system messages, this request has several")
    return replace(state, system=system_content(turn, rules), taken=True)


def _may_follow(out: tuple[Out, ...]) -> bool:
    if not out:
        return False
    content = out[-1].content
    ending = content[-1].kind() if content and not isinstance(content, str) else ""
    return out[-1].role == "user" or ending.endswith("_tool_result")


def _talk(state: _Placed, out: Out) -> _Placed:
    if not state.waiting:
        return replace(state, out=(*state.out, out))
    if out.role == "assistant":
        return replace(state, out=(*state.out, *_kept_in_place(state.waiting), out), waiting=())
    for turn in state.waiting:
        state = _hoisted(state, turn, Rules())
    return replace(state, out=(*state.out, out), waiting=())


def _kept_in_place(waiting: tuple[Turn, ...]) -> Iterator[Out]:
    for turn in waiting:
        content = system_content(turn, Rules())
        if content:
            yield Out("system", content, turn.route)


def system_content(turn: Turn, rules: Rules) -> str | tuple[Part, ...]:
    """A system message: only blocks of text go out, with their markers; 1.0.0 sends any block."""
    if isinstance(turn.content, str):
        return turn.content
    if not rules.newest:
        return turn.content
    return tuple(_narrowed(part) for part in turn.content if part.kind() == "text")


def _narrowed(part: Part) -> Part:
    kept = _KEPT[part.kind()]
    return replace(part, value={key: value for key, value in part.value.items() if key in kept})


def _merged(turns: tuple[Turn, ...], rules: Rules) -> list[Turn]:
    merged: list[Turn] = []
    for turn in turns:
        current = _as_human(turn, rules) if turn.kind == "tool" else turn
        if merged and current.kind in ("human", "system") and merged[-1].kind == current.kind:
            merged[-1] = replace(merged[-1], content=(*merged[-1].parts(), *current.parts()))
        else:
            merged.append(current)
    return merged


def _as_human(turn: Turn, rules: Rules) -> Turn:
    """A tool message as a user message with one tool_result. Markers on its blocks are hoisted to the tool_result (the
    last one wins); 1.0.0 leaves them inside."""
    content = turn.content
    if not isinstance(content, str) and content and all(part.kind() == "tool_result" for part in content):
        return Turn("human", content, turn.route)
    result: dict[str, object] = {"type": "tool_result", "content": content}
    result |= {"tool_use_id": turn.call_id, "is_error": turn.failed}
    if isinstance(content, str):
        return Turn("human", (Part(result, turn.route),), turn.route)
    marked = [part for part in content if "cache_control" in part.value]
    route = turn.route
    if rules.newest and marked:
        content = tuple(_bare(part) for part in content)
        if marked[-1].value["cache_control"]:
            result["cache_control"] = marked[-1].value["cache_control"]
            route = marked[-1].route
    return Turn("human", (Part(result, route, content),), turn.route)


def _bare(part: Part) -> Part:
    return replace(part, value={key: value for key, value in part.value.items() if key != "cache_control"})


def _message(turn: Turn, rules: Rules, trim: bool) -> Out:
    role = "assistant" if turn.kind == "ai" else "user"
    content: str | tuple[Part, ...] = turn.content
    if not isinstance(content, str):
        content = tuple(_formatted(content, turn, rules))
    if turn.calls:
        content = _with_calls(content, turn)
    if trim and role == "assistant":
        content = _trimmed(content)
    return Out(role, content, turn.route)


def _with_calls(content: str | tuple[Part, ...], turn: Turn) -> tuple[Part, ...]:
    parts = (turn.as_text(),) if isinstance(content, str) and content else content or ()
    held = () if isinstance(parts, str) else parts
    known = [part.value.get("id") for part in held if part.kind() == "tool_use"]
    return (*held, *(use_of(call) for call in turn.calls if call.value["id"] not in known))


def use_of(call: Part) -> Part:
    """A tool call as Anthropic's tool_use: name, arguments and id, nothing else."""
    value = call.value
    return Part({"type": "tool_use", "name": value["name"], "input": value["args"], "id": value["id"]}, call.route)


def _trimmed(content: str | tuple[Part, ...]) -> str | tuple[Part, ...]:
    if isinstance(content, str):
        return content.rstrip()
    if content and content[-1].kind() == "text":
        last = content[-1]
        text = last.value.get("text")
        shown = {**last.value, "text": text.rstrip() if isinstance(text, str) else text}
        return (*content[:-1], replace(last, value=shown))
    return content


def _formatted(parts: Iterable[Part], turn: Turn, rules: Rules) -> Iterator[Part]:
    for part in parts:
        if "type" not in part.value:
            raise RefusedError(f"ValueError: {part.route} has no `type` (Dict content block must have a type key)")
        yield from _block(part, turn, rules)


def _block(part: Part, turn: Turn, rules: Rules) -> Iterator[Part]:
    kind = part.kind()
    if kind == "image_url":
        yield image_of_url(part)
    elif is_data(part.value):
        yield claude_data(part)
    elif kind == "tool_use":
        yield from _tool_use(part, turn)
    elif kind == "tool_result":
        yield _tool_result(part, turn, rules)
    elif kind == "text":
        text = part.value.get("text", "")
        if not isinstance(text, str):
            raise RefusedError(f"AttributeError: the text of {part.route} is no string")
        if text.strip():
            yield _narrowed(part)
    elif kind in _KEPT:
        yield _narrowed(part)
    elif kind in _SERVER_RESULTS:
        yield replace(part, value={key: value for key, value in part.value.items() if key in _SERVER_RESULT})
    elif kind not in ("reasoning", "function_call") or not rules.newest:
        yield part


def _tool_use(part: Part, turn: Turn) -> Iterator[Part]:
    """Rebuilt from name, input and id, so a marker on it is lost; a tool call with the same id stands for it."""
    block_id = need(part.value, "id", part.route)
    same = [call for call in turn.calls if call.value["id"] == block_id]
    if same:
        yield from map(use_of, same)
        return
    name, given = need(part.value, "name", part.route), part.value.get("input") or {}
    yield Part({"type": "tool_use", "name": name, "input": given, "id": block_id}, part.route)


def _tool_result(part: Part, turn: Turn, rules: Rules) -> Part:
    content = need(part.value, "content", part.route)
    if isinstance(content, str):
        return part
    if part.inner is None and not isinstance(content, list):
        raise RefusedError(f"ValidationError: the content of {part.route} must be a string or a list")
    inner = part.inner if part.inner is not None else tuple(_inner(content, part.route))
    return replace(part, inner=tuple(_formatted(inner, replace(turn, calls=()), rules)))


def _inner(content: object, route: str) -> Iterator[Part]:
    for index, block in enumerate(content if isinstance(content, list) else ()):
        place = join(join(route, "content"), index)
        if not isinstance(block, (str, dict)):
            raise RefusedError(f"ValidationError: {place} must be a string or an object")
        yield Part(block if isinstance(block, dict) else {"type": "text", "text": block}, place)
