"""Commitments: announced before they are shown, used once, never made younger."""

import ape
import pytest
from counterfoil.hashing.keccak import keccak
from docket import SALT

EVIDENCE = keccak(b"evidence")


@pytest.fixture(scope="session")
def commitments(project, deployer):
    return deployer.deploy(project.CommitmentsHarness)


@pytest.fixture
def mine(commitments, challenger):
    """The challenger's commitment, made."""
    commitment = commitments.of(challenger, EVIDENCE, SALT)
    commitments.commit(commitment, sender=challenger)
    return commitment


def test_commit__keeps_the_block_and_logs_it(court, docket, challenger):
    transaction = docket.commit(EVIDENCE)
    commitment = docket.commitment(challenger, EVIDENCE)
    assert court.committed_at(commitment) == transaction.block_number
    assert transaction.events == [court.EvidenceCommitted(commitment=commitment)]


def test_commitment__is_what_python_computes(court, docket, challenger, stranger):
    found = court.commitment(challenger, EVIDENCE, SALT)
    assert found == docket.commitment(challenger, EVIDENCE)
    assert found != court.commitment(stranger, EVIDENCE, SALT)


def test_commitment__of_another_court__differs(court, deploy_court, challenger):
    other = deploy_court()
    of = (challenger, EVIDENCE, SALT)
    assert other.commitment(*of) != court.commitment(*of)


def test_evidence__is_what_python_computes(court, docket, bonded):
    one, other = docket.promised(3), docket.promised(3, settle_by=0)
    assert court.evidence(*docket.shown(one)) == docket.evidence(one)
    assert court.evidence_of_two(*docket.shown(one), *docket.shown(other)) == keccak(
        docket.evidence(one) + docket.evidence(other)
    )


def test_commit__again__reverts_and_stays_as_old(court, docket, challenger, stranger):
    docket.commit(EVIDENCE)
    commitment = docket.commitment(challenger, EVIDENCE)
    made = court.committed_at(commitment)
    with ape.reverts("commitment: already made"):
        court.commit(commitment, sender=stranger)
    assert court.committed_at(commitment) == made


def test_open__a_block_later__uses_it_up(commitments, mine, challenger):
    commitments.open(EVIDENCE, SALT, sender=challenger)
    assert commitments.committed_at(mine) == 0
    with ape.reverts("commitment: never made"):
        commitments.open(EVIDENCE, SALT, sender=challenger)


def test_open__in_the_same_block__reverts(commitments, challenger):
    with ape.reverts("commitment: not a block old"):
        commitments.commit_and_open(EVIDENCE, SALT, sender=challenger)


def test_open__somebody_elses__reverts(commitments, mine, stranger):
    with ape.reverts("commitment: never made"):
        commitments.open(EVIDENCE, SALT, sender=stranger)
    assert commitments.committed_at(mine) != 0


@pytest.mark.parametrize("shown", [(keccak(b"else"), SALT), (EVIDENCE, keccak(b"pepper"))])
def test_open__other_evidence_or_salt__reverts(commitments, mine, challenger, shown):
    with ape.reverts("commitment: never made"):
        commitments.open(*shown, sender=challenger)


def test_prove__copied_from_the_pool__reverts(court, docket, promised, due, at, stranger, denied):
    """Who sees a proof on its way has no commitment, and gets none that is old enough."""
    docket.commit_to(promised)
    at(due(promised) + 1)
    with denied("commitment: never made"):
        docket.late_unsettled(promised, sender=stranger, commit=False)
    docket.late_unsettled(promised, commit=False)


def test_prove__committed_in_the_same_block__reverts(
    court, docket, promised, due, at, payee, stranger, denied
):
    commitment = docket.commitment(payee, docket.evidence(promised))
    calls = [
        (court, court.commit.encode_input(commitment), 0),
        (court, court.prove_late_unsettled.encode_input(*docket.shown(promised), SALT), 0),
    ]
    at(due(promised) + 1)
    with denied("commitment: not a block old"):
        payee.execute(calls, sender=stranger)
