"""Tensors of every type: bytes as onnx writes raw data, and back."""

import ml_dtypes
import numpy as np
import onnx
import pytest
from counterfoil.errors import BadTensor, BigEndianTensor
from counterfoil.formats.dtypes import NAMES, NUMBERS, PACKED, STRING, WIDTHS
from counterfoil.formats.tensor import Tensor
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import numpy_helper

PLAIN = [name for name in NUMBERS if NUMBERS[name] in WIDTHS]
FOUR_BITS = ["uint4", "int4", "float4_e2m1fn"]
TWO_BITS = ["uint2", "int2"]


def numpy_type(name):
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def any_bits(name, raw):
    """An array of all the bits in `raw`, of whatever type."""
    return np.frombuffer(raw, dtype=np.uint8).view(numpy_type(name))


@pytest.mark.parametrize("name", PLAIN)
@given(shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5), data=st.data())
def test_of__every_plain_type_and_any_bits__is_onnx_raw_data(name, shape, data):
    width = WIDTHS[NUMBERS[name]]
    count = int(np.prod(shape))
    raw = data.draw(st.binary(min_size=count * width, max_size=count * width))
    array = any_bits(name, raw).reshape(shape) if count else np.zeros(shape, numpy_type(name))
    expected = numpy_helper.from_array(array)
    tensor = Tensor.of("x", array)
    assert tensor.data == expected.raw_data == raw
    assert tensor.dtype == expected.data_type
    assert tensor.shape == tuple(expected.dims)
    back = tensor.array()
    assert back.dtype == array.dtype
    assert back.shape == shape
    assert back.tobytes() == raw


@pytest.mark.parametrize("name", FOUR_BITS)
@given(values=st.lists(st.integers(0, 15), max_size=9))
def test_of__four_bits__is_onnx_raw_data(name, values):
    array = packed_array(name, values, 4)
    expected = numpy_helper.from_array(array)
    tensor = Tensor.of("x", array)
    assert tensor.data == expected.raw_data
    assert tensor.dtype == expected.data_type
    assert np.array_equal(tensor.array().astype(np.float32), array.astype(np.float32))
    assert tensor.array().dtype == numpy_helper.to_array(expected).dtype


@pytest.mark.parametrize("name", TWO_BITS)
@given(values=st.lists(st.integers(0, 3), max_size=9))
def test_of__two_bits__first_element_is_lowest(name, values):
    tensor = Tensor.of("x", packed_array(name, values, 2))
    expected = sum(value << 2 * place for place, value in enumerate(values))
    assert tensor.data == expected.to_bytes(-(-len(values) // 4), "little")
    signed = [v - 4 if name == "int2" and v > 1 else v for v in values]
    assert tensor.array().astype(np.int32).tolist() == signed


def packed_array(name, values, bits):
    raw = np.array(values, dtype=np.uint8)
    if name.startswith("int"):
        raw = raw | np.where(raw >> (bits - 1), 0xFF << bits & 0xFF, 0).astype(np.uint8)
    return raw.astype(np.uint8).view(numpy_type(name))


def test_dtypes__numbers__are_onnx_s():
    theirs = dict(onnx.TensorProto.DataType.items())
    for name, number in NUMBERS.items():
        if name in TWO_BITS and number not in theirs.values():
            continue  # this onnx is older than they are
        if number == STRING:
            assert theirs["STRING"] == number
        else:
            assert onnx.helper.np_dtype_to_tensor_dtype(numpy_type(name)) == number
    assert set(NAMES) == set(WIDTHS) | set(PACKED) | {STRING}
    # Six-bit floats came after the format: they are refused, as every unknown number is
    assert {n for n in theirs.values() if n} - {27, 28} <= set(NAMES)


@given(
    items=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=6),
    rank=st.integers(1, 3),
)
def test_of__strings__are_lengths_and_utf_8(items, rank):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    array = array.reshape((1,) * (rank - 1) + (-1,))
    tensor = Tensor.of("x", array)
    proto = numpy_helper.from_array(array)
    expected = b"".join(len(s).to_bytes(4, "little") + s for s in proto.string_data)
    assert (tensor.dtype, tensor.data) == (proto.data_type, expected)
    assert tensor.array().tolist() == array.tolist()
    assert tensor.array().shape == array.shape


def test_of__a_string_alone__has_no_dimension():
    tensor = Tensor.of("x", "é")
    assert (tensor.shape, tensor.data) == ((), b"\2\0\0\0\xc3\xa9")
    assert tensor.array().item() == "é"
    assert Tensor.of("x", np.array(["ab", "c"])).data == b"\2\0\0\0ab\1\0\0\0c"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([b"ab", "c"], dtype=object), "may hold str only, found bytes"),
        (np.array([1, "c"], dtype=object), "may hold str only, found int"),
        (np.array([None], dtype=object), "may hold str only, found NoneType"),
        (np.array([b"ab", b"c"]), "misreads arrays of bytes"),
        (np.array(["a\0b"]), "cuts fixed-width text at a NUL"),
        (np.array(["\ud800"], dtype=object), "a string has no UTF-8"),
        ([[1], [1, 2]], "NumPy makes no array of it"),
        (np.array(["2020-01-01"], dtype="M8[s]"), "ONNX has no element type datetime64"),
        (np.zeros(2, dtype=[("a", "i4")]), "ONNX has no element type"),
        (np.zeros(2, dtype=np.longdouble), "ONNX has no element type"),
        (np.zeros(2, dtype=ml_dtypes.float8_e3m4), "ONNX has no element type float8_e3m4"),
        (None, "may hold str only, found NoneType"),
        ({1: 2}, "may hold str only, found dict"),
    ],
)
def test_of__no_tensor__is_refused(value, message):
    with pytest.raises(BadTensor, match=message) as caught:
        Tensor.of("x", value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [">f4", ">i8", ">u2", ">c8", ">f2", ">U3"])
