"""What a call hands back, and how it is read along with: nothing that the caller gets is used up or replaced, but for
iterators of unknown classes, for which there is a stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from cachekit.core.auditors.detect import backend_of_path
from cachekit.core.objects import part
from cachekit.tracker.aws import watch_aws
from cachekit.tracker.observation import HttpResponse, Observation
from cachekit.tracker.proxies import Given, watch_awaitable, watch_manager, watch_stream
from cachekit.tracker.record import Sent
from cachekit.tracker.taps import read_along
from cachekit.tracker.tracking import Tracking

_CONTENT = frozenset({"content", "choices", "output", "candidates", "message"})
_PLAIN = (str, bytes, int, float, bool, list, tuple, type(None))


def end_failed(call: Observation, error: BaseException) -> None:
    """No answer: it failed, or the caller gave up waiting (then it may have been billed all the same)."""
    call.end(None, "error" if isinstance(error, Exception) else "incomplete")


def handed_over(call: Observation, result: object, tracking: Tracking) -> object:
    """The result, read along with as far as we can; an error of ours in it is not the caller's."""
    try:
        return hand_over(call, result)
    except Exception as error:
        tracking.ledger.lost(error)
        call.end(None)
        return result


def hand_over(call: Observation, result: object) -> object:
    """The result, read along with: recorded now where it is whole, at its end where it is a stream."""
    response = call.response or _behind(call, result)
    if response is not None:
        _end_or_read_along(call, response)
        return result
    if isinstance(result, dict) and "ResponseMetadata" in result:
        watch_aws(call, result)
        return result
    if isinstance(result, Mapping):
        call.end({str(name): value for name, value in result.items() if name not in _CONTENT})
        return result
    return _watched(call, result)


def _watched(call: Observation, result: object) -> object:
    kind = type(result)
    if isinstance(result, _PLAIN) or hasattr(kind, "model_dump"):
        call.end(None if isinstance(result, _PLAIN) else result)
        return result
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        return watch_stream(result, call)
    if part(result, "usage") is not None:
        call.end(result)
        return result
    given = Given(call, lambda found: hand_over(call, found), lambda error: end_failed(call, error))
    if hasattr(kind, "__await__"):
        return watch_awaitable(result, given)
    if hasattr(kind, "__enter__") or hasattr(kind, "__aenter__"):
        return watch_manager(result, given)
    if hasattr(kind, "__iter__") or hasattr(kind, "__aiter__"):
        return watch_stream(result, call)
    call.end(result)
    return result


def _end_or_read_along(call: Observation, response: HttpResponse) -> None:
    """A response whose body was read is recorded at once, another one when it has been."""
    content = _content_of(response)
    if content is None:
        read_along(call, response)
    else:
        call.end(content)


def _content_of(response: HttpResponse) -> bytes | None:
    """The body, where somebody has read it."""
    try:
        return response.content
    except Exception:  # each release of httpx has an error of its own for "not read"
        return None


def _behind(call: Observation, result: object) -> HttpResponse | None:
    """The HTTP response behind a stream or a raw response of an SDK, whose request is what was sent for certain; None
    behind anything else."""
    sdk = type(result).__module__.partition(".")[0]
    if sdk not in ("anthropic", "openai"):
        return None
    if not call.sent.provider:
        call.sent = replace(call.sent, provider=sdk)
    places = (result, part(result, "_raw_stream"))
    found = (part(place, name) for place in places for name in ("http_response", "response", "_response"))
    http = (one for one in found if callable(part(one, "iter_bytes")) and part(one, "headers") is not None)
    response = cast("HttpResponse | None", next(http, None))
    if response is not None:
        path = str(part(response.request.url, "path") or "")
        call.response = response
        content = part(response.request, "content")  # None where it was streamed
        body = content if isinstance(content, bytes) else b""
        call.sent = Sent(body, backend_of_path(path), call.sent.provider, call.sent.host, path)
    return response
