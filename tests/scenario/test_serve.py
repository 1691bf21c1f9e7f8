"""A Triton client, unchanged, against `counterfoil serve`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import counterfoil
import ml_dtypes
import numpy as np
import onnxruntime
import pytest
import tritonclient.http as triton
from counterfoil.config import load_profile
from counterfoil.errors import OutputsMismatch
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO, Digest
from counterfoil.verify.offline import check_openings, check_signature
from onnx import TensorProto
from serving import Server, environment, identity, linear, put, sequence, two
from tritonclient.utils import InferenceServerException


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("served") / "models"
    put(root, "two", two())
    put(root, "linear", linear())
    put(root, "linear", linear(columns=4), version=3)
    put(
        root,
        "text",
        identity(TensorProto.STRING),
        config='name: "text"\nplatform: "onnxruntime_onnx"',
    )
    for name, element in ELEMENTS.items():
        put(root, name.lower(), identity(element))
    return root


@pytest.fixture(scope="module")
def env(tmp_path_factory) -> dict[str, str]:
    return environment(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def server(repository, env) -> Iterator[Server]:
    running = Server(repository, env)
    yield running
    assert running.stop() == 0


@pytest.fixture
def client(server) -> Iterator[triton.InferenceServerClient]:
    made = triton.InferenceServerClient(server.address)
    yield made
    made.close()


ELEMENTS = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BF16": TensorProto.BFLOAT16,
}

VALUES = {
    "BOOL": np.array([[True, False, True]]),
    "BF16": np.array([[0, 1.5, -3e38]], dtype=ml_dtypes.bfloat16),
    "FP16": np.array([[0, np.inf, -2.5]], dtype=np.float16),
    "FP32": np.array([[0.1, -0.0, 3.4e38]], dtype=np.float32),
    "FP64": np.array([[0.1, 5e-324, -1.7e308]], dtype=np.float64),
    **{
        name: np.array([[np.iinfo(name.lower()).min, 0, np.iinfo(name.lower()).max]], name.lower())
        for name in ("UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64")
    },
}


def given(name: str, array: np.ndarray, *, kind: str, binary: bool = True) -> triton.InferInput:
    made = triton.InferInput(name, list(array.shape), kind)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def receipt_of(result: triton.InferResult) -> ReceiptFile:
    return ReceiptFile.parse(result.get_response()["parameters"]["receipt"].encode())


def test_health_and_metadata__as_the_client_asks(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("two")
    assert client.is_model_ready("linear", "3") and not client.is_model_ready("linear", "2")
    assert not client.is_model_ready("none")
    metadata = client.get_server_metadata()
    assert metadata["name"] == "counterfoil" and metadata["extensions"] == ["binary_tensor_data"]
    found = client.get_model_metadata("linear")
    assert found["versions"] == ["1", "3"]
    assert found["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 16]}]
    assert found["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}]
    old = client.get_model_metadata("linear", "1")
    assert old["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [-1, 8]}]


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("sent", [True, False], ids=["binary-in", "json-in"])
@pytest.mark.parametrize("got", [True, False, None], ids=["binary-out", "json-out", "default-out"])
def test_infer__both_encodings_and_codings__right_answers_and_a_receipt(
    client, sent, got, compression
):
    a, b = np.array([1, -2, 3], np.int32), np.array([10, 20, 30], np.int32)
    outputs = None
    if got is not None:
        outputs = [triton.InferRequestedOutput(n, binary_data=got) for n in ("difference", "sum")]
    result = client.infer(
        "two",
        [given("a", a, kind="INT32", binary=sent), given("b", b, kind="INT32", binary=sent)],
        outputs=outputs,
        request_id="order-7",
        request_compression_algorithm=compression,
        response_compression_algorithm=compression,
    )
    assert result.as_numpy("sum").tolist() == (a + b).tolist()
    assert result.as_numpy("difference").tolist() == (a - b).tolist()
    assert result.get_response()["id"] == "order-7"
    assert ("data" in result.get_output("sum")) is (got is False)
    assert receipt_of(result).receipt.request == keccak(b"order-7")


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
@pytest.mark.parametrize("kind", ELEMENTS)
def test_infer__every_type__same_bits(client, kind, binary):
    array = VALUES[kind]
    if kind in ("FP16", "BF16") and not binary:
        with pytest.raises(InferenceServerException, match="JSON has no form"):
            client.infer(
                kind.lower(),
                [given("x", array, kind=kind)],
                outputs=[triton.InferRequestedOutput("y", binary_data=False)],
            )
        return
    result = client.infer(
        kind.lower(),
        [given("x", array, kind=kind, binary=binary)],
        outputs=[triton.InferRequestedOutput("y", binary_data=binary)],
    )
    found = result.as_numpy("y")
    assert found.shape == array.shape and found.tobytes() == array.astype(found.dtype).tobytes()


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_infer__strings__unicode_and_empty(client, binary):
    texts = np.array(["für", "", "naïve 文"], dtype=object)
    result = client.infer(
        "text",
        [given("x", texts, kind="BYTES", binary=binary)],
        outputs=[triton.InferRequestedOutput("y", binary_data=binary)],
    )
    found = [v.decode() if isinstance(v, bytes) else v for v in result.as_numpy("y")]
    assert found == texts.tolist()


def test_infer__same_numbers_model_and_runtime_as_in_a_program(
    client, repository, monkeypatch, tmp_path
):
    x = np.random.default_rng(3).standard_normal((5, 16)).astype(np.float32)
    path = repository / "linear" / "3" / "model.onnx"
    result = client.infer("linear", [given("x", x, kind="FP32")])
    expected = onnxruntime.InferenceSession(path).run(None, {"x": x})[0]
    assert result.as_numpy("y").tobytes() == expected.tobytes()
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path))
    monkeypatch.setenv("COUNTERFOIL_SECRET", "5" * 64)
    session = counterfoil.InferenceSession(path, profile=load_profile("local"))
    _, mine = session.run_with_receipt(None, {"x": x})
    served = receipt_of(result).receipt
    assert (served.model, served.runtime) == (mine.receipt.model, mine.receipt.runtime)


def test_receipt__verifies_offline_against_what_was_sent_and_got(client):
    """The masters, asked for, open what the client has; so it can check the commitment."""
    x = np.arange(16, dtype=np.float32).reshape(1, 16)
    result = client.infer(
        "linear", [given("x", x, kind="FP32")], parameters={"receipt_masters": True}
    )
    file = receipt_of(result)
    assert file.opening is None
    masters = json.loads(result.get_response()["parameters"]["receipt_masters"])

    def side(name: str, tensor: Tensor) -> SetOpening:
        return SetOpening(master=Digest(bytes.fromhex(masters[name][2:])), tensors=(tensor,))

    def opened(y: np.ndarray) -> ReceiptFile:
        inputs, outputs = Tensor.of("x", x), Tensor.of("y", y)
        return replace(
            file, opening=Opening(inputs=side("inputs", inputs), outputs=side("outputs", outputs))
        )

    right = opened(result.as_numpy("y"))
    assert check_signature(right, ()) == right.receipt.signer
    assert check_openings(right) == ("inputs", "outputs", "model", "runtime")
    with pytest.raises(OutputsMismatch):
        check_openings(opened(result.as_numpy("y") + 1))


def test_receipt__digest_in_the_header_and_file_at_its_path(server, client):
    with server.client() as http:
        body = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1.5]}]}
        answer = http.post("/v2/models/fp32/infer", json=body)
        digest = answer.headers["Counterfoil-Receipt"]
        file = ReceiptFile.parse(answer.json()["parameters"]["receipt"].encode())
        assert digest == "0x" + file.digest.hex() and file.receipt.request == ZERO
        again = http.get(f"/v2/receipts/{digest}")
        assert again.headers["Counterfoil-State"] == "sealed"
        assert ReceiptFile.parse(again.content) == file
        assert http.get("/v2/receipts/0x" + "0" * 64).status_code == 404
        log = http.get(f"/v2/logs/{file.receipt.signer}").json()
        assert log["sealed"] > file.receipt.sequence and log["refusal"] is None
        assert http.get("/v2/logs").json()["logs"] == [log]
        assert http.get(f"/v2/logs/{file.receipt.signer}/batches/0").status_code == 404


def test_request__0x_id_is_the_32_bytes_themselves(server):
    order = "0x" + "ab" * 32
    with server.client() as http:
        body = {
            "id": order,
            "inputs": [{"name": "x", "shape": [], "datatype": "FP32", "data": [1]}],
        }
        answer = http.post("/v2/models/fp32/infer", json=body).json()
    assert answer["id"] == order and answer["outputs"][0]["shape"] == []
    assert json.loads(answer["parameters"]["receipt"])["receipt"]["request"] == order


def test_errors__the_client_can_read_them(client):
    x = np.zeros((1, 16), np.float32)
    for match, call in {
        "no model 'nope'": lambda: client.infer("nope", [given("x", x, kind="FP32")]),
        "no version '2'": lambda: client.infer("linear", [given("x", x, kind="FP32")], "2"),
        "no input 'z'": lambda: client.infer("linear", [given("z", x, kind="FP32")]),
        "is FP32, not FP64": lambda: client.infer(
            "linear", [given("x", x.astype(np.float64), kind="FP64")]
        ),
        r"shape \[-1, 16\], not \[1, 15\]": lambda: client.infer(
            "linear", [given("x", x[:, :15], kind="FP32")]
        ),
        "no output 'q'": lambda: client.infer(
            "linear", [given("x", x, kind="FP32")], outputs=[triton.InferRequestedOutput("q")]
        ),
        "classification": lambda: client.infer(
            "linear",
            [given("x", x, kind="FP32")],
            outputs=[triton.InferRequestedOutput("y", class_count=2)],
        ),
        "sequences": lambda: client.infer("linear", [given("x", x, kind="FP32")], sequence_id=5),
    }.items():  # fmt: skip
        with pytest.raises(InferenceServerException, match=match):
            call()


def test_log__json_lines_without_tensors(server, client):
    secret = np.array(["the patient's name"], dtype=object)
    client.infer("text", [given("x", secret, kind="BYTES", binary=False)])
    with server.client() as http:
        bad = {
            "inputs": [
                {"name": "x", "shape": [1], "datatype": "BYTES", "data": ["the patient's"], "id": 1}
            ]
        }
        bad["inputs"][0]["shape"] = [2]
        assert http.post("/v2/models/text/infer", json=bad).status_code == 400
    lines = [json.loads(line) for line in list(server.log)]
    assert any(line.get("model") == "text" and line["status"] == 200 for line in lines)
    assert "patient" not in "".join(server.log)


def test_metrics__count_receipts_and_routes(server, client):
    client.infer("text", [given("x", np.array(["a"], dtype=object), kind="BYTES")])
    with server.client() as http:
        page = http.get("/metrics").text
    assert 'counterfoil_http_requests_total{route="/v2/models/{name}/infer",status="200"}' in page
    assert 'counterfoil_inference_seconds_count{model="text",version="1"}' in page
    assert "counterfoil_receipts_sealed_total" in page and "counterfoil_log_sealed{" in page


def test_no_receipts__same_answers_and_no_journal(repository, tmp_path):
    server = Server(repository, environment(tmp_path / "home"), "--no-receipts")
    try:
        with server.client() as http:
            body = {"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}]}
            answer = http.post("/v2/models/fp32/infer", json=body)
            assert answer.json()["outputs"][0]["data"] == [1, 2]
            assert "parameters" not in answer.json()
            assert "Counterfoil-Receipt" not in answer.headers
            assert http.get("/v2/logs").status_code == 404
    finally:
        assert server.stop() == 0
    assert not (tmp_path / "home").exists()


def test_model_without_a_protocol_type__refused_by_name(tmp_path):
    put(tmp_path / "models", "listed", sequence())
    with pytest.raises(AssertionError, match="model listed: 'y' is seq") as failed:
        Server(tmp_path / "models", environment(tmp_path / "home"), "--no-receipts")
    assert "BadRepository" in str(failed.value)
