"""Proving by hand: one claim from receipt files, through the same steps as a tower's."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from counterfoil.chain import Chain, CourtClient, LedgerClient
from counterfoil.errors import NotProvable
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing import merkle

from .claims import Case, Claimant
from .folders import check
from .following import Log, follow
from .judging import Judge, Times
from .notices import Notice
from .rules import claimable, due, progress
from .sources import Sources
from .store import Held, Kind, Store

COMPLETE = "`counterfoil watch --once` completes the file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prover:
    """What proofs by hand need: the same as a tower's."""

    chain: Chain
    ledger: LedgerClient
    court: CourtClient
    store: Store
    sources: Sources
    claimant: Claimant

    def prove(
        self,
        kind: Kind,
        files: Sequence[ReceiptFile],
        *,
        wait: float,
        tell: Callable[[Notice], None],
    ) -> bool:
        """Prove one offence, as far as can be now.

        Args:
            files: one receipt; two for a double signature.
            wait: seconds for blocks to come.
            tell: is told what is done.
        Returns:
            Whether it is proved; False: more is to be done later, by the same call.
        Raises:
            NotProvable: the files show no such offence now.
        """
        for file in files:
            check(file, self.chain.chain_id, self.ledger.address)
            self.store.hold(file)
        deadline = time.monotonic() + wait
        said: set[str] = set()
        while True:
            signer = files[0].receipt.signer
            log = follow(self.chain, self.ledger, self.store, signer)
            case = self._case(kind, files, log)
            if self.court.proved(signer, case.number) and case.claim.under_way is None:
                raise NotProvable(f"the offence at number {case.number} is proved already")
            notices = self.claimant.advance(case)
            for notice in notices:
                if notice.key not in said:
                    said.add(notice.key)
                    tell(notice)
            if self.store.change_claim(case.claim).state == "done":
                return True
            demand = self.court.demand_of(signer, case.number) if kind == "withheld" else None
            open_until = 0 if demand is None else demand.deadline
            if any(notice.kind == "waits" for notice in notices):
                return False
            if open_until > self.chain.next_time() or time.monotonic() > deadline:
                return False
            time.sleep(0.2)

    def _case(self, kind: Kind, files: Sequence[ReceiptFile], log: Log) -> Case:
        makers = {
            "late": self._late,
            "conflict": self._conflict,
            "double-sign": self._double_sign,
            "withheld": self._withheld,
        }
        held = [Held(receipt=f.receipt, signature=f.signature, digest=f.digest) for f in files]
        return makers[kind](held, log)

    def _claim(self, kind: Kind, held: Held, other: Held | None = None) -> dict[str, object]:
        more = () if other is None else (other.digest,)
        receipt = held.receipt
        claim = self.store.claim(kind, receipt.signer, receipt.sequence, held.digest, *more)
        return {"claim": claim, "one": held, "other": other}

    def _late(self, held: Sequence[Held], log: Log) -> Case:
        receipt, now = held[0].receipt, self.chain.next_time()
        if log.record is None:
            raise NotProvable(f"{receipt.signer} never opened a log on this ledger")
        due_at = due(receipt, log.record, self.ledger.grace())
        if due_at is None:
            raise NotProvable("the receipt promises nothing, or was issued outside its log's life")
        batch = log.covering(receipt.sequence)
        how = progress(receipt, due_at, batch, now)
        if how == "settled":
            raise NotProvable("the receipt was settled in time")
        if how not in ("broken", "settled-late"):
            raise NotProvable(f"the receipt may still be settled in time: for {due_at - now} s")
        if not claimable(due_at, self.court.claim_window(), now):
            raise NotProvable("the time in which a late settlement can be proved is over")
        number = log.following if batch is None else batch.first
        return Case(number=number, batch=batch, **self._claim("late", held[0]))  # type: ignore[arg-type]

    def _double_sign(self, held: Sequence[Held], _: Log) -> Case:
        if len(held) != 2:
            raise NotProvable("a double signature is two receipt files")
        one, other = sorted(held, key=lambda h: h.digest)
        same = (one.receipt.signer, one.receipt.sequence)
        if same != (other.receipt.signer, other.receipt.sequence) or one.digest == other.digest:
            raise NotProvable("the two files are no two receipts of one log under one number")
        number = one.receipt.sequence
        return Case(number=number, **self._claim("double-sign", one, other))  # type: ignore[arg-type]

    def _conflict(self, held: Sequence[Held], log: Log) -> Case:
        number = held[0].receipt.sequence
        batch = log.covering(number)
        if batch is None:
            raise NotProvable("no batch covers the receipt's number yet")
        found = self._judge(log).at(number, batch)
        if found is None:
            raise NotProvable(
                f"the file of the batch at {batch.first} is not to be had: name a folder of "
                "batch files with --mirror, or prove `withheld`"
            )
        if found[0] == merkle.leaf(held[0].digest):
            raise NotProvable("the receipt itself is in the ledger at its number")
        return Case(
            number=number, leaf=found[0], inclusion=found[1], batch=batch,
            **self._claim("conflict", held[0]),  # type: ignore[arg-type]
        )  # fmt: skip

    def _withheld(self, held: Sequence[Held], log: Log) -> Case:
        number = held[0].receipt.sequence
        batch = log.covering(number)
        if batch is None:
            raise NotProvable("no batch covers the receipt's number yet")
        found = self._judge(log).at(number, batch)
        demand = self.court.demand_of(log.signer, number)
        if demand.answered:
            raise NotProvable(
                "the path was given out: `counterfoil watch --once` completes the file"
            )
        if found is not None and not demand.deadline:
            raise NotProvable(
                "the path is to be had: `counterfoil watch --once` completes the file"
            )
        leaf, inclusion = (None, None) if found is None else found
        return Case(
            number=number, batch=batch, leaf=leaf, inclusion=inclusion,
            **self._claim("withheld", held[0]),  # type: ignore[arg-type]
        )  # fmt: skip

    def _judge(self, log: Log) -> Judge:
        times = Times(grace=0, claim_window=0, now=0)
        return Judge(
            self.chain, self.court, self.store, get=self.sources.get, log=log, held=(), times=times
        )
