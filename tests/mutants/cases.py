"""A healthy log, the same log broken in one way, and what must be told of it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.mutants import changes as c
from tests.mutants.asks import Ask, unlabelled
from tests.mutants.provider import Provider
from tests.mutants.shapes import SHAPES

MODES = ("stays", "once", "each time", "a while")
_FEW = ("stays", "once", "a while")


@dataclass(frozen=True)
class Mutation:
    """`cause` is what the change must be told as. `modes`: how long it lasts."""

    cause: str
    change: c.Change
    modes: tuple[str, ...] = _FEW


def _anywhere(make: Callable[[random.Random], str]) -> c.Change:
    def change(rng: random.Random, body: dict) -> bool:
        return c.put(make, body.setdefault("place", rng.choice(["start", "middle", "block"])))(rng, body)

    return change


def _either(*values: object) -> Callable[[str], c.Change]:
    def named(name: str) -> c.Change:
        return lambda rng, body: c.settle(name, rng.choice(values))(rng, body)

    return named


def _fifth(rng: random.Random, body: dict) -> bool:
    return c.mark_more(rng, body)


MUTATIONS: dict[str, Mutation] = {
    "timestamp": Mutation("prefix_changed", _anywhere(c.stamp), MODES),
    "date": Mutation("prefix_changed", _anywhere(c.day), MODES),
    "uuid": Mutation("prefix_changed", _anywhere(c.ident), MODES),
    "counter": Mutation("prefix_changed", _anywhere(c.tally), MODES),
    "tool order": Mutation("prefix_changed", c.shuffle_tools, MODES),
    "tool keys": Mutation("prefix_changed", c.tool_keys),
    "input keys": Mutation("prefix_changed", c.input_keys),
    "tool edit": Mutation("prefix_changed", c.edit_tool),
    "tool gone": Mutation("prefix_changed", c.drop_tool),
    "tool renamed": Mutation("prefix_changed", c.rename_tool),
    "first question": Mutation("prefix_changed", c.ask_again, MODES),
    "whitespace": Mutation("prefix_changed", c.white),
    "reworded": Mutation("prefix_changed", c.reword),
    "image": Mutation("prefix_changed", c.encode_image, MODES),
    "pruned": Mutation("prefix_changed", c.prune),
    "compacted": Mutation("prefix_changed", c.compact, ("stays",)),
    "model": Mutation("model_changed", lambda rng, body: True),
    "effort": Mutation("params_changed", _either("low", "medium")("effort")),
    "tool choice": Mutation("params_changed", _either("any")("choice")),
    "thinking": Mutation("params_changed", _either(2000, 4000)("thinking")),
    "speed": Mutation("params_changed", _either("fast")("speed")),
    "key": Mutation("key_changed", c.drift, MODES),
    "marks out": Mutation("marks_gone", c.unmark),
    "newest unmarked": Mutation("marks_gone", c.unmark_newest),
    "fifth mark": Mutation("mark_rejected", _fifth),
    "pages": Mutation("lookback", c.pages, ("stays",)),
    "pause": Mutation("expired", lambda rng, body: True, ("stays",)),
    "race": Mutation("race", lambda rng, body: True, ("once",)),
    "late race": Mutation("race", lambda rng, body: True, ("once",)),
    "forgotten": Mutation("evicted_or_routed", lambda rng, body: True, ("once",)),
}

_OTHER = {
    "claude-sonnet-4-6": "claude-sonnet-5",
    "claude-opus-4-8": "claude-opus-5",
    "claude-haiku-4-5": "claude-sonnet-4-6",
    "us.anthropic.claude-sonnet-4-6": "us.anthropic.claude-opus-4-8",
    "us.amazon.nova-pro-v1:0": "us.amazon.nova-lite-v1:0",
    "gpt-4o": "gpt-4o-mini",
    "gpt-4o-mini": "gpt-4o",
    "gpt-5.6-sol": "gpt-5.6-luna",
    "gpt-5.6-terra": "gpt-5.6-sol",
    "gpt-6-luna": "gpt-6-sol",
}


@dataclass(frozen=True)
class Case:
    """`sent` as broken, answered with `usages` (None: refused). `broken` are the places where less was read than in the
    healthy log; `at` is the first place that was changed. `healthy`, `healthy_usages`: the log before."""

    name: str
    mutation: str
    mode: str
    cause: str
    at: int
    sent: list[Ask]
    usages: list[dict | None]
    broken: list[int]
    healthy: list[Ask]
    healthy_usages: list[dict | None]


def make(shape: str, mutation: str, seed: int) -> Case | None:
    """A case; None where the mutation has no place in the shape or breaks nothing."""
    rng = random.Random(f"{shape} {mutation} {seed}")
    healthy, rate = SHAPES[shape](rng), rng.uniform(0.22, 0.3)
    bare = rng.random() < 0.5
    kind, mode = MUTATIONS[mutation], rng.choice(MUTATIONS[mutation].modes)
    at = rng.randint(1, len(healthy) - 2)
    if mutation in ("race", "late race"):
        at = _race_place(rng, healthy, mutation)
    sent = _broken(rng, healthy, mutation, mode, at)
    if sent is None or _opens(healthy, at) or (bare and mutation == "compacted"):
        return None
    if bare:
        healthy, sent = unlabelled(healthy), unlabelled(sent)
    before, after = answered(healthy, rate), answered(sent, rate, at if mutation == "forgotten" else None)
    if len(sent) > len(healthy):  # a race: the same call twice, and the second should have read what the first wrote
        broken = [at] if after[at]["read"] == 0 else []
    else:
        broken = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if _less(old, new)]
    if at not in broken:
        return None
    return Case(f"{shape} {mutation} {seed}", mutation, mode, kind.cause, at, sent, after, broken, healthy, before)


def _less(old: dict | None, new: dict | None) -> bool:
    """Whether clearly less was read; what is refused reads nothing."""
    if old is None or new is None:
        return new is None
    return new["read"] < old["read"] - 60


def answered(log: list[Ask], rate: float, forget: int | None = None) -> list[dict | None]:
    provider, out = Provider(rate), []
    for number, ask in enumerate(log):
        if number == forget:
            provider.forget()
        out.append(provider.answer(ask))
    return out


def _race_place(rng: random.Random, log: list[Ask], mutation: str) -> int:
    return 1 if mutation == "race" else rng.randint(2, len(log) - 1)


def _broken(rng: random.Random, healthy: list[Ask], mutation: str, mode: str, at: int) -> list[Ask] | None:
    if mutation == "forgotten":
        return healthy
    if mutation == "pause":
        longest = 300.0 if not healthy[at].model.startswith("gpt-5.6") else 1800.0
        longest = 3600.0 if healthy[at].body["system"][0]["mark"] == "1h" and rng.random() < 0.5 else longest
        later = longest * rng.uniform(1.3, 6)
        return [replace(ask, at=ask.at + (later if i >= at else 0)) for i, ask in enumerate(healthy)]
    if mutation == "race":
        return [healthy[0], replace(healthy[0], at=healthy[0].at + 0.1), *healthy[1:]]
    if mutation == "late race":
        return _late_race(healthy, at)
    return _changed(rng, healthy, mutation, mode, at)


def _opens(healthy: list[Ask], at: int) -> bool:
    """Whether the changed call is a session's first among others: then it is another prompt, and no change."""
    ask = healthy[at]
    return bool(ask.session) and ask.session not in {each.session for each in healthy[:at]}


