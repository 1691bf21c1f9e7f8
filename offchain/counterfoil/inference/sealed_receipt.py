"""A receipt as a program holds it: what the journal sealed, with the run's own tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from counterfoil.errors import JournalClosed, NoSuchReceipt
from counterfoil.formats.frozen import filled_at_once
from counterfoil.formats.model import Model
from counterfoil.formats.preimage import Preimage
from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.runtime import Program, Runtime
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import Digest, Signature
from counterfoil.journal import Journal, ReceiptState, Sealed

from .openable import EVERYTHING, Openable

_T = TypeVar("_T")


@filled_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class SealedReceipt:
    """One run's receipt.

    It holds the bytes of the run's tensors for as long as it lives, so that it can open them
    whether or not the journal keeps any.

    Attributes:
        sealed: the receipt with its signature, and which ledger it is for.
        model: preimage of the receipt's `model`.
        runtime: preimage of the receipt's `runtime`.
        inputs: tensors in the order of their commitment.
        outputs: tensors in the order of their commitment.
        input_master: 32 bytes; who has them can open every input.
        output_master: 32 bytes; who has them can open every output.
        openable: what `file` may open.
        journal: where it was sealed.
    """

    sealed: Sealed
    model: Model
    runtime: Runtime | Program
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    input_master: Digest
    output_master: Digest
    openable: Openable = EVERYTHING
    journal: Journal = field(compare=False)

    @property
    def receipt(self) -> Receipt:
        """The nine fields."""
        return self.sealed.receipt

    @property
    def signature(self) -> Signature:
        """The signer's, 65 bytes."""
        return self.sealed.signature

    @property
    def digest(self) -> Digest:
        """The receipt's identity."""
        return self.receipt.digest(self.sealed.chain_id, self.sealed.ledger)

    @property
    def state(self) -> ReceiptState:
        """How far it is now, as the journal knows: sealed, posted, final or broken.

        Raises:
            JournalError: the journal cannot be read.
        """
        sequence = self.receipt.sequence
        try:
            return self.journal.state(sequence)
        except JournalClosed:
            return self._reopened(lambda journal: journal.state(sequence))

    @property
    def inclusion(self) -> Inclusion | None:
        """Its place in the batch that the chain has; None: it is in no posted batch yet.

        Raises:
            JournalError: the journal cannot be read.
        """
        sequence = self.receipt.sequence
        try:
            return self.journal.receipt_file(sequence, openings=False).inclusion
        except JournalClosed:
            return self._reopened(
                lambda journal: journal.receipt_file(sequence, openings=False).inclusion
            )

    def file(self, *, openings: bool = True, inclusion: bool = False) -> ReceiptFile:
        """The receipt file.

        Args:
            openings: put in the tensors that may be opened, for whoever may see them.
            inclusion: ask the journal for the place in a posted batch.
        """
        opening = None
        if openings:
            opening = Opening(
                inputs=self.openable.opening("inputs", self.inputs, self.input_master),
                outputs=self.openable.opening("outputs", self.outputs, self.output_master),
            )
            if opening.inputs is None and opening.outputs is None:
                opening = None
        return ReceiptFile(
            chain_id=self.sealed.chain_id,
            ledger=self.sealed.ledger,
            receipt=self.receipt,
            signature=self.signature,
            inclusion=self.inclusion if inclusion else None,
            opening=opening,
            preimage=Preimage(model=self.model, runtime=self.runtime),
        )

    def save(self, path: str | Path, *, openings: bool = True, inclusion: bool = False) -> Path:
        """Write the receipt file, of mode 0600 where it has openings.

        Args:
            openings, inclusion: as `file`.
        Returns:
            The path.
        """
        target = Path(path)
        self.file(openings=openings, inclusion=inclusion).write(target)
        return target

    def _reopened(self, ask: Callable[[Journal], _T]) -> _T:
        """Ask the journal anew, after whoever gave it to the session has closed it."""
        for journal in Journal.open_all(self.journal.profile):
            with journal:
                if journal.signer == self.receipt.signer:
                    return ask(journal)
        raise NoSuchReceipt(f"the profile's journals have no log of {self.receipt.signer}")

    def __repr__(self) -> str:
        """Which receipt, without the masters."""
        r = self.receipt
        return f"<SealedReceipt {r.sequence} of {r.signer}, 0x{self.digest.hex()}>"

    def __str__(self) -> str:
        """One line for people."""
        from .portrait import line

        return line(self)

    def _repr_html_(self) -> str:
        """A picture for notebooks."""
        from .portrait import page

        return page(self)
