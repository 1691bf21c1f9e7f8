"""A real HTTP server on loopback that gives out what a test says, well or badly."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


class StaticHost:
    """`url` with a path answers as `answers` says of the path; 404 where it says nothing."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.stopping = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked.append(self.path)
                self.close_connection = True
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    outer.answers.get(self.path, missing)(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                pass  # a client that hung up, which is what the tests are about

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        """A byte of the body now and then, for ever."""
        handler.send_response(200)
        handler.end_headers()
        while not self.stopping.is_set():
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    def drip_headers(self, handler: BaseHTTPRequestHandler) -> None:
        """A byte of a header now and then, for ever."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not self.stopping.is_set():
            handler.wfile.write(b"a")
            handler.wfile.flush()
            time.sleep(0.05)

    def flood(self, handler: BaseHTTPRequestHandler) -> None:
        """Bytes without an end."""
        handler.send_response(200)
        handler.end_headers()
        while not self.stopping.is_set():
            handler.wfile.write(b" " * 2**20)

    def close(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


def sending(body: bytes, status: int = 200, **headers: str) -> Answer:
    """An answer with a body."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def leading(to: str) -> Answer:
    """A redirect."""
    return sending(b"", 302, Location=to)


missing = sending(b"no such file", 404)
