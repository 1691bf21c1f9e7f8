"""`counterfoil challenge` without a node: what the file alone shows is said first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from counterfoil.formats.receipt_file import ReceiptFile


def test_challenge__receipt_of_no_program__said_before_a_node_is_asked_for(invoke, receipt):
    answer = invoke("challenge", receipt)
    assert answer.code == 65
    assert "no exact program" in answer.complaint


def test_challenge__file_opens_nothing__said_before_a_node_is_asked_for(invoke, receipt):
    file = ReceiptFile.load(receipt)
    bare = Path("bare.json")
    replace(file, opening=None, preimage=None).write(bare)
    answer = invoke("challenge", bare)
    assert answer.code == 65
    assert "does not open inputs and outputs whole" in answer.complaint


def test_challenge__may_be_of_a_program__asks_for_a_node(invoke, receipt):
    file = ReceiptFile.load(receipt)
    silent = Path("silent.json")
    replace(file, preimage=None).write(silent)
    assert "names no node" in invoke("challenge", silent).complaint
