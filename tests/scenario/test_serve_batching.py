"""Requests put together: off by default, only where the model's owner allows it, and on record."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import httpx
import numpy as np
import onnxruntime
import pytest
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.verify.offline import check_openings, check_signature
from onnx import TensorProto, helper, numpy_helper
from serving import Server, environment, linear, model, put, value

pytestmark = pytest.mark.slow

ALLOWED = "max_batch_size: 8\ndynamic_batching { max_queue_delay_microseconds: 200000 }\n"


def rows_of(count: int, number: int) -> np.ndarray:
    return np.random.default_rng(number).standard_normal((count, 16)).astype(np.float32)


def together(url: str, name: str, arrays: list[np.ndarray], **parameters) -> list[httpx.Response]:
    """Requests at once, each with its own connection."""

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            return await asyncio.gather(*(http.post(f"/v2/models/{name}/infer", json={
                "inputs": [{"name": "x", "shape": list(x.shape), "datatype": "FP32",
                            "data": x.ravel().tolist()}],
                "parameters": parameters,
            }) for x in arrays))  # fmt: skip

    return asyncio.run(ask())


def options_of(answer: httpx.Response) -> dict:
    file = json.loads(answer.json()["parameters"]["receipt"])
    return json.loads(file["preimage"]["runtime"]["options"])


def test_batching__receipts_name_rows_and_place_and_numbers_are_the_batch_s(tmp_path):
    put(tmp_path / "models", "linear", linear(), config=ALLOWED)
    put(tmp_path / "models", "alone", linear())
    server = Server(
        tmp_path / "models", environment(tmp_path / "home"),
        "--batching", "8", "--batch-wait", "500", "--running", "8",
    )  # fmt: skip
    try:
        assert server.said["batching"] == ["linear"]
        arrays = [rows_of(count, count) for count in (1, 2, 1, 3, 1)]  # 8 rows: full
        answers = together(server.url, "linear", arrays)
        assert [a.status_code for a in answers] == [200] * 5
        places = []
        for x, answer in zip(arrays, answers, strict=True):
            options = options_of(answer)
            assert options["batching"] == "dynamic"
            batch = options["run"]["batch"]
            places.append((batch["first"], len(x)))
            assert batch["rows"] == 8
            output = answer.json()["outputs"][0]
            assert output["shape"] == [len(x), 8]
        ends = sorted((first, first + rows) for first, rows in places)
        assert [e[0] for e in ends] == [0, *(e[1] for e in ends[:-1])]  # side by side, no gap
        # The numbers are those of the whole batch in that order, bit for bit.
        order = sorted(range(5), key=lambda i: places[i][0])
        whole = onnxruntime.InferenceSession(linear()).run(
            None, {"x": np.concatenate([arrays[i] for i in order])}
        )[0]
        got = np.concatenate(
            [np.array(answers[i].json()["outputs"][0]["data"], np.float32) for i in order]
        )
        assert got.tobytes() == whole.tobytes()
        # One that nobody joins says so; one that its model does not allow is as it always was.
        (single,) = together(server.url, "linear", [rows_of(1, 9)])
        assert options_of(single)["run"] == {"batch": {"first": 0, "rows": 1}}
        for answer in together(server.url, "alone", [rows_of(1, 1), rows_of(1, 2)]):
            assert options_of(answer)["batching"] == "none" and "run" not in options_of(answer)
        file = ReceiptFile.parse(answers[0].json()["parameters"]["receipt"].encode())
        check_signature(file, ())
        assert check_openings(file) == ("model", "runtime")
        numbers = [
            json.loads(a.json()["parameters"]["receipt"])["receipt"]["sequence"] for a in answers
        ]
        assert len(set(numbers)) == 5
    finally:
        assert server.stop() == 0


def test_batching__off_by_default(tmp_path):
    put(tmp_path / "models", "linear", linear(), config=ALLOWED)
    server = Server(tmp_path / "models", environment(tmp_path / "home"))
    try:
        assert server.said["batching"] == []
        for answer in together(server.url, "linear", [rows_of(1, n) for n in range(4)]):
            assert options_of(answer)["batching"] == "none"
    finally:
        assert server.stop() == 0


def picky() -> bytes:
    """x [n, 16] → x at a place of each row that the row's first number names."""
    one = numpy_helper.from_array(np.array([0], np.int64), "zero")
    return model(
        [
            helper.make_node("Gather", ["x", "zero"], ["place"], axis=1),
            helper.make_node("Cast", ["place"], ["index"], to=TensorProto.INT64),
            helper.make_node("GatherElements", ["x", "index"], ["y"], axis=1),
        ],
        [value("x", TensorProto.FLOAT, ["n", 16])],
        [value("y", TensorProto.FLOAT, ["n", 1])],
        [one],
    )


def test_batching__one_spoilt_input_is_its_own_sender_s_trouble(tmp_path):
    put(tmp_path / "models", "picky", picky(), config=ALLOWED)
    server = Server(
        tmp_path / "models", environment(tmp_path / "home"),
        "--batching", "4", "--batch-wait", "500", "--running", "8",
    )  # fmt: skip
    try:
        good = np.arange(16, dtype=np.float32).reshape(1, 16) + 1
        bad = good + 1000  # names a place that no row has
        answers = together(server.url, "picky", [good, bad, good, good])
        assert Counter(a.status_code for a in answers) == {200: 3, 400: 1}
        for answer in answers:
            if answer.status_code == 200:
                assert answer.json()["outputs"][0]["data"] == [2.0]
                assert options_of(answer)["run"] == {"batch": {"first": 0, "rows": 1}}
    finally:
        assert server.stop() == 0


def test_batching__closed_first_dimension__refused_by_name(tmp_path):
    fixed = model(
        [helper.make_node("Identity", ["x"], ["y"])],
        [value("x", TensorProto.FLOAT, [2, 16])],
        [value("y", TensorProto.FLOAT, [2, 16])],
    )
    put(tmp_path / "models", "fixed", fixed, config=ALLOWED)
    with pytest.raises(AssertionError, match="first dimension of 'x' is not open"):
        Server(tmp_path / "models", environment(tmp_path / "home"), "--batching", "4")
