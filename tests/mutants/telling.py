"""Cases as call logs in several forms, and whether each is reported as what it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO

from cachekit.core.explain.explain import Cause, Explanation, explain
from cachekit.core.logs.native import read_calls
from cachekit.core.logs.native_write import to_line
from cachekit.core.model.calls import Call
from tests.mutants.asks import Ask
from tests.mutants.render import render

FORMS = ("hand", "full", "digests", "usage", "bare")
"""Written by another program with the request in it; by us with text; by us without; counters, family and prefix only;
counters alone."""


def lines(sent: list[Ask], usages: list[dict | None], form: str) -> bytes:
    plain = b"".join(_line(number, *pair, form) for number, pair in enumerate(zip(sent, usages, strict=True)))
    if form in ("hand", "bare"):
        return plain
    content = {"full": "full", "digests": "digests", "usage": "none"}[form]
    return b"".join(to_line(call, content) for call in read_calls(BytesIO(plain)) if isinstance(call, Call))


def _line(number: int, ask: Ask, usage: dict | None, form: str) -> bytes:
    provider, api, request = render(ask)
    line = {
        "v": 1,
        "ts": datetime.fromtimestamp(ask.at, UTC).isoformat().replace("+00:00", "Z"),
        "id": str(number),
        "provider": provider,
        "api": api,
        "model": ask.model,
        "latency_ms": ask.took * 1000,
        "ttft_ms": ask.first * 1000,
        "status": 200 if usage is not None else 400,
        "usage": usage if usage is not None else {"known": False},
        "labels": {"session": ask.session} if ask.session else {},
    }
    if form != "bare":
        line["request"] = request
    return json.dumps(line).encode() + b"\n"


def told(sent: list[Ask], usages: list[dict | None], form: str) -> list[Explanation]:
    """The explanations of a log but for cold starts that read nothing before them."""
    return list(explain(read_calls(BytesIO(lines(sent, usages, form)))))


def misses(found: list[Explanation]) -> list[Explanation]:
    return [each for each in found if each.cause is not Cause.COLD]
