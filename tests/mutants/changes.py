"""What breaks a prefix: small changes of a plain body, each by the name of the cause that it must be told as."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.mutants.asks import START, text, tool, words

Change = Callable[[random.Random, dict], bool]
"""Changes a body in place; False where it has no place in that body."""


def _moment(rng: random.Random) -> datetime:
    return datetime.fromtimestamp(START, UTC) + timedelta(seconds=rng.randint(0, 10_000_000))


def stamp(rng: random.Random) -> str:
    at = _moment(rng)
    forms = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%d %b %Y %H:%M:%S GMT", "%B %d, %Y at %I:%M %p", "%s"]
    shown = at.strftime(rng.choice(forms[:4])) if rng.random() < 0.85 else str(int(at.timestamp()))
    forms = ["Current time: {}.", "It is now {}.", "[generated {}]", "Server clock {}", "<now>{}</now>"]
    return rng.choice(forms).format(shown)


def day(rng: random.Random) -> str:
    at = _moment(rng)
    forms = ["%Y-%m-%d", "%B %d, %Y", "%d %B %Y", "%m/%d/%Y", "%A, %B %d, %Y", "%d.%m.%Y"]
    return rng.choice(["Today is {}.", "Date: {}", "As of {},"]).format(at.strftime(rng.choice(forms)))


def ident(rng: random.Random) -> str:
    value = uuid.UUID(int=rng.getrandbits(128), version=4)
    shown = rng.choice([str(value), str(value), value.hex, f"req_{value.hex[:24]}"])
    return rng.choice(["Request id: {}.", "session={}", "Trace {}", "<run id='{}'>"]).format(shown)


def tally(rng: random.Random) -> str:
    value = rng.randint(2, 99_999)
    forms = ["Request number {}.", "Turn {} of this shift.", "Open tickets: {}", "Message #{}", "queue_depth={}."]
    forms += ["You have answered {} questions so far.", "{} letters are waiting."]
    return rng.choice(forms).format(value)


def put(make: Callable[[random.Random], str], place: str) -> Change:
    """Puts a sentence at the start, in the middle or as a block of its own before the system text."""

    def change(rng: random.Random, body: dict) -> bool:
        first, line = body["system"][0], make(rng)
        if place == "block":
            body["system"].insert(0, text(line))
        elif place == "start":
            first["text"] = f"{line} {first['text']}"
        else:
            head, dot, tail = first["text"].partition(". ")
            first["text"] = f"{head}{dot}{line} {tail}"
        return True

    return change


def ask_again(rng: random.Random, body: dict) -> bool:
    """The first question of a history with the moment, an id or a count in it."""
    if len(body["messages"]) < 3:
        return False
    part = next(part for part in body["messages"][0]["parts"] if part["kind"] == "text")
    part["text"] = f"{part['text']} {rng.choice([stamp, ident, tally])(rng)}"
    return True


def drop_tool(rng: random.Random, body: dict) -> bool:
    if len(body["tools"]) < 2:
        return False
    gone = body["tools"].pop(rng.randrange(len(body["tools"]) - 1))
    return gone is not None


def rename_tool(rng: random.Random, body: dict) -> bool:
    if not body["tools"]:
        return False
    body["tools"][0]["name"] += "_v2"
    return True


def shuffle_tools(rng: random.Random, body: dict) -> bool:
    if len(body["tools"]) < 2:
        return False
    marks = [each.get("mark") for each in body["tools"]]
    before = list(body["tools"])
    while body["tools"] == before:
        rng.shuffle(body["tools"])
    for each, mark in zip(body["tools"], marks, strict=True):
        each["mark"] = mark
    return True


def tool_keys(rng: random.Random, body: dict) -> bool:
    if not body["tools"]:
        return False
    each = rng.choice(body["tools"])
    where = rng.choice(["top", "schema", "property"])
    if where == "top":
        fresh = dict(reversed(each.items()))
        each.clear()
        each.update(fresh)
    elif where == "schema":
        each["schema"] = dict(reversed(each["schema"].items()))
    else:
        fields = each["schema"]["properties"]
        fields["path"] = dict(reversed(fields["path"].items()))
    return True


def input_keys(rng: random.Random, body: dict) -> bool:
    """In the arguments of a call in the history."""
    calls = [part for message in body["messages"] for part in message["parts"] if part["kind"] == "call"]
    if not calls:
        return False
    calls[0]["input"] = dict(reversed(calls[0]["input"].items()))
    return True


def edit_tool(rng: random.Random, body: dict) -> bool:
    if not body["tools"]:
        return False
    each = rng.choice(body["tools"])
    how = rng.choice(["words", "field", "more", "fewer", "name"])
    if how == "words":
        each["description"] += " It also keeps a list."
    elif how == "field":
        each["schema"]["properties"]["force"] = {"type": "boolean"}
    elif how == "name":
        each["name"] += "_v"
    elif how == "more":
        body["tools"].insert(rng.randrange(len(body["tools"])), tool(rng, "brand_new"))
    elif len(body["tools"]) > 1:
        body["tools"].pop(0)
    else:
        return False
    return True


def white(rng: random.Random, body: dict) -> bool:
    first = body["system"][0]
    how = rng.choice(["double", "lines", "tail", "tabs"])
    if how == "double":
        first["text"] = first["text"].replace(" the ", "  the ", 1)
    elif how == "lines":
        first["text"] = first["text"].replace(". ", ".\r\n", 2)
    elif how == "tail":
        first["text"] += "\n"
    else:
        first["text"] = "\t" + first["text"]
    return True


def reword(rng: random.Random, body: dict) -> bool:
    first = body["system"][0]
    first["text"] = first["text"].replace("You look after", "You take care of", 1)
    return True


def encode_image(rng: random.Random, body: dict) -> bool:
    images = [p for message in body["messages"] for p in message["parts"] if p["kind"] == "image"]
    if not images:
        return False
    images[0]["data"] = images[0]["data"][:30] + "QQ" + "".join(rng.choice("qrstuv") for _ in range(9)) + "=="
    return True


def prune(rng: random.Random, body: dict) -> bool:
    """An old tool result, or an old message, is cut from the history."""
    old = [part for message in body["messages"][:-2] for part in message["parts"] if part["kind"] in ("result", "text")]
    if not old:
        return False
    rng.choice(old)["text"] = "[cleared]"
    return True


def compact(rng: random.Random, body: dict) -> bool:
    """The history becomes a summary."""
    if len(body["messages"]) < 4:
        return False
    body["messages"][:-1] = [
        {"role": "user", "parts": [text("Summary so far. " + words(rng, 80))]},
        {"role": "assistant", "parts": [text("Understood.")]},
    ]
    return True


def settle(name: str, value: object) -> Change:
    def change(rng: random.Random, body: dict) -> bool:
        body["settings"][name] = value
        return True

    return change


def drift(rng: random.Random, body: dict) -> bool:
    body["settings"]["key"] = f"user-{rng.randint(1, 999)}"
    return True


def _holders(body: dict) -> list[dict]:
    parts = [part for message in body["messages"] for part in message["parts"]]
    return [*body["tools"], *body["system"], *parts]


def unmark(rng: random.Random, body: dict) -> bool:
    marked = [each for each in _holders(body) if each.get("mark")]
    for each in marked:
        each["mark"] = None
    return bool(marked) or body["settings"].pop("auto", None) is not None


def unmark_newest(rng: random.Random, body: dict) -> bool:
    """The moving breakpoint only: the one on the system text stays."""
    last = body["messages"][-1]["parts"][-1]
    rest = [each for each in _holders(body) if each.get("mark") and each is not last]
    if not last.get("mark") or not rest:
        return False
    last["mark"] = None
    return True


def mark_more(rng: random.Random, body: dict) -> bool:
    """A fifth breakpoint."""
    settings = body["settings"]
    free = [each for each in [*body["tools"], *body["system"]] if not each.get("mark")]
    free += [part for m in body["messages"] for part in m["parts"] if part["kind"] == "text" and not part.get("mark")]
    have = sum(1 for each in _holders(body) if each.get("mark")) + ("auto" in settings)
    ttl = next((each["mark"] for each in _holders(body) if each.get("mark")), "5m")
    if have + len(free) < 5 or "mode" in settings:
        return False
    for each in free[: 5 - have]:
        each["mark"] = ttl
    return True


def pages(rng: random.Random, body: dict) -> bool:
    """25 new blocks at the start of the newest turn; the system text has no breakpoint of its own."""
    last = body["messages"][-1]["parts"]
    if any(part["kind"] == "result" for part in last):
        return False
    last[:0] = [text(f"Page {chr(65 + n)}. {words(rng, 20)}") for n in range(25)]
    return True