def also(case: Case) -> set[str]:
    """Causes that are right too, at other calls than the changed one: what was not used meanwhile has expired. With
    the history the last picture may go, which is a change of its own."""
    if case.mutation == "compacted":
        return {"params_changed"}
    return {"expired"} if case.mutation == "late race" or case.mode in ("once", "a while") else set()


def _late_race(healthy: list[Ask], at: int) -> list[Ask] | None:
    """After a long pause the same call goes out twice at once."""
    moved = [replace(ask, at=ask.at + (90_000 if i >= at - 1 else 0)) for i, ask in enumerate(healthy)]
    return [*moved[:at], replace(moved[at - 1], at=moved[at - 1].at + 0.2), *moved[at:]]


def _changed(rng: random.Random, healthy: list[Ask], mutation: str, mode: str, at: int) -> list[Ask] | None:
    change, seed, out = MUTATIONS[mutation].change, rng.random(), []
    place, site = rng.choice(["start", "middle", "block"]), _site(healthy[at])
    for number, ask in enumerate(healthy):
        lasts = {"stays": True, "each time": True, "once": number == at, "a while": number < at + 3}[mode]
        if number < at or not lasts or _site(ask) != site:
            out.append(ask)
            continue
        body = copy.deepcopy(ask.body) | {"place": place}
        own = random.Random(f"{seed} {number if mode == 'each time' else 0}")
        if not _has_place(mutation, ask):
            return None
        if mutation in ("pages", "compacted"):
            fits = _lasting(own, body, healthy, (at, number), mutation)
        else:
            fits = change(own, body)
        if not fits and number == at:
            return None
        model = _OTHER[ask.model] if mutation == "model" else ask.model
        out.append(replace(ask, model=model, body=body))
    return out


def _has_place(mutation: str, ask: Ask) -> bool:
    """Whether the API has such a thing at all."""
    openai = ask.model.startswith("gpt")
    if mutation == "compacted":
        return bool(ask.session)
    if mutation == "tool choice":
        return bool(ask.body["tools"])
    if mutation in ("speed", "thinking", "key"):
        return (
            ask.api == "messages" if mutation == "speed" else openai == (mutation == "key") and "nova" not in ask.model
        )
    return mutation != "effort" or "nova" not in ask.model


def _lasting(rng: random.Random, body: dict, healthy: list[Ask], where: tuple[int, int], mutation: str) -> bool:
    """What stays in the history where it came: pages in a turn, or a summary before it. Without any history there is
    nothing to lose."""
    at, number = where
    place = len(healthy[at].body["messages"]) - 1
    if place == 0 or healthy[at].session != healthy[number].session:
        return number != at
    head, tail = body["messages"][: place + 1], body["messages"][place + 1 :]
    fits = MUTATIONS[mutation].change(rng, {"messages": head})
    body["messages"] = head + tail
    return fits


def _site(ask: Ask) -> tuple:
    return ask.api, ask.model, ask.session, ask.body["system"][0]["text"][:400]
