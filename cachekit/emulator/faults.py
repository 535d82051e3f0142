"""Faults on request: what goes wrong with an answer, by header, by order or at a rate.

429;retry-after=1    an error status (400 to 599) instead of an answer, perhaps with that header
overloaded           the provider's own status for it: 529 at Anthropic, 503 elsewhere (so does 529)
error                one of 429, 500 and overloaded, drawn
silent-miss          nothing is read, although an entry lives; it is written again
drop                 the connection ends without an answer
truncate-stream      the connection ends in the middle of an answer that has begun
first-event=0.3      seconds until the answer begins, and entries can be read
latency=2            seconds until it is complete
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random

from cachekit.core.model.errors import UsageError

OVERLOADED = 529
_DRAWN = ("429", "500", "overloaded")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one answer, times in seconds. `status` is the error that is sent instead."""

    status: int | None = None
    retry_after: float | None = None
    first_event: float | None = None
    latency: float | None = None
    silent_miss: bool = False
    drop: bool = False
    truncate: bool = False

    @property
    def begins(self) -> float:
        """Seconds until the answer begins: until it ends, where only that is set."""
        return (self.latency or 0.0) if self.first_event is None else self.first_event

    @property
    def lasts(self) -> float:
        """Seconds from its beginning to its end."""
        return max(0.0, (self.latency or 0.0) - self.begins)


_WHOLE = {
    "overloaded": Fault(status=OVERLOADED),
    "silent-miss": Fault(silent_miss=True),
    "drop": Fault(drop=True),
    "truncate-stream": Fault(truncate=True),
}
_TIMED: Mapping[str, Callable[[float], Fault]] = {
    "retry-after": lambda seconds: Fault(retry_after=seconds),
    "first-event": lambda seconds: Fault(first_event=seconds),
    "latency": lambda seconds: Fault(latency=seconds),
}
_RATED = ("error", *_WHOLE)


def _meant(word: str, random: Random) -> Fault:
    name, _, value = (part.strip() for part in word.partition("="))
    if name == "error":
        return _meant(random.choice(_DRAWN), random)
    if word in _WHOLE:
        return _WHOLE[word]
    if name in _TIMED and len(value) < 10 and value.replace(".", "", 1).isdecimal():
        return _TIMED[name](float(value))
    if _is_status(word):
        return Fault(status=int(word))
    raise UsageError(f"no fault {word[:30]!r}", hint="see cachekit.emulator.faults")


def _is_status(word: str) -> bool:
    return len(word) == 3 and word.isdecimal() and 400 <= int(word) < 600


def parse_fault(text: str, random: Random) -> Fault:
    """The fault that words ask for, parted by semicolons or commas. UsageError for a word that is none."""
    fault = Fault()
    for word in text.lower().replace(",", ";").replace("_", "-").split(";"):
        if word.strip():
            fault = over(fault, _meant(word.strip(), random))
    return fault


def check_rates(rates: Mapping[str, float]) -> None:
    """UsageError for a name that can have no rate, or a rate that is none."""
    for name, rate in rates.items():
        plain = name.lower().replace("_", "-")
        if plain not in _RATED and not _is_status(plain):
            raise UsageError(f"no fault {name[:30]!r}", hint=f"one of {', '.join(_RATED)}, or a status")
        if not 0 <= rate <= 1:
            raise UsageError(f"the rate of {name} is not between 0 and 1")


def draw(rates: Mapping[str, float], random: Random) -> Fault:
    """The faults that chance brings. Each rate takes one number of the generator, whatever comes of it."""
    words = [name for name, rate in rates.items() if random.random() < rate]
    return parse_fault(";".join(words), random)


def over(fault: Fault, later: Fault) -> Fault:
    """Two faults together; what both say is taken from the later one."""
    values = ((name, getattr(later, name)) for name in Fault.__slots__)
    changed = {name: value for name, value in values if value is not None and value is not False}
    return replace(fault, **changed)
