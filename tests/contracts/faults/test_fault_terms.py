"""`fault_terms` alone: floors, and a log's own terms from a second on."""

import ape
import pytest
from fault_docket import FLOORS

YEAR = 365 * 86_400
LONGER = (7_000, 1_200, 9_600)


@pytest.fixture
def deploy_terms(project, deployer, ledger):
    return lambda floors: deployer.deploy(project.FaultTermsHarness, ledger, floors)


@pytest.fixture
def fault_terms(deploy_terms):
    return deploy_terms(FLOORS)


@pytest.fixture
def fixed(fault_terms, stranger, deployer):
    """When a log got its own terms."""
    return fault_terms.fix(stranger, LONGER, sender=deployer).timestamp


def test_at__of_a_log_without_its_own__is_the_floors(fault_terms, stranger):
    for time in (0, 1, 2**64 - 1):
        assert tuple(fault_terms.at(stranger, time)) == FLOORS
    assert fault_terms.longer(stranger) == 0


def test_at__from_the_second_on__is_the_logs_own(fault_terms, fixed, stranger, challenger):
    for time in (0, fixed - 1):
        assert tuple(fault_terms.at(stranger, time)) == FLOORS
    for time in (fixed, fixed + 1, 2**64 - 1):
        assert tuple(fault_terms.at(stranger, time)) == LONGER
    assert fault_terms.longer(stranger) == LONGER[0] - FLOORS[0]
    assert tuple(fault_terms.at(challenger, fixed)) == FLOORS
    assert fault_terms.longer(challenger) == 0


@pytest.mark.parametrize("place", range(3))
def test_fix__a_second_under_the_floor__reverts(fault_terms, stranger, deployer, place):
    short = [*LONGER]
    short[place] = FLOORS[place] - 1
    with ape.reverts("terms: window under the floor"):
        fault_terms.fix(stranger, short, sender=deployer)
    assert tuple(fault_terms.at(stranger, 2**64 - 1)) == FLOORS


def test_fix__of_the_longest__is_kept_whole_and_no_longer(fault_terms, stranger, deployer):
    most = (YEAR, YEAR // 8, YEAR)
    for windows in ((YEAR + 1, *most[1:]), (*most[:2], YEAR + 1), (2**64 - 1, *most[1:])):
        with ape.reverts("terms: window over a year"):
            fault_terms.fix(stranger, windows, sender=deployer)
    fault_terms.fix(stranger, most, sender=deployer)
    assert tuple(fault_terms.at(stranger, 2**64 - 1)) == most
    assert fault_terms.longer(stranger) == YEAR - FLOORS[0]


def test_fix__of_a_case_window_of_eight_answers__is_the_least(fault_terms, stranger, deployer):
    for answer, case in ((1_200, 9_599), (1_201, 9_600), (2**64 - 1, 9_600), (2**61 + 1, 9_600)):
        with ape.reverts("terms: case window under eight answers"):
            fault_terms.fix(stranger, (5_000, answer, case), sender=deployer)
    fault_terms.fix(stranger, (5_000, 1_200, 9_607), sender=deployer)


def test_init__floors_that_are_not_sound__reverts(deploy_terms):
    for floors, reason in (
        ((5_000, 1_000, 7_999), "terms: case window under eight answers"),
        ((5_000, 1_000, YEAR + 1), "terms: window over a year"),
        ((YEAR + 1, 1_000, 9_000), "times: claim window over a year"),
        ((5_000, YEAR + 1, 9_000), "times: answer window over a year"),
        ((0, 1_000, 9_000), "times: no claim window"),
        ((5_000, 0, 9_000), "times: no answer window"),
    ):
        with ape.reverts(reason):
            deploy_terms(floors)
    assert tuple(deploy_terms((1, 1, 8)).at("0x" + "11" * 20, 5)) == (1, 1, 8)
