"""How a receipt prints: one line, and HTML that is parsed here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import counterfoil
import numpy as np
import pytest
from counterfoil.config import load_profile
from counterfoil.hashing.merkle import path_length
from counterfoil.hashing.types import Digest, Seconds
from counterfoil.inference import portrait
from counterfoil.journal import Journal
from onnx import helper

from . import small_models

EVIL = "<script>alert('x')</script>\"&"


@pytest.fixture
def journal(home: Path) -> Iterator[Journal]:
    with Journal.open(load_profile()) as made:
        yield made


def receipts(
    journal: Journal, count: int, model: bytes | None = None
) -> list[counterfoil.SealedReceipt]:
    session = counterfoil.InferenceSession(
        model or small_models.identity(small_models.FLOAT), journal=journal
    )
    name = session.get_inputs()[0].name
    made = [session.run_with_receipt(None, {name: np.float32([n])})[1] for n in range(count)]
    return [m for m in made if m is not None]


def post(journal: Journal) -> None:
    file = journal.cut_batch()
    assert file is not None
    first, now = file.batch.first, Seconds(int(time.time()))
    journal.mark_sent(first, Digest(bytes(32)), 0, now)
    journal.mark_posted(first, now, Digest(bytes(32)), 5)


def parsed(receipt: counterfoil.SealedReceipt) -> ElementTree.Element:
    """The page as a tree: well formed, and without anything that runs or loads."""
    tree = ElementTree.fromstring(receipt._repr_html_())
    for element in tree.iter():
        assert element.tag.rpartition("}")[2] in {
            "div", "b", "code", "table", "tr", "th", "td", "svg", "title", "g", "path", "circle",
            "rect",
        }  # fmt: skip
        assert not {name for name in element.attrib if name.startswith("on")} | (
            {"href", "src"} & set(element.attrib)
        )
    return tree


def rows(tree: ElementTree.Element) -> dict[str, str]:
    return {"".join(row[0].itertext()): "".join(row[1].itertext()) for row in tree.iter("tr")}


def test_html__sealed__what_ran_by_whom_and_state(journal: Journal) -> None:
    (receipt,) = receipts(journal, 1)
    tree = parsed(receipt)
    shown = rows(tree)
    assert shown["state"].startswith("sealed: ")
    assert shown["model"].endswith(f"0x{receipt.receipt.model.hex()}")
    assert receipt.runtime.machine in shown["runtime"]
    assert shown["inputs"] == "x float32[1]" and shown["outputs"] == "y float32[1]"
    assert receipt.receipt.signer in shown["by"] and "no operator" in shown["by"]
    assert shown["promised"] == "no time of settlement"
    assert not list(tree.iter("{http://www.w3.org/2000/svg}svg"))
    assert receipt.input_master.hex() not in receipt._repr_html_()


def test_html__names_of_a_hostile_model__escaped(journal: Journal) -> None:
    node = helper.make_node("Identity", [EVIL], ["out<b>"])
    model = small_models.model(
        [node],
        [small_models.tensor(EVIL, small_models.FLOAT, ["n"])],
        [small_models.tensor("out<b>", small_models.FLOAT, ["n"])],
    )
    (receipt,) = receipts(journal, 1, model)
    shown = rows(parsed(receipt))
    assert shown["inputs"] == f"{EVIL} float32[1]"
    assert "<script" not in receipt._repr_html_()


def test_html__posted__its_path_is_drawn(journal: Journal) -> None:
    made = receipts(journal, 5)
    post(journal)
    for receipt in made:
        tree = parsed(receipt)
        assert rows(tree)["state"].startswith("posted: ")
        assert rows(tree)["batch"].startswith("of 5 from 0, ")
        (title,) = tree.iter("{http://www.w3.org/2000/svg}title")
        steps = path_length(receipt.receipt.sequence, 5)
        assert f"The path of {steps} steps from receipt {receipt.receipt.sequence}" in (
            title.text or ""
        )
        assert len(list(tree.iter("{http://www.w3.org/2000/svg}circle"))) == 2 * steps


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_sides__as_the_tree_has_them(size: int) -> None:
    """Held against RFC 9162 by its own definition: split at the largest power of two below n."""

    def expected(index: int, count: int) -> list[str]:
        if count == 1:
            return []
        split = 1 << ((count - 1).bit_length() - 1)
        if index < split:
            return [*expected(index, split), "right"]
        return [*expected(index - split, count - split), "left"]

    for index in range(size):
        assert portrait._sides(index, size) == expected(index, size)
        assert len(portrait._sides(index, size)) == path_length(index, size)


def test_state__sealed_then_posted_then_final(journal: Journal) -> None:
    (receipt,) = receipts(journal, 1)
    assert receipt.state == "sealed" and receipt.inclusion is None
    post(journal)
    assert receipt.state == "posted"
    journal.mark_final(0)
    assert receipt.state == "final"
    assert receipt.file(inclusion=True).inclusion == receipt.inclusion
    assert receipt.file().inclusion is None


def test_state__journal_closed_by_its_owner__asked_anew(home: Path) -> None:
    with Journal.open(load_profile()) as journal:
        (receipt,) = receipts(journal, 1)
        post(journal)
    assert receipt.state == "posted"
    assert receipt.inclusion is not None


def test_print__journal_gone__unknown_not_an_error(home: Path) -> None:
    with Journal.open(load_profile()) as journal:
        (receipt,) = receipts(journal, 1)
    for path in (home / "data").rglob("journal.db*"):
        path.unlink()
    assert str(receipt).endswith(", unknown")
    assert rows(parsed(receipt))["state"].startswith("unknown: ")


def test_str__one_line_that_fits(journal: Journal) -> None:
    (receipt,) = receipts(journal, 1)
    line = str(receipt)
    assert "\n" not in line and len(line) < 140
    assert line.startswith(f"receipt 0 of {receipt.receipt.signer[:8]}…")
    assert "model.onnx, " in line and line.endswith(", sealed")
    assert (
        repr(receipt) == f"<SealedReceipt 0 of {receipt.receipt.signer}, 0x{receipt.digest.hex()}>"
    )
