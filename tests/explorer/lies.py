"""RPCs that a page may ask from another origin: a node's, and ones that fail or lie."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Change = Callable[[dict[str, Any], dict[str, Any]], Any]
"""(request, the node's answer) → the answer that is given; bytes are given as they are."""


class LyingRpc:
    """`url` passes requests on to a node and changes what it answers."""

    def __init__(self, upstream: str, change: Change) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_OPTIONS(self) -> None:
                self._answer(204, b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sent = urllib.request.Request(upstream, body, {"Content-Type": "application/json"})
                with urllib.request.urlopen(sent, timeout=20) as found:
                    answer = json.loads(found.read())
                told = change(json.loads(body), answer)
                if isinstance(told, bytes):
                    self._answer(502, told)
                else:
                    self._answer(200, json.dumps(told).encode())

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                for name, value in {
                    "Access-Control-Allow-Origin": "*",
                    "Access-Control-Allow-Headers": "content-type",
                    "Content-Length": str(len(body)),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def result_of(method: str, value: Any) -> Change:
    """Answer one method with another result."""

    def change(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"result": value} if request["method"] == method else answer

    return change


def view(selectors: dict[str, str], give: Callable[[str], str]) -> Change:
    """Answer calls of views, by 0x-hex selector, with what `give` makes of the true result."""

    def change(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] != "eth_call":
            return answer
        name = selectors.get(request["params"][0]["data"][:10])
        return answer if name is None else answer | {"result": give(name)}

    return change


def later(seconds: int) -> Change:
    """Blocks that are younger than they are."""

    def change(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_getBlockByNumber" and answer.get("result"):
            answer["result"]["timestamp"] = hex(int(answer["result"]["timestamp"], 16) + seconds)
        return answer

    return change
