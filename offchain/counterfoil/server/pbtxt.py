"""Triton's `config.pbtxt`, read without its schema: protocol buffers' text format."""

from __future__ import annotations

import re
from typing import Any, Final

from counterfoil.errors import BadRepository

MAX_BYTES: Final = 2**20
MAX_DEPTH: Final = 32

_TOKEN = re.compile(
    r"""\s*+(?:\#[^\n]*+\n?\s*+)*+(?:
      (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<bare>[-+]?[A-Za-z0-9_.][-+A-Za-z0-9_./]*)
    | (?P<sign>[{}\[\]<>:,;])
    )""",
    re.VERBOSE,
)

_CLOSING: Final = {"{": "}", "<": ">"}

Message = dict[str, list[Any]]
"""A message: every field's values in order; texts, words as str, and messages."""


def parse(text: str) -> Message:
    """The fields of a text-format message, whatever its schema.

    Raises:
        BadRepository: it is no text format.
    """
    return _Parser(text).message(None, 0)


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > MAX_BYTES:
            raise BadRepository(f"it is over {MAX_BYTES // 2**20} MiB")
        text = text.rstrip()
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                if not re.sub(r"#[^\n]*", "", text[at:]).strip():
                    break
                line = text.count("\n", 0, at) + 1
                raise BadRepository(f"line {line} is no text format of protocol buffers")
            self._tokens.append((str(found.lastgroup), found[found.lastgroup or 0]))
            at = found.end()
        self._at = 0

    def message(self, closing: str | None, depth: int) -> Message:
        if depth > MAX_DEPTH:
            raise BadRepository(f"it nests deeper than {MAX_DEPTH}")
        out: Message = {}
        while True:
            kind, word = self._next()
            if word == closing or (closing is None and kind == "end"):
                return out
            if kind == "sign" and word in ",;":
                continue
            if kind != "bare":
                raise BadRepository(f"a field's name is missing before {word!r}")
            kind, following = self._next()
            if following == ":" and kind == "sign":
                kind, following = self._next()
            elif following not in ("{", "<", "[") or kind != "sign":
                raise BadRepository(f"the field {word!r} has no value")
            out.setdefault(word, []).extend(self._value(kind, following, depth))

    def _value(self, kind: str, word: str, depth: int) -> list[Any]:
        if kind == "sign" and word in _CLOSING:
            return [self.message(_CLOSING[word], depth + 1)]
        if kind == "sign" and word == "[":
            return self._list(depth)
        if kind == "text":
            parts = [word]
            while self._at < len(self._tokens) and self._tokens[self._at][0] == "text":
                parts.append(self._next()[1])
            return ["".join(re.sub(r"\\(.)", r"\1", part[1:-1]) for part in parts)]
        if kind == "bare":
            return [word]
        raise BadRepository(f"a value is missing before {word!r}")

    def _list(self, depth: int) -> list[Any]:
        out: list[Any] = []
        while True:
            kind, word = self._next()
            if word == "]" and kind == "sign":
                return out
            if kind == "sign" and word == ",":
                continue
            if kind == "sign" and word == "[":
                raise BadRepository("a list stands in a list")
            out += self._value(kind, word, depth)

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            if self._at > len(self._tokens):
                raise BadRepository("it ends too early")
            self._at += 1
            return "end", ""
        found = self._tokens[self._at]
        self._at += 1
        return found
