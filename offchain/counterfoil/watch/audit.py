"""A log's whole history, checked again from the chain's events and the published batch files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from counterfoil.chain import Chain, CourtClient, CourtEvent, LedgerClient, LogRecord, Posted
from counterfoil.chain.bonds import offence_name
from counterfoil.chain.events import block_at
from counterfoil.errors import LogNeverOpened
from counterfoil.formats.batch import batch_word
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import ZERO, Address, Digest

from .rules import due
from .sources import Missing, Sources

State = Literal["final", "posted", "no path", "late", "conflict", "unsettled", "broken"]
"""`no path`: settled, and the batch's file is not to be had. `late`, `conflict`, `broken`: as a
receipt file that was given, or an offence that was proved, shows."""

WORSE: tuple[State, ...] = ("late", "conflict", "broken")

LISTED = 2**20
"""Receipts of a batch without a file that are listed one by one, at most: a batch may say that it
has 2^32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedBatch:
    """One batch and what its file says.

    Attributes:
        problem: empty: event, word and file agree.
    """

    posted: Posted
    file: BatchFile | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedReceipt:
    """One receipt: its number, its digest where it is known, and how it stands."""

    sequence: int
    digest: Digest | None
    state: State
    first: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found.

    Attributes:
        problems: what is wrong, a sentence each; empty: nothing is.
        judged: what receipt files that were given show of their numbers.
        deep: the newest block that is deep enough.
        offences: number and name of each that the court counted.
        open_demands: numbers whose path is demanded.
    """

    signer: Address
    record: LogRecord
    batches: tuple[AuditedBatch, ...]
    judged: dict[int, tuple[State, Digest]]
    deep: int
    offences: tuple[tuple[int, str], ...]
    open_demands: tuple[int, ...]
    problems: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Receipts by state: a batch of any size is counted at once."""
        counts: Counter[str] = Counter()
        for batch in self.batches:
            counts[self._state(batch)] += batch.posted.size
        for number, (state, _) in self.judged.items():
            batch_ = next((b for b in self.batches if _covers(b.posted, number)), None)
            if batch_ is None:
                counts[state] += 1
            elif state in WORSE:
                counts[self._state(batch_)] -= 1
                counts[state] += 1
        return {state: count for state, count in counts.items() if count}

    def receipts(self) -> Iterator[AuditedReceipt]:
        """Every receipt in order; of a batch without a file at most `LISTED`."""
        for batch in self.batches:
            posted, file = batch.posted, batch.file
            for place in range(posted.size if file is not None else min(posted.size, LISTED)):
                number = posted.first + place
                shown, digest = self.judged.get(number, (None, None))
                if file is not None:
                    digest = Digest(file.digests[32 * place : 32 * place + 32])
                state = shown if shown in WORSE else self._state(batch)
                yield AuditedReceipt(
                    sequence=number, digest=digest, state=state, first=posted.first
                )
        for number, (state, digest) in sorted(self.judged.items()):
            if not any(_covers(b.posted, number) for b in self.batches):
                yield AuditedReceipt(sequence=number, digest=digest, state=state, first=None)

    def _state(self, batch: AuditedBatch) -> State:
        if batch.file is None:
            return "no path"
        return "final" if batch.posted.block <= self.deep else "posted"


