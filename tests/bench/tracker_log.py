"""The tracker's log under load: `python -m tests.bench.tracker --log`.

First two processes of eight threads append 100,000 lines. Then one process writes on while others beside it, whose
lines are long, are killed at random moments: the log can be read, each kill tears one line at most, and the process
that was not killed loses none.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from cachekit import read_calls
from cachekit.core.model.calls import BadLine
from tests.tracker.appending import THREADS, names, started

LINES, PROCESSES = 100_000, 2
KILLS, SURVIVOR_CALLS = 60, 4000
CHARACTERS = 600_000


def main() -> int:
    """1 where a line was lost, torn or written twice."""
    with tempfile.TemporaryDirectory() as folder:
        whole = appended(Path(folder) / "whole.ndjson")
        killed = survived(Path(folder) / "killed.ndjson", random.Random(7))
    return 0 if whole and killed else 1


def appended(path: Path) -> bool:
    """Whether each line of two processes is there, once and whole."""
    calls = LINES // PROCESSES // THREADS
    begun = time.monotonic()
    processes = [started(path, f"p{number}", calls) for number in range(PROCESSES)]
    ended = [process.wait() for process in processes]
    took = time.monotonic() - begun
    ids, torn = found(path)
    wanted = set.union(*(names(f"p{number}", calls) for number in range(PROCESSES)))
    lost, twice = len(wanted - set(ids)), len(ids) - len(set(ids))
    print(f"{PROCESSES} processes of {THREADS} threads, {len(wanted):,} lines: {took:.1f} s")
    print(f"  lost {lost}, torn {torn}, twice {twice}", flush=True)
    return not any(ended) and sorted(ids) == sorted(wanted) and not torn


def survived(path: Path, rng: random.Random) -> bool:
    """Whether a process loses no line by the deaths of those beside it."""
    survivor, kills = started(path, "s", SURVIVOR_CALLS), 0
    while kills < KILLS or survivor.poll() is None:
        victim = started(path, f"v{kills}", 1_000_000, CHARACTERS)
        size = path.stat().st_size if path.exists() else 0
        while victim.poll() is None and not (path.exists() and path.stat().st_size > size + CHARACTERS):
            time.sleep(0.005)
        time.sleep(rng.random() * 0.3)
        victim.kill()
        victim.wait()
        kills += 1
    ids, torn = found(path)
    wanted = names("s", SURVIVOR_CALLS)
    lost, twice = len(wanted - set(ids)), len(ids) - len(set(ids))
    print(f"{kills} processes killed beside one that writes {len(wanted):,} lines; {len(ids):,} lines in all")
    print(f"  lost of the one {lost}, torn {torn}, twice {twice}", flush=True)
    return not survivor.wait() and not lost and not twice and torn <= kills


def found(path: Path) -> tuple[list[str], int]:
    """The ids of the calls in a log, and how many lines cannot be read."""
    read = list(read_calls(path))
    torn = sum(isinstance(line, BadLine) for line in read)
    return [line.id for line in read if not isinstance(line, BadLine)], torn


if __name__ == "__main__":
    sys.exit(main())
