"""The gate acts on the answer to its question, and on no other genuine answer."""

from dataclasses import replace

import ape
import numpy as np
import pytest
from counterfoil.formats.tensor import (
    ChunkOpening,
    TensorCommitment,
    TensorSet,
    chunk_leaf,
    salt,
    shape_hash,
)
from counterfoil.hashing.eip712 import text
from gate_answers import LABEL, LABELS, Settled, Signer, Tensor, bits, content, scores

DAY = 86_400


@pytest.fixture
def refuses(gate, order, inputs, fulfil, answer):
    """Assert that an answer is refuses for a reason, and leaves the order open."""

    def refuses(reason, settled, *, nonce=order):
        with ape.reverts(reason):
            fulfil(settled, nonce=nonce)
        assert not gate.approved(inputs)
        assert not gate.order(nonce).fulfilled

    return refuses


def outputs(value, **other):
    return [Tensor.of("target_label", scores(value, **other))]


def test_fulfil__high_probability__approves(gate, order, inputs, answer, fulfil):
    tx = fulfil(answer())
    assert gate.approved(inputs)
    assert gate.order(order).fulfilled
    assert not gate.approved(content(8))
    assert tx.events == [
        gate.OrderFulfilled(nonce=order, inputs=inputs, probability=bits(0.9), approved=True)
    ]


@pytest.mark.parametrize(
    ("value", "approved"),
    [
        (0.5, True),
        (np.nextafter(np.float32(0.5), np.float32(1)), True),
        (1.0, True),
        (np.finfo(np.float32).max, True),
        (np.nextafter(np.float32(0.5), np.float32(0)), False),
        (np.finfo(np.float32).smallest_subnormal, False),
        (0.0, False),
        (-0.0, False),
        (-0.9, False),
        (float("inf"), False),
        (float("-inf"), False),
        (float("nan"), False),
        (-float("nan"), False),
    ],
)
def test_fulfil__each_kind_of_float__only_from_the_threshold(
    gate, inputs, answer, fulfil, value, approved
):
    tx = fulfil(answer(outputs=outputs(value)))
    assert gate.approved(inputs) is approved
    (event,) = tx.events
    assert (event.probability, event.approved) == (bits(value), approved)


@pytest.mark.parametrize("label", [0, 63, 64, LABELS - 1])
def test_fulfil__a_label_at_a_chunks_edge__is_read_there(
    deploy_gate, inputs, log_key, stranger, label
):
    gate = deploy_gate(label=label)
    nonce = gate.place(inputs, sender=stranger).events[0].nonce
    settled = log_key.settle(
        request=gate.request(nonce),
        inputs=inputs,
        outputs=outputs(0.75, label=label),
        chunk=label * 4 // 256,
    )
    tx = gate.fulfil(nonce, *settled.abi(), sender=stranger)
    assert tx.events[0].probability == bits(0.75)


def test_fulfil__low_probability__uses_the_order_up(gate, inputs, answer, fulfil):
    fulfil(answer(outputs=outputs(0.1)))
    with ape.reverts("gate: order already fulfilled"):
        fulfil(answer(outputs=outputs(0.9)))
    assert not gate.approved(inputs)


def test_fulfil__the_same_receipt_again__reverts(answer, fulfil):
    settled = answer()
    fulfil(settled)
    with ape.reverts("gate: order already fulfilled"):
        fulfil(settled)


def test_fulfil__the_same_receipt_for_a_second_order__reverts(
    gate, order, inputs, answer, fulfil, stranger
):
    settled = answer()
    fulfil(settled)
    second = gate.place(inputs, sender=stranger).events[0].nonce
    with ape.reverts("gate: another request"):
        fulfil(settled, nonce=second)


def test_fulfil__no_such_order__reverts(gate, order, answer, refuses):
    refuses("gate: no such order", answer(request=gate.request(order + 1)), nonce=order + 1)


def test_fulfil__another_gates_request__reverts(deploy_gate, order, answer, refuses):
    refuses("gate: another request", answer(request=deploy_gate().request(order)))


def test_fulfil__no_request__reverts(answer, refuses):
    refuses("gate: another request", answer(request=bytes(32)))


def test_fulfil__other_content__reverts(answer, refuses):
    refuses("gate: other inputs", answer(inputs=content(8)))


def test_fulfil__another_model__reverts(answer, refuses):
    refuses("gate: another model", answer(model=bytes.fromhex("99" * 32)))


def test_fulfil__another_runtime__reverts(answer, refuses):
    refuses("gate: another runtime", answer(runtime=bytes.fromhex("99" * 32)))


def test_fulfil__another_operators_log__reverts(ledger, other_operator, chain, answer, refuses):
    refuses("gate: another operator", answer(by=Signer(ledger, other_operator, chain, 0xB22)))


def test_fulfil__posted_before_the_order__reverts(gate, log_key, inputs, stranger, chain):
    foreseen = log_key.settle(request=gate.request(0), inputs=inputs, outputs=outputs(0.9))
    chain.mine(timestamp=chain.pending_timestamp + 10)
    nonce = gate.place(inputs, sender=stranger).events[0].nonce
    assert nonce == 0
    with ape.reverts("gate: posted before the order"):
        gate.fulfil(nonce, *foreseen.abi(), sender=stranger)
    assert not gate.approved(inputs)


