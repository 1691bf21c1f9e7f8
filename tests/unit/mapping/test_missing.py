"""Without an extra: said before anything is done. Without Ray: plain processes."""

from __future__ import annotations

import sys

import pytest
from counterfoil.cli import map as command
from counterfoil.errors import BadJob, MapMissing
from counterfoil.mapping import Mapper, Options, on_ray, open_data, outputs, receipts
from counterfoil.mapping.work import Task
from support.data_sets import rows, save, save_model


@pytest.fixture
def mapper(tmp_path) -> Mapper:
    data = open_data(save(tmp_path, "npz", rows()))
    return Mapper(save_model(tmp_path / "m.onnx"), data, Options(columns={}))


def test_mapper__without_pyarrow__said(mapper, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MapMissing, match=r"counterfoil\[map\]"):
        Mapper(tmp_path / "m.onnx", open_data(tmp_path / "d.npz"), Options(columns={}))


def test_on_ray__without_ray__said(mapper, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MapMissing, match=r"counterfoil\[ray\]"):
        next(on_ray.run(mapper.setup, [Task(block=0, start=0, stop=1)], 1))


@pytest.mark.parametrize(("there", "chosen"), [(True, "ray"), (False, "processes")])
def test_auto__ray_where_it_is_installed(monkeypatch, there, chosen):
    monkeypatch.setattr(on_ray, "installed", lambda: there)
    assert command._backend("auto") == chosen
    assert command._backend("loop") == "loop"


def test_read__no_job_or_not_complete__said(tmp_path):
    for read in (outputs, receipts):
        with pytest.raises(BadJob, match="holds no job"):
            list(read(tmp_path))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (300, "5 min"), (9000, "2.5 h")]
)
def test_span__in_words(seconds, words):
    assert command.span(seconds) == words
