"""Outputs through Parquet and back, bit for bit; requests of a job."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from counterfoil.errors import BadColumns
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.keccak import keccak
from counterfoil.mapping import job, tables
from counterfoil.mapping.tables import OutputRow


def through(tmp_path, rows):
    path = tmp_path / "part.parquet"
    path.write_bytes(tables.outputs(rows))
    return list(tables.read_outputs(path))


def test_outputs__odd_floats__every_bit_kept(tmp_path):
    bits = np.array(
        [0x7FC00000, 0x7FC00001, 0xFFC12345, 0x80000000, 0, 1, 0x7F800000, 0x7FC00000], np.uint32
    )
    tensor = Tensor.of("y", bits.view(np.float32).reshape(1, 8))
    rows = [OutputRow(row=n, file=None, tensors=(tensor,)) for n in range(40)]
    assert through(tmp_path, rows) == rows


@pytest.mark.parametrize("name", sorted(set(NUMBERS) - {"string"}))
def test_outputs__every_element_type__every_bit_kept(tmp_path, name):
    number = NUMBERS[name]
    size = {"bool": 6}.get(name)
    raw = np.random.default_rng(1).bytes(96) if size is None else bytes([0, 1, 1, 0, 1, 0])
    from counterfoil.formats.dtypes import PACKED, WIDTHS

    count = len(raw) * 8 // PACKED[number] if number in PACKED else len(raw) // WIDTHS[number]
    tensor = Tensor(name="y", dtype=number, shape=(1, count), data=raw)
    rows = [OutputRow(row=3, file="a/b", tensors=(tensor,))]
    assert through(tmp_path, rows) == rows


def test_outputs__shapes_that_vary_strings_and_gaps(tmp_path):
    rows = [
        OutputRow(row=n, file=None, tensors=tensors)
        for n, tensors in enumerate(
            [
                (Tensor.of("y", np.zeros((1, 0), np.int64)), Tensor.of("s", np.array(["é", ""]))),
                (Tensor.of("y", np.arange(6).reshape(2, 3)),),
                (),
                (Tensor.of("s", np.array([["x"]])),),
            ]
        )
    ]
    assert through(tmp_path, rows) == rows
    table = pq.read_table(tmp_path / "part.parquet")
    assert table.column("y").to_pylist() == [[], [0, 1, 2, 3, 4, 5], None, None]
    assert table.column("y.shape").to_pylist() == [[1, 0], [2, 3], None, None]


@pytest.mark.parametrize("name", ["row", "file"])
def test_outputs__called_as_our_columns__said(name):
    tensor = Tensor.of(name, np.zeros(1))
    with pytest.raises(BadColumns, match="rename"):
        tables.outputs([OutputRow(row=0, file="f", tensors=(tensor,))])


def a_job(tmp_path, **fields):
    return job.begin(
        tmp_path,
        **{
            "model": bytes([1]) * 32,
            "data": bytes([2]) * 32,
            "rows": 70,
            "options": {"block": 32},
            "chain_id": 1,
            "ledger": "0x" + "11" * 20,
            "logs": {"0x" + "22" * 20: 5},
            **fields,
        },
    )


def test_job__requests__keccak_of_job_and_row_and_no_other_jobs(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = a_job(tmp_path / "a"), a_job(tmp_path / "b")
    assert one.digest != two.digest  # of the nonce alone
    found = one.requests(0, 70)
    for row in (0, 1, 69):
        assert found[row].tobytes() == keccak(one.digest + row.to_bytes(8, "big"))
    assert one.requests(5, 5).shape == (0, 32)
    assert [one.span(block) for block in range(one.blocks)] == [(0, 32), (32, 64), (64, 70)]


def test_job__loaded__is_the_same_and_edited_is_refused(tmp_path):
    from counterfoil.errors import BadJob

    made = a_job(tmp_path)
    assert job.load(tmp_path) == made
    path = tmp_path / job.MANIFEST
    path.write_text(path.read_text().replace('"rows": 70', '"rows": 71'))
    with pytest.raises(BadJob, match="by hand"):
        job.load(tmp_path)
    path.write_text("{")
    with pytest.raises(BadJob):
        job.load(tmp_path)


@pytest.mark.parametrize(
    ("rows", "size", "block"),
    [
        (0, 0, 32),
        (10, 40, 32),
        (10**6, 4 * 10**6, 3907),
        (10**8, 1, 4096),
        (100, 10**9, 6),
        (5, 10**10, 1),
    ],
)
def test_job__block__bounded_by_rows_and_bytes(rows, size, block):
    assert job.block_rows(rows, size) == block
