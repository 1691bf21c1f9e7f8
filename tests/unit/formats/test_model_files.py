"""Models by content: what is hashed, which files are found, which locations are refused."""

import hashlib
import os
import shutil
import subprocess
from collections import deque

import onnx
import pytest
from counterfoil.errors import BadModel, UnsafeModelPath
from counterfoil.formats.model import GRAPH, Model, ModelFile, external_locations, load
from hypothesis import given
from hypothesis import strategies as st


def external(tensor, location, **entries):
    tensor.name = "w"
    tensor.data_type = onnx.TensorProto.FLOAT
    tensor.dims[:] = [1]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def model_naming(*locations):
    model = onnx.ModelProto()
    model.graph.name = "g"
    for location in locations:
        external(model.graph.initializer.add(), location)
    return model.SerializeToString()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "outside.bin").write_bytes(b"outside")
    return folder


def write(folder, graph, **files):
    (folder / "net.onnx").write_bytes(graph)
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return folder / "net.onnx"


# What is hashed


@given(st.dictionaries(st.sampled_from(["model.onnx", "a", "b/c", "Z", "é", "~"]), st.binary()))
def test_model_of__any_files__are_in_byte_order(contents):
    files = Model.of(contents).files
    assert [f.path.encode() for f in files] == sorted(path.encode() for path in contents)
    for file in files:
        assert file.size == len(contents[file.path])
        assert file.sha256 == hashlib.sha256(contents[file.path]).digest()


def test_model_file__sha256__is_the_binary_s(tmp_path):
    binary = shutil.which("sha256sum")
    assert binary, "sha256sum is part of coreutils"
    for content in (b"", b"abc", os.urandom(10**6)):
        (tmp_path / "f").write_bytes(content)
        told = subprocess.run([binary, tmp_path / "f"], check=True, capture_output=True, text=True)
        assert ModelFile.of("f", content).sha256.hex() == told.stdout.split()[0]


def test_load__a_model_with_external_data__is_hashed_as_loaded(folder):
    graph = model_naming("weights/b.bin", "a.bin", "a.bin")
    path = write(folder, graph, **{"a.bin": b"aa", "weights__b.bin": b"bbb"})
    loaded = load(path)
    expected = {GRAPH: graph, "a.bin": b"aa", "weights/b.bin": b"bbb"}
    assert loaded.digest == Model.of(expected).digest
    assert [f.path for f in loaded.model.files] == ["a.bin", "model.onnx", "weights/b.bin"]
    assert loaded.graph == graph
    assert loaded.external == {"a.bin": b"aa", "weights/b.bin": b"bbb"}
    (folder / "net.onnx").rename(folder / "other name.onnx")
    assert load(folder / "other name.onnx").digest == loaded.digest


def test_load__one_changed_byte__is_another_model(folder):
    path = write(folder, model_naming("a.bin"), **{"a.bin": b"aa"})
    before = load(path).digest
    (folder / "a.bin").write_bytes(b"ab")
    assert load(path).digest != before


def test_load__from_bytes__is_the_same_model(folder):
    graph = model_naming()
    assert load(graph).digest == load(write(folder, graph)).digest
    assert load(graph).external == {}


# Where external data hides


def edges():
    """Every field through which a ModelProto reaches a TensorProto, with a way to it."""
    target = onnx.TensorProto.DESCRIPTOR.full_name

    def below(descriptor):
        return [f for f in descriptor.fields if f.message_type is not None]

    ways = {onnx.ModelProto.DESCRIPTOR.full_name: ()}
    types = {onnx.ModelProto.DESCRIPTOR.full_name: onnx.ModelProto.DESCRIPTOR}
    queue = deque(ways)
    while queue:
        name = queue.popleft()
        for field in below(types[name]) if name != target else ():
            if field.message_type.full_name not in ways:
                ways[field.message_type.full_name] = (*ways[name], field.name)
                types[field.message_type.full_name] = field.message_type
                queue.append(field.message_type.full_name)

    def down(start):
        ends = {start: ()}
        queue = deque([start])
        while queue:
            name = queue.popleft()
            if name == target:
                return ends[name]
            for field in below(types[name]):
                if field.message_type.full_name not in ends:
                    ends[field.message_type.full_name] = (*ends[name], field.name)
                    queue.append(field.message_type.full_name)
        return None

    for name, descriptor in types.items():
        for field in below(descriptor) if name != target else ():
            rest = down(field.message_type.full_name)
            if rest is not None:
                yield (*ways[name], field.name, *rest)


