import ape
import pytest
from eth_abi import encode
from eth_utils import keccak
from gate_answers import LABELS, bits


def test_init__label_past_the_last__reverts(deploy_gate):
    with ape.reverts("gate: no such label"):
        deploy_gate(label=LABELS)


@pytest.mark.parametrize("threshold", [float("inf"), float("nan"), -0.5])
def test_init__threshold_that_orders_nothing__reverts(deploy_gate, threshold):
    with ape.reverts("gate: threshold not a finite positive number"):
        deploy_gate(threshold=bits(threshold))


def test_place__numbers_orders_and_logs(gate, inputs, stranger):
    for nonce in (0, 1):
        tx = gate.place(inputs, sender=stranger)
        assert tx.events == [
            gate.OrderPlaced(nonce=nonce, request=gate.request(nonce), inputs=inputs)
        ]
        order = gate.order(nonce)
        assert (order.inputs, order.placedAt, order.fulfilled) == (inputs, tx.timestamp, False)


def test_order__never_placed__is_all_zero(gate):
    order = gate.order(0)
    assert (order.inputs, order.placedAt, order.fulfilled) == (bytes(32), 0, False)


def test_request__is_the_chain_the_gate_and_the_nonce(gate, chain):
    packed = encode(["uint256", "address", "uint256"], [chain.chain_id, gate.address, 7])
    assert gate.request(7) == keccak(packed)
