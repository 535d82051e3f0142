"""Healthy logs of many shapes: every read that is due happens."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import replace

from tests.mutants.asks import START, Ask, Talk, body, conversation, interleaved, questions, said, text, words

SONNET, OPUS, NOVA = "claude-sonnet-4-6", "claude-opus-4-8", "us.amazon.nova-pro-v1:0"
ON_BEDROCK = "us.anthropic.claude-sonnet-4-6"

Log = Callable[[random.Random], list[Ask]]


def rag(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1800, 5000))
    return list(questions(rng, "messages", SONNET, base, start=START))


def rag_with_tools(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1800, 4000), tool_count=5)
    return list(questions(rng, "messages", "claude-haiku-4-5", _long(rng, base), start=START))


def _long(rng: random.Random, base: dict) -> dict:
    """Beyond Haiku's minimum."""
    base["system"][0]["text"] += " " + base["system"][0]["text"] * 2
    return base


def agent(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1500, 4000), tool_count=4)
    talk = Talk(rng.randint(6, 9), calls=rng.choice([1, 3, 6]), thinks=rng.random() < 0.4, sees=rng.random() < 0.4)
    return list(conversation(rng, "messages", SONNET, base, talk, start=START, session="a1"))


def agents(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1500, 3000), tool_count=4)
    talks = [Talk(rng.randint(5, 8), calls=rng.choice([0, 2]), sees=rng.random() < 0.3) for _ in range(3)]
    return interleaved(
        *(
            conversation(rng, "messages", OPUS, base, talk, start=START + 37 * n, session=f"s{n}")
            for n, talk in enumerate(talks)
        )
    )


def automatic(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1500, 4000), tool_count=rng.choice([0, 3]), mark=None)
    base["settings"]["auto"] = "5m"
    talk = Talk(rng.randint(6, 9), mark=None)
    return list(conversation(rng, "messages", SONNET, base, talk, start=START, session="auto"))


def mixed_ttls(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(2000, 4000), tool_count=4, mark="1h")
    base["tools"][-1]["mark"] = "1h"
    talk = Talk(rng.randint(6, 9), calls=rng.choice([0, 2]))
    return list(conversation(rng, "messages", SONNET, base, talk, start=START, session="m1"))


def hours(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(2000, 4000), mark="1h")
    return list(questions(rng, "messages", SONNET, base, gap=2400.0, start=START))


def converse(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1500, 4000), tool_count=4)
    base["tools"][-1]["mark"] = "5m"
    talk = Talk(rng.randint(6, 9), calls=rng.choice([0, 2]), sees=rng.random() < 0.4)
    return list(conversation(rng, "converse", ON_BEDROCK, base, talk, start=START, session="c1"))


def converse_rag(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1800, 4000), tool_count=3)
    return list(questions(rng, "converse", ON_BEDROCK, base, start=START))


def invoke(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1500, 4000), tool_count=3)
    talk = Talk(rng.randint(6, 9), calls=rng.choice([0, 2]))
    return list(conversation(rng, "invoke", ON_BEDROCK, base, talk, start=START, session="i1"))


def nova(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1800, 4000))
    talk = Talk(rng.randint(6, 9), mark=rng.choice(["5m", None]))
    return list(conversation(rng, "converse", NOVA, base, talk, start=START, session="n1"))


def chat(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1500, 4000), tool_count=rng.choice([0, 4]), mark=None)
    talk = Talk(rng.randint(6, 9), calls=rng.choice([0, 2]), mark=None, sees=rng.random() < 0.3)
    return list(conversation(rng, "chat", "gpt-4o", base, talk, start=START, session="g1"))


def chat_rag(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1800, 4000), tool_count=rng.choice([0, 3]), mark=None)
    return list(questions(rng, "chat", "gpt-4o-mini", base, start=START))


def implicit(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1500, 4000), tool_count=rng.choice([0, 3]), mark=None)
    base["settings"]["key"] = "team-ledger"
    talk = Talk(rng.randint(6, 9), mark=None)
    return list(
        conversation(rng, rng.choice(["chat", "responses"]), "gpt-5.6-sol", base, talk, start=START, session="x")
    )


def explicit(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1500, 4000), tool_count=rng.choice([0, 3]), mark="30m")
    base["settings"] |= {"mode": "explicit", "key": "team-ledger"}
    return list(questions(rng, rng.choice(["chat", "responses"]), "gpt-5.6-terra", base, gap=300.0, start=START))


def marked_chat(rng: random.Random) -> list[Ask]:
    base = body(rng, rng.randint(1500, 4000), mark="30m")
    return list(questions(rng, "responses", "gpt-6-luna", base, gap=300.0, start=START))


def examples(rng: random.Random) -> list[Ask]:
    """Examples as a history, the last one marked, under a short system prompt; single questions behind them."""
    base, shown = body(rng, 300, mark=None), []
    for _ in range(rng.randint(4, 7)):
        shown += [said("user", text(words(rng, rng.randint(150, 300)))), said("assistant", text(words(rng, 10)))]
    shown[-1]["parts"][-1]["mark"] = "5m"
    log = questions(rng, "messages", SONNET, base, start=START)
    return [replace(ask, body=ask.body | {"messages": [*copy.deepcopy(shown), *ask.body["messages"]]}) for ask in log]


def contract(rng: random.Random) -> list[Ask]:
    """A long document, marked, and one question about it at a time."""
    base, paper = body(rng, 200, mark=None), text(words(rng, rng.randint(2500, 5000)), "5m")
    out = []
    for ask in questions(rng, "messages", OPUS, base, start=START):
        asked = said("user", copy.deepcopy(paper), ask.body["messages"][0]["parts"][-1])
        out.append(replace(ask, body=ask.body | {"messages": [asked]}))
    return out


def fleet(rng: random.Random) -> list[Ask]:
    """Several families and sessions at once."""
    first, second = body(rng, 2500, tool_count=3), body(rng, 2000)
    third = body(rng, 3000, mark=None)
    return interleaved(
        conversation(rng, "messages", SONNET, first, Talk(6, calls=2), start=START, session="f1"),
        conversation(rng, "messages", SONNET, first, Talk(6), start=START + 41, session="f2"),
        questions(rng, "messages", SONNET, second, count=7, start=START + 11),
        questions(rng, "chat", "gpt-4o", third, count=7, start=START + 23),
    )


SHAPES: dict[str, Log] = {
    one.__name__: one
    for one in (
        rag,
        rag_with_tools,
        agent,
        agents,
        automatic,
        mixed_ttls,
        hours,
        converse,
        converse_rag,
        invoke,
        nova,
        chat,
        chat_rag,
        implicit,
        explicit,
        marked_chat,
        examples,
        contract,
        fleet,
    )
}
