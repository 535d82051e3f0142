"""Where alerts go: stderr, a logger, a webhook in Slack's shape. None of them tells any text of a prompt."""

from __future__ import annotations

import json
import logging
import sys
import urllib.request
from collections.abc import Callable

from cachekit.core.errors import UsageError
from cachekit.tracker.metrics import CallMetrics

Sink = Callable[[CallMetrics], object]
"""Takes the metrics of a call that missed. What it returns is awaited where it can be."""


def alert_text(call: CallMetrics) -> str:
    """One line on a miss: how much, whose, and why."""
    ratio = "unknown" if call.hit_ratio is None else f"{call.hit_ratio:.2f}"
    cause = f"{call.cause.value}: {call.detail}" if call.cause else "nothing explains it"
    where = f" at {call.route}" if call.route else ""
    lost = f", {call.lost_tokens:,} tokens not read" if call.lost_tokens else ""
    usd = f", ${call.avoidable_usd:.4f} more than needed" if call.avoidable_usd else ""
    who = " ".join(word for word in (call.provider, call.model) if word)
    family = f" family={call.family}" if call.family else ""
    return f"cache hit ratio {ratio} {who}{family} prefix={call.prefix_id[:12] or '-'} cause={cause}{where}{lost}{usd}"


def to_stderr(call: CallMetrics) -> None:
    """The default."""
    sys.stderr.write(f"[cachekit] {alert_text(call)}\n")


def to_logger(logger: logging.Logger | str = "cachekit", level: int = logging.WARNING) -> Sink:
    """A sink that logs each alert, its metrics under `cachekit` of the log record."""
    target = logging.getLogger(logger) if isinstance(logger, str) else logger

    def sink(call: CallMetrics) -> None:
        target.log(level, "%s", alert_text(call), extra={"cachekit": call})

    return sink


def webhook(url: str, *, timeout: float = 10.0) -> Sink:
    """A sink that posts `{"text": ...}` to a URL, as Slack's incoming webhooks take it. `timeout` in seconds.

    Raises UsageError for a URL that is not http or https; what the server answers is counted, never shown.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError("not a URL of http or https", where="webhook")

    def sink(call: CallMetrics) -> None:
        body = json.dumps({"text": alert_text(call)}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout):
            pass

    return sink
