"""`make truth`: the figures against recorded calls, wire captures and real logs, where such a folder is at hand.

Not part of the tests: a clone has none of it. The folder is `../shared` or what CACHEKIT_TRUTH names; without it this
says so and passes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCORERS = (
    ("ground_truth/score_usage.py", "ground_truth/open.ndjson"),
    ("ground_truth/score_tokens.py", "ground_truth/open.ndjson"),
    ("ground_truth/score_sequences.py", "ground_truth/open.ndjson"),
    ("wire_truth/score.py", "wire_truth/open.jsonl"),
    ("wire_truth/score.py", "wire_truth/open_older.jsonl"),
)


def main() -> int:
    """Runs every scorer that is there; 0 when none fails, or when there is nothing to run."""
    folder = Path(os.environ.get("CACHEKIT_TRUTH", Path(__file__).parents[1].parent / "shared"))
    if not folder.is_dir():
        print("skipped: no folder with recorded calls (set CACHEKIT_TRUTH to one)")
        return 0
    failed = 0
    for scorer, data in SCORERS:
        print(f"-- {scorer} {data}", flush=True)
        failed += subprocess.run([sys.executable, folder / scorer, folder / data], check=False).returncode != 0
    recorded = folder / "ground_truth" / "open.ndjson"
    print("-- recorded sequences by repository", flush=True)
    failed += subprocess.run([sys.executable, "-m", "tests.sequences", recorded], check=False).returncode != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
