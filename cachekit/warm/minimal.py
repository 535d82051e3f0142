"""The raw request made minimal: the same cached prefix, no more behind it than must be, and next to no output.

Nothing in front of the last breakpoint is touched. What the providers take: platform.claude.com, prompt caching, copy
of 2026-08-21 (`max_tokens: 0` and where it is refused); openai Python 3.51.0 (`prewarm`); Responses refuses fewer than
16 output tokens, and reasoning models may refuse fewer on Chat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

from cachekit.core.catalog.models import identify
from cachekit.core.catalog.policy import Policy
from cachekit.core.jsonio.json_access import count, dig, items, mapping, text
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.model.backends import Backend
from cachekit.core.model.prompt import Prompt
from cachekit.core.model.routes import parent, resolve, steps
from cachekit.core.providers.draft import is_cache_point, without_markers
from cachekit.warm.choice import OPENAI, Choice

DUMMY = "."
"""What the user says in a turn that is only there because there must be one."""

Json = dict[str, object]
Place = tuple[int, int | None]
"""The last message to keep, and the last of its parts; None keeps the whole message."""

_THINKING = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, slots=True)
class Shape:
    """How an API writes the parts of a message: the id of the tool call that a part makes or answers, an answer to a
    call, and text."""

    asks: Callable[[object], str | None]
    answers: Callable[[object], str | None]
    answer: Callable[[str], Json]
    text: Callable[[str], Json]


def _anthropic_id(kind: str, key: str) -> Callable[[object], str | None]:
    return lambda part: text(mapping(part).get(key)) if mapping(part).get("type") == kind else None


def _converse_id(kind: str) -> Callable[[object], str | None]:
    return lambda part: text(mapping(mapping(part).get(kind)).get("toolUseId"))


ANTHROPIC = Shape(
    asks=_anthropic_id("tool_use", "id"),
    answers=_anthropic_id("tool_result", "tool_use_id"),
    answer=lambda call: {"type": "tool_result", "tool_use_id": call, "content": DUMMY},
    text=lambda words: {"type": "text", "text": words},
)
CONVERSE = Shape(
    asks=_converse_id("toolUse"),
    answers=_converse_id("toolResult"),
    answer=lambda call: {"toolResult": {"toolUseId": call, "content": [{"text": DUMMY}]}},
    text=lambda words: {"text": words},
)


def cut_turns(messages: Sequence[object], last: Place | None, shape: Shape) -> list[object]:
    """The messages up to a part, in the forms that keep a turn's parts in its `content`. Without a place: none of
    them."""
    if last is None:
        return [_dummy_turn(shape)]
    index, part = last
    message = mapping(messages[index])
    parts = _parts(message, shape)
    end = len(parts) if part is None else part + 1
    kept, rest = parts[:end], parts[end:]
    if message.get("role") == "user":
        kept += [without_markers(p) for p in rest if shape.answers(p)]
    else:
        kept += _server_results(rest)
    turns: list[object] = [*messages[:index], {**message, "content": kept}]
    return _ended(turns, kept, messages[index + 1 :], shape)


def _parts(message: object, shape: Shape) -> list[object]:
    content = mapping(message).get("content")
    return [shape.text(content)] if isinstance(content, str) else list(items(content))


def _server_results(rest: Sequence[object]) -> list[object]:
    """The results of the provider's own tools stand behind their calls in the same message, and must stay there."""
    kept: list[object] = []
    for part in rest:
        if not str(mapping(part).get("type")).endswith("_tool_result"):
            break
        kept.append(without_markers(part))
    return kept


