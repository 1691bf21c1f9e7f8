"""The watchtower's own memory: evidence, batches as the chain had them, and what was sent.

Everything in it about the chain is looked at again before it is acted on: a re-org makes
it wrong. What no chain tells again, a salt or the receipts, is durable before it is used.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import and_, select
from sqlalchemy.dialects.sqlite import insert

from counterfoil.chain import Posted, UnderWay
from counterfoil.errors import WatchBusy, WatchState
from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import ZERO, Address, Digest, Seconds, Signature

from .schema import batches, claims, data, files, paths, receipts, told

Kind = Literal["late", "conflict", "double-sign", "withheld"]
ClaimState = Literal["open", "done", "dropped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A receipt that is held as evidence.

    Attributes:
        settled_word: the ledger's word of the batch in which it was found, None: none yet.
    """

    receipt: Receipt
    signature: Signature
    digest: Digest
    settled_word: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFile:
    """A receipt file in a folder.

    Attributes:
        stamp: tells whether the file was changed since it was read.
        digest: of its receipt, None: it is none that can be used.
        word: the ledger's of the batch to which its inclusion leads, None: it has none.
    """

    path: Path
    stamp: str
    digest: Digest | None
    word: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A proof that is to be sent, or was.

    Attributes:
        sequence: the receipts' number.
        one, other: digests of the receipts that are the evidence; `other` of a double
            signature alone, else zero.
        salt: 32 bytes, made and durable before anything is sent.
        under_way: what was sent last, None: nothing.
    """

    id: int
    kind: Kind
    signer: Address
    sequence: int
    one: Digest
    other: Digest
    salt: Digest
    state: ClaimState
    under_way: UnderWay | None


class Store:
    """One watchtower's database; one process at a time uses it.

    Raises:
        WatchBusy: another process does.
        WatchState: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.with_suffix("") / "batches"
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise WatchState(f"cannot use {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise WatchBusy(f"another process watches with {path}: end it first") from error
        self._engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
        sa.event.listen(self._engine, "connect", _durable)
        self._held: list[Held] | None = None
        with self.writing() as connection:
            data.create_all(connection)

    def close(self) -> None:
        """Close it; another process may use it then."""
        self._engine.dispose()
        os.close(self._lock)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction; durable once the block ends."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise WatchState(f"cannot use {self.path}: {error.orig}") from error

    def _rows(self, statement: sa.Select[Any]) -> Sequence[Any]:
        with self.writing() as connection:
            return connection.execute(statement).all()

    # Evidence

    def hold(self, file: ReceiptFile) -> None:
        """Keep a receipt, whatever becomes of its file."""
        bare = ReceiptFile(
            chain_id=file.chain_id,
            ledger=file.ledger,
            receipt=file.receipt,
            signature=file.signature,
        )
        self._held = None
        with self.writing() as connection:
            connection.execute(
                insert(receipts)
                .values(
                    digest=file.digest,
                    signer=file.receipt.signer,
                    sequence=file.receipt.sequence,
                    body=bare.dump(),
                )
                .on_conflict_do_nothing()
            )

    def held(self) -> list[Held]:
        """Every receipt, by log and number."""
        if self._held is not None:
            return self._held
        order = (receipts.c.signer, receipts.c.sequence, receipts.c.digest)
        out = []
        for row in self._rows(select(receipts).order_by(*order)):
            file = ReceiptFile.parse(row.body)
            out.append(
                Held(
                    receipt=file.receipt,
                    signature=file.signature,
                    digest=Digest(row.digest),
                    settled_word=None if row.settled_word is None else Digest(row.settled_word),
                )
            )
        self._held = out
        return out

    def mark_settled(self, found: Sequence[tuple[Digest, Digest | None]]) -> None:
        """In which batches receipts were found: pairs of digest and word; None: in none."""
        self._held = None
        with self.writing() as connection:
            for digest, word in found:
                connection.execute(
                    receipts.update().where(receipts.c.digest == digest).values(settled_word=word)
                )

    def file(self, path: Path) -> HeldFile | None:
        """What is known about a file."""
        rows = self._rows(select(files).where(files.c.path == str(path)))
        return _file(rows[0]) if rows else None

    def files(self) -> list[HeldFile]:
        """Every file that was read."""
        return [_file(row) for row in self._rows(select(files).order_by(files.c.path))]

    def forget_file(self, path: Path) -> None:
        """A file is gone; what it showed stays."""
        with self.writing() as connection:
            connection.execute(files.delete().where(files.c.path == str(path)))

    def note_file(self, file: HeldFile) -> None:
        """Remember how a file was found or written."""
        values = {"stamp": file.stamp, "digest": file.digest, "word": file.word}
        with self.writing() as connection:
            connection.execute(
                insert(files)
                .values(path=str(file.path), **values)
                .on_conflict_do_update(index_elements=["path"], set_=values)
            )

    # Batches

    def batches(self, signer: Address) -> list[tuple[Posted, bool]]:
        """A log's batches in order, and whether their file is held."""
        mine = batches.c.signer == signer
        rows = self._rows(select(batches).where(mine).order_by(batches.c.first))
        return [(_posted(row), bool(row.held)) for row in rows]

    def add_batches(self, found: Sequence[Posted]) -> None:
        """Keep batches of the chain."""
        with self.writing() as connection:
            for each in found:
                values = {
                    "size": each.size,
                    "root": each.root,
                    "posted_at": each.posted_at,
                    "uri": each.uri,
                    "tx": each.transaction,
                    "block": each.block,
                    "block_digest": each.block_digest,
                    "held": False,
                }
                connection.execute(
                    insert(batches)
                    .values(signer=each.signer, first=each.first, **values)
                    .on_conflict_do_update(index_elements=["signer", "first"], set_=values)
                )

    def drop_batches(self, signer: Address, first: int) -> None:
        """Forget a log's batches from one on: a re-org took them."""
        with self.writing() as connection:
            for table in (batches, paths):
                connection.execute(
                    table.delete().where(and_(table.c.signer == signer, table.c.first >= first))
                )

    def mark_held(self, signer: Address, first: int) -> None:
        """A batch's file is here, and checked."""
        with self.writing() as connection:
            connection.execute(
                batches.update()
                .where(and_(batches.c.signer == signer, batches.c.first == first))
                .values(held=True)
            )

    def keep_path(self, signer: Address, sequence: int, leaf: Digest, found: Inclusion) -> None:
        """Keep a path that an answer gave out."""
        values = {
            "leaf": leaf,
            "first": found.first,
            "size": found.size,
            "posted_at": found.posted_at,
            "path": b"".join(found.path),
        }
        with self.writing() as connection:
            connection.execute(
                insert(paths)
                .values(signer=signer, sequence=sequence, **values)
                .on_conflict_do_update(index_elements=["signer", "sequence"], set_=values)
            )

    def given_path(self, signer: Address, sequence: int) -> tuple[Digest, Inclusion] | None:
        """The leaf and path that an answer gave out for a number."""
        match = and_(paths.c.signer == signer, paths.c.sequence == sequence)
        for row in self._rows(select(paths).where(match)):
            raw = row.path
            return Digest(row.leaf), Inclusion(
                first=row.first,
                size=row.size,
                posted_at=Seconds(row.posted_at),
                path=tuple(Digest(raw[at : at + 32]) for at in range(0, len(raw), 32)),
            )
        return None

    # Claims

    def claim(
        self, kind: Kind, signer: Address, sequence: int, one: Digest, other: Digest = ZERO
    ) -> Claim:
        """A claim with this evidence, made or taken up again; its salt is durable."""
        match = {"kind": kind, "signer": signer, "sequence": sequence, "one": one, "other": other}
        with self.writing() as connection:
            connection.execute(
                insert(claims)
                .values(**match, salt=secrets.token_bytes(32), state="open")
                .on_conflict_do_nothing()
            )
            where = and_(*(claims.c[name] == value for name, value in match.items()))
            connection.execute(
                claims.update().where(where, claims.c.state == "dropped").values(state="open")
            )
            return _claim(connection.execute(select(claims).where(where)).one())

    def claims(self, *states: ClaimState) -> list[Claim]:
        """Claims in these states, the oldest first; in any where none is named."""
        wanted = claims.c.state.in_(states) if states else sa.true()
        return [_claim(r) for r in self._rows(select(claims).where(wanted).order_by(claims.c.id))]

    def change_claim(self, claim: Claim, **values: Any) -> Claim:
        """Write down what became of a claim, if anything; as it is then."""
        mine = claims.c.id == claim.id
        with self.writing() as connection:
            if values:
                connection.execute(claims.update().where(mine).values(**values))
            return _claim(connection.execute(select(claims).where(mine)).one())

    # Notices

    def tell(self, key: str) -> bool:
        """Whether this is told for the first time."""
        with self.writing() as connection:
            done = connection.execute(
                insert(told).values(key=key, at=time.time()).on_conflict_do_nothing()
            )
            return bool(done.rowcount)


def _durable(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _file(row: Any) -> HeldFile:
    return HeldFile(
        path=Path(row.path),
        stamp=row.stamp,
        digest=None if row.digest is None else Digest(row.digest),
        word=None if row.word is None else Digest(row.word),
    )


def _posted(row: Any) -> Posted:
    return Posted(
        signer=Address(row.signer),
        first=row.first,
        size=row.size,
        root=Digest(row.root),
        posted_at=Seconds(row.posted_at),
        uri=row.uri,
        transaction=Digest(row.tx),
        block=row.block,
        block_digest=Digest(row.block_digest),
    )


def _claim(row: Any) -> Claim:
    return Claim(
        id=row.id,
        kind=row.kind,
        signer=Address(row.signer),
        sequence=row.sequence,
        one=Digest(row.one),
        other=Digest(row.other),
        salt=Digest(row.salt),
        state=row.state,
        under_way=UnderWay.read(row.tx, row.nonce, row.sent_at),
    )
