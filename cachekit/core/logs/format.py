"""What a log format is, and the reader that most of them share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from cachekit.core.calls import BadLine, Call
from cachekit.core.documents import Value, read_values
from cachekit.core.inputs import Source

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Skip:
    """A record that is no call, and why: counted, never an error."""

    reason: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What was read from one source. `records` = `calls` + `duplicates` + what was skipped, unless one record holds
    several calls. `reinterpreted` counts calls whose counters did not mean what the format means by them."""

    source: str
    format: str
    records: int = 0
    calls: int = 0
    duplicates: int = 0
    bad: int = 0
    reinterpreted: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)


Item = Call | BadLine | Summary
"""Readers yield calls and bad lines as they come, and one summary after each source."""


@dataclass(frozen=True, slots=True)
class Format:
    """One log format. `sniff` knows one of its records, `sniff_head` the first bytes of a file that is not JSON;
    `dedup` is its rule in words. `content` says that records may hold requests, so that prefixes can be compared."""

    name: str
    title: str
    dedup: str
    sniff: Callable[[Record], bool]
    read: Callable[[Iterable[Source]], Iterator[Item]]
    content: bool = False
    sniff_head: Callable[[bytes], bool] | None = None


def record_reader(
    name: str,
    calls: Callable[[Record], Iterable[Call | Skip]],
    key: Callable[[Call], str] = lambda call: call.id or call.request_id,
    values: Callable[[Source], Iterator[Value]] = read_values,
) -> Callable[[Iterable[Source]], Iterator[Item]]:
    """A reader for formats whose records stand alone.

    Calls with an equal key are one call, over all sources; the first is kept. Calls without a key are all kept.
    """

    def read(sources: Iterable[Source]) -> Iterator[Item]:
        seen: set[str] = set()
        for source in sources:
            tally: Counter[str] = Counter()
            for value in values(source):
                record = _record(value, source.name, tally)
                if isinstance(record, BadLine):
                    yield record
                else:
                    yield from _new(calls(record), key, seen, tally)
            yield summed(source.name, name, tally)

    return read


def within(record: Record, *names: str) -> list[Record] | None:
    """The records of a page: the objects of the list under the first of the names; None where there is no such list."""
    held = next((value for name in names if isinstance(value := record.get(name), list)), None)
    return None if held is None else [part for part in held if isinstance(part, dict)]


SKIPPED = "skipped: "


def _record(value: Value, source: str, tally: Counter[str]) -> Record | BadLine:
    if isinstance(value, BadLine):
        tally["bad"] += 1
        return replace(value, source=source)
    if not isinstance(value[1], dict):
        tally["bad"] += 1
        return BadLine(value[0], "not a JSON object", source)
    tally["records"] += 1
    return value[1]


def _new(
    calls: Iterable[Call | Skip], key: Callable[[Call], str], seen: set[str], tally: Counter[str]
) -> Iterator[Call]:
    """The calls that were not seen before; the rest is counted."""
    for call in calls:
        if isinstance(call, Skip):
            tally[SKIPPED + call.reason] += 1
        elif (own := key(call)) and own in seen:
            tally["duplicates"] += 1
        else:
            seen.add(own)
            count_call(tally, call)
            yield call


def count_call(tally: Counter[str], call: Call) -> None:
    """One more call in a tally."""
    tally["calls"] += 1
    tally["reinterpreted"] += "reinterpreted" in call.usage.quality


def summed(source: str, name: str, tally: Mapping[str, int]) -> Summary:
    """The summary of a tally. Its keys are Summary's counters, and reasons behind `skipped: `."""
    skipped = {key.removeprefix(SKIPPED): n for key, n in tally.items() if key.startswith(SKIPPED)}
    counters = {key: n for key, n in tally.items() if not key.startswith(SKIPPED)}
    return Summary(source, name, skipped=skipped, **counters)


def clean_labels(labels: Mapping[str, object]) -> dict[str, str]:
    """Labels as text; what is neither text nor number nor truth is left out, and so is emptiness."""
    return {
        name: held if isinstance(held, str) else str(held)
        for name, held in labels.items()
        if isinstance(held, (str, int, float)) and held != ""
    }
