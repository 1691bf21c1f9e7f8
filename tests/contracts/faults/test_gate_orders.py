"""`gate_orders` alone: orders by number, each used up once."""

import ape
import pytest
from counterfoil.hashing.eip712 import address_word, word
from counterfoil.hashing.keccak import keccak

INPUTS = [bytes([n]) * 32 for n in range(3)]


@pytest.fixture
def gate_orders(project, deployer):
    return deployer.deploy(project.GateOrdersHarness)


def test_place__of_orders__are_numbered_from_zero(gate_orders, deployer):
    for nonce, inputs in enumerate(INPUTS):
        transaction = gate_orders.place(inputs, sender=deployer)
        (event,) = transaction.decode_logs(gate_orders.OrderPlaced)
        assert (event.nonce, bytes(event.inputs)) == (nonce, inputs)
        assert bytes(event.request) == gate_orders.request(nonce)
        assert tuple(gate_orders.order(nonce)) == (inputs, transaction.timestamp, False)


def test_request__of_a_number__is_of_this_chain_and_gate(gate_orders, project, deployer, chain_id):
    for nonce in (0, 1, 2**256 - 1):
        expected = keccak(word(chain_id) + address_word(gate_orders.address) + word(nonce))
        assert gate_orders.request(nonce) == expected
    other = deployer.deploy(project.GateOrdersHarness)
    assert other.request(0) != gate_orders.request(0)


def test_use_up__of_an_order__does_it_once(gate_orders, deployer):
    for inputs in INPUTS:
        gate_orders.place(inputs, sender=deployer)
    gate_orders.use_up(1, sender=deployer)
    assert [gate_orders.order(nonce).fulfilled for nonce in range(3)] == [False, True, False]
    with ape.reverts("gate: order already fulfilled"):
        gate_orders.use_up(1, sender=deployer)
    gate_orders.use_up(0, sender=deployer)


@pytest.mark.parametrize("nonce", [0, 1, 2**256 - 1])
def test_use_up__of_no_order__reverts(gate_orders, deployer, nonce):
    with ape.reverts("gate: no such order"):
        gate_orders.use_up(nonce, sender=deployer)
    assert tuple(gate_orders.order(nonce)) == (bytes(32), 0, False)
