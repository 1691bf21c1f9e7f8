"""Which of a run's tensors may be opened later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from counterfoil.errors import BadDraft
from counterfoil.formats.chunks import chunk_count
from counterfoil.formats.disclosure import Side
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import Digest

Open = Literal["all", "inputs", "outputs"] | Sequence[str] | None
"""Everything, one side, tensors by name, or nothing."""


SIDES: Final[tuple[Side, Side]] = ("inputs", "outputs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Openable:
    """What may be opened.

    Attributes:
        sides: sides of a run that may be opened whole.
        names: tensors that may be opened on the other sides.
    """

    sides: frozenset[Side]
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, given: Open) -> Openable:
        """From an argument.

        Raises:
            BadDraft: it is none of the forms of `Open`.
        """
        if given is None:
            return NOTHING
        if given == "all":
            return EVERYTHING
        for side in SIDES:
            if given == side:
                return cls(sides=frozenset({side}))
        if isinstance(given, str) or not all(isinstance(name, str) for name in given):
            raise BadDraft(
                "`open` is 'all', 'inputs', 'outputs', a tuple of tensors' names, or None"
            )
        return cls(sides=frozenset(), names=frozenset(given))

    def whole(self, side: Side, tensors: Sequence[Tensor]) -> bool:
        """Whether all of a side may be opened: then its master may be kept."""
        return side in self.sides or (
            bool(self.names) and all(t.name in self.names for t in tensors)
        )

    def opening(self, side: Side, tensors: Sequence[Tensor], master: Digest) -> SetOpening | None:
        """The opening that may be shown of a side, None: nothing of it."""
        whole = SetOpening(master=master, tensors=tuple(tensors))
        if self.whole(side, tensors):
            return whole
        chosen = {
            place: range(chunk_count(len(tensor.data)))
            for place, tensor in enumerate(tensors)
            if tensor.name in self.names
        }
        return whole.only(chosen) if chosen else None


EVERYTHING = Openable(sides=frozenset(SIDES))
NOTHING = Openable(sides=frozenset())