def _ended(turns: list[object], kept: list[object], following: Sequence[object], shape: Shape) -> list[object]:
    """The turns with one of the user at their end."""
    role = mapping(turns[-1]).get("role")
    calls = [call for part in kept if (call := shape.asks(part))] if role != "user" else []
    if calls:
        parts = _parts(following[0] if following else {}, shape)
        known = {shape.answers(part): without_markers(part) for part in parts}
        return [*turns, {"role": "user", "content": [known.get(call) or shape.answer(call) for call in calls]}]
    if role != "user":
        return [*turns, _dummy_turn(shape)]
    marked = next((part for part in reversed(kept) if not is_cache_point(part)), None)
    sent = [mapping(part) for turn in turns for part in items(mapping(turn).get("content"))]
    thinks = any(part.get("type") in _THINKING or "reasoningContent" in part for part in sent)
    if shape.answers(marked) and thinks:
        return turns  # a text behind the results would end the turn, and older models then drop its thinking
    return [*turns[:-1], {**mapping(turns[-1]), "content": [*kept, shape.text(DUMMY)]}]


def _dummy_turn(shape: Shape) -> Json:
    return {"role": "user", "content": [shape.text(DUMMY)]}


def cut_chat(messages: Sequence[object], last: Place | None, dummy: bool) -> list[object]:
    """As `cut_turns` for Chat Completions, whose tool results are messages. `dummy`: end with a turn of the user."""
    kept = _kept(messages, last)
    calls = {str(mapping(c).get("id")): None for m in kept for c in items(mapping(m).get("tool_calls"))}
    done = {mapping(m).get("tool_call_id") for m in kept}
    results = {str(mapping(m).get("tool_call_id")): m for m in messages if mapping(m).get("role") == "tool"}
    for call in calls:
        if call not in done:
            kept.append(without_markers(results.get(call) or {"role": "tool", "tool_call_id": call, "content": DUMMY}))
    return [*kept, {"role": "user", "content": DUMMY}] if dummy or not kept else kept


def cut_items(sequence: Sequence[object], last: Place | None, dummy: bool) -> list[object]:
    """As `cut_chat` for the items of Responses."""
    kept = _kept(sequence, last)
    done = {mapping(item).get("call_id") for item in kept if _is_output(item)}
    outputs = {mapping(item).get("call_id"): item for item in sequence if _is_output(item)}
    for item in list(kept):
        call, kind = mapping(item).get("call_id"), str(mapping(item).get("type"))
        if call is not None and not _is_output(item) and call not in done:
            empty = {"type": f"{kind}_output", "call_id": call, "output": DUMMY}
            kept.append(without_markers(outputs.get(call) or empty))
    return [*kept, {"role": "user", "content": DUMMY}] if dummy or not kept else kept


def _is_output(item: object) -> bool:
    return str(mapping(item).get("type")).endswith("_output")


def _kept(sequence: Sequence[object], last: Place | None) -> list[object]:
    if last is None:
        return []
    index, part = last
    message = sequence[index]
    content = mapping(message).get("content")
    if part is not None and isinstance(content, list):
        message = {**mapping(message), "content": content[: part + 1]}
    return [*sequence[:index], message]


LADDER = (0, 1, 16, 64, 256, 1024)
"""Limits on output, from what costs least to what every API takes."""

_DROPPED = ("stream", "stream_options", "n", "background", "logprobs", "top_logprobs", "diagnostics", "include")
"""Keys that are no part of the prompt and make an answer long, late or hard to read."""


@dataclass(frozen=True, slots=True)
class Minimal:
    """A body to send, its limit on output, and the most output tokens that it can cost."""

    body: Json
    limit: int
    output: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a minimal request must have: the prefix, the ttl of its breakpoints (None: as they are), the limit on
    output (None: the least), and whether the messages are cut. `answer`: the model is to say something, however
    little, instead of only filling the cache."""

    choice: Choice
    ttl: str | None = None
    output: int | None = None
    cut: bool = True
    answer: bool = False


def minimise(prompt: Prompt, policy: Policy, wanted: Wanted) -> Minimal:
    """The minimal form of a lowered request; its own body is left as it is."""
    body = own_body(prompt)
    _set_marks(body, prompt, policy, wanted)
    key = "input" if prompt.backend is Backend.OPENAI_RESPONSES else "messages"
    if wanted.cut and prompt.blocks[wanted.choice.index].route != key:  # a lone string is kept as it is
        body[key] = _cut(prompt, items(body.get(key)), _place(prompt, wanted.choice), wanted.choice.dummy)
    return least_output(body, prompt, policy, wanted)


def own_body(prompt: Prompt) -> Json:
    """A copy of a prompt's body that may be changed, without what makes an answer long, late or hard to read."""
    return {key: deepcopy(value) for key, value in prompt.body.items() if key not in _DROPPED}


