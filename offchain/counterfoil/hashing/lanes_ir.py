"""The vector kernels of `lanes`, as LLVM assembly.

A vector register holds the same 64-bit word of `width` messages, so one permutation hashes that
many: four with AVX2, eight with AVX-512, two with NEON or SSE2. Rotations are LLVM's funnel
shifts, which become one instruction where the processor has one. A message that is missing in
the last group is the last one once more, with the same digest written over itself; groups that
would not be half full are those of a narrower register.

Source: the Keccak reference, §1.2 (rounds) and §2.1.1 (padding 0x01 instead of 0x06).
"""

from __future__ import annotations

from typing import Final

from .lanes_code import Head, Kernel

RATE: Final = 136
"""Bytes of a block: 1600 bits of state less twice the 256 of the digest."""

WORDS: Final = RATE // 8

_LAST: Final = f"{1 << 63}"
"""The padding's last bit, in a block's last word."""

_NODES: Final = Head(name="nodes", arguments=(("ptr", "given", 64), ("ptr", "out", 32)))
_LEAVES: Final = Head(name="leaves", arguments=(("ptr", "given", 32), ("ptr", "out", 32)))
_CHUNKS: Final = Head(
    name="chunks",
    arguments=(
        ("ptr", "given", 256), ("ptr", "head", None), ("i64", "first", 1), ("ptr", "out", 32),
    ),
)  # fmt: skip
_ROWS: Final = Head(
    name="rows",
    arguments=(
        ("ptr", "given", "%stride"), ("i64", "stride", None), ("i64", "blocks", None),
        ("ptr", "tails", RATE), ("ptr", "out", 32),
    ),
)  # fmt: skip


