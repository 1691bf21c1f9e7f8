"""The journal's tables, in SQL that both SQLite and PostgreSQL know.

A database holds journals one after another: `rotate` ends one and begins the next, and the
old one stays to be settled. Every other table is keyed by the journal's number.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA: Final = 3
"""Version of the tables, and the last of `migrations`. A newer one than this is refused."""

metadata = MetaData()

meta = Table(
    "counterfoil_meta",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

journals = Table(
    "journals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("journal_id", String(32), nullable=False, unique=True),
    Column("chain_id", String(78), nullable=False),  # uint256, decimal
    Column("ledger", String(42), nullable=False),
    Column("genesis", LargeBinary),
    Column("signer", String(42), nullable=False, unique=True),
    Column("key_kind", String(16), nullable=False),  # keystore, derived
    Column("place", String(64), nullable=False),  # where the database lay when it began
    Column("created_at", BigInteger, nullable=False),
    Column("retired_at", BigInteger),
    Column("halted", String(16)),  # why it does not seal any more
    Column("dirty_boot", String(64)),  # the boot in which it sealed at less than full
    Column("contact_at", BigInteger),  # own clock, at the last look at the chain
    Column("chain_time", BigInteger),  # the chain's clock then
    Column("log_operator", String(42)),
    Column("log_opened_at", BigInteger),
    Column("log_closes_at", BigInteger),
    Column("log_revoked_at", BigInteger),
    Column("log_max_delay", BigInteger),
    Column("log_next", BigInteger),
)

leases = Table(
    "leases",  # which machine seals, where machines share a database
    metadata,
    Column(
        "journal", Integer, ForeignKey("journals.number"), primary_key=True, autoincrement=False
    ),
    Column("holder", String(128), nullable=False),
    Column("fence", BigInteger, nullable=False),  # one more each time that another takes it
    Column("until", BigInteger, nullable=False),  # milliseconds since 1970, the database's clock
)

receipts = Table(
    "receipts",
    metadata,
    Column("journal", Integer, ForeignKey("journals.number"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),
    Column("model", LargeBinary, nullable=False),
    Column("runtime", LargeBinary, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("inputs", LargeBinary, nullable=False),
    Column("outputs", LargeBinary, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("settle_by", BigInteger, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("input_master", LargeBinary),
    Column("output_master", LargeBinary),
    sqlite_with_rowid=False,  # rows in the order of their numbers: batches are range scans
)

preimages = Table(
    "preimages",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("body", Text, nullable=False),  # JSON, as a receipt file's `preimage`
)

tensors = Table(
    "tensors",
    metadata,
    Column("journal", Integer, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("side", Integer, primary_key=True, autoincrement=False),  # 0 inputs, 1 outputs
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("dtype", Integer, nullable=False),
    Column("shape", Text, nullable=False),  # dimensions, comma-separated
    Column("data", LargeBinary, nullable=False),
    Column("keep_until", BigInteger),  # None: until forgotten by hand
    Index("tensors_by_age", "keep_until"),
)

kept_sets = Table(
    "kept_sets",  # a set may be empty, and yet kept
    metadata,
    Column("journal", Integer, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("side", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("keep_until", BigInteger),
    Index("kept_sets_by_age", "keep_until"),
)

summonable = Table(
    "summonable",  # receipts whose run a fault court may ask for: all that it takes is kept
    metadata,
    Column(
        "journal", Integer, ForeignKey("journals.number"), primary_key=True, autoincrement=False
    ),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("only_for_court", Integer, nullable=False),  # bits of `retention.OnlyForCourt`
)

batches = Table(
    "batches",
    metadata,
    Column("journal", Integer, ForeignKey("journals.number"), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("uri", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("cut_at", BigInteger, nullable=False),
    Column("earliest_settle_by", BigInteger, nullable=False),  # 0: no promise in it
    Column("state", String(8), nullable=False),  # cut, sent, posted, final
    Column("transaction_hash", LargeBinary),
    Column("nonce", BigInteger),
    Column("sent_at", BigInteger),
    Column("posted_at", BigInteger),
    Column("block", BigInteger),
    Index("batches_by_state", "journal", "state"),
)

nodes = Table(
    "nodes",  # the upper layers of a batch's tree: a path is a look-up, not a hash of all
    metadata,
    Column("journal", Integer, primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("level", Integer, primary_key=True, autoincrement=False),  # 1 is over the leaves
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),  # NODES_PER_PART × 32 bytes
)

NODES_PER_PART: Final = 2048
"""Nodes in one row of `nodes`: 64 KiB."""
