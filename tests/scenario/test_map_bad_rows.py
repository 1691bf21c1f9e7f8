"""`counterfoil map` on rows that do not fit: what stops the job, what is noted, what is done."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from counterfoil import config, keys, mapping
from counterfoil.errors import BadRow
from counterfoil.inference import drafts
from counterfoil.mapping.tables import part
from counterfoil.mapping.work import Worker
from onnx import TensorProto, helper, numpy_helper
from support.data_sets import ROWS, rows
from support.mapped import Scene


@pytest.fixture
def scene(tmp_path) -> Scene:
    return Scene(tmp_path)


def lines(scene: Scene, changed: dict[int, str]):
    made = [json.dumps({"x": row.tolist()}) for row in rows()]
    for row, line in changed.items():
        made[row] = line
    path = scene.folder / "rows.jsonl"
    path.write_text("\n".join(made))
    return path


def test_map__first_line_bad__noted_like_any_other(scene):
    told = scene.run(
        "--on", "loop", "--skip-bad-rows", data=lines(scene, {0: "no json", 7: "[]"}), code=3
    )
    assert (told["verified"], told["refused"]) == (ROWS - 2, 2)
    notes = {r.row: r.note for r in mapping.receipts(scene.out) if r.note}
    assert "no JSON" in notes[0] and "not an object" in notes[7]


def test_map__stopped_by_a_bad_row__goes_on_where_it_is_told_to_skip(scene):
    data = lines(scene, {33: "no json"})
    refused = scene.run("--on", "loop", "--block", 10, data=data, code=65)
    assert "row 33" in refused["error"]["message"]
    told = scene.run("--on", "loop", "--skip-bad-rows", data=data, code=3)
    assert (told["before"], told["sealed"], told["refused"]) == (30, ROWS - 31, 1)
    (journal,) = scene.journals()
    assert journal.next_sequence() == ROWS - 1
    journal.close()
    refused = scene.run("--on", "loop", "--skip-bad-rows", "--public", data=data, code=65)
    assert "public false, not true" in refused["error"]["message"]


def test_map__a_bad_row_is_told_first__all_blocks_before_it_are_done(scene, monkeypatch):
    monkeypatch.setenv("COUNTERFOIL_HOME", str(scene.home))
    monkeypatch.setenv(keys.SECRET, "ab" * 32)
    data = mapping.open_data(lines(scene, {25: "no json", 41: "no json"}))
    mapper = mapping.Mapper(scene.model, data, mapping.Options(columns={}, block=10))

    def last_first(tasks, *_):
        worker = Worker(mapper.setup)
        yield from map(worker.run, reversed(tasks))

    monkeypatch.setattr(mapper, "_results", last_first)
    with pytest.raises(BadRow, match="row 25"):
        mapper.run(scene.out, [config.load_profile("local")], backend="loop", workers=1)
    assert [part(scene.out, "receipts", n).exists() for n in range(5)] == [
        True, True, False, True, False,
    ]  # fmt: skip


def save_gather(path) -> None:
    """int64[rows, 1] → the row of a table of four, for which 4 and above are out of range."""
    table = numpy_helper.from_array(np.arange(8, dtype=np.float32).reshape(4, 2), "t")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["t", "x"], ["y"])],
        "look_up",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["rows", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 1, 2])],
        [table],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), str(path))


def test_map__the_engine_refuses_a_row_of_a_batch__the_others_have_receipts(scene):
    save_gather(scene.model)
    np.savez(scene.data, x=np.array([[n % 4] for n in range(8)] + [[9], [1], [2]]))
    refused = scene.run("--on", "loop", "--batch", 4, code=65)
    assert "rows 8 … 10" in refused["error"]["message"]
    told = scene.run("--on", "loop", "--batch", 4, "--skip-bad-rows", code=3)
    assert (told["verified"], told["refused"]) == (10, 1)
    (journal,) = scene.journals()
    for receipt in mapping.receipts(scene.out):
        assert (receipt.sealed is None) == (receipt.row == 8)
        if receipt.sealed is not None:
            file = journal.receipt_file(receipt.sealed.receipt.sequence, openings=False)
            run = json.loads(file.preimage.runtime.options)["run"]
            assert run["batch"]["rows"] == (4 if receipt.row < 8 else 1)
    journal.close()


def test_map__a_string_that_no_receipt_covers__noted_with_its_row(scene):
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "same",
        [helper.make_tensor_value_info("x", TensorProto.STRING, ["rows", 1])],
        [helper.make_tensor_value_info("y", TensorProto.STRING, ["rows", 1])],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), str(scene.model))
    data = scene.folder / "s.jsonl"
    data.write_text('{"x": "one"}\n{"x": "\\ud800"}\n{"x": "three"}\n')
    refused = scene.run("--on", "loop", data=data, code=65)
    assert "row 1: " in refused["error"]["message"]
    told = scene.run("--on", "loop", "--skip-bad-rows", data=data, code=3)
    assert (told["verified"], told["refused"]) == (2, 1)


def test_map__sealed_rows_refused_when_run_again__keep_their_receipts(scene, monkeypatch):
    scene.run("--on", "loop", "--block", 10, "--skip-bad-rows")
    for kind in ("outputs", "receipts"):
        part(scene.out, kind, 2).unlink()

    def refuse(self, feed):
        raise drafts.InputRefused("not on this machine")

    monkeypatch.setattr(drafts.Drafting, "_engine", refuse)
    told = scene.run("--on", "loop", "--skip-bad-rows", code=3)
    assert (told["differing"], told["refused"], told["sealed"]) == (10, 0, 0)
    noted = [r for r in mapping.receipts(scene.out) if r.note]
    assert [r.row for r in noted] == list(range(20, 30))
    assert all(r.sealed is not None and "not on this machine" in r.note for r in noted)
