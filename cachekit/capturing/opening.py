"""Opening and closing a capture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from time import time

from cachekit.capturing import aws, clients
from cachekit.capturing.patches import Patches, install, undo
from cachekit.capturing.scope import OPEN, Capture, enter, leave, own_thread
from cachekit.core.model.captured import Captured

TABLE: dict[str, Patches] = {
    "httpx": clients.httpx_patches,
    "httpx2": clients.httpx_patches,
    "requests.sessions": clients.requests_patches,
    "botocore.httpsession": aws.session_patches,
    "botocore.signers": aws.signer_patches,
    "botocore.session": aws.credential_patches,
    "threading": clients.thread_patches,
    "concurrent.futures.thread": clients.executor_patches,
}
"""The modules that are changed while a capture is open."""

_LOCK = RLock()


@contextmanager
def capture(send: bool = True, *, clock: Callable[[], float] = time) -> Iterator[list[Captured]]:
    """A list that fills with the calls of models that leave the block, whatever library makes them.

    `send=False` answers each call at once with a minimal answer of its API (a forced tool is called, an output schema
    is met), so that neither network nor key is needed and nothing is billed; what goes elsewhere is let through. Keys
    and tokens are never kept. Captures nest, and one that lets nothing out rules those inside it. `clock` tells the
    seconds since 1970.
    """
    seen: list[Captured] = []
    with opened(Capture(send, seen.append, clock, own_thread())):
        yield seen


@contextmanager
def opened(capture: Capture) -> Iterator[None]:
    """Opens a capture for a block. The first one changes the libraries, the last one changes them back."""
    begin(capture)
    try:
        yield
    finally:
        with _LOCK:
            leave(capture)
            if not OPEN:
                undo()
            if all(other.send for other in OPEN):
                _take_keys_back()


def begin(capture: Capture) -> None:
    """Opens a capture that may stay open as long as the process lives."""
    with _LOCK:
        if not OPEN:
            install(TABLE)
        enter(capture)
        if not capture.send:
            _lend_keys()


_LENT: dict[str, str] = {}


def _lend_keys() -> None:
    """Made-up keys for those that the environment lacks: SDKs want one before they send anything."""
    wanted = {"OPENAI_API_KEY": aws.MADE_UP}
    if not os.environ.get("ANTHROPIC_AUTH_TOKEN"):  # one of the two is enough
        wanted["ANTHROPIC_API_KEY"] = aws.MADE_UP
    if not _knows_region():
        wanted |= dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "us-east-1")
    for name, value in wanted.items():
        if not os.environ.get(name):
            os.environ[name] = _LENT[name] = value


def _knows_region() -> bool:
    named = any(os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"))
    return named or Path(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser().exists()


def _take_keys_back() -> None:
    while _LENT:
        name, value = _LENT.popitem()
        if os.environ.get(name) == value:
            del os.environ[name]
