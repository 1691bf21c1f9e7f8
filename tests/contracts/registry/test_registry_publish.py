import ape
import pytest
from registry_values import METADATA, MODEL, OTHER_MODEL, PROGRAM, ZERO


def assert_unpublished(registry, publisher, model=MODEL, name="m"):
    assert registry.record(publisher, model).publishedAt == 0
    assert registry.newest(publisher, name) == ZERO


def test_publish__stores_the_whole_record(registry, publisher, publish):
    tx = publish(name="magika", version="3.3", uri="ipfs://x", metadata=METADATA, program=PROGRAM)
    record = registry.record(publisher, MODEL)
    assert (record.name, record.version, record.uri) == ("magika", "3.3", "ipfs://x")
    assert (record.metadata, record.program) == (METADATA, PROGRAM)
    assert (record.publishedAt, record.deprecatedAt) == (tx.timestamp, 0)


def test_publish__logs_all_of_it(registry, publisher, publish):
    tx = publish(name="magika", version="3.3", uri="ipfs://x", metadata=METADATA, program=PROGRAM)
    assert tx.events == [
        registry.ModelPublished(
            publisher=publisher,
            model=MODEL,
            name="magika",
            version="3.3",
            uri="ipfs://x",
            metadata=METADATA,
            program=PROGRAM,
            publishedAt=tx.timestamp,
        )
    ]


def test_publish__longest_strings__are_kept(registry, publisher, publish):
    publish(name="n" * 64, version="v" * 32, uri="u" * 256)
    record = registry.record(publisher, MODEL)
    assert (record.name, record.version, record.uri) == ("n" * 64, "v" * 32, "u" * 256)


def test_publish__empty_version_and_uri__are_kept(registry, publisher, publish):
    publish(version="", uri="")
    assert registry.record(publisher, MODEL).version == ""
    assert registry.record(publisher, MODEL).uri == ""


def test_publish__second_of_a_name__becomes_the_newest(registry, publisher, publish):
    publish(version="1")
    publish(model=OTHER_MODEL, version="2")
    assert registry.newest(publisher, "m") == OTHER_MODEL
    assert registry.record(publisher, MODEL).version == "1"


def test_publish__two_publishers__do_not_meet(registry, publisher, stranger, publish):
    publish(name="m", version="theirs", sender=stranger)
    publish(name="m", version="ours")
    assert registry.record(publisher, MODEL).version == "ours"
    assert registry.record(stranger, MODEL).version == "theirs"


def test_publish__model_zero__reverts(registry, publisher, publish):
    with ape.reverts("registry: model zero"):
        publish(model=ZERO)
    assert_unpublished(registry, publisher, ZERO)


def test_publish__name_empty__reverts(registry, publisher, publish):
    with ape.reverts("registry: name empty"):
        publish(name="")
    assert_unpublished(registry, publisher, name="")


@pytest.mark.parametrize("length", [65, 1024])
def test_publish__name_too_long__reverts(registry, publisher, publish, length):
    with ape.reverts("registry: name too long"):
        publish(name="n" * length)
    assert_unpublished(registry, publisher, name="n" * length)


def test_publish__name_of_two_byte_letters__is_measured_in_bytes(registry, publisher, publish):
    with ape.reverts("registry: name too long"):
        publish(name="é" * 33)
    assert_unpublished(registry, publisher, name="é" * 33)


@pytest.mark.parametrize("length", [33, 1024])
def test_publish__version_too_long__reverts(registry, publisher, publish, length):
    with ape.reverts("registry: version too long"):
        publish(version="v" * length)
    assert_unpublished(registry, publisher)


@pytest.mark.parametrize("length", [257, 1024])
def test_publish__uri_too_long__reverts(registry, publisher, publish, length):
    with ape.reverts("registry: uri too long"):
        publish(uri="u" * length)
    assert_unpublished(registry, publisher)


def test_publish__past_the_abi_bound__reverts(registry, publisher, publish):
    with ape.reverts():  # the decoder's own check, which has no reason
        publish(uri="u" * 1025)
    assert_unpublished(registry, publisher)


def test_publish__already_published__reverts(registry, publisher, publish):
    publish(name="first")
    with ape.reverts("registry: already published"):
        publish(name="second")
    assert registry.record(publisher, MODEL).name == "first"
    assert registry.newest(publisher, "second") == ZERO


def test_publish__already_published_and_deprecated__reverts(registry, publisher, publish):
    publish()
    registry.deprecate(MODEL, sender=publisher)
    before = registry.record(publisher, MODEL)
    with ape.reverts("registry: already published"):
        publish()
    assert registry.record(publisher, MODEL) == before
