"""Recorded sequences under `simulate`, by repository: full and partial hits apart, cold writes, and the rest by reason.

    python -m tests.sequences FOLDER/ground_truth/open.ndjson

The calls of a file come in order and share a cache; how far apart they were is mostly not recorded. Each is given the
total and the uncached count that were recorded, and what it read and wrote is compared. A hit on what nobody in the
file wrote comes from an earlier run whose cache was still warm: it is listed, and not judged. Fails under 95 %.
"""

from __future__ import annotations

import io
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cachekit import read_calls, simulate

GAP, LATENCY = 15, 2000
"""Seconds between the calls of a recording, which does not tell, and milliseconds that each takes."""

GOAL = 0.95
JUDGED = ("full hit", "partial hit")
NOTHING = (0, 0)
Counts = tuple[int, int]


def sequences(path: str) -> Iterator[tuple[str, str, list[dict]]]:
    """(repository, file, its answered calls in order) where at least one call has a breakpoint."""
    files: dict[tuple[str, str], list[dict]] = defaultdict(list)
    with open(path, encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            answered = row["status"] == 200 and row.get("usage") and not row.get("doubtful")
            if answered and row["provider"] in ("anthropic", "bedrock"):
                files[row["repo"], row["path"]].append(row)
    for (repo, name), rows in files.items():
        if any(row["has_cache_directive"] for row in rows):
            yield repo, name, sorted(rows, key=lambda row: row["index"])


def line(number: int, row: dict) -> bytes:
    """A call in the call log's form, with the counters that were recorded."""
    read, written = counts(row)
    told = {
        "v": 1,
        "ts": (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=GAP * number)).isoformat(),
        "id": str(number),
        "provider": row["provider"],
        "api": row["api"],
        "model": row["model"],
        "latency_ms": LATENCY,
        "request": row["request"],
        "usage": {"uncached": row["input_total"] - read - written, "read": read, "write_unknown": written, "output": 0},
    }
    return json.dumps(told).encode() + b"\n"


def counts(row: dict) -> Counts:
    return row["cache_read"] or 0, row["cache_write"] or 0


def judged(rows: list[dict]) -> Iterator[tuple[str, Counts, Counts]]:
    """(what it is, recorded, simulated) for each call of a file."""
    log = io.BytesIO(b"".join(line(number, row) for number, row in enumerate(rows)))
    longest = 0
    for row, simulated in zip(rows, simulate(read_calls(log)), strict=True):
        recorded, own = counts(row), (simulated.read, simulated.written)
        yield kind(row, recorded, longest, simulated.predictable), recorded, own
        longest = max(longest, sum(recorded) if recorded[1] else 0)


def kind(row: dict, recorded: Counts, longest: int, predictable: bool) -> str:
    """What a recorded call is, or why it is not judged. `longest`: the longest prefix that a call before it wrote."""
    if not predictable:
        return "server tools or unknown model: not judged"
    if not row["has_cache_directive"]:
        return "no breakpoint: not judged" if recorded != NOTHING else "no breakpoint, nothing cached"
    if recorded[0] > longest:
        return "warm from an earlier run: not judged"
    if recorded[0]:
        return "partial hit" if recorded[1] else "full hit"
    return "cold write" if recorded[1] else "nothing cached"


def main(path: str) -> int:
    """Prints the table by repository and the calls that are not exact; 1 where too few due hits are."""
    right: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    wrong = []
    for repo, name, rows in sequences(path):
        for number, (what, recorded, own) in enumerate(judged(rows)):
            total[repo, what] += 1
            right[repo, what] += recorded == own
            if recorded != own and "not judged" not in what:
                wrong.append(f"  {repo} {name} [{number}] {what}: recorded {recorded}, simulated {own}")
    for (repo, what), count in sorted(total.items()):
        shown = f"{count:4} calls" if "not judged" in what else f"{right[repo, what]:4} of {count:4} exact"
        print(f"{repo:36} {what:42} {shown}")
    due, exact = (sum(counter[key] for key in total if key[1] in JUDGED) for counter in (total, right))
    print(*wrong, f"due hits exact {exact} of {due}", sep="\n")
    return int(exact < GOAL * due)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
