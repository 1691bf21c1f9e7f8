"""Showing a part of a receipt's tensors: to a reader as a file, to a contract as a struct."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from counterfoil.errors import BadOpening

from .receipt_file import Opening, ReceiptFile
from .set_opening import SetOpening
from .tensor import ChunkOpening

Side = Literal["inputs", "outputs"]


def chunk_only(file: ReceiptFile, side: Side, position: int, indices: Iterable[int]) -> ReceiptFile:
    """The file for somebody who may see these chunks of one tensor and nothing else.

    The other side's opening, all masters and all unknown fields are left out; names, types,
    shapes and lengths of the tensors on this side stay, as the receipt's digest needs them.

    Args:
        position: the tensor's place in its set.
        indices: chunks of 256 bytes, from 0.
    Raises:
        BadOpening: the file opens no such tensor or chunk.
    """
    shown = _side(file, side).only({position: indices})
    opening = Opening(inputs=shown) if side == "inputs" else Opening(outputs=shown)
    return replace(file, opening=opening, extra={}, nested={})


def contract_opening(file: ReceiptFile, side: Side, position: int, index: int) -> ChunkOpening:
    """The opening of one chunk, as contracts take it, from a file that shows it.

    Raises:
        BadOpening: the file opens no such chunk, or its opening is not the receipt's.
    """
    opening = _side(file, side).chunk(position, index)
    committed = file.receipt.inputs if side == "inputs" else file.receipt.outputs
    if opening.set_digest() != committed:
        raise BadOpening(f"the opening does not lead to the receipt's {side}")
    return opening


def _side(file: ReceiptFile, side: Side) -> SetOpening:
    opening = None if file.opening is None else getattr(file.opening, side)
    if not isinstance(opening, SetOpening):
        raise BadOpening(f"the file does not open the receipt's {side}")
    return opening
