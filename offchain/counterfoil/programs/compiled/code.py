"""LLVM assembly line by line: values, variables, loops, and bytes beyond a row's end left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Code:
    """One function `void @name(ptr %data, ptr %scratch, ptr %args)`.

    Args:
        name: of the function.
        fields: names of the 64-bit numbers at %args, in their order.
    """

    def __init__(self, name: str, fields: Sequence[str]) -> None:
        self._head = f"define void @{name}(ptr %data, ptr %scratch, ptr %args) #0 {{"
        self._first: list[str] = []
        self._lines: list[str] = []
        self._count = 0
        self.field: dict[str, str] = {
            field: self.load("i64", self.at("%args", 8 * place))
            for place, field in enumerate(fields)
        }

    def text(self) -> str:
        """The whole function."""
        return "\n".join((self._head, *self._first, *self._lines, "  ret void", "}", ""))

    def set(self, code: str) -> str:
        """A line whose value gets a name."""
        self._count += 1
        name = f"%v{self._count}"
        self._lines.append(f"  {name} = {code}")
        return name

    def do(self, code: str) -> None:
        """A line without a value."""
        self._lines.append(f"  {code}")

    def two(self, operation: str, a: str, b: str | int, kind: str = "i64") -> str:
        """An operation of two values."""
        return self.set(f"{operation} {kind} {a}, {b}")

    def room(self, kind: str) -> str:
        """Memory for one value, for as long as the function runs."""
        self._count += 1
        name = f"%m{self._count}"
        self._first.append(f"  {name} = alloca {kind}, align 64")
        return name

    def variable(self, kind: str, value: str) -> str:
        """Memory that holds a value."""
        name = self.room(kind)
        self.store(kind, value, name)
        return name

    def at(self, pointer: str, offset: str | int) -> str:
        """A pointer so many bytes further."""
        return self.set(f"getelementptr i8, ptr {pointer}, i64 {offset}")

    def load(self, kind: str, pointer: str) -> str:
        """A value from anywhere."""
        return self.set(f"load {kind}, ptr {pointer}, align 1")

    def store(self, kind: str, value: str, pointer: str) -> None:
        """A value to anywhere."""
        self.do(f"store {kind} {value}, ptr {pointer}, align 1")

    def pointer(self, field: str) -> str:
        """The address that a field holds."""
        return self.set(f"inttoptr i64 {self.field[field]} to ptr")

    def splat(self, kind: str, value: str, width: int) -> str:
        """A vector with the same value in every place."""
        one = self.set(f"insertelement <{width} x {kind}> poison, {kind} {value}, i64 0")
        zeros = f"<{width} x i32> zeroinitializer"
        both = f"<{width} x {kind}> {one}, <{width} x {kind}> poison"
        return self.set(f"shufflevector {both}, {zeros}")

    def loop(
        self, start: str | int, stop: str, body: Callable[[str], None], *, step: int = 1
    ) -> None:
        """`body` for start, start + step … below stop."""
        at = self.variable("i64", str(start))
        self._count += 1
        head, inside, end = (f"{word}{self._count}" for word in ("head", "inside", "end"))
        self.do(f"br label %{head}")
        self._lines.append(f"{head}:")
        here = self.load("i64", at)
        more = self.set(f"icmp slt i64 {here}, {stop}")
        self.do(f"br i1 {more}, label %{inside}, label %{end}")
        self._lines.append(f"{inside}:")
        body(here)
        self.store("i64", self.two("add", here, step), at)
        self.do(f"br label %{head}")
        self._lines.append(f"{end}:")

    def when(
        self, condition: str, yes: Callable[[], None], no: Callable[[], None] | None = None
    ) -> None:
        """`yes` where a bit is set, else `no`."""
        self._count += 1
        one, other, end = (f"{word}{self._count}" for word in ("yes", "no", "on"))
        self.do(f"br i1 {condition}, label %{one}, label %{other}")
        for label, body in ((one, yes), (other, no)):
            self._lines.append(f"{label}:")
            if body is not None:
                body()
            self.do(f"br label %{end}")
        self._lines.append(f"{end}:")

    def store_some(
        self, values: Sequence[tuple[str, str]], kind: str, size: int, left: str, width: int
    ) -> None:
        """Store vectors of `width` elements, or as many as are left.

        Args:
            values: each a vector and where it goes.
            kind: of a vector.
            size: bytes of an element.
            left: elements that are wanted.
        """

        def whole() -> None:
            for value, where in values:
                self.store(kind, value, where)

        def part() -> None:
            count = self.two("mul", left, size)
            room = self.room(kind)
            for value, where in values:
                self.store(kind, value, room)

                def one(i: str, to: str = where) -> None:
                    self.store("i8", self.load("i8", self.at(room, i)), self.at(to, i))

                self.loop(0, count, one)

        self.when(self.set(f"icmp sge i64 {left}, {width}"), whole, part)
