"""Runs that a fault court may ask for: kept until it cannot any more, and shown to nobody else."""

from __future__ import annotations

import pytest
from counterfoil.errors import StillSummonable
from counterfoil.formats.tensor import Tensor
from counterfoil.formats.trace import trace_digest
from counterfoil.hashing.signature import recover
from counterfoil.journal import OnlyForCourt
from support.journals import GENESIS, NOW, OPERATOR, digest, draft, log

NOTHING, EVERYTHING = OnlyForCourt.NOTHING, OnlyForCourt(7)
TENSOR = (Tensor(name="a", dtype=2, shape=(1,), data=b"\x07"),)


def run(of, only, **fields):
    return draft(of, inputs_tensors=TENSOR, outputs_tensors=TENSOR, summonable=only, **fields)


def settled(journal, posted_at):
    """All that waits, in one final batch."""
    journal.note_chain(GENESIS, log(), NOW)
    first = journal.cut_batch().batch.first
    journal.mark_posted(first, posted_at, digest("t"), 1)
    journal.mark_final(first)


def bytes_of(opening):
    return [None if side is None else side.tensors for side in (opening.inputs, opening.outputs)]


def test_for_court__kept_for_nobody_else__the_court_alone_sees_it(journal):
    journal.seal_many([run(n, OnlyForCourt(n)) for n in range(8)])
    for number in range(8):
        found = journal.for_court(number)
        assert bytes_of(found) == [TENSOR, TENSOR]
        assert found.inputs.master == draft(number).input_master
        shown, only = journal.receipt_file(number).opening, OnlyForCourt(number)
        assert journal.masters(number) == (
            None if OnlyForCourt.INPUTS in only else draft(number).input_master,
            None if OnlyForCourt.OUTPUTS in only else draft(number).output_master,
        )
        if OnlyForCourt.TENSORS in only or only == OnlyForCourt(3):
            assert shown is None
        else:
            assert (shown.inputs is None) == (OnlyForCourt.INPUTS in only)
            assert (shown.outputs is None) == (OnlyForCourt.OUTPUTS in only)


def test_forget__can_be_summoned__stays(journal, clock):
    journal.seal(run(0, NOTHING, keep_until=NOW + 10))
    journal.seal(draft(1, inputs_tensors=TENSOR, keep_until=NOW + 10))
    clock.at = NOW + 11
    assert journal.summonable() == 1
    assert journal.forget() == 1  # the other one's
    assert journal.forget(everything=True) == 0
    assert bytes_of(journal.for_court(0)) == [TENSOR, TENSOR]


def test_forget_masters__can_be_summoned__refused_and_none_forgotten(journal):
    journal.seal(draft(0))
    journal.seal_many([run(n, EVERYTHING) for n in (1, 2)])
    with pytest.raises(StillSummonable, match="receipts 1 to 2 of exact programs"):
        journal.forget_masters(0, 3)
    assert journal.masters(0)[0] is not None
    assert journal.forget_masters(0, 1) == 1


def test_release__time_over__what_was_kept_for_the_court_alone_is_gone(journal):
    journal.seal_many([run(n, OnlyForCourt(n)) for n in range(8)])
    settled(journal, NOW + 50)
    assert journal.release(NOW + 50) == 0
    assert journal.release(NOW + 51) == 8
    assert journal.summonable() == 0
    for number in range(8):
        only, found = OnlyForCourt(number), journal.for_court(number)
        masters = journal.masters(number)
        assert (masters[0] is None) == (OnlyForCourt.INPUTS in only)
        assert (masters[1] is None) == (OnlyForCourt.OUTPUTS in only)
        if OnlyForCourt.TENSORS in only or only == OnlyForCourt(3):
            assert found is None
        else:
            assert (found.inputs is None) == (OnlyForCourt.INPUTS in only)
            assert (found.outputs is None) == (OnlyForCourt.OUTPUTS in only)


def test_release__open_case_or_not_settled__stays(journal):
    journal.seal_many([run(n, EVERYTHING) for n in range(3)])
    settled(journal, NOW)
    journal.seal(run(3, EVERYTHING))
    assert journal.release(NOW + 1, {1}) == 2
    assert [journal.for_court(n) is None for n in range(4)] == [True, False, True, False]
    assert journal.release(NOW + 1) == 1
    assert journal.summonable() == 1  # in no batch yet


def test_release__masters_of_nobody_else__others_untouched(journal):
    journal.seal_many([run(0, EVERYTHING), draft(1, inputs_tensors=TENSOR)])
    settled(journal, NOW)
    assert journal.release(NOW + 1) == 1
    assert journal.masters(1) == (draft(1).input_master, draft(1).output_master)
    assert journal.receipt_file(1).opening.inputs.tensors == TENSOR


def test_sign_trace__log_key(journal):
    signed = journal.sign_trace(digest("receipt"), digest("root"), OPERATOR)
    said = trace_digest(journal.chain_id, OPERATOR, digest("receipt"), digest("root"))
    assert recover(said, signed) == journal.signer
