"""`post_batch`: who may post what, until when, and each reason for which it is refused."""

from dataclasses import replace

import ape
import pytest
from book import MAX_DELAY, key, sign
from counterfoil.formats.batch import batch_word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HALF = ORDER // 2


def test_post_batch__keeps_one_word_and_logs_it(ledger, book, signer, opened):
    settled = book.settle(3, uri="ipfs://batch")
    root, posted_at = settled.batch.root, settled.posted_at

    assert ledger.batch_word(signer.address, 0) == batch_word(root, 3, posted_at)
    assert ledger.next_sequence(signer.address) == 3
    assert ledger.log_record(signer.address).nextSequence == 3
    assert settled.transaction.events == [
        ledger.BatchPosted(
            signer=signer.address,
            first=0,
            size=3,
            root=root,
            postedAt=posted_at,
            uri="ipfs://batch",
        )
    ]
    assert len(settled.transaction.logs) == 1


def test_post_batch__leaves_the_rest_of_the_record(ledger, book, signer, opened):
    before = ledger.log_record(signer.address)
    book.settle(3)
    after = ledger.log_record(signer.address)
    assert tuple(after)[:5] == tuple(before)[:5]
    assert after.nextSequence == 3


def test_post_batch__the_next_starts_where_the_last_ended(ledger, book, signer, opened):
    first, second = book.settle(3), book.settle(2)
    assert second.batch.first == 3
    assert ledger.next_sequence(signer.address) == 5
    assert ledger.batch_word(signer.address, 0) == batch_word(first.batch.root, 3, first.posted_at)
    assert ledger.batch_word(signer.address, 3) == batch_word(
        second.batch.root, 2, second.posted_at
    )
    assert ledger.batch_word(signer.address, 1) == ZERO


def test_post_batch__by_anybody__needs_no_gas_of_the_key(
    ledger, book, signer, stranger, opened, chain
):
    assert chain.provider.get_balance(signer.address) == 0
    book.settle(1, sender=stranger)
    assert ledger.next_sequence(signer.address) == 1


def test_post_batch__two_logs__count_apart(ledger, book, signer, other_signer, opened):
    book.open(by=other_signer)
    book.settle(3)
    receipt = book.receipt(0, signer=other_signer.address)
    book.settle([receipt], by=other_signer)
    assert ledger.next_sequence(signer.address) == 3
    assert ledger.next_sequence(other_signer.address) == 1


def test_post_batch__log_never_opened__reverts(ledger, book, payer, refused):
    batch = book.batch([book.receipt(0)])
    with refused("ledger: log not open"):
        ledger.post_batch(*book.signed(batch), sender=payer)


def test_post_batch__for_the_zero_signer__reverts(ledger, book, payer, opened, refused):
    batch = replace(book.batch([book.receipt(0)]), signer="0x" + "00" * 20)
    with refused("ledger: log not open"):
        ledger.post_batch(batch.abi(), bytes(64) + b"\x1b", sender=payer)


def test_post_batch__size_zero__reverts(ledger, book, payer, opened, refused):
    batch = book.batch([book.receipt(0)], size=0)
    with refused("ledger: batch is empty"):
        ledger.post_batch(*book.signed(batch), sender=payer)


@pytest.mark.parametrize("size", [2**32 + 1, 2**64 - 1])
def test_post_batch__size_past_2_to_32__reverts(ledger, book, payer, opened, refused, size):
    batch = book.batch([book.receipt(0)], size=size)
    with refused("ledger: batch too large"):
        ledger.post_batch(*book.signed(batch), sender=payer)


def test_post_batch__size_2_to_32__is_kept(ledger, book, signer, payer, opened):
    batch = book.batch([book.receipt(0)], size=2**32)
    posted = ledger.post_batch(*book.signed(batch), sender=payer)
    assert ledger.next_sequence(signer.address) == 2**32
    assert ledger.batch_word(signer.address, 0) == batch_word(batch.root, 2**32, posted.timestamp)


@pytest.mark.parametrize(("first", "size"), [(2**64 - 1, 1), (2**64 - 5, 5)])
def test_post_batch__past_the_last_sequence__reverts(
    ledger, book, payer, opened, refused, first, size
):
    batch = book.batch([book.receipt(0)], first=first, size=size)
    with refused("ledger: sequence past 2^64"):
        ledger.post_batch(*book.signed(batch), sender=payer)


def test_post_batch__up_to_the_last_sequence__is_a_gap_only(ledger, book, payer, opened, refused):
    batch = book.batch([book.receipt(0)], first=2**64 - 2, size=1)
    with refused("ledger: gap before first"):
        ledger.post_batch(*book.signed(batch), sender=payer)


def test_post_batch__again__reverts(ledger, book, payer, opened, refused):
    settled = book.settle(3)
    with refused("ledger: first already posted"):
        ledger.post_batch(*book.signed(settled.batch), sender=payer)


def test_post_batch__overlap__reverts(ledger, book, payer, opened, refused):
    book.settle(3)
    batch = book.batch([book.receipt(n) for n in (2, 3, 4)])
    with refused("ledger: first already posted"):
        ledger.post_batch(*book.signed(batch), sender=payer)


