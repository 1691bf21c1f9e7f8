"""Runs put together, without an engine's peculiarities: a call that doubles."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from counterfoil.inference.gathering import Gathering


class Engine:
    def __init__(self, fail=None, rows=None):
        self.calls = []
        self._fail = fail
        self._rows = rows

    def __call__(self, names, feed, options):
        x = feed["x"]
        self.calls.append(x.tolist())
        if self._fail is not None and self._fail in x:
            raise ValueError("spoilt")
        return [x[: self._rows] * 2]


def together(gathering, feeds):
    found = [None] * len(feeds)

    def ask(place):
        try:
            found[place] = gathering.run(["y"], {"x": np.array(feeds[place])}, None)
        except Exception as error:
            found[place] = error

    threads = []
    for place in range(len(feeds)):
        threads.append(threading.Thread(target=ask, args=(place,)))
        threads[-1].start()
        time.sleep(0.02)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    return found


def test_full__runs_at_once_and_each_gets_its_rows():
    engine = Engine()
    began = time.monotonic()
    shares = together(Gathering(engine, rows=4, wait=30), [[1], [2, 3], [4]])
    assert time.monotonic() - began < 10
    assert engine.calls == [[1, 2, 3, 4]]
    assert [s[0].tolist() for s in shares] == [[2], [4, 6], [8]]
    assert [(s.first, s.rows) for s in shares] == [(0, 4), (1, 4), (3, 4)]


def test_one_that_does_not_fit__begins_the_next():
    engine = Engine()
    shares = together(Gathering(engine, rows=4, wait=0.3), [[1, 2, 3], [4, 5], [6]])
    assert sorted(engine.calls) == [[1, 2, 3], [4, 5, 6]]
    assert [(s.first, s.rows) for s in shares] == [(0, 3), (0, 3), (2, 3)]


def test_other_shapes_and_types__never_together():
    engine = Engine()
    together(Gathering(engine, rows=8, wait=0.2), [[1], [1.0], [[1, 2]], [[1, 2, 3]]])
    assert len(engine.calls) == 4


@pytest.mark.parametrize("feed", [np.array(5), np.zeros((0, 2)), np.zeros((9, 2))])
def test_no_rows_or_too_many__alone(feed):
    engine = Engine(rows=None)
    engine_call = engine if feed.ndim else (lambda names, fed, options: [fed["x"]])
    share = Gathering(engine_call, rows=8, wait=30).run(["y"], {"x": feed}, None)
    assert share.first == 0 and share.rows == (feed.shape[0] if feed.ndim else 0)


def test_spoilt__each_for_itself():
    engine = Engine(fail=2)
    found = together(Gathering(engine, rows=3, wait=30), [[1], [2], [3]])
    assert isinstance(found[1], ValueError)
    assert [found[0][0].tolist(), found[2][0].tolist()] == [[2], [6]]
    assert [(found[i].first, found[i].rows) for i in (0, 2)] == [(0, 1), (0, 1)]


def test_answers_that_are_no_rows__each_for_itself():
    engine = Engine(rows=1)
    found = together(Gathering(engine, rows=2, wait=30), [[1], [2]])
    assert [f[0].tolist() for f in found] == [[2], [4]]
    assert [f.rows for f in found] == [1, 1]


def test_alone_and_spoilt__its_own_error():
    with pytest.raises(ValueError, match="spoilt"):
        Gathering(Engine(fail=1), rows=2, wait=0).run(["y"], {"x": np.array([1])}, None)
