"""Releases of the libraries: which one is meant, and what is known between and beyond the measured ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cachekit.core.jsonio.json_access import dig, mapping
from cachekit.core.libraries.sent import sent_marks
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.errors import UsageError

_NUMBERS = re.compile(r"\d{1,9}(?:\.\d{1,9})*")


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version, without zeros at the end and without what follows them ("1.80.0rc1" is 1.80); empty
    where it begins with none."""
    found = _NUMBERS.match(version.strip().removeprefix("v"))
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def same_major(version: str, other: str) -> bool:
    """Whether two releases promise the same interface."""
    return release(version)[:1] == release(other)[:1]


@dataclass(frozen=True, slots=True)
class Measured:
    """The two releases of a library that were driven and whose rules are written down."""

    library: str
    older: str
    newest: str


def by_release(version: str, measured: Measured, run: Callable[[bool], Wire]) -> Wire:
    """The wire of a release. `run(is_newest)` answers for a measured one; between the two the newest answers, and
    where the marks differ `unsure` names both. A release out of range is answered by the nearest one, and one that is
    older than all that were measured is unsure."""
    meant, older, newest = release(version), release(measured.older), release(measured.newest)
    if not meant or meant >= newest:
        return run(True)
    if meant == older:
        return run(False)
    if meant < older:
        reason = f"{measured.library} {version} is older than {measured.older}, the oldest release measured"
        return run(False).doubted(reason)
    before, after = run(False), run(True)
    if marks_of(before) == marks_of(after):
        return after
    places = f"{measured.library} {measured.older} and {measured.newest} differ here"
    return after.doubted(f"{places}; {version} lies between them and was not measured")


def beyond_measured(wire: Wire, request: Mapping[str, object], measured: Newest) -> Wire:
    """The wire of the newest release measured, as what a later one is assumed to send; certain where the request asks
    for nothing that a release could treat in another way."""
    if release(measured.version) and release(measured.version) <= release(measured.newest):
        return wire
    if not (wire.raises or wire.notes or sent_marks(wire.body, wire.backend) or speaks_of_caching(request)):
        return wire
    name = f"{measured.library} {measured.version}"
    return wire.doubted(f"{name} was not measured; this is what {measured.newest}, the newest measured, does")


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest release of a library that was measured, beside the `version` that is meant."""

    library: str
    newest: str
    version: str


_DEEPEST = 64


def speaks_of_caching(request: Mapping[str, object]) -> bool:
    """Whether any key of the request has to do with caching."""
    todo: list[tuple[object, int]] = [(request, 0)]
    while todo:
        node, depth = todo.pop()
        if isinstance(node, Mapping):
            if any(isinstance(key, str) and "cache" in key.lower() for key in node):
                return True
            todo += [(value, depth + 1) for value in node.values() if depth < _DEEPEST]
        elif isinstance(node, (list, tuple)):
            todo += [(value, depth + 1) for value in node if depth < _DEEPEST]
    return False


_SUFFIX = re.compile(r"(?:[-._]?(?:a|b|rc|alpha|beta|dev|post|nightly|stable)[-._]?\d*)*", re.IGNORECASE)


_UNLISTED = frozenset({(1,)})
"""Stands for the releases of a library that is not on the index that the list was made of."""


def check_release(library: str, version: str) -> None:
    """Raises UsageError for what is no release of a library: no version at all, or one that never was. Releases later
    than the newest on our list may exist."""
    plain = version.strip().removeprefix("v")
    numbers, releases = _NUMBERS.match(plain), _releases(library)
    releases = releases or _UNLISTED
    newest = ".".join(map(str, max(releases)))
    if numbers is None or not _SUFFIX.fullmatch(plain[numbers.end() :]):
        hint = f"give a number such as {newest}, or leave it out for the installed release"
        raise UsageError(f"{version[:40]!r} is no release of {library}", hint=hint)
    if release(plain) not in releases and release(plain) < max(releases):
        before = max((one for one in releases if one < release(plain)), default=min(releases))
        padded = ".".join(map(str, (*before, 0, 0)[: max(3, len(before))]))
        raise UsageError(f"{library} never had a release {version[:40]}", hint=f"there is {padded}")


@cache
def _releases(library: str) -> frozenset[tuple[int, ...]]:
    """The releases that the package index had on the date of the list."""
    raw = json.loads(files(__package__).joinpath("data/releases.json").read_bytes())
    found = set()
    for head, lasts in mapping(dig(raw, "libraries", library)).items():
        for span in str(lasts).split():
            first, _, last = span.partition("-")
            found |= {release(f"{head}.{number}") for number in range(int(first), int(last or first) + 1)}
    return frozenset(found)


def marks_of(wire: Wire) -> object:
    """What counts as the same answer: refused, or the same breakpoints on the same text."""
    if wire.raises is not None:
        return "raises"
    return sorted((m.section, str(m.ttl), m.tail) for m in sent_marks(wire.body, wire.backend))
