"""`make truth`: the figures against recorded calls, wire captures and real logs, where such a folder is at hand.

Not part of the tests: a clone has none of it. The folder is `../shared` or what CACHEKIT_TRUTH names; without it this
says so and passes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

RECORDED = "ground_truth/open.ndjson"
USAGE = tuple((f"ground_truth/score_{what}.py", RECORDED) for what in ("usage", "tokens", "sequences"))
CAPTURES = ("open", "open_older", "litellm_more_open")
WIRE = tuple(("wire_truth/score.py", f"wire_truth/{name}.jsonl") for name in CAPTURES)
OURS = (("recorded sequences by repository", "tests.sequences"), ("verdicts on recorded calls", "tests.verdicts"))

ALL = re.compile(r"^all +n +(\d+).*certain and wrong (\d+)", re.MULTILINE)
ONE_IN = 500
"""No more rows of wire captures than one in so many may be answered wrongly and with certainty."""


def main() -> int:
    """Runs every scorer that is there; 0 when none fails, or when there is nothing to run."""
    folder = Path(os.environ.get("CACHEKIT_TRUTH", Path(__file__).parents[1].parent / "shared"))
    if not folder.is_dir():
        print("skipped: no folder with recorded calls (set CACHEKIT_TRUTH to one)")
        return 0
    failed, rows, wrong = 0, 0, 0
    for scorer, data in (*USAGE, *WIRE):
        done = _run(f"{scorer} {data}", [folder / scorer, folder / data])
        failed += done.returncode != 0
        for total, certain in ALL.findall(done.stdout):
            rows, wrong = rows + int(total), wrong + int(certain)
    for title, module in OURS:
        failed += _run(title, ["-m", module, folder / RECORDED]).returncode != 0
    print(f"-- certain and wrong: {wrong} of {rows} rows of wire captures (goal: 1 in {ONE_IN})")
    return int(failed > 0 or wrong * ONE_IN > rows)


def _run(title: str, arguments: list[str | Path]) -> subprocess.CompletedProcess[str]:
    print(f"-- {title}", flush=True)
    done = subprocess.run([sys.executable, *arguments], check=False, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="", flush=True)
    return done


if __name__ == "__main__":
    sys.exit(main())
