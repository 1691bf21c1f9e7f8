"""When a journal may seal, at what time, and what it may promise (docs/format.md §6 and §12)."""

from __future__ import annotations

from typing import Final, NamedTuple

from counterfoil.config import EMBEDDED_CHAIN_ID, LOCAL_CHAIN_ID, Durability, Profile
from counterfoil.errors import (
    ClockWrong,
    CounterfoilError,
    JournalCopied,
    JournalRetired,
    KeyElsewhere,
    PromiseInDanger,
    RestoredBackup,
    SealingRefused,
    UncleanBoot,
)
from counterfoil.formats.receipt import CLOCK_TOLERANCE
from counterfoil.hashing.types import Seconds

EARLIEST: Final = 1_577_836_800
LATEST: Final = 4_102_444_800
"""2020 and 2100: a clock outside is not set."""

CONTACT: Final = Seconds(900)
"""Seconds for which a look at the chain counts as the chain in reach."""

DEVELOPMENT: Final = frozenset({LOCAL_CHAIN_ID, EMBEDDED_CHAIN_ID})
"""Chains whose clock may stand or be set, so that it says nothing about the machine's."""

DANGER: Final = 4
"""No promise is made while the earliest that is not kept has less than a quarter of the time left
that promises have. The settler cuts at a third of the time gone, and warns at the half.
"""


class Standing(NamedTuple):
    """The columns of a journal's row that decide whether and how it seals."""

    halted: str | None
    retired_at: int | None
    dirty_boot: str | None
    contact_at: int | None
    chain_time: int | None
    opened_at: int | None
    closes_at: int | None
    revoked_at: int | None
    max_delay: int | None


