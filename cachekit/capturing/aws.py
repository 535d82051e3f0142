"""botocore: what a capture changes in it. Shapes of botocore 1.44.5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import wraps
from io import BytesIO
from types import ModuleType
from typing import Protocol

from cachekit.capturing.exchange import notice
from cachekit.capturing.patches import FindCaptures, Method, Patch
from cachekit.capturing.scope import answering
from cachekit.capturing.values import Answer, Exchange

MADE_UP = "cachekit-capture"
"""Stands for a key where nothing is sent."""


class _Prepared(Protocol):
    """What is asked of a request of botocore."""

    method: str
    url: str
    headers: Mapping[str, object]
    body: object
    stream_output: bool


def session_patches(module: ModuleType) -> Iterator[Patch]:
    """The HTTP session, below signing and retries."""

    def made(original: Method, applying: FindCaptures) -> Method:
        @wraps(original)
        def send(session: object, request: _Prepared) -> object:
            captures = applying()
            answer = notice(captures, _exchange(request)) if captures else None
            return original(session, request) if answer is None else _response(request, answer)

        return send

    yield Patch(module.URLLib3Session, "send", made)


def _exchange(request: _Prepared) -> Exchange:
    body = request.body.encode() if isinstance(request.body, str) else request.body
    headers = {str(name): _text(value) for name, value in request.headers.items()}
    return Exchange(request.method, request.url, headers, bytes(body) if isinstance(body, (bytes, bytearray)) else b"")


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _response(request: _Prepared, answer: Answer) -> object:
    from botocore.awsrequest import AWSResponse  # type: ignore[import-untyped]
    from urllib3.response import HTTPResponse

    raw = HTTPResponse(
        BytesIO(answer.content), headers=dict(answer.headers), status=answer.status, preload_content=False
    )
    response = AWSResponse(request.url, answer.status, raw.headers, raw)
    if not request.stream_output:
        _ = response.content  # read now, as the real session does
    return response


def signer_patches(module: ModuleType) -> Iterator[Patch]:
    """What is not sent is not signed: no credentials are needed, nor renewed."""

    def made(original: Method, applying: FindCaptures) -> Method:
        @wraps(original)
        def sign(signer: object, *args: object, **named: object) -> object:
            return None if answering(applying()) else original(signer, *args, **named)

        return sign

    yield Patch(module.RequestSigner, "sign", made)


def credential_patches(module: ModuleType) -> Iterator[Patch]:
    """Libraries that sign by themselves get credentials that are made up, without a look at the real ones."""

    def made(original: Method, applying: FindCaptures) -> Method:
        @wraps(original)
        def get_credentials(session: object) -> object:
            if not answering(applying()):
                return original(session)
            from botocore.credentials import Credentials  # type: ignore[import-untyped]

            return Credentials(MADE_UP, MADE_UP)

        return get_credentials

    yield Patch(module.Session, "get_credentials", made)