def least_output(body: Json, prompt: Prompt, policy: Policy, wanted: Wanted) -> Minimal:
    """The body with as little output as its API takes, or as much as the options say."""
    form = _form(prompt)
    if form is Backend.OPENAI_RESPONSES:
        return _responses(body, policy, wanted)
    if form is Backend.OPENAI_CHAT:
        return _chat(body, prompt, wanted)
    return _converse(body, wanted) if form is Backend.BEDROCK_CONVERSE else _messages(body, prompt, wanted)


def _form(prompt: Prompt) -> Backend:
    """Whose form the body has; InvokeModel takes Anthropic's and, for Nova, Converse's."""
    if prompt.backend is Backend.BEDROCK_INVOKE_ANTHROPIC and is_nova(prompt.body):
        return Backend.BEDROCK_CONVERSE
    return prompt.backend


def is_nova(body: Mapping[str, object]) -> bool:
    """Whether an InvokeModel body is Nova's."""
    return "schemaVersion" in body or "toolConfig" in body or "amazon.nova" in str(body.get("model"))


# --- breakpoints ----------------------------------------------------------------------------------------------------


def _set_marks(body: Json, prompt: Prompt, policy: Policy, wanted: Wanted) -> None:
    """Breakpoints behind the chosen one go, an automatic one becomes explicit where it stands, all get the ttl."""
    for index, _, mark in reversed(prompt.marked()):
        if index > wanted.choice.index and not mark.automatic:
            holder, last = resolve(body, parent(mark.route)), steps(mark.route)[-1]
            del holder[last]  # type: ignore[attr-defined]  # a route of a mark leads into an object or a list
    if prompt.backend not in OPENAI and body.get("cache_control") is not None:
        marker = body.pop("cache_control")
        block = next((b for b in prompt.blocks if b.mark is not None and b.mark.automatic), None)
        if block is not None and prompt.blocks.index(block) <= wanted.choice.index:
            _make_explicit(body, block.route, marker)
    if wanted.ttl is not None:
        _set_ttl(body, prompt, policy, wanted.ttl)


def _make_explicit(body: Json, route: str, marker: object) -> None:
    holder, last = resolve(body, parent(route)), steps(route)[-1]
    value = holder[last]  # type: ignore[index]
    marked = (
        [{"type": "text", "text": value, "cache_control": marker}]
        if isinstance(value, str)
        else {**mapping(value), "cache_control": marker}
    )
    holder[last] = marked  # type: ignore[index]


def _set_ttl(body: Json, prompt: Prompt, policy: Policy, ttl: str) -> None:
    if policy.style == "automatic":
        return  # their lifetime is the account's or the request's own, not the ping's
    if prompt.backend in OPENAI:
        body["prompt_cache_options"] = {**mapping(body.get("prompt_cache_options")), "ttl": ttl}
        return
    for mark in sent_marks(body, prompt.backend):
        holder = resolve(body, mark.route)
        for key in ("cache_control", "cachePoint"):
            if isinstance(holder, dict) and isinstance(holder.get(key), dict):
                holder[key] = {**holder[key], "ttl": ttl}


# --- messages -------------------------------------------------------------------------------------------------------


