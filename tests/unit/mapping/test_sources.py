"""Data sets: rows with a number that stays, and a digest that any change changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from counterfoil.errors import BadDataSet, BadRow
from counterfoil.mapping import open_data
from counterfoil.mapping.columns import Input, feed
from support.data_sets import DECODE, KINDS, rows, save, save_parquet

X = (Input(name="x", column="x", dtype=1, shape=(-1, 4)),)
FILE = (Input(name="x", column="file", dtype=1, shape=(-1, 4)),)


@pytest.mark.parametrize("kind", KINDS)
def test_read__every_kind__the_same_rows_from_anywhere(tmp_path, kind):
    values = rows(600 if kind == "jsonl" else 50)
    data = open_data(save(tmp_path, kind, values), decode=DECODE.get(kind, "bytes"))
    assert data.rows == len(values)
    inputs = FILE if data.format == "files" else X
    for start, stop in [(0, data.rows), (3, 20), (15, 17), (data.rows - 1, data.rows), (5, 5)]:
        found = list(data.read(start, stop, [inputs[0].column]))
        assert len(found) == stop - start
        for (_, value), wanted in zip(found, values[start:stop], strict=True):
            assert feed(value, inputs)["x"].tobytes() == wanted.tobytes()


def test_read__jsonl_across_marks__right_rows(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_text("".join(f'{{"n": {n}}}\n' + "\n" * (n % 3) for n in range(1000)))
    data = open_data(path)
    assert data.rows == 1000
    for start, stop in [(0, 3), (255, 258), (511, 513), (700, 1000)]:
        assert [v["n"] for _, v in data.read(start, stop, ["n"])] == list(range(start, stop))


def test_read__folder_of_files__in_byte_order_with_their_names(tmp_path):
    for name in ("b", "a", "Z", "sub/c", ".hidden"):
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_bytes(name.encode())
    data = open_data(tmp_path / "d")
    assert [file for file, _ in data.read(0, 9, [])] == ["Z", "a", "b", "sub/c"]
    assert data.columns == ("file",)


@pytest.mark.parametrize("kind", ["parquet folder", "jsonl", "npz", "raw files"])
def test_digest__any_byte_or_name__another(tmp_path, kind):
    path = save(tmp_path, kind, rows())
    first = open_data(path)
    assert open_data(path).digest == first.digest
    one = next(p for p in sorted([path, *path.rglob("*")]) if p.is_file() and p.stat().st_size)
    if path.is_dir():
        renamed = one.with_name("zz" + one.suffix)
        one.rename(renamed)
        assert open_data(path).digest != first.digest
        renamed.rename(one)
    assert open_data(path).digest == first.digest
    save_other = rows() + np.float32(1)
    if kind == "parquet folder":
        save_parquet(one, save_other[:16])
    elif kind == "npz":
        np.savez(path, x=save_other)
    else:
        one.write_bytes(one.read_bytes().replace(b"0", b"1", 1) + b"\n\n")
    assert open_data(path).digest != first.digest


def test_open__other_column_types__as_the_data_has_them(tmp_path):
    table = pa.table({
        "scalar": pa.array([1, 2]),
        "text": ["one", "two"],
        "ragged": pa.array([[1.0], [2.0, 3.0]]),
        "nested": pa.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]),
        "bytes": pa.array([b"ab", b"c"]),
        "flag": [True, False],
        "gap": pa.array([[1.0, None], [2.0, 3.0]]),
        "none": pa.array([None, 1.5]),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "d.parquet")
    data = open_data(tmp_path / "d.parquet")
    names = [n for n in data.columns if n != "gap"]
    first, second = [values for _, values in data.read(0, 2, names)]
    assert first["scalar"] == 1 and second["text"] == "two" and bool(first["flag"])
    assert second["ragged"].tolist() == [2.0, 3.0]
    assert np.asarray(second["nested"]).tolist() == [[5, 6], [7, 8]]
    assert first["bytes"].tolist() == [97, 98]
    assert first["none"] is None or np.isnan(first["none"])
    with pytest.raises(BadRow, match="without a value"):
        list(data.read(0, 1, ["gap"]))


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("d.csv", b"a,b", "no known kind"),
        ("d.parquet", b"nothing", "no Parquet"),
        ("d.npz", b"nothing", "no npz"),
        ("gone.npz", None, "no data set"),
    ],
)
def test_open__no_data_set__said(tmp_path, name, content, match):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadDataSet, match=match):
        open_data(tmp_path / name)


def test_open__npz_without_common_rows__said(tmp_path):
    np.savez(tmp_path / "d.npz", a=np.zeros(3), b=np.zeros(4))
    with pytest.raises(BadDataSet, match="no first dimension in common"):
        open_data(tmp_path / "d.npz")


def test_open__parts_with_other_columns__said(tmp_path):
    save(tmp_path, "parquet folder", rows())
    save_parquet(tmp_path / "d" / "c.parquet", rows(), column="y")
    with pytest.raises(BadDataSet, match="other columns"):
        open_data(tmp_path / "d")


def test_open__decode_without_files__said(tmp_path):
    with pytest.raises(BadDataSet, match="--decode"):
        open_data(save(tmp_path, "npz", rows()), decode="raw")


@pytest.mark.parametrize("line", [b"[1]", b"{", b'{"x": 1, "x": 2}', b'{"x": NaN}', b"\xff"])
def test_read__no_json_object__bad_row(tmp_path, line):
    (tmp_path / "d.jsonl").write_bytes(b'{"x": 1}\n' + line + b"\n")
    data = open_data(Path(tmp_path / "d.jsonl"))
    with pytest.raises(BadRow, match="row 1"):
        list(data.read(0, 2, ["x"]))
