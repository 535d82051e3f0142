"""System messages: the leading ones become the system prompt, a later one is moved or kept, by release and model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from cachekit.core.jsonio.json_access import mapping
from cachekit.core.libraries.litellm.reasons import LossReason
from cachekit.core.libraries.litellm.release import wire_text
from cachekit.core.libraries.litellm.values import MarkerRequest, Part, Turn, text_route

TextParts = Callable[[Turn], tuple[Part, ...]]
"""The texts of a system message that are kept when it is moved."""


def split_leading(turns: Sequence[Turn]) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
    """The system messages that open the conversation, and all that follows."""
    first = next((i for i, turn in enumerate(turns) if turn.role != "system"), len(turns))
    return tuple(turns[:first]), tuple(turns[first:])


def split_anywhere(turns: Sequence[Turn]) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
    """All system messages, wherever they stand, and all others: what 1.80.0 does."""
    system = (turn for turn in turns if turn.role == "system")
    return tuple(system), tuple(turn for turn in turns if turn.role != "system")


def without_developer(turns: Sequence[Turn]) -> tuple[tuple[Turn, ...], tuple[tuple[MarkerRequest, LossReason], ...]]:
    """Developer messages as system messages, which keep nothing but their content."""
    lost = tuple(
        (turn.marker, LossReason.DEVELOPER) for turn in turns if turn.role == "developer" and turn.marker is not None
    )
    out = (
        replace(turn, role="system", marker=None, value={"role": "system", "content": turn.value.get("content")})
        if turn.role == "developer"
        else turn
        for turn in turns
    )
    return tuple(out), lost


def strict_texts(turn: Turn) -> tuple[Part, ...]:
    """The texts of a moved system message for an Anthropic body: markers are rebuilt, and kept only if ephemeral."""
    return tuple(replace(part, marker=_ephemeral(part.marker)) for part in loose_texts(turn))


def loose_texts(turn: Turn) -> tuple[Part, ...]:
    """The texts of a moved system message for Converse: any marker is kept."""
    if isinstance(turn.content, str):
        route = text_route(turn)
        return (Part(route, {"type": "text", "text": turn.content}, turn.marker),) if turn.content else ()
    return tuple(part for part in turn.content or () if _is_text(part))


def _is_text(part: Part) -> bool:
    value = mapping(part.value)
    return value.get("type") == "text" and isinstance(value.get("text"), str) and bool(value["text"])


def _ephemeral(marker: MarkerRequest | None) -> MarkerRequest | None:
    if marker is None:
        return None
    control = mapping(marker.control)
    if control.get("type") != "ephemeral":
        return replace(marker, lost=LossReason.NOT_EPHEMERAL if control else LossReason.NOT_OBJECT)
    ttl = control.get("ttl")
    return replace(marker, control={"type": "ephemeral", "ttl": ttl} if ttl in ("1h", "5m") else {"type": "ephemeral"})


def as_user(turn: Turn, texts: TextParts) -> tuple[Turn, ...]:
    """A system message as a user message, behind LiteLLM's own note; nothing where it has no text."""
    kept = texts(turn)
    note = Part(turn.route, {"type": "text", "text": wire_text("operator_note")})
    beside = None if isinstance(turn.content, str) else turn.marker
    return (Turn("user", turn.route, {}, (note, *kept), beside),) if kept else ()


def move_systems(turns: Sequence[Turn], texts: TextParts, *, any_tool: bool) -> tuple[Turn, ...]:
    """Every system message in place as a user message; a run of them between a tool call and its results follows the
    results. `any_tool`: behind whatever tool messages follow, even without a call before."""
    runs = [(kind, tuple(run)) for kind, run in groupby(turns, key=_kind)]
    waits = [_waits(runs, i, any_tool) for i in range(len(runs))]
    out: list[Turn] = []
    for i, (kind, run) in enumerate(runs):
        if kind != "system":
            out += run
        elif not waits[i]:
            out += _users(run, texts)
        if i and waits[i - 1]:
            out += _users(runs[i - 1][1], texts)
    return tuple(out)


def _users(run: Sequence[Turn], texts: TextParts) -> Iterator[Turn]:
    return (user for turn in run for user in as_user(turn, texts))


def _kind(turn: Turn) -> str:
    return {"system": "system", "tool": "tool", "function": "tool", "user": "user"}.get(turn.role, "other")


def _waits(runs: Sequence[tuple[str, tuple[Turn, ...]]], index: int, any_tool: bool) -> bool:
    """The run of system messages is sent behind the run that follows it."""
    if runs[index][0] != "system" or index + 1 >= len(runs) or runs[index + 1][0] != "tool":
        return False
    return any_tool or (index > 0 and bool(runs[index - 1][1][-1].calls))


def keep_systems(turns: Sequence[Turn], renders: Callable[[Turn], bool]) -> tuple[Turn, ...]:
    """For models that take the role inside messages: a run of system messages follows the user's side next to it, if
    an assistant message or the end comes after; else it becomes user messages in place."""
    sides = _sides(turns)
    anchors = {run[0]: _anchor(run, turns, sides, renders) for run in _system_runs(turns)}
    out: list[Turn] = []
    for number, side in enumerate(sides):
        for index in side:
            out.append(turns[index])
            run = next((r for r in _system_runs(turns) if r[0] == index + 1 and anchors[r[0]] is None), ())
            out += _users([turns[i] for i in run], strict_texts)
        indices = [i for run in _system_runs(turns) if anchors[run[0]] == number for i in run]
        out += _merged([turns[i] for i in indices])
    return tuple(out)


def _merged(run: Sequence[Turn]) -> tuple[Turn, ...]:
    parts = tuple(part for turn in run for part in strict_texts(turn))
    return (Turn("system", run[0].route, {}, parts),) if parts else ()


def _sides(turns: Sequence[Turn]) -> list[list[int]]:
    """Indices of the messages that are no system messages, grouped by who speaks: the user's side or the assistant."""
    spoken = [i for i, turn in enumerate(turns) if turn.role != "system"]
    return [list(group) for _, group in groupby(spoken, key=lambda i: _of_user(turns[i]))]


def _system_runs(turns: Sequence[Turn]) -> list[list[int]]:
    runs = groupby(range(len(turns)), key=lambda i: turns[i].role == "system")
    return [list(group) for is_system, group in runs if is_system]


def _of_user(turn: Turn) -> bool:
    return turn.role in ("user", "tool", "function")


def _anchor(
    run: Sequence[int], turns: Sequence[Turn], sides: list[list[int]], renders: Callable[[Turn], bool]
) -> int | None:
    """The side behind which a run of system messages may stay, by its number; None: nowhere."""
    before, after = run[0] - 1, run[-1] + 1
    beside = before if _of_user(turns[before]) else after
    if beside >= len(turns) or not _of_user(turns[beside]):
        return None
    number = next(n for n, side in enumerate(sides) if beside in side)
    visible = [any(renders(turns[i]) for i in side) for side in sides]
    if not visible[number]:
        return None
    later = next((n for n in range(number + 1, len(sides)) if visible[n]), None)
    return number if later is None or not _of_user(turns[sides[later][0]]) else None
