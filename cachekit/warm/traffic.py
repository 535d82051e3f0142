"""Traffic of the program's own in its call log: a call that used a prefix has kept it alive, and no ping is needed."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock

from cachekit.core.logs.native import read_line
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.prompt import prefixes
from cachekit.warm.ping import Ping

_KEPT = 2_000
"""Calls remembered: many more than can be younger than any lifetime worth asking about, in a log that is read on."""

_TAIL = 4 << 20
"""Bytes from the end that are read of a log that is already long."""


class Traffic:
    """A call log that is read on as it grows. One that is not there yet, or was rotated, is read from its beginning."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        self._file: tuple[int, int] = (0, 0)
        self._offset = 0
        self._calls: list[Call] = []

    def latest(self, ping: Ping, since: float) -> Call | None:
        """The newest call after a moment (seconds since 1970) that used the prefix of a ping, not a warmer's."""
        with self._lock:
            self._read_on()
            newest = sorted((c for c in self._calls if (c.ts or 0.0) > since), key=lambda c: -(c.ts or 0.0))
        return next((call for call in newest if used(call, ping)), None)

    def _read_on(self) -> None:
        try:
            with self._path.open("rb") as stream:
                found = os.fstat(stream.fileno())
                if (found.st_dev, found.st_ino) != self._file or found.st_size < self._offset:
                    self._file, self._offset = (found.st_dev, found.st_ino), max(0, found.st_size - _TAIL)
                    stream.seek(self._offset)
                    self._offset += len(stream.readline()) if self._offset else 0
                stream.seek(self._offset)
                lines = stream.read().split(b"\n")
        except OSError:
            return
        self._offset += sum(len(line) + 1 for line in lines[:-1])  # the last one may not be whole yet
        for line in lines[:-1]:
            call = read_line(0, line) if line.strip() else None
            if call is not None and not isinstance(call, BadLine) and "warm" not in call.flags:
                self._calls.append(call)
        del self._calls[:-_KEPT]


def used(call: Call, ping: Ping) -> bool:
    """Whether a call read or wrote the entry of a ping's prefix: its prompt begins with the prefix and, but for an
    automatic cache, has a breakpoint at its end."""
    prompt, usage = call.prompt, call.usage
    if prompt is None or "error" in call.flags or call.model != ping.prompt.scope.model:
        return False
    index = ping.choice.index
    if len(prompt.blocks) <= index or prefixes(prompt)[index] != ping.digest:
        return False
    if ping.automatic:
        return True
    return prompt.blocks[index].mark is not None and bool(usage.read or usage.written)
