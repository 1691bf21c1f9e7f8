"""The example asks a court whether the log was clean when the batch was posted."""

from dataclasses import replace

import ape
import pytest
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import sign


@pytest.fixture(scope="session")
def gate_court(project, deployer, ledger):
    return project.PromiseCourt.deploy(ledger, 1_000, 1_000, 0, sender=deployer)


@pytest.fixture
def gate(deploy_gate, gate_court):
    return deploy_gate(court=gate_court)


@pytest.fixture
def catch(gate_court, log_key, challenger):
    """Prove that the key of a settled answer signed another under its number."""

    def catch(settled):
        receipts = settled.receipt, replace(settled.receipt, outputs=bytes(32))
        shown = []
        for receipt in receipts:
            digest = receipt.digest(log_key.chain.chain_id, log_key.ledger.address)
            shown += [receipt.abi(), sign(digest, log_key.key)]
        salt = keccak(b"salt")
        evidence = gate_court.evidence_of_two(*shown)
        gate_court.commit(gate_court.commitment(challenger, evidence, salt), sender=challenger)
        gate_court.prove_double_sign(*shown, salt, sender=challenger)

    return catch


def test_fulfil__clean_log__approves(gate, answer, fulfil, inputs):
    fulfil(answer())
    assert gate.approved(inputs)


def test_fulfil__caught_after_posting__approves(gate, answer, catch, fulfil, inputs):
    """What was good when it was posted stays good."""
    settled = answer()
    catch(settled)
    fulfil(settled)
    assert gate.approved(inputs)


def test_fulfil__caught_before_posting__reverts(gate, order, inputs, answer, catch, fulfil):
    catch(answer(request=bytes(32)))
    settled = answer()
    with ape.reverts("gate: log caught before posting"):
        fulfil(settled)
    assert not gate.approved(inputs)
    assert not gate.order(order).fulfilled


def test_deploy__court_of_another_ledger__reverts(project, deployer, deploy_gate):
    elsewhere = project.ReceiptLedger.deploy(3_600, sender=deployer)
    court = project.PromiseCourt.deploy(elsewhere, 1_000, 1_000, 0, sender=deployer)
    with ape.reverts("gate: court of another ledger"):
        deploy_gate(court=court)


def test_fulfil__too_little_at_stake__reverts(
    deploy_gate, gate_court, log_key, operator, inputs, answer, fulfil
):
    """The gate of `answer` is another: only what both ask of a receipt is the same."""
    gate_court.make_bond(log_key.address, 7, sender=operator, value=99)
    gate = deploy_gate(court=gate_court, stake=100)
    nonce = gate.place(inputs, sender=operator).events[0].nonce
    settled = answer(request=gate.request(nonce))
    with ape.reverts("gate: too little at stake"):
        fulfil(settled, gate=gate, nonce=nonce)
    gate_court.add_bond(log_key.address, sender=operator, value=1)
    fulfil(settled, gate=gate, nonce=nonce)
    assert gate.approved(inputs)
