"""The operator's side: summonses and demands are answered from the journal, by running again.

It keeps nothing that it needs: after a restart it finds the cases again. Two that answer at
once waste a transaction's gas, no more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from eth_account.signers.local import LocalAccount

from counterfoil import keys
from counterfoil.chain import (
    Call,
    Chain,
    FaultCourtClient,
    LogRecord,
    Prepared,
    RegistryClient,
    UnderWay,
    send_in,
    slot_after,
)
from counterfoil.chain.events import block_at
from counterfoil.chain.fault_events import OPENINGS
from counterfoil.config import Profile
from counterfoil.errors import (
    ChainError,
    CounterfoilError,
    NonceTaken,
    NotReplayable,
    OutOfFunds,
    Refused,
    Underpriced,
)
from counterfoil.hashing.types import Address, Digest, Seconds
from counterfoil.journal import Journal
from counterfoil.programs import Executor
from counterfoil.programs.container import program_in
from counterfoil.replay import Models

from .answers import reveals
from .docket import Docket
from .run import Run, run_of

REORG = 64
"""Blocks that a re-org may take: a summons may have moved to another, an end be no end."""

RELEASE_EVERY = 600.0
"""Seconds between two looks for runs that nobody can ask for any more."""

AFTER = Seconds(3600)
"""Seconds past the last moment of a summons in which a re-org may bring one back."""

RUNS = 8
"""Runs that are kept in memory, traces and trees: an open case asks several times."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class FaultAnswerer:
    """Answers for one log before one fault court: a duty of `settle`."""

    def __init__(
        self,
        journal: Journal,
        chain: Chain,
        court: FaultCourtClient,
        *,
        models: Models,
        profile: Profile,
        clock: Callable[[], float],
    ) -> None:
        self._journal = journal
        self._chain = chain
        self._court = court
        self._models = models
        self._profile = profile
        self._clock = clock
        self._next_block: int | None = None
        self._open: dict[Digest, int] = {}
        self._fallen: set[Digest] = set()
        self._sequences: dict[Digest, int] = {}
        self._runs: dict[Digest, Run] = {}
        self._under_way: dict[tuple[object, ...], UnderWay] = {}
        self._released = float("-inf")

    def step(
        self, record: LogRecord, payer: LocalAccount | None
    ) -> tuple[tuple[str, ...], list[str]]:
        """Answer what is open, end what is over, let go of what nobody can ask for.

        Returns:
            What was sent, and what is worth knowing, a line each.
        Raises:
            ChainError: no usable answer from the RPC.
        """
        self._look(record)
        sent: list[str] = []
        notes: list[str] = []
        for receipt in list(self._open):
            docket = Docket.of(
                receipt, self._court.events(from_block=self._open[receipt], receipt=receipt)
            )
            if docket.facts is None:  # a re-org took it
                self._close(receipt)
                self._sequences.pop(receipt, None)
                continue
            self._sequences[receipt] = docket.facts.sequence
            try:
                for key, what, call in self._due(docket, record):
                    why = self._send(key, call, self._sender(record, payer, what))
                    if why is None:
                        sent.append(what)
                    else:
                        notes.append(f"{what}: {why}")
            except ChainError:
                raise
            except CounterfoilError as error:  # no run, no model, no key: others are answered
                notes.append(self._urgent(docket, str(error)))
        self._release()
        for note in notes:
            log.warning("%s", note)
        return tuple(sent), notes

    def _look(self, record: LogRecord) -> None:
        if self._next_block is None:
            self._next_block = block_at(self._chain, record.opened_at)
        stop = self._chain.block_number()
        for event in self._court.events(
            signer=self._journal.signer,
            from_block=max(0, self._next_block - REORG),
            to_block=stop,
            names=OPENINGS,
        ):
            if event.receipt not in self._sequences:
                self._open[event.receipt] = event.block
        self._next_block = stop + 1

    def _due(
        self, docket: Docket, record: LogRecord
    ) -> Iterator[tuple[tuple[object, ...], str, Call]]:
        """What is to be sent for a case: a key that tells it, words, the call."""
        facts, receipt = docket.facts, docket.receipt
        assert facts is not None
        number = facts.sequence
        if docket.ended_in is not None:
            self._ended(docket, docket.ended_in)
            return
        self._fallen.discard(receipt)
        case = self._court.case_of(receipt)
        if case.state == "faulty":
            return  # it fell since its events were read
        if case.state == "final" and docket.answer is not None:
            call = self._court.finish_call(facts, docket.answer)
            yield (receipt, "finish"), f"the case of receipt {number} is ended", call
        elif docket.answer is None:
            run = self._run(docket)
            assert run.trace is not None
            root, signature = run.trace.tree.root, b""
            if run.claim is not None:
                log.error("receipt %d is not what its program gives: it will be lost", number)
            if not record.revoked_at:
                signature = self._journal.sign_trace(receipt, root, self._court.address)
            call = self._court.answer_call(facts, root, signature)
            yield (receipt, "answer"), f"the summons for receipt {number} is answered", call
        elif docket.open_demands():
            yield from self._reveals(docket)

    def _reveals(self, docket: Docket) -> Iterator[tuple[tuple[object, ...], str, Call]]:
        run, facts = self._run(docket), docket.facts
        assert facts is not None
        for each in reveals(self._court, run, docket.open_demands()):
            what = f"{len(each.places)} demanded {each.what} of receipt {facts.sequence} are given"
            yield (docket.receipt, *each.places), what, each.call

    def _run(self, docket: Docket) -> Run:
        """The receipt's run, again.

        Raises:
            NoSuchReceipt, NotReplayable, ModelNotFound: it cannot be run.
        """
        receipt, facts = docket.receipt, docket.facts
        assert facts is not None
        if receipt in self._runs:
            return self._runs[receipt]
        sealed = self._journal.get(facts.sequence)
        if sealed.digest != receipt:
            raise NotReplayable(
                "this journal has another receipt of that number: the key is in use elsewhere, "
                "or stolen"
            )
        opening = self._journal.for_court(facts.sequence)
        if opening is None:
            raise NotReplayable("the journal did not keep the run: it was sealed without a court")
        program = program_in(self._models.find(sealed.receipt.model).graph)
        if program is None or program.commitment.digest != sealed.receipt.runtime:
            raise NotReplayable("the model does not carry the receipt's program")
        run = run_of(Executor(program), opening)
        if run.trace is None:
            raise NotReplayable("the receipt's inputs are not the program's")
        while len(self._runs) >= RUNS:
            del self._runs[next(iter(self._runs))]
        self._runs[receipt] = run
        return run

    def _urgent(self, docket: Docket, why: str) -> str:
        facts = docket.facts
        assert facts is not None
        case = self._court.case_of(docket.receipt)
        due = facts.opened_at + case.answer_window
        waiting = docket.open_demands()
        if docket.answer is not None and waiting:
            due = waiting[0].deadline
        left = due - self._chain.now()
        return f"receipt {facts.sequence} is summoned, {left} s are left to answer: {why}"

    def _ended(self, docket: Docket, block: int) -> None:
        """Say that a case fell; let go of one whose end no re-org takes back any more."""
        if docket.fell is not None and docket.receipt not in self._fallen:
            number = self._sequences[docket.receipt]
            log.error("the case of receipt %d fell: a unit of the bond is lost", number)
            self._fallen.add(docket.receipt)
        if self._chain.block_number() - block >= REORG:
            self._close(docket.receipt)

    def _close(self, receipt: Digest) -> None:
        self._open.pop(receipt, None)
        self._runs.pop(receipt, None)

    def _release(self) -> None:
        """Let go of what was kept for the court, where its time is over."""
        if time.monotonic() - self._released < RELEASE_EVERY:
            return
        window = self._court.terms(self._journal.signer).summon_window
        before = Seconds(self._chain.now() - window - AFTER)
        if before > 0:
            self._journal.release(before, {self._sequences[r] for r in self._open})
        self._released = time.monotonic()

    # Sending

    def _sender(
        self, record: LogRecord, payer: LocalAccount | None, what: str
    ) -> LocalAccount | str:
        """Who sends: the payer; an answer after a revoke the operator, whose word it is."""
        if record.revoked_at and what.startswith("the summons"):
            if self._profile.operator is None:
                return "the key is revoked, so the operator must: set `operator` in the profile"
            return keys.account(self._profile.operator)
        return payer or "the profile names no payer to answer with"

    def _send(self, key: tuple[object, ...], call: Call, sender: LocalAccount | str) -> str | None:
        """Send one answer; or why none was sent."""
        if isinstance(sender, str):
            return sender
        now, last = self._clock(), self._under_way.get(key)
        slot = slot_after(self._chain, Address(sender.address), last, now)
        if slot is None:
            return "it waits for a block"

        def remember(made: Prepared) -> None:
            self._under_way[key] = UnderWay(transaction=made.digest, nonce=made.nonce, sent_at=now)

        try:
            send_in(slot, self._chain, call, sender, remember)
        except Refused as refusal:
            return f"not yet, as the court refuses it ({refusal.reason})"
        except (NonceTaken, Underpriced) as error:
            self._under_way.pop(key, None)
            return f"not yet ({error}); trying again"
        except OutOfFunds as error:  # another case's sender may have some
            return str(error)
        return None


def make_answerer(
    journal: Journal, chain: Chain, profile: Profile, clock: Callable[[], float]
) -> FaultAnswerer | None:
    """The duty of a log whose profile names a fault court, None: it names none.

    Raises:
        NoContract: what is at its address is no fault court of the ledger.
    """
    if profile.fault_court is None:
        return None
    court = FaultCourtClient(chain, profile.fault_court)
    court.require(journal.ledger)
    registry = None if profile.registry is None else RegistryClient(chain, profile.registry)
    models = Models(registry=registry, publishers=profile.publishers)
    return FaultAnswerer(journal, chain, court, models=models, profile=profile, clock=clock)
