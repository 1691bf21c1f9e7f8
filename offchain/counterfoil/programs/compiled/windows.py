"""DOT, DOT32 and MAX as LLVM assembly."""

from __future__ import annotations

from counterfoil.programs import limits

from .code import Code
from .elements import clamped
from .fields import FIELDS, LANES, NEAR, STRIDE, WIDE


def functions() -> tuple[str, ...]:
    """The kernels that look through windows."""
    return (
        _Dot("dot", wide=False).text(),
        _Dot("dot32", wide=True).text(),
        _apart("apart", wide=False),
        _apart("apart32", wide=True),
        _largest(),
    )


class _Window:
    """The rows under a window, one place at a time.

    Args:
        spare: one tap more, on the row of padding, where their number is odd.
    """

    def __init__(self, c: Code, *, spare: bool = False) -> None:
        self.c = c
        f = c.field
        self.taps = c.two("mul", f["k_h"], f["k_w"])
        self.source = c.at("%data", f["source"])
        self.padding = c.pointer("padding")
        self.rows = c.room(f"[{limits.TAPS + 1} x ptr]")
        if spare:
            c.store("ptr", self.padding, c.at(self.rows, c.two("shl", self.taps, 3)))

    def look(self, place: str) -> None:
        """Find the rows of all taps."""
        c, f = self.c, self.c.field
        y = c.two("mul", c.two("udiv", place, f["out_w"]), f["stride_h"])
        x = c.two("mul", c.two("urem", place, f["out_w"]), f["stride_w"])
        y, x = c.two("sub", y, f["pad_h"]), c.two("sub", x, f["pad_w"])

        def line(i: str) -> None:
            row = c.two("add", y, c.two("mul", i, f["dilation_h"]))
            within = c.set(f"icmp ult i64 {row}, {f['in_h']}")
            first, begin = c.two("mul", row, f["in_w"]), c.two("mul", i, f["k_w"])

            def tap(j: str) -> None:
                column = c.two("add", x, c.two("mul", j, f["dilation_w"]))
                inside = c.two("and", within, c.set(f"icmp ult i64 {column}, {f['in_w']}"), "i1")
                offset = c.two("mul", c.two("add", first, column), f["source_width"])
                found = c.at(self.source, offset)
                row = c.set(f"select i1 {inside}, ptr {found}, ptr {self.padding}")
                c.store("ptr", row, c.at(self.rows, c.two("shl", c.two("add", begin, j), 3)))

            c.loop(0, f["k_w"], tap)

        c.loop(0, f["k_h"], line)

    def row(self, tap: str) -> str:
        """Where a tap's row is."""
        return self.c.load("ptr", self.c.at(self.rows, self.c.two("shl", tap, 3)))


def _products(c: Code, total: str, values: str, weights: str, width: int) -> str:
    """total + the sums of two 16-bit products each: `width` of them."""
    double, whole = f"<{2 * width} x i16>", f"<{2 * width} x i32>"
    one = c.set(f"sext {double} {values} to {whole}")
    other = c.set(f"sext {double} {weights} to {whole}")
    product = c.two("mul nsw", one, other, whole)
    halves = []
    for first in (0, 1):
        places = ", ".join(f"i32 {2 * i + first}" for i in range(width))
        mask = f"<{width} x i32> <{places}>"
        halves.append(c.set(f"shufflevector {whole} {product}, {whole} poison, {mask}"))
    pair = c.two("add nsw", halves[0], halves[1], f"<{width} x i32>")
    return c.two("add", total, pair, f"<{width} x i32>")


class _Dot:
    """DOT and DOT32: places are laid out as 16 bits, `NEAR` at a time, and share the weights."""

    def __init__(self, name: str, *, wide: bool) -> None:
        self.c = c = Code(name, FIELDS[name])
        self.wide, self.size = wide, 4 if wide else 1
        self.window, self.out = _Window(c), c.at("%data", c.field["out"])
        self.line = c.two("mul", c.field["width"], self.size)

    def text(self) -> str:
        """The kernel: as many places together as there are, then one by one."""
        c, places = self.c, self.c.field["places"]
        full = c.two("and", places, -NEAR)
        c.loop(0, full, lambda p: self._places(p, NEAR), step=NEAR)
        c.loop(full, places, lambda p: self._places(p, 1))
        return c.text()

    def _places(self, first: str, count: int) -> None:
        c, f = self.c, self.c.field

        def group(g: str) -> None:
            column, channel = c.two("mul", g, f["columns"]), c.two("mul", g, f["per_group"])

            def one(m: str) -> None:
                to = c.at("%scratch", c.two("mul", m, 2 * STRIDE))
                self._lay_out(c.two("add", first, m), to, column)

            c.loop(0, str(count), one)
            rest = c.two("sub", f["width"], channel)
            few = c.set(f"icmp slt i64 {rest}, {f['per_group']}")
            here = c.set(f"select i1 {few}, i64 {rest}, i64 {f['per_group']}")
            before = c.two("mul", g, f["blocks"])

            def block(b: str) -> None:
                number = c.two("add", before, c.two("sdiv", b, LANES))
                found = [
                    (value, c.at(self.out, c.two("add", place, self._column(channel, b))))
                    for value, place in zip(
                        self._sums(number, count), self._lines(first, count), strict=True
                    )
                ]
                kind = f"<{LANES} x {'i32' if self.wide else 'i8'}>"
                c.store_some(found, kind, self.size, c.two("sub", here, b), LANES)

            c.loop(0, here, block, step=LANES)

        c.loop(0, f["groups"], group)

    def _column(self, channel: str, block: str) -> str:
        return self.c.two("mul", self.c.two("add", channel, block), self.size)

    def _lines(self, first: str, count: int) -> list[str]:
        c = self.c
        return [c.two("mul", c.two("add", first, m), self.line) for m in range(count)]

    def _lay_out(self, place: str, to: str, column: str) -> None:
        """One place's bytes, tap after tap."""
        c, f = self.c, self.c.field
        self.window.look(place)

        def tap(t: str) -> None:
            source = c.at(self.window.row(t), column)
            target = c.at(to, c.two("shl", c.two("mul", t, f["columns"]), 1))

            def some(i: str) -> None:
                values = c.load(f"<{WIDE} x i8>", c.at(source, i))
                values = c.set(f"zext <{WIDE} x i8> {values} to <{WIDE} x i16>")
                c.store(f"<{WIDE} x i16>", values, c.at(target, c.two("shl", i, 1)))

            c.loop(0, f["columns"], some, step=WIDE)

        c.loop(0, self.window.taps, tap)

    def _sums(self, number: str, count: int) -> list[str]:
        """What a block of channels gives at each place.

        Args:
            number: the block's, over all groups.
        """
        c, f, kind = self.c, self.c.field, f"<{LANES} x i32>"
        row = c.two("mul", number, c.two("mul", f["pairs"], 4 * LANES))
        weights = c.at(c.pointer("weights"), row)
        totals = [c.variable(kind, "zeroinitializer") for _ in range(count)]

        def pair(k: str) -> None:
            w = c.load(f"<{2 * LANES} x i16>", c.at(weights, c.two("mul", k, 4 * LANES)))
            for m, total in enumerate(totals):
                offset = c.two("add", c.two("shl", k, 2), 2 * STRIDE * m)
                values = c.splat("i32", c.load("i32", c.at("%scratch", offset)), LANES)
                values = c.set(f"bitcast {kind} {values} to <{2 * LANES} x i16>")
                c.store(kind, _products(c, c.load(kind, total), values, w, LANES), total)

        c.loop(0, f["pairs"], pair)
        at = c.two("mul", number, LANES)
        constant = c.load(kind, c.at(c.pointer("constants"), c.two("shl", at, 2)))
        found = [c.two("add", c.load(kind, total), constant, kind) for total in totals]
        return found if self.wide else [_rounded(c, value, at, LANES) for value in found]