class Halt(Exception):
    """The journal must not seal any more; `reason` is to be written down."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotMarked(Exception):
    """The boot is not written down yet, and must be before sealing at less than full."""


_NEW_LOG = "run `counterfoil key rotate` for a new log; this one can still be settled"

_REFUSALS: Final[dict[str, tuple[type[SealingRefused], str]]] = {
    "restored": (
        RestoredBackup,
        "the journal holds less than its log has sealed, so it was restored from a backup",
    ),
    "unclean": (
        UncleanBoot,
        "the machine went down while the journal was not durable, so its tail may be lost",
    ),
    "copied": (
        JournalCopied,
        "the journal's database is a copy, and the original may go on sealing",
    ),
    "elsewhere": (
        KeyElsewhere,
        "the log's key is on another machine, which seals: this one settles and verifies",
    ),
    "retired": (
        JournalRetired,
        "the log was rotated: open the journal anew to seal into the new one",
    ),
}


def refusal(reason: str) -> CounterfoilError:
    """The error for a reason of `halted`, or `retired`."""
    kind, text = _REFUSALS[reason]
    said = reason in ("retired", "elsewhere")
    return kind(text if said else f"{text}: {_NEW_LOG}")


def may_seal(
    standing: Standing, boot: str | None, normal: bool, marked: int, following: int
) -> None:
    """Whether the journal may seal now.

    Args:
        boot: this boot's name, None: unknown.
        normal: sealing would not survive a power cut.
        marked: what the mark beside the key has as the next number.
        following: what the journal has.
    Raises:
        SealingRefused: it may not, which is written down already.
        Halt: it may not, which is to be written down.
        NotMarked: it may once this boot is written down.
    """
    if standing.halted is not None:
        raise refusal(standing.halted)
    if standing.retired_at is not None:
        raise refusal("retired")
    if standing.dirty_boot is not None and standing.dirty_boot != boot:
        raise Halt("unclean")
    if marked > following:
        raise Halt("restored")
    if normal and standing.dirty_boot is None:
        raise NotMarked


def durability(profile: Profile) -> Durability:
    """What a profile's journal is held to: less than `full` for the local chain alone.

    A log on a chain that others use makes promises which a power cut must not break, so there
    `normal` is taken for `full`. So it is in PostgreSQL: less than full would lose receipts to a
    crash of the server's programs, which no boot tells.
    """
    if not profile.journal.startswith("sqlite"):
        return "full"
    return profile.durability if profile.chain_id == LOCAL_CHAIN_ID else "full"


def span(promised: Seconds, max_delay: int | None) -> int:
    """Seconds that a promise of this log has.

    Args:
        promised: what the profile says; `max_delay` bounds it, None: no log is known.
    """
    return promised if max_delay is None else min(promised, max_delay)


def check_promises(earliest: Seconds | None, now: float, span: int) -> None:
    """Whether the earliest promise leaves room to make another.

    Args:
        earliest: that no posted batch keeps; None: there is none.
        now: Unix time, the machine's or the chain's, whichever is later.
    Raises:
        PromiseInDanger: it does not.
    """
    if earliest is None:
        return
    left = int(earliest - now)
    if left < span // DANGER or left <= 0:
        due = f"is due in {left} s" if left > 0 else f"was due {-left} s ago"
        raise PromiseInDanger(
            f"the earliest promise {due} and is not posted, so no other is made: look at what "
            "keeps `counterfoil settle` from posting; sealing goes on by itself once it has"
        )


class Contact:
    """What the chain's clock should say now, from the last look at it and the time since then.

    The time since then is the machine's monotonic one: its clock may be what is wrong.
    """

    __slots__ = ("_age", "_at", "_since")

    def __init__(self) -> None:
        self._at: int | None = None
        self._age = 0.0
        self._since = 0.0

    def expected(
        self, contact_at: int | None, chain_time: int | None, clock: float, monotonic: float
    ) -> int | None:
        """Unix time; None where the chain was not looked at for `CONTACT` seconds.

        Args:
            contact_at, chain_time: the journal's, of the last look.
            clock: Unix time as the machine has it.
            monotonic: seconds of a clock that nobody sets.
        """
        if contact_at is None or chain_time is None:
            return None
        if contact_at != self._at:
            self._at, self._age, self._since = contact_at, abs(clock - contact_at), monotonic
        age = self._age + monotonic - self._since
        return int(chain_time + age) if age <= CONTACT else None


def issue_time(
    clock: float, last: int, chain_time: int | None, expected: int | None = None
) -> Seconds:
    """`issuedAt` of the next receipt: never before the last one's.

    Args:
        clock: Unix time as the machine has it.
        last: `issuedAt` of the last receipt, 0: none.
        chain_time: the chain's clock at the last look.
        expected: what it should say now, None: unknown, or a development chain's, which stands.
    Raises:
        ClockWrong: outside 2020 … 2100, or over 300 s behind the last receipt or the chain, or
            over 300 s ahead of the chain.
    """
    now = int(clock)
    if not EARLIEST <= now < LATEST:
        raise ClockWrong(f"the machine's clock says {now}, which is no time of ours: set it")
    if now + CLOCK_TOLERANCE < last:
        raise ClockWrong(
            f"the machine's clock is {last - now} s behind the last receipt's time: set it, or, if "
            "that receipt's time is the wrong one, run `counterfoil key rotate` for a new log"
        )
    if expected is not None and now > expected + CLOCK_TOLERANCE:
        raise ClockWrong(
            f"the machine's clock is {now - expected} s ahead of the chain's: set it, or use a "
            "node that is in sync"
        )
    if chain_time is not None and now + CLOCK_TOLERANCE < chain_time:
        raise ClockWrong(f"the machine's clock is {chain_time - now} s behind the chain's: set it")
    return Seconds(max(now, last))


def promise(standing: Standing, issued_at: Seconds, clock: float, span: Seconds) -> Seconds:
    """`settleBy`: 0 unless the log is open as far as is known, and the chain in reach.

    A promise is kept by the chain's clock. Where the machine's was behind it at the last look,
    the promise is later by as much, or 0 where `maxDelay` leaves too little of it.

    Args:
        span: seconds that the profile promises; the log's `maxDelay` bounds it.
    """
    s = standing
    if not span or s.contact_at is None:
        return Seconds(0)
    if s.opened_at is None or s.closes_at is None or s.max_delay is None or s.revoked_at:
        return Seconds(0)
    # A close takes effect after maxDelay's notice: a look older than that may have missed it.
    fresh = min(CONTACT, s.max_delay)
    if not -fresh <= clock - s.contact_at <= fresh:
        return Seconds(0)
    if not s.opened_at <= issued_at < s.closes_at:
        return Seconds(0)
    there = issued_at
    if s.chain_time is not None:
        there = Seconds(max(issued_at, s.chain_time + max(0, int(clock - s.contact_at))))
    longest = min(span, s.max_delay)
    settle_by = min(there + longest, issued_at + s.max_delay)
    return Seconds(settle_by if settle_by - there >= longest // 2 else 0)
