"""The models' folder, and Triton's config.pbtxt in it."""

from __future__ import annotations

import pytest
from counterfoil.errors import BadRepository
from counterfoil.server import pbtxt
from counterfoil.server.repository import scan

TRITON = """
# as Triton's documents have it
name: "resnet"  platform: "onnxruntime_onnx"
max_batch_size : 8
input [
  { name: "x" data_type: TYPE_FP32 dims: [ 3, -1, 224 ] reshape { shape: [ ] } },
  { name: "y"; data_type: TYPE_STRING; dims: 1 }
]
output { name: 'out' 'put' data_type: TYPE_FP32 dims: [ 1000 ] label_filename: "a\\"b" }
instance_group [ { count: 1, kind: KIND_CPU } ]
dynamic_batching { preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 100 }
version_policy: { latest { num_versions: 2 } }
parameters: < key: "intra_op_thread_count" value: < string_value: "1e-3" > >
"""


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "models"
    for version in (1, 2, 10):
        put(made, f"resnet/{version}/model.onnx")
    return made


def put(root, path, content=b"model"):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(content)


def test_parse__triton_s_own_form():
    found = pbtxt.parse(TRITON)
    assert found["max_batch_size"] == ["8"]
    assert [m["name"] for m in found["input"]] == [["x"], ["y"]]
    assert found["input"][0]["dims"] == ["3", "-1", "224"]
    assert found["output"][0]["name"] == ["output"]
    assert found["output"][0]["label_filename"] == ['a"b']
    assert found["parameters"][0]["value"] == [{"string_value": ["1e-3"]}]
    assert pbtxt.parse("  # nothing\n#but words") == {} == pbtxt.parse("")


@pytest.mark.parametrize(
    "text",
    ["name", "name:", "name: {", "a { b: 1", "}", "a: [1, [2]]", 'a: "open', "a: 1 }", "a $ 1",
     ": 1", "a < b: 1 }", "a {" * 40 + "}" * 40, "a: ]", "a 5"],
)  # fmt: skip
def test_parse__no_text_format__says_so(text):
    with pytest.raises(BadRepository):
        pbtxt.parse(text)


def test_scan__versions_in_order_of_their_numbers(root):
    put(root, "bert/7/model.onnx")
    put(root, "resnet/notes/model.onnx")
    put(root, "resnet/03/model.onnx")
    put(root, "resnet/11/other.onnx")
    put(root, ".git/1/model.onnx")
    put(root, "README.md")
    bert, resnet = scan(root)
    assert (bert.name, list(bert.files)) == ("bert", [7])
    assert list(resnet.files) == [1, 2, 10]
    assert resnet.settings.max_batch_size == 0


def test_scan__what_is_read_of_a_config(root):
    put(root, "resnet/config.pbtxt", TRITON.encode())
    (found,) = scan(root)
    assert list(found.files) == [2, 10]
    settings = found.settings
    assert (settings.max_batch_size, settings.dynamic_batching) == (8, True)
    assert settings.queue_delay == pytest.approx(1e-4)
    assert settings.unread == ("input", "instance_group", "output", "parameters")


def test_scan__named_versions_and_file(root):
    put(root, "resnet/2/net.onnx")
    config = 'default_model_filename: "net.onnx" version_policy { specific { versions: [2] } }'
    put(root, "resnet/config.pbtxt", config.encode())
    (found,) = scan(root)
    assert {v: p.name for v, p in found.files.items()} == {2: "net.onnx"}


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ('name: "other"', "folder's 'resnet'"),
        ('backend: "python"', "only ONNX"),
        ('platform: "tensorrt_plan"', "only ONNX"),
        ("max_batch_size: -1", "whole number"),
        ("max_batch_size: { }", "whole number"),
        ("dynamic_batching: 1", "a message"),
        ("name { }", "a text"),
        ('default_model_filename: "../../x"', "no file's name"),
        ('default_model_filename: "none.onnx"', "no version"),
        ("version_policy { specific { versions: 5 } }", "has no 5"),
        ("\xff\xfe", "config.pbtxt"),
    ],
)
def test_scan__config_that_cannot_be_served__names_it(root, config, match):
    put(root, "resnet/config.pbtxt", config.encode("latin-1"))
    with pytest.raises(BadRepository, match=match):
        scan(root)


def test_scan__nothing_there__says_the_layout(tmp_path):
    with pytest.raises(BadRepository, match="cannot read"):
        scan(tmp_path / "none")
    with pytest.raises(BadRepository, match=r"NAME/1/model\.onnx"):
        scan(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadRepository, match="no version"):
        scan(tmp_path)
