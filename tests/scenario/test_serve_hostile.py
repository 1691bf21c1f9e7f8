"""What an attacker sends to `counterfoil serve`: every answer says what is wrong."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from counterfoil import errors
from counterfoil.cli import main
from onnx import TensorProto
from serving import Server, environment, identity, linear, put, two

pytestmark = pytest.mark.slow


TOKEN = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("hostile") / "models"
    put(root, "linear", linear())
    put(root, "two", two())
    put(root, "text", identity(TensorProto.STRING))
    put(root, "half", identity(TensorProto.FLOAT16))
    put(root, "bool", identity(TensorProto.BOOL))
    put(root, "uint8", identity(TensorProto.UINT8))
    running = Server(root, environment(tmp_path_factory.mktemp("home")), "--max-body", "4")
    yield running
    with running.client() as http:  # whatever was sent, it lives
        assert http.get("/v2/health/ready").status_code == 200
    assert running.stop() == 0
    assert "Traceback" not in "".join(running.log)


@pytest.fixture
def http(server) -> Iterator[httpx.Client]:
    limits = httpx.Limits(max_connections=200)
    with server.client(limits=limits) as made:
        yield made


def problem(answer: httpx.Response, status: int) -> str:
    """The error of an answer, which has no other form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert list(found) == ["error"] and "\n" not in found["error"]
    return found["error"]


def one(name: str = "x", shape: Any = (2,), datatype: str = "UINT8", **rest: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, **rest}


def post(http: httpx.Client, model: str, body: Any, **options: Any) -> httpx.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http.post(f"/v2/models/{model}/infer", content=raw, **options)


DEEP = b"[" * 100_000

MALFORMED = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "no UTF-8": b'{"inputs": [], "id": "\xff"}',
    "byte order mark": b'\xef\xbb\xbf{"inputs": []}',
    "half of a surrogate pair": b'{"inputs": [], "id": "\\ud800"}',
    "inputs missing": b"{}",
    "inputs no list": b'{"inputs": {}}',
    "an id that is a number": b'{"id": 5, "inputs": []}',
    "deep": b'{"inputs": ' + DEEP,
    "deep parameters": b'{"inputs": [], "parameters": {"a": ' + DEEP,
    "an endless number": b'{"inputs": [], "parameters": {"timeout": ' + b"9" * 100_000 + b"}}",
    "zeros": bytes(100),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed__400(http, name):
    problem(post(http, "uint8", MALFORMED[name]), 400)


