"""Forty kills of `make chaos`, at every named point and at random."""

from __future__ import annotations

import random

import pytest

from . import kills
from .page import machine
from .processes import Launcher
from .table import Row, markdown, text

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


@pytest.fixture
def launcher():
    started = Launcher()
    yield started
    started.close()


def test_forty_kills__nothing_lost_reused_or_broken(tmp_path, launcher):
    rows = list(kills.rows(tmp_path / "chaos", launcher, random.Random(), 40))
    print(text(rows))
    assert [row for row in rows if not row.good] == []
    assert sum(row.injected for row in rows) >= 40
    met = {row.fault.split()[-1] for row in rows}
    assert {*kills.SEAL, *kills.CUT, *kills.SETTLE, *kills.MADE, *kills.ROTATED} <= met


def test_row__fault_never_injected__not_good():
    assert not Row(fault="a").good
    assert not Row(fault="a", injected=1, lost=1).good
    assert Row(fault="a", injected=1).good
    assert Row(fault="a", skipped=True, note="no compiler").good


def test_markdown__one_row_each_and_all():
    rows = [Row(fault="a", injected=2, signed=3), Row(fault="b", skipped=True, note="why")]
    lines = markdown(rows).splitlines()
    assert lines[2:] == [
        "| a | 2 | 3 | 0 | 0 | 0 |  |",
        "| b | skipped |  |  |  |  | why |",
        "| all | 2 | 3 | 0 | 0 | 0 |  |",
    ]


def test_machine__names_what_was_used():
    assert "Python 3." in machine() and "anvil " in machine()
