"""Calls before they take any API's form, and logs of several shapes made of them.

An ask's body is plain: tools, system blocks, messages of parts, settings. A block's `mark` is the ttl of its
breakpoint. `render` writes it in an API's form, `provider` answers it by rules of its own.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

SUBJECTS = "bridge kiln ferry loom vineyard quarry beacon cistern granary smithy orchard tannery windmill".split()
ACTS = "draws seals lifts sorts weighs mends paints ships trims stacks folds rinses".split()
ADJECTIVES = "amber brittle coarse distant even frosted gentle hollow iron jagged".split()


@dataclass(frozen=True)
class Ask:
    """When it is sent and by whom, its plain body, and when its answer begins and ends (seconds later)."""

    at: float
    api: str
    model: str
    body: dict
    first: float = 1.0
    took: float = 4.0
    session: str = ""


def words(rng: random.Random, tokens: int) -> str:
    """Prose of about so many tokens, without any digit."""
    out = []
    for _ in range(max(1, tokens // 10)):
        out.append(
            f"A {rng.choice(ADJECTIVES)} {rng.choice(SUBJECTS)} {rng.choice(ACTS)} the {rng.choice(ADJECTIVES)} "
            f"{rng.choice(SUBJECTS)} by the {rng.choice(SUBJECTS)}."
        )
    return " ".join(out)


def tool(rng: random.Random, name: str) -> dict:
    return {
        "name": name,
        "description": words(rng, rng.randint(40, 160)),
        "schema": {
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": words(rng, 10)},
                "depth": {"type": "integer"},
                "mode": {"type": "string", "enum": ["fast", "full"]},
            },
            "required": ["path"],
        },
    }


def tools(rng: random.Random, count: int) -> list[dict]:
    names = [f"{act}_{subject}" for act in ACTS for subject in SUBJECTS]
    return [tool(rng, name) for name in rng.sample(names, count)]


def text(value: str, mark: str | None = None) -> dict:
    return {"kind": "text", "text": value, "mark": mark}


def said(role: str, *parts: dict) -> dict:
    return {"role": role, "parts": list(parts)}


def picture(rng: random.Random) -> dict:
    data = "iVBORw0KGgo" + "".join(rng.choice("ABCDEFGHijklmnop") for _ in range(120))
    return {"kind": "image", "data": data + "==", "mark": None}


@dataclass(frozen=True)
class Shape:
    """`log` makes a healthy log. `marks`: the breakpoints a user sets, `none` where the provider caches by itself."""

    name: str
    log: Callable[[random.Random], list[Ask]]


def body(rng: random.Random, system: int, *, tool_count: int = 0, mark: str | None = "5m") -> dict:
    """A system prompt of about so many tokens, marked at its end, under so many tools."""
    parts = [text(f"You look after the {rng.choice(SUBJECTS)}. {words(rng, system)}", mark)]
    return {"tools": tools(rng, tool_count), "system": parts, "messages": [], "settings": {}}


def questions(
    rng: random.Random, api: str, model: str, base: dict, *, count: int = 9, gap: float = 90.0, start: float
) -> Iterator[Ask]:
    """One prompt, many questions with retrieved text, no history."""
    at = start
    for _ in range(count):
        asked = copy.deepcopy(base)
        asked["messages"] = [said("user", text(words(rng, rng.randint(30, 300))), text(words(rng, 20)))]
        yield Ask(at, api, model, asked, rng.uniform(0.4, 2), rng.uniform(2, 8))
        at += rng.uniform(8, gap)


@dataclass(frozen=True)
class Talk:
    """How a conversation goes: its turns, seconds between them at most, whether an agent calls tools (so many at once),
    thinks, sees a picture, and the ttl of the breakpoint on the newest message (None: unmarked)."""

    turns: int = 7
    gap: float = 100.0
    calls: int = 0
    thinks: bool = False
    sees: bool = False
    mark: str | None = "5m"


def conversation(
    rng: random.Random, api: str, model: str, base: dict, talk: Talk, *, start: float, session: str
) -> Iterator[Ask]:
    """A growing history; the breakpoint moves with the newest message."""
    at, history = start, []
    for turn in range(talk.turns):
        history.append(_user(rng, talk, turn))
        asked = copy.deepcopy(base) | {"messages": copy.deepcopy(history)}
        asked["messages"][-1]["parts"][-1]["mark"] = talk.mark
        yield Ask(at, api, model, asked, rng.uniform(0.4, 2), rng.uniform(2, 8), session)
        history.append(_assistant(rng, talk, turn))
        at += rng.uniform(9, talk.gap)


def _user(rng: random.Random, talk: Talk, turn: int) -> dict:
    if talk.calls and turn % 3:
        results = [
            {"kind": "result", "id": f"call{turn - 1}x{n}", "text": words(rng, rng.randint(20, 200)), "mark": None}
            for n in range(talk.calls)
        ]
        return said("user", *results)
    seen = [picture(rng)] if talk.sees and turn == 0 else []
    return said("user", *seen, text(words(rng, rng.randint(30, 300))))


def _assistant(rng: random.Random, talk: Talk, turn: int) -> dict:
    parts = [{"kind": "thinking", "text": words(rng, 30), "mark": None}] if talk.thinks else []
    parts.append(text(words(rng, rng.randint(20, 120))))
    if talk.calls and (turn + 1) % 3:
        parts += [
            {"kind": "call", "id": f"call{turn}x{n}", "name": "look", "input": {"path": words(rng, 8), "depth": n}}
            for n in range(talk.calls)
        ]
    return said("assistant", *parts)


START = 1_794_000_000.0


def interleaved(*logs: Iterator[Ask]) -> list[Ask]:
    """Several logs as one, in order of start; sessions that would begin under one another's feet are moved apart."""
    return sorted((ask for log in logs for ask in log), key=lambda ask: ask.at)


def unlabelled(log: list[Ask]) -> list[Ask]:
    return [replace(ask, session="") for ask in log]
