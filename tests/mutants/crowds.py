"""Healthy logs in which many things go on side by side: nothing in them may be told as a miss."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import replace

from tests.mutants.asks import START, Ask, Talk, body, conversation, interleaved, questions, said, text, words
from tests.mutants.shapes import ON_BEDROCK, OPUS, SONNET, Log


def two_models(rng: random.Random) -> list[Ask]:
    """Sessions of two models under one prompt."""
    base = body(rng, 2500, tool_count=3)
    return interleaved(
        *(
            conversation(rng, "messages", model, base, Talk(6), start=START + 31 * n, session=f"s{n}")
            for n, model in enumerate([SONNET, OPUS, SONNET, OPUS])
        )
    )


def keys(rng: random.Random) -> list[Ask]:
    """A routing key for each session."""
    base = body(rng, 2500, mark=None)
    model, logs = rng.choice(["gpt-4o", "gpt-5.6-sol"]), []
    for n in range(3):
        own = copy.deepcopy(base)
        own["settings"]["key"] = f"session-{n}"
        talk = Talk(6, mark=None)
        logs.append(conversation(rng, "chat", model, own, talk, start=START + 400 * n, session=f"s{n}"))
    return interleaved(*logs)


def tenants(rng: random.Random) -> list[Ask]:
    """One prompt with the tenant's name in it, used side by side."""
    base = body(rng, 2500)
    names = [f"Tenant {n}" for n in range(3)] if rng.random() < 0.5 else ["Acme", "Globex", "Initech"]
    logs = []
    for n, name in enumerate(names):
        own = copy.deepcopy(base)
        own["system"][0]["text"] = f"You work for {name}. " + own["system"][0]["text"]
        logs.append(questions(rng, "messages", SONNET, own, count=6, start=START + 17 * n))
    return interleaved(*logs)


def toolsets(rng: random.Random) -> list[Ask]:
    """One system prompt with two sets of tools."""
    base = body(rng, 2500, tool_count=6)
    small = {**copy.deepcopy(base), "tools": copy.deepcopy(base["tools"][:3])}
    return interleaved(
        questions(rng, "messages", SONNET, base, count=6, start=START),
        questions(rng, "messages", SONNET, small, count=6, start=START + 13),
    )


def greetings(rng: random.Random) -> list[Ask]:
    """Short conversations that begin and go on alike, without sessions."""
    base, out = body(rng, 2500), []
    for n in range(6):
        start = START + 150 * n
        history = [said("user", text(rng.choice(["hi", "hello", "hey there"])))]
        history += [said("assistant", text("Hello, I am the assistant of this place. How may I help you today?"))]
        for turn in range(3):
            history.append(said("user", text(words(rng, 20), "5m")))
            out.append(Ask(start + 20 * turn, "messages", SONNET, copy.deepcopy(base) | {"messages": history}))
            history = copy.deepcopy(history)
            history[-1]["parts"][-1]["mark"] = None
            history.append(said("assistant", text(rng.choice(["Fine.", "Done, anything else?"]))))
    return out


def forks(rng: random.Random) -> list[Ask]:
    """One session whose history goes on in several ways at once."""
    base = body(rng, 2500, tool_count=2)
    trunk = list(conversation(rng, "messages", SONNET, base, Talk(4), start=START, session="f"))
    last, out = trunk[-1], []
    for n in range(4):
        branch = copy.deepcopy(last.body)
        branch["messages"][-1]["parts"][-1]["mark"] = "5m"
        task = [said("assistant", text("On it.")), said("user", text(words(rng, 60), "5m"))]
        branch["messages"] += task
        out.append(replace(last, at=last.at + 20 + 0.1 * n, body=branch))
    return [*trunk, *out]


def marked_questions(rng: random.Random) -> list[Ask]:
    """Single questions with an automatic breakpoint, some with one session label for all."""
    base = body(rng, 2000)
    base["settings"]["auto"] = "5m"
    session = rng.choice(["", "one"])
    return [replace(ask, session=session) for ask in questions(rng, "messages", SONNET, base, start=START)]


