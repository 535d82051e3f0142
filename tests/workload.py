"""A seeded workload: conversations with an agent, sent as requests, answered by the simulators as the provider.

`conversation` makes requests with times; `record` answers them; `MUTATIONS` break one of them on purpose, each with the
cause that it must be told as.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from cachekit.core.cache.simulate import Caches, look_up, measured
from cachekit.core.model.backends import Backend
from cachekit.core.model.calls import Call
from cachekit.core.model.usage import Usage
from cachekit.core.providers import lower
from cachekit.core.providers.families import family_of, prefix_id

NOUNS = "harbour ledger turbine orchard valve parcel lantern survey gasket meadow circuit tariff".split()
VERBS = "measures records balances forwards inspects repairs compares stores".split()
FIELDS = {300.0: "write_5m", 3600.0: "write_1h", 1800.0: "write_30m", 43200.0: "write_12h"}
MARK = {"type": "ephemeral"}


@dataclass(frozen=True)
class Sent:
    """A request, when it was sent (seconds), and how long its answer took to begin and to end."""

    at: float
    request: dict
    first: float = 0.8
    took: float = 3.0
    session: str = ""


def prose(rng: random.Random, tokens: int) -> str:
    words = []
    while len(words) < tokens * 0.75:
        words += ["the", rng.choice(NOUNS), rng.choice(VERBS), "the", rng.choice(NOUNS)]
    return " ".join(words)


def conversation(seed: int, *, turns: int = 6, start: float = 1_790_000_000.0) -> list[Sent]:
    """An agent's conversation: tools, a marked system prompt, and a marker that moves with the newest message."""
    rng = random.Random(seed)
    tools = [
        {
            "name": f"{verb}_{noun}",
            "description": prose(rng, 60),
            "input_schema": {
                "type": "object",
                "properties": {"what": {"type": "string"}, "limit": {"type": "integer"}},
            },
        }
        for verb, noun in zip(rng.sample(VERBS, 4), rng.sample(NOUNS, 4), strict=True)
    ]
    system = [
        {"type": "text", "text": "You help with freight. " + prose(rng, rng.randint(1500, 4000)), "cache_control": MARK}
    ]
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    messages: list[dict] = []
    sent, at = [], start
    for turn in range(turns):
        content = [{"type": "text", "text": prose(rng, rng.randint(40, 400))}]
        if turn == 0:
            content.insert(0, picture)
        messages.append({"role": "user", "content": content})
        request = {
            "model": "claude-sonnet-4-6",
            "max_tokens": 1000,
            "tools": tools,
            "system": system,
            "messages": copy.deepcopy(messages),
        }
        request["messages"][-1]["content"][-1]["cache_control"] = MARK
        sent.append(Sent(at, request, session=f"s{seed}"))
        messages.append({"role": "assistant", "content": [{"type": "text", "text": prose(rng, rng.randint(30, 200))}]})
        at += rng.uniform(10, 120)
    return sent


def record(sent: list[Sent], *, blocks: bool = True) -> list[Call]:
    """The calls as a log would hold them: the provider's counters by the simulators, on the requests as sent."""
    caches, calls = Caches(), []
    for number, one in enumerate(sorted(sent, key=lambda s: s.at)):
        prompt = measured(lower(one.request, Backend.ANTHROPIC))
        call = Call(
            Usage(),
            ts=one.at,
            id=str(number),
            provider="anthropic",
            api="messages",
            model=one.request["model"],
            scope=prompt.scope,
            latency_ms=one.took * 1000,
            ttft_ms=one.first * 1000,
            status=200,
            prefix_id=prefix_id(prompt),
            family=family_of(prompt),
            labels={"session": one.session} if one.session else {},
            prompt=prompt,
        )
        if len(prompt.marked()) > 4:
            calls.append(replace(call, status=400, flags=frozenset({"error"}), usage=Usage(known=False)))
            continue
        calls.append(replace(call, usage=_answer(caches, call), prompt=prompt if blocks else None))
    return calls


def _answer(caches: Caches, call: Call) -> Usage:
    total = call.prompt.total().mid
    look = look_up(call)
    outcome = caches.step(look)
    writes = {FIELDS[ttl]: tokens for ttl, tokens in outcome.written}
    return Usage(uncached=total - outcome.read - sum(writes.values()), read=outcome.read, output=50, **writes)


Mutate = Callable[[random.Random, list[Sent], int], list[Sent]]


def from_here(change: Callable[[random.Random, dict], None]) -> Mutate:
    """The change holds from the k-th request on."""

    def mutate(rng: random.Random, sent: list[Sent], k: int) -> list[Sent]:
        out, seed = [], rng.random()
        for index, one in enumerate(sent):
            request = copy.deepcopy(one.request)
            if index >= k:
                change(random.Random(seed), request)
            out.append(replace(one, request=request))
        return out

    return mutate


