"""Our own call log, written: one write a line, so that threads and processes may share a file and a crash tears none
but the last line, which the next writer ends."""

from __future__ import annotations

import errno
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from cachekit.core.jsonio.redact import redact
from cachekit.core.libraries.request_form import merged_scope
from cachekit.core.logs.native import COUNTERS, VERSION
from cachekit.core.logs.skeleton import lines_of_prompt
from cachekit.core.model.calls import Billing, Call
from cachekit.core.model.digests import compact
from cachekit.core.model.errors import InputError
from cachekit.core.model.prompt import Prompt, Scope
from cachekit.core.model.usage import Usage

Content = Literal["digests", "full", "none"]
"""How much of the prompt a line keeps: digests and counts, the whole request besides, or nothing of either."""

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_PRIVATE = 0o600


def to_line(call: Call, content: Content = "digests") -> bytes:
    """The call as a line of the log, its end included. Total: what is no JSON becomes a description of its type."""
    line, whole = _fields(call), _has_text(call.prompt)
    if content != "none" and call.prompt is not None:
        line.update(lines_of_prompt(_measured(call.prompt) if whole else call.prompt))
    request = call.request if call.request is not None else call.prompt.body if call.prompt and whole else None
    if content == "full" and request and compact(request).startswith(b"{"):  # nothing in it refers to itself
        line["request"] = redact(request)
    if call.meta:
        line["meta"] = redact(call.meta)
    data = compact(line)
    if not data.startswith(b"{"):  # something in it refers to itself
        data = compact({key: value for key, value in line.items() if key not in ("request", "meta")})
    return data + b"\n"


def _has_text(prompt: Prompt | None) -> bool:
    return prompt is not None and any(block.raw is not None for block in prompt.blocks)


def _measured(prompt: Prompt) -> Prompt:
    """The prompt with token estimates: without its text they cannot be made up for."""
    if any(block.tokens.high for block in prompt.blocks):
        return prompt
    from cachekit.core.catalog.tokens import measure

    return measure(prompt)


def _fields(call: Call) -> dict[str, object]:
    """The plain fields, empty ones left out, in the order of the design."""
    scope = merged_scope(call.scope, call.prompt.scope, "") if call.prompt is not None else call.scope
    named: dict[str, object] = {
        "v": VERSION,
        "ts": _rfc3339(call.ts),
        "id": call.id,
        "request_id": call.request_id,
        "provider": call.provider,
        "api": call.api,
        "model": call.model,
        "scope": {f.name: getattr(scope, f.name) for f in fields(Scope) if getattr(scope, f.name)},
        "billing": {f.name: getattr(call.billing, f.name) for f in fields(Billing) if getattr(call.billing, f.name)},
        "usage": _usage(call.usage),
        "latency_ms": call.latency_ms,
        "ttft_ms": call.ttft_ms,
        "status": call.status,
        "flags": sorted(call.flags),
        "prefix_id": call.prefix_id,
        "family": call.family,
        "labels": dict(call.labels),
        "miss": call.miss,
    }
    return {key: value for key, value in named.items() if value not in (None, "", {}, [])}


def _rfc3339(ts: float | None) -> str | None:
    """A moment in UTC to the microsecond; None for one that no calendar has."""
    if ts is None:
        return None
    try:
        return datetime.fromtimestamp(ts, UTC).isoformat().removesuffix("+00:00") + "Z"
    except (ValueError, OverflowError, OSError):
        return None


def _usage(usage: Usage) -> dict[str, object]:
    always = ("uncached", "read", "output")
    counts = {name: getattr(usage, name) for name in COUNTERS if name in always or getattr(usage, name)}
    written_fields: dict[str, object] = {} if usage.known else {"known": False}
    return counts | written_fields | ({"quality": list(usage.quality)} if usage.quality else {})


_logs: weakref.WeakSet[CallLog] = weakref.WeakSet()


