"""Opening a log as often as it is read."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from tempfile import SpooledTemporaryFile

from cachekit.core.logs.reading import read_any
from cachekit.replay.run import Open
from cachekit.replay.values import ReplayOptions

_IN_MEMORY = 64 << 20


def opened(paths: Sequence[str], options: ReplayOptions) -> Open:
    """Opens logs again each time. Stdin can be read only once, so it is kept: in memory, or where it is long on
    disk."""
    if "-" not in paths:
        return lambda: read_any(paths, options.input_format)
    kept = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # closed with the last who may read it
    shutil.copyfileobj(sys.stdin.buffer, kept)

    def again() -> Iterable[object]:
        kept.seek(0)
        return read_any(paths, options.input_format, stdin=kept)  # type: ignore[arg-type]  # a BinaryIO in all but name

    return again
