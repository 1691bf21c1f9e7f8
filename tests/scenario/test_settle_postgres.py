"""Settling from another machine than the one that seals, over one PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest
from counterfoil.journal import Journal
from counterfoil.settle import Settler
from counterfoil.verify import verify
from support.postgres import shared
from world import clock_of, world


@pytest.fixture
def name():
    found = shared().database()
    yield found
    shared().drop(found)


@pytest.fixture
def fleet(embedded, roles, name, tmp_path, monkeypatch):
    """A machine that seals; this process is then another, which has no keys."""
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "sealing"))
    made = world(embedded, tmp_path, roles, journal=shared().url(name))
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "settling"))
    yield made
    made.journal.close()


def test_settle__no_key_here__posts_what_was_cut_there(fleet):
    fleet.seal(3)
    fleet.journal.cut_batch()
    fleet.seal(2)
    (journal,) = Journal.open_all(fleet.profile, clock=clock_of(fleet.chain))
    with journal:
        assert journal.key_is_elsewhere
        profile = replace(fleet.profile, batch_size=1)
        settler = Settler(journal, fleet.chain, fleet.payer, profile, clock=clock_of(fleet.chain))
        done = settler.drain(timeout=30)
        assert done.cut == ()
        assert [b.state for b in journal.batches()] == ["final"]
        assert any("by the machine that has the key" in note for note in done.notes)
        assert journal.pending().count == 2
    for sequence in range(3):
        file = fleet.journal.receipt_file(sequence)
        verify(file, trust=fleet.trust, chain=fleet.chain).require_anchored()
    # the machine with the key goes on where the other stopped
    assert fleet.settler().drain(timeout=30).cut == (3,)
    assert fleet.journal.state(4) == "final"
