"""What Claude Code says of its prompt cache, or what the end of its transcript shows.

Fields of `prompt_cache` (Claude Code from 2.1.251 on): sirmalloc/ccstatusline#576, 2026-11. Older ones have the path of
the transcript only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cachekit.core.jsonio.json_access import count, mapping, moment, number, text

_TAIL = 512 << 10
"""Bytes of the transcript that are read: a line that takes longer than a blink is switched off."""

_MINUTES, _HOUR = 300.0, 3600.0


@dataclass(frozen=True, slots=True)
class _Reply:
    at: float
    read: int
    written: int
    uncached: int
    for_an_hour: bool
    reason: str


def line_of(data: bytes, now: float) -> str:
    """The line for what stands on stdin."""
    try:
        status = mapping(json.loads(data))
    except (ValueError, RecursionError):
        return "cache unknown"
    reported = mapping(status.get("prompt_cache"))
    dollars = number(mapping(status.get("cost")).get("total_cost_usd"))
    parts = list(_reported(reported, now)) if reported else list(_of_transcript(status, now))
    return " · ".join([*(parts or ["cache unknown"]), *([f"${dollars:.2f}"] if dollars is not None else [])])


def _reported(cache: Mapping[str, object], now: float) -> Iterator[str]:
    """What Claude Code itself says."""
    ratio = number(cache.get("hit_ratio"))
    yield "cache unknown" if ratio is None else _percent(ratio)
    ends = moment(cache.get("expires_at"))
    if cache.get("warm") is False:
        cold = count(cache.get("recache_tokens_if_cold"))
        yield f"cold, {cold:,} tokens to write again" if cold else "cold"
    elif ends is not None:
        yield _left(ends - now)
    if misses := count(cache.get("misses")):
        yield f"{misses:,} miss{'es' if misses > 1 else ''}"


def _of_transcript(status: Mapping[str, object], now: float) -> Iterator[str]:
    replies = list(_replies(text(status.get("transcript_path")) or ""))
    cacheable = sum(reply.read + reply.written for reply in replies)
    if not cacheable:
        return
    yield _percent(sum(reply.read for reply in replies) / cacheable)
    last = replies[-1]
    yield _left(last.at + _ttl(replies, len(replies)) - now)
    if missed := _last_miss(replies):
        yield f"last miss: {missed}"


def _last_miss(replies: list[_Reply]) -> str:
    """Why the last reply that read less than half of what the one before left did so."""
    for index in range(len(replies) - 1, 0, -1):
        before, after = replies[index - 1], replies[index]
        if after.read * 2 < before.read + before.written:
            gap = after.at - before.at
            if after.reason:
                return after.reason.replace("_", " ")
            return f"expired after {_span(gap)}" if gap >= _ttl(replies, index) else "prefix changed"
    return ""


def _ttl(replies: list[_Reply], end: int) -> float:
    """Seconds that the entries of a session live: an hour where one of its last writes was for an hour."""
    return _HOUR if any(reply.for_an_hour for reply in replies[max(0, end - 20) : end]) else _MINUTES


def _replies(path: str) -> Iterator[_Reply]:
    """The main agent's replies at the end of a transcript, each once."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read().splitlines()
    except (OSError, ValueError):
        return
    seen: dict[str, _Reply] = {}
    for line in lines:
        if b'"usage"' in line and b'"assistant"' in line:
            found = _reply(line)
            if found is not None:
                seen[found[0]] = found[1]
    yield from sorted(seen.values(), key=lambda reply: reply.at)


def _reply(line: bytes) -> tuple[str, _Reply] | None:
    try:
        record = mapping(json.loads(line))
    except (ValueError, RecursionError):
        return None
    message, at = mapping(record.get("message")), moment(record.get("timestamp"))
    usage = mapping(message.get("usage"))
    if at is None or not usage or record.get("isSidechain") is True or message.get("model") == "<synthetic>":
        return None
    split = mapping(usage.get("cache_creation"))
    reason = text(mapping(mapping(message.get("diagnostics")).get("cache_miss_reason")).get("type"))
    reply = _Reply(
        at,
        count(usage.get("cache_read_input_tokens")) or 0,
        count(usage.get("cache_creation_input_tokens")) or 0,
        count(usage.get("input_tokens")) or 0,
        bool(count(split.get("ephemeral_1h_input_tokens"))),
        reason or text(mapping(message.get("diagnostics")).get("cache_miss_reason")) or "",
    )
    return text(message.get("id")) or str(at), reply


def _percent(ratio: float) -> str:
    return f"cache {ratio:.0%}"


def _left(seconds: float) -> str:
    return f"{_span(seconds)} left" if seconds > 0 else f"expired {_span(-seconds)} ago"


def _span(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{int(seconds)}s"
    return f"{minutes}m" if minutes < 120 else f"{minutes // 60}h"
