"""The turnstile between processes: nobody waits for another's garbage."""

from __future__ import annotations

import gc
import os

import pytest
from counterfoil.errors import JournalLocked
from counterfoil.journal.lock import Turnstile


@pytest.fixture
def collecting():
    gc.enable()
    yield
    gc.enable()


@pytest.mark.usefixtures("collecting")
def test_held__no_garbage_is_collected__after_it_is(tmp_path):
    turnstile = Turnstile(tmp_path / "lock")
    turnstile.acquire(1)
    assert not gc.isenabled()
    turnstile.release()
    assert gc.isenabled()


@pytest.mark.usefixtures("collecting")
def test_not_got_or_closed__collected_again(tmp_path):
    first, second = Turnstile(tmp_path / "lock"), Turnstile(tmp_path / "lock")
    first.acquire(1)
    gc.enable()
    with pytest.raises(JournalLocked):
        second.acquire(0.05)
    assert gc.isenabled()
    first.release()
    first.acquire(1)
    first.close()  # as a forked child does
    assert gc.isenabled()


@pytest.mark.usefixtures("collecting")
def test_program_that_collects_nothing__stays_so(tmp_path):
    gc.disable()
    turnstile = Turnstile(tmp_path / "lock")
    turnstile.acquire(1)
    turnstile.release()
    assert not gc.isenabled()


def test_lock_files__kept_private(tmp_path):
    Turnstile(tmp_path / "lock").acquire(1)
    assert {p.name for p in tmp_path.iterdir()} == {"lock", "lock.gate"}
    assert all(os.stat(p).st_mode & 0o777 == 0o600 for p in tmp_path.iterdir())
