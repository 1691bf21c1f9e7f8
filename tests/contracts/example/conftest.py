import pytest
from gate_answers import LABEL, MODEL, RUNTIME, Signer, Tensor, bits, content, scores

HALF = bits(0.5)
NO_COURT = "0x" + "00" * 20


@pytest.fixture(scope="session")
def gate_registry(project, deployer, publisher):
    registry = project.ModelRegistry.deploy(sender=deployer)
    registry.publish(MODEL, "magika", "3.3", "", bytes(32), bytes(32), sender=publisher)
    return registry


@pytest.fixture(scope="session")
def deploy_gate(project, deployer, ledger, gate_registry, operator, publisher):
    """Deploy a gate; what is not said is valid."""

    def deploy(*, label=LABEL, threshold=HALF, court=NO_COURT, stake=0):
        return project.ContentGate.deploy(
            ledger, gate_registry, operator, publisher, MODEL, RUNTIME, label, threshold, court,
            stake, sender=deployer,
        )  # fmt: skip

    return deploy


@pytest.fixture(scope="session")
def gate(deploy_gate):
    return deploy_gate()


@pytest.fixture
def log_key(ledger, operator, chain):
    return Signer(ledger, operator, chain, 0xA11)


@pytest.fixture
def inputs():
    return content(7)


@pytest.fixture
def order(gate, inputs, stranger, chain):
    """The nonce of an order for a check of `inputs`."""
    nonce = gate.place(inputs, sender=stranger).events[0].nonce
    chain.mine(timestamp=chain.pending_timestamp + 10)
    return nonce


@pytest.fixture
def answer(gate, log_key, order, inputs):
    """Settle an answer to the order; what is not said answers it with 0.9."""

    def answer(*, by=log_key, outputs=None, **other):
        other.setdefault("request", gate.request(order))
        other.setdefault("inputs", inputs)
        return by.settle(outputs=outputs or [Tensor.of("target_label", scores(0.9))], **other)

    return answer


@pytest.fixture
def fulfil(gate, order, stranger):
    """Bring an answer to the order, as anybody may."""

    def fulfil(settled, *, nonce=order, gate=gate):
        return gate.fulfil(nonce, *settled.abi(), sender=stranger)

    return fulfil
