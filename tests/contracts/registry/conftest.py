import pytest
from registry_values import MODEL, ZERO


@pytest.fixture(scope="session")
def registry(project, deployer):
    return project.ModelRegistry.deploy(sender=deployer)


@pytest.fixture
def publish(registry, publisher):
    """Publish a model; what is not said is valid."""

    def publish(
        *, model=MODEL, name="m", version="1", uri="", metadata=ZERO, program=ZERO, sender=publisher
    ):
        return registry.publish(model, name, version, uri, metadata, program, sender=sender)

    return publish
