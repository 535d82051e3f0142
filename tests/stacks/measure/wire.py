"""What became of one marker: read from the bodies that arrived, without asking the models that are to be tested.

Every text of a case holds a word of its own (`#0007`), so that the text that a marker closes on the wire shows whether
it is the one that was marked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MARKERS = ("cache_control", "cachePoint", "prompt_cache_breakpoint")
WORD = re.compile(r"#\d{4}")
CREATED = "cachedContents"
CACHED = ("tools", "system_instruction", "systemInstruction", "contents")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A request with a JSON body that arrived."""

    host: str
    path: str
    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class Mark:
    """A marker on the wire: its name, its place without numbers (`messages[].content[]`), its ttl, and the word of the
    text that it closes (empty where it closes none)."""

    form: str
    place: str
    ttl: str | None
    closes: str


@dataclass(frozen=True, slots=True)
class Fate:
    """`fate`: kept, moved (another text or place), converted (another form), dropped or refused. `sent`: form and place
    on the wire. `ttl`: as sent, where it differs from the one that was asked for; `error`: of a refusal."""

    fate: str
    sent: str = ""
    ttl: str = ""
    error: str = ""


def fate_of_marker(received: Sequence[Received], asked: tuple[str, str, str | None], error: str) -> Fate:
    """`asked`: the marker's name, the word of the text that it should close, and its ttl."""
    form, word, ttl = asked
    if not received:
        return Fate("refused", error=error)
    marks = list(marks_of(received))
    if not marks:
        return Fate("dropped")
    sent = " + ".join(dict.fromkeys(f"{mark.form} at {mark.place}" for mark in marks))
    sent = f"{len(marks)} x {sent}" if len(marks) > 1 else sent
    ttls = ", ".join(dict.fromkeys(str(mark.ttl or "none") for mark in marks if mark.ttl != ttl))
    if [mark.closes for mark in marks] != [word]:
        return Fate("moved", sent, ttls)
    return Fate("kept" if marks[0].form == form else "converted", sent, ttls)


def fate_of_option(received: Sequence[Received], option: str, value: object, error: str) -> Fate:
    """Where a keyword that is no marker stands on the wire."""
    if not received:
        return Fate("refused", error=error)
    last = received[-1].body
    if last.get(option) == value:
        return Fate("kept", option)
    for path, node in _objects(last):
        if option in node:
            return Fate("moved", _place((*path, option)))
    return Fate("dropped")


def marks_of(received: Sequence[Received]) -> Iterator[Mark]:
    """The markers of the last body, and a cache that was created before it."""
    for call in received[:-1]:
        if call.path.endswith(CREATED):
            # the system prompt stands before the contents, wherever the object has it
            words = [word for key in CACHED for word in WORD.findall(json.dumps(call.body.get(key)))]
            ttl = call.body.get("ttl")
            yield Mark(CREATED, CREATED, None if ttl is None else str(ttl), words[-1] if words else "")
    for path, node in _objects(received[-1].body):
        for form in MARKERS:
            if node.get(form) is not None:
                marker = node[form]
                ttl = marker.get("ttl") if isinstance(marker, dict) else None
                yield Mark(
                    form, _place(path), None if ttl is None else str(ttl), _closes(received[-1].body, path, node)
                )


def _objects(body: object) -> Iterator[tuple[Path, dict[str, object]]]:
    todo: list[tuple[Path, object]] = [((), body)]
    while todo:
        path, node = todo.pop()
        if isinstance(node, dict):
            yield path, node
            todo += [((*path, key), value) for key, value in reversed(node.items())]
        elif isinstance(node, list):
            todo += [((*path, number), value) for number, value in reversed(list(enumerate(node)))]


def _closes(body: object, path: Path, node: dict[str, object]) -> str:
    """The last word of the object that carries a marker; of what stands before a point that is a block of its own."""
    if not path:
        return ""
    holder: object = node
    if set(node) == {"cachePoint"} and isinstance(path[-1], int):
        siblings = body
        for step in path[:-1]:
            siblings = siblings[step]
        holder = siblings[: path[-1]][-1:] if isinstance(siblings, list) else []
    words = WORD.findall(json.dumps(holder))
    return words[-1] if words else ""


def _place(path: Path) -> str:
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".") or "top level"
