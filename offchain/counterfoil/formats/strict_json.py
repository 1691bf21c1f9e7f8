"""JSON from outside, read strictly: bounded, no duplicate keys, no lossy numbers."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from counterfoil.errors import FileTooLarge, MalformedFile
from counterfoil.hashing.signature import checksummed
from counterfoil.hashing.types import Address

MAX_BYTES = 64 * 2**20
"""Largest receipt file (docs/format.md §9)."""

MAX_DEPTH = 32
"""Deepest nesting: the formats need 7, unknown fields may have more."""

MAX_EXACT = 2**53 - 1
"""Largest integer that every JSON reader holds exactly (RFC 7493 §2.2)."""

_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,19}")


def read(path: str | Path, limit: int = MAX_BYTES) -> bytes:
    """A file's bytes.

    Raises:
        FileTooLarge: over `limit` bytes.
        MalformedFile: it cannot be read.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            raw = stream.read(limit + 1)
    except OSError as error:
        raise MalformedFile(f"cannot read {file}: {error.strerror}") from error
    if len(raw) > limit:
        raise FileTooLarge(f"{file} is over {limit // 2**20} MiB")
    return raw


def parse(raw: bytes, limit: int = MAX_BYTES) -> dict[str, Any]:
    """One JSON object.

    Raises:
        FileTooLarge: over `limit` bytes.
        MalformedFile: empty, no UTF-8, no JSON object, too deep, or a key twice.
    """
    if len(raw) > limit:
        raise FileTooLarge(f"the file is over {limit // 2**20} MiB")
    if not raw.strip():
        raise MalformedFile("the file is empty")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedFile("the file is no UTF-8") from error
    _check_depth(text)
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, MalformedFile):
            raise
        raise MalformedFile(f"the file is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise MalformedFile("the file holds no JSON object")
    return value


def dump(value: Mapping[str, Any]) -> bytes:
    """Indented JSON with a final newline."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _check_depth(text: str) -> None:
    """Refuse nesting before the parser recurses into it."""
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text, re.DOTALL):
        first = token.group()[0]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedFile(f"the file nests deeper than {MAX_DEPTH}")
        elif first in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedFile(f"the key {twice!r} stands twice in one object")
    return out


def _constant(name: str) -> NoReturn:
    raise MalformedFile(f"{name} is no JSON number")


class Fields:
    """An object's fields, taken one by one; what is left over is unknown and kept."""

    __slots__ = ("_left", "_where")

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise MalformedFile(f"{where} is no object")
        self._left = dict(value)
        self._where = where

    def _bad(self, name: str, what: str) -> MalformedFile:
        return MalformedFile(f"{self._where}.{name} {what}")

    def rest(self) -> dict[str, Any]:
        """Fields that nobody took."""
        return self._left

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._left.get(name) is not None

    def take(self, name: str) -> Any:
        """A field of any type."""
        if name not in self._left:
            raise self._bad(name, "is missing")
        return self._left.pop(name)

    def optional(self, name: str) -> Any:
        """A field of any type, or None."""
        return self._left.pop(name, None)

    def text(self, name: str) -> str:
        """A string."""
        value = self.take(name)
        if not isinstance(value, str):
            raise self._bad(name, "is no string")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self._bad(name, "holds half of a surrogate pair") from error
        return value

    def items(self, name: str, limit: int) -> list[Any]:
        """A list of at most `limit` items."""
        value = self.take(name)
        if not isinstance(value, list):
            raise self._bad(name, "is no list")
        if len(value) > limit:
            raise self._bad(name, f"has over {limit} items")
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
                raise self._bad(name, "is past 2^53−1: write it as a decimal string")
        else:
            raise self._bad(name, "is no whole number")
        if not 0 <= number < 2**bits:
            raise self._bad(name, f"is outside 0 … 2^{bits}−1")
        return number

    def hex(self, name: str, length: int | None = None) -> bytes:
        """Bytes as 0x-hex, of one length where it is given."""
        return self._hex(self.take(name), name, length)

    def hexes(self, name: str, length: int, limit: int) -> tuple[bytes, ...]:
        """A list of 0x-hex strings of one length."""
        return tuple(self._hex(item, name, length) for item in self.items(name, limit))

    def _hex(self, value: object, name: str, length: int | None) -> bytes:
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            raise self._bad(name, "is no 0x-hex of whole bytes")
        raw = bytes.fromhex(value[2:])
        if length is not None and len(raw) != length:
            raise self._bad(name, f"has {len(raw)} bytes, not {length}")
        return raw

    def address(self, name: str) -> Address:
        """An address; mixed case must be EIP-55's, so that a typing error is found."""
        value = self._left.get(name)
        found = checksummed(self.hex(name, 20))
        digits = str(value)[2:]
        if digits not in (found[2:], digits.lower(), digits.upper()):
            raise self._bad(name, "has a wrong EIP-55 checksum")
        return found

    def base64(self, name: str) -> bytes:
        """Bytes as base64 (RFC 4648 §4)."""
        try:
            return base64.b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError) as error:
            raise self._bad(name, "is no base64") from error


def number_out(value: int) -> int | str:
    """A 64-bit number as the files write it."""
    return value if value <= MAX_EXACT else str(value)


def hex_out(value: bytes) -> str:
    """Bytes as 0x-hex."""
    return "0x" + value.hex()


def base64_out(value: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(value).decode()
