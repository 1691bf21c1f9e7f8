"""What a job writes survives a power cut: each name is made durable before anything is sealed."""

from __future__ import annotations

import os

import pytest
from counterfoil import config, keys
from counterfoil.journal import Journal
from counterfoil.mapping import Mapper, Options, open_data
from support.data_sets import rows, save, save_model


def test_run__first_seal__the_job_and_all_folders_are_durable(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(keys.SECRET, "ab" * 32)
    synced, fsync, seal = set(), os.fsync, Journal.seal_many

    def noted(descriptor):
        folder = os.readlink(f"/proc/self/fd/{descriptor}")
        if os.path.isdir(folder):
            synced.update(os.path.join(folder, name) for name in os.listdir(folder))
        synced.add(folder)
        fsync(descriptor)

    def sealing(journal, drafts):
        wanted = [out.parent, out, out / "job.json", out / "outputs", out / "receipts"]
        assert {str(path) for path in wanted} <= synced
        assert str(out / "outputs" / "part-000000.parquet") in synced
        sealed.append(len(drafts))
        return seal(journal, drafts)

    out, sealed = tmp_path / "jobs" / "first", []
    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Journal, "seal_many", sealing)
    data = open_data(save(tmp_path, "npz", rows()))
    mapper = Mapper(save_model(tmp_path / "m.onnx"), data, Options(columns={}, block=50))
    mapper.run(out, [config.load_profile("local")], backend="loop", workers=1)
    assert sealed == [50]


def test_run__a_file_where_the_folder_is_to_be__said(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(keys.SECRET, "ab" * 32)
    data = open_data(save(tmp_path, "npz", rows()))
    mapper = Mapper(save_model(tmp_path / "m.onnx"), data, Options(columns={}))
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        mapper.run(tmp_path / "file" / "out", [config.load_profile("local")], backend="loop",
                   workers=1)  # fmt: skip
