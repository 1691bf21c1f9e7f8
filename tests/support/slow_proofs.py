"""What docs/faults.md §5 says about proofs, slowly and with nothing of the package's.

Numbers of rows are derived from the descriptor that a proof shows, by docs/programs.md §3 and §5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from eth_utils import keccak

PADDING = 2**32 - 1
DOT, DOT32, LUT1, LUT2, MAX, ARGMAX, COPY, GATHER, QUANT = range(0x11, 0x1A)


class BadProof(Exception):
    """Too few bytes, or bytes that nothing needs."""


def leaf(row: bytes) -> bytes:
    return keccak(b"\0" + row)


def node(left: bytes, right: bytes) -> bytes:
    return keccak(b"\1" + left + right)


def full_root(rows: Sequence[bytes]) -> bytes:
    """The tree over rows, filled with `leaf(empty)` up to the next power of two."""
    hashes = [leaf(row) for row in rows]
    while len(hashes) & (len(hashes) - 1):
        hashes.append(leaf(b""))
    while len(hashes) > 1:
        hashes = [node(a, b) for a, b in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def levels(rows: int) -> int:
    """Least h with 2^h leaves for all rows."""
    h = 0
    while 2**h < rows:
        h += 1
    return h


def parted(encoded: bytes) -> list[bytes]:
    """Rows that travel as `u16 length ‖ 00 ‖ bytes`."""
    rows = []
    while encoded:
        if len(encoded) < 3 or encoded[2] != 0:
            raise BadProof("no length, or no zero behind it")
        length = int.from_bytes(encoded[:2], "big")
        if len(encoded) < 3 + length:
            raise BadProof("a row cut short")
        rows.append(encoded[3 : 3 + length])
        encoded = encoded[3 + length :]
    return rows


def climbed(
    leaves: dict[int, bytes], siblings: Iterator[bytes], layer: int, index: int = 0
) -> bytes:
    """The node of a full tree above some leaves.

    What a leaf needs alone comes first, from the left; where two ways meet, what they need
    together comes behind what each needed.
    """
    if layer == 0:
        return leaves[index]
    half = 2 ** (layer - 1)
    middle = index * 2 * half + half
    left = {n: value for n, value in leaves.items() if n < middle}
    right = {n: value for n, value in leaves.items() if n >= middle}
    one = climbed(left, siblings, layer - 1, 2 * index) if left else None
    other = climbed(right, siblings, layer - 1, 2 * index + 1) if right else None
    try:
        return node(
            next(siblings) if one is None else one, next(siblings) if other is None else other
        )
    except StopIteration as error:
        raise BadProof("too few siblings") from error


def both_roots(
    program: dict[int, bytes],
    trace: dict[int, bytes],
    siblings: Sequence[bytes],
    sizes: tuple[int, int],
) -> tuple[bytes | None, bytes | None]:
    """The roots of leaves by their numbers, None of a tree of which nothing is shown.

    Args:
        siblings: of the program's tree, then of the trace's; all are needed.
        sizes: rows of the program and of the trace.
    """
    for leaves, size in zip((program, trace), sizes, strict=True):
        if any(not 0 <= n < 2 ** levels(size) for n in leaves):
            raise BadProof("a number past the tree")
    left = iter(siblings)
    roots = [
        climbed(leaves, left, levels(size)) if leaves else None
        for leaves, size in zip((program, trace), sizes, strict=True)
    ]
    if next(left, None) is not None:
        raise BadProof("too many siblings")
    return roots[0], roots[1]


def step_numbers(descriptor: bytes, row: int, element: int, rows: list[bytes]) -> list[list[int]]:
    """Numbers of the data rows and of the rows read, ascending, of one step.

    Args:
        rows: those shown behind the descriptor: where a number depends on a row, it is there.
    """
    (kind, _, width, out, _, source, source_width, _, _, table) = struct.unpack_from(
        ">BBHIIIHBBI", descriptor
    )
    k = (row - out) * width + element
    if kind in (DOT, DOT32, MAX):
        return [[] if kind == MAX else [table + k % width], _taps(descriptor, source, k // width)]
    if kind == ARGMAX:
        return [[], [source + k]]
    if kind == COPY:
        at = 1 + 6 * (k % 64)
        (read,) = struct.unpack_from(">I", rows[0], at)
        return [[table + k // 64], [] if read == PADDING else [read]]
    if kind == GATHER:
        entries, size = struct.unpack_from(">IB", descriptor, 24)
        e = k // width
        at = e % source_width * size
        index = int.from_bytes(rows[-2][at : at + size], "little", signed=True)
        inside = 0 <= index < entries
        return [[table + index] if inside else [], [source + e // source_width]]
    first = source + k // source_width
    if kind == LUT2:
        second, second_width, divisor, modulus = struct.unpack_from(">IHxxII", descriptor, 24)
        other = second + k // divisor % modulus // second_width
        read = rows[-2] if first >= other else rows[-3]
        return [[table + read[k % source_width]], sorted({first, other})]
    if kind not in (LUT1, QUANT):
        raise BadProof("no operator")
    return [[table] if kind == LUT1 else [], [first]]


def _taps(descriptor: bytes, source: int, place: int) -> list[int]:
    """The rows of a window that lie inside."""
    in_h, in_w, _, out_w, k_h, k_w, *rest = struct.unpack_from(">4H8B", descriptor, 24)
    stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w = rest
    y, x = place // out_w, place % out_w
    found = []
    for i in range(k_h):
        for j in range(k_w):
            a = y * stride_h + i * dilation_h - pad_h
            b = x * stride_w + j * dilation_w - pad_w
            if 0 <= a < in_h and 0 <= b < in_w:
                found.append(source + a * in_w + b)
    return sorted(set(found))


def step_roots(
    proof: tuple[int, int, int, bytes, Sequence[bytes]], sizes: tuple[int, int]
) -> tuple[bytes | None, bytes | None]:
    """Both roots that a `StepProof` shows.

    Args:
        proof: operator, row, element, rows, siblings.
        sizes: rows of the program and of the trace.
    Raises:
        BadProof: its bytes are not those of one.
    """
    operator, row, element, encoded, siblings = proof
    try:
        descriptor, *rest = parted(encoded)
        data, read = step_numbers(descriptor, row, element, rest)
    except (struct.error, ArithmeticError, IndexError, ValueError) as error:
        raise BadProof("rows that say nothing") from error
    if len(rest) != len(data) + len(read) + 1:
        raise BadProof("another number of rows")
    hashes = [leaf(each) for each in rest]
    program = {operator: leaf(descriptor), **dict(zip(data, hashes, strict=False))}
    trace = dict(zip([*read, row], hashes[len(data) :], strict=True))
    return both_roots(program, trace, siblings, sizes)
