"""Answers of boto3 and aioboto3 on Bedrock: dicts, whose streams and bodies are read along with.

InvokeModel tells its counts in headers, the lifetimes of its writes only in the body: so the call is recorded when the
body has been read, by whoever reads it, or when it is thrown away.
"""

from __future__ import annotations

from typing import Any, cast

import orjson

from cachekit.core.backends import Backend
from cachekit.core.digests import compact
from cachekit.core.objects import part
from cachekit.core.shape import count, dig, text
from cachekit.tracker.aws_streams import Seen, watch_body, watch_events
from cachekit.tracker.observation import Observation
from cachekit.tracker.record import Sent

APIS = {
    "converse": Backend.BEDROCK_CONVERSE,
    "converse_stream": Backend.BEDROCK_CONVERSE,
    "invoke_model": Backend.BEDROCK_INVOKE_ANTHROPIC,
    "invoke_model_with_response_stream": Backend.BEDROCK_INVOKE_ANTHROPIC,
}
"""The methods of a Bedrock client that ask a model."""


def is_bedrock(client: object) -> bool:
    """Whether something is a client of bedrock-runtime, of boto3 or aioboto3."""
    return part(part(part(client, "meta"), "service_model"), "service_name") == "bedrock-runtime"


def sent_by(client: object, name: str, kwargs: dict[str, object]) -> Sent:
    """A request as it was handed to a method."""
    region = text(part(part(client, "meta"), "region_name")) or ""
    backend = APIS[name]
    body = compact(kwargs) if backend is Backend.BEDROCK_CONVERSE else _invoked(kwargs)
    return Sent(body, backend, "bedrock", "bedrock", region=region)


def _invoked(kwargs: dict[str, object]) -> bytes:
    """Model and body; the body is JSON text already. A file is read and set back, where it can be."""
    given = kwargs.get("body")
    if callable(part(given, "seek")) and callable(part(given, "read")):
        stream = cast(Any, given)  # whatever botocore takes as a body; it refuses what cannot seek
        place = stream.tell()
        given = stream.read()
        stream.seek(place)
    data = (
        given.encode() if isinstance(given, str) else bytes(given) if isinstance(given, (bytes, bytearray)) else b"{}"
    )
    try:
        return orjson.dumps({"modelId": kwargs.get("modelId"), "body": orjson.Fragment(data or b"{}")})
    except TypeError:
        return b""


def watch_aws(call: Observation, result: dict[str, object]) -> None:
    """Read along with a result; one without stream or body is recorded now."""
    told = {name: value for name, value in result.items() if name in ("ResponseMetadata", "usage", "serviceTier")}
    call.status = count(dig(told, "ResponseMetadata", "HTTPStatusCode"))
    stream = result.get("stream") or result.get("body")
    if stream is None:
        call.end(told)
    elif part(stream, "_event_generator") is not None:
        call.flags.add("stream")
        watch_events(stream, Seen(call, told))
    else:
        watch_body(stream, Seen(call, told))
