"""Serving an emulator on loopback, in a thread of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from cachekit.core.model.errors import OutsideError, UsageError
from cachekit.emulator.state import Emulator

LOOPBACK = "127.0.0.1"
_WAITING = 2048


@contextmanager
def serve(emulator: Emulator, port: int = 0, host: str = LOOPBACK) -> Iterator[str]:
    """The emulator's URL while it is served, for sync and async callers alike. Port 0 takes a free one.

    Raises UsageError without the extra `emulator`, OutsideError where the port cannot be had.
    """
    try:
        from cachekit.emulator.server import server_of
    except ModuleNotFoundError as error:
        raise UsageError(f"needs {error.name}", hint="pip install 'llm-cachekit[emulator]'") from None
    listener = _listen(host, port)
    server = server_of(emulator)
    thread = Thread(target=server.run, args=([listener],), name="cachekit-emulator", daemon=True)
    thread.start()  # callers need not wait for it: the listener queues what comes before the server runs
    try:
        yield url_of(host, listener.getsockname()[1])
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Its protocol is named, so that asyncio sends small answers without waiting for more."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_WAITING)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "no such port"
        raise OutsideError(f"cannot listen on {host} port {port}: {reason}", hint="choose another --port") from None
    return listener


def url_of(host: str, port: int) -> str:
    """The address to give to an SDK."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
