"""The court's times: floors by the chain, ceilings everywhere."""

import ape
import pytest
from book import GRACE
from docket import ANSWER_WINDOW, CAP, CLAIM_WINDOW

YEAR = 365 * 86_400
SEPOLIA, LOCAL = 11_155_111, 31_337


@pytest.fixture(scope="session")
def times(project, deployer):
    return deployer.deploy(project.CourtTimesHarness)


def test_deploy__keeps_its_parameters(court, ledger):
    assert court.ledger() == ledger.address
    assert court.claim_window() == CLAIM_WINDOW
    assert court.answer_window() == ANSWER_WINDOW
    assert court.reward_cap() == CAP
    assert ledger.grace() == GRACE


def test_deploy__checks_its_times(deploy_court):
    with ape.reverts("times: no claim window"):
        deploy_court(claim=0)
    assert deploy_court(claim=1, answer=1).claim_window() == 1


def test_deploy__reward_cap_too_large__reverts(deploy_court):
    most = 2**96 // 20 - 1
    assert deploy_court(cap=most).reward_cap() == most
    with ape.reverts("bond: reward cap too large"):
        deploy_court(cap=most + 1)


@pytest.mark.parametrize("chain_id", [31_337, 1_337, 131_277_322_940_537])
def test_times__seconds_on_a_development_chain__pass(times, chain_id):
    times.require_sound(chain_id, 0, 1, 1)


@pytest.mark.parametrize("chain_id", [1, SEPOLIA, 8_453, 31_338, 0, 2**256 - 1])
def test_times__a_day_and_two_hours_on_a_public_chain__pass(times, chain_id):
    times.require_sound(chain_id, 7_200, 86_400, 86_400)
    times.require_sound(chain_id, 2**64 - 1, YEAR, YEAR)


def test_times__grace_under_two_hours_on_a_public_chain__reverts(times):
    with ape.reverts("times: grace under two hours"):
        times.require_sound(SEPOLIA, 7_199, 86_400, 86_400)


def test_times__claim_window_under_a_day_on_a_public_chain__reverts(times):
    with ape.reverts("times: claim window under a day"):
        times.require_sound(SEPOLIA, 7_200, 86_399, 86_400)


def test_times__answer_window_under_a_day_on_a_public_chain__reverts(times):
    with ape.reverts("times: answer window under a day"):
        times.require_sound(SEPOLIA, 7_200, 86_400, 86_399)


@pytest.mark.parametrize("chain_id", [SEPOLIA, LOCAL])
def test_times__no_claim_window__reverts(times, chain_id):
    with ape.reverts("times: no claim window"):
        times.require_sound(chain_id, 7_200, 0, 86_400)


@pytest.mark.parametrize("chain_id", [SEPOLIA, LOCAL])
def test_times__no_answer_window__reverts(times, chain_id):
    with ape.reverts("times: no answer window"):
        times.require_sound(chain_id, 7_200, 86_400, 0)


@pytest.mark.parametrize("chain_id", [SEPOLIA, LOCAL])
def test_times__claim_window_over_a_year__reverts(times, chain_id):
    with ape.reverts("times: claim window over a year"):
        times.require_sound(chain_id, 7_200, YEAR + 1, 86_400)


@pytest.mark.parametrize("chain_id", [SEPOLIA, LOCAL])
def test_times__answer_window_over_a_year__reverts(times, chain_id):
    with ape.reverts("times: answer window over a year"):
        times.require_sound(chain_id, 7_200, 86_400, YEAR + 1)