@pytest.mark.parametrize("way", sorted(set(edges())), ids=".".join)
def test_external_locations__every_place_for_a_tensor__is_found(way):
    model = onnx.ModelProto()
    model.graph.name = "g"
    message = model
    for name in way:
        field = getattr(message, name)
        message = field.add() if hasattr(field, "add") else field
    external(message, "hidden.bin")
    assert external_locations(model.SerializeToString()) == {"hidden.bin"}


def test_edges__onnx__has_the_places_that_we_know():
    ways = {".".join(way) for way in edges()}
    assert len(ways) > 12
    ends = {".".join(way.split(".")[-2:]) for way in ways}
    assert {"graph.initializer", "sparse_initializer.indices", "sparse_tensors.values"} <= ends
    assert {"attribute_proto.t", "attribute_proto.tensors", "sparse_tensor.values"} <= ends
    assert {way.split(".")[0] for way in ways} == {"graph", "functions", "training_info"}


def test_external_locations__subgraph_in_a_subgraph__is_found():
    model = onnx.ModelProto()
    graph = model.graph
    for _ in range(10):
        graph = graph.node.add().attribute.add().g
    external(graph.initializer.add(), "deep.bin")
    assert external_locations(model.SerializeToString()) == {"deep.bin"}


# What is refused


