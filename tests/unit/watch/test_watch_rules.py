"""What a promise is worth at a time, held against the contract's words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from counterfoil.chain import LogRecord, Posted
from counterfoil.formats.receipt import Receipt
from counterfoil.watch.rules import claimable, due, progress

RECORD = LogRecord(
    operator="0x" + "11" * 20,
    opened_at=1_000,
    closes_at=9_000,
    revoked_at=0,
    max_delay=600,
    next_sequence=0,
)
RECEIPT = Receipt(
    signer="0x" + "22" * 20,
    sequence=5,
    model=bytes(32),
    runtime=bytes(32),
    request=bytes(32),
    inputs=bytes(32),
    outputs=bytes(32),
    issued_at=2_000,
    settle_by=2_400,
)
GRACE = 100


def posted(at: int) -> Posted:
    return Posted(
        signer=RECEIPT.signer,
        first=0,
        size=9,
        root=bytes(32),
        posted_at=at,
        uri="",
        transaction=bytes(32),
        block=1,
        block_digest=bytes(32),
    )


@pytest.mark.parametrize(
    ("receipt", "record", "expected"),
    [
        ({}, {}, 2_500),
        ({"settle_by": 2_600}, {}, 2_700),
        ({"settle_by": 2_601}, {}, 2_700),
        ({"settle_by": 2**64 - 1}, {}, 2_700),
        ({"settle_by": 0}, {}, None),
        ({"issued_at": 999}, {}, None),
        ({"issued_at": 1_000}, {}, 1_700),
        ({"issued_at": 9_000}, {}, 2_500),
        ({"issued_at": 9_001}, {}, None),
        ({}, {"revoked_at": 2_000}, 2_500),
        ({}, {"revoked_at": 1_999}, None),
    ],
)
def test_due__as_the_court_has_it(receipt, record, expected):
    assert due(replace(RECEIPT, **receipt), replace(RECORD, **record), GRACE) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (2_000, "pending"), (2_299, "pending"), (2_300, "near"), (2_400, "near"),
        (2_401, "late"), (2_500, "late"), (2_501, "broken"),
    ],
)  # fmt: skip
def test_progress__unsettled__by_the_time(now, expected):
    assert progress(RECEIPT, 2_500, None, now) == expected


def test_progress__settled__by_when_it_was_posted():
    assert progress(RECEIPT, 2_500, posted(2_500), 9_999) == "settled"
    assert progress(RECEIPT, 2_500, posted(2_501), 9_999) == "settled-late"
    assert progress(RECEIPT, None, posted(2_501), 9_999) == "settled"
    assert progress(RECEIPT, None, None, 9_999) == "pending"


def test_claimable__to_the_windows_last_second():
    assert claimable(2_500, 50, 2_550) and not claimable(2_500, 50, 2_551)
