"""The statements of the hot path, written in SQLAlchemy and compiled once a journal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from counterfoil.formats.preimage import Preimage

from .schema import (
    batches,
    journals,
    kept_sets,
    leases,
    nodes,
    preimages,
    receipts,
    summonable,
    tensors,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """SQL with positional parameters, in the order of the tables' columns.

    Attributes:
        standing: (journal) → `rules.Standing`.
        head: (journal) → `rules.Standing`, then sequence, issued_at of the last receipt, or NULL.
        shared_head: as `head`, then holder and fence of the lease, or NULL.
        promised_in_batches: (journal) → the earliest promise in batches that are not posted.
        last_batch: (journal) → the number after the last batch.
        promised_in_page: (journal, first, stop) → the earliest promise among the receipts
            first … stop−1, and the last one's number.
        holding: (journal, sequence, sequence) → the row of the batch that has a receipt.
        digest: (journal, sequence) → a receipt's digest.
        node: (place, journal, first, level, part) → one node of a batch's tree, its place in
            bytes from 1.
    """

    standing: str
    head: str
    shared_head: str
    insert: str
    preimage: str
    kept_set: str
    tensor: str
    summonable: str
    promised_in_batches: str
    last_batch: str
    promised_in_page: str
    holding: str
    digest: str
    node: str


def _standing() -> tuple[sa.Column[Any], ...]:
    j = journals.c
    return (
        j.halted,
        j.retired_at,
        j.dirty_boot,
        j.contact_at,
        j.chain_time,
        j.log_opened_at,
        j.log_closes_at,
        j.log_revoked_at,
        j.log_max_delay,
    )


def _head() -> Any:
    """A journal's standing and its last receipt, as far as there is one."""
    r, last = receipts.c, receipts.alias("last").c
    newest = select(sa.func.max(last.sequence)).where(last.journal == journals.c.number)
    is_newest = r.sequence == newest.correlate(journals).scalar_subquery()
    joined = journals.outerjoin(receipts, sa.and_(r.journal == journals.c.number, is_newest))
    return select(*_standing(), r.sequence, r.issued_at).select_from(joined)


@lru_cache(maxsize=4)
def _compiled(name: str, dialect: sa.Dialect) -> Statements:
    def text(statement: Any) -> str:
        return str(statement.compile(dialect=dialect))

    def insert(table: sa.Table) -> str:
        return text(table.insert())

    j, r, b, n = journals.c, receipts.c, batches.c, nodes.c
    standing, head = _standing(), _head()
    lease = leases.c

    def of_newest(column: sa.Column[Any]) -> Any:  # what every planner finds in an index
        found = select(column).where(r.journal == j.number).order_by(r.sequence.desc())
        return found.limit(sa.literal_column("1")).correlate(journals).scalar_subquery()

    return Statements(
        standing=text(select(*standing).where(j.number == bindparam("n"))),
        head=text(head.where(j.number == bindparam("n"))),
        shared_head=text(
            select(
                *standing, of_newest(r.sequence), of_newest(r.issued_at), lease.holder, lease.fence
            )
            .select_from(journals.outerjoin(leases, lease.journal == j.number))
            .where(j.number == bindparam("n"))
        ),
        insert=insert(receipts),
        preimage=insert(preimages) + " ON CONFLICT DO NOTHING",
        kept_set=insert(kept_sets),
        tensor=insert(tensors),
        summonable=insert(summonable),
        promised_in_batches=text(
            select(sa.func.min(sa.func.nullif(b.earliest_settle_by, sa.literal_column("0")))).where(
                b.journal == bindparam("n"),
                b.state.in_([sa.literal_column("'cut'"), sa.literal_column("'sent'")]),
            )
        ),
        last_batch=text(
            select(b.first + b.size).where(b.journal == bindparam("n")).order_by(b.first.desc())
        )
        + " LIMIT 1",
        promised_in_page=text(
            select(
                sa.func.min(sa.func.nullif(r.settle_by, sa.literal_column("0"))),
                sa.func.max(r.sequence),
            ).where(
                r.journal == bindparam("n"),
                r.sequence >= bindparam("first"),
                r.sequence < bindparam("stop"),
            )
        ),
        holding=text(
            select(batches).where(
                b.journal == bindparam("n"),
                b.first <= bindparam("at"),
                b.first + b.size > bindparam("again"),
            )
        ),
        digest=text(
            select(r.digest).where(r.journal == bindparam("n"), r.sequence == bindparam("at"))
        ),
        node=text(
            select(sa.func.substr(n.hashes, bindparam("at"), sa.literal_column("32"))).where(
                n.journal == bindparam("n"),
                n.first == bindparam("first"),
                n.level == bindparam("level"),
                n.part == bindparam("part"),
            )
        ),
    )


def compiled(dialect: sa.Dialect) -> Statements:
    """The statements in a dialect's words."""
    return _compiled(dialect.name, dialect)


def insert_next(dialect: sa.Dialect, standing: Sequence[int | str | None]) -> str:
    """An insert in SQLite that is done only where the log still stands as it did.

    Its parameters are `insert`'s, but that of `digest` is followed by the journal, sequence and
    issued_at of the last receipt. It inserts one row or none.

    Args:
        standing: a `rules.Standing`. It is written out, as the driver takes long to bind None.
    """
    first, *others = _insert_next(dialect)
    told = (_literal(value) + part for value, part in zip(standing, others, strict=True))
    return first + "".join(told)


_WAS: Final = "<was>"


@lru_cache(maxsize=4)
def _insert_next(dialect: sa.Dialect) -> list[str]:
    """`insert_next`, cut where the values of a standing go."""
    r = receipts.c
    digest = (
        _head()
        .with_only_columns(bindparam("given"))
        .where(
            journals.c.number == bindparam("n"),
            *(c.is_not_distinct_from(sa.literal_column(_WAS)) for c in _standing()),
            r.sequence.is_not_distinct_from(bindparam("last")),
            r.issued_at.is_not_distinct_from(bindparam("last_issued")),
        )
    )
    # No INSERT … SELECT, whose rows SQLite would put into a table of its own first: without a
    # digest the row is ignored.
    values: dict[str, Any] = {column.name: bindparam(column.name) for column in r}
    statement = receipts.insert().prefix_with("OR IGNORE")
    chosen = statement.values({**values, "digest": digest.scalar_subquery()})
    return str(chosen.compile(dialect=dialect)).split(_WAS)


def _literal(value: int | str | None) -> str:
    """A value in SQLite's words."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def preimage_body(preimage: Preimage) -> str:
    """A preimage as the table holds it."""
    return json.dumps(preimage.dump(), ensure_ascii=False)
