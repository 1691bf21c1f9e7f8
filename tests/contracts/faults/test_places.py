"""Places of nodes in one word: against the library's, at every field's ends."""

from itertools import product

import pytest
from counterfoil.chain import TreeKind, place_of, place_word


@pytest.fixture(scope="session")
def places(project, deployer):
    return deployer.deploy(project.PlacesHarness)


EVERY = list(product(TreeKind, (0, 1, 2**32 - 1), (0, 1, 22, 255), (0, 5, 2**63, 2**64 - 1)))


@pytest.mark.parametrize("place", EVERY[::7], ids=str)
def test_of__every_fields_ends__is_the_librarys(places, place):
    tree, position, layer, _ = place
    word = places.of(*map(int, place))
    assert word == place_word(place)
    assert place_of(word) == place
    assert places.is_row(word) == ((tree, position, layer) == (TreeKind.TRACE, 0, 0))
    assert places.is_tensor(word) == (layer == 0 and (tree, position) != (TreeKind.TRACE, 0))


def test_place_word__different_places__different_words():
    assert len({place_word(place) for place in EVERY}) == len(EVERY)