def test_fulfil__a_day_after_posting__still_approves(gate, inputs, answer, fulfil, chain):
    settled = answer()
    chain.pending_timestamp = settled.inclusion.posted_at + DAY
    fulfil(settled)
    assert gate.approved(inputs)


def test_fulfil__stale__reverts(answer, refuses, chain):
    settled = answer()
    chain.mine(timestamp=settled.inclusion.posted_at + DAY + 60)
    refuses("gate: posted too long ago", settled)


def test_fulfil__a_later_time_claimed__reverts(answer, refuses, chain):
    settled = answer()
    chain.mine(timestamp=settled.inclusion.posted_at + DAY + 60)
    later = replace(settled.inclusion, posted_at=settled.inclusion.posted_at + 300)
    refuses("ledger: not in the batch", replace(settled, inclusion=later))


def test_fulfil__model_deprecated_before_posting__reverts(
    gate_registry, publisher, answer, refuses, chain
):
    gate_registry.deprecate(answer().receipt.model, sender=publisher)
    chain.mine(timestamp=chain.pending_timestamp + 10)
    refuses("gate: model not active", answer())


def test_fulfil__model_deprecated_after_posting__approves(
    gate, gate_registry, inputs, publisher, answer, fulfil, chain
):
    settled = answer()
    chain.mine(timestamp=chain.pending_timestamp + 10)
    gate_registry.deprecate(settled.receipt.model, sender=publisher)
    fulfil(settled)
    assert gate.approved(inputs)


def test_fulfil__another_tensor__reverts(answer, refuses):
    pair = [*outputs(0.1), Tensor.of("embedding", scores(0.9))]
    refuses("gate: another tensor", answer(outputs=pair, position=1))


def test_fulfil__the_right_tensor_of_two__approves(gate, inputs, answer, fulfil):
    pair = [Tensor.of("embedding", scores(0.1)), *outputs(0.9)]
    fulfil(answer(outputs=pair, position=1))
    assert gate.approved(inputs)


def test_fulfil__another_dtype__reverts(answer, refuses):
    integers = scores(0.9).view("<i4")
    refuses("gate: another dtype", answer(outputs=[Tensor.of("target_label", integers)]))


@pytest.mark.parametrize("shape", [(LABELS,), (LABELS, 1), (1, 1, LABELS), (2, LABELS // 2)])
def test_fulfil__another_shape__reverts(answer, refuses, shape):
    reshaped = Tensor.of("target_label", scores(0.9).reshape(shape))
    refuses("gate: another shape", answer(outputs=[reshaped]))


def test_fulfil__a_row_of_several__reverts(answer, refuses):
    rows = np.concatenate([scores(0.1), scores(0.9)])
    refuses("gate: another shape", answer(outputs=[Tensor.of("target_label", rows)]))


def test_fulfil__another_length__reverts(log_key, gate, order, inputs, refuses):
    # A signer can commit to what no honest library makes: a shape without its bytes.
    data, master = np.full(LABEL + 1, 0.9, "<f4").tobytes()[:256], bytes(32)
    only = salt(master, 0, 0)
    leaf = chunk_leaf(only, data)
    tensor = TensorCommitment(
        name="target_label", dtype=1, shape=(1, LABELS), byte_length=256, chunks=leaf
    )
    settled = log_key.settle(
        request=gate.request(order), inputs=inputs, outputs=TensorSet(tensors=(tensor,))
    )
    opening = ChunkOpening(
        count=1, position=0, name_hash=text("target_label"), dtype=1,
        shape_hash=shape_hash((1, LABELS)), byte_length=256, set_path=(), index=0,
        salt=only, data=data, chunk_path=(),
    )  # fmt: skip
    assert opening.set_digest() == settled.receipt.outputs
    refuses("gate: another length", replace(settled, opening=opening))


def test_fulfil__another_chunk__reverts(answer, refuses):
    # The first chunk holds a high value at the label's offset in its own chunk.
    there = LABEL % 64
    refuses("gate: another chunk", answer(outputs=outputs(0.9, label=there), chunk=0))


def test_fulfil__another_chunk_called_the_right_one__reverts(answer, refuses):
    settled = answer(outputs=outputs(0.9, label=LABEL % 64), chunk=0)
    moved = replace(settled.opening, index=LABEL * 4 // 256)
    refuses("opening: not under the digest", replace(settled, opening=moved))


def test_fulfil__a_changed_value__reverts(answer, refuses):
    settled = answer(outputs=outputs(0.1))
    data = bytearray(settled.opening.data)
    at = LABEL * 4 % 256
    data[at : at + 4] = np.float32(0.9).tobytes()
    changed = replace(settled.opening, data=bytes(data))
    refuses("opening: not under the digest", replace(settled, opening=changed))


def test_fulfil__another_receipts_opening__reverts(answer, refuses):
    liked = answer(request=bytes(32))
    refuses(
        "opening: not under the digest",
        replace(answer(outputs=outputs(0.1)), opening=liked.opening),
    )


def test_fulfil__a_receipt_never_settled__reverts(log_key, answer, refuses):
    settled = answer()
    forged = replace(settled.receipt, sequence=settled.receipt.sequence - 1)
    refuses("ledger: not in the batch", Settled(forged, settled.inclusion, settled.opening))
