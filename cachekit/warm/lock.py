"""One process for one set of scopes: two warmers of the same prefixes pay twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from cachekit.core.model.errors import UsageError


@contextmanager
def alone(what: str, *, force: bool = False, folder: Path | None = None) -> Iterator[None]:
    """Holds the lock of `what` (a config file, or requests) in the user's cache folder; the system lets it go when the
    process ends, however it ends. Raises UsageError where another process holds it, unless forced. Where nothing can be
    locked, nobody is kept out."""
    path = (folder or _folder()) / f"warm-{blake2b(what.encode('utf-8', 'replace'), digest_size=8).hexdigest()}.lock"
    descriptor = _opened(path)
    if descriptor is None:
        yield
        return
    try:
        if not _taken(descriptor) and not force:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() if hasattr(os, "pread") else ""
            who = f"process {holder}" if holder else "another process"
            raise UsageError(f"{who} warms these scopes already", hint="stop it, or --force to warm them twice")
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("cachekit")


def _opened(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None


def _taken(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: one process is not kept from another
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
