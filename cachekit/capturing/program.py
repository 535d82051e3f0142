"""A whole program under a capture, whatever starts Python in it: a file, a module, a console script, its children.

The program runs as a process of its own with `startup/` on its PYTHONPATH: Python imports `sitecustomize` from there
before anything of the program. Options that make Python ignore PYTHONPATH (-I, -E, -S) keep the capture out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from time import time

from cachekit.capturing.opening import begin
from cachekit.capturing.scope import Capture
from cachekit.core.model.captured import Captured
from cachekit.core.model.errors import UsageError

STARTUP = Path(__file__).with_name("startup")
OUTPUT, SILENT, FOLDERS = "_CACHEKIT_CAPTURE_TO", "_CACHEKIT_CAPTURE_SILENT", "_CACHEKIT_CAPTURE_FROM"
"""Variables of the program's environment: the file, whether nothing is sent, and where our own modules are."""


def run(command: Sequence[str], output: Path, *, send: bool = True) -> int:
    """Runs a program and returns its exit code, 128 and the number where a signal ended it. Its calls are in `output`,
    one a line; an older file is replaced. Raises UsageError where there is no such program."""
    if which(command[0]) is None:
        raise UsageError(f"there is no program {command[0]!r}", hint="name one after --")
    output.touch(0o600)  # it will hold prompts
    output.chmod(0o600)
    output.write_bytes(b"")
    process = subprocess.Popen(command, env=_environment(os.environ, output.absolute(), send))
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        return _waited(process)
    finally:
        signal.signal(signal.SIGTERM, before)


def _waited(process: subprocess.Popen[bytes]) -> int:
    """The exit code. The terminal's Ctrl-C reaches the program too, and it is the program's to heed it."""
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            continue
        return code if code >= 0 else 128 - code


def _environment(env: Mapping[str, str], output: Path, send: bool) -> dict[str, str]:
    paths = [str(STARTUP), *filter(None, [env.get("PYTHONPATH")])]
    ours = {"PYTHONPATH": os.pathsep.join(paths), OUTPUT: str(output), FOLDERS: os.pathsep.join(_folders())}
    return {**env, **ours, SILENT: "" if send else "1"}


def _folders() -> list[str]:
    """Where cachekit is, and the one package that answering needs: the program may run in another environment."""
    orjson = find_spec("orjson")
    found = [STARTUP.parents[2], *([Path(orjson.origin).parents[1]] if orjson and orjson.origin else [])]
    return [str(folder) for folder in dict.fromkeys(found)]


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
