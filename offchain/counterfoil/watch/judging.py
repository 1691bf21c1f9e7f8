"""What the receipts that are held say about a log, as the chain has it now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from counterfoil.chain import Chain, CourtClient, Posted
from counterfoil.formats.batch import batch_word
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt import Inclusion
from counterfoil.hashing import merkle
from counterfoil.hashing.types import Digest

from .claims import Case
from .following import Log
from .notices import Level, Notice
from .rules import claimable, due, progress
from .sources import Missing
from .store import Held, Store

PATIENCE = 600
"""Seconds after a batch was posted before a path that is not to be had is demanded."""


def word_of(batch: Posted) -> Digest:
    """The ledger's word of a batch."""
    return batch_word(batch.root, batch.size, batch.posted_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds: the ledger's grace, the court's claim window (0: no court), and now."""

    grace: int
    claim_window: int
    now: int

    @property
    def patience(self) -> int:
        """Seconds to wait for a batch file before its path is demanded."""
        return min(PATIENCE, self.claim_window // 4)


@dataclass(slots=True, kw_only=True)
class Findings:
    """What was found about one log.

    Attributes:
        inclusions: by digest, where receipts lie.
        near, broken: receipts.
        cases: what is to be proved.
    """

    inclusions: dict[Digest, tuple[Inclusion, Posted]] = field(default_factory=dict)
    settled: int = 0
    near: int = 0
    broken: int = 0
    notices: list[Notice] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)


class Judge:
    """Judges the receipts of one log at one look.

    Args:
        get: the file of a batch, or why there is none.
        held: the log's receipts, by number.
    """

    def __init__(
        self,
        chain: Chain,
        court: CourtClient | None,
        store: Store,
        *,
        get: Callable[[Posted], BatchFile | Missing],
        log: Log,
        held: Sequence[Held],
        times: Times,
    ) -> None:
        self._chain = chain
        self._court = court
        self._store = store
        self._get = get
        self._log = log
        self._held = held
        self._times = times
        self._out = Findings()
        self._files: dict[int, BatchFile | Missing] = {}
        self._words: list[tuple[Digest, Digest | None]] = []
        self._of_files: dict[Digest, list[Digest | None]] = {}
        for file in store.files():
            if file.digest is not None:
                self._of_files.setdefault(file.digest, []).append(file.word)

    def judge(self) -> Findings:
        """All findings; where receipts were found is kept in the store."""
        late: dict[int, Held] = {}
        for number, group in groupby(self._held, key=lambda h: h.receipt.sequence):
            same = list(group)
            if len(same) > 1:
                self._double(number, same)
            batch = self._log.covering(number)
            for held in same:
                if batch is not None:
                    self._place(held, batch)
                elif held.settled_word is not None:
                    self._words.append((held.digest, None))
                offence = self._promise(held, batch)
                if offence is not None:
                    late.setdefault(offence, held)
        if self._words:
            self._store.mark_settled(self._words)
        for number, held in late.items():
            self._late(number, held)
        return self._out

    # Where a receipt lies

    def _place(self, held: Held, batch: Posted) -> None:
        """Find a receipt in the batch that covers its number, or what is there instead."""
        word, number = word_of(batch), held.receipt.sequence
        words = self._of_files.get(held.digest, [])
        if held.settled_word == word and all(each == word for each in words):
            self._out.settled += 1
            self._fee_back(held, batch)
            return
        found = self.at(number, batch)
        own = merkle.leaf(held.digest)
        if found is None and word in words:
            self._words.append((held.digest, word))  # the file that came has its path
            self._out.settled += 1
        elif found is None:
            self._withheld(held, batch)
        elif found[0] == own:
            self._out.inclusions[held.digest] = (found[1], batch)
            self._out.settled += 1
            if held.settled_word != word:
                self._words.append((held.digest, word))
            self._fee_back(held, batch)
        else:
            self._conflict(held, batch, found)

    def at(self, number: int, batch: Posted) -> tuple[Digest, Inclusion] | None:
        """The leaf at a number and its path, from the batch's file or an answer."""
        if batch.first not in self._files:
            self._files[batch.first] = self._get(batch)
        file = self._files[batch.first]
        if isinstance(file, BatchFile):
            at = 32 * (number - batch.first)
            leaf = merkle.leaf(Digest(file.digests[at : at + 32]))
            return leaf, file.inclusion(number, batch.posted_at, batch.transaction)
        kept = self._store.given_path(batch.signer, number)
        if kept is None:
            kept = self._answered(number, batch)
        if kept is None or kept[1].root(kept[0], number) != batch.root:
            return None
        return kept

    def _answered(self, number: int, batch: Posted) -> tuple[Digest, Inclusion] | None:
        """The path that an answer gave out: the court has checked it, and it is looked at here."""
        if self._court is None or not self._court.demand_of(batch.signer, number).answered:
            return None
        events = self._court.events(
            batch.signer, from_block=batch.block, names=("PathGiven",), number=number
        )
        for event in events:
            leaf, inclusion = event.leaf, event.inclusion
            if inclusion.root(leaf, number) == batch.root:
                self._store.keep_path(batch.signer, number, leaf, inclusion)
                return leaf, inclusion
        return None

    # Promises

    def _promise(self, held: Held, batch: Posted | None) -> int | None:
        """Look at a receipt's promise; under which number it is provably late, if it is."""
        record, receipt, now = self._log.record, held.receipt, self._times.now
        if record is None:
            return None
        due_at = due(receipt, record, self._times.grace)
        how = progress(receipt, due_at, batch, now)
        if how in ("pending", "settled") or due_at is None:
            return None
        left = receipt.settle_by - now
        said: dict[str, tuple[Level, str]] = {
            "near": ("warning", f"its promise ends in {left} s and it is not settled"),
            "late": (
                "warning",
                f"its promised time is over since {-left} s; provable in {due_at - now} s",
            ),
            "broken": ("alarm", f"its promise is broken since {now - due_at} s"),
            "settled-late": ("alarm", "it was settled after it was due"),
        }
        level, text = said[how]
        self._say(how, receipt.sequence, level, f"receipt {receipt.sequence}: {text}")
        if how in ("near", "late"):
            self._out.near += 1
            return None
        self._out.broken += 1
        if not claimable(due_at, self._times.claim_window, now):
            return None
        return self._log.following if batch is None else batch.first

    # Offences

    def _late(self, number: int, held: Held) -> None:
        batch = self._log.covering(held.receipt.sequence)
        self._case("late", number, held, batch=batch)

    def _double(self, number: int, same: Sequence[Held]) -> None:
        self._out.broken += 1
        self._say("double-sign", number, "alarm", f"two receipts were signed under {number}")
        self._case("double-sign", number, same[0], other=same[1])

    def _conflict(self, held: Held, batch: Posted, found: tuple[Digest, Inclusion]) -> None:
        number = held.receipt.sequence
        self._out.broken += 1
        self._say("conflict", number, "alarm", f"another receipt is in the ledger at {number}")
        self._case("conflict", number, held, leaf=found[0], inclusion=found[1], batch=batch)

    def _withheld(self, held: Held, batch: Posted) -> None:
        """A batch covers the number, and nobody gives out the path."""
        number, now, times = held.receipt.sequence, self._times.now, self._times
        if self._court is None or now <= batch.posted_at + times.patience:
            return
        demand = self._court.demand_of(batch.signer, number)
        in_time = now <= batch.posted_at + times.claim_window
        if demand.deadline or in_time or self._court.proved(batch.signer, number):
            self._say("withheld", number, "alarm", f"the path of number {number} is not to be had")
            self._out.broken += 1
            self._case("withheld", number, held, batch=batch)

    def _fee_back(self, held: Held, batch: Posted) -> None:
        """The path came by another way after it was demanded here: answer one's own demand."""
        number = held.receipt.sequence
        mine = [
            claim
            for claim in self._store.claims("open")
            if (claim.kind, claim.signer, claim.sequence) == ("withheld", batch.signer, number)
        ]
        found = self.at(number, batch) if mine else None
        if found is not None:
            self._case("withheld", number, held, leaf=found[0], inclusion=found[1], batch=batch)

    def _case(self, kind: str, number: int, held: Held, **more: object) -> None:
        if self._court is None:
            return
        other = more.get("other")
        claim = self._store.claim(
            kind,  # type: ignore[arg-type]
            held.receipt.signer,
            held.receipt.sequence,
            held.digest,
            *([other.digest] if isinstance(other, Held) else []),
        )
        self._out.cases.append(
            Case(claim=claim, number=number, one=held, **more)  # type: ignore[arg-type]
        )

    def _say(self, kind: str, number: int, level: Level, text: str) -> None:
        self._out.notices.append(
            Notice(kind=kind, level=level, signer=self._log.signer, number=number, text=text)
        )
