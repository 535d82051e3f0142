"""The table of fates: one JSON file for each library, one row a line, so that a new release is a diff to read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tests.stacks.measure.wire import Fate

TABLES = Path(__file__).resolve().parents[3] / "cachekit" / "core" / "libraries" / "measured"
"""Where the fates of each library are kept."""

TTLS = ("none", "1h")
ANY = "any"
"""In the file: both of TTLS."""


@dataclass(frozen=True, order=True, slots=True)
class Cell:
    """What was measured: a route of the library, the place of the marker in the request, and its ttl (`none` where it
    names none)."""

    route: str
    place: str
    ttl: str = "none"


@dataclass(frozen=True, slots=True)
class Table:
    """All that was measured of a library: `measured` names each release and its date, oldest first."""

    library: str
    measured: Mapping[str, str]
    fates: Mapping[Cell, Mapping[str, Fate]]


def numbers(release: str) -> tuple[int, ...]:
    """A release for sorting."""
    return tuple(map(int, re.findall(r"\d+", release)))


def read_table(path: Path, library: str) -> Table:
    """The table of a file; empty where there is none."""
    if not path.exists():
        return Table(library, {}, {})
    held = json.loads(path.read_text(encoding="utf-8"))
    measured: dict[str, str] = held["measured"]
    fates: dict[Cell, dict[str, Fate]] = {}
    for row in held["fates"]:
        fate = Fate(row["fate"], row.get("sent", ""), row.get("ttl_sent", ""), row.get("error", ""))
        first, last = map(numbers, (row["from"], row["to"]))
        spanned = {release: fate for release in measured if first <= numbers(release) <= last}
        ttls = TTLS if row["ttl"] == ANY else (row["ttl"],)
        for cell in (Cell(route, row["place"], ttl) for route in row["routes"] for ttl in ttls):
            fates.setdefault(cell, {}).update(spanned)
    return Table(library, measured, fates)


def with_release(table: Table, release: str, date: str, fates: Mapping[Cell, Fate]) -> Table:
    """The table with a release measured, or measured again."""
    measured = dict(sorted({**table.measured, release: date}.items(), key=lambda pair: numbers(pair[0])))
    merged = {cell: dict(spans) for cell, spans in table.fates.items()}
    for spans in merged.values():
        spans.pop(release, None)
    for cell, fate in fates.items():
        merged.setdefault(cell, {})[release] = fate
    return Table(table.library, measured, {cell: spans for cell, spans in merged.items() if spans})


def write_table(table: Table, path: Path) -> None:
    """Writes the file; releases in a row with the same fate are one span."""
    head = {"library": table.library, "ground": "measured", "measured": table.measured}
    rows = [json.dumps(row, ensure_ascii=False) for row in _rows(table)]
    text = json.dumps(head, indent=1)[:-2] + ',\n "fates": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _rows(table: Table) -> Iterator[dict[str, object]]:
    """One row for each place, ttl and span of releases with one fate: the routes that have it are in the row. Where a
    place was measured with every ttl and all went alike, one row for all."""
    routes: dict[tuple[str, ...], dict[Fate, list[str]]] = {}
    for (route, place), cells in groupby(sorted(table.fates), key=lambda cell: (cell.route, cell.place)):
        by_ttl = {cell.ttl: table.fates[cell] for cell in cells}
        if set(by_ttl) == set(TTLS) and by_ttl["none"] == by_ttl["1h"]:
            by_ttl = {ANY: by_ttl["none"]}
        for ttl, known in by_ttl.items():
            for fate, span in groupby(table.measured, key=known.get):
                releases = list(span)
                if fate is not None:
                    row = (place, ttl, releases[0], releases[-1])
                    routes.setdefault(row, {}).setdefault(fate, []).append(route)
    for place, ttl, first, last in sorted(routes, key=lambda row: (row[0], row[1], numbers(row[2]), numbers(row[3]))):
        for fate, those in sorted(routes[place, ttl, first, last].items(), key=lambda pair: pair[1]):
            shown = {"sent": fate.sent, "ttl_sent": fate.ttl, "error": fate.error}
            head = {"place": place, "ttl": ttl, "from": first, "to": last, "fate": fate.fate}
            yield {**head, **{key: value for key, value in shown.items() if value}, "routes": those}


def changes(table: Table, release: str) -> Iterable[str]:
    """What a release does otherwise than the one measured before it, a line each."""
    order = list(table.measured)
    before = order[order.index(release) - 1] if order.index(release) else None
    if before is None:
        return [f"{table.library} {release} is the first release measured"]
    lines = []
    for cell in sorted(table.fates):
        old, new = (table.fates[cell].get(version) for version in (before, release))
        if old != new:
            lines.append(f"{cell.route}  {cell.place} {cell.ttl or ''}: {_shown(old)} -> {_shown(new)}")
    return [f"{len(lines)} of {len(table.fates)} fates changed from {before} to {release}", *lines]


def _shown(fate: Fate | None) -> str:
    if fate is None:
        return "not drawn"
    return " ".join(filter(None, (fate.fate, fate.sent, fate.ttl and f"ttl {fate.ttl}", fate.error)))