def audit(
    chain: Chain,
    ledger: LedgerClient,
    signer: Address,
    sources: Sources,
    *,
    court: CourtClient | None = None,
    from_block: int | None = None,
    confirmations: int = 1,
    given: Sequence[ReceiptFile] = (),
    progress: Callable[[], None] = lambda: None,
) -> Audit:
    """Check a log again.

    Args:
        from_block: where to begin; None: where the log was opened. What was posted before is
            not looked at, and said.
        given: receipt files, whose promises are held against when their batches came.
        progress: called for each batch.
    Raises:
        LogNeverOpened: there is no such log.
    """
    record = ledger.log_record(signer)
    if record is None:
        raise LogNeverOpened(f"{signer} never opened a log on this ledger")
    posted = sorted(ledger.batches(signer, from_block=from_block), key=lambda b: b.first)
    posted = [each for each in posted if each.first < record.next_sequence]
    problems = list(_gaps(posted, record, whole=from_block is None))
    batches = []
    for each in posted:
        batches.append(_batch(ledger, each, sources))
        progress()
    problems += [f"batch at {b.posted.first}: {b.problem}" for b in batches if b.problem]
    start = block_at(chain, record.opened_at) if from_block is None else from_block
    events = [] if court is None else list(court.events(signer, from_block=max(0, start - 64)))
    offences = tuple(
        (e.number, offence_name(int(e.fields["reason"])))
        for e in events
        if e.name == "OffenceProved"
    )
    problems += [f"the court counted an offence at {n}: {name}" for n, name in offences]
    demands = tuple(_open(court, events, signer))
    problems += [f"the path of number {n} is demanded, and not answered yet" for n in demands]
    judged = _given(given, chain, ledger, record, batches)
    problems += [f"receipt {n}: {state}" for n, (state, _) in sorted(judged.items())
                 if state in WORSE]  # fmt: skip
    return Audit(
        signer=signer,
        record=record,
        batches=tuple(batches),
        judged=judged,
        deep=chain.block_number() - confirmations + 1,
        offences=offences,
        open_demands=demands,
        problems=tuple(problems),
    )


def _gaps(posted: Sequence[Posted], record: LogRecord, *, whole: bool) -> Iterator[str]:
    """Numbers that no event covers."""
    following = 0 if whole or not posted else posted[0].first
    for each in posted:
        if each.first != following:
            yield f"no event covers numbers {following} to {each.first - 1}"
        following = each.first + each.size
    if following != record.next_sequence and (whole or posted):
        yield f"no event covers numbers {following} to {record.next_sequence - 1}"


def _batch(ledger: LedgerClient, posted: Posted, sources: Sources) -> AuditedBatch:
    word = ledger.batch_word(posted.signer, posted.first)
    if word == ZERO or word != batch_word(posted.root, posted.size, posted.posted_at):
        return AuditedBatch(posted=posted, file=None, problem="event and ledger's word differ")
    file = sources.get(posted)
    if isinstance(file, Missing):
        return AuditedBatch(posted=posted, file=None, problem=f"no file ({file})")
    return AuditedBatch(posted=posted, file=file)


def _open(
    court: CourtClient | None, events: Sequence[CourtEvent], signer: Address
) -> Iterator[int]:
    if court is None:
        return
    for number in dict.fromkeys(e.number for e in events if e.name == "PathDemanded"):
        if court.demand_of(signer, number).deadline:
            yield number


def _given(
    given: Sequence[ReceiptFile],
    chain: Chain,
    ledger: LedgerClient,
    record: LogRecord,
    batches: Sequence[AuditedBatch],
) -> dict[int, tuple[State, Digest]]:
    """What receipt files show of their numbers; nothing where their signature is not the log's."""
    grace, now = ledger.grace(), chain.next_time()
    out: dict[int, tuple[State, Digest]] = {}
    for file in given:
        receipt = file.receipt
        due_at = due(receipt, record, grace)
        holding = [b for b in batches if _covers(b.posted, receipt.sequence)]
        state: State = "unsettled"
        if holding:
            posted, held = holding[0].posted, holding[0].file
            late = due_at is not None and posted.posted_at > due_at
            state = "late" if late else "posted"
            if held is not None:
                at = 32 * (receipt.sequence - posted.first)
                if held.digests[at : at + 32] != file.digest:
                    state = "conflict"
        elif due_at is not None and now > due_at:
            state = "broken"
        worse = out.get(receipt.sequence, ("posted", file.digest))[0] in ("posted", "unsettled")
        if worse:
            out[receipt.sequence] = (state, file.digest)
    return out


def _covers(posted: Posted, number: int) -> bool:
    return posted.first <= number < posted.first + posted.size
