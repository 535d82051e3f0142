"""What our models of the libraries predict against what was measured: offline, from the tables alone.

    python -m tests.stacks.measure.agreement [LIBRARY...] [--release 1.110.2] [--show 20]

A prediction that says that it is unsure is neither right nor wrong. Exit 1 where more than 1 in 500 is wrong without
saying so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from cachekit.core.libraries import translate
from cachekit.core.model.ground import Ground
from tests.stacks.measure.cases import MODULES, Case, cases_of
from tests.stacks.measure.table import TABLES, read_table
from tests.stacks.measure.wire import Fate, Received, fate_of_marker, fate_of_option

ONE_IN = 500


@dataclass(frozen=True, slots=True)
class Compared:
    """A cell of the table beside its prediction, None where the model says that it is unsure."""

    case: Case
    release: str
    measured: Fate
    predicted: Fate | None

    @property
    def wrong(self) -> bool:
        """The model is certain, and the library does something else."""
        return self.predicted is not None and _seen(self.predicted) != _seen(self.measured)


def compare_library(library: str, release: str = "") -> Iterator[Compared]:
    """Every measured cell of a library, of one release or of all."""
    table = read_table(TABLES / f"{library}.json", library)
    for case in cases_of(library):
        for version, fate in table.fates.get(case.cell, {}).items():
            if release in ("", version):
                yield Compared(case, version, fate, predict_fate(case, version))


def predict_fate(case: Case, release: str) -> Fate | None:
    """What the model makes of a case; None where it says that it is unsure."""
    wire = translate(json.loads(json.dumps(case.request)), case.backend, release)
    if wire.unsure or wire.ground is Ground.ASSUMED:
        return None
    received = [] if wire.raises is not None else [Received("", "", dict(wire.body))]
    if case.option:
        return fate_of_option(received, case.option, case.request[case.option], wire.raises or "")
    ttl = None if case.cell.ttl == "none" else case.cell.ttl
    return fate_of_marker(received, (case.form, case.word, ttl), wire.raises or "")


def _seen(fate: Fate) -> tuple[str, str, str]:
    """What the body of the call shows of a fate: of a cache that is created before it, nothing."""
    if fate.fate == "refused":
        return "refused", "", ""
    if fate.sent.startswith("cachedContents"):
        return "dropped", "", ""
    return fate.fate, fate.sent, fate.ttl


def main(words: list[str]) -> int:
    """1 where too much is wrong and certain."""
    parser = argparse.ArgumentParser()
    parser.add_argument("libraries", nargs="*", default=[])
    parser.add_argument("--release", default="")
    parser.add_argument("--show", type=int, default=20)
    options = parser.parse_args(words)
    failed = False
    for library in options.libraries or MODULES:
        compared = list(compare_library(library, options.release))
        wrong = [one for one in compared if one.wrong]
        unsure = sum(one.predicted is None for one in compared)
        print(f"{library}: {len(compared)} fates, {len(wrong)} certain and wrong, {unsure} unsure")
        routes = Counter(f"{one.case.cell.route} {one.release}" for one in wrong)
        for one in wrong[: options.show]:
            cell = one.case.cell
            print(f"  {one.release} {cell.route}  {cell.place} {cell.ttl}: {one.measured} predicted {one.predicted}")
        if wrong:
            print("  by route: " + ", ".join(f"{route} {count}" for route, count in routes.most_common()))
        failed |= len(wrong) * ONE_IN > len(compared)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
