"""Releases of the libraries: which one is meant, and what is known between and beyond the measured ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from cachekit.core.auditors.sent import sent_marks
from cachekit.core.auditors.stacks.wire import Wire

_NUMBERS = re.compile(r"\d{1,9}(?:\.\d{1,9})*")


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version, without zeros at the end and without what follows them ("1.80.0rc1" is 1.80); empty
    where it begins with none."""
    found = _NUMBERS.match(version.strip().removeprefix("v"))
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


@dataclass(frozen=True, slots=True)
class Measured:
    """The two releases of a library that were driven and whose rules are written down."""

    library: str
    older: str
    newest: str


def by_release(version: str, measured: Measured, run: Callable[[bool], Wire]) -> Wire:
    """The wire of a release. `run(is_newest)` answers for a measured one; between the two the newest answers, and
    where the marks differ `unsure` names both. Releases out of range are answered by the nearest one: an older one,
    and one of a later major version, are unsure."""
    asked, older, newest = release(version), release(measured.older), release(measured.newest)
    name = f"{measured.library} {version}"
    if asked == newest or not asked:
        return run(True)
    if asked == older:
        return run(False)
    if asked > newest:
        wire = run(True)
        return (
            wire if asked[0] == newest[0] else _unsure(wire, f"{name} is a later major release than {measured.newest}")
        )
    if asked < older:
        return _unsure(run(False), f"{name} is older than {measured.older}, the oldest release measured")
    before, after = run(False), run(True)
    if _signature(before) == _signature(after):
        return after
    places = f"{measured.library} {measured.older} and {measured.newest} differ here"
    return _unsure(after, f"{places}; {version} lies between them and was not measured")


def _unsure(wire: Wire, why: str) -> Wire:
    return replace(wire, unsure=(*wire.unsure, why))


def _signature(wire: Wire) -> object:
    """What counts as the same answer: refused, or the same breakpoints on the same text."""
    if wire.raises is not None:
        return "raises"
    return sorted((m.section, str(m.ttl), m.tail) for m in sent_marks(wire.body, wire.backend))
