"""The state of a lowering, and what every operator needs of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from counterfoil.errors import NotLowerable
from counterfoil.programs import limits
from counterfoil.programs.builder import Block, Builder
from counterfoil.programs.checking import WIDTHS

from .calibrating import Calibrated
from .values import Given, Ints, Lazy, Missing, Numbers, Quantised, Told, Value

LEAST_SCALE: Final = np.float32(2.0**-60)
"""Of a tensor that is all but zero. A program's scales begin at 2^-100 (docs/programs.md §7)."""

IDENTITY: Final = np.arange(256, dtype=np.uint8)


class Unfit(Exception):
    """Why one operator cannot be lowered. Never leaves this package."""


class Lowering:
    """One model on its way to a program.

    Args:
        calibrated: the float graph.
    Attributes:
        values: what each tensor has become.
        builder: what is made.
    """

    def __init__(self, calibrated: Calibrated) -> None:
        self.builder = Builder()
        self.shapes = calibrated.shapes
        self.ranges = calibrated.ranges
        self.graph = calibrated.graph
        self.values: dict[str, Value] = {
            i.name: onnx.numpy_helper.to_array(i) for i in calibrated.graph.initializer
        }
        self.users: Counter[str] = Counter(
            name for node in calibrated.graph.node for name in node.input
        )
        self.users.update(o.name for o in calibrated.graph.output)
        self.following: dict[str, Any] = {
            name: node for node in calibrated.graph.node for name in node.input
        }
        self._laid: dict[tuple[int, tuple[int, ...]], tuple[Quantised, Block]] = {}
        self._made: dict[int, tuple[Lazy, Quantised]] = {}

    # Ranges

    def range(self, name: str) -> tuple[np.float32, int]:
        """Scale and zero of a tensor, from its calibrated range."""
        low, high = self.ranges.get(name, (0.0, 0.0))
        return scale_of(low, high)

    def only_user(self, name: str, *kinds: str) -> Any:
        """The one node that reads a tensor, if it is of these kinds."""
        node = self.following.get(name)
        if node is None or self.users[name] != 1 or node.op_type not in kinds:
            return None
        return node

    # Values

    def constant(self, name: str) -> NDArray[Any] | None:
        """A constant of the graph, or None."""
        value = self.values.get(name)
        return value if isinstance(value, np.ndarray) else None

    def quantised(self, name: str, width: int | None = None) -> Quantised:
        """A tensor as bytes in the trace.

        Args:
            width: elements a row, where that is still open.
        Raises:
            Unfit: it is no float tensor.
        """
        value = self.values[name]
        if isinstance(value, Quantised):
            return value
        if isinstance(value, Given):
            scale, zero = self.range(name)
            block = self.builder.quantise(value.block, scale, zero, width)
            made = spread(block, value.shape, scale, zero)
        elif isinstance(value, Lazy):
            made = self.materialised(value, *self.range(name))
        else:
            raise Unfit("its input is a constant or whole numbers")
        self.values[name] = made
        return made

    def lazy(self, name: str) -> Lazy:
        """A tensor as a function of bytes."""
        value = self.values[name]
        if isinstance(value, Lazy):
            return value
        source = self.quantised(name)
        return Lazy(sources=(source,), values=source.values(), shape=source.shape)

    def materialised(self, lazy: Lazy, scale: np.float32, zero: int) -> Quantised:
        """Write a function's bytes to the trace."""
        table = as_bytes(lazy.values, scale, zero)
        if len(lazy.sources) == 1:
            return self.looked_up(lazy.sources[0], table, scale, zero)
        return self._looked_up_two(lazy, table, scale, zero)

    def looked_up(
        self, source: Quantised, table: NDArray[np.uint8], scale: np.float32, zero: int
    ) -> Quantised:
        """A table's byte for every element."""
        flat, source = self.flat(source)
        assert source.block is not None
        block = self.builder.look_up(source.block, table)
        return placed(block, flat, scale, zero)

    def _looked_up_two(
        self, lazy: Lazy, table: NDArray[np.uint8], scale: np.float32, zero: int
    ) -> Quantised:
        one, other = lazy.sources
        if one.shape != lazy.shape and other.shape == lazy.shape:
            one, other, table = other, one, np.ascontiguousarray(table.T)
        rows = np.broadcast_to(one.rows, lazy.shape)
        columns = np.broadcast_to(one.columns, lazy.shape)
        flat, first = self.flat(one.moved(rows, columns))
        assert first.block is not None
        second, divisor, modulus = self._along(other, flat, lazy.shape)
        block = self.builder.look_up_two(
            first.block, second, table, divisor=divisor, modulus=modulus
        )
        return placed(block, flat, scale, zero)

    def _along(
        self, other: Quantised, flat: Ints, shape: tuple[int, ...]
    ) -> tuple[Block, int, int]:
        """A second source in a first one's order: its block, divisor and modulus."""
        order = np.argsort(flat, axis=None)
        place, source = self.flat(other)
        assert source.block is not None
        wanted = np.broadcast_to(place, shape).ravel()[order]
        count = len(wanted)
        size = source.block.count
        changes = np.flatnonzero(wanted != wanted[0])
        each = int(changes[0]) if len(changes) else count
        for divisor in {1, each}:
            if np.array_equal(np.arange(count) // divisor % size, wanted):
                return source.block, divisor, size
        rows, columns = (
            np.broadcast_to(a, shape).ravel()[order] for a in (other.rows, other.columns)
        )
        return self.builder.copy(rows, columns, width=min(64, count)), 1, count

    # Places

    def flat(self, source: Quantised) -> tuple[Ints, Quantised]:
        """Where in its block each element is, copied into one first where there is none."""
        block = source.block
        if block is not None and block.count == source.rows.size:
            flat = (source.rows - block.base) * block.width + source.columns
            if np.array_equal(np.sort(flat, axis=None), np.arange(block.count)):
                return flat, source
        width = min(source.shape[-1] if source.shape else 1, limits.TRACE_ROW // 4)
        block = self.builder.copy(source.rows.ravel(), source.columns.ravel(), width=width)
        made = spread(block, source.shape, source.scale, source.zero)
        return np.arange(block.count).reshape(source.shape), made

    def rows_of(self, source: Quantised, order: Ints, width: int) -> Block:
        """A block that has elements in a given order, `width` in every row.

        Args:
            order: places of the elements in C order, one after the other.
        """
        if width > limits.TRACE_ROW:
            raise Unfit(f"it needs trace rows of {width} bytes, the limit is {limits.TRACE_ROW}")
        rows, columns = source.rows.ravel()[order], source.columns.ravel()[order]
        key = (id(source), (width, hash(order.tobytes())))
        if key not in self._laid:
            self._laid[key] = (source, self._laid_out(source, rows, columns, width))
        return self._laid[key][1]

    def _laid_out(self, source: Quantised, rows: Ints, columns: Ints, width: int) -> Block:
        block = source.block
        if block is not None and block.count == len(rows):
            flat = (rows - block.base) * block.width + columns
            if np.array_equal(flat, np.arange(len(flat))):
                if block.width == width:
                    return block
                return self.builder.look_up(block, IDENTITY, width)
        return self.builder.copy(rows, columns, width=width)


def scale_of(low: float, high: float) -> tuple[np.float32, int]:
    """Scale and zero of a range, which takes in 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(np.float32((high - low) / 255), LEAST_SCALE)
    if not np.isfinite(scale):
        raise NotLowerable("a tensor's range is past float32")
    return scale, int(np.clip(np.rint(-low / np.float64(scale)), 0, 255))


def as_bytes(values: NDArray[np.float64], scale: np.float32, zero: int) -> NDArray[np.uint8]:
    """Real numbers as bytes; what is no number is 0."""
    with np.errstate(all="ignore"):
        found = np.rint(values / np.float64(scale)) + zero
    found_bytes: NDArray[np.uint8] = np.clip(np.nan_to_num(found, nan=0.0), 0, 255).astype(np.uint8)
    return found_bytes


def spread(block: Block, shape: tuple[int, ...], scale: np.float32, zero: int) -> Quantised:
    """A block whose elements are a tensor in C order."""
    return placed(block, np.arange(block.count).reshape(shape), scale, zero)


def placed(block: Block, flat: Ints, scale: np.float32, zero: int) -> Quantised:
    """A block whose elements are a tensor in any order."""
    rows, columns = np.divmod(flat, block.width)
    return Quantised(scale=scale, zero=zero, rows=rows + block.base, columns=columns, block=block)


Handler = Callable[[Lowering, Any, Mapping[str, Any]], str]
"""Lowers one node: the lowering, the node, its attributes; gives what it became."""

__all__ = ["WIDTHS", "Given", "Handler", "Lazy", "Lowering", "Missing", "Numbers", "Told", "Unfit"]
