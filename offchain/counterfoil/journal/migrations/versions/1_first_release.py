"""The first released schema, where every journal began."""

from __future__ import annotations

revision = "1"
down_revision = None


def upgrade() -> None:
    """Nothing: a database without a schema gets the newest at once."""
