"""httpx, httpx2 and requests, threads and executors: what a capture changes in each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import timedelta
from functools import wraps
from io import BytesIO
from threading import Thread
from types import ModuleType
from typing import Protocol, cast

from cachekit.capturing.exchange import may_be_call, notice
from cachekit.capturing.patches import FindCaptures, Method, Patch
from cachekit.capturing.scope import belonging, hand_down
from cachekit.capturing.values import Answer, Exchange


class _Message(Protocol):
    """What is asked of a request or a response of httpx."""

    def read(self) -> bytes: ...
    async def aread(self) -> bytes: ...


class _Request(_Message, Protocol):
    method: str
    url: object
    headers: Mapping[str, str]


def httpx_patches(module: ModuleType) -> Iterator[Patch]:
    """Both clients of httpx, or of httpx2, which has the same names."""

    def made_sync(original: Method, applying: FindCaptures) -> Method:
        @wraps(original)
        def send(client: object, request: _Request, **options: object) -> object:
            captures = applying()
            if captures:
                content = request.read() if _readable(request) else b""
                answer = notice(captures, Exchange(request.method, str(request.url), request.headers, content))
                if answer is not None:
                    response = _response(module, request, answer)
                    return response if options.get("stream") else (response.read(), response)[1]
            return original(client, request, **options)

        return send

    def made_async(original: Method, applying: FindCaptures) -> Method:
        @wraps(original)
        async def send(client: object, request: _Request, **options: object) -> object:
            captures = applying()
            if captures:
                content = await request.aread() if _readable(request) else b""
                answer = notice(captures, Exchange(request.method, str(request.url), request.headers, content))
                if answer is not None:
                    response = _response(module, request, answer)
                    return response if options.get("stream") else (await response.aread(), response)[1]
            return await cast("Awaitable[object]", original(client, request, **options))

        return send

    yield Patch(module.Client, "send", made_sync)
    yield Patch(module.AsyncClient, "send", made_async)


def _readable(request: _Request) -> bool:
    return may_be_call(request.method, request.headers.get("content-type") or "")


def _response(module: ModuleType, request: _Request, answer: Answer) -> _Message:
    stream = module.ByteStream(answer.content)
    response = module.Response(answer.status, headers=dict(answer.headers), stream=stream, request=request)
    response.elapsed = timedelta(0)
    return cast("_Message", response)


class _Prepared(Protocol):
    """What is asked of a request of requests."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: object


def requests_patches(module: ModuleType) -> Iterator[Patch]:
    """The session of requests."""

    def made(original: Method, applying: FindCaptures) -> Method:
        @wraps(original)
        def send(session: object, request: _Prepared, **options: object) -> object:
            captures = applying()
            content = request.body.encode() if isinstance(request.body, str) else request.body
            if captures and isinstance(content, bytes):
                answer = notice(captures, Exchange(request.method, request.url, request.headers, content))
                if answer is not None:
                    return _answered(module, request, answer)
            return original(session, request, **options)

        return send

    yield Patch(module.Session, "send", made)


def _answered(module: ModuleType, request: _Prepared, answer: Answer) -> object:
    response = module.Response()
    response.status_code, response.url, response.request = answer.status, request.url, request
    response.headers.update(answer.headers)
    response.raw, response.encoding = BytesIO(answer.content), "utf-8"
    return response


def thread_patches(module: ModuleType) -> Iterator[Patch]:
    """Threads belong where they were started."""

    def made(original: Method, applying: FindCaptures) -> Method:
        @wraps(original)
        def start(thread: Thread) -> None:
            hand_down(thread, applying())
            original(thread)

        return start

    yield Patch(module.Thread, "start", made)


def executor_patches(module: ModuleType) -> Iterator[Patch]:
    """Jobs of an executor belong where they were submitted, however old the thread is that runs them."""

    def made(original: Method, applying: FindCaptures) -> Method:
        @wraps(original)
        def submit(executor: object, job: Callable[..., object], /, *args: object, **named: object) -> object:
            captures = applying()
            if not captures:
                return original(executor, job, *args, **named)

            @wraps(job)
            def run(*args: object, **named: object) -> object:
                with belonging(captures):
                    return job(*args, **named)

            return original(executor, run, *args, **named)

        return submit

    yield Patch(module.ThreadPoolExecutor, "submit", made)
