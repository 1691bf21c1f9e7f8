import ape
from registry_values import MODEL, OTHER_MODEL


def test_deprecate__stores_the_time(registry, publisher, publish):
    publish(name="m", version="1")
    before = registry.record(publisher, MODEL)
    tx = registry.deprecate(MODEL, sender=publisher)
    after = registry.record(publisher, MODEL)
    assert after.deprecatedAt == tx.timestamp
    assert (after.name, after.publishedAt) == (before.name, before.publishedAt)


def test_deprecate__logs_all_of_it(registry, publisher, publish):
    publish()
    tx = registry.deprecate(MODEL, sender=publisher)
    assert tx.events == [
        registry.ModelDeprecated(publisher=publisher, model=MODEL, deprecatedAt=tx.timestamp)
    ]


def test_deprecate__newest__still_names_it(registry, publisher, publish):
    publish(version="1")
    publish(model=OTHER_MODEL, version="2")
    registry.deprecate(OTHER_MODEL, sender=publisher)
    assert registry.newest(publisher, "m") == OTHER_MODEL


def test_deprecate__not_published__reverts(registry, publisher):
    with ape.reverts("registry: not published"):
        registry.deprecate(MODEL, sender=publisher)
    assert registry.record(publisher, MODEL).deprecatedAt == 0


def test_deprecate__another_publishers_model__reverts(registry, publisher, stranger, publish):
    publish()
    with ape.reverts("registry: not published"):
        registry.deprecate(MODEL, sender=stranger)
    assert registry.record(publisher, MODEL).deprecatedAt == 0


def test_deprecate__already_deprecated__reverts(registry, publisher, publish, chain):
    publish()
    first = registry.deprecate(MODEL, sender=publisher).timestamp
    chain.mine(timestamp=first + 100)
    with ape.reverts("registry: already deprecated"):
        registry.deprecate(MODEL, sender=publisher)
    assert registry.record(publisher, MODEL).deprecatedAt == first
