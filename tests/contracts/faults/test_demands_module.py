"""`demands` alone: one record for each node, whatever else the demand says."""

import ape
import pytest
from counterfoil.chain import TreeKind, place_word

RECEIPT = b"\1" * 32
PLACE = place_word((TreeKind.TRACE, 0, 5, 3))
MOST = place_word((TreeKind.OUTPUT_CHUNKS, 2**32 - 1, 255, 2**64 - 1))
"""The last place there is."""


@pytest.fixture
def demands(project, deployer):
    return deployer.deploy(project.DemandsHarness)


@pytest.fixture
def of(challenger):
    """A demand, but for what is said."""

    def make(place=PLACE, receipt=RECEIPT, **changes):
        made = {
            "hash": b"\2" * 32, "count": 32, "demander": challenger.address, "fee": 9,
            "deadline": 77, **changes,
        }  # fmt: skip
        return (receipt, place, *made.values())

    return make


def test_make__of_a_node__is_open_until_it_is_given(demands, of, deployer):
    demands.make(of(), sender=deployer)
    assert not demands.answered(*of()[:2])
    demands.give(of(), sender=deployer)
    assert demands.answered(*of()[:2])


@pytest.mark.parametrize("changes", [{}, {"fee": 10}, {"deadline": 78}, {"hash": b"\3" * 32}])
def test_make__of_a_node_that_has_one__reverts(demands, of, deployer, changes):
    """Another fee or time is no other node."""
    demands.make(of(), sender=deployer)
    with ape.reverts("demand: already open"):
        demands.make(of(**changes), sender=deployer)
    demands.give(of(), sender=deployer)
    with ape.reverts("demand: already answered"):
        demands.make(of(**changes), sender=deployer)


def test_make__of_every_other_place__is_another(demands, of, deployer):
    others = [(0, 0, 5, 3), (1, 0, 5, 3), (0, 1, 5, 3), (0, 0, 0, 3), (0, 0, 5, 2)]
    places = [*(place_word(each) for each in others), MOST]
    for place in places:
        demands.make(of(place), sender=deployer)
    demands.make(of(receipt=b"\7" * 32), sender=deployer)
    demands.give(of(MOST), sender=deployer)
    assert [demands.answered(RECEIPT, place) for place in places] == [False] * 5 + [True]
    assert not demands.answered(b"\7" * 32, MOST)


def test_drop__of_an_open_one__lets_it_be_made_again(demands, of, deployer):
    demands.make(of(), sender=deployer)
    demands.drop(of(), sender=deployer)
    assert not demands.answered(*of()[:2])
    for again in (demands.drop, demands.give):
        with ape.reverts("demand: not open"):
            again(of(), sender=deployer)
    demands.make(of(fee=1), sender=deployer)
    demands.give(of(fee=1), sender=deployer)


@pytest.mark.parametrize(
    "changes",
    [{"hash": b"\3" * 32}, {"count": 31}, {"fee": 10}, {"fee": 2**256 - 1}, {"deadline": 78}],
    ids=str,
)
def test_give__with_another_field__reverts(demands, of, deployer, changes):
    demands.make(of(), sender=deployer)
    for call in (demands.give, demands.drop):
        with ape.reverts("demand: not open"):
            call(of(**changes), sender=deployer)


def test_give__of_another_demander__reverts(demands, of, deployer, stranger):
    demands.make(of(), sender=deployer)
    with ape.reverts("demand: not open"):
        demands.give(of(demander=stranger.address), sender=deployer)


def test_give__once_more__reverts(demands, of, deployer):
    demands.make(of(), sender=deployer)
    demands.give(of(), sender=deployer)
    for again in (demands.drop, demands.give):
        with ape.reverts("demand: not open"):
            again(of(), sender=deployer)
    assert demands.answered(*of()[:2])
