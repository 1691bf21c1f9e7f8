"""The fault court's functions (IFaultCourt.vyi) in our words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from counterfoil.errors import Refused
from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.hashing.eip712 import word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Address, Digest, Seconds, Signature

from . import fault_events
from .bonds import BondsClient
from .contract import Call, Contract
from .deployment import FAULT_CLERK, FAULT_COURT, ROW_JUDGE, STEP_JUDGE
from .fault_events import FaultEvent
from .fault_values import (
    STATES,
    Answer,
    Facts,
    Fault,
    FaultCase,
    FaultDemand,
    FaultTerms,
    Node,
    Sets,
    Summons,
    TensorShown,
)

REVEALS = 4
"""Answers that go in one transaction. Source: IFaultCourt.vyi."""

NOT_OPEN = "demand: not open"
"""What the court says of a demand that was answered, or whose fee went back."""


def fault_evidence(receipt: Digest, kind: Fault, place: int, element: int) -> Digest:
    """The evidence hash of a proof: keccak(abi.encode(receipt, kind, place, element))."""
    return keccak(receipt + word(kind) + word(place) + word(element))


class FaultCourtClient(BondsClient):
    """One fault court on one chain. Who sends is challenger, answerer, or neither."""

    artefact = FAULT_COURT
    field = "fault_court"

    # Views

    def case_of(self, receipt: Digest, *, block: int | None = None) -> FaultCase:
        """Where a receipt's case stands; `state` is empty where there is none."""
        state, demands, closes_at, stake, asserted, answer, case = self.contract.read(
            "case_of", receipt, block=block
        )
        return FaultCase(
            state=STATES[state.bit_length() - 1] if state else "",
            open_demands=demands,
            closes_at=Seconds(closes_at),
            stake=stake,
            asserted=asserted,
            answer_window=Seconds(answer),
            case_window=Seconds(case),
        )

    def is_final(self, receipt: Receipt, inclusion: Inclusion) -> bool:
        """Whether a settled receipt's case is final, or nobody summoned it in time."""
        return bool(self.contract.read("is_final", receipt.abi(), inclusion.abi()))

    def terms(self, signer: Address) -> FaultTerms:
        """A log's times, for receipts that are posted now."""
        summon, answer, case = self.contract.read("terms", signer)
        return FaultTerms(
            summon_window=Seconds(summon), answer_window=Seconds(answer), case_window=Seconds(case)
        )

    def least_summons_fee(self, signer: Address) -> int:
        """Wei that a summons pays at least, at the newest block's base fee."""
        return int(self.contract.read("least_summons_fee", signer))

    def least_demand_fee(self, *, row: bool) -> int:
        """Wei that a demand pays at least; of a row's bytes, or of nodes."""
        return int(self.contract.read("least_demand_fee", row))

    def was_refunded(self, demand: FaultDemand) -> bool:
        """Of a demand whose case fell: whether its fee went back already."""
        try:
            self.contract.read("refund", demand.abi())
        except Refused as refused:
            # Any other reason is a node's that lags behind: the fee is still there.
            return refused.reason == NOT_OPEN
        return False

    @cached_property
    def clerk(self) -> Contract:
        """Who takes summonses, assertions and demands, and enters them with the court."""
        return Contract(self.chain, FAULT_CLERK, Address(self.contract.read("clerk")))

    @cached_property
    def step_judge(self) -> Contract:
        """The judge of steps."""
        return Contract(self.chain, STEP_JUDGE, Address(self.contract.read("step_judge")))

    @cached_property
    def row_judge(self) -> Contract:
        """The judge of links, rows and tensors."""
        return Contract(self.chain, ROW_JUDGE, Address(self.contract.read("row_judge")))

    # Events

    def events(
        self,
        *,
        from_block: int,
        to_block: int | None = None,
        receipt: Digest | None = None,
        signer: Address | None = None,
        names: Sequence[str] = fault_events.NAMES,
    ) -> Iterator[FaultEvent]:
        """What happened to a case, or to a log's, the oldest first."""
        stop = self.chain.block_number() if to_block is None else to_block
        return fault_events.read(
            self.contract, start=from_block, stop=stop, receipt=receipt, signer=signer, names=names
        )

    # What transactions send

    def make_bond_with_terms_call(
        self, signer: Address, unit: int, amount: int, terms: FaultTerms
    ) -> Call:
        """To make a log's bond, with terms of its own, by its operator."""
        call = self.contract.call("make_bond_with_terms", signer, unit, terms.abi())
        return replace(call, value=amount)

    def summon_call(self, shown: Summons, fee: int) -> Call:
        """To summon a log for a receipt, by whoever can open it."""
        return replace(self.clerk.call("summon", self.address, *shown.abi()), value=fee)

    def assert_call(self, shown: Summons, trace: Digest, signature: Signature, bond: int) -> Call:
        """To assert a receipt, with a bond of its own."""
        call = self.clerk.call("assert_receipt", self.address, *shown.abi(), trace, signature)
        return replace(call, value=bond)

    def answer_call(self, facts: Facts, trace: Digest, signature: bytes) -> Call:
        """To answer a summons; with an empty signature by the operator of a revoked log."""
        return self.contract.call("answer", facts.abi(), trace, signature)

    def time_out_summons_call(self, facts: Facts) -> Call:
        """To close a summons that nobody answered."""
        return self.contract.call("time_out_summons", facts.abi())

    def demand_rows_call(self, facts: Facts, answer: Answer, node: Node, fee: int) -> Call:
        """To demand what is below a node of the trace, or a row."""
        call = self.clerk.call("demand_rows", self.address, facts.abi(), answer.abi(), node.abi())
        return replace(call, value=fee)

    def demand_tensors_call(
        self, facts: Facts, answer: Answer, *, sets: Sets, side: int, node: Node, fee: int
    ) -> Call:
        """To demand what is below a node of a set's tree, or a tensor."""
        call = self.clerk.call(
            "demand_tensors", self.address, facts.abi(), answer.abi(), sets.abi(), side, node.abi()
        )
        return replace(call, value=fee)

    def demand_chunks_call(
        self,
        facts: Facts,
        answer: Answer,
        *,
        sets: Sets,
        place: tuple[int, int],
        tensor: tuple[TensorShown, Sequence[Digest]],
        node: Node,
        fee: int,
    ) -> Call:
        """To demand what is below a node of a tensor's chunks.

        Args:
            place: side and position of the tensor.
            tensor: itself, and its path in the set.
        """
        call = self.clerk.call(
            "demand_chunks", self.address, facts.abi(), answer.abi(), sets.abi(), *place,
            tensor[0].abi(), list(tensor[1]), node.abi(),
        )  # fmt: skip
        return replace(call, value=fee)

    def reveal_nodes_call(self, reveals: Sequence[tuple[FaultDemand, Sequence[Digest]]]) -> Call:
        """To answer demands with the hashes below their nodes; at most `REVEALS`."""
        return self._reveal("reveal_nodes", [(d.abi(), b"".join(hashes)) for d, hashes in reveals])

    def reveal_rows_call(self, reveals: Sequence[tuple[FaultDemand, bytes]]) -> Call:
        """To answer demands with rows of the trace; at most `REVEALS`."""
        return self._reveal("reveal_rows", [(d.abi(), row) for d, row in reveals])

    def reveal_tensors_call(self, reveals: Sequence[tuple[FaultDemand, TensorShown]]) -> Call:
        """To answer demands with tensors; at most `REVEALS`."""
        return self._reveal("reveal_tensors", [(d.abi(), t.abi()) for d, t in reveals])

    def time_out_demand_call(self, facts: Facts, answer: Answer, demand: FaultDemand) -> Call:
        """To close a demand that nobody answered."""
        return self.contract.call("time_out_demand", facts.abi(), answer.abi(), demand.abi())

    def refund_call(self, demand: FaultDemand) -> Call:
        """To have a demand's fee back after its case fell."""
        return self.contract.call("refund", demand.abi())

    def finish_call(self, facts: Facts, answer: Answer) -> Call:
        """To end a final case: the bonds are free again."""
        return self.contract.call("finish", facts.abi(), answer.abi())

    def _reveal(self, function: str, reveals: Sequence[Any]) -> Call:
        return self.contract.call(function, list(reveals))
