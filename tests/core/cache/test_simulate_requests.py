"""What one request leaves another: the simulator and the emulator answer generated pairs with the same counts."""

from __future__ import annotations

import json
import random

import pytest

from cachekit.core.cache.simulate import TimedPrompt, simulate_requests
from cachekit.core.catalog.policy import find_policy
from cachekit.core.catalog.tokens import measure
from cachekit.core.model.backends import Backend
from cachekit.core.model.usage import Usage
from cachekit.core.providers import lower
from cachekit.emulator import Clock, Emulator
from cachekit.emulator.exchange import respond
from cachekit.emulator.values import Request

WORDS = "harbour ledger parcel berth crane tide pilot manifest customs quay rope barge lantern keel".split()
ROUTES = {
    "claude": (Backend.ANTHROPIC, "anthropic", "claude-sonnet-4-6", "/v1/messages"),
    "gpt-4o": (Backend.OPENAI_CHAT, "openai", "gpt-4o", "/v1/chat/completions"),
    "gpt-5.6": (Backend.OPENAI_CHAT, "openai", "gpt-5.6-sol", "/v1/chat/completions"),
}


def text(rng, words):
    return " ".join(rng.choice(WORDS) for _ in range(words))


def part(rng, kind, words, mark):
    block = {"type": "text", "text": text(rng, words)}
    if mark and kind == "claude":
        block["cache_control"] = {"type": "ephemeral"} if mark == "5m" else {"type": "ephemeral", "ttl": mark}
    elif mark and kind == "gpt-5.6":
        block["prompt_cache_breakpoint"] = {"mode": "explicit"}
    return block


def made(rng, kind):
    """A conversation: a system text and some turns, breakpoints here and there, those of an hour first."""
    lives = sorted((rng.choice(["", "", "5m", "1h"]) for _ in range(4)), key=["1h", "5m", ""].index)
    marks = iter(lives)
    system = [part(rng, kind, rng.choice([200, 900, 2500]), next(marks))]
    turns = [
        {"role": "user" if n % 2 == 0 else "assistant", "content": [part(rng, kind, rng.choice([5, 400]), mark)]}
        for n, mark in enumerate(("", *marks)[: rng.choice([1, 3])])
    ]
    body = {"model": ROUTES[kind][2], "messages": turns}
    if kind == "claude":
        return {**body, "system": system, "max_tokens": 5, **rng.choice([{}, {"tools": [tool(rng)]}])}
    return {**body, "messages": [{"role": "developer", "content": system}, *turns]}


def tool(rng):
    return {"name": "find", "description": text(rng, 600), "input_schema": {"type": "object", "properties": {}}}


def changed(rng, kind, body):
    """A later request: the same, longer, with another question, with its system text changed, with a moved mark."""
    later = json.loads(json.dumps(body))
    for _ in range(rng.choice([0, 1, 1, 2])):
        change, messages = rng.choice(["longer", "question", "system", "much longer", "tool choice"]), later["messages"]
        if change == "question":
            messages[-1]["content"] = [part(rng, kind, 30, "")]
        elif change == "system":
            place = later["system"] if kind == "claude" else messages[0]["content"]
            place[0]["text"] += " " + text(rng, 3)
        elif change == "tool choice" and kind == "claude" and "tools" in later:
            later["tool_choice"] = {"type": "any"}
        else:
            for _ in range(1 if change == "longer" else 12):
                messages.append({"role": "assistant", "content": [part(rng, "", 20, "")]})
                messages.append({"role": "user", "content": [part(rng, "", 20, "")]})
            if kind == "claude" and all("1h" not in json.dumps(m) for m in messages):
                del_marks(messages[:-1])
                messages[-1]["content"] = [part(rng, kind, 40, "5m")]
    return later


def del_marks(messages):
    for message in messages:
        for block in message["content"]:
            block.pop("cache_control", None)


def emulated(kind, pair, gap):
    """What the emulator counts for the pair; None where it refuses one of them."""
    emulator, found = Emulator(clock=Clock(1_800_000_000)), []
    for body in pair:
        answer = respond(emulator, Request("POST", ROUTES[kind][3], json.dumps(body).encode()))
        if answer.status != 200:
            return None
        emulator.begin(answer.look)
        usage = emulator.calls[-1].usage
        found.append(Usage(usage.uncached, usage.read, usage.write_5m, usage.write_1h, usage.write_30m))
        emulator.clock.advance(gap)
    return found


@pytest.mark.parametrize("kind", ROUTES)
def test_pairs_are_counted_as_the_emulator_counts_them(kind):
    backend, host, model, _ = ROUTES[kind]
    rng, compared, read, broken = random.Random(kind), 0, 0, 0
    for _ in range(120):
        body = made(rng, kind)
        pair, gap = (body, changed(rng, kind, body)), rng.choice([1, 200, 300, 301, 2000, 3600])
        right = emulated(kind, pair, gap)
        if right is None:
            continue
        policy = find_policy(model, host)
        prompts = [measure(lower(each, backend)) for each in pair]
        found = list(simulate_requests(TimedPrompt(p, policy, n * gap) for n, p in enumerate(prompts)))
        assert [each.usage for each in found] == right
        compared, read, broken = compared + 1, read + (right[1].read > 0), broken + (0 == right[1].read < right[0].read)
        assert (found[1].read_block >= 0) == (right[1].read > 0)
    assert compared > 60
    assert compared > read > 10


def request(text_, *, first_event=0.0, at=0.0):
    body = {
        "model": "claude-sonnet-4-6",
        "system": [{"type": "text", "text": text_, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": "Which berth?"}],
    }
    return TimedPrompt(lower(body, Backend.ANTHROPIC), find_policy("claude-sonnet-4-6", "anthropic"), at, first_event)


LONG = text(random.Random(1), 3000)


@pytest.mark.parametrize(("gap", "reads"), [(299, True), (300, False), (301, False)])
def test_the_ends_of_a_lifetime(gap, reads):
    _, later = simulate_requests([request(LONG), request(LONG, at=gap)])
    assert (later.usage.read > 0, later.usage.write_5m > 0, later.read_block) == (reads, not reads, 0 if reads else -1)


def test_what_is_sent_before_the_first_answer_has_begun_reads_nothing():
    _, meanwhile, after = simulate_requests(
        [request(LONG, first_event=2), request(LONG, at=1, first_event=0.5), request(LONG, at=3)]
    )
    assert (meanwhile.usage.read, after.usage.read > 0) == (0, True)


def test_of_an_unknown_model_nothing_is_predicted():
    prompt = lower({"model": "m", "messages": [{"role": "user", "content": LONG}]}, Backend.ANTHROPIC)
    (found,) = simulate_requests([TimedPrompt(prompt, find_policy("m", "anthropic"))])
    assert (found.usage.read, found.usage.written, found.predictable) == (0, 0, False)
    assert found.usage.uncached > 2000


def test_server_tools_are_looked_up_and_not_promised():
    body = {
        "model": "claude-sonnet-4-6",
        "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        "system": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": "Which berth?"}],
    }
    policy = find_policy("claude-sonnet-4-6", "anthropic")
    (found,) = simulate_requests([TimedPrompt(lower(body, Backend.ANTHROPIC), policy)])
    assert (found.predictable, found.usage.write_1h > 0, found.usage.write_5m > 0) == (False, True, True)
