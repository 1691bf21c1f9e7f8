"""Deployment and the ledger's plain views."""

import ape
import pytest
from book import GRACE, sign
from counterfoil.formats.receipt import Receipt
from counterfoil.hashing.eip712 import domain_separator
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO
from eth_account.messages import encode_typed_data

NOBODY = "0x" + "00" * 20


@pytest.mark.parametrize("grace", [0, 30 * 86_400])
def test_deploy__grace_at_its_bounds__is_kept(project, deployer, grace):
    assert deployer.deploy(project.ReceiptLedger, grace).grace() == grace


@pytest.mark.parametrize("grace", [30 * 86_400 + 1, 2**64 - 1])
def test_deploy__grace_over_30_days__reverts(project, deployer, grace):
    with ape.reverts("ledger: grace over 30 days"):
        deployer.deploy(project.ReceiptLedger, grace)


def test_ledger__has_no_way_to_be_governed(ledger):
    writes = {
        abi.name
        for abi in ledger.contract_type.abi
        if abi.type == "function" and abi.stateMutability not in ("view", "pure")
    }
    assert writes == {"open_log", "close_log", "revoke_log", "post_batch", "post_group"}


def test_grace__is_the_deployed_one(ledger):
    assert ledger.grace() == GRACE


def test_views__of_a_log_never_opened__are_zero(ledger, signer):
    assert tuple(ledger.log_record(signer.address)) == (NOBODY, 0, 0, 0, 0, 0)
    assert ledger.next_sequence(signer.address) == 0
    assert ledger.log_end(signer.address) == 0
    assert ledger.batch_word(signer.address, 0) == ZERO


def test_log_record__of_a_log_with_all_fields_set(
    ledger, book, signer, operator, opened, closes_at
):
    book.settle(3)
    revoked = ledger.revoke_log(signer.address, sender=operator)
    assert tuple(ledger.log_record(signer.address)) == (
        operator.address,
        opened.timestamp,
        closes_at,
        revoked.timestamp,
        600,
        3,
    )


def test_domain_separator__is_eip_712_s(ledger, chain_id):
    assert ledger.domain_separator() == domain_separator(chain_id, ledger.address)


def typed(receipt: Receipt, chain_id: int, ledger) -> bytes:
    """The digest as eth-account's generic encoder makes it."""
    kinds = ["address", "uint64", *["bytes32"] * 5, "uint64", "uint64"]
    names = ["signer", "sequence", "model", "runtime", "request", "inputs", "outputs"]
    names += ["issuedAt", "settleBy"]
    message = encode_typed_data(
        {
            "name": "Counterfoil",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": ledger.address,
        },
        {"Receipt": [{"name": n, "type": k} for n, k in zip(names, kinds, strict=True)]},
        dict(zip(names, receipt.abi(), strict=True)),
    )
    return keccak(b"\x19\x01" + message.header + message.body)


def test_receipt_digest__is_eip_712_s(ledger, book, chain_id):
    receipt = book.receipt(2**64 - 1, settle_by=2**64 - 1)
    digest = ledger.receipt_digest(receipt.abi())
    assert digest == receipt.digest(chain_id, ledger.address)
    assert digest == typed(receipt, chain_id, ledger)


@pytest.fixture
def renumbered(chain):
    """The same chain under another id, as after a fork that takes a new one."""
    evm = chain.provider.evm_backend.chain
    kept = evm.chain_id
    evm.chain_id = 7_777
    yield 7_777
    evm.chain_id = kept


def test_domain_separator__after_the_chain_s_id_changed__is_made_anew(
    ledger, book, signer, opened, chain_id, renumbered
):
    receipt = book.receipt(0)
    assert ledger.domain_separator() == domain_separator(renumbered, ledger.address)
    assert ledger.receipt_digest(receipt.abi()) == receipt.digest(renumbered, ledger.address)
    assert ledger.receipt_digest(receipt.abi()) != receipt.digest(chain_id, ledger.address)


def test_post_batch__after_the_chain_s_id_changed__takes_the_new_id_s_signature_alone(
    ledger, book, signer, payer, opened, chain_id, renumbered
):
    batch = book.batch([book.receipt(0)])
    old = sign(batch.digest(chain_id, ledger.address), signer)
    new = sign(batch.digest(renumbered, ledger.address), signer)
    with ape.reverts("signature: not by the signer"):
        ledger.post_batch.call(batch.abi(), old, sender=payer)
    ledger.post_batch.call(batch.abi(), new, sender=payer)


def test_verify__settled_before_the_chain_s_id_changed__is_false_after(ledger, book, opened, chain):
    # a receipt's digest names its chain: the fork's ledger holds it no longer
    settled = book.settle(3)
    assert ledger.verify(*settled.proof(1)) is True
    evm = chain.provider.evm_backend.chain
    kept = evm.chain_id
    evm.chain_id = 7_777
    try:
        assert ledger.verify(*settled.proof(1)) is False
    finally:
        evm.chain_id = kept
    assert ledger.verify(*settled.proof(1)) is True


def test_log_opening__after_the_chain_s_id_changed__takes_the_new_id_s_signature_alone(
    ledger, book, operator, signer, chain_id, renumbered
):
    opening = book.opening()
    terms = opening.signer, opening.closes_at, opening.max_delay
    old = sign(opening.digest(chain_id, ledger.address), signer)
    new = sign(opening.digest(renumbered, ledger.address), signer)
    with ape.reverts("signature: not by the signer"):
        ledger.open_log.call(*terms, old, sender=operator)
    ledger.open_log.call(*terms, new, sender=operator)
