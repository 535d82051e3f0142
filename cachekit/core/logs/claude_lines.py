"""Lines of Claude Code transcripts, decoded to the fields that count; the contents of messages are skipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from cachekit.core.jsonio.documents import value_of
from cachekit.core.jsonio.json_access import LARGEST_COUNT, count, dig, mapping, number, text

_Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)]

_NAMES = {
    "session_id": "sessionId",
    "parent_uuid": "parentUuid",
    "request_id": "requestId",
    "agent_id": "agentId",
    "is_sidechain": "isSidechain",
    "is_api_error": "isApiErrorMessage",
    "git_branch": "gitBranch",
    "cost_usd": "costUSD",
}


class Split(msgspec.Struct, gc=False):
    """Written tokens by lifetime."""

    ephemeral_5m_input_tokens: _Count | None = None
    ephemeral_1h_input_tokens: _Count | None = None


class TokenUsage(msgspec.Struct, gc=False):
    """`message.usage`, exclusive. `repaired` says that a value was no count and was left out."""

    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation: Split | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    iterations: list[dict[str, object]] | None = None
    repaired: bool = False

    def plain(self) -> tuple[int, int, int, int, int] | None:
        """Uncached, read, written for five minutes, for an hour, and output, where all are known and agree."""
        uncached, read, split = self.input_tokens, self.cache_read_input_tokens, self.cache_creation
        if uncached is None or read is None or split is None or self.iterations:
            return None
        five, hour = split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens
        if five is None or hour is None or five + hour != self.cache_creation_input_tokens:
            return None
        return uncached, read, five, hour, self.output_tokens or 0


class MissReason(msgspec.Struct, gc=False):
    """Why the API says that it read less than it could have."""

    type: str | None = None
    cache_missed_input_tokens: _Count | None = None


class Diagnostics(msgspec.Struct, gc=False):
    """The API's own diagnosis of a reply."""

    cache_miss_reason: MissReason | None = None


class Message(msgspec.Struct, gc=False):
    """A reply, without its content."""

    id: str | None = None
    model: str | None = None
    usage: TokenUsage | None = None
    diagnostics: Diagnostics | None = None


class Inner(msgspec.Struct, gc=False, rename={"request_id": "requestId"}):
    """A sub-agent's reply inside a progress line."""

    message: Message | None = None
    request_id: str | None = None
    timestamp: str | None = None


class Progress(msgspec.Struct, gc=False, rename={"agent_id": "agentId"}):
    """The data of a progress line."""

    message: Inner | None = None
    agent_id: str | None = None


class Line(msgspec.Struct, gc=False, rename=_NAMES):
    """The fields of a line that count; message contents are skipped by the decoder."""

    type: str | None = None
    timestamp: str | None = None
    session_id: str | None = None
    request_id: str | None = None
    message: Message | None = None
    is_sidechain: bool | None = None
    is_api_error: bool | None = None
    parent_uuid: str | None = None
    agent_id: str | None = None
    uuid: str | None = None
    cwd: str | None = None
    git_branch: str | None = None
    cost_usd: float | None = None
    data: Progress | None = None


_decode = msgspec.json.Decoder(Line).decode


def decode(raw: bytes) -> Line:
    """A line of JSON; where a value has the wrong type, what else can be read. Raises ValueError for what is none."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return line_of(value_of(raw))


def line_of(value: object) -> Line:
    """A line with values of the wrong type: what can be read is. Raises ValueError where it is no object."""
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    data = mapping(value.get("data"))
    inner = mapping(data.get("message"))
    progress = {"agentId": text(data.get("agentId")), "message": _texts(inner) | {"message": _message(inner)}}
    clean = _texts(value) | {
        "isSidechain": value.get("isSidechain") is True,
        "isApiErrorMessage": value.get("isApiErrorMessage") is True,
        "costUSD": number(value.get("costUSD")),
        "message": _message(value),
        "data": progress,
    }
    return msgspec.convert(clean, Line)


_TEXTS = ("type", "timestamp", "sessionId", "requestId", "agentId", "uuid", "parentUuid", "cwd", "gitBranch")
_COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_SPLIT = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


def _texts(value: Mapping[str, object]) -> dict[str, object]:
    return {name: text(value.get(name)) for name in _TEXTS}


def _message(holder: Mapping[str, object]) -> dict[str, object] | None:
    message = mapping(holder.get("message"))
    usage = mapping(message.get("usage"))
    if not usage:
        return None
    split = usage.get("cache_creation")
    clean: dict[str, object] = {name: count(usage.get(name)) for name in _COUNTS}
    clean["repaired"] = any(clean[name] is None and usage.get(name) is not None for name in _COUNTS)
    clean |= {name: text(usage.get(name)) for name in ("service_tier", "speed", "inference_geo")}
    clean["cache_creation"] = {name: count(dig(split, name)) for name in _SPLIT} if isinstance(split, dict) else None
    name, reason = message.get("id"), mapping(dig(message, "diagnostics", "cache_miss_reason"))
    missed = {
        "type": text(reason.get("type")),
        "cache_missed_input_tokens": count(reason.get("cache_missed_input_tokens")),
    }
    return {
        "id": name if isinstance(name, str) else None,
        "model": text(message.get("model")),
        "usage": clean,
        "diagnostics": {"cache_miss_reason": missed} if reason else None,
    }
