"""LLVM assembly line by line, for functions that do the same with several messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A kernel's name and arguments; behind those stands how many messages there are, `n`.

    Attributes:
        arguments: LLVM's type of each, its name, and by how much it goes on from message to
            message; None: it does not.
    """

    name: str
    arguments: tuple[tuple[str, str, int | str | None], ...]

    def given(self, **others: str) -> str:
        """Arguments as they are written in a definition or a call."""
        named = [(kind, name) for kind, name, _ in self.arguments] + [("i64", "n")]
        return ", ".join(f"{kind} {others.get(name, f'%{name}')}" for kind, name in named)

    def split(self, wide: int, narrow: int) -> str:
        """The function that leaves what a register would not half fill to a narrower one.

        Args:
            wide, narrow: widths of which there are functions, powers of two.
        """
        whole, rest = {"n": "%whole"}, {"n": "%rest"}
        k = Kernel(wide)
        k.lines = [f"define void @{self.name}({self.given()}) #0 {{", "entry:"]
        k.do(f"%rest = and i64 %n, {wide - 1}")
        k.do("%whole = sub i64 %n, %rest")
        few = k.set(f"icmp ule i64 {k.set('sub i64 %rest, 1')}, {narrow - 1}")
        k.do(f"br i1 {few}, label %split, label %all")
        k.label("all")
        k.do(f"call void @{self.name}.{wide}({self.given()})")
        k.do("ret void")
        k.label("split")
        k.do(f"br i1 {k.set('icmp eq i64 %whole, 0')}, label %few, label %many")
        k.label("many")
        k.do(f"call void @{self.name}.{wide}({self.given(**whole)})")
        k.do("br label %few")
        k.label("few")
        for kind, name, step in self.arguments:
            if step is not None:
                further = k.set(f"mul i64 %whole, {step}")
                rest[name] = (
                    k.at(f"%{name}", further)
                    if kind == "ptr"
                    else k.set(f"add i64 %{name}, {further}")
                )
        k.do(f"call void @{self.name}.{narrow}({self.given(**rest)})")
        k.lines += ["  ret void", "}", ""]
        return "\n".join(k.lines)


class Kernel:
    """One function's lines, with names for its values.

    Args:
        width: messages side by side.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.vector = f"<{width} x i64>"
        self.lines: list[str] = []
        self._count = 0

    def set(self, code: str) -> str:
        """A line whose value gets a name."""
        self._count += 1
        name = f"%v{self._count}"
        self.lines.append(f"  {name} = {code}")
        return name

    def do(self, code: str) -> None:
        """A line without a value."""
        self.lines.append(f"  {code}")

    def label(self, name: str) -> None:
        """The start of a block of code."""
        self.lines.append(f"{name}:")

    def splat(self, value: str) -> str:
        """A vector with the same word in every place."""
        one = self.set(f"insertelement {self.vector} poison, i64 {value}, i64 0")
        zeros = f"<{self.width} x i32> zeroinitializer"
        return self.set(f"shufflevector {self.vector} {one}, {self.vector} poison, {zeros}")

    def two(self, operation: str, a: str, b: str) -> str:
        """An operation of two vectors."""
        return self.set(f"{operation} {self.vector} {a}, {b}")

    def shifted(self, operation: str, a: str, bits: int) -> str:
        """A vector shifted by a constant."""
        return self.two(operation, a, self.splat(str(bits)))

    def at(self, pointer: str, offset: int | str) -> str:
        """A pointer so many bytes further."""
        return self.set(f"getelementptr i8, ptr {pointer}, i64 {offset}")

    def gathered(self, pointers: Sequence[str], offset: int, kind: str = "i64") -> str:
        """Words of all messages, `offset` bytes behind their pointers; bytes become words."""
        vector = "poison"
        for place, pointer in enumerate(pointers):
            word = self.set(f"load {kind}, ptr {self.at(pointer, offset)}, align 1")
            if kind != "i64":
                word = self.set(f"zext {kind} {word} to i64")
            vector = self.set(f"insertelement {self.vector} {vector}, i64 {word}, i64 {place}")
        return vector

    def state(self, place: int) -> str:
        """Where a word of the state is."""
        return self.at("%state", 8 * self.width * place)

    def store(self, place: int, vector: str) -> None:
        """Set a word of the state."""
        self.do(f"store {self.vector} {vector}, ptr {self.state(place)}, align {8 * self.width}")

    def load(self, place: int) -> str:
        """A word of the state."""
        return self.set(f"load {self.vector}, ptr {self.state(place)}, align {8 * self.width}")

    def begin(self, words: dict[int, str]) -> None:
        """A new state with its first block."""
        for place in range(25):
            self.store(place, words.get(place, "zeroinitializer"))
        self.do(f"call void @permute.{self.width}(ptr %state)")

    def absorb(self, words: dict[int, str]) -> None:
        """One more block."""
        for place, word in words.items():
            self.store(place, self.two("xor", self.load(place), word))
        self.do(f"call void @permute.{self.width}(ptr %state)")

    def squeeze(self, pointers: Sequence[str]) -> None:
        """Write the digests."""
        for place in range(4):
            vector = self.load(place)
            for message, pointer in enumerate(pointers):
                word = self.set(f"extractelement {self.vector} {vector}, i64 {message}")
                self.do(f"store i64 {word}, ptr {self.at(pointer, 8 * place)}, align 1")

    def places(self, count: str = "%n") -> list[str]:
        """The numbers of a group's messages."""
        last = self.set(f"sub i64 {count}, 1")
        return [
            self.set(f"call i64 @llvm.umin.i64(i64 {self.set(f'add i64 %at, {i}')}, i64 {last})")
            for i in range(self.width)
        ]

    def pointers(self, base: str, places: Sequence[str], stride: int | str) -> list[str]:
        """Where a group's messages are."""
        return [self.at(base, self.set(f"mul i64 {place}, {stride}")) for place in places]

    def function(self, head: Head, body: Callable[[], None]) -> str:
        """A function that does `body` for each group of its %n messages."""
        size = 8 * self.width * 25
        name = f"{head.name}.{self.width}"
        self.lines = [f"define internal void @{name}({head.given()}) #0 {{", "entry:"]
        self.do(f"%state = alloca [{size} x i8], align 64")
        self.do("br label %loop")
        self.label("loop")
        self.do("%at = phi i64 [ 0, %entry ], [ %further, %again ]")
        body()
        self.do("br label %again")
        self.label("again")
        self.do(f"%further = add i64 %at, {self.width}")
        more = self.set("icmp ult i64 %further, %n")
        self.do(f"br i1 {more}, label %loop, label %end")
        self.label("end")
        self.lines += ["  ret void", "}", ""]
        return "\n".join(self.lines)