def test_of__big_endian__is_refused_with_the_way_out(kind):
    array = np.zeros(3, dtype=kind)
    with pytest.raises(BigEndianTensor, match=r"convert it with \.astype\('<") as caught:
        Tensor.of("x", array)
    way_out = str(caught.value).split("astype('")[1][:-2]
    assert Tensor.of("x", array.astype(way_out)).shape == (3,)


def test_of__one_byte_types__have_no_endianness():
    assert Tensor.of("x", np.zeros(2, dtype=">i1")).data == b"\0\0"


def test_of__non_contiguous_views__are_read_in_c_order():
    base = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
    for view in (base.T, base[::-1, :, ::2], np.asfortranarray(base), base[:, 1], base[..., :0]):
        assert Tensor.of("x", view).data == np.ascontiguousarray(view).tobytes()
    assert Tensor.of("x", np.broadcast_to(np.float32(1.5), (2, 2))).data == (
        np.full((2, 2), 1.5, np.float32).tobytes()
    )


def test_of__masked_array__has_the_bytes_that_onnxruntime_reads():
    data = np.array([1.0, 2.0], dtype=np.float32)
    masked = np.ma.masked_array(data, mask=[False, True], fill_value=9)
    assert Tensor.of("x", masked).data == data.tobytes()


def test_of__nan_payloads_and_minus_zero__are_kept():
    raw = np.array([0x7FC00001, 0xFF812345, 0x80000000], dtype="<u4").tobytes()
    tensor = Tensor.of("x", np.frombuffer(raw, dtype="<f4"))
    assert tensor.data == raw
    assert tensor.data != Tensor.of("x", np.array([np.nan, np.nan, 0], dtype=np.float32)).data


def test_tensor__wrong_length__is_refused():
    for dtype, shape, right in ((1, (2, 3), 24), (22, (3,), 2), (26, (5,), 2), (9, (), 1)):
        Tensor(name="x", dtype=dtype, shape=shape, data=bytes(right))
        for length in (right - 1, right + 1):
            with pytest.raises(BadTensor, match=f"has {right} bytes, not {length}"):
                Tensor(name="x", dtype=dtype, shape=shape, data=bytes(length))


@pytest.mark.parametrize(
    ("dtype", "shape", "message"),
    [
        (0, (), "no element type has the number 0"),
        (27, (), "no element type has the number 27"),
        (1, (-1,), "a dimension is outside"),
        (1, (2**64,), "a dimension is outside"),
        (8, (2**64,), "a dimension is outside"),
        (1, (2**62,), "its shape is too large"),
        (1, (2**64 - 1,) * 64, "its shape is too large"),
    ],
)
def test_tensor__no_such_type_or_shape__is_refused(dtype, shape, message):
    with pytest.raises(BadTensor, match=message):
        Tensor(name="x", dtype=dtype, shape=shape, data=b"")


def test_tensor__name_without_utf_8__is_refused():
    with pytest.raises(BadTensor, match="its name has no UTF-8"):
        Tensor.of("\udcff", np.zeros(1))


def test_tensor__long_name__gives_a_short_message():
    with pytest.raises(BadTensor) as caught:
        Tensor.of("line\n" * 10**6, np.array([None]))
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "shape", "data", "message"),
    [
        (8, (2,), b"", "hold 0 strings"),
        (8, (1,), b"\1\0\0\0a\0\0\0\0", "hold 2 strings"),
        (8, (1,), b"\2\0\0\0a", "its last string is cut off"),
        (8, (1,), b"\0\0", "its last string is cut off"),
        (8, (1,), b"\1\0\0\0\xff", "a string is no UTF-8"),
        (1, (0, 2**63), b"", "NumPy has no array of its shape"),
        (1, (1,) * 65, b"\0\0\0\0", "NumPy has no array of its shape"),
        (8, (0, 2**63), b"", "NumPy has no array of its shape"),
        (21, (0, 2**63), b"", "NumPy has no array of its shape"),
    ],
)
def test_array__bytes_that_are_no_array__are_refused(dtype, shape, data, message):
    tensor = Tensor(name="x", dtype=dtype, shape=shape, data=data)
    with pytest.raises(BadTensor, match=message):
        tensor.array()
