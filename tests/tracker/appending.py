"""A process whose threads call a model under one tracker with a log; for the tests and the benchmark of the log.

    python -m tests.tracker.appending PATH NAME CALLS_OF_A_THREAD [CHARACTERS]     `CHARACTERS` of prompt text in a line

The id of a call is `NAME-thread-number`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
THREADS = 8
USAGE = {"input_tokens": 9, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 2000, "output_tokens": 1}


def started(path: Path, name: str, calls: int, characters: int = 0) -> subprocess.Popen:
    """Such a process."""
    program = [sys.executable, "-m", "tests.tracker.appending", str(path), name, str(calls), str(characters)]
    return subprocess.Popen(program, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


def names(name: str, calls: int) -> set[str]:
    """The ids of all its calls."""
    return {f"{name}-{thread}-{number}" for thread in range(THREADS) for number in range(calls)}


def answer(**body: object) -> dict:
    return {"id": body["metadata"]["user_id"], "usage": USAGE}


def append(path: str, name: str, calls: int, characters: int) -> None:
    from cachekit import CacheTracker

    tracker = CacheTracker(
        "anthropic", log=path, on_miss_alert=lambda _: None, content="full" if characters else "digests"
    )
    ask = tracker.wrap(answer)
    system = [{"type": "text", "text": "Rules. " * max(500, characters // 7), "cache_control": {"type": "ephemeral"}}]

    def work(thread: int) -> None:
        for number in range(calls):
            turns = [{"role": "user", "content": "Which valve?"}]
            told = {"user_id": f"{name}-{thread}-{number}"}
            ask(model="claude-sonnet-4-6", max_tokens=9, system=system, messages=turns, metadata=told)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    append(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
