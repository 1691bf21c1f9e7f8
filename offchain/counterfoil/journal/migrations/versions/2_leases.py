"""Leases, which say what machine seals where machines share a database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add the table; what is there stays as it is."""
    op.create_table(
        "leases",
        sa.Column(
            "journal",
            sa.Integer,
            sa.ForeignKey("journals.number"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("holder", sa.String(128), nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
