"""Operators that work element by element as LLVM assembly, and the rounding to bytes."""

from __future__ import annotations

from .code import Code
from .fields import FIELDS, LANES


def functions() -> tuple[str, ...]:
    """The kernels that take one element after the other."""
    return (
        *(_look_up(size) for size in (1, 4, 8)),
        *(_look_up_two(size) for size in (1, 4)),
        _largest_place(),
        *(_copy(size) for size in (1, 4, 8)),
        *(_gather(size) for size in (4, 8)),
        _quantise(),
    )


def clamped(c: Code, value: str, width: int) -> str:
    """clamp(rint(value), −zero, 255 − zero) + zero as bytes; `value` is a number."""
    kind, whole = f"<{width} x float>", f"<{width} x i32>"
    zero = c.splat("i32", c.set(f"trunc i64 {c.field['zero']} to i32"), width)
    low = c.set(f"sitofp {whole} {c.two('sub', 'zeroinitializer', zero, whole)} to {kind}")
    most = every("i32 255", width)
    high = c.set(f"sitofp {whole} {c.two('sub', most, zero, whole)} to {kind}")
    for compare, end in (("olt", low), ("ogt", high)):
        past = c.set(f"fcmp {compare} {kind} {value}, {end}")
        value = c.set(f"select <{width} x i1> {past}, {kind} {end}, {kind} {value}")
    value = c.two("fadd", value, every("float 0x4168000000000000", width), kind)  # 1.5 · 2^23
    bits = c.set(f"bitcast {kind} {value} to {whole}")
    bits = c.two("sub", bits, every("i32 1262485504", width), whole)  # 0x4b400000, the same
    bits = c.two("add", bits, zero, whole)
    return c.set(f"trunc {whole} {bits} to <{width} x i8>")


def every(value: str, width: int) -> str:
    """A vector constant with the same in every place."""
    return f"<{', '.join([value] * width)}>"


def _byte(c: Code, pointer: str, at: str) -> str:
    """A byte as a number."""
    return c.set(f"zext i8 {c.load('i8', c.at(pointer, at))} to i64")


def _element(c: Code, source: tuple[str, str], target: tuple[str, str], size: int) -> None:
    """Move one element: each end a pointer and the element's place behind it."""
    kind = f"i{8 * size}"
    value = c.load(kind, c.at(source[0], c.two("mul", source[1], size)))
    c.store(kind, value, c.at(target[0], c.two("mul", target[1], size)))


def _ends(c: Code) -> tuple[str, str]:
    return c.at("%data", c.field["source"]), c.at("%data", c.field["out"])


def _look_up(size: int) -> str:
    """LUT1."""
    c = Code(f"look_up{size}", FIELDS[f"look_up{size}"])
    (source, target), table = _ends(c), c.pointer("table")
    c.loop(
        0, c.field["count"],
        lambda k: _element(c, (table, _byte(c, source, k)), (target, k), size),
    )  # fmt: skip
    return c.text()


def _look_up_two(size: int) -> str:
    """LUT2: the second source's place is counted, not divided for."""
    c = Code(f"look_up_two{size}", FIELDS[f"look_up_two{size}"])
    f, (source, target), table = c.field, _ends(c), c.pointer("table")
    second = c.at("%data", f["second"])
    place, times = c.variable("i64", "0"), c.variable("i64", "0")

    def one(k: str) -> None:
        here, seen = c.load("i64", place), c.two("add", c.load("i64", times), 1)
        high = c.two("shl", _byte(c, source, k), 8)
        entry = c.two("or", high, _byte(c, second, here))
        _element(c, (table, entry), (target, k), size)
        full = c.set(f"icmp eq i64 {seen}, {f['divisor']}")
        c.store("i64", c.set(f"select i1 {full}, i64 0, i64 {seen}"), times)
        after = c.two("add", here, c.set(f"zext i1 {full} to i64"))
        past = c.set(f"icmp eq i64 {after}, {f['modulus']}")
        c.store("i64", c.set(f"select i1 {past}, i64 0, i64 {after}"), place)

    c.loop(0, f["count"], one)
    return c.text()


def _largest_place() -> str:
    """ARGMAX: a later byte wins only where it is larger."""
    c = Code("largest_place", FIELDS["largest_place"])
    f, (source, target) = c.field, _ends(c)

    def row(k: str) -> None:
        bytes_ = c.at(source, c.two("mul", k, f["source_width"]))
        most, where = c.variable("i64", "-1"), c.variable("i64", "0")

        def one(i: str) -> None:
            found, before, at = _byte(c, bytes_, i), c.load("i64", most), c.load("i64", where)
            more = c.set(f"icmp sgt i64 {found}, {before}")
            c.store("i64", c.set(f"select i1 {more}, i64 {found}, i64 {before}"), most)
            c.store("i64", c.set(f"select i1 {more}, i64 {i}, i64 {at}"), where)

        c.loop(0, f["source_width"], one)
        c.store("i64", c.load("i64", where), c.at(target, c.two("shl", k, 3)))

    c.loop(0, f["count"], row)
    return c.text()


def _copy(size: int) -> str:
    """COPY: `places` holds 32-bit offsets into the trace, −1 for padding."""
    c = Code(f"copy{size}", FIELDS[f"copy{size}"])
    f, target = c.field, c.at("%data", c.field["out"])
    places, padding = c.pointer("places"), c.pointer("padding")

    def one(k: str) -> None:
        place = c.load("i32", c.at(places, c.two("shl", k, 2)))
        found = c.at("%data", c.set(f"sext i32 {place} to i64"))
        padded = c.set(f"icmp slt i32 {place}, 0")
        source = c.set(f"select i1 {padded}, ptr {padding}, ptr {found}")
        _element(c, (source, "0"), (target, k), size)

    c.loop(0, f["count"], one)
    return c.text()


def _gather(size: int) -> str:
    """GATHER; `count` is of indices, which were checked before the run."""
    c = Code(f"gather{size}", FIELDS[f"gather{size}"])
    f, (source, target), table = c.field, _ends(c), c.pointer("table")

    def one(k: str) -> None:
        index = c.load(f"i{8 * size}", c.at(source, c.two("mul", k, size)))
        if size < 8:
            index = c.set(f"zext i{8 * size} {index} to i64")
        row = c.at(table, c.two("mul", index, f["width"]))
        to = c.at(target, c.two("mul", k, f["width"]))
        c.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {row}, i64 {f['width']}, i1 false)")

    c.loop(0, f["count"], one)
    return c.text()


def _quantise() -> str:
    """QUANT; `scale` holds a float32's bits."""
    c = Code("quantise", FIELDS["quantise"])
    f, (source, target) = c.field, _ends(c)
    kind = f"<{LANES} x float>"
    bits = c.set(f"trunc i64 {f['scale']} to i32")
    scale = c.set(f"bitcast i32 {bits} to float")
    scales = c.splat("float", scale, LANES)

    def some(k: str) -> None:
        value = c.two("fdiv", c.load(kind, c.at(source, c.two("shl", k, 2))), scales, kind)
        odd = c.set(f"fcmp uno {kind} {value}, zeroinitializer")
        infinite = every("float 0xFFF0000000000000", LANES)  # −∞: what NaN becomes is 0 too
        value = c.set(f"select <{LANES} x i1> {odd}, {kind} {infinite}, {kind} {value}")
        found = clamped(c, value, LANES)
        left = c.two("sub", f["count"], k)
        c.store_some([(found, c.at(target, k))], f"<{LANES} x i8>", 1, left, LANES)

    c.loop(0, f["count"], some, step=LANES)
    return c.text()
