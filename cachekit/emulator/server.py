"""The emulator as an ASGI application on uvicorn. The one module that imports uvicorn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from cachekit.emulator.exchange import respond
from cachekit.emulator.state import Emulator
from cachekit.emulator.values import Answer, Request

Message = MutableMapping[str, Any]  # ASGI's own type
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_LOOK_AGAIN = 0.005
"""Seconds between two looks whether answers may begin."""


class _Connection(H11Protocol):
    """A connection that tells the application how to end it: ASGI itself knows no way to send no answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        self.app_state = {"hang_up": transport.abort}


def server_of(emulator: Emulator) -> Server:
    """A server for an emulator; `run` it with a listening socket. It logs nothing, so that no prompt is logged."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        answer = respond(emulator, await _request(scope, receive))
        await _wait(emulator, answer)
        if answer.fault.drop:
            scope["state"]["hang_up"]()
            await receive()
            return
        emulator.begin(answer.look)
        await _play(answer, send)

    return Server(
        Config(
            cast("Callable[..., Any]", app),
            http=_Connection,
            ws="none",
            lifespan="off",
            proxy_headers=False,
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
        )
    )


async def _request(scope: Message, receive: Receive) -> Request:
    """The whole request."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(scope["method"], scope["path"], b"".join(parts), headers)


async def _wait(emulator: Emulator, answer: Answer) -> None:
    """Until the answer begins."""
    await asyncio.sleep(answer.fault.begins)
    while emulator.holding:
        await asyncio.sleep(_LOOK_AGAIN)


async def _play(answer: Answer, send: Send) -> None:
    """Sends the answer, spread over the time that it takes; one that is truncated ends with the connection."""
    frames = _halved(answer) if answer.fault.truncate else answer.frames
    if not answer.stream:
        await asyncio.sleep(answer.fault.lasts)
    length = [] if answer.stream else [(b"content-length", str(len(answer.frames[0])).encode())]
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": [*headers, *length]})
    pause = answer.fault.lasts / len(answer.frames) if answer.stream else 0.0
    for frame in frames:
        await send({"type": "http.response.body", "body": frame, "more_body": True})
        await asyncio.sleep(pause)
    if not answer.fault.truncate:  # without its end, uvicorn closes the connection
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _halved(answer: Answer) -> tuple[bytes, ...]:
    """The first half of the frames of a stream, or of the one body."""
    if answer.stream:
        return answer.frames[: len(answer.frames) // 2]
    return (answer.frames[0][: len(answer.frames[0]) // 2],)