def test_post_batch__out_of_sequence__reverts(ledger, book, payer, opened, refused):
    book.settle(3)
    batch = book.batch([book.receipt(4)])
    with refused("ledger: gap before first"):
        ledger.post_batch(*book.signed(batch), sender=payer)


# How long


def test_post_batch__at_the_last_second__is_taken(ledger, book, payer, signer, closes_at, at):
    signed = book.signed(book.batch([book.receipt(0)]))
    end = closes_at + MAX_DELAY + ledger.grace()
    assert ledger.log_end(signer.address) == end
    at(end)
    assert ledger.post_batch(*signed, sender=payer).timestamp == end
    assert ledger.next_sequence(signer.address) == 1


def test_post_batch__a_second_after_the_end__reverts(ledger, book, payer, closes_at, at, refused):
    signed = book.signed(book.batch([book.receipt(0)]))
    at(closes_at + MAX_DELAY + ledger.grace() + 1)
    with refused("ledger: log closed"):
        ledger.post_batch(*signed, sender=payer)


@pytest.mark.parametrize("late", [0, 1])
def test_post_batch__around_closes_at__is_taken(ledger, book, payer, signer, closes_at, at, late):
    signed = book.signed(book.batch([book.receipt(0)]))
    at(closes_at + late)
    ledger.post_batch(*signed, sender=payer)
    assert ledger.next_sequence(signer.address) == 1


def test_post_batch__reposted_after_the_end__says_so(ledger, book, payer, closes_at, at, refused):
    settled = book.settle(1)
    at(closes_at + MAX_DELAY + ledger.grace() + 1)
    with refused("ledger: first already posted"):
        ledger.post_batch(*book.signed(settled.batch), sender=payer)


# After a revoke


@pytest.fixture
def revoked_at(ledger, signer, operator, opened) -> int:
    return ledger.revoke_log(signer.address, sender=operator).timestamp


def test_post_batch__revoked__the_key_posts_nothing(ledger, book, payer, revoked_at, refused):
    batch = book.batch([book.receipt(0)])
    with refused("ledger: log revoked"):
        ledger.post_batch(*book.signed(batch), sender=payer)


def test_post_batch__revoked__without_a_signature_by_a_stranger__reverts(
    ledger, book, stranger, revoked_at, refused
):
    batch = book.batch([book.receipt(0)])
    with refused("ledger: log revoked"):
        ledger.post_batch(batch.abi(), b"", sender=stranger)


def test_post_batch__revoked__by_another_log_s_operator__reverts(
    ledger, book, other_operator, other_signer, revoked_at, refused
):
    book.open(by=other_signer, sender=other_operator)
    batch = book.batch([book.receipt(0)])
    with refused("ledger: log revoked"):
        ledger.post_batch(batch.abi(), b"", sender=other_operator)


def test_post_batch__revoked__with_a_signature_by_the_operator__reverts(
    ledger, book, operator, revoked_at, refused
):
    batch = book.batch([book.receipt(0)])
    with refused("ledger: signature after a revoke"):
        ledger.post_batch(*book.signed(batch), sender=operator)


def test_post_batch__revoked__the_operator_keeps_what_was_promised(
    ledger, book, signer, operator, revoked_at
):
    settled = book.settle(2, signature=b"", sender=operator)
    assert ledger.next_sequence(signer.address) == 2
    assert ledger.verify(*settled.proof(1))
    assert settled.transaction.events[0].size == 2


def test_post_batch__revoked__at_the_last_second__is_taken(
    ledger, book, signer, operator, revoked_at, at
):
    end = revoked_at + MAX_DELAY + ledger.grace()
    assert ledger.log_end(signer.address) == end
    at(end)
    book.settle(1, signature=b"", sender=operator)
    assert ledger.next_sequence(signer.address) == 1


def test_post_batch__revoked__a_second_after_the_end__reverts(
    ledger, book, operator, revoked_at, at, refused
):
    batch = book.batch([book.receipt(0)])
    at(revoked_at + MAX_DELAY + ledger.grace() + 1)
    with refused("ledger: log closed"):
        ledger.post_batch(batch.abi(), b"", sender=operator)


def test_post_batch__not_revoked__the_operator_needs_the_signature(
    ledger, book, operator, opened, refused
):
    batch = book.batch([book.receipt(0)])
    with refused("signature: not 65 bytes"):
        ledger.post_batch(batch.abi(), b"", sender=operator)


# The signature


@pytest.mark.parametrize("length", [0, 1, 32, 64])
def test_post_batch__signature_too_short__reverts(ledger, book, payer, opened, refused, length):
    batch, signature = book.signed(book.batch([book.receipt(0)]))
    with refused("signature: not 65 bytes"):
        ledger.post_batch(batch, signature[:length], sender=payer)


def test_state__after_a_post_or_an_opening__is_another(book, state):
    """What `refused` compares does show what the ledger writes."""
    found = [state()]
    book.open()
    found.append(state())
    book.settle(1)
    found.append(state())
    assert len(set(found)) == 3


