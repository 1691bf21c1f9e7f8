"""A receipt as a program holds it: what the journal sealed, with the run's own tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from counterfoil.formats.model import Model
from counterfoil.formats.preimage import Preimage
from counterfoil.formats.receipt import Receipt
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.runtime import Runtime
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import Digest, Signature
from counterfoil.journal import Sealed


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
    """

    sealed: Sealed
    model: Model
    runtime: Runtime
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    input_master: Digest
    output_master: Digest

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

    def file(self, *, openings: bool = True) -> ReceiptFile:
        """The receipt file, without an inclusion: that comes from the journal once settled.

        Args:
            openings: put in the tensors and their masters, for whoever may see them.
        """
        opening = None
        if openings:
            opening = Opening(
                inputs=SetOpening(master=self.input_master, tensors=self.inputs),
                outputs=SetOpening(master=self.output_master, tensors=self.outputs),
            )
        return ReceiptFile(
            chain_id=self.sealed.chain_id,
            ledger=self.sealed.ledger,
            receipt=self.receipt,
            signature=self.signature,
            opening=opening,
            preimage=Preimage(model=self.model, runtime=self.runtime),
        )

    def save(self, path: str | Path, *, openings: bool = True) -> Path:
        """Write the receipt file.

        Args:
            openings: as `file`.
        Returns:
            The path.
        """
        target = Path(path)
        target.write_bytes(self.file(openings=openings).dump())
        return target

    def __repr__(self) -> str:
        """Which receipt, without the masters."""
        r = self.receipt
        return f"<SealedReceipt {r.sequence} of {r.signer}, 0x{self.digest.hex()}>"
