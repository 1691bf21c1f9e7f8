"""All steps of docs/format.md §11 on one receipt file, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.chain import EMBEDDED_CHAIN_ID, Chain
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.tensor import Tensor

from .anchor import anchor, without_path
from .offline import check_expected, check_inclusion, check_openings, check_signature
from .result import Verification
from .trust import Trust


def verify(
    file: ReceiptFile,
    *,
    trust: Trust,
    chain: Chain | None = None,
    expected_inputs: Sequence[Tensor] | None = None,
) -> Verification:
    """Verify a receipt file.

    Args:
        file: parsed, which is step 1.
        trust: the verifier's own list of ledgers, registries and publishers.
        chain: to ask the ledger; None: offline.
        expected_inputs: what the requester sent, to hold against the opened inputs.
    Returns:
        What was verified, and in its notes what was not.
    Raises:
        VerificationError: a class for each step that fails.
        FormatError: a signature or an opening of a form that is never taken.
        WrongChain: `chain` is not the file's.
        ChainError: the chain gave no usable answer.
    """
    notes = []
    known = trust.knows(file.chain_id, file.ledger)
    if not known:
        notes.append(
            f"unknown ledger: {file.ledger} on chain {file.chain_id} is not on your list, "
            "so it was not asked"
        )
    if chain is not None:
        chain.require_id(file.chain_id)
    elsewhere = [pair for pair in trust.ledgers if pair != (file.chain_id, file.ledger)]
    signed = check_signature(file, elsewhere)
    opened = check_openings(file)
    if expected_inputs is not None:
        check_expected(file, expected_inputs)
    elif "inputs" in opened:
        notes.append("the inputs were not held against any that you sent")
    root = check_inclusion(file)
    anchored, covered = None, None
    if chain is None:
        notes.append(
            "the embedded chain is gone: it ended with the program that made it"
            if file.chain_id == EMBEDDED_CHAIN_ID
            else "no chain was asked: give an RPC to see whether the batch is in the ledger"
        )
    elif known and root is None:
        covered, more = without_path(file, chain)
        notes.extend(more)
    elif known and root is not None:
        anchored, more = anchor(file, root, chain, trust)
        notes.extend(more)
        covered = True
    promise = file.receipt.settle_by or None
    if promise is None:
        notes.append("the receipt promises nothing about when it is settled")
    return Verification(
        chain_id=file.chain_id,
        ledger=file.ledger,
        digest=file.digest,
        signed=signed,
        opened=opened,
        included=root is not None,
        root=root,
        anchored=anchored,
        covered=covered,
        known_ledger=known,
        promise=promise,
        notes=tuple(notes),
    )
