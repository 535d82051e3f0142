"""A whole program with something of ours switched on in it, whatever starts Python there: a file, a module, a console
script, its children.

The program runs as a process of its own with `startup/` on its PYTHONPATH: Python imports `sitecustomize` from there
before anything of the program, and that calls the function which the environment names. Options that make Python
ignore PYTHONPATH (-I, -E, -S) keep us out.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from cachekit.core.model.errors import UsageError

STARTUP = Path(__file__).with_name("startup")
OPEN, FOLDERS = "_CACHEKIT_OPEN", "_CACHEKIT_FROM"
"""Variables of the program's environment: the function to call, as "module:function", and where our modules are."""


def run_program(command: Sequence[str], function: str, variables: Mapping[str, str], needs: Sequence[str] = ()) -> int:
    """Runs a program in which `function` is called with the environment as it starts, and `variables` are set. `needs`:
    packages besides ours that the function imports. The exit code is the program's, 128 and the number where a signal
    ended it. Raises UsageError where there is no such program."""
    check_program(command)
    paths = [str(STARTUP), *filter(None, [os.environ.get("PYTHONPATH")])]
    ours = {"PYTHONPATH": os.pathsep.join(paths), OPEN: function, FOLDERS: os.pathsep.join(_folders(needs))}
    process = subprocess.Popen(command, env={**os.environ, **ours, **variables})
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        return _waited(process)
    finally:
        signal.signal(signal.SIGTERM, before)


def check_program(command: Sequence[str]) -> None:
    """Raises UsageError where there is no such program."""
    if which(command[0]) is None:
        raise UsageError(f"there is no program {command[0]!r}", hint="name one after --")


def _waited(process: subprocess.Popen[bytes]) -> int:
    """The exit code. The terminal's Ctrl-C reaches the program too, and it is the program's to heed it."""
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            continue
        return code if code >= 0 else 128 - code


def _folders(needs: Sequence[str]) -> list[str]:
    """Where cachekit is, and what it needs: the program may run in another environment."""
    specs = [find_spec(name) for name in needs]
    found = [Path(spec.origin).parents[1] for spec in specs if spec is not None and spec.origin]
    return [str(folder) for folder in dict.fromkeys([STARTUP.parents[2], *found])]