BAD_INPUTS = {
    "no such input": [one("z", data=[1, 2])],
    "twice": [one(data=[1, 2]), one(data=[1, 2])],
    "missing": [],
    "negative dimension": [one(shape=[-1], data=[1])],
    "negative dimensions whose product fits": [one(shape=[-1, -2], data=[1, 2])],
    "dimension past 2^63": [one(shape=[2**63], data=[1])],
    "dimension that is a text": [one(shape=["2"], data=[1, 2])],
    "dimension that is a float": [one(shape=[2.0], data=[1, 2])],
    "dimension that is true": [one(shape=[True], data=[1])],
    "65 dimensions": [one(shape=[1] * 65, data=[1])],
    "too few elements": [one(data=[1])],
    "too many elements": [one(data=[1, 2, 3])],
    "nested otherwise": [one(shape=[2, 2], data=[[1, 2, 3], [4]])],
    "nested deeper": [one(shape=[2], data=[[1], [2]])],
    "nested with a number": [one(shape=[2, 1], data=[[1], 2])],
    "unknown type": [one(datatype="UINT9", data=[1, 2])],
    "another type": [one(datatype="INT8", data=[1, 2])],
    "past the type": [one(data=[1, 256])],
    "below the type": [one(data=[1, -1])],
    "a huge number": [one(data=[1, 10**400])],
    "a float": [one(data=[1, 2.0])],
    "a text": [one(data=[1, "2"])],
    "true": [one(data=[1, True])],
    "null": [one(data=[1, None])],
    "an object": [one(data=[1, {}])],
    "no data": [one()],
    "data and bytes": [one(data=[1, 2], parameters={"binary_data_size": 2})],
    "bytes without the header": [one(parameters={"binary_data_size": 2})],
    "negative size": [one(parameters={"binary_data_size": -2})],
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input__400(http, name):
    problem(post(http, "uint8", {"inputs": BAD_INPUTS[name]}), 400)


@pytest.mark.parametrize("shape", [[2**40], [2**20, 2**20], [0, 2**40], [0, 2**62]])
def test_huge_shape__413_and_nothing_is_made(http, shape):
    began = time.monotonic()
    assert "elements" in problem(post(http, "uint8", {"inputs": [one(shape=shape, data=[])]}), 413)
    assert time.monotonic() - began < 2


def test_too_many_tensors__413(http):
    inputs = [one(f"x{i}", data=[1, 2]) for i in range(300)]
    problem(post(http, "uint8", {"inputs": inputs}), 413)


@pytest.mark.parametrize(
    ("model", "datatype", "values"),
    [("linear", "FP32", [1e39] * 16), ("linear", "FP32", [10**400] * 16), ("half", "FP16", [1.0])],
)
def test_float_that_the_type_lacks__400(http, model, datatype, values):
    shape = [1, 16] if model == "linear" else [1]
    problem(post(http, model, {"inputs": [one("x", shape, datatype, data=values)]}), 400)


def binary(model_input: dict[str, Any], tail: bytes, length: str | None = None) -> dict[str, Any]:
    head = json.dumps({"inputs": [model_input]}).encode()
    said = str(len(head)) if length is None else length
    return {"content": head + tail, "headers": {"Inference-Header-Content-Length": said}}


LYING = {
    "size over the body": (one(parameters={"binary_data_size": 3}), b"ab", None),
    "size under the body": (one(parameters={"binary_data_size": 1}), b"ab", None),
    "size not the shape's": (one(shape=[3], parameters={"binary_data_size": 2}), b"ab", None),
    "bytes of no input": (one(data=[1, 2]), b"ab", None),
    "header past the body": (one(parameters={"binary_data_size": 2}), b"ab", "9999"),
    "header of 0": (one(parameters={"binary_data_size": 2}), b"ab", "0"),
    "header into the JSON": (one(parameters={"binary_data_size": 2}), b"ab", "20"),
    "header into the bytes": (one(parameters={"binary_data_size": 2}), b"ab", "+1"),
    "header below 0": (one(parameters={"binary_data_size": 2}), b"ab", "-1"),
    "header of no number": (one(parameters={"binary_data_size": 2}), b"ab", "1e2"),
    "header of many digits": (one(parameters={"binary_data_size": 2}), b"ab", "9" * 5000),
    "header in other digits": (one(parameters={"binary_data_size": 2}), b"ab", "²"),
}


@pytest.mark.parametrize("name", LYING)
def test_lying_lengths__400(http, name):
    given, tail, length = LYING[name]
    sent = binary(given, tail, length)
    sent["headers"] = {k: v.encode("latin-1") for k, v in sent["headers"].items()}
    problem(http.post("/v2/models/uint8/infer", **sent), 400)


STRINGS = {
    "no UTF-8": struct.pack("<I", 2) + b"\xff\xfe",
    "a length past the end": struct.pack("<I", 2**32 - 1) + b"ab",
    "half a length": b"\1\0",
    "fewer than the shape": struct.pack("<I", 1),
    "more than the shape": (struct.pack("<I", 1) + b"a") * 2,
    "a surrogate": struct.pack("<I", 3) + b"\xed\xa0\x80",
}


@pytest.mark.parametrize("name", STRINGS)
def test_bad_strings__400(http, name):
    raw = STRINGS[name]
    given = one(shape=[1], datatype="BYTES", parameters={"binary_data_size": len(raw)})
    problem(http.post("/v2/models/text/infer", **binary(given, raw)), 400)


def test_bool_of_neither_0_nor_1__400(http):
    given = one(shape=[2], datatype="BOOL", parameters={"binary_data_size": 2})
    problem(http.post("/v2/models/bool/infer", **binary(given, b"\1\2")), 400)


CODINGS = {
    "gzip bomb": ("gzip", gzip.compress(bytes(64 * 2**20)), 413),
    "deflate bomb": ("deflate", zlib.compress(bytes(64 * 2**20)), 413),
    "bomb of members": ("gzip", gzip.compress(bytes(2**20)) * 80, 413),
    "empty members": ("gzip", gzip.compress(b"") * 20_000, 400),
    "no gzip": ("gzip", b"{}", 400),
    "gzip that ends early": ("gzip", gzip.compress(b"{}" * 100)[:-4], 400),
    "gzip, then more": ("gzip", gzip.compress(b"{}") + b"more", 400),
    "deflate, then more": ("deflate", zlib.compress(b"{}") + b"more", 400),
    "unknown": ("br", b"{}", 415),
    "two at once": ("gzip, gzip", b"{}", 415),
}


@pytest.mark.parametrize("name", CODINGS)
def test_content_coding__refused_within_bounds(http, name):
    coding, raw, status = CODINGS[name]
    began = time.monotonic()
    problem(post(http, "uint8", raw, headers={"Content-Encoding": coding}), status)
    assert time.monotonic() - began < 5


def test_content_type__415(http):
    problem(post(http, "uint8", b"{}", headers={"Content-Type": "text/xml"}), 415)


def test_body_too_large__413_by_its_length_and_by_what_comes(http):
    problem(post(http, "uint8", bytes(5 * 2**20)), 413)

    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(2**16)

    with contextlib.suppress(httpx.WriteError):  # it may be shut out in mid-sentence
        problem(http.post("/v2/models/uint8/infer", content=endless()), 413)


def test_json_too_large__413_though_the_body_is_not(tmp_path):
    put(tmp_path / "models", "uint8", identity(TensorProto.UINT8))
    server = Server(tmp_path / "models", environment(tmp_path), "--no-receipts")
    try:
        with server.client() as http:
            values = b",".join([b"1"] * 5_000_000)
            raw = b'{"inputs":[{"name":"x","shape":[5000000],"datatype":"UINT8","data":[%s]}]}'
            assert "as binary" in problem(post(http, "uint8", raw % values), 413)
            given = one(shape=[5_000_000], parameters={"binary_data_size": 5_000_000})
            asked = binary(given, bytes(5_000_000))
            head = asked["content"][:-5_000_000].replace(
                b"}]}", b'}],"parameters":{"binary_data_output":true}}'
            )
            answer = http.post(
                "/v2/models/uint8/infer",
                content=head + bytes(5_000_000),
                headers={"Inference-Header-Content-Length": str(len(head))},
            )
            assert answer.content.endswith(bytes(5_000_000)) and answer.status_code == 200
    finally:
        server.stop()


PATHS = [
    "/v2/models/../../etc/passwd",
    "/v2/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/v2/models/..%2f..%2fetc/infer",
    "/v2/models/%00/ready",
    "/v2/models/%ff%fe/ready",
    "/v2/models/" + "a" * 5000,
    "/v2/models/linear/versions/../1",
    "/v2/models/linear/versions/01",
    "/v2/models/linear/versions/-1/ready",
    "/v2/models/linear/versions/%D9%A1/ready",
    "/v2/models/linear/versions/" + "9" * 500,
    "/explorer/..%2f..%2fapp.py",
    "/explorer/app.py",
    "/v2/",
    "/",
    "//v2",
]


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_paths__404(server, path):
    problem(raw_request(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()), 404)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "GET", "TRACE", "OPTIONS", "BREW"])
