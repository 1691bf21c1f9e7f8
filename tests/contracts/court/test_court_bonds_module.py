"""The module that courts share, alone: another court takes for another reason."""

import ape
import pytest
from book import MAX_DELAY
from counterfoil.hashing.eip712 import word
from counterfoil.hashing.keccak import keccak
from docket import UNIT

CAP, NOTICE, LINGER = UNIT // 20, 500, 9_000
FAULT = 16


@pytest.fixture
def bonds(project, deployer, ledger, log, operator):
    bonds = deployer.deploy(project.BondsHarness, ledger, CAP, NOTICE, LINGER)
    bonds.make_bond(log, UNIT, sender=operator, value=3 * UNIT)
    return bonds


@pytest.fixture
def put(bonds, chain):
    """Write a word of the module's first mapping, as no number of proofs in a test could."""

    def put(log: str, value: int) -> None:
        evm = chain.provider.evm_backend.chain
        state = evm.get_vm().state
        slot = int.from_bytes(keccak(word(0) + bytes(12) + bytes.fromhex(log[2:])), "big")
        state.set_storage(bytes.fromhex(bonds.address[2:]), slot, value)
        state.persist()
        evm.header = evm.header.copy(state_root=state.state_root)
        chain.mine()

    return put


def test_take__another_courts_reason__marks_with_it(bonds, log, challenger, balance):
    transaction = bonds.take(log, 5, FAULT, sender=challenger)
    assert tuple(bonds.standing(log)) == (transaction.timestamp, FAULT, 1)
    assert bonds.bond(log).amount == balance(bonds.address) == 2 * UNIT
    assert transaction.events[-1].reward == CAP


def test_take__the_number_again__takes_again(bonds, log, challenger):
    """A court that uses it so sees to it itself."""
    for _ in range(2):
        bonds.take(log, 5, FAULT, sender=challenger)
    assert bonds.standing(log).count == 2
    assert bonds.bond(log).amount == UNIT


def test_take_once__the_number_again__reverts(bonds, log, challenger):
    bonds.take_once(log, 5, FAULT, sender=challenger)
    with ape.reverts("bond: offence already proved"):
        bonds.take_once(log, 5, 1, sender=challenger)
    bonds.take_once(log, 6, 1, sender=challenger)
    assert tuple(bonds.standing(log))[1:] == (FAULT, 2)
    assert bonds.bond(log).amount == UNIT


def test_withdrawable_after__has_the_courts_times(bonds, log, closes_at, operator):
    assert bonds.withdrawable_after(log) == closes_at + MAX_DELAY + LINGER
    bonds.ask_withdrawal(log, sender=operator)
    assert bonds.withdrawable_after(log) == closes_at + MAX_DELAY + LINGER


@pytest.mark.parametrize("open_cases", [1, 2])
def test_withdraw__until_every_case_is_closed__reverts(
    bonds, log, operator, challenger, at, open_cases
):
    bonds.ask_withdrawal(log, sender=operator)
    for _ in range(open_cases):
        bonds.hold(log, sender=challenger)
    at(bonds.withdrawable_after(log) + 1)
    for left in range(open_cases, 0, -1):
        assert bonds.bond(log).cases == left
        with ape.reverts("bond: case open"):
            bonds.withdraw(log, sender=operator)
        bonds.release(log, sender=challenger)
    bonds.withdraw(log, sender=operator)
    assert bonds.bond(log).amount == 0


def test_release__of_a_case__leaves_the_asked_time(bonds, log, operator, challenger):
    """Both lie in one word."""
    bonds.ask_withdrawal(log, sender=operator)
    before = tuple(bonds.bond(log))
    bonds.hold(log, sender=challenger)
    bonds.release(log, sender=challenger)
    assert tuple(bonds.bond(log)) == before


def test_standing__count_stops_at_its_last__and_touches_nothing_else(bonds, log, challenger, put):
    marked_at, most = 1_000_000, 2**16 - 1
    put(log, (3 * UNIT << 160) | (UNIT << 64) | (marked_at << 24) | (8 << 16) | (most - 1))
    assert tuple(bonds.standing(log)) == (marked_at, 8, most - 1)
    for number in range(3):
        bonds.take(log, number, FAULT, sender=challenger)
        assert tuple(bonds.standing(log)) == (marked_at, 8, most)
    assert tuple(bonds.bond(log))[:2] == (0, UNIT)
