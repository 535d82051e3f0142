"""A request as it left the program: what a capture records, and what its ndjson lines hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cachekit.core.model.backends import Backend


@dataclass(frozen=True, slots=True)
class Captured:
    """One request on its way out.

    `backend` is the native form of its body as far as host and path tell it, None where only the shape can. `host` is
    without port, `path` decoded and without its query. `body` is as sent, `headers` are the few that matter to a cache
    (names in lower case), both without secrets. `at` is when it left, in seconds since 1970.
    """

    backend: Backend | None
    host: str
    path: str
    method: str
    body: Mapping[str, object] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0

    def record(self) -> dict[str, object]:
        """The request as a JSON object, one line of a capture's file; `cachekit audit` reads it."""
        moment = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds")
        return {
            "at": moment.replace("+00:00", "Z"),
            "backend": self.backend.value if self.backend else None,
            "method": self.method,
            "host": self.host,
            "path": self.path,
            "headers": dict(self.headers),
            "body": dict(self.body),
        }
