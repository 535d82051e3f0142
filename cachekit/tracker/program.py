"""A whole program whose calls are tracked: `cachekit run -- python app.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cachekit.client.program import check_program, run_program
from cachekit.core.logs.native_write import Content

LOG, CONTENT, LABELS, QUIET = (f"_CACHEKIT_RUN_{name}" for name in ("LOG", "CONTENT", "LABELS", "QUIET"))
"""Variables of the program's environment."""

_NEEDS = ("orjson", "msgspec", "xxhash", "genai_prices", "platformdirs")


def run(command: Sequence[str], log: Path, content: Content, labels: Mapping[str, str], *, alerts: bool) -> int:
    """Runs a program and returns its exit code; its calls are appended to the log. `alerts`: misses are told on its
    stderr. Raises UsageError where there is no such program."""
    check_program(command)
    variables = {
        LOG: str(log.absolute()),
        CONTENT: content,
        LABELS: json.dumps(dict(labels)),
        QUIET: "" if alerts else "1",
    }
    return run_program(command, "cachekit.tracker.program:join", variables, _NEEDS)


def join(env: Mapping[str, str]) -> None:
    """Tracks every call of this process, for its life."""
    from cachekit.tracker import CacheTracker

    content: Content = "full" if env[CONTENT] == "full" else "none" if env[CONTENT] == "none" else "digests"
    tracker = CacheTracker(
        log=env[LOG],
        content=content,
        labels=json.loads(env[LABELS]),
        alert_on="due",
        on_miss_alert=(lambda _: None) if env[QUIET] else None,
    )
    _KEPT.append(tracker.install())


_KEPT: list[object] = []
"""A tracker that nobody holds would stop."""
