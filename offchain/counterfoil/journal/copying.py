"""A journal's tables copied into an SQLite file, from whichever database they are in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from .schema import leases, metadata

PAGE: Final = 2000
"""Rows at a time."""


def copy_to_sqlite(connection: sa.Connection, target: Path) -> None:
    """Copy every row, as of the connection's snapshot. Leases stay behind.

    Args:
        target: a new file; its mode becomes 0600.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(target)))
    try:
        connection.begin()  # before anything is streamed
        with engine.begin() as copy:
            metadata.create_all(copy, checkfirst=False)
            for table in metadata.sorted_tables:
                if table is leases:
                    continue
                rows = connection.execution_options(stream_results=True, max_row_buffer=PAGE)
                for page in rows.execute(sa.select(table)).mappings().partitions(PAGE):
                    copy.execute(table.insert(), [dict(row) for row in page])
    finally:
        engine.dispose()
