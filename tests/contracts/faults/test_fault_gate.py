"""The example that waits until a case is final."""

from dataclasses import replace

import ape
import numpy as np
import pytest
from counterfoil.formats.tensor import PUBLIC_MASTER, Tensor, open_chunk
from counterfoil.hashing.keccak import keccak
from fault_docket import CAP, Run

LABEL = 6
STAKE = 20 * CAP
WINDOW = 30 * 86_400


@pytest.fixture
def answered() -> Run:
    """A run whose output is one int64, on public inputs."""
    run = Run.of(rows=70, tensors=1, chunks=1)
    output = Tensor.of("label", np.array([LABEL], "<i8"))
    return replace(run, outputs=[output], masters=(PUBLIC_MASTER, keccak(b"outputs' master")))


@pytest.fixture
def final_gate(project, deployer, fault_court, operator, answered):
    return deployer.deploy(
        project.FinalGate, fault_court, STAKE, operator, answered.program.digest, "label", LABEL
    )


@pytest.fixture
def nonce(final_gate, answered, stranger) -> int:
    final_gate.place(answered.set(0).digest, sender=stranger)
    return 0


@pytest.fixture
def settled(docket, final_gate, nonce, answered):
    return docket.settle(answered, request=final_gate.request(nonce))


@pytest.fixture
def final(docket, settled, answered, chain, fault_court):
    """An assertion of the answer that is final."""
    case = docket.assert_receipt(answered, settled)
    chain.mine(timestamp=fault_court.case_of(case.receipt).closesAt + 1)
    return case


@pytest.fixture
def fulfil(final_gate, nonce, stranger):
    def fulfil(settled, run, nonce=nonce, position=0):
        opening = open_chunk(run.outputs, run.masters[1], position, 0)
        receipt, inclusion = settled.proof(settled.batch.first + 1)
        return final_gate.fulfil(nonce, receipt, inclusion, opening.abi(), sender=stranger)

    return fulfil


def test_fulfil__final_case__approves_once(final_gate, fulfil, final, settled, answered, nonce):
    inputs = answered.set(0).digest
    assert not final_gate.approved(inputs)
    transaction = fulfil(settled, answered)
    assert (
        final_gate.AnswerUsed(nonce=nonce, inputs=inputs, label=LABEL, approved=True)
        in transaction.events
    )
    assert final_gate.approved(inputs)
    assert final_gate.order(nonce).fulfilled
    with ape.reverts("gate: order already fulfilled"):
        fulfil(settled, answered)
    with ape.reverts("gate: no such order"):
        fulfil(settled, answered, nonce=1)


def test_fulfil__no_case_or_an_open_one__reverts(
    final_gate, fulfil, docket, settled, answered, chain, fault_court, nonce
):
    with ape.reverts("final: case not final"):
        fulfil(settled, answered)
    docket.assert_receipt(answered, settled)
    with ape.reverts("final: case not final"):
        fulfil(settled, answered)
    assert not final_gate.order(nonce).fulfilled


def test_fulfil__silence__is_no_case(final_gate, fulfil, settled, answered, chain, fault_court):
    """Nobody summoned, so `is_final` is true; the gate still refuses."""
    chain.mine(timestamp=settled.posted_at + 10_000)
    assert fault_court.is_final(*settled.proof(settled.batch.first + 1))
    with ape.reverts("final: case not final"):
        fulfil(settled, answered)


def test_fulfil__fallen_case__reverts(fulfil, docket, settled, answered, chain):
    case = docket.assert_receipt(answered, settled)
    docket.convict(case)
    chain.mine(timestamp=case.transaction.timestamp + 20_000)
    with ape.reverts("final: case not final"):
        fulfil(settled, answered)


def test_fulfil__summoned_case__has_too_little_at_stake(
    fulfil, docket, settled, answered, chain, fault_court
):
    case = docket.summon(answered, settled)
    docket.answer(case)
    chain.mine(timestamp=fault_court.case_of(case.receipt).closesAt + 1)
    with ape.reverts("final: too little at stake"):
        fulfil(settled, answered)


def test_fulfil__another_label__uses_the_order_up(
    final_gate, fulfil, docket, answered, nonce, chain, fault_court
):
    other = replace(answered, outputs=[Tensor.of("label", np.array([-LABEL], "<i8"))])
    settled = docket.settle(other, request=final_gate.request(nonce))
    case = docket.assert_receipt(other, settled)
    chain.mine(timestamp=fault_court.case_of(case.receipt).closesAt + 1)
    fulfil(settled, other)
    assert final_gate.order(nonce).fulfilled
    assert not final_gate.approved(answered.set(0).digest)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"request": b"\1" * 32}, "final: another request"),
        ({"inputs": b"\1" * 32}, "final: other inputs"),
        ({"runtime": b"\1" * 32}, "final: another program"),
    ],
)
def test_fulfil__another_receipt__reverts(
    final_gate, fulfil, docket, answered, nonce, change, reason
):
    settled = docket.settle(answered, **({"request": final_gate.request(nonce)} | change))
    with ape.reverts(reason):
        fulfil(settled, answered)


def test_fulfil__another_operator__reverts(
    project, deployer, fault_court, docket, answered, stranger
):
    final_gate = deployer.deploy(
        project.FinalGate, fault_court, STAKE, stranger, answered.program.digest, "label", LABEL
    )
    final_gate.place(answered.set(0).digest, sender=stranger)
    settled = docket.settle(answered, request=final_gate.request(0))
    opening = open_chunk(answered.outputs, answered.masters[1], 0, 0)
    with ape.reverts("final: another operator"):
        final_gate.fulfil(
            0, *settled.proof(settled.batch.first + 1), opening.abi(), sender=stranger
        )


def test_fulfil__posted_before_the_order_or_long_ago__reverts(
    final_gate, fulfil, docket, answered, stranger, chain, settled
):
    early = docket.settle(answered, request=final_gate.request(1))
    chain.mine(timestamp=early.posted_at + 10)
    final_gate.place(answered.set(0).digest, sender=stranger)
    with ape.reverts("final: posted before the order"):
        fulfil(early, answered, nonce=1)
    chain.mine(timestamp=settled.posted_at + WINDOW + 1)
    with ape.reverts("final: posted too long ago"):
        fulfil(settled, answered)


@pytest.mark.parametrize(
    ("outputs", "position", "reason"),
    [
        ([("label", "<i8"), ("label", "<i8")], 1, "final: another tensor"),
        ([("other", "<i8")], 0, "final: another output"),
        ([("label", "<f8")], 0, "final: another output"),
        ([("label", "<i4")], 0, "final: another output"),
    ],
)
def test_fulfil__another_output__reverts(
    final_gate, fulfil, docket, answered, nonce, chain, fault_court, outputs, position, reason
):
    made = [Tensor.of(name, np.array([LABEL], dtype)) for name, dtype in outputs]
    other = replace(answered, outputs=made)
    settled = docket.settle(other, request=final_gate.request(nonce))
    case = docket.assert_receipt(other, settled)
    chain.mine(timestamp=fault_court.case_of(case.receipt).closesAt + 1)
    with ape.reverts(reason):
        fulfil(settled, other, position=position)
