"""Tables of the watchtower's database."""

from __future__ import annotations

import sqlalchemy as sa

data = sa.MetaData()
receipts = sa.Table(
    "receipts", data,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("signer", sa.String, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("settled_word", sa.LargeBinary),
    sa.Index("receipts_by_number", "signer", "sequence"),
)  # fmt: skip
files = sa.Table(
    "files", data,
    sa.Column("path", sa.String, primary_key=True),
    sa.Column("stamp", sa.String, nullable=False),
    sa.Column("digest", sa.LargeBinary),
    sa.Column("word", sa.LargeBinary),
)  # fmt: skip
batches = sa.Table(
    "batches", data,
    sa.Column("signer", sa.String, primary_key=True),
    sa.Column("first", sa.BigInteger, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("posted_at", sa.BigInteger, nullable=False),
    sa.Column("uri", sa.String, nullable=False),
    sa.Column("tx", sa.LargeBinary, nullable=False),
    sa.Column("block", sa.BigInteger, nullable=False),
    sa.Column("block_digest", sa.LargeBinary, nullable=False),
    sa.Column("held", sa.Boolean, nullable=False, default=False),
)  # fmt: skip
paths = sa.Table(
    "paths", data,
    sa.Column("signer", sa.String, primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("posted_at", sa.BigInteger, nullable=False),
    sa.Column("path", sa.LargeBinary, nullable=False),
)  # fmt: skip
claims = sa.Table(
    "claims", data,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("signer", sa.String, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("one", sa.LargeBinary, nullable=False),
    sa.Column("other", sa.LargeBinary, nullable=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("tx", sa.LargeBinary),
    sa.Column("nonce", sa.BigInteger),
    sa.Column("sent_at", sa.Float),
    sa.UniqueConstraint("kind", "signer", "sequence", "one", "other"),
)  # fmt: skip
told = sa.Table(
    "told", data,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
)  # fmt: skip