def _apart(name: str, *, wide: bool) -> str:
    """DOT and DOT32 of channels each for itself: taps two at a time, channels side by side."""
    c = Code(name, FIELDS[name])
    f, window, size = c.field, _Window(c, spare=True), 4 if wide else 1
    sums, bytes_ = f"<{WIDE} x i32>", f"<{WIDE} x i8>"
    line, weights = c.two("mul", f["width"], size), c.pointer("weights")
    order = ", ".join(f"i32 {i // 2 + WIDE * (i % 2)}" for i in range(2 * WIDE))

    def place(p: str) -> None:
        window.look(p)
        target = c.at(c.at("%data", f["out"]), c.two("mul", p, line))

        def some(channel: str) -> None:
            total = c.variable(sums, "zeroinitializer")

            def two(t: str) -> None:
                rows = [window.row(t), window.row(c.two("add", t, 1))]
                a, b = (c.load(bytes_, c.at(row, channel)) for row in rows)
                both = f"{bytes_} {a}, {bytes_} {b}, <{2 * WIDE} x i32> <{order}>"
                both = c.set(f"shufflevector {both}")
                both = c.set(f"zext <{2 * WIDE} x i8> {both} to <{2 * WIDE} x i16>")
                at = c.two("add", c.two("mul", t, f["row"]), c.two("shl", channel, 1))
                w = c.load(f"<{2 * WIDE} x i16>", c.at(weights, c.two("shl", at, 1)))
                c.store(sums, _products(c, c.load(sums, total), both, w, WIDE), total)

            c.loop(0, window.taps, two, step=2)
            constant = c.load(sums, c.at(c.pointer("constants"), c.two("shl", channel, 2)))
            value = c.two("add", c.load(sums, total), constant, sums)
            if not wide:
                value = _rounded(c, value, channel, WIDE)
            where = c.at(target, c.two("mul", channel, size))
            left = c.two("sub", f["width"], channel)
            c.store_some([(value, where)], sums if wide else bytes_, size, left, WIDE)

        c.loop(0, f["width"], some, step=WIDE)

    c.loop(0, f["places"], place)
    return c.text()


def _largest() -> str:
    """MAX."""
    c = Code("largest", FIELDS["largest"])
    f, window, kind = c.field, _Window(c), f"<{WIDE} x i8>"

    def place(p: str) -> None:
        window.look(p)
        target = c.at(c.at("%data", f["out"]), c.two("mul", p, f["width"]))

        def some(channel: str) -> None:
            most = c.variable(kind, "zeroinitializer")

            def tap(t: str) -> None:
                found = c.load(kind, c.at(window.row(t), channel))
                both = f"{kind} {c.load(kind, most)}, {kind} {found}"
                c.store(kind, c.set(f"call {kind} @llvm.umax.v16i8({both})"), most)

            c.loop(0, window.taps, tap)
            left = c.two("sub", f["width"], channel)
            c.store_some([(c.load(kind, most), c.at(target, channel))], kind, 1, left, WIDE)

        c.loop(0, f["width"], some, step=WIDE)

    c.loop(0, f["places"], place)
    return c.text()


def _rounded(c: Code, total: str, at: str, width: int) -> str:
    """requantise (§4) of a vector of sums.

    Args:
        at: which channel is first.
    """
    kind = f"<{width} x float>"
    multiplier = c.load(kind, c.at(c.pointer("multipliers"), c.two("shl", at, 2)))
    value = c.set(f"sitofp <{width} x i32> {total} to {kind}")
    return clamped(c, c.two("fmul", value, multiplier, kind), width)
