"""A small HTTP server for answers that no well-behaved API gives: each request gets the next of a list."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(*answers: object, status: int = 200, length: bool = True) -> Iterator[str]:
    """The URL of a server that gives these answers in turn, the last one for ever: JSON values, or bytes of a stream of
    server-sent events. Without `length` an answer ends where the connection does."""
    left = list(answers)

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            answer = left.pop(0) if len(left) > 1 else left[0]
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            kind = "text/event-stream" if isinstance(answer, bytes) else "application/json"
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header(*(("content-length", str(len(body))) if length else ("connection", "close")))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def events(*data: object, done: bool = False) -> bytes:
    """Server-sent events."""
    lines = [f"event: {item.get('type', 'message')}\ndata: {json.dumps(item)}\n\n" for item in data]
    return ("".join(lines) + ("data: [DONE]\n\n" if done else "")).encode()