def _place(prompt: Prompt, choice: Choice) -> Place | None:
    """Where the chosen prefix ends among the messages; None where it ends before them."""
    block = prompt.blocks[choice.index]
    ends = [_step(block.route)]
    if choice.mark is not None and not choice.mark.automatic:
        ends.append(_step(choice.mark.route))
    known = [end for end in ends if end is not None]
    return max(known, key=lambda place: (place[0], -1 if place[1] is None else place[1])) if known else None


def _step(route: str) -> Place | None:
    """The message and the part that a route leads to: `messages[3].content[0].cache_control` is (3, 0)."""
    path = steps(route)
    if len(path) < 2 or path[0] not in ("messages", "input") or not isinstance(path[1], int):
        return None
    inner = path[3] if len(path) > 3 and path[2] == "content" else None
    return path[1], inner if isinstance(inner, int) else None


def _cut(prompt: Prompt, messages: object, place: Place | None, dummy: bool) -> list[object]:
    sequence = items(messages)
    if prompt.backend is Backend.OPENAI_RESPONSES:
        return cut_items(sequence, place, dummy)
    if prompt.backend is Backend.OPENAI_CHAT:
        return cut_chat(sequence, place, dummy)
    return cut_turns(sequence, place, CONVERSE if _form(prompt) is Backend.BEDROCK_CONVERSE else ANTHROPIC)


# --- output ---------------------------------------------------------------------------------------------------------


def _messages(body: Json, prompt: Prompt, wanted: Wanted) -> Minimal:
    """Anthropic's form. Only the Claude API is documented to take 0; an answer with enabled thinking needs more than
    its budget."""
    structured = dig(body, "output_config", "format") is not None or body.get("output_format") is not None
    forced = dig(body, "tool_choice", "type") in ("any", "tool")
    nothing = prompt.backend is Backend.ANTHROPIC and not structured and not forced and not wanted.answer
    least = _thinking_budget(body.get("thinking")) or (0 if nothing else 1)
    output = least if wanted.output is None else wanted.output
    return Minimal({**body, "max_tokens": output}, output, output)


def _thinking_budget(thinking: object) -> int | None:
    if mapping(thinking).get("type") != "enabled":
        return None
    return (count(mapping(thinking).get("budget_tokens")) or 1024) + 1


def _converse(body: Json, wanted: Wanted) -> Minimal:
    extra = mapping(body.get("additionalModelRequestFields"))
    least = _thinking_budget(extra.get("thinking") or extra.get("reasoning_config")) or 1
    output = max(1, least if wanted.output is None else wanted.output)
    limits = {key: value for key, value in mapping(body.get("inferenceConfig")).items() if key != "max_new_tokens"}
    return Minimal({**body, "inferenceConfig": {**limits, "maxTokens": output}}, output, output)


def _responses(body: Json, policy: Policy, wanted: Wanted) -> Minimal:
    """Models with breakpoints prepare the cache without any output; the limit stays for gateways that do not know."""
    output = max(16, wanted.output or 0)
    body = {**body, "max_output_tokens": output, "store": False}
    if not policy.implicit or wanted.answer:
        return Minimal(body, output, output)
    options = {k: v for k, v in mapping(body.get("prompt_cache_options")).items() if k != "comparison_response_id"}
    return Minimal({**body, "prompt_cache_options": {**options, "prewarm": True}}, output, 0)


def _chat(body: Json, prompt: Prompt, wanted: Wanted) -> Minimal:
    identity = identify(prompt.scope.model, "openai")
    reasons = not identity.name.startswith(("gpt-4", "gpt-3", "chatgpt"))
    output = max(1, (16 if reasons else 1) if wanted.output is None else wanted.output)
    key = "max_tokens" if "max_tokens" in body and "max_completion_tokens" not in body else "max_completion_tokens"
    return Minimal({**body, key: output}, output, output)


def raised(limit: int) -> int | None:
    """The next limit to try where one was refused; None above them all."""
    return next((more for more in LADDER if more > limit), None)
