"""Out of the journal: receipts, receipt files, openings, preimages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from counterfoil.errors import NoSuchReceipt
from counterfoil.formats.fields import Fields
from counterfoil.formats.preimage import Preimage
from counterfoil.formats.receipt import Receipt
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import Address, Digest, Seconds, Signature

from . import retention
from .batches import Batches
from .schema import kept_sets, preimages, receipts, tensors
from .store import Store
from .values import OnlyForCourt, Sealed

PAGE = 2048
"""Receipts read at a time: no reader holds a fork, or the write-ahead log, for long."""

REQUESTS = 2**14
"""As `PAGE`, of two columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """The receipts of one journal."""

    store: Store
    number: int
    chain_id: int
    ledger: Address
    signer: Address

    def next_sequence(self) -> int:
        """The number that the next receipt gets."""
        r = receipts.c
        with self.store.reading() as connection:
            top = connection.execute(
                select(r.sequence)
                .where(r.journal == self.number)
                .order_by(r.sequence.desc())
                .limit(1)
            ).scalar()
        return 0 if top is None else int(top) + 1

    def get(self, which: int | bytes) -> Sealed:
        """One receipt, by its number, or by its digest (which looks at every receipt).

        Raises:
            NoSuchReceipt: the journal holds none.
        """
        r = receipts.c
        match = r.digest == which if isinstance(which, bytes) else r.sequence == which
        with self.store.reading() as connection:
            row = connection.execute(
                select(receipts).where(r.journal == self.number, match)
            ).one_or_none()
        if row is None:
            name = f"of digest 0x{which.hex()}" if isinstance(which, bytes) else str(which)
            raise NoSuchReceipt(f"the journal of {self.signer} has no receipt {name}")
        return self._sealed(row)

    def iterate(self, first: int = 0, stop: int | None = None) -> Iterator[Sealed]:
        """Receipts first … stop−1, in order; stop None: all that there are by then."""
        r = receipts.c
        while stop is None or first < stop:
            upper = first + PAGE if stop is None else min(stop, first + PAGE)
            with self.store.reading() as connection:
                rows = connection.execute(
                    select(receipts)
                    .where(r.journal == self.number, r.sequence >= first, r.sequence < upper)
                    .order_by(r.sequence)
                ).all()
            for row in rows:
                yield self._sealed(row)
            if len(rows) < upper - first:
                return
            first = upper

    def requests(self, first: int) -> Iterator[tuple[int, Digest]]:
        """Numbers and requests of the receipts from `first` on, in order."""
        r = receipts.c
        while True:
            with self.store.reading() as connection:
                rows = connection.execute(
                    select(r.sequence, r.request)
                    .where(r.journal == self.number, r.sequence >= first)
                    .order_by(r.sequence)
                    .limit(REQUESTS)
                ).all()
            for row in rows:
                yield row.sequence, Digest(row.request)
            if len(rows) < REQUESTS:
                return
            first = rows[-1].sequence + 1

    def file(self, sequence: int, batches: Batches, *, openings: bool = True) -> ReceiptFile:
        """A receipt with all that the journal has of it.

        Args:
            openings: show the tensors and masters, where tensors are kept.
        Raises:
            NoSuchReceipt: the journal holds none of this number.
        """
        sealed = self.get(sequence)
        stored = batches.holding(sequence)
        posted = stored is not None and stored.posted_at is not None
        with self.store.reading() as connection:
            opening = None
            if openings:
                only = retention.only_for_court(connection, self.number, sequence)
                opening = retention.shown(self._opening(connection, sequence), only)
            preimage = self._preimage(connection, sealed.receipt)
        return ReceiptFile(
            chain_id=self.chain_id,
            ledger=self.ledger,
            receipt=sealed.receipt,
            signature=sealed.signature,
            inclusion=batches.inclusion(stored, sequence) if stored and posted else None,
            opening=opening,
            preimage=preimage,
        )

    def for_court(self, sequence: int) -> Opening | None:
        """All that is kept of a run, also what is kept for a fault court alone."""
        with self.store.reading() as connection:
            return self._opening(connection, sequence)

    def masters(self, sequence: int) -> tuple[Digest | None, Digest | None]:
        """The masters of a receipt's inputs and outputs, None: forgotten, or the court's alone.

        Raises:
            NoSuchReceipt: the journal holds none of this number.
        """
        r = receipts.c
        with self.store.reading() as connection:
            row = connection.execute(
                select(r.input_master, r.output_master).where(
                    r.journal == self.number, r.sequence == sequence
                )
            ).one_or_none()
            only = retention.only_for_court(connection, self.number, sequence)
        if row is None:
            raise NoSuchReceipt(f"the journal of {self.signer} has no receipt {sequence}")
        return (
            None if OnlyForCourt.INPUTS in only else _digest(row.input_master),
            None if OnlyForCourt.OUTPUTS in only else _digest(row.output_master),
        )

    def export(
        self,
        folder: Path,
        batches: Batches,
        *,
        first: int,
        stop: int | None,
        openings: bool,
        progress: Callable[[int], None] | None,
    ) -> int:
        """Write receipt files, one a receipt; see `Journal.export`."""
        folder.mkdir(parents=True, exist_ok=True)
        stop = self.next_sequence() if stop is None else stop
        for count, sequence in enumerate(range(first, stop), 1):
            file = self.file(sequence, batches, openings=openings)
            path = folder / f"{self.signer[2:10].lower()}-{sequence:08d}.json"
            draft = path.with_suffix(".part")
            file.write(draft)
            draft.replace(path)
            if progress is not None:
                progress(count)
        return max(0, stop - first)

    def _sealed(self, row: Any) -> Sealed:
        receipt = Receipt(
            signer=self.signer,
            sequence=row.sequence,
            model=Digest(row.model),
            runtime=Digest(row.runtime),
            request=Digest(row.request),
            inputs=Digest(row.inputs),
            outputs=Digest(row.outputs),
            issued_at=Seconds(row.issued_at),
            settle_by=Seconds(row.settle_by),
        )
        return Sealed(
            receipt=receipt,
            signature=Signature(row.signature),
            chain_id=self.chain_id,
            ledger=self.ledger,
        )

    def _opening(self, connection: sa.Connection, sequence: int) -> Opening | None:
        r, k, t = receipts.c, kept_sets.c, tensors.c
        masters = connection.execute(
            select(r.input_master, r.output_master).where(
                r.journal == self.number, r.sequence == sequence
            )
        ).one()
        sides: list[SetOpening | None] = [None, None]
        for side, count in connection.execute(
            select(k.side, k.count).where(k.journal == self.number, k.sequence == sequence)
        ):
            rows = connection.execute(
                select(tensors)
                .where(t.journal == self.number, t.sequence == sequence, t.side == side)
                .order_by(t.position)
            ).all()
            master = _digest(masters[side])
            if master is not None and len(rows) == count:
                sides[side] = SetOpening(master=master, tensors=tuple(map(_tensor, rows)))
        return None if sides == [None, None] else Opening(inputs=sides[0], outputs=sides[1])

    def _preimage(self, connection: sa.Connection, receipt: Receipt) -> Preimage | None:
        p = preimages.c
        merged: dict[str, Any] = {}
        for body in connection.execute(
            select(p.body).where(p.digest.in_([receipt.model, receipt.runtime]))
        ).scalars():
            merged.update(json.loads(body))
        return Preimage.parse(Fields(merged, ("preimage",))) if merged else None


def _digest(raw: bytes | None) -> Digest | None:
    return None if raw is None else Digest(raw)


def _tensor(row: Any) -> Tensor:
    shape = tuple(map(int, row.shape.split(","))) if row.shape else ()
    return Tensor(name=row.name, dtype=row.dtype, shape=shape, data=row.data)
