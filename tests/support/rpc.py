"""A real HTTP server before a node: it passes requests on, or answers as a test says."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Exchange"], None]


class Exchange:
    """One request, and what to answer it with."""

    def __init__(self, handler: BaseHTTPRequestHandler, upstream: str | None) -> None:
        length = int(handler.headers.get("Content-Length", 0))
        self.handler = handler
        self.body = handler.rfile.read(length)
        self.request: dict[str, Any] = json.loads(self.body)
        self.method: str = self.request["method"]
        self._upstream = upstream

    def forward(self) -> dict[str, Any]:
        """What the node answers."""
        assert self._upstream is not None
        request = urllib.request.Request(
            self._upstream, self.body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as found:
            return json.loads(found.read())

    def result(self, value: Any) -> None:
        """Answer with a result."""
        self.json({"jsonrpc": "2.0", "id": self.request["id"], "result": value})

    def error(self, code: int, message: str) -> None:
        """Answer with a JSON-RPC error."""
        error = {"code": code, "message": message}
        self.json({"jsonrpc": "2.0", "id": self.request["id"], "error": error})

    def json(self, value: Any) -> None:
        self.raw(200, json.dumps(value).encode())

    def raw(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Answer with any bytes."""
        self.handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(body)


def passing(exchange: Exchange) -> None:
    """As if the server were not there."""
    exchange.json(exchange.forward())


class FaultyRpc:
    """`url` answers as `answer` says, which a test may set at any time."""

    def __init__(self, upstream: str | None = None) -> None:
        self.answer: Answer = passing
        self.methods: list[str] = []
        self.stopping = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                exchange = Exchange(self, upstream)
                outer.methods.append(exchange.method)
                try:
                    outer.answer(exchange)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                pass  # a client that hung up, which is what the tests are about

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def hang(self, exchange: Exchange) -> None:
        """Answer nothing, until the test ends."""
        self.stopping.wait(30)
        exchange.handler.close_connection = True

    def drip(self, exchange: Exchange) -> None:
        """A byte now and then, for ever."""
        exchange.handler.send_response(200)
        exchange.handler.send_header("Content-Length", "1000000")
        exchange.handler.end_headers()
        while not self.stopping.is_set():
            exchange.handler.wfile.write(b" ")
            exchange.handler.wfile.flush()
            time.sleep(0.05)

    def close(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