def each_time(change: Callable[[random.Random, dict], None]) -> Mutate:
    """From the k-th request on, another value in each."""

    def mutate(rng: random.Random, sent: list[Sent], k: int) -> list[Sent]:
        out = []
        for index, one in enumerate(sent):
            request = copy.deepcopy(one.request)
            if index >= k:
                change(rng, request)
            out.append(replace(one, request=request))
        return out

    return mutate


def _prepend(text: Callable[[random.Random], str]) -> Callable[[random.Random, dict], None]:
    def change(rng: random.Random, request: dict) -> None:
        block = request["system"][0]
        block["text"] = f"You help with freight. {text(rng)} {block['text'].removeprefix('You help with freight. ')}"

    return change


def _stamp(rng: random.Random) -> str:
    return f"Now: 2026-11-{rng.randint(10, 28)}T{rng.randint(10, 23)}:{rng.randint(10, 59)}:{rng.randint(10, 59)}Z."


def _uuid(rng: random.Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return f"Ref {digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}."


def _reorder_tools(rng: random.Random, request: dict) -> None:
    request["tools"] = request["tools"][1:] + request["tools"][:1]


def _reorder_keys(rng: random.Random, request: dict) -> None:
    request["tools"][0] = dict(reversed(request["tools"][0].items()))


def _edit_tool(rng: random.Random, request: dict) -> None:
    request["tools"][1]["description"] += " It also sorts them."


def _white(rng: random.Random, request: dict) -> None:
    request["system"][0]["text"] = request["system"][0]["text"].replace(" the ", "  the ", 1)


def _image(rng: random.Random, request: dict) -> None:
    request["messages"][0]["content"][0]["source"]["data"] = "iVBORw0KGgoAAA=="


def _unmark(rng: random.Random, request: dict) -> None:
    request["system"][0].pop("cache_control", None)
    for message in request["messages"]:
        for block in message["content"]:
            block.pop("cache_control", None)


def _fifth_mark(rng: random.Random, request: dict) -> None:
    for tool in request["tools"]:
        tool["cache_control"] = MARK


def _many_blocks(rng: random.Random, sent: list[Sent], k: int) -> list[Sent]:
    """25 blocks in one turn; only its last one is marked, and the system marker is taken out everywhere."""
    pages = [{"type": "text", "text": f"Page {'i' * n}."} for n in range(1, 26)]
    out, place = [], 2 * k
    for index, one in enumerate(sent):
        request = copy.deepcopy(one.request)
        request["system"][0].pop("cache_control", None)
        if index >= k:
            request["messages"][place]["content"] = pages + request["messages"][place]["content"]
        out.append(replace(one, request=request))
    return out


def _later(seconds: float) -> Mutate:
    def mutate(rng: random.Random, sent: list[Sent], k: int) -> list[Sent]:
        return [replace(one, at=one.at + (seconds if index >= k else 0)) for index, one in enumerate(sent)]

    return mutate


def _race(rng: random.Random, sent: list[Sent], k: int) -> list[Sent]:
    """The first request is sent twice at once."""
    return [sent[0], replace(sent[0], at=sent[0].at + 0.2), *sent[1:]]


def _set(key: str, value: object) -> Callable[[random.Random, dict], None]:
    return lambda rng, request: request.__setitem__(key, value)


MUTATIONS: dict[str, tuple[Mutate, str, str]] = {
    "timestamp": (each_time(_prepend(_stamp)), "prefix_changed", "timestamp"),
    "date": (from_here(_prepend(lambda r: f"Today is 2026-11-{r.randint(10, 28)}.")), "prefix_changed", ""),
    "uuid": (each_time(_prepend(_uuid)), "prefix_changed", "uuid"),
    "counter": (each_time(_prepend(lambda r: f"Request number {r.randint(100, 99999)}.")), "prefix_changed", "counter"),
    "tool order": (from_here(_reorder_tools), "prefix_changed", "tool_order"),
    "key order": (from_here(_reorder_keys), "prefix_changed", "key_order"),
    "changed tool": (from_here(_edit_tool), "prefix_changed", "text"),
    "whitespace": (from_here(_white), "prefix_changed", "whitespace"),
    "image": (from_here(_image), "prefix_changed", "image"),
    "model": (from_here(_set("model", "claude-opus-4-8")), "model_changed", "model"),
    "effort": (from_here(_set("output_config", {"effort": "low"})), "params_changed", "effort"),
    "tool choice": (from_here(_set("tool_choice", {"type": "any"})), "params_changed", "tool_choice"),
    "pause": (_later(1200), "expired", ""),
    "race": (_race, "race", ""),
    "fifth mark": (from_here(_fifth_mark), "mark_rejected", ""),
    "marks out": (from_here(_unmark), "marks_gone", ""),
    "25 blocks": (_many_blocks, "lookback", ""),
}
"""Name -> (mutation, the cause it must be told as, the kind of change where that is certain)."""
