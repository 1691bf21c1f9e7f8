"""Receipts that can be summoned before a fault court, and what is kept for no other reason."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add the table; what was sealed before it is kept as it was asked for."""
    op.create_table(
        "summonable",
        sa.Column(
            "journal",
            sa.Integer,
            sa.ForeignKey("journals.number"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("only_for_court", sa.Integer, nullable=False),
    )