def _constants() -> tuple[list[int], list[int]]:
    """Round constants and rotations, by the reference's own recurrences."""
    rounds, state = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if state & 1:
                constant |= 1 << ((1 << j) - 1)
            state <<= 1
            if state & 0x100:
                state ^= 0x171
        rounds.append(constant)
    rotations, x, y = [0] * 25, 1, 0
    for t in range(24):
        rotations[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return rounds, rotations


ROUNDS, ROTATIONS = _constants()


def _permute(width: int) -> str:
    """Keccak-f[1600] of a state in memory."""
    k = Kernel(width)
    k.lines = [f"define internal void @permute.{width}(ptr %state) #1 {{", "entry:"]
    first = [k.load(i) for i in range(25)]
    k.do("br label %round")
    k.label("round")
    k.do("%number = phi i64 [ 0, %entry ], [ %next, %round ]")
    a = []
    for i in range(25):
        k.do(f"%a{i} = phi {k.vector} [ {first[i]}, %entry ], [ %o{i}, %round ]")
        a.append(f"%a{i}")
    rotated = f"call {k.vector} @llvm.fshl.v{width}i64"

    def rotate(value: str, bits: int) -> str:
        shift = f"<{', '.join([f'i64 {bits}'] * width)}>"
        return k.set(f"{rotated}({k.vector} {value}, {k.vector} {value}, {k.vector} {shift})")

    columns = []
    for x in range(5):
        c = k.two("xor", a[x], a[x + 5])
        for y in range(2, 5):
            c = k.two("xor", c, a[x + 5 * y])
        columns.append(c)
    b = [""] * 25
    for x in range(5):
        d = k.two("xor", columns[(x - 1) % 5], rotate(columns[(x + 1) % 5], 1))
        for y in range(5):
            t = k.two("xor", a[x + 5 * y], d)
            bits = ROTATIONS[x + 5 * y]
            b[y + 5 * ((2 * x + 3 * y) % 5)] = rotate(t, bits) if bits else t
    constant = k.splat(
        k.set(f"load i64, ptr {k.at('@rounds', k.set('shl i64 %number, 3'))}, align 8")
    )
    ones = f"<{', '.join(['i64 -1'] * width)}>"
    for y in range(0, 25, 5):
        for x in range(5):
            inverse = k.two("xor", b[y + (x + 1) % 5], ones)
            value = k.two("and", inverse, b[y + (x + 2) % 5])
            if x == y == 0:
                value = k.two("xor", value, constant)
            k.do(f"%o{x + y} = xor {k.vector} {b[y + x]}, {value}")
    k.do("%next = add i64 %number, 1")
    k.do(f"br i1 {k.set('icmp ult i64 %next, 24')}, label %round, label %end")
    k.label("end")
    for i in range(25):
        k.store(i, f"%o{i}")
    k.lines += ["  ret void", "}", ""]
    return "\n".join(k.lines)


def _nodes(width: int) -> str:
    """keccak(0x01 ‖ 64 bytes). What it writes may lie over what it reads."""
    k = Kernel(width)

    def body() -> None:
        places = k.places()
        found = k.pointers("%given", places, 64)
        words = {0: k.two("or", k.shifted("shl", k.gathered(found, 0), 8), k.splat("1"))}
        for word in range(1, 8):
            words[word] = k.gathered(found, 8 * word - 1)
        words[8] = k.two("or", k.gathered(found, 63, "i8"), k.splat(str(1 << 8)))
        words[16] = k.splat(_LAST)
        k.begin(words)
        k.squeeze(k.pointers("%out", places, 32))

    return k.function(_NODES, body)


def _leaves(width: int) -> str:
    """keccak(0x00 ‖ 32 bytes)."""
    k = Kernel(width)

    def body() -> None:
        places = k.places()
        found = k.pointers("%given", places, 32)
        words = {0: k.shifted("shl", k.gathered(found, 0), 8)}
        for word in range(1, 4):
            words[word] = k.gathered(found, 8 * word - 1)
        words[4] = k.two("or", k.gathered(found, 31, "i8"), k.splat(str(1 << 8)))
        words[16] = k.splat(_LAST)
        k.begin(words)
        k.squeeze(k.pointers("%out", places, 32))

    return k.function(_LEAVES, body)


def _chunks(width: int) -> str:
    """Leaves of whole chunks with their salts: docs/format.md §2.

    `head` is the master and the tensor's position, 40 bytes; `first` the first chunk's index.
    """
    k = Kernel(width)

    def body() -> None:
        places = k.places()
        salted = {i: k.splat(k.set(f"load i64, ptr {k.at('%head', 8 * i)}, align 1"))
                  for i in range(5)}  # fmt: skip
        index = "poison"
        for place, number in enumerate(places):
            one = k.set(f"call i64 @llvm.bswap.i64(i64 {k.set(f'add i64 {number}, %first')})")
            index = k.set(f"insertelement {k.vector} {index}, i64 {one}, i64 {place}")
        k.begin({**salted, 5: index, 6: k.splat("1"), 16: k.splat(_LAST)})
        salt = [k.load(i) for i in range(4)]
        found = k.pointers("%given", places, 256)
        words = {0: k.shifted("shl", salt[0], 8)}
        for i in range(1, 4):
            carried = k.shifted("lshr", salt[i - 1], 56)
            words[i] = k.two("or", carried, k.shifted("shl", salt[i], 8))
        data = k.shifted("shl", k.gathered(found, 0), 8)
        words[4] = k.two("or", k.shifted("lshr", salt[3], 56), data)
        for i in range(5, 36):
            words[i] = k.gathered(found, 8 * i - 33)
        words[36] = k.two("or", k.gathered(found, 255, "i8"), k.splat(str(1 << 8)))
        words[50] = k.splat(_LAST)
        for block in range(3):
            part = {i - 17 * block: w for i, w in words.items() if i // 17 == block}
            if block:
                k.absorb(part)
            else:
                k.begin(part)
        k.squeeze(k.pointers("%out", places, 32))

    return k.function(_CHUNKS, body)


def _rows(width: int) -> str:
    """Rows of one length: `blocks` whole blocks of each, then its last one, padded, in `tails`."""
    k = Kernel(width)

    def body() -> None:
        places = k.places()
        found = k.pointers("%given", places, "%stride")
        tails = k.pointers("%tails", places, RATE)
        for place in range(25):
            k.store(place, "zeroinitializer")
        k.do(f"br i1 {k.set('icmp eq i64 %blocks, 0')}, label %tail, label %block")
        k.label("block")
        k.do("%number = phi i64 [ 0, %loop ], [ %next, %block ]")
        offset = k.set(f"mul i64 %number, {RATE}")
        here = [k.at(pointer, offset) for pointer in found]
        k.absorb({i: k.gathered(here, 8 * i) for i in range(WORDS)})
        k.do("%next = add i64 %number, 1")
        k.do(f"br i1 {k.set('icmp ult i64 %next, %blocks')}, label %block, label %tail")
        k.label("tail")
        k.absorb({i: k.gathered(tails, 8 * i) for i in range(WORDS)})
        k.squeeze(k.pointers("%out", places, 32))

    return k.function(_ROWS, body)


_CLIMB: Final = """define void @climb(ptr %buffer, i64 %leaves) #0 {
entry:
  %any = icmp ugt i64 %leaves, 1
  br i1 %any, label %layer, label %end
layer:
  %n = phi i64 [ %leaves, %entry ], [ %above, %next ]
  %pairs = lshr i64 %n, 1
  %odd = and i64 %n, 1
  call void @nodes(ptr %buffer, ptr %buffer, i64 %pairs)
  %is_odd = icmp eq i64 %odd, 1
  br i1 %is_odd, label %up, label %next
up:
  %last = sub i64 %n, 1
  %from_at = shl i64 %last, 5
  %from = getelementptr i8, ptr %buffer, i64 %from_at
  %to_at = shl i64 %pairs, 5
  %to = getelementptr i8, ptr %buffer, i64 %to_at
  call void @llvm.memmove.p0.p0.i64(ptr %to, ptr %from, i64 32, i1 false)
  br label %next
next:
  %above = add i64 %pairs, %odd
  %more = icmp ugt i64 %above, 1
  br i1 %more, label %layer, label %end
end:
  ret void
}

"""
"""Layer upon layer in place, until the root is first; an odd last node moves up unchanged."""

_TENSOR: Final = """define void @tensor(
    ptr %given, ptr %head, i64 %whole, ptr %buffer, i64 %count) #0 {
entry:
  %any = icmp ugt i64 %whole, 0
  br i1 %any, label %hash, label %climb
hash:
  call void @chunks(ptr %given, ptr %head, i64 0, ptr %buffer, i64 %whole)
  br label %climb
climb:
  call void @climb(ptr %buffer, i64 %count)
  ret void
}

"""
"""A tensor's root, first in `buffer`; there, last, is the leaf of a chunk that is cut short."""


_LEAF_OF: Final = """define internal void @padded(ptr %message, i64 %length, ptr %out) #0 {
entry:
  %blocks = udiv i64 %length, 136
  %done = mul i64 %blocks, 136
  %tail = getelementptr i8, ptr %message, i64 %done
  %first = getelementptr i8, ptr %message, i64 %length
  store i8 1, ptr %first
  %last = getelementptr i8, ptr %tail, i64 135
  %there = load i8, ptr %last
  %bit = or i8 %there, 128
  store i8 %bit, ptr %last
  call void @rows(ptr %message, i64 0, i64 %blocks, ptr %tail, ptr %out, i64 1)
  ret void
}

define void @leaf_of(ptr %given, i64 %length, ptr %head, ptr %front, ptr %out) #0 {
entry:
  %whole = lshr i64 %length, 8
  %rest = and i64 %length, 255
  %is_cut = icmp ugt i64 %rest, 0
  %is_empty = icmp eq i64 %length, 0
  %any = or i1 %is_cut, %is_empty
  %short = zext i1 %any to i64
  %count = add i64 %whole, %short
  %size = shl i64 %count, 5
  %buffer = alloca i8, i64 %size, align 64
  %message = alloca [408 x i8], align 64
  %salt = alloca [32 x i8], align 64
  br i1 %any, label %cut, label %tree
cut:
  call void @llvm.memset.p0.i64(ptr %message, i8 0, i64 408, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr %message, ptr %head, i64 40, i1 false)
  %index = call i64 @llvm.bswap.i64(i64 %whole)
  %index_at = getelementptr i8, ptr %message, i64 40
  store i64 %index, ptr %index_at
  call void @padded(ptr %message, i64 48, ptr %salt)
  call void @llvm.memset.p0.i64(ptr %message, i8 0, i64 408, i1 false)
  %salt_at = getelementptr i8, ptr %message, i64 1
  call void @llvm.memcpy.p0.p0.i64(ptr %salt_at, ptr %salt, i64 32, i1 false)
  %data_at = getelementptr i8, ptr %message, i64 33
  %before = shl i64 %whole, 8
  %data = getelementptr i8, ptr %given, i64 %before
  call void @llvm.memcpy.p0.p0.i64(ptr %data_at, ptr %data, i64 %rest, i1 false)
  %used = add i64 %rest, 33
  %leaf_at = shl i64 %whole, 5
  %leaf = getelementptr i8, ptr %buffer, i64 %leaf_at
  call void @padded(ptr %message, i64 %used, ptr %leaf)
  br label %tree
tree:
  call void @tensor(ptr %given, ptr %head, i64 %whole, ptr %buffer, i64 %count)
  call void @llvm.memset.p0.i64(ptr %message, i8 0, i64 408, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr %message, ptr %front, i64 160, i1 false)
  %root_at = getelementptr i8, ptr %message, i64 160
  call void @llvm.memcpy.p0.p0.i64(ptr %root_at, ptr %buffer, i64 32, i1 false)
  call void @padded(ptr %message, i64 192, ptr %salt)
  call void @leaves(ptr %salt, ptr %out, i64 1)
  ret void
}

define void @set_of(ptr %given, i64 %length, ptr %head, ptr %front, ptr %out) #0 {
entry:
  %message = alloca [136 x i8], align 64
  call void @llvm.memset.p0.i64(ptr %message, i8 0, i64 136, i1 false)
  %struct = getelementptr i8, ptr %front, i64 160
  call void @llvm.memcpy.p0.p0.i64(ptr %message, ptr %struct, i64 64, i1 false)
  %leaf = getelementptr i8, ptr %message, i64 64
  call void @leaf_of(ptr %given, i64 %length, ptr %head, ptr %front, ptr %leaf)
  call void @padded(ptr %message, i64 96, ptr %out)
  ret void
}

"""
"""A tensor's leaf in its set, from its bytes; `front` is its struct without `chunks`. Then the
digest of the set that has this tensor alone; `front` goes on with that struct without `root`."""


def narrow_for(width: int) -> int:
    """Messages side by side of those that would not fill half of a register.

    One message takes as long as a register full of them. With AVX-512 that is half as long in a
    half-wide register, which has more units; where there is no instruction that rotates, words of
    the processor's own, which it rotates, are sooner done with one message than a register.
    """
    return 4 if width == 8 else 1


def assembly(width: int, narrow: int | None = None) -> str:
    """The module's LLVM assembly.

    Args:
        width: messages side by side: 2, 4 or 8.
        narrow: those of what is left over; None: `narrow_for`.
    """
    narrow = narrow_for(width) if narrow is None else narrow
    widths = sorted({width, narrow})
    rounds = ", ".join(f"i64 {constant}" for constant in ROUNDS)
    return "\n".join(
        (
            f"@rounds = internal constant [24 x i64] [{rounds}], align 64",
            *(
                f"declare <{w} x i64> @llvm.fshl.v{w}i64(<{w} x i64>, <{w} x i64>, <{w} x i64>)"
                for w in widths
            ),
            "declare i64 @llvm.umin.i64(i64, i64)",
            "declare i64 @llvm.bswap.i64(i64)",
            "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
            "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)",
            "declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)",
            "",
            *(made(w) for w in widths for made in (_permute, _nodes, _leaves, _chunks, _rows)),
            *(head.split(width, narrow) for head in (_NODES, _LEAVES, _CHUNKS, _ROWS)),
            _CLIMB,
            _TENSOR,
            _LEAF_OF,
            "attributes #0 = { nounwind }",
            'attributes #1 = { nounwind noinline "stackrealign" }',  # it spills registers
            "",
        )
    )
