"""The transaction that posts: one at a time, remembered before it is sent.

After a crash, a drop, a price rise or a lost answer the next step finds the transaction's hash
and nonce in the journal and looks at the chain before it sends anything. A transaction that
is not mined is replaced under its own nonce, so at most one of the two is ever mined.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_account.signers.local import LocalAccount

from counterfoil.chain import (
    Chain,
    LedgerClient,
    Slot,
    UnderWay,
    broadcast,
    fees_of,
    mined_nonce,
    next_nonce,
    prepare,
    turn,
)
from counterfoil.chain.ledger import GROUP
from counterfoil.chain.under_way import BEHIND, RAISES, STUCK_AFTER
from counterfoil.errors import BatchRefused, NonceTaken, NoSuchBatch, Refused, Underpriced
from counterfoil.formats.batch_file import BatchFile
from counterfoil.hashing.types import Address, Digest, Seconds
from counterfoil.journal import Journal, StoredBatch

from .points import hit

HURRY_AFTER = Seconds(15)
"""As `STUCK_AFTER`, while a promise is in danger."""

_RACES = ("ledger: first already posted", "ledger: gap before first")
"""Refusals that mean: somebody posted meanwhile, or the RPC's nodes disagree. Look again."""


def under_way(batches: Sequence[StoredBatch]) -> UnderWay | None:
    """The newest transaction with which any of these was sent."""
    sent = (b for b in batches if b.state == "sent")
    found = [UnderWay.read(b.transaction, b.nonce, b.sent_at) for b in sent]
    # by the nonce first: a clock that was set back makes the newest look old
    return max(
        (each for each in found if each is not None),
        key=lambda each: (each.nonce, each.sent_at),
        default=None,
    )


class Poster:
    """Posts batches of one log from one account."""

    def __init__(
        self, journal: Journal, chain: Chain, ledger: LedgerClient, account: LocalAccount
    ) -> None:
        self._journal = journal
        self._chain = chain
        self._ledger = ledger
        self._account = account
        self._payer = Address(account.address)

    def slot(self, last: UnderWay | None, now: int, *, hurry: bool) -> Slot | str:
        """Where the next transaction goes, or why none is to be sent now.

        Args:
            hurry: a promise is in danger: replace sooner.
        """
        if last is None or self._chain.transaction_receipt(last.transaction) is not None:
            return Slot()  # none, or one that was mined without our event: refused or skipped
        mined, free = mined_nonce(self._chain, self._payer), next_nonce(self._chain, self._payer)
        if not mined <= last.nonce < free:
            # taken by another transaction; or dropped, and then it is the next free one again
            return Slot()
        waited = now - last.sent_at
        # below zero the clock was set back since, and nothing tells how long it has waited
        limit = HURRY_AFTER if hurry else STUCK_AFTER
        patient = 0 <= waited < limit
        wait = f"transaction 0x{last.transaction.hex()} waits for a block since {waited} s"
        known = self._chain.transaction(last.transaction)
        if known is None or known.get("from", "").lower() != self._payer.lower():
            # ours at a node that this one does not hear, or another program's in its place
            return wait if patient else Slot()
        offered = fees_of(known)
        with self._chain.calls():
            base = self._chain.web3.eth.get_block("latest").get("baseFeePerGas", 0)
        if mined < last.nonce:  # behind another, as in `slot_after`
            patient = 0 <= waited < BEHIND * limit
        if patient and (offered.most >= base or mined < last.nonce):
            return wait
        return Slot(nonce=mined, at_least=offered.bumped())

    def post(
        self, batches: Sequence[StoredBatch], slot: Slot, now: Seconds, *, signed: bool
    ) -> tuple[Digest, tuple[int, ...]] | str:
        """Send the first batches, several in one transaction.

        Args:
            signed: with the key's signature; without it after a revoke.
        Returns:
            The transaction's hash and the batches in it, or why nothing was sent.
        Raises:
            BatchRefused: the ledger will never take the first one.
            OutOfFunds: the payer cannot pay.
        """
        files = [self._journal.batch_file(each.batch.first) for each in batches[:GROUP]]
        try:
            with turn(self._payer):
                self._ledger.try_post(files[0], self._payer, signed=signed)
                return self._send(files, slot, now, signed=signed)
        except NoSuchBatch:
            return "another settler was quicker: looking again"
        except Refused as refusal:
            if refusal.reason in _RACES:
                return f"the chain moved meanwhile ({refusal.reason}): looking again"
            raise BatchRefused(
                f"the ledger refuses the batch at {files[0].batch.first}: {refusal.reason}"
            ) from refusal

    def _send(
        self, files: Sequence[BatchFile], slot: Slot, now: Seconds, *, signed: bool
    ) -> tuple[Digest, tuple[int, ...]] | str:
        if len(files) == 1:
            call = self._ledger.post_batch_call(files[0], signed=signed)
        else:
            call = self._ledger.post_group_call(files, signed=signed)
        firsts = tuple(file.batch.first for file in files)
        for _ in range(RAISES):
            made = prepare(
                self._chain, call, self._account, nonce=slot.nonce, at_least=slot.at_least
            )
            hit("settle.prepared")
            for first in firsts:
                self._journal.mark_sent(first, made.digest, made.nonce, now)
            hit("settle.remembered")
            try:
                broadcast(self._chain, made)
            except Underpriced as error:
                if slot.nonce is None and "replacement" in str(error).lower():
                    slot = Slot(at_least=slot.at_least)  # another program was quicker
                else:
                    slot = Slot(nonce=slot.nonce, at_least=made.fees.bumped())
            except NonceTaken:
                slot = Slot(at_least=slot.at_least)
            else:
                hit("settle.sent")
                return made.digest, firsts
        return "the node wants a higher fee than eight raises gave: trying again later"