def test_method__405(http, method):
    answer = http.request(method, "/v2/models/linear/infer")
    problem(answer, 405)
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "path",
    [
        "/v2/receipts/0x12",
        "/v2/receipts/" + "0" * 64,
        "/v2/receipts/0x" + "g" * 64,
        "/v2/logs/0x" + "1" * 39,
        "/v2/logs/0x" + "1" * 40 + "/batches/-1",
        "/v2/logs/0x" + "1" * 40 + "/batches/9223372036854775808",
        "/v2/logs/0x" + "1" * 40 + "/batches/x",
    ],
)
def test_bad_names_of_receipts_and_batches__400(http, path):
    problem(http.get(path), 400)


# Below HTTP


def raw_request(server: Server, sent: bytes, *, wait: float = 20) -> httpx.Response:
    """Bytes as they are, and the first answer."""
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        connection.sendall(sent)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> httpx.Response:
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65536)
        assert part, "the server closed without an answer"
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    length = int({k.lower(): v for k, v in headers.items()}["content-length"])
    while len(body) < length:
        body += connection.recv(65536)
    return httpx.Response(int(lines[0].split()[1]), headers=headers, content=body)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /v2 HTTP/1.1\r\n\r\n", 400),
        (b"GET /v2 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"POST /v2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /v2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
         400),
        (b"POST /v2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 100_000, 431),
    ],
    ids=["text", "TLS", "no host", "two hosts", "length", "two lengths", "coding", "head"],
)  # fmt: skip
def test_no_http__error_as_json(server, sent, status):
    problem(raw_request(server, sent), status)