@pytest.mark.parametrize("extra", [1, 32])
def test_post_batch__signature_too_long__the_decoder_reverts(
    ledger, book, payer, opened, state, extra
):
    batch, signature = book.signed(book.batch([book.receipt(0)]))
    before = state()
    with pytest.raises(ape.exceptions.ContractLogicError) as refusal:
        ledger.post_batch(batch, signature + bytes(extra), sender=payer)
    # it is the ABI decoder that refuses, before the contract's own words
    assert refusal.value.revert_message in ("", "0x", "Transaction failed.")
    assert state() == before


def test_post_batch__uri_of_256_bytes__is_kept(ledger, book, opened):
    settled = book.settle(1, uri="u" * 256)
    assert settled.transaction.events[0].uri == "u" * 256


def test_post_batch__uri_of_257_bytes__the_decoder_reverts(ledger, book, payer, opened, state):
    batch = book.batch([book.receipt(0)], uri="u" * 257)
    before = state()
    with pytest.raises(ape.exceptions.ContractLogicError) as refusal:
        ledger.post_batch(*book.signed(batch), sender=payer)
    assert refusal.value.revert_message in ("", "0x", "Transaction failed.")
    assert state() == before


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_post_batch__other_v__reverts(ledger, book, payer, opened, refused, v):
    batch, signature = book.signed(book.batch([book.receipt(0)]))
    with refused("signature: v is neither 27 nor 28"):
        ledger.post_batch(batch, signature[:64] + bytes([v]), sender=payer)


def test_post_batch__the_same_signature_in_the_upper_half__reverts(
    ledger, book, payer, opened, refused
):
    batch, signature = book.signed(book.batch([book.receipt(0)]))
    s = ORDER - int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + s.to_bytes(32, "big") + bytes([27 + 28 - signature[64]])
    with refused("signature: s in the upper half"):
        ledger.post_batch(batch, twin, sender=payer)


@pytest.mark.parametrize(
    ("s", "reason"),
    [
        (HALF, "signature: not by the signer"),
        (HALF + 1, "signature: s in the upper half"),
        (2**256 - 1, "signature: s in the upper half"),
        (0, "signature: recovers to nobody"),
    ],
)
def test_post_batch__s_at_its_bounds__reverts(ledger, book, payer, opened, refused, s, reason):
    batch, signature = book.signed(book.batch([book.receipt(0)]))
    other = signature[:32] + s.to_bytes(32, "big") + signature[64:]
    with refused(reason):
        ledger.post_batch(batch, other, sender=payer)


@pytest.mark.parametrize("r", [0, ORDER])
def test_post_batch__r_that_recovers_to_nobody__reverts(ledger, book, payer, opened, refused, r):
    batch, signature = book.signed(book.batch([book.receipt(0)]))
    with refused("signature: recovers to nobody"):
        ledger.post_batch(batch, r.to_bytes(32, "big") + signature[32:], sender=payer)


def test_post_batch__signed_by_another_key__reverts(ledger, book, payer, opened, refused):
    batch = book.batch([book.receipt(0)])
    with refused("signature: not by the signer"):
        ledger.post_batch(*book.signed(batch, key("somebody")), sender=payer)


@pytest.mark.parametrize(
    "change",
    [{"root": keccak(b"other")}, {"size": 2}, {"uri": "x"}],
    ids=["root", "size", "uri"],
)
def test_post_batch__other_content_than_signed__reverts(
    ledger, book, payer, opened, refused, change
):
    batch = book.batch([book.receipt(0)])
    _, signature = book.signed(batch)
    with refused("signature: not by the signer"):
        ledger.post_batch(replace(batch, **change).abi(), signature, sender=payer)


def test_post_batch__another_log_s_batch_under_this_signer__reverts(
    ledger, book, payer, other_signer, opened, refused
):
    book.open(by=other_signer)
    theirs = book.batch([book.receipt(0, signer=other_signer.address)])
    _, signature = book.signed(theirs, other_signer)
    ours = replace(theirs, signer=book.signer.address)
    with refused("signature: not by the signer"):
        ledger.post_batch(ours.abi(), signature, sender=payer)


def test_post_batch__signed_for_another_chain__reverts(
    ledger, book, payer, signer, opened, refused, chain_id
):
    batch = book.batch([book.receipt(0)])
    signature = sign(batch.digest(chain_id + 1, ledger.address), signer)
    with refused("signature: not by the signer"):
        ledger.post_batch(batch.abi(), signature, sender=payer)


def test_post_batch__signed_for_another_ledger__reverts(
    ledger, book, payer, signer, stranger, opened, refused, chain_id
):
    batch = book.batch([book.receipt(0)])
    signature = sign(batch.digest(chain_id, stranger.address), signer)
    with refused("signature: not by the signer"):
        ledger.post_batch(batch.abi(), signature, sender=payer)


def test_post_batch__an_opening_s_signature__is_none_of_a_batch(
    ledger, book, payer, opened, refused
):
    batch = book.batch([book.receipt(0)])
    with refused("signature: not by the signer"):
        ledger.post_batch(batch.abi(), book.sign_opening(book.opening()), sender=payer)
