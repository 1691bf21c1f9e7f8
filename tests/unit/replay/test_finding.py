"""Where a model is found: named, noted by the session that ran it, kept, published."""

from __future__ import annotations

import shutil

import numpy as np
import onnx
import pytest
from counterfoil import chain as chains
from counterfoil import shelf
from counterfoil.chain import RegistryClient, deploy
from counterfoil.chain.deployment import REGISTRY
from counterfoil.errors import ModelNotFound
from counterfoil.formats.model import load
from counterfoil.publish.hosts import Hosts
from counterfoil.replay import Models, Replayer
from onnx import TensorProto, helper, numpy_helper
from static_host import StaticHost, sending

from .test_replay import FEED, squares


@pytest.fixture
def file(ran):
    return ran(squares(), FEED)


@pytest.fixture
def without_model(file, tmp_path, home):
    """The receipt's file, on a machine that has not seen the model."""
    (tmp_path / "model.onnx").rename(tmp_path / "elsewhere.bin")
    shutil.rmtree(home / "data" / "models")
    return file


def test_find__where_the_session_loaded_it(file):
    assert Models().find(file.receipt.model).digest == file.receipt.model


def test_find__file_changed_since__not_taken(file, tmp_path):
    (tmp_path / "model.onnx").write_bytes(onnx.ModelProto().SerializeToString())
    with pytest.raises(ModelNotFound, match="--model"):
        Models().find(file.receipt.model)


def test_find__named_file_or_folder(without_model, tmp_path):
    digest, files = without_model.receipt.model, without_model.preimage.model
    with pytest.raises(ModelNotFound):
        Models().find(digest)
    assert Models([tmp_path / "elsewhere.bin"]).find(digest).digest == digest
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "other.onnx").write_bytes(b"no model at all")
    shutil.copy(tmp_path / "elsewhere.bin", deep / "it.onnx")
    assert Models([tmp_path / "a"]).find(digest).digest == digest
    assert Models([tmp_path / "a"]).find(digest, files).digest == digest


def test_shelf__model_with_external_data__kept_whole(tmp_path):
    weights = numpy_helper.from_array(np.arange(300, dtype=np.float32), "w")
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])], "g",
        [value("x", TensorProto.FLOAT, [300])], [value("y", TensorProto.FLOAT, [300])], [weights],
    )  # fmt: skip
    made = helper.make_model(graph, ir_version=10)
    onnx.save(
        made, str(tmp_path / "m.onnx"), save_as_external_data=True, location="deep/w.bin",
        size_threshold=0,
    ) if (tmp_path / "deep").mkdir() is None else None  # fmt: skip
    loaded = load(tmp_path / "m.onnx")
    assert loaded.external
    kept = shelf.keep(loaded)
    shutil.rmtree(tmp_path / "deep")
    assert load(kept).digest == loaded.digest == shelf.find(loaded.digest).digest


def test_shelf__no_place_to_write__no_harm(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("COUNTERFOIL_HOME", str(blocked))
    shelf.note(b"\1" * 32, "model.onnx")
    assert shelf.find(b"\1" * 32) is None


@pytest.fixture(scope="module")
def published():
    """A registry, and a publisher on the embedded chain."""
    chain = chains.embedded()
    payer = chains.funded_account(chain)
    made = deploy(chain, payer)
    return RegistryClient(chain, made.contracts[REGISTRY].address), payer


@pytest.fixture
def host():
    serving = StaticHost()
    yield serving
    serving.close()


def models(published, **more):
    registry, publisher = published
    return Models(
        registry=registry, publishers=[publisher.address], hosts=Hosts(loopback=True), **more
    )


def test_find__where_the_registry_says__checked_and_kept(without_model, tmp_path, published, host):
    registry, publisher = published
    digest = without_model.receipt.model
    graph = (tmp_path / "elsewhere.bin").read_bytes()
    registry.publish(digest, publisher, name="squares", uri=f"{host.url}/squares.onnx")
    host.answers["/squares.onnx"] = sending(graph[:-1] + bytes([graph[-1] ^ 1]))
    with pytest.raises(ModelNotFound):
        models(published).find(digest, without_model.preimage.model)
    host.answers["/squares.onnx"] = sending(graph + b" " * 100)
    with pytest.raises(ModelNotFound, match="more than"):
        models(published).find(digest, without_model.preimage.model)
    with pytest.raises(ModelNotFound):  # a private address, for anybody but the local profile
        Models(registry=registry, publishers=[publisher.address]).find(digest)
    host.answers["/squares.onnx"] = sending(graph)
    assert Replayer(models(published)).replay(without_model).verdict == "equal"
    host.answers.clear()
    assert Models().find(digest).digest == digest  # from the shelf, now


def test_find__publisher_not_trusted__not_asked(without_model, published, host):
    registry, _ = published
    with pytest.raises(ModelNotFound):
        Models(registry=registry, hosts=Hosts(loopback=True)).find(without_model.receipt.model)
    assert host.asked == []
