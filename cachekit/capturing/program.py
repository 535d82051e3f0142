"""A whole program under a capture: see `cachekit.client.program`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import time

from cachekit.capturing.opening import begin
from cachekit.capturing.scope import Capture
from cachekit.client.program import check_program, run_program
from cachekit.core.model.captured import Captured

OUTPUT, SILENT = "_CACHEKIT_CAPTURE_TO", "_CACHEKIT_CAPTURE_SILENT"
"""Variables of the program's environment: the file, and whether nothing is sent."""


def run(command: Sequence[str], output: Path, *, send: bool = True) -> int:
    """Runs a program and returns its exit code. Its calls are in `output`, one a line; an older file is replaced.
    Raises UsageError where there is no such program."""
    check_program(command)
    output.touch(0o600)  # it will hold prompts
    output.chmod(0o600)
    output.write_bytes(b"")
    variables = {OUTPUT: str(output.absolute()), SILENT: "" if send else "1"}
    return run_program(command, "cachekit.capturing.program:join", variables, ["orjson"])


def join(env: Mapping[str, str]) -> None:
    """Opens the capture that the environment asks for, for the life of this process."""
    begin(Capture(not env.get(SILENT), writing(Path(env[OUTPUT])), time, everywhere=True))


def writing(path: Path) -> Callable[[Captured], None]:
    """Appends each call to a file, as one line in one write: several processes may share the file. A call that cannot
    be written goes on all the same."""

    def keep(call: Captured) -> None:
        line = json.dumps(call.record(), separators=(",", ":")).encode() + b"\n"
        try:
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line)
            finally:
                os.close(file)
        except OSError as error:
            print(f"cachekit: a call could not be recorded: {error.strerror}", file=sys.stderr)

    return keep
