"""Batches: cut once, then sent, posted, final; back to sent when the chain takes one back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy import and_, func, select

from counterfoil.errors import BadDraft, NoSuchBatch, NoSuchReceipt
from counterfoil.formats.batch import MAX_SIZE, MAX_URI, Batch
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt import Inclusion
from counterfoil.hashing import merkle
from counterfoil.hashing.types import Address, Digest, Seconds, Signature
from counterfoil.keys import SigningKey

from . import statements
from .failpoints import hit
from .schema import NODES_PER_PART, batches, nodes, receipts
from .store import Store
from .values import BatchState, Pending, StoredBatch

CUT_LIMIT = 2**20
"""Receipts in one batch, at most, where the caller says nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """The batches of one journal."""

    store: Store
    number: int
    chain_id: int
    ledger: Address
    signer: Address

    # Cutting

    def pending(self) -> Pending:
        """The receipts that are in no batch yet."""
        with self.store.reading() as connection:
            return self._pending(connection)

    def cut(
        self,
        key: Callable[[], SigningKey],
        uri: str | Callable[[int], str],
        limit: int,
        now: Seconds,
        issued_by: Seconds | None = None,
    ) -> BatchFile | None:
        """Sign a batch of what is pending and store it; durable before this returns.

        Args:
            uri: where the batch file will be published, at most 256 bytes; or what gives it
                from the batch's first number.
            limit: receipts, at most.
            issued_by: only receipts up to this time; None: all that are pending.
        Returns:
            The batch, None where nothing is pending.
        Raises:
            BadDraft: the `uri` is too long, or the limit no size of a batch.
        """
        if not 1 <= limit <= MAX_SIZE:
            raise BadDraft("a batch has 1 … 2^32 receipts")
        signing = key()
        with self.store.writing(durable=True) as transaction:
            connection = transaction.connection
            pending = self._pending(connection)
            size = min(pending.count, limit)
            if issued_by is not None:
                size = min(size, self._issued_by(connection, pending.first, issued_by))
            if size == 0:
                return None
            where = uri if isinstance(uri, str) else uri(pending.first)
            if len(where.encode()) > MAX_URI:
                raise BadDraft(f"a batch's uri is at most {MAX_URI} bytes")
            digests = self._digests(connection, pending.first, size)
            tree = merkle.Tree(merkle.leaves(_rows(digests)))
            batch = Batch(
                signer=self.signer, first=pending.first, size=size, root=tree.root, uri=where
            )
            signature = signing.sign(batch.digest(self.chain_id, self.ledger))
            hit("cut.signed")
            connection.execute(
                batches.insert().values(
                    journal=self.number,
                    first=batch.first,
                    size=size,
                    root=batch.root,
                    uri=where,
                    signature=signature,
                    cut_at=now,
                    earliest_settle_by=self._earliest(connection, batch.first, size) or 0,
                    state="cut",
                )
            )
            for level, layer in enumerate(tree.layers[1:], 1):
                rows = _parts(self.number, batch.first, level, layer)
                connection.execute(nodes.insert(), rows)
            hit("cut.inserted")
        hit("cut.committed")
        file = self._file(batch, signature, digests)
        file.__dict__["tree"] = tree  # made already; `BatchFile.tree` would make it again
        return file

    def _pending(self, connection: sa.Connection) -> Pending:
        b, r = batches.c, receipts.c
        last = connection.execute(
            select(b.first + b.size)
            .where(b.journal == self.number)
            .order_by(b.first.desc())
            .limit(1)
        ).scalar()
        first = int(last or 0)
        top = connection.execute(
            select(r.sequence).where(r.journal == self.number).order_by(r.sequence.desc()).limit(1)
        ).scalar()
        count = 0 if top is None else top + 1 - first
        oldest = connection.execute(
            select(r.issued_at).where(r.journal == self.number, r.sequence == first)
        ).scalar()
        return Pending(
            first=first,
            count=count,
            oldest_issued_at=None if oldest is None else Seconds(oldest),
            earliest_settle_by=self._earliest(connection, first, count),
        )

    def _issued_by(self, connection: sa.Connection, first: int, time: Seconds) -> int:
        """How many receipts from `first` on were issued by then: times never run backwards."""
        r = receipts.c
        later = connection.execute(
            select(r.sequence)
            .where(r.journal == self.number, r.sequence >= first, r.issued_at > time)
            .order_by(r.sequence)
            .limit(1)
        ).scalar()
        return MAX_SIZE if later is None else int(later) - first

    def _earliest(self, connection: sa.Connection, first: int, count: int) -> Seconds | None:
        r = receipts.c
        found = connection.execute(
            select(func.min(r.settle_by)).where(
                r.journal == self.number,
                r.sequence >= first,
                r.sequence < first + count,
                r.settle_by > 0,
            )
        ).scalar()
        return None if found is None else Seconds(found)

    def _digests(self, connection: sa.Connection, first: int, size: int) -> bytes:
        r = receipts.c
        found = connection.execute(
            select(r.digest)
            .where(r.journal == self.number, r.sequence >= first, r.sequence < first + size)
            .order_by(r.sequence)
        )
        return b"".join(row[0] for part in found.partitions(8192) for row in part)

    # Looking up

    def stored(self, first: int) -> StoredBatch:
        """One batch, by its first number.

        Raises:
            NoSuchBatch: none begins there.
        """
        return self._where(batches.c.first == first, f"no batch begins at {first}")

    def holding(self, sequence: int) -> StoredBatch | None:
        """The batch that holds a receipt, None: none does yet."""
        sql = statements.compiled(self.store.dialect).holding
        with self.store.reading() as connection:
            row = connection.exec_driver_sql(sql, (self.number, sequence, sequence)).one_or_none()
        return None if row is None else self._stored(row)

    def unsettled(self) -> list[StoredBatch]:
        """Batches that are not final, in order."""
        return self._select(batches.c.state != "final")

    def final_since(self, block: int) -> list[StoredBatch]:
        """Final batches in this block and in those after it, in order."""
        return self._select(and_(batches.c.state == "final", batches.c.block >= block))

    def all(self) -> list[StoredBatch]:
        """Every batch, in order."""
        return self._select(sa.true())

    def _where(self, condition: sa.ColumnElement[bool], missing: str) -> StoredBatch:
        found = self._select(condition)
        if not found:
            raise NoSuchBatch(missing)
        return found[0]

    def _select(self, condition: sa.ColumnElement[bool]) -> list[StoredBatch]:
        with self.store.reading() as connection:
            rows = connection.execute(
                select(batches)
                .where(batches.c.journal == self.number, condition)
                .order_by(batches.c.first)
            ).all()
        return [self._stored(row) for row in rows]

    def _stored(self, row: Any) -> StoredBatch:
        return StoredBatch(
            batch=Batch(
                signer=self.signer,
                first=row.first,
                size=row.size,
                root=Digest(row.root),
                uri=row.uri,
            ),
            signature=Signature(row.signature),
            state=row.state,
            cut_at=Seconds(row.cut_at),
            transaction=None if row.transaction_hash is None else Digest(row.transaction_hash),
            nonce=row.nonce,
            sent_at=row.sent_at,
            posted_at=row.posted_at,
            block=row.block,
            earliest_settle_by=row.earliest_settle_by or None,
        )

    def file(self, first: int) -> BatchFile:
        """The batch file of a batch.

        Raises:
            NoSuchBatch: none begins there.
        """
        stored = self.stored(first)
        with self.store.reading() as connection:
            digests = self._digests(connection, first, stored.batch.size)
        return self._file(stored.batch, stored.signature, digests)

    def _file(self, batch: Batch, signature: Signature, digests: bytes) -> BatchFile:
        return BatchFile(
            chain_id=self.chain_id,
            ledger=self.ledger,
            batch=batch,
            signature=signature,
            digests=digests,
        )

    def inclusion(self, stored: StoredBatch, sequence: int) -> Inclusion:
        """Where a receipt lies in a posted batch: a look-up, whatever the batch's size.

        Raises:
            NoSuchBatch: the batch is not posted.
            NoSuchReceipt: the batch does not hold the receipt.
        """
        batch = stored.batch
        if stored.posted_at is None:
            raise NoSuchBatch(f"the batch at {batch.first} is not posted yet: run `settle`")
        if not batch.first <= sequence < batch.first + batch.size:
            raise NoSuchReceipt(f"the batch at {batch.first} does not hold receipt {sequence}")
        return Inclusion(
            first=batch.first,
            size=batch.size,
            posted_at=stored.posted_at,
            path=tuple(self._path(batch, sequence - batch.first)),
            transaction=stored.transaction,
        )

    def _path(self, batch: Batch, index: int) -> Iterable[Digest]:
        with self.store.reading() as connection:
            ask = connection.connection.cursor()
            width, level, path = batch.size, 0, []
            while width > 1:
                sibling = index ^ 1
                if sibling < width:
                    path.append(self._node(ask, batch.first, level, sibling))
                index, width, level = index >> 1, (width + 1) >> 1, level + 1
            return path

    def _node(self, ask: Any, first: int, level: int, index: int) -> Digest:
        sql = statements.compiled(self.store.dialect)
        if level == 0:
            ask.execute(sql.digest, (self.number, first + index))
            return merkle.leaf(bytes(ask.fetchone()[0]))
        part, at = divmod(index, NODES_PER_PART)
        ask.execute(sql.node, (32 * at + 1, self.number, first, level, part))
        return Digest(bytes(ask.fetchone()[0]))

    # The way of a batch

    def move(
        self, first: int, allowed: Sequence[BatchState], to: BatchState, **values: object
    ) -> None:
        """Take a batch from one state to the next, durably.

        Raises:
            NoSuchBatch: none begins there, or it is in none of the allowed states.
        """
        with self.store.writing(durable=True) as transaction:
            b = batches.c
            done = transaction.connection.execute(
                batches.update()
                .where(b.journal == self.number, b.first == first, b.state.in_(allowed))
                .values(state=to, **values)
            )
            if done.rowcount != 1:
                raise NoSuchBatch(f"no batch at {first} is {' or '.join(allowed)}")


def _rows(digests: bytes) -> Any:
    return np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32)


def _parts(number: int, first: int, level: int, layer: Any) -> list[dict[str, Any]]:
    return [
        {
            "journal": number,
            "first": first,
            "level": level,
            "part": part,
            "hashes": layer[at : at + NODES_PER_PART].tobytes(),
        }
        for part, at in enumerate(range(0, len(layer), NODES_PER_PART))
    ]
