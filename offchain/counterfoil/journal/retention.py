"""What a fault court may ask for: kept until it cannot any more, whatever else was asked for.

A receipt of an exact program can be summoned for a while after it is settled. Its operator
then needs the run's inputs, outputs and both masters, or loses. Rows of `summonable` say which
receipts these are, and what of them is kept, and shown, for the court alone.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from counterfoil.errors import StillSummonable
from counterfoil.formats.receipt_file import Opening
from counterfoil.hashing.types import Seconds

from .schema import batches, kept_sets, receipts, summonable, tensors
from .store import Store
from .upkeep import forgetting
from .values import OnlyForCourt


def count(store: Store, number: int) -> int:
    """Receipts that can be summoned, as far as the journal knows."""
    with store.reading() as connection:
        statement = select(sa.func.count()).where(summonable.c.journal == number)
        return int(connection.execute(statement).scalar_one())


def require_free(store: Store, number: int, first: int, stop: int) -> None:
    """Hold masters that are to be forgotten against the receipts that can be summoned.

    Raises:
        StillSummonable: one of first … stop−1 is among them.
    """
    s = summonable.c
    with store.reading() as connection:
        low, high = connection.execute(
            select(sa.func.min(s.sequence), sa.func.max(s.sequence)).where(
                s.journal == number, s.sequence >= first, s.sequence < stop
            )
        ).one()
    if low is not None:
        raise StillSummonable(
            f"receipts {low} to {high} of exact programs can be summoned before the fault court, "
            "and without their masters the log loses: they are let go by `counterfoil settle` "
            "when that time is over"
        )


def shown(opening: Opening | None, only: OnlyForCourt) -> Opening | None:
    """What of an opening anybody but the court is shown."""
    if opening is None or OnlyForCourt.TENSORS in only:
        return None
    inputs = None if OnlyForCourt.INPUTS in only else opening.inputs
    outputs = None if OnlyForCourt.OUTPUTS in only else opening.outputs
    return None if inputs is outputs is None else Opening(inputs=inputs, outputs=outputs)


def only_for_court(connection: sa.Connection, number: int, sequence: int) -> OnlyForCourt:
    """What of a receipt is kept for the court alone."""
    s = summonable.c
    found = connection.execute(
        select(s.only_for_court).where(s.journal == number, s.sequence == sequence)
    ).scalar()
    return OnlyForCourt(found or 0)


def release(store: Store, number: int, settled_before: Seconds, cases: Collection[int]) -> int:
    """Let go of receipts that nobody can summon any more; what was kept for that alone is deleted.

    Args:
        settled_before: `postedAt` of their batches is earlier, and the batches are final.
        cases: numbers of receipts with a case that is not over: they stay.
    Returns:
        Receipts let go.
    """
    b, s = batches.c, summonable.c
    with store.reading() as connection:
        lowest = connection.execute(
            select(sa.func.min(s.sequence)).where(s.journal == number)
        ).scalar()
        if lowest is None:
            return 0
        spans = connection.execute(
            select(b.first, b.size).where(
                b.journal == number,
                b.state == "final",
                b.posted_at < settled_before,
                b.first + b.size > lowest,
            )
        ).all()
    done = 0
    for first, size in spans:
        span = (s.journal == number, s.sequence >= first, s.sequence < first + size)
        chosen = (*span, s.sequence.not_in(sorted(cases))) if cases else span
        done += _release(store, number, select(s.sequence).where(*chosen), chosen)
    return done


def _release(store: Store, number: int, numbers: Any, chosen: Any) -> int:
    def of(table: sa.Table, *bits: OnlyForCourt) -> tuple[sa.ColumnElement[bool], ...]:
        wanted = [n for n in range(8) if all(bit in OnlyForCourt(n) for bit in bits)]
        among = numbers.where(summonable.c.only_for_court.in_(wanted))
        return table.c.journal == number, table.c.sequence.in_(among)

    statements: list[sa.Update | sa.Delete] = []
    for table in (tensors, kept_sets):
        statements.append(table.delete().where(*of(table, OnlyForCourt.TENSORS)))
        for side, bit in enumerate((OnlyForCourt.INPUTS, OnlyForCourt.OUTPUTS)):
            statements.append(table.delete().where(*of(table, bit), table.c.side == side))
    statements += [
        receipts.update()
        .where(*of(receipts, OnlyForCourt.INPUTS))
        .values(input_master=None),
        receipts.update()
        .where(*of(receipts, OnlyForCourt.OUTPUTS))
        .values(output_master=None),
        summonable.delete().where(*chosen),
    ]  # fmt: skip
    return forgetting(store, statements, tensors)[-1]
