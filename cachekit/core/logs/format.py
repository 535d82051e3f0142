"""What a log format is, and the reader that most of them share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from cachekit.core.catalog.models import host_name, identify
from cachekit.core.jsonio.documents import Value, read_values
from cachekit.core.jsonio.inputs import Source
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.providers.iterations import NOT_COUNTED, Attempt

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
    """A reader for formats whose records stand alone: `session_reader`, record by record."""
    return session_reader(name, lambda records, _: chain.from_iterable(map(calls, records)), key, values)


def session_reader(
    name: str,
    calls: Callable[[Iterator[Record], Source], Iterable[Call | Skip]],
    key: Callable[[Call], str] = lambda call: call.id or call.request_id,
    values: Callable[[Source], Iterator[Value]] = read_values,
) -> Callable[[Iterable[Source]], Iterator[Item]]:
    """A reader for formats whose records say something of the records after them: `calls` gets all of one source.

    Calls with an equal key are one call, over all sources; the first is kept. Calls without a key are all kept.
    """

    def read(sources: Iterable[Source]) -> Iterator[Item]:
        seen: set[str] = set()
        for source in sources:
            tally, bad = Counter[str](), list[BadLine]()
            for call in calls(_records(values(source), source.name, tally, bad), source):
                yield from bad
                bad.clear()
                if isinstance(call, Skip):
                    tally[SKIPPED + call.reason] += 1
                elif (own := key(call)) and own in seen:
                    tally["duplicates"] += 1
                else:
                    seen.add(own)
                    count_call(tally, call)
                    yield call
            yield from bad
            yield summed(source.name, name, tally)

    return read


def _records(values: Iterable[Value], source: str, tally: Counter[str], bad: list[BadLine]) -> Iterator[Record]:
    """The records among the values of a source; what is none is put aside."""
    for value in values:
        if isinstance(value, BadLine):
            bad.append(replace(value, source=source))
        elif isinstance(value[1], dict):
            tally["records"] += 1
            yield value[1]
            continue
        else:
            bad.append(BadLine(value[0], "not a JSON object", source))
        tally["bad"] += 1


def calls_of_response(call: Call, attempts: Iterable[Attempt]) -> Iterator[Call]:
    """The call of a response, and the calls to other models inside it, each with an id of its own. An advisor has a
    prompt of its own; a declined attempt had the prompt of the call."""
    attempts = tuple(attempts)
    if attempts:
        kept = (note for note in call.usage.quality if note not in NOT_COUNTED.values())
        yield replace(call, usage=replace(call.usage, quality=tuple(kept)))
    else:
        yield call
    for number, attempt in enumerate(attempts, 1):
        yield replace(
            call,
            usage=attempt.usage,
            model=attempt.model or call.model,
            id=f"{call.id}/{attempt.kind}-{number}" if call.id else "",
            family=f"{call.family}/{attempt.kind}" if call.family else "",
            flags=call.flags | {attempt.kind},
            miss=None,
            request=call.request if attempt.kind == "declined" else None,
            meta={},
        )


def within(record: Record, *names: str) -> list[Record] | None:
    """The records of a page: the objects of the list under the first of the names; None where there is no such list."""
    page = next((value for name in names if isinstance(value := record.get(name), list)), None)
    return None if page is None else [part for part in page if isinstance(part, dict)]


_RESOLD = frozenset(
    {"opencode", "zen", "opencode-zen", "openai-codex", "claude-code", "cline", "roo", "kilocode", "vscode-lm"}
)
"""What coding agents name as the provider where a plan or a reseller at list prices stands between."""


def host_of_agent(provider: str, model: str) -> str:
    """Whose prices a call of a coding agent has: those of the provider that it names; behind a plan, the maker's."""
    host = host_name(provider)
    return identify(model).host if not host or host in _RESOLD else host


def present(**values: object) -> dict[str, object]:
    """The values that are not None, by name."""
    return {name: value for name, value in values.items() if value is not None}


def milliseconds(start: float | None, end: float | None) -> float | None:
    """The time between two moments, where both are known and in order."""
    return (end - start) * 1000 if start is not None and end is not None and end >= start else None


def has_columns(head: bytes, *names: str) -> bool:
    """Whether a file begins with the header of a table that has these columns."""
    first = head.partition(b"\n")[0]
    if first.lstrip().startswith((b"{", b"[")):
        return False
    columns = {cell.strip(' "\r\ufeff') for cell in first.decode("utf-8", "replace").split(",")}
    return columns.issuperset(names)


SKIPPED = "skipped: "


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
        name: value if isinstance(value, str) else str(value)
        for name, value in labels.items()
        if isinstance(value, (str, int, float)) and value != ""
    }
