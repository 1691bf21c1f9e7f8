"""Steps 2 to 4 of docs/format.md §11: what a receipt file shows by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from counterfoil.errors import (
    BadInclusion,
    BadOpening,
    BadPath,
    BadSignature,
    InputsMismatch,
    ModelMismatch,
    OpeningMissing,
    OutputsMismatch,
    RuntimeMismatch,
    SignedForAnotherChain,
    SignedForAnotherLedger,
    UnexpectedInputs,
    WrongSequence,
    WrongSigner,
)
from counterfoil.formats.batch import MAX_SIZE
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing import merkle
from counterfoil.hashing.types import Address, Digest

WORDS_OF_OPENING = ("inputs", "outputs", "model", "runtime")
"""What a file can open, in the order in which results name it."""

NEIGHBOURS = 512
"""Numbers on each side that are tried to explain a signature over another number."""


def check_signature(file: ReceiptFile, elsewhere: Sequence[tuple[int, Address]]) -> Address:
    """Step 2: the signature recovers to the signer.

    Args:
        elsewhere: (chain id, ledger) pairs that may explain a signature over another domain.
    Raises:
        BadSignature: a form that is never taken.
        SignedForAnotherChain, SignedForAnotherLedger, WrongSequence, WrongSigner.
    """
    receipt = file.receipt
    found = receipt.signed_by(file.signature, file.chain_id, file.ledger)
    if found == receipt.signer:
        return found
    for chain_id, ledger in sorted(set(elsewhere)):
        if _signed(file, chain_id, ledger, receipt.sequence):
            if chain_id != file.chain_id:
                raise SignedForAnotherChain(
                    f"the receipt was signed for chain {chain_id}, not for chain {file.chain_id}: "
                    "somebody changed the file's chainId"
                )
            raise SignedForAnotherLedger(
                f"the receipt was signed for the ledger {ledger}, not for {file.ledger}: "
                "somebody changed the file's ledger"
            )
    for sequence in _around(receipt.sequence):
        if _signed(file, file.chain_id, file.ledger, sequence):
            raise WrongSequence(
                f"the receipt was signed as number {sequence} of its log, "
                f"not as number {receipt.sequence}: somebody changed the file's sequence"
            )
    raise WrongSigner(
        f"the signature is not {receipt.signer}'s over these fields: "
        "a field was changed, or somebody else signed"
    )


def _signed(file: ReceiptFile, chain_id: int, ledger: Address, sequence: int) -> bool:
    changed = replace(file.receipt, sequence=sequence)
    try:
        return changed.signed_by(file.signature, chain_id, ledger) == changed.signer
    except BadSignature:
        return False


def _around(sequence: int) -> Iterator[int]:
    for distance in range(1, NEIGHBOURS + 1):
        for other in (sequence - distance, sequence + distance):
            if 0 <= other < 2**64:
                yield other


def check_openings(file: ReceiptFile) -> tuple[str, ...]:
    """Step 3: what is opened hashes to what the receipt commits to.

    Returns:
        What was opened, of `WORDS_OF_OPENING`; single chunks as `inputs in part`.
    Raises:
        BadOpening: a chunk that leads elsewhere.
        InputsMismatch, OutputsMismatch, ModelMismatch, RuntimeMismatch.
    """
    receipt, opened = file.receipt, []
    if file.opening is not None:
        sides: tuple[tuple[str, SetOpening | None, Digest, type[Exception]], ...] = (
            ("inputs", file.opening.inputs, receipt.inputs, InputsMismatch),
            ("outputs", file.opening.outputs, receipt.outputs, OutputsMismatch),
        )
        for word, side, committed, mismatch in sides:
            if side is None:
                continue
            if side.commitment().digest != committed:
                raise mismatch(
                    f"the {word} in the file are not those of the receipt: "
                    "a value, name, type or shape was changed"
                )
            opened.append(word if side.master is not None else f"{word} in part")
    if file.preimage is not None:
        if file.preimage.model is not None:
            if file.preimage.model.digest != receipt.model:
                raise ModelMismatch("the model files named in the file are not the receipt's")
            opened.append("model")
        if file.preimage.runtime is not None:
            if file.preimage.runtime.digest != receipt.runtime:
                raise RuntimeMismatch("the runtime named in the file is not the receipt's")
            opened.append("runtime")
    return tuple(opened)


def check_expected(file: ReceiptFile, expected: Sequence[Tensor]) -> None:
    """Step 3, for who sent the inputs: they are those that the receipt is about.

    Args:
        expected: what was sent, in any order.
    Raises:
        OpeningMissing: the file does not open all inputs.
        UnexpectedInputs: they differ.
    """
    side = file.opening.inputs if file.opening is not None else None
    if side is None or side.master is None:
        raise OpeningMissing(
            "the file does not open its inputs: ask the issuer for a file with both openings"
        )
    found = {tensor.name: tensor for tensor in side.tensors}
    sent = {tensor.name: tensor for tensor in expected}
    if len(found) != len(side.tensors) or len(sent) != len(expected):
        raise BadOpening("two inputs have one name")
    for name in sorted(found.keys() | sent.keys()):
        if name not in found:
            raise UnexpectedInputs(f"the receipt is not about the input {name!r} that was sent")
        if name not in sent:
            raise UnexpectedInputs(f"the receipt is about an input {name!r} that was not sent")
        if found[name] != sent[name]:
            raise UnexpectedInputs(f"the input {name!r} of the receipt is not the one sent")


def check_inclusion(file: ReceiptFile) -> Digest | None:
    """Step 4: the path leads from the receipt's leaf to a root.

    Returns:
        That root; None where the file has no inclusion.
    Raises:
        BadInclusion: the path fits no place of the batch.
    """
    inclusion = file.inclusion
    if inclusion is None:
        return None
    first, size = inclusion.first, inclusion.size
    if not 1 <= size <= MAX_SIZE or first + size >= 2**64:
        raise BadInclusion(f"no batch starts at {first} and has {size} receipts")
    if not first <= file.receipt.sequence < first + size:
        raise BadInclusion(
            f"the path is of a batch of the receipts {first} to {first + size - 1}, "
            f"this one has number {file.receipt.sequence}"
        )
    try:
        return inclusion.root(merkle.leaf(file.digest), file.receipt.sequence)
    except BadPath as error:
        raise BadInclusion(f"the path does not fit its batch: {error}") from error
