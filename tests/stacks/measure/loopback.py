"""Every host of the outside on this machine: a server that speaks TLS for any name, and a process that finds it there.

The library under measurement runs unchanged, over real HTTP: only the resolver of names is ours, and its certificates
are trusted through the variables that HTTP clients read. Nothing can leave the machine.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import tempfile
from asyncio.base_events import BaseEventLoop
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import trustme

from tests.stacks.measure.wire import Received

TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(slots=True)
class Loopback:
    """The server's memory: what arrived since it was last emptied."""

    received: list[Received] = field(default_factory=list)


@contextmanager
def loopback() -> Iterator[Loopback]:
    """Serves every host name from here until the block ends."""
    memory, authority = Loopback(), trustme.CA()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(memory))
    server.daemon_threads = True
    server.socket = _context(authority).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Thread(target=server.serve_forever, daemon=True).start()
    port, real = server.server_address[1], socket.getaddrinfo
    connect = BaseEventLoop.create_connection

    def resolve(host: object, _port: object, family: int = 0, kind: int = 0, proto: int = 0, flags: int = 0) -> object:
        return real("127.0.0.1", port, socket.AF_INET, kind or socket.SOCK_STREAM, proto, flags)

    async def reach(loop: BaseEventLoop, factory: object, host: object = None, _port: object = None, **more: object):
        # anyio resolves a name itself and keeps the port that was asked for
        if host is None:
            return await connect(loop, factory, **more)
        if more.get("ssl") and not more.get("server_hostname"):
            more["server_hostname"] = host
        return await connect(loop, factory, "127.0.0.1", port, **more)

    with tempfile.NamedTemporaryFile(suffix=".pem") as trusted:
        authority.cert_pem.write_to_path(trusted.name)
        os.environ.update(dict.fromkeys(TRUST, trusted.name))
        socket.getaddrinfo, BaseEventLoop.create_connection = resolve, reach
        try:
            yield memory
        finally:
            socket.getaddrinfo, BaseEventLoop.create_connection = real, connect
            server.shutdown()


def _context(authority: trustme.CA) -> ssl.SSLContext:
    """A context that issues a certificate for each name that is asked for."""
    by_name: dict[str, ssl.SSLContext] = {}

    def choose(connection: ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        name = name or "localhost"
        if name not in by_name:
            by_name[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(name).configure_cert(by_name[name])
        connection.context = by_name[name]

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    context.sni_callback = choose
    return context


def _handler(memory: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self._body()
            try:
                body = json.loads(raw)
            except ValueError:
                body = None
            if isinstance(body, dict):
                memory.received.append(Received(self.headers.get("Host", ""), self.path, body))
            self._answer()

        def do_GET(self) -> None:
            self.do_POST()

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _answer(self) -> None:
            status, answer = answer_to(self.command, self.path)
            raw = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Not a word: what arrives is in the memory."""

    return Handler


def answer_to(method: str, path: str) -> tuple[int, dict[str, object]]:
    """What a call needs before it sends the request itself; the request is refused, so that nothing follows."""
    if path.endswith("/cachedContents") and method == "POST":
        return 200, {"name": "cachedContents/made-up", "model": "models/made-up"}
    if "/cachedContents" in path:
        return 200, {"cachedContents": []}
    if path.startswith("/copilot_internal"):
        api = {"api": "https://api.githubcopilot.com"}
        return 200, {"token": "made-up", "expires_at": 4_000_000_000, "endpoints": api}
    if path.endswith("/token"):
        return 200, {"access_token": "made-up", "expires_in": 3600, "token_type": "Bearer"}
    return 400, {"error": {"message": "measured", "type": "invalid_request_error", "code": 400, "status": "measured"}}