@pytest.mark.parametrize(
    "location",
    [
        "", "/etc/passwd", "//host/share", "..", "../outside.bin", "a/../b", "a/..", "./../x",
        "C:\\weights.bin", "C:weights.bin", "c:/weights.bin", "\\\\host\\share", "a\\b", "..\\x",
        "a\0b",
    ],
)  # fmt: skip
def test_load__location_outside_the_folder__is_refused(folder, location):
    with pytest.raises(UnsafeModelPath, match="outside its folder") as caught:
        load(write(folder, model_naming(location)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("location", ["model.onnx", "./model.onnx", ".//model.onnx"])
def test_load__location_of_the_graph__is_refused(folder, location):
    with pytest.raises(UnsafeModelPath, match="the graph's own path"):
        load(write(folder, model_naming(location), **{"model.onnx": b"x"}))


@pytest.mark.parametrize("other", ["./a", "a/", ".//a", "././a"])
def test_load__one_file_in_two_spellings__is_refused(folder, other):
    with pytest.raises(UnsafeModelPath, match="names one file twice"):
        load(write(folder, model_naming("a", other), a=b"x"))


@pytest.mark.parametrize("other", ["sub//b", "sub/./b"])
def test_load__one_nested_file_in_two_spellings__is_refused(folder, other):
    with pytest.raises(UnsafeModelPath, match="names one file twice"):
        load(write(folder, model_naming("sub/b", other), sub__b=b"x"))


def test_load__location_that_is_no_utf_8__is_refused(folder):
    graph = model_naming("QQQQ").replace(b"QQQQ", b"\xff\xfeab")
    with pytest.raises(UnsafeModelPath, match="which is no UTF-8"):
        load(write(folder, graph))


def test_load__link_out_of_the_folder__is_refused(folder):
    (folder / "a.bin").symlink_to("../outside.bin")
    with pytest.raises(UnsafeModelPath, match="leaves the model's folder"):
        load(write(folder, model_naming("a.bin")))


def test_load__folder_that_is_a_link_out__is_refused(folder):
    (folder / "sub").symlink_to("..", target_is_directory=True)
    with pytest.raises(UnsafeModelPath, match="leaves the model's folder"):
        load(write(folder, model_naming("sub/outside.bin")))


def test_load__link_inside_the_folder__is_followed(folder):
    path = write(folder, model_naming("a.bin"), **{"b.bin": b"b"})
    (folder / "a.bin").symlink_to("b.bin")
    assert load(path).external == {"a.bin": b"b"}


def test_load__link_to_itself__is_refused(folder):
    (folder / "a.bin").symlink_to("a.bin")
    with pytest.raises(BadModel, match=r"is a link to itself|Too many"):
        load(write(folder, model_naming("a.bin")))


def test_load__pipe_for_external_data__is_refused_at_once(folder):
    os.mkfifo(folder / "a.bin")
    with pytest.raises(BadModel, match="is no file"):
        load(write(folder, model_naming("a.bin")))


def test_load__missing_external_data__is_refused(folder):
    with pytest.raises(BadModel, match=r"cannot read the external data 'a\.bin': No such file"):
        load(write(folder, model_naming("a.bin")))


def test_load__external_data_that_is_a_folder__is_refused(folder):
    (folder / "a.bin").mkdir()
    with pytest.raises(BadModel, match="is no file"):
        load(write(folder, model_naming("a.bin")))


def test_load__bytes_that_name_external_data__are_refused():
    with pytest.raises(BadModel, match="load it from its path"):
        load(model_naming("a.bin"))


def test_load__tensor_with_two_locations__is_refused(folder):
    model = onnx.ModelProto.FromString(model_naming("a.bin"))
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "b.bin"
    with pytest.raises(BadModel, match="names 2 external locations"):
        load(write(folder, model.SerializeToString()))


def test_load__external_tensor_without_location__is_refused(folder):
    model = onnx.ModelProto.FromString(model_naming("a.bin"))
    del model.graph.initializer[0].external_data[:]
    with pytest.raises(BadModel, match="names 0 external locations"):
        load(write(folder, model.SerializeToString()))


@pytest.mark.parametrize("path", ["missing.onnx", "nul\0.onnx", ""])
def test_load__path_that_cannot_be_read__is_refused(folder, path):
    with pytest.raises(BadModel, match="cannot read the model") as caught:
        load(folder / path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (b"", "it has no graph"),
        (b"not a model", "it does not parse"),
        (model_naming("a")[:-3], "it does not parse"),
        (b"\xff" * 1000, "it does not parse"),
        (onnx.ModelProto(producer_name="nobody").SerializeToString(), "it has no graph"),
        (b"\x3a" + b"\x80" * 20, "it does not parse"),
    ],
)
def test_load__no_model__is_refused(graph, message):
    with pytest.raises(BadModel, match=message):
        load(graph)


def test_load__nested_past_what_protobuf_reads__is_refused():
    inner = b""
    for _ in range(2000):  # graph → node → attribute → graph …
        for tag in (0x32, 0x2A, 0x0A):
            inner = bytes([tag]) + varint(len(inner)) + inner
    with pytest.raises(BadModel, match="it does not parse"):
        load(b"\x3a" + varint(len(inner)) + inner)


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


@given(st.binary(max_size=200))
def test_load__any_bytes__are_a_model_or_bad_model(raw):
    try:
        load(raw)
    except BadModel as error:
        assert "\n" not in str(error)


def test_external_locations__onnxruntime_s_own_format__has_none():
    assert external_locations(b"\x18\0\0\0ORTM" + bytes(100)) == set()


def test_external_locations__onnx_dressed_as_onnxruntime_s_format__is_still_searched():
    """Bytes 4 to 8 decide which format it is; protobuf lets a producer choose them."""
    model = model_naming("hidden.bin")
    dressed = b"\x12\x06xxORTM" + model
    assert dressed[4:8] == b"ORTM"
    assert external_locations(dressed) == {"hidden.bin"}
