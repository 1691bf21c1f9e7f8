from registry_values import MODEL, OTHER_MODEL, ZERO


def test_record__never_published__is_all_zero(registry, publisher):
    record = registry.record(publisher, MODEL)
    assert (record.name, record.version, record.uri) == ("", "", "")
    assert (record.metadata, record.program) == (ZERO, ZERO)
    assert (record.publishedAt, record.deprecatedAt) == (0, 0)


def test_active_at__never_published__is_false(registry, publisher):
    for time in (0, 1, 2**64 - 1):
        assert not registry.active_at(publisher, MODEL, time)


def test_active_at__published__from_that_second_on(registry, publisher, publish):
    published = publish().timestamp
    assert not registry.active_at(publisher, MODEL, 0)
    assert not registry.active_at(publisher, MODEL, published - 1)
    assert registry.active_at(publisher, MODEL, published)
    assert registry.active_at(publisher, MODEL, 2**64 - 1)


def test_active_at__deprecated__until_that_second(registry, publisher, publish, chain):
    published = publish().timestamp
    chain.mine(timestamp=published + 1000)
    deprecated = registry.deprecate(MODEL, sender=publisher).timestamp
    assert deprecated > published
    assert registry.active_at(publisher, MODEL, published)
    assert registry.active_at(publisher, MODEL, deprecated - 1)
    assert not registry.active_at(publisher, MODEL, deprecated)
    assert not registry.active_at(publisher, MODEL, 2**64 - 1)


def test_active_at__another_publishers_model__is_false(registry, stranger, publish):
    published = publish().timestamp
    assert not registry.active_at(stranger, MODEL, published)


def test_newest__no_such_name__is_zero(registry, publisher, publish):
    publish(name="m")
    assert registry.newest(publisher, "") == ZERO
    assert registry.newest(publisher, "M") == ZERO
    assert registry.newest(publisher, "m" * 1024) == ZERO


def test_newest__two_names__do_not_meet(registry, publisher, publish):
    publish(name="m")
    publish(model=OTHER_MODEL, name="other")
    assert registry.newest(publisher, "m") == MODEL
    assert registry.newest(publisher, "other") == OTHER_MODEL


def test_newest__another_publisher__is_zero(registry, stranger, publish):
    publish(name="m")
    assert registry.newest(stranger, "m") == ZERO
