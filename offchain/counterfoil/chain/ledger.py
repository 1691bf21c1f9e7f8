"""The ledger's functions (IReceiptLedger.vyi) by their names in our words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from counterfoil.errors import NoContract, Refused
from counterfoil.formats.batch import LogOpening
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.formats.tensor import ChunkOpening
from counterfoil.hashing.eip712 import domain_separator
from counterfoil.hashing.signature import checksummed
from counterfoil.hashing.types import Address, Digest, Seconds

from . import events
from .client import Chain
from .contract import Call, Contract
from .events import Posted
from .sending import send

GROUP = 32
"""Batches that one transaction posts, at most: the ledger's bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """A log as the ledger keeps it (docs/format.md §8).

    Attributes:
        opened_at, closes_at: Unix seconds, the chain's.
        revoked_at: 0: not revoked.
        max_delay: seconds, the longest promise.
        next_sequence: the first number that no batch covers.
    """

    operator: Address
    opened_at: Seconds
    closes_at: Seconds
    revoked_at: Seconds
    max_delay: Seconds
    next_sequence: int


class LedgerClient:
    """One ledger on one chain."""

    def __init__(self, chain: Chain, address: Address) -> None:
        self.chain = chain
        self.address = address
        self.contract = Contract(chain, "ReceiptLedger", address)
        self._opened_block: dict[Address, int] = {}

    def require(self) -> None:
        """Hold what answers at the address against a ledger of this chain.

        Raises:
            NoContract: nothing is there, or no ledger of this chain.
        """
        self.contract.require_code()
        try:
            found = bytes(self.contract.read("domain_separator"))
        except Refused:
            found = b""
        if found != domain_separator(self.chain.chain_id, self.address):
            raise NoContract(f"what is at {self.address} is no ledger: correct the profile")

    # Views

    def log_record(self, signer: Address, *, block: int | None = None) -> LogRecord | None:
        """A log's whole record; None where the log was never opened."""
        with self.chain.calls():
            operator, opened, closes, revoked, delay, following = self.contract.read(
                "log_record", signer, block=block
            )
            if opened == 0:
                return None
            return LogRecord(
                operator=checksummed(bytes.fromhex(operator[2:])),
                opened_at=Seconds(opened),
                closes_at=Seconds(closes),
                revoked_at=Seconds(revoked),
                max_delay=Seconds(delay),
                next_sequence=following,
            )

    def next_sequence(self, signer: Address) -> int:
        """The first number of a log that no batch covers."""
        return int(self.contract.read("next_sequence", signer))

    def log_end(self, signer: Address) -> Seconds:
        """The last second at which the log takes a batch; 0: never opened."""
        return Seconds(self.contract.read("log_end", signer))

    def batch_word(self, signer: Address, first: int) -> Digest:
        """What the ledger keeps of a batch; zero where none starts at `first`."""
        return Digest(bytes(self.contract.read("batch_word", signer, first)))

    def grace(self) -> Seconds:
        """How long batches are taken after a log's last promise is due."""
        return Seconds(self.contract.read("grace"))

    def verify(self, receipt: Receipt, inclusion: Inclusion) -> bool:
        """What the ledger says to other contracts."""
        return bool(self.contract.read("verify", receipt.abi(), inclusion.abi()))

    def require_settled(self, receipt: Receipt, inclusion: Inclusion) -> Digest:
        """The receipt's digest, as the ledger computes it.

        Raises:
            Refused: the ledger's reason.
        """
        return Digest(bytes(self.contract.read("require_settled", receipt.abi(), inclusion.abi())))

    def open_output(self, receipt: Receipt, inclusion: Inclusion, opening: ChunkOpening) -> bytes:
        """One chunk of an output tensor, as the ledger gives it to other contracts.

        Raises:
            Refused: the ledger's reason.
        """
        found = self.contract.read("open_output", receipt.abi(), inclusion.abi(), opening.abi())
        return bytes(found)

    def open_input(self, receipt: Receipt, inclusion: Inclusion, opening: ChunkOpening) -> bytes:
        """As `open_output`, of an input tensor."""
        found = self.contract.read("open_input", receipt.abi(), inclusion.abi(), opening.abi())
        return bytes(found)

    # Events

    def posted(self, signer: Address, first: int) -> Posted | None:
        """The event of the batch that starts at `first`; None where the RPC shows none."""
        start, stop = self._blocks(signer)
        found = events.newest_first(self.contract, signer, first=first, start=start, stop=stop)
        return next(found, None)

    def posted_in(self, signer: Address, first: int, block: int) -> Posted | None:
        """As `posted`, in one block."""
        found = events.in_range(self.contract, signer, first, block, block)
        return found[0] if found else None

    def batches(self, signer: Address, *, from_block: int | None = None) -> Iterator[Posted]:
        """A log's batches, the newest first."""
        start, stop = self._blocks(signer)
        start = start if from_block is None else from_block
        return events.newest_first(self.contract, signer, first=None, start=start, stop=stop)

    def _blocks(self, signer: Address) -> tuple[int, int]:
        """Blocks in which the log's batches can be."""
        stop = self.chain.block_number()
        if signer not in self._opened_block:
            record = self.log_record(signer)
            if record is None:
                return stop + 1, stop
            self._opened_block[signer] = events.block_at(self.chain, record.opened_at)
        # a re-org may have moved the opening to an earlier block, by no more than its depth
        return max(0, self._opened_block[signer] - 64), stop

    # What transactions send

    def post_batch_call(self, file: BatchFile, *, signed: bool = True) -> Call:
        """To post one batch; unsigned, by the operator, after a revoke."""
        signature = file.signature if signed else b""
        return self.contract.call("post_batch", file.batch.abi(), signature)

    def post_group_call(self, files: Sequence[BatchFile], *, signed: bool = True) -> Call:
        """To post up to `GROUP` batches in their order."""
        entries = [(f.batch.abi(), f.signature if signed else b"") for f in files]
        return self.contract.call("post_group", entries)

    def try_post(self, file: BatchFile, payer: Address, *, signed: bool = True) -> None:
        """Ask whether the ledger would take the batch as its next one now.

        Raises:
            Refused: the ledger's reason.
        """
        signature = file.signature if signed else b""
        self.contract.read("post_batch", file.batch.abi(), signature, sender=payer)

    # Transactions for whoever waits; `settle` prepares, remembers and sends by itself

    def post_batch(self, file: BatchFile, payer: LocalAccount, *, signed: bool = True) -> Digest:
        """Post one batch; the transaction's hash."""
        return send(self.chain, self.post_batch_call(file, signed=signed), payer)

    def post_group(
        self, files: Sequence[BatchFile], payer: LocalAccount, *, signed: bool = True
    ) -> Digest:
        """Post several batches; what the ledger would refuse is skipped there."""
        return send(self.chain, self.post_group_call(files, signed=signed), payer)

    def open_log(self, opening: LogOpening, signature: bytes, operator: LocalAccount) -> Digest:
        """Open a log, as its operator."""
        call = self.contract.call(
            "open_log", opening.signer, opening.closes_at, opening.max_delay, signature
        )
        return send(self.chain, call, operator)

    def close_log(self, signer: Address, operator: LocalAccount) -> Digest:
        """Close a log early: after `max_delay`'s notice."""
        return send(self.chain, self.contract.call("close_log", signer), operator)

    def revoke_log(self, signer: Address, operator: LocalAccount) -> Digest:
        """Revoke a log's key, at once and for ever."""
        return send(self.chain, self.contract.call("revoke_log", signer), operator)
