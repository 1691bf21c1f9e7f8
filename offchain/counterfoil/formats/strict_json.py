"""JSON from outside, read strictly: bounded, no duplicate keys, no lossy numbers."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from counterfoil.errors import FileTooLarge, MalformedFile

from .quoting import quoted

MAX_BYTES = 64 * 2**20
"""Largest receipt file (docs/format.md §9)."""

MAX_DEPTH = 32
"""Deepest nesting: the formats need 8, unknown fields may have more (docs/format.md §9)."""

MAX_VALUES = 2**22
"""Most values in one file (docs/format.md §9): what they take in memory is bounded by this."""

MAX_DIGITS = 100
"""Longest integer of a field that is not known."""

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or the rest of the text after a quote that none closes: never tried twice."""


def read(path: str | Path, limit: int = MAX_BYTES) -> bytes:
    """A file's bytes.

    Raises:
        FileTooLarge: over `limit` bytes.
        MalformedFile: it cannot be read.
    """
    shown = quoted(str(path))
    try:
        with Path(path).open("rb") as stream:
            # A regular file tells its size; a pipe or a device is read to find out.
            small = os.fstat(stream.fileno()).st_size <= limit
            raw = stream.read(limit + 1) if small else b""
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise MalformedFile(f"cannot read {shown}: {why}") from error
    if not small or len(raw) > limit:
        raise FileTooLarge(f"{shown} is over {limit // 2**20} MiB")
    return raw


def parse(raw: bytes, limit: int = MAX_BYTES) -> dict[str, Any]:
    """One JSON object.

    Raises:
        FileTooLarge: over `limit` bytes.
        MalformedFile: empty, no UTF-8, no JSON object, too deep, too many values, a key
            twice, a number that is no number of JSON's, or half of a surrogate pair.
    """
    if len(raw) > limit:
        raise FileTooLarge(f"the file is over {limit // 2**20} MiB")
    if not raw or raw.isspace():
        raise MalformedFile("the file is empty")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise MalformedFile("the file begins with a byte order mark: write it as plain UTF-8")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedFile("the file is no UTF-8") from error
    _check_shape(text)
    value = _loaded(text)
    if not isinstance(value, dict):
        raise MalformedFile("the file holds no JSON object")
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise MalformedFile("the file holds half of a surrogate pair") from error
    return value


def loads(text: str) -> Any:
    """Any JSON value, of no layout that is known, and of any size.

    Raises:
        MalformedFile: no JSON, too deep, a key twice, or a number that is none of JSON's.
    """
    check_depth(text)
    return _loaded(text)


def _loaded(text: str) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedFile(f"the file is no JSON: {error}") from error


def dump(value: Mapping[str, Any]) -> bytes:
    """Indented JSON with a final newline."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _check_shape(text: str) -> None:
    """Refuse what is too deep or has too many values before the parser builds any of it."""
    bare = _STRING.sub("", text)
    if bare.count(",") + bare.count("[") + bare.count("{") > MAX_VALUES:
        raise MalformedFile(f"the file holds more than {MAX_VALUES} values")
    _check_depth(bare)


def check_depth(text: str) -> None:
    """Refuse what is too deep before a parser meets it: its own bound may be past its stack.

    Raises:
        MalformedFile: deeper than `MAX_DEPTH`.
    """
    _check_depth(_STRING.sub("", text))


def _check_depth(bare: str) -> None:
    depth = 0
    for bracket in re.finditer(r"[\[{\]}]", bare):
        if bracket.group() in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedFile(f"the file nests deeper than {MAX_DEPTH}")
        else:
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise MalformedFile(f"the key {quoted(name)} stands twice in one object")
            seen.add(name)
    return out


def _constant(name: str) -> NoReturn:
    raise MalformedFile(f"{name} is no JSON number")


def _integer(digits: str) -> int | float:
    if len(digits) > MAX_DIGITS:
        raise MalformedFile(f"a number has over {MAX_DIGITS} digits")
    return -0.0 if digits == "-0" else int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise MalformedFile(f"the number {quoted(digits)} is past what JSON readers hold")
    return value
