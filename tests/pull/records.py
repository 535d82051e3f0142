"""Records of Bedrock's invocation log, and events that hold them."""

from __future__ import annotations

import gzip
import json
import time
from datetime import UTC, datetime
from uuid import UUID

from tests.pull.aws import Logged

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = (int(time.time() * 1000) // HOUR - 2) * HOUR + 20 * MINUTE
"""The tests' now, in ms: twenty past an hour that is over, and not long ago, since moto takes no old events."""

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/ab12cd34ef56"


def request_id(number: int) -> str:
    """The request id of a number: spread over all UUIDs, so that a share of them is a share of the calls."""
    return str(UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128))


def iso(at: int) -> str:
    """A moment in ms as a record has it."""
    return f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def record(number: int = 0, at: int = NOW, model: str = MODEL, **more: object) -> dict[str, object]:
    """A record of a Converse call."""
    body = {"system": [{"text": "Be kind."}], "messages": [{"role": "user", "content": [{"text": f"Hi {number}"}]}]}
    counts = {"inputTokenCount": 10, "cacheReadInputTokenCount": 2000, "cacheWriteInputTokenCount": 300}
    told = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": iso(at),
        "accountId": "111122223333",
        "region": "us-east-1",
        "requestId": request_id(number),
        "operation": "Converse",
        "modelId": model,
        "input": {"inputContentType": "application/json", "inputBodyJson": body, **counts},
        "output": {"outputContentType": "application/json", "outputTokenCount": 25},
    }
    return told | more


def logged(number: int, at: int | None = None, **more: object) -> Logged:
    """An event with a record; without a time, a second after the one before."""
    moment = NOW - HOUR + number * 1000 if at is None else at
    return Logged(moment, f"event-{number:06d}", json.dumps(record(number, moment, **more)))


def packed(*records: object) -> bytes:
    """Records as an object of S3 holds them: gzip, one a line."""
    return gzip.compress(b"".join(json.dumps(each).encode() + b"\n" for each in records))


def key(at: int, name: str = "log.json.gz", prefix: str = "logs/", region: str = "us-east-1") -> str:
    """Where Bedrock puts an object that it delivers at a moment."""
    hour = f"{datetime.fromtimestamp(at / 1000, UTC):%Y/%m/%d/%H}"
    return f"{prefix}AWSLogs/111122223333/BedrockModelInvocationLogs/{region}/{hour}/{name}"
