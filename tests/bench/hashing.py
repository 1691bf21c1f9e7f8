"""Keccak-256 of 64-byte messages, in millions a second.

One core, but for the row that says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from counterfoil.hashing import keccak, lanes

from .rows import Row
from .timing import side_by_side

COUNT = 20_000


def rows(quick: bool) -> Iterator[Row]:
    """Ours, message by message and side by side, against what others install."""
    from Crypto.Hash import keccak as pycryptodome
    from eth_hash.auto import keccak as eth_hash
    from sha3 import keccak_256

    messages = np.random.default_rng(1).integers(0, 256, (COUNT, 64), dtype=np.uint8)
    each = [row.tobytes() for row in messages]

    def one_by_one(one: Callable[[bytes], Any]) -> Callable[[], Any]:
        return lambda: [one(message) for message in each]

    eth_hash(b"")
    works: list[Callable[[], Any]] = [
        one_by_one(keccak.keccak),
        one_by_one(eth_hash),
        one_by_one(lambda m: keccak_256(m).digest()),
        one_by_one(lambda m: pycryptodome.new(digest_bits=256, data=m).digest()),
    ]
    made = lanes.kernels() if lanes.available() else None
    if made is not None:
        given, out = messages.__array_interface__["data"][0], np.empty((COUNT, 32), np.uint8)
        there = out.__array_interface__["data"][0]
        works += [lambda: made.nodes(given, there, COUNT), lambda: lanes.rows(messages, made)]
    times = side_by_side(*works, seconds=2 if quick else 20)
    speed = [COUNT / t / 1e6 for t in times]
    peers = [("eth-hash, as Ape installs it", speed[1]), ("safe-pysha3", speed[2]),
             ("pycryptodome", speed[3])]  # fmt: skip
    unit = "M/s"
    if made is not None:
        for name, figure in peers:
            yield Row(what="side by side", ours=speed[4], unit=unit, more=True, peer=name,
                      peers=figure, note=f"{made.width} messages in a register")  # fmt: skip
        yield Row(what="rows of an array, all cores", ours=speed[5], unit=unit, more=True,
                  peer=peers[0][0], peers=speed[1],
                  note="with the copy that pads them")  # fmt: skip
    else:
        yield Row(what="side by side", ours=0, unit=unit, more=True, note="llvmlite is missing")
    for name, figure in peers:
        yield Row(what="one by one", ours=speed[0], unit=unit, more=True, peer=name, peers=figure)
