"""Data that is damaged, or that nobody meant for a model: an error of ours that says which row."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from counterfoil.errors import BadDataSet, BadRow
from counterfoil.mapping import open_data
from counterfoil.mapping.columns import Input, feed

X = (Input(name="x", column="x", dtype=1, shape=()),)


def not_utf8() -> pa.Array:
    offsets = pa.py_buffer(np.array([0, 1, 3], np.int32).tobytes())
    return pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"a\xff\xfe")])


def npy(head: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode()


HEAD_IS_NO_CODE = npy("{" + " " * 80)
HEAD_LIES = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }\n")


def read(path: Path, **options):
    data = open_data(path, **options)
    return [feed(values, X) for _, values in data.read(0, data.rows, ["x"])]


@pytest.mark.parametrize(
    ("column", "match"),
    [
        (pa.array([{"a": 1}, {"a": 2}]), "holds object"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "holds"),
        (pa.array([1, 2], pa.timestamp("s")), "holds"),
        (pa.array([2**60], pa.timestamp("ms")), "row 0: a value that cannot be read"),
        (not_utf8(), "row 1: a value that cannot be read"),
        (pa.array([[[1.0], [None]]]), "row 0: .* without a value"),
        (pa.nulls(2), "has no value"),
    ],
)
def test_read__parquet_of_no_numbers__bad_row(tmp_path, column, match):
    pq.write_table(pa.table({"x": column}), tmp_path / "d.parquet")
    data = open_data(tmp_path / "d.parquet")
    strings = Input(name="x", column="x", dtype=8, shape=())
    with pytest.raises(BadRow, match=match):
        for _, values in data.read(0, data.rows, ["x"]):
            feed(values, [strings] if pa.types.is_string(column.type) else X)


def test_open__parquet_with_a_name_twice__said(tmp_path):
    table = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["x", "x"])
    pq.write_table(table, tmp_path / "d.parquet")
    with pytest.raises(BadDataSet, match="2 columns called 'x'"):
        open_data(tmp_path / "d.parquet")


@pytest.mark.parametrize("content", [HEAD_IS_NO_CODE, HEAD_LIES, b"", b"\x93NUMPY"])
def test_read__damaged_npy__bad_row_with_its_file(tmp_path, content):
    (tmp_path / "d").mkdir()
    np.save(tmp_path / "d" / "a.npy", np.ones(3))
    (tmp_path / "d" / "b.npy").write_bytes(content)
    data = open_data(tmp_path / "d", decode="npy")
    with pytest.raises(BadRow, match=r"row 1, b\.npy: not to be read as npy"):
        list(data.read(0, 2, ["file"]))
    assert data.file(1) == "b.npy"


@pytest.mark.parametrize("head", [HEAD_IS_NO_CODE, HEAD_LIES])
def test_open__npz_with_a_damaged_array__said(tmp_path, head):
    import zipfile

    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x.npy", head)
    with pytest.raises(BadDataSet, match="no npz file"):
        open_data(tmp_path / "d.npz")


def test_open__a_name_that_is_no_utf8__said(tmp_path):
    (tmp_path / "d").mkdir()
    try:
        (Path(os.fsdecode(os.fsencode(tmp_path / "d") + b"/\xff.bin"))).write_bytes(b"a")
    except OSError:
        pytest.skip("the file system takes no such name")
    with pytest.raises(BadDataSet, match="no UTF-8"):
        open_data(tmp_path / "d")


def test_open__jsonl_folder_with_an_empty_first_file__columns_of_the_next(tmp_path):
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "b.jsonl").write_text('no json\n{"x": 1}\n')
    (tmp_path / "c.jsonl").write_text('{"y": 1}\n')
    data = open_data(tmp_path)
    assert (data.rows, data.columns) == (3, ("x",))


def test_open__jsonl_without_one_object__says_the_first(tmp_path):
    (tmp_path / "d.jsonl").write_text("[1]\nno json\n")
    with pytest.raises(BadRow, match="not an object"):
        open_data(tmp_path / "d.jsonl")


@pytest.mark.parametrize("line", ["[9223372036854775809, -1]", "[9007199254740993, 0.5]"])
def test_feed__an_integer_that_its_list_makes_a_float__bad_row(tmp_path, line):
    (tmp_path / "d.jsonl").write_text(f'{{"x": {line}}}\n')
    doubles = [Input(name="x", column="x", dtype=11, shape=())]
    (values,) = [v for _, v in open_data(tmp_path / "d.jsonl").read(0, 1, ["x"])]
    with pytest.raises(BadRow, match="too large"):
        feed(values, doubles)
    assert feed({"x": [2**53 + 2, 0.5, 1e300]}, doubles)["x"].tolist() == [2**53 + 2, 0.5, 1e300]


@pytest.mark.parametrize(("dtype", "bits"), [(1, 24), (11, 53), (10, 11)])
def test_feed__integers_to_floats__all_that_fit_and_no_other(dtype, bits):
    one = [Input(name="x", column="x", dtype=dtype, shape=())]
    for kind in (np.int64, np.uint64):
        fits = np.array([2**bits, 2**bits - 1, 2 ** (bits + 1)], kind)
        assert [int(v) for v in feed({"x": fits}, one)["x"]] == fits.tolist()
        with pytest.raises(BadRow, match="does not fit"):
            feed({"x": np.array([2**bits + 1], kind)}, one)
    lowest = np.array([-(2**63)], np.int64)
    if dtype != 10:
        assert int(feed({"x": lowest}, one)["x"][0]) == -(2**63)
