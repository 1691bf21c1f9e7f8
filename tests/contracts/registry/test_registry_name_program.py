import ape
from registry_values import METADATA, MODEL, PROGRAM, ZERO


def test_name_program__stores_it(registry, publisher, publish):
    publish()
    registry.name_program(MODEL, PROGRAM, sender=publisher)
    assert registry.record(publisher, MODEL).program == PROGRAM


def test_name_program__logs_all_of_it(registry, publisher, publish):
    publish()
    tx = registry.name_program(MODEL, PROGRAM, sender=publisher)
    assert tx.events == [registry.ProgramNamed(publisher=publisher, model=MODEL, program=PROGRAM)]


def test_name_program__of_a_deprecated_model__stores_it(registry, publisher, publish):
    publish()
    registry.deprecate(MODEL, sender=publisher)
    registry.name_program(MODEL, PROGRAM, sender=publisher)
    assert registry.record(publisher, MODEL).program == PROGRAM


def test_name_program__not_published__reverts(registry, publisher):
    with ape.reverts("registry: not published"):
        registry.name_program(MODEL, PROGRAM, sender=publisher)
    assert registry.record(publisher, MODEL).program == ZERO


def test_name_program__another_publishers_model__reverts(registry, publisher, stranger, publish):
    publish()
    with ape.reverts("registry: not published"):
        registry.name_program(MODEL, PROGRAM, sender=stranger)
    assert registry.record(publisher, MODEL).program == ZERO


def test_name_program__program_zero__reverts(registry, publisher, publish):
    publish()
    with ape.reverts("registry: program zero"):
        registry.name_program(MODEL, ZERO, sender=publisher)
    assert registry.record(publisher, MODEL).program == ZERO


def test_name_program__already_named__reverts(registry, publisher, publish):
    publish()
    registry.name_program(MODEL, PROGRAM, sender=publisher)
    with ape.reverts("registry: program already named"):
        registry.name_program(MODEL, METADATA, sender=publisher)
    assert registry.record(publisher, MODEL).program == PROGRAM


def test_name_program__named_at_publishing__reverts(registry, publisher, publish):
    publish(program=PROGRAM)
    with ape.reverts("registry: program already named"):
        registry.name_program(MODEL, PROGRAM, sender=publisher)
    assert registry.record(publisher, MODEL).program == PROGRAM
