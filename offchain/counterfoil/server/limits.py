"""What one server takes at most."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

MIB: Final = 2**20
HELD: Final = 256 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a server.

    Attributes:
        body: bytes of a request's body, as sent and inflated.
        json: bytes of the JSON in it: parsing it holds the interpreter.
        held: bytes of all bodies under way.
        tensors: inputs of a request, and outputs asked for.
        elements: elements of a tensor, and its largest dimension.
        request_id: characters.
        running: inferences at once.
        waiting: requests accepted beyond those.
        seconds: from a request's acceptance to the end of its run.
        upload: seconds for a request's body.
        head: seconds for a request's head, and bytes of it in `head_bytes`.
        idle: seconds that a connection may rest between requests.
        connections: at once.
        streams: event streams at once.
    """

    body: int = 64 * MIB
    json: int = 8 * MIB
    held: int = HELD
    tensors: int = 256
    elements: int = 2**24
    request_id: int = 1024
    running: int = max(4, 2 * (os.cpu_count() or 1))
    waiting: int = 64
    seconds: float = 60.0
    upload: float = 30.0
    head: float = 10.0
    head_bytes: int = 32 * 2**10
    idle: int = 75
    connections: int = 512
    streams: int = 64
