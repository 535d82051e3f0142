"""Measures one release of a library: `make measure LIBRARY=litellm VERSION=1.110.2`.

    python -m tests.stacks.measure LIBRARY [VERSION] [--processes 2] [--fresh]

Installs the release in an environment of its own, drives every route through a loopback server, writes the library's
table of fates and prints what changed against the release that was measured before. What was measured is kept beside
the environment, so an interrupted run goes on where it stopped; `--fresh` measures all of it again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.stacks.environments import FOLDER, MEASURED, ROOT, environment, packages_of, variables
from tests.stacks.measure.cases import cases_of
from tests.stacks.measure.table import TABLES, Cell, changes, read_table, with_release, write_table
from tests.stacks.measure.wire import Fate

MINUTES = 90
"""A release that takes longer than this is not measured: the run stops, and goes on with the next one."""


def main(words: list[str]) -> int:
    """0 once the table is written; 1 where cases are left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=sorted(MEASURED))
    parser.add_argument("version", nargs="?", default="")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured")
    options = parser.parse_args(words)
    release = options.version or MEASURED[options.library]
    name = f"measure-{options.library}-{release}"
    python = environment(name, packages_of(options.library, release))
    outputs = [FOLDER / f"{name}.{number}.ndjson" for number in range(options.processes)]
    if options.fresh:
        for old in FOLDER.glob(f"{name}.*.ndjson"):
            old.unlink()
    left = _drive(python, options.library, outputs)
    if left:
        print(f"{left} of {len(outputs)} processes did not end; run the command again to go on", file=sys.stderr)
        return 1
    drawn = {case.cell for case in cases_of(options.library)}
    fates = {cell: fate for cell, fate in _read(FOLDER.glob(f"{name}.*.ndjson")).items() if cell in drawn}
    path = TABLES / f"{options.library}.json"
    date = datetime.now(UTC).date().isoformat()
    table = with_release(read_table(path, options.library), release, date, fates)
    write_table(table, path)
    print("\n".join(changes(table, release)))
    print(f"written: {path.relative_to(ROOT)}")
    return 0


def _drive(python: Path, library: str, outputs: list[Path]) -> int:
    """Runs the workers, each with its share of the cases; how many of them failed or were stopped."""
    worker = [str(python), "-m", "tests.stacks.measure.worker", library]
    began = time.monotonic()
    running = [
        subprocess.Popen(
            [*worker, str(output), f"{number}/{len(outputs)}"], cwd=ROOT, env=variables(), stdout=subprocess.DEVNULL
        )
        for number, output in enumerate(outputs)
    ]
    failed = 0
    for process in running:
        try:
            failed += process.wait(max(1.0, MINUTES * 60 - (time.monotonic() - began))) != 0
        except subprocess.TimeoutExpired:
            process.kill()
            failed += 1
    return failed


def _read(outputs: object) -> dict[Cell, Fate]:
    fates = {}
    for output in sorted(outputs):
        for line in output.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            fates[Cell(**row["cell"])] = Fate(**row["fate"])
    return fates


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
