"""The folder of batch files."""

from __future__ import annotations

import os

import pytest
from conftest import SIGNER, batch_file
from counterfoil.errors import MalformedFile, PublishedOtherwise, PublishError
from counterfoil.formats.batch_file import BatchFile
from counterfoil.publish import address_of, load_batch, publish_batch, write_whole


def test_publish_batch__new__readable_by_a_host_and_whole(tmp_path):
    file = batch_file()
    path = publish_batch(tmp_path / "out", file)
    assert path == tmp_path / "out" / SIGNER / "8.json"
    assert BatchFile.load(path) == file
    assert path.stat().st_mode & 0o777 == 0o644
    assert load_batch(tmp_path / "out", SIGNER, 8) == file
    assert load_batch(tmp_path / "out", SIGNER, 9) is None


def test_publish_batch__again__left_alone(tmp_path):
    path = publish_batch(tmp_path, batch_file())
    before = path.stat()
    publish_batch(tmp_path, batch_file())
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_publish_batch__another_content__never_rewritten(tmp_path):
    path = publish_batch(tmp_path, batch_file())
    content = path.read_bytes()
    with pytest.raises(PublishedOtherwise, match="another batch file"):
        publish_batch(tmp_path, batch_file(of=b"other"))
    assert path.read_bytes() == content


def test_publish_batch__folder_is_a_file__refused(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(PublishError, match="cannot publish"):
        publish_batch(tmp_path / "out", batch_file())


def test_load_batch__damaged__malformed(tmp_path):
    path = publish_batch(tmp_path, batch_file())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(MalformedFile):
        load_batch(tmp_path, SIGNER, 8)


def test_write_whole__fails_before_the_end__the_old_stays(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_whole(path, b"old", mode=0o640)

    def fails(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["a.json"]
    monkeypatch.undo()
    write_whole(path, b"new")
    assert path.read_bytes() == b"new" and path.stat().st_mode & 0o777 == 0o640


def test_address_of__any_base__one_slash():
    for base in ("https://a/b", "https://a/b/"):
        assert address_of(base, SIGNER, 7) == f"https://a/b/{SIGNER}/7.json"
