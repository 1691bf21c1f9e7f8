"""When a batch is due and when a promise is in danger, on plain numbers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from counterfoil.journal import Pending
from counterfoil.settle.timing import danger, is_due, pause_after

PROFILE = SimpleNamespace(batch_size=10, batch_age=300, promise=600)
NOW = 1_700_000_000


def pending(count: int = 1, age: int = 0, settle_by: int | None = None) -> Pending:
    return Pending(
        first=0,
        count=count,
        oldest_issued_at=NOW - age if count else None,
        earliest_settle_by=settle_by,
    )


@pytest.mark.parametrize(
    ("waiting", "due"),
    [
        (pending(count=0), False),
        (pending(count=9), False),
        (pending(count=10), True),
        (pending(age=299), False),
        (pending(age=300), True),
        (pending(age=199, settle_by=NOW + 401), False),
        (pending(age=200, settle_by=NOW + 400), True),
        (pending(age=25, settle_by=NOW + 35), True),
        (pending(age=19, settle_by=NOW + 41), False),
        (pending(age=5, settle_by=NOW - 1), True),
    ],
)
def test_is_due__count_age_promise(waiting, due):
    assert is_due(waiting, PROFILE, NOW) is due


@pytest.mark.parametrize(
    ("settle_by", "left"),
    [(None, None), (NOW + 301, None), (NOW + 300, 300), (NOW, 0), (NOW - 5, -5)],
)
def test_danger__half_of_the_promise_gone__said(settle_by, left):
    found = danger(pending(settle_by=settle_by), [], PROFILE, NOW)
    assert (None if found is None else found.left) == left


def test_danger__cut_and_not_posted__the_earliest_counts():
    unposted = [SimpleNamespace(earliest_settle_by=t) for t in (None, NOW + 50, NOW + 90)]
    found = danger(pending(settle_by=NOW + 200), unposted, PROFILE, NOW)
    assert found is not None and found.left == 50
    assert "due in 50 s" in str(found)


def test_danger__late__called_broken():
    assert "broken since 7 s" in str(danger(pending(settle_by=NOW - 7), [], PROFILE, NOW))


@pytest.mark.parametrize(("left", "said"), [(51, False), (50, True)])
def test_danger__max_delay_under_the_profile_s_promise__half_of_that(left, said):
    found = danger(pending(settle_by=NOW + left), [], PROFILE, NOW, 100)
    assert (found is not None) is said


@pytest.mark.parametrize(
    ("failed", "left", "pause"),
    [
        (1, None, 2),
        (50, None, 60),
        (50, 3600, 60),
        (50, 160, 10),
        (1, 160, 2),
        (50, 3, 0.5),
        (50, -7, 0.5),
    ],
)
def test_pause_after__the_nearer_the_promise_the_shorter(failed, left, pause):
    assert pause_after(failed, 0.5, left) == pause
