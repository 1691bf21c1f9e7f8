"""When to cut a batch, and when a promise is in danger."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.config import Profile
from counterfoil.hashing.types import Seconds
from counterfoil.journal import Pending, StoredBatch

from .settlement import Danger

CUT_AFTER = 3
"""A batch is cut when a third of its earliest promise's time is gone: two are left to post it."""

LONGEST_PAUSE = 60.0
"""Seconds between two tries while the chain is out of reach."""

TRIES = 16
"""However long nothing worked, the next try comes before this part of the time left is gone."""


def is_due(pending: Pending, profile: Profile, now: int) -> bool:
    """Whether the receipts that wait should be cut into a batch now.

    Args:
        now: Unix seconds.
    """
    if pending.count == 0 or pending.oldest_issued_at is None:
        return False
    oldest = pending.oldest_issued_at
    if pending.count >= profile.batch_size or now - oldest >= profile.batch_age:
        return True
    if pending.earliest_settle_by is None:
        return False
    # the oldest receipt need not be the one that promises, so this may cut a little early
    return now - oldest >= (pending.earliest_settle_by - oldest) // CUT_AFTER


def danger(
    pending: Pending,
    unposted: Sequence[StoredBatch],
    profile: Profile,
    now: int,
    max_delay: int | None = None,
) -> Danger | None:
    """The earliest promise that no posted batch keeps, once half of its time is gone.

    Args:
        max_delay: seconds, the log's, which bounds what the profile promises; None: not known.
    """
    promises = [batch.earliest_settle_by for batch in unposted]
    promises.append(pending.earliest_settle_by)
    known = [promise for promise in promises if promise]
    if not known:
        return None
    earliest = min(known)
    left = earliest - now
    span = profile.promise if max_delay is None else min(profile.promise, max_delay)
    if left > span // 2:
        return None
    return Danger(settle_by=Seconds(earliest), left=left)


def pause_after(failed: float, interval: float, left: int | None) -> float:
    """Seconds to the next try after one that failed.

    Args:
        failed: seconds before that one.
        left: seconds until the earliest promise is due, so that several tries come before it;
            None: there is none.
    """
    longest = LONGEST_PAUSE if left is None else min(LONGEST_PAUSE, left / TRIES)
    return max(interval, min(2 * failed, longest))
