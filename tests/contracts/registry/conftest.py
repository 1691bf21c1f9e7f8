import pytest
from registry_values import MODEL, ZERO


@pytest.fixture(scope="session")
def publisher(accounts):
    return accounts[3]


@pytest.fixture(scope="session")
def stranger(accounts):
    return accounts[4]


@pytest.fixture(scope="session")
def registry(project, accounts):
    return project.ModelRegistry.deploy(sender=accounts[0])


@pytest.fixture
def publish(registry, publisher):
    """Publish a model; what is not said is valid."""

    def publish(
        *, model=MODEL, name="m", version="1", uri="", metadata=ZERO, program=ZERO, sender=publisher
    ):
        return registry.publish(model, name, version, uri, metadata, program, sender=sender)

    return publish
