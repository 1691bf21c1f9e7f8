"""An object's fields, taken one by one, each of the kind that the format says."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from counterfoil.errors import MalformedFile
from counterfoil.hashing.signature import checksummed
from counterfoil.hashing.types import Address

from .batch import MAX_SIZE

MAX_EXACT = 2**53 - 1
"""Largest integer that every JSON reader holds exactly (RFC 7493 §2.2)."""

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}")
"""Enough for 256 bits."""

Path = tuple[str | int, ...]
"""Where an object lies in its file: names of fields and places in lists."""

Nested = Mapping[Path, Mapping[str, Any]]
"""Unknown fields of the objects inside a file, by where the objects lie."""


class Fields:
    """An object's fields; what nobody takes is unknown and kept."""

    __slots__ = ("_all", "_left", "_path")

    def __init__(self, value: object, path: Path = (), within: list[Fields] | None = None) -> None:
        self._path = path
        if not isinstance(value, dict):
            raise MalformedFile(f"{self._where()} is no object")
        self._left = dict(value)
        self._all = [] if within is None else within
        self._all.append(self)

    def _where(self) -> str:
        if not self._path:
            return "file"
        steps = (f"[{s}]" if isinstance(s, int) else f".{s}" for s in self._path)
        return "".join(steps)[1:]

    def bad(self, name: str, what: str) -> MalformedFile:
        """The error that says what is wrong with a field."""
        return MalformedFile(f"{self._where()}.{name} {what}")

    def rest(self) -> dict[str, Any]:
        """Fields that nobody took."""
        return self._left

    def nested(self) -> Nested:
        """Fields that nobody took from the objects inside this one."""
        return {f._path: f._left for f in self._all if f is not self and f._left}

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._left.get(name) is not None

    def take(self, name: str) -> Any:
        """A field of any type."""
        if name not in self._left:
            raise self.bad(name, "is missing")
        return self._left.pop(name)

    def child(self, name: str) -> Fields:
        """An object."""
        return Fields(self.take(name), (*self._path, name), self._all)

    def maybe(self, name: str) -> Fields | None:
        """An object, or None where the field is not there or null."""
        return self.child(name) if self.has(name) else None

    def children(self, name: str, limit: int) -> list[Fields]:
        """A list of at most `limit` objects."""
        return [
            Fields(item, (*self._path, name, place), self._all)
            for place, item in enumerate(self.items(name, limit))
        ]

    def text(self, name: str) -> str:
        """A string."""
        value = self.take(name)
        if not isinstance(value, str):
            raise self.bad(name, "is no string")
        return value

    def items(self, name: str, limit: int) -> list[Any]:
        """A list of at most `limit` items."""
        value = self.take(name)
        if not isinstance(value, list):
            raise self.bad(name, "is no list")
        if len(value) > limit:
            raise self.bad(name, f"has over {limit} items")
        return value

    def number(self, name: str, bits: int = 64) -> int:
        """An unsigned integer below 2^bits: a JSON number to 2^53−1, else a decimal string."""
        return self._number(self.take(name), name, bits)

    def numbers(self, name: str, limit: int) -> tuple[int, ...]:
        """A list of unsigned 64-bit integers."""
        return tuple(self._number(item, name, 64) for item in self.items(name, limit))

    def _number(self, value: object, name: str, bits: int) -> int:
        if isinstance(value, str) and _DECIMAL.fullmatch(value):
            number = int(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            number = value
            if number > MAX_EXACT:
                raise self.bad(name, "is past 2^53−1: write it as a decimal string")
        else:
            raise self.bad(name, "is no whole number")
        if not 0 <= number < 2**bits:
            raise self.bad(name, f"is outside 0 … 2^{bits}−1")
        return number

    def run(self) -> tuple[int, int]:
        """`first` and `size` of a batch, within the bounds of docs/format.md §7."""
        first, size = self.number("first"), self.number("size")
        if not 1 <= size <= MAX_SIZE:
            raise self.bad("size", "is outside 1 … 2^32")
        if first + size >= 2**64:
            raise self.bad("first", "and size reach past 2^64−1")
        return first, size

    def hex(self, name: str, length: int | None = None) -> bytes:
        """Bytes as 0x-hex, of one length where it is given."""
        return self._hex(self.take(name), name, length)

    def hexes(self, name: str, length: int, limit: int) -> tuple[bytes, ...]:
        """A list of 0x-hex strings of one length."""
        return tuple(self._hex(item, name, length) for item in self.items(name, limit))

    def _hex(self, value: object, name: str, length: int | None) -> bytes:
        wrong = self.bad(name, "is no 0x-hex of whole bytes")
        if not isinstance(value, str) or not value.startswith("0x"):
            raise wrong
        try:
            raw = bytes.fromhex(value[2:])
        except ValueError as error:
            raise wrong from error
        if 2 + 2 * len(raw) != len(value):  # fromhex skips white space
            raise wrong
        if length is not None and len(raw) != length:
            raise self.bad(name, f"has {len(raw)} bytes, not {length}")
        return raw

    def address(self, name: str) -> Address:
        """An address; mixed case must be EIP-55's, so that a typing error is found."""
        value = self._left.get(name)
        found = checksummed(self.hex(name, 20))
        digits = str(value)[2:]
        if digits not in (found[2:], digits.lower(), digits.upper()):
            raise self.bad(name, "has a wrong EIP-55 checksum")
        return found

    def base64(self, name: str) -> bytes:
        """Bytes as base64 (RFC 4648 §4), in the one form that an encoder writes."""
        value = self.text(name)
        try:
            raw = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise self.bad(name, "is no base64") from error
        if base64_out(raw) != value:
            raise self.bad(name, "is no base64: bits are set past its end")
        return raw


def restore(out: dict[str, Any], extra: Mapping[str, Any], nested: Nested) -> dict[str, Any]:
    """Put unknown fields back where they were read; what is known is never replaced.

    Returns:
        `out`, changed in place.
    """
    for path, unknown in [((), extra), *nested.items()]:
        target: Any = out
        try:
            for step in path:
                target = target[step]
        except (KeyError, IndexError):  # the object that held them is gone
            continue
        for name, value in unknown.items():
            target.setdefault(name, value)
    return out


def number_out(value: int) -> int | str:
    """A number as the files write it."""
    return value if value <= MAX_EXACT else str(value)


def hex_out(value: bytes) -> str:
    """Bytes as 0x-hex."""
    return "0x" + value.hex()


def base64_out(value: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(value).decode()
