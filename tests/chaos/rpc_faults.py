"""An RPC that is down, busy, silent, cut off in the middle, or another chain's."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from support.rpc import Exchange, FaultyRpc, passing

from .node import Node
from .processes import Launcher
from .scene import Scene
from .table import Row

FOR = 4.0
"""Seconds that a fault lasts, while receipts are sealed on."""


class Proxy(FaultyRpc):
    """Before a node; it counts the answers that it spoils, and can be gone altogether."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.spoilt = 0
        self._kind, self._handler = type(self._server), self._server.RequestHandlerClass

    def spoil(self, how: Callable[[Exchange], None]) -> None:
        def answer(exchange: Exchange) -> None:
            self.spoilt += 1
            how(exchange)

        self.answer = answer

    def heal(self) -> None:
        self.answer = passing

    def down(self) -> None:
        """Nobody listens."""
        self._server.shutdown()
        self._server.server_close()

    def up(self) -> None:
        self._server = self._kind(self._server.server_address, self._handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()


def _busy(exchange: Exchange) -> None:
    exchange.raw(429, b"slow down", {"Retry-After": "1"})


def _cut_off(exchange: Exchange) -> None:
    """Half of the answer; what the request asked for was done."""
    whole = json.dumps(exchange.forward()).encode()
    exchange.handler.send_response(200)
    exchange.handler.send_header("Content-Length", str(len(whole)))
    exchange.handler.end_headers()
    exchange.handler.wfile.write(whole[: len(whole) // 2])
    exchange.handler.wfile.flush()
    exchange.handler.close_connection = True
    exchange.handler.connection.close()


def _other_id(exchange: Exchange) -> None:
    if exchange.method == "eth_chainId":
        exchange.result("0x1")
    else:
        passing(exchange)


def rows(folder: Path, launcher: Launcher, _: random.Random, kills: int) -> Iterator[Row]:
    """Each fault twice: under a settler that runs, and when one starts."""
    node = Node()
    proxy = Proxy(node.url)
    try:
        with Scene(folder, launcher, node=node, rpc=proxy.url) as scene:
            yield _row(scene, proxy, "RPC down", None)
            yield _row(scene, proxy, "RPC answers 429", _busy)
            yield _row(scene, proxy, "RPC hangs", proxy.hang)
            yield _row(scene, proxy, "RPC drips a byte at a time", proxy.drip)
            yield _row(scene, proxy, "RPC cuts answers in half, requests being done", _cut_off)
            yield _row(scene, proxy, "RPC of another chain's id", _other_id)
            yield _other_genesis(scene, proxy)
    finally:
        proxy.close()
        node.stop()


def _row(scene: Scene, proxy: Proxy, fault: str, how: Callable[[Exchange], None] | None) -> Row:
    before, spoilt, times = scene.holder.counts(), proxy.spoilt, 0
    notes = []
    for running in (True, False):
        settler = scene.settler() if running else None
        if running:
            time.sleep(1)
        worker = scene.worker(pace=0.05)
        if how is None:
            proxy.down()
        else:
            proxy.spoil(how)
        times += 1
        settler = settler or scene.settler()
        time.sleep(FOR)
        proxy.heal()
        if how is None:
            proxy.up()
        scene.heard(3)
        worker.kill()
        if not scene.wait_final(60):
            notes.append("the settler did not recover by itself")
        if settler.stop() not in (0, None):
            notes.append(f"exit code {settler.ended()}")
    scene.settle()
    injected = times if how is None else proxy.spoilt - spoilt
    return scene.row(fault, injected, "; ".join([*scene.holder.problems, *notes]), before)


def _other_genesis(scene: Scene, proxy: Proxy) -> Row:
    """A development chain started anew: the same id, another genesis."""
    before, other = scene.holder.counts(), Node("--timestamp", "1700000000")
    settler, worker, times = scene.settler(), scene.worker(pace=0.05), 0
    try:
        scene.heard(5)

        def elsewhere(exchange: Exchange) -> None:
            exchange._upstream = other.url
            passing(exchange)

        proxy.spoil(elsewhere)
        spoilt = proxy.spoilt
        time.sleep(FOR)
        started = scene.settler()
        time.sleep(FOR)
        times = proxy.spoilt - spoilt
        proxy.heal()
        worker.kill()
        recovered = scene.wait_final(60)
        codes = [each.stop() for each in (settler, started)]
        note = "" if recovered and not any(codes) else "the settlers did not recover by themselves"
    finally:
        other.stop()
    scene.settle()
    return scene.row(
        "RPC of a chain started anew under the same id", times,
        "; ".join([*scene.holder.problems, *filter(None, [note])]), before,
    )  # fmt: skip