def test_length_and_chunks_at_once__no_second_request_comes_out(server):
    """Request smuggling: what follows is never taken for a request of its own."""
    inner = b"GET /v2/logs HTTP/1.1\r\nHost: localhost\r\n\r\n"
    sent = (
        b"POST /v2/models/uint8/infer HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(inner))
    )
    answer = raw_request(server, sent + inner)
    assert "two lengths" in problem(answer, 400)
    assert answer.headers["connection"] == "close"


@pytest.mark.slow
def test_slow_head__408(server):
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"GET /v2 HT")
        answer = read_answer(connection)
    assert "head" in problem(answer, 408)


def test_client_that_goes_away__costs_nothing(server, http):
    host, port = server.address.split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(
                b"POST /v2/models/uint8/infer HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Length: 1000000\r\n\r\nabc"
            )
    deadline = time.monotonic() + 10
    while "counterfoil_inferences_accepted 0.0" not in http.get("/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_event_streams__as_many_as_it_takes_and_given_back(server, http):
    with contextlib.ExitStack() as stack:
        reading = []  # httpx closes a stream whose reader is forgotten
        for _ in range(64):
            stream = stack.enter_context(http.stream("GET", "/v2/events"))
            reading.append(stream.iter_lines())
            assert next(reading[-1]) == "retry: 2000"
        problem(http.get("/v2/events"), 503)
        assert http.get("/v2").status_code == 200
    deadline = time.monotonic() + 10
    while "counterfoil_event_streams 0.0" not in http.get("/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.05)


# Who may speak


def test_other_sites_pages__403(http):
    body = {"inputs": [one(data=[1, 2])]}
    headers = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    problem(post(http, "uint8", body, headers=headers), 403)
    problem(post(http, "uint8", body, headers={"Origin": "null"}), 403)


def test_rebound_name__403(http):
    problem(http.get("/v2/logs", headers={"Host": "evil.example"}), 403)
    problem(http.get("/v2/logs", headers={"Host": "localhost.evil.example:8000"}), 403)
    assert http.get("/v2", headers={"Host": "localhost"}).status_code == 200
    assert http.get("/v2", headers={"Host": "[::1]:80"}).status_code == 200


def test_token__wanted_everywhere_but_for_probes(tmp_path):
    put(tmp_path / "models", "uint8", identity(TensorProto.UINT8))
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    env = environment(tmp_path / "home")
    server = Server(tmp_path / "models", env, "--host", "0.0.0.0", "--token-file", str(path))
    try:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        with httpx.Client(base_url=url) as http:
            assert http.get("/v2/health/live").status_code == 200
            for wrong in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": TOKEN},
                          {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "Bearer"},
                          {"Authorization": b"Bearer \xff\xfe"}):  # fmt: skip
                for where in ("/v2", "/v2/logs", "/metrics", "/openapi.json", "/v2/events", "/x"):
                    answer = http.get(where, headers=wrong)
                    problem(answer, 401)
                    assert answer.headers["WWW-Authenticate"] == "Bearer"
            right = {"Authorization": f"Bearer {TOKEN}", "Host": "models.example"}
            assert http.get("/v2", headers=right).status_code == 200
            answer = post(http, "uint8", {"inputs": [one(data=[1, 2])]}, headers=right)
            assert answer.json()["outputs"][0]["data"] == [1, 2]
    finally:
        assert server.stop() == 0
    assert TOKEN not in "".join(server.log)


@pytest.mark.parametrize(
    ("variables", "options", "error"),
    [
        ({}, ("--host", "0.0.0.0"), "TokenNeeded"),
        ({"COUNTERFOIL_TOKEN": "short"}, (), "BadToken"),
        ({"COUNTERFOIL_TOKEN": "with a space in it, long"}, (), "BadToken"),
        ({}, ("--token-file", "open"), "KeyFileOpen"),
        ({}, ("--host", "no.such.name.invalid"), "AddressTaken"),
        ({}, ("--settle",), "BadConfig"),
    ],
)
def test_start__refused_with_what_to_do(tmp_path, monkeypatch, capsys, variables, options, error):
    put(tmp_path / "models", "uint8", identity(TensorProto.UINT8))
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "open"
    path.write_text(TOKEN)
    path.chmod(0o644)
    given = [str(path) if o == "open" else o for o in options]
    with pytest.raises(SystemExit) as ended:
        main(["serve", str(tmp_path / "models"), "--port", "0", "--json", *given])
    assert ended.value.code == getattr(errors, error).exit_code
    assert json.loads(capsys.readouterr().out)["error"]["class"] == error
    assert not os.path.exists(tmp_path / "home")
