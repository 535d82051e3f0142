"""What is kept of a call until it is worked out: what was sent, what came back, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cachekit.core.backends import Backend


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it left, or as it was handed to a library.

    `body`: JSON text, which nobody can change any more. `backend` is its form, None where only its shape tells. `host`
    is who serves it, as the cache policies name hosts. `path` names the model where the body does not.
    """

    body: bytes = field(default=b"", repr=False)
    backend: Backend | None = None
    provider: str = ""
    host: str = ""
    path: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One finished call. `answer`: the body of the response as JSON text, a dict, an object with a `usage`, the merged
    events of a stream, or None where nothing came. `ts`: when it started, in seconds since 1970 UTC; `ttft_ms` is the
    time to the first event of a stream. `attempts` counts the HTTP requests that the SDK made for it."""

    sent: Sent
    ts: float
    latency_ms: float
    answer: object = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ttft_ms: float | None = None
    status: int | None = None
    flags: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 1
