"""`prove_conflict` and `prove_double_sign`."""

import pytest
from docket import CAP, CONFLICT, DOUBLE_SIGN, SALT, UNIT


def test_conflict__another_leaf__takes_a_unit(court, docket, book, bonded, challenger, burnt):
    signed = docket.promised(2)
    settled = book.settle(5)
    before = burnt()
    transaction = docket.conflict(signed, settled)

    assert court.bond(bonded).amount == 5 * UNIT // 2 - UNIT
    assert burnt() == before + UNIT - CAP
    assert tuple(court.standing(bonded)) == (transaction.timestamp, CONFLICT, 1)
    assert court.proved(bonded, 2)
    assert transaction.events == [
        court.OffenceProved(
            signer=bonded,
            number=2,
            prover=challenger,
            reason=CONFLICT,
            reward=CAP,
            burnt=UNIT - CAP,
        )
    ]


def test_conflict__the_receipts_own_leaf__reverts(docket, book, bonded, denied):
    settled = book.settle(5)
    docket.commit_to(settled.receipts[2])
    with denied("court: the receipt's own leaf"):
        docket.conflict(settled.receipts[2], settled, commit=False)


def test_conflict__a_leaf_of_another_number__reverts(docket, book, bonded, ledger, denied):
    """An honest batch never shows two leaves at one number: the place is part of the path."""
    settled = book.settle(5)
    receipt = settled.receipts[2]
    docket.commit_to(receipt)
    for number in (0, 1, 3, 4):
        leaf = settled.receipts[number].leaf(book.chain_id, ledger.address)
        for path_of in (2, number):
            with denied("court: leaf not at the number"):
                docket.conflict(
                    receipt,
                    settled,
                    commit=False,
                    leaf=leaf,
                    inclusion=settled.inclusion(path_of).abi(),
                )


def test_conflict__an_inner_node_for_a_leaf__reverts(docket, book, bonded, denied):
    settled = book.settle(4)
    first, size, posted_at, path = settled.inclusion(0).abi()
    node = settled.tree.layers[1][0].tobytes()
    docket.commit_to(settled.receipts[0])
    for size_shown in (size, 2):
        with denied("court: leaf not at the number"):
            docket.conflict(
                settled.receipts[0], settled, commit=False, leaf=node,
                inclusion=(first, size_shown, posted_at, path[1:]),
            )  # fmt: skip


def test_conflict__not_posted__reverts(docket, book, bonded, denied):
    settled = book.settle(2)
    first, size, posted_at, path = settled.inclusion(0).abi()
    signed = docket.promised(0)
    docket.commit_to(signed)
    with denied("court: leaf not at the number"):
        docket.conflict(signed, settled, commit=False, inclusion=(first, size, posted_at + 1, path))


def test_conflict__by_another_key__reverts(court, docket, book, bonded, other_signer, denied):
    settled = book.settle(1)
    signed = docket.promised(0)
    leaf = settled.receipts[0].leaf(book.chain_id, book.ledger.address)
    forged = docket.signed(signed, other_signer)
    with denied("signature: not by the signer"):
        court.prove_conflict(
            signed.abi(), forged, SALT, leaf, settled.inclusion(0).abi(), sender=docket.challenger
        )


def test_double_sign__two_receipts__takes_a_unit(court, docket, bonded, challenger, burnt):
    one, other = docket.promised(7), docket.promised(7, outputs=bytes(32))
    before = burnt()
    transaction = docket.double_sign(one, other)

    assert court.bond(bonded).amount == 5 * UNIT // 2 - UNIT
    assert burnt() == before + UNIT - CAP
    assert tuple(court.standing(bonded)) == (transaction.timestamp, DOUBLE_SIGN, 1)
    assert court.proved(bonded, 7)
    assert transaction.events == [
        court.OffenceProved(
            signer=bonded, number=7, prover=challenger, reason=DOUBLE_SIGN, reward=CAP,
            burnt=UNIT - CAP,
        )
    ]  # fmt: skip


def test_double_sign__in_the_other_order__counts_once(docket, bonded, denied):
    one, other = docket.promised(7), docket.promised(7, outputs=bytes(32))
    docket.double_sign(one, other)
    docket.commit(bytes(32))
    docket.commit_to_both(other, one)
    with denied("bond: offence already proved"):
        docket.double_sign(other, one, commit=False)


def test_double_sign__the_same_receipt__reverts(court, docket, bonded, denied):
    one = docket.promised(7)
    docket.commit_to_both(one, one)
    with denied("court: the same receipt"):
        docket.double_sign(one, one, commit=False)


def test_double_sign__two_numbers__reverts(docket, bonded, denied):
    pair = docket.promised(7), docket.promised(8)
    docket.commit_to_both(*pair)
    with denied("court: two numbers"):
        docket.double_sign(*pair, commit=False)


def test_double_sign__two_signers__reverts(docket, bonded, other_signer, denied):
    pair = docket.promised(7), docket.promised(7, signer=other_signer.address)
    docket.commit_to_both(*pair)
    with denied("court: two signers"):
        docket.double_sign(*pair, commit=False)


@pytest.mark.parametrize("forged", [0, 1])
def test_double_sign__one_by_another_key__reverts(
    court, docket, bonded, other_signer, denied, forged
):
    pair = [docket.promised(7), docket.promised(7, outputs=bytes(32))]
    signatures = [docket.signed(each) for each in pair]
    signatures[forged] = docket.signed(pair[forged], other_signer)
    with denied("signature: not by the signer"):
        court.prove_double_sign(
            pair[0].abi(), signatures[0], pair[1].abi(), signatures[1], SALT,
            sender=docket.challenger,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s[:64], "signature: not 65 bytes"),
        (lambda s: s[:64] + bytes([s[64] - 27]), "signature: v is neither 27 nor 28"),
        (
            lambda s: (
                s[:32]
                + (
                    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
                    - int.from_bytes(s[32:64], "big")
                ).to_bytes(32, "big")
                + bytes([55 - s[64]])
            ),
            "signature: s in the upper half",
        ),
        (lambda s: bytes(64) + s[64:], "signature: recovers to nobody"),
    ],
    ids=["short", "v", "upper half", "zero"],
)
def test_double_sign__signature_of_another_form__reverts(
    court, docket, bonded, denied, change, reason
):
    """One receipt with two forms of one signature is not two receipts; and no form but one."""
    one, other = docket.promised(7), docket.promised(7, outputs=bytes(32))
    with denied(reason):
        court.prove_double_sign(
            *docket.shown(one), other.abi(), change(docket.signed(other)), SALT,
            sender=docket.challenger,
        )  # fmt: skip


def test_double_sign__log_without_a_bond__marks_it(court, docket, log, balance):
    transaction = docket.double_sign(docket.promised(0), docket.promised(0, settle_by=0))
    assert tuple(court.standing(log)) == (transaction.timestamp, DOUBLE_SIGN, 1)
    assert tuple(court.bond(log)) == (0, 0, 0, 0)


def test_make_bond__after_a_mark__keeps_the_mark(court, docket, log, operator):
    docket.double_sign(docket.promised(0), docket.promised(0, settle_by=0))
    mark = tuple(court.standing(log))
    court.make_bond(log, UNIT, sender=operator, value=UNIT)
    assert tuple(court.standing(log)) == mark
    assert tuple(court.bond(log)) == (UNIT, UNIT, 0, 0)
