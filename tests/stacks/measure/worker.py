"""Runs inside the environment of a release: drives the library through every case and appends what became of each.

    python -m tests.stacks.measure.worker LIBRARY OUTPUT.ndjson [0/2]

A run that was interrupted goes on where it stopped: cases that the output holds are not run again.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from threading import Thread

from cachekit.auditing.observe import run_library
from tests.stacks.measure.cases import Case, cases_of
from tests.stacks.measure.credentials import made_up_credentials
from tests.stacks.measure.loopback import Loopback, loopback
from tests.stacks.measure.wire import Fate, fate_of_marker, fate_of_option

SECONDS = 120
"""The longest that one case may take. A case that takes longer ends the run: what it sends later would be counted as
the next case's."""

TOO_LONG = "took too long"
IMPORTS = 300
"""Seconds that a first call may take, which imports the library."""


def main(words: list[str]) -> int:
    """Appends one line for each case that is not in the output yet; `0/2` takes the first half of them."""
    library, output = words[0], Path(words[1])
    part, parts = map(int, words[2].split("/")) if len(words) > 2 else (0, 1)
    done = (
        {tuple(json.loads(line)["cell"].values()) for line in output.read_text().splitlines()}
        if output.exists()
        else set()
    )
    with tempfile.TemporaryDirectory() as home, loopback() as server, output.open("a") as out:
        made_up_credentials(Path(home))
        _bounded(lambda: _call(next(cases_of(library))), IMPORTS)
        began, number = time.monotonic(), 0
        for number, case in enumerate(cases_of(library), 1):
            if number % parts == part and tuple(asdict(case.cell).values()) not in done:
                row = {"cell": asdict(case.cell), "fate": asdict(_measured(case, server))}
                out.write(json.dumps(row) + "\n")
                out.flush()
        print(f"{number} cases in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0


def _measured(case: Case, server: Loopback) -> Fate:
    server.received.clear()
    error = _bounded(lambda: _call(case), SECONDS)
    received = [call for call in server.received if not call.path.startswith("/copilot_internal")]
    received = [call for call in received if not call.path.endswith("/token")]
    if error == TOO_LONG:
        raise SystemExit(f"{case.cell}: {error}; run it again to go on")
    if not received and "Connect" in error:
        raise SystemExit(f"{case.cell}: the library did not reach the server ({error}), so nothing can be measured")
    if case.option:
        return fate_of_option(received, case.option, case.request[case.option], error)
    return fate_of_marker(received, (case.form, case.word, None if case.cell.ttl == "none" else case.cell.ttl), error)


def _call(case: Case) -> None:
    """Libraries change what they are handed, so each call gets a copy; what they print is not ours to show."""
    run_library(json.loads(json.dumps(case.request)), case.backend)


def _bounded(work: Callable[[], object], seconds: float) -> str:
    """The name of the exception that ended the work; TOO_LONG where it has not ended in time."""
    error = [TOO_LONG]

    def run() -> None:
        try:
            work()
            error[0] = "nothing was sent"
        except BaseException as raised:
            error[0] = type(raised).__name__

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return error[0]


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # threads of libraries that still wait for something must not hold the run
