"""`report --save`: what was read, as our own call log."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fnmatch import fnmatch
from glob import has_magic
from pathlib import Path

from cachekit.core.libraries.lowered import lowered
from cachekit.core.logs.native_write import to_line
from cachekit.core.logs.reading import read_any
from cachekit.core.model.calls import Call
from cachekit.core.model.errors import InputError, UsageError


def save_log(paths: Iterable[str], input_format: str | None, target: Path) -> int:
    """Writes the calls of logs as our own call log, digests only, and answers how many. The file is replaced as a
    whole or not at all. Raises UsageError where it would overwrite a source, and InputError as reading does."""
    named = list(paths)
    if "-" in named:
        raise UsageError("--save reads the logs a second time, which stdin does not allow", hint="name a file")
    if any(Path(path).exists() and target.exists() and os.path.samefile(path, target) for path in named):
        raise UsageError("--save would overwrite a log that is read", where=str(target), hint="name another file")
    if any(_would_read(path, target) for path in named):
        what = "--save would write among the logs that are read, where each call would count twice"
        raise UsageError(what, where=str(target), hint="name a file elsewhere")
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    count = 0
    try:
        with open(beside, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            for item in read_any(named, input_format):
                if isinstance(item, Call):
                    file.write(to_line(lowered(item)))
                    count += 1
        beside.replace(target)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(target), hint="name another file") from None
    finally:
        beside.unlink(missing_ok=True)
    return count


def _would_read(path: str, target: Path) -> bool:
    """Whether a folder or glob that is read would find the target."""
    output_path = Path(path).expanduser()
    if output_path.is_dir():
        return target.resolve().is_relative_to(output_path.resolve())
    return has_magic(path) and not output_path.exists() and fnmatch(str(target.absolute()), str(output_path.absolute()))