class CallLog:
    """A call log opened for appending. Safe for threads and processes that share the file; a file that was moved or
    deleted is opened again. With `max_bytes` it is rotated at that size: `calls.ndjson.1` is the newest of `keep`."""

    def __init__(
        self, path: str | Path, *, content: Content = "digests", max_bytes: int | None = None, keep: int = 5
    ) -> None:
        if content not in ("digests", "full", "none"):
            raise InputError(f"no such content: {content}", where="CallLog", hint="digests, full or none")
        self._path, self._content, self._max_bytes, self._keep = Path(path), content, max_bytes, max(1, keep)
        self._lock, self._torn, self._end = threading.Lock(), False, 0
        self._fd: int | None = self._open()
        _logs.add(self)

    def append(self, call: Call) -> None:
        """Write one line. Raises OSError where the disk refuses; the log stays readable."""
        line = to_line(call, self._content)
        with self._lock:
            descriptor = self._current(len(line))
            self._write(descriptor, b"\n" + line if self._torn else line)
            if not self._torn and self._stuck_to_another(descriptor, len(line)):
                self._write(descriptor, b"\n" + line)
        if self._torn:  # a full disk: the piece becomes a line of its own, which readers pass over
            raise OSError(errno.ENOSPC, "the call log could not take a whole line", str(self._path))

    def close(self) -> None:
        """Close the file; a later append opens it again."""
        with self._lock:
            self._close()

    def fresh(self) -> None:
        """In a forked process: a lock that no thread of the parent holds, and a file with a place of its own."""
        self._lock = threading.Lock()
        self._close()

    def _write(self, descriptor: int, data: bytes) -> None:
        self._torn = os.write(descriptor, data) < len(data)

    def _stuck_to_another(self, descriptor: int, length: int) -> bool:
        """Whether the line just written stands behind half a line: another process was killed in the middle of it."""
        begun, before = os.lseek(descriptor, 0, os.SEEK_CUR) - length, self._end
        self._end = begun + length
        if begun in (0, before) or not hasattr(os, "pread"):  # Windows: one process a log
            return False
        return os.pread(descriptor, 1, begun - 1) != b"\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _current(self, length: int) -> int:
        """The open file, after moving on from one that is gone or full."""
        if self._fd is None or self._is_elsewhere(self._fd):
            self._close()
            self._fd = self._open()
        if self._max_bytes is not None and 0 < os.fstat(self._fd).st_size > self._max_bytes - length:
            self._rotate(self._fd)
            self._close()
            self._fd = self._open()
        return self._fd

    def _open(self) -> int:
        """Open for appending. A last line without an end is what a crash left: it is ended, so that it spoils none."""
        try:
            descriptor = os.open(self._path, _FLAGS, _PRIVATE)
            if not _ends_whole(self._path):
                os.write(descriptor, b"\n")
        except OSError as error:
            reason = error.strerror or "the system refuses"
            raise InputError("the call log cannot be written", where=str(self._path), hint=reason) from None
        return descriptor

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd, self._end = None, 0

    def _is_elsewhere(self, descriptor: int) -> bool:
        """Whether the path no longer leads to the open file."""
        try:
            named = os.stat(self._path)
        except OSError:
            return True
        return not os.path.samestat(named, os.fstat(descriptor))

    def _rotate(self, descriptor: int) -> None:
        """Move the full file aside, once, whichever process comes first. What others still write to it stays in it."""
        with _locked(descriptor):
            if self._is_elsewhere(descriptor):
                return
            for number in range(self._keep - 1, 0, -1):
                with suppress(FileNotFoundError):
                    os.replace(self._numbered(number), self._numbered(number + 1))
            os.replace(self._path, self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _ends_whole(path: Path) -> bool:
    """Whether a file is empty or its last line has its end."""
    with path.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            return True
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Alone among processes, where the system has advisory locks."""
    try:
        import fcntl
    except ImportError:  # Windows: one process a log
        yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _fresh_all() -> None:
    for log in list(_logs):
        log.fresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fresh_all)