def chats(rng: random.Random) -> list[Ask]:
    """Conversations with an automatic breakpoint only, one after the other, without sessions."""
    base = body(rng, rng.choice([300, 2500]), mark=None)
    base["settings"]["auto"] = "5m"
    talks: list[Iterator[Ask]] = [
        conversation(rng, "messages", SONNET, base, Talk(5, mark=None), start=START + 210 * n, session="")
        for n in range(4)
    ]
    return interleaved(*talks)


def unmarked(rng: random.Random) -> list[Ask]:
    """Nobody asked for a cache."""
    base = body(rng, 2500, tool_count=2, mark=None)
    return list(conversation(rng, "converse", ON_BEDROCK, base, Talk(6, mark=None), start=START, session="u"))


def slow(rng: random.Random) -> list[Ask]:
    """Answers that take long: a log in order of their ends is out of order."""
    base = body(rng, 2500, tool_count=2)
    log = interleaved(
        *(
            conversation(rng, "messages", SONNET, base, Talk(5, gap=60), start=START + 7 * n, session=f"s{n}")
            for n in range(4)
        )
    )
    return sorted((replace(ask, took=rng.uniform(1, 40)) for ask in log), key=lambda ask: ask.at)


def helpers(rng: random.Random) -> list[Ask]:
    """An agent and a helper with tools and a prompt of its own, in one session, both over several turns."""
    own, tools = body(rng, 2500, tool_count=4), rng.random() < 0.5
    other = body(rng, 2000, tool_count=2) | ({"tools": copy.deepcopy(own["tools"])} if tools else {})
    model, api = rng.choice([(SONNET, "messages"), (ON_BEDROCK, "converse")])
    return interleaved(
        conversation(rng, api, model, own, Talk(8, calls=2), start=START, session="h"),
        conversation(rng, api, model, other, Talk(5), start=START + 70, session="h"),
    )


def twins(rng: random.Random) -> list[Ask]:
    """Helpers of one prompt in one session, side by side, each with a task of its own."""
    base = body(rng, 2500, tool_count=4)
    trunk = conversation(rng, "messages", SONNET, base, Talk(3), start=START, session="t")
    talks = [
        conversation(rng, "messages", SONNET, base, Talk(4), start=START + 220 + 5 * n, session="t") for n in range(3)
    ]
    return interleaved(trunk, *talks)


def rewinds(rng: random.Random) -> list[Ask]:
    """A question further up is asked in other words, and the conversation goes on from there."""
    base = body(rng, 2500)
    trunk = list(conversation(rng, "messages", SONNET, base, Talk(6), start=START, session="r"))
    at = rng.randint(2, 4)
    edited = copy.deepcopy(trunk[at].body)
    edited["messages"][-1] = said("user", text(words(rng, 40), "5m"))
    again = replace(trunk[at], at=trunk[-1].at + 20, body=edited)
    more = copy.deepcopy(edited)
    more["messages"][-1]["parts"][-1]["mark"] = None
    more["messages"] += [said("assistant", text(words(rng, 30))), said("user", text(words(rng, 30), "5m"))]
    return [*trunk, again, replace(again, at=again.at + 20, body=more)]


def shelf(rng: random.Random) -> list[Ask]:
    """Several long documents, each asked about a few times, in turn."""
    base, logs = body(rng, 200, mark=None), []
    for n in range(4):
        paper = text(words(rng, rng.randint(1800, 4000)), "5m")
        log = questions(rng, "messages", SONNET, base, count=4, start=START + 13 * n)
        logs.append(
            replace(ask, body=ask.body | {"messages": [said("user", copy.deepcopy(paper), text(words(rng, 20)))]})
            for ask in log
        )
    return interleaved(*logs)


CROWDS: dict[str, Log] = {
    one.__name__: one
    for one in (
        two_models,
        keys,
        tenants,
        toolsets,
        greetings,
        forks,
        marked_questions,
        chats,
        unmarked,
        slow,
        helpers,
        twins,
        rewinds,
        shelf,
    )
}
