"""What the demo shows to be refused: by the verifier, and by the ledger where it can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from counterfoil.chain import Chain, LedgerClient
from counterfoil.errors import CounterfoilError, DemoFailed, Refused
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.hashing.signature import ORDER, checksummed
from counterfoil.hashing.types import Signature
from counterfoil.verify import Trust, verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Genuine receipts to falsify, and who is asked about them."""

    good: ReceiptFile
    other_batch: ReceiptFile
    unsettled: ReceiptFile
    trust: Trust
    chain: Chain
    ledger: LedgerClient


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One case: what was changed, and who refused it why; `on_chain` is empty where not asked."""

    what: str
    off_chain: str
    on_chain: str

    def lines(self) -> list[str]:
        """The case as it is printed."""
        shown = [f"  {self.what}", f"    verifier: {self.off_chain}"]
        return [*shown, f"    contract: {self.on_chain}"] if self.on_chain else shown


def refusals(e: Evidence) -> list[Refusal]:
    """Every case.

    Raises:
        DemoFailed: one was not refused.
    """
    return [_refused(e, *case) for case in _cases(e)]


Case = tuple[str, ReceiptFile, Trust]


def _cases(e: Evidence) -> Iterator[Case]:
    good, trust = e.good, e.trust
    yield "a changed output", _changed(good, "outputs"), trust
    yield "a changed input", _changed(good, "inputs"), trust
    following = replace(good.receipt, sequence=good.receipt.sequence + 1)
    yield "a wrong sequence", replace(good, receipt=following), trust
    yield "another chain's id", replace(good, chain_id=good.chain_id + 1), trust
    elsewhere = checksummed(bytes(19) + b"\x01")
    there = trust.adding([(good.chain_id, elsewhere)])
    yield "another ledger's address", replace(good, ledger=elsewhere), there
    yield "a ledger that the verifier does not know", good, replace(trust, ledgers=frozenset())
    yield "a path from another batch", replace(good, inclusion=e.other_batch.inclusion), trust
    yield "a signature in the upper half", replace(good, signature=_upper(good.signature)), trust
    yield "a receipt that was never settled", e.unsettled, trust


def _changed(file: ReceiptFile, side: str) -> ReceiptFile:
    """The file with one byte of one tensor changed, and the receipt's digest to match it.

    Off chain the opening is wrong; on chain, where only the receipt is shown, its new digest is.
    """
    opening = file.opening
    shown = getattr(opening, side) if opening is not None else None
    if opening is None or not isinstance(shown, SetOpening):
        raise DemoFailed("the receipt has no opening to change")
    first, *rest = shown.tensors
    data = bytes([first.data[0] ^ 1]) + first.data[1:]
    changed = replace(shown, tensors=(replace(first, data=data), *rest))
    sides = {"inputs": opening.inputs, "outputs": opening.outputs, side: changed}
    return replace(file, opening=Opening(**sides))


def _upper(signature: Signature) -> Signature:
    """The other signature over the same digest: s in the upper half, v turned."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return Signature(signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]]))


def _refused(e: Evidence, what: str, file: ReceiptFile, trust: Trust) -> Refusal:
    # No node serves a chain that does not exist: such a file is refused before one is asked.
    chain = e.chain if file.chain_id == e.chain.chain_id else None
    off_chain = _error(lambda: verify(file, trust=trust, chain=chain).require_anchored())
    if off_chain is None:
        raise DemoFailed(f"not refused by the verifier: {what}")
    return Refusal(what=what, off_chain=off_chain, on_chain=_on_chain(e, what, file))


def _on_chain(e: Evidence, what: str, file: ReceiptFile) -> str:
    """The ledger's reason, where what was changed is something that the ledger is shown."""
    receipt, inclusion = file.receipt, file.inclusion or e.good.inclusion
    opened = file.opening.outputs if file.opening is not None else None
    if inclusion is None:
        raise DemoFailed("the genuine receipt has no inclusion")
    if what == "a changed output" and opened is not None:
        receipt = replace(receipt, outputs=opened.commitment().digest)
    elif what == "a changed input" and file.opening is not None and file.opening.inputs:
        receipt = replace(receipt, inputs=file.opening.inputs.commitment().digest)
    elif receipt == e.good.receipt and inclusion == e.good.inclusion:
        return ""  # a contract is shown neither signature nor file
    try:
        e.ledger.require_settled(receipt, inclusion)
    except Refused as error:
        return error.reason
    raise DemoFailed(f"not refused by the ledger: {what}")


def _error(step: Callable[[], object]) -> str | None:
    try:
        step()
    except CounterfoilError as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return None
