"""The clients against the real contracts on the embedded chain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from counterfoil import chain as chains
from counterfoil.chain import LedgerClient, RegistryClient, sending
from counterfoil.chain import events as events_module
from counterfoil.chain.deploying import bytecode
from counterfoil.chain.deployment import LEDGER, REGISTRY, plans
from counterfoil.errors import (
    BadAnswer,
    NoArtefact,
    NoContract,
    NonceTaken,
    OutOfFunds,
    RangeTooWide,
    Refused,
    TransactionFailed,
)
from counterfoil.formats.batch import Batch, LogOpening, batch_tree, batch_word
from counterfoil.formats.batch_file import BatchFile
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO, Address, Seconds, Signature
from eth_account import Account

GRACE = Seconds(3600)
MODEL = keccak(b"model")


@pytest.fixture(scope="module")
def chain():
    return chains.embedded()


@pytest.fixture(scope="module")
def payer(chain):
    return chains.funded_account(chain)


@pytest.fixture(scope="module")
def deployment(chain, payer):
    return chains.deploy(chain, payer, grace=GRACE)


@pytest.fixture(scope="module")
def ledger(chain, deployment):
    client = LedgerClient(chain, deployment.contracts[LEDGER].address)
    client.require()
    return client


@pytest.fixture
def registry(chain, deployment):
    return RegistryClient(chain, deployment.contracts[REGISTRY].address)


@pytest.fixture
def operator(chain):
    return chains.funded_account(chain)


@pytest.fixture
def signer():
    return Account.create()


@pytest.fixture
def opened(chain, ledger, operator, signer):
    opening = LogOpening(
        operator=Address(operator.address),
        signer=Address(signer.address),
        closes_at=Seconds(chain.now() + 100_000),
        max_delay=Seconds(600),
    )
    signature = sign(signer, opening.digest(chain.chain_id, ledger.address))
    chains.wait(chain, ledger.open_log(opening, signature, operator))
    return opening


@pytest.fixture
def batch(chain, ledger, signer):
    def make(first: int, size: int) -> BatchFile:
        digests = b"".join(keccak(b"%d" % (first + i)) for i in range(size))
        made = Batch(
            signer=Address(signer.address), first=first, size=size, root=batch_tree(digests).root
        )
        return BatchFile(
            chain_id=chain.chain_id,
            ledger=ledger.address,
            batch=made,
            signature=sign(signer, made.digest(chain.chain_id, ledger.address)),
            digests=digests,
        )

    return make


def sign(by, digest) -> Signature:
    return Signature(bytes(by.unsafe_sign_hash(digest).signature))


def test_embedded__twice__other_genesis(chain):
    other = chains.embedded()
    assert other.chain_id == chain.chain_id
    assert other.genesis != chain.genesis


def test_deploy__by_the_proxy__where_planned(chain, deployment):
    codes = {name: bytecode(name) for name in (LEDGER, REGISTRY)}
    for plan in plans(codes, grace=GRACE):
        assert deployment.contracts[plan.name].address == plan.address
        assert chain.code(plan.address)
    assert deployment.contracts[LEDGER].grace == GRACE


def test_deploy__again__found_there(chain, payer, deployment):
    nonce = sending.mined_nonce(chain, Address(payer.address))
    again = chains.deploy(chain, payer, grace=GRACE)
    for name, found in again.contracts.items():
        assert found.address == deployment.contracts[name].address
        assert found.transaction is None
    assert sending.mined_nonce(chain, Address(payer.address)) == nonce


def test_deploy_contract__unknown_name__refused(chain, payer):
    with pytest.raises(NoArtefact):
        chains.deploy_contract(chain, payer, "NoSuchContract")


def test_require__no_code__no_contract(chain, payer):
    with pytest.raises(NoContract, match="no ReceiptLedger at"):
        LedgerClient(chain, Address(payer.address)).require()


def test_require__another_contract__no_ledger(chain, registry):
    with pytest.raises(NoContract, match="is no ledger"):
        LedgerClient(chain, registry.address).require()


def test_read__no_code__no_contract(chain, payer):
    with pytest.raises(NoContract):
        LedgerClient(chain, Address(payer.address)).grace()


def test_log_record__never_opened__none(ledger, signer):
    address = Address(signer.address)
    assert ledger.log_record(address) is None
    assert ledger.next_sequence(address) == 0
    assert ledger.log_end(address) == 0
    assert list(ledger.batches(address)) == []


def test_open_log__by_the_operator__recorded(ledger, operator, signer, opened):
    record = ledger.log_record(Address(signer.address))
    assert record is not None
    assert record.operator == operator.address
    assert (record.closes_at, record.max_delay) == (opened.closes_at, opened.max_delay)
    assert (record.revoked_at, record.next_sequence) == (0, 0)
    assert ledger.log_end(Address(signer.address)) == opened.closes_at + 600 + GRACE


def test_open_log__by_another__refused_with_the_reason(chain, ledger, payer, signer, opened):
    signature = sign(signer, opened.digest(chain.chain_id, ledger.address))
    other = replace(opened, signer=Address(Account.create().address))
    with pytest.raises(Refused) as refused:
        ledger.open_log(other, signature, payer)
    assert refused.value.reason == "signature: not by the signer"


def test_revoke_log__recorded(chain, ledger, operator, signer, opened):
    chains.wait(chain, ledger.revoke_log(Address(signer.address), operator))
    record = ledger.log_record(Address(signer.address))
    assert record is not None and record.revoked_at == chain.now()


def test_post_batch__by_anybody__event_and_word(chain, ledger, payer, signer, opened, batch):
    file = batch(0, 3)
    done = chains.wait(chain, ledger.post_batch(file, payer))
    posted = ledger.posted(file.batch.signer, 0)
    assert posted is not None
    assert (posted.root, posted.size, posted.uri) == (file.batch.root, 3, "")
    assert (posted.transaction, posted.block) == (done.digest, done.block)
    assert ledger.batch_word(file.batch.signer, 0) == batch_word(posted.root, 3, posted.posted_at)
    assert ledger.posted(file.batch.signer, 1) is None
    assert ledger.posted_in(file.batch.signer, 0, done.block) == posted
    assert ledger.posted_in(file.batch.signer, 0, done.block - 1) is None


def test_try_post__gap__refused(ledger, payer, opened, batch):
    with pytest.raises(Refused) as refused:
        ledger.try_post(batch(5, 1), Address(payer.address))
    assert refused.value.reason == "ledger: gap before first"


def test_post_group__one_twice__the_others_posted(
    chain, ledger, payer, signer, opened, batch, monkeypatch
):
    files = [batch(0, 1), batch(0, 1), batch(1, 4), batch(5, 2)]
    chains.wait(chain, ledger.post_group(files, payer))
    address = Address(signer.address)
    assert ledger.next_sequence(address) == 7
    monkeypatch.setattr(events_module, "SPAN", 2)
    assert [each.first for each in ledger.batches(address)] == [5, 1, 0]


def test_batches__rpc_limits_the_range__asked_in_parts(
    chain, ledger, payer, signer, opened, batch, monkeypatch
):
    for first in range(4):
        chains.wait(chain, ledger.post_batch(batch(first, 1), payer))
    whole, asked = events_module.in_range, []

    def limited(contract, signer, first, start, stop):
        asked.append(stop - start + 1)
        if stop - start + 1 > 3:
            raise RangeTooWide("at most 3 blocks")
        return whole(contract, signer, first, start, stop)

    monkeypatch.setattr(events_module, "in_range", limited)
    found = list(ledger.batches(Address(signer.address)))
    assert [each.first for each in found] == [3, 2, 1, 0]
    assert max(asked) > 3


def test_block_at__every_block__not_later(chain):
    for number in range(chain.block_number() + 1):
        block = chain.block(number)
        assert block is not None
        assert events_module.block_at(chain, block.time) == number
    assert events_module.block_at(chain, Seconds(0)) == 0


def test_prepare__no_funds__refused(chain, ledger, operator, opened, batch):
    poor = Account.create()
    with pytest.raises(OutOfFunds, match="gas money"):
        ledger.post_batch(batch(0, 1), poor)


def test_broadcast__twice__harmless_or_said(chain, ledger, payer, opened, batch):
    made = chains.prepare(chain, ledger.post_batch_call(batch(0, 1)), payer)
    assert chains.broadcast(chain, made) == made.digest
    assert chains.broadcast(chain, made) == made.digest


def test_broadcast__nonce_of_another__nonce_taken(chain, ledger, payer, opened, batch):
    nonce = sending.next_nonce(chain, Address(payer.address)) - 1
    made = chains.prepare(chain, ledger.post_batch_call(batch(0, 1)), payer, nonce=nonce)
    with pytest.raises(NonceTaken):
        chains.broadcast(chain, made)


def test_mined__refused_in_its_block__transaction_failed(chain, ledger, payer, opened, batch):
    call = ledger.post_batch_call(batch(0, 1))
    chains.wait(chain, chains.send(chain, call, payer))
    made = chains.prepare(chain, call, payer, gas=200_000)
    with pytest.raises(TransactionFailed, match="was refused in block"):
        chains.wait(chain, chains.broadcast(chain, made))


def test_bumped__any_fee__at_least_an_eighth_more():
    for most in (1, 7, 8, 10**9, 123_456_789):
        fees = sending.Fees(most=most, tip=most).bumped()
        assert fees.tip is not None
        assert 8 * fees.most > 9 * most
        assert 8 * fees.tip > 9 * most


def test_registry__publish_and_deprecate__answered_as_of_a_time(chain, registry, operator):
    publisher = Address(operator.address)
    assert registry.record(publisher, MODEL) is None
    assert registry.newest(publisher, "a model") is None
    chains.wait(chain, registry.publish(MODEL, operator, name="a model", version="1"))
    published = chain.now()
    chains.travel(chain, Seconds(published + 100))
    chains.wait(chain, registry.deprecate(MODEL, operator))
    record = registry.record(publisher, MODEL)
    assert record is not None
    assert (record.name, record.version, record.program) == ("a model", "1", ZERO)
    assert (record.published_at, record.deprecated_at) == (published, chain.now())
    assert registry.newest(publisher, "a model") == MODEL
    assert [
        registry.active_at(publisher, MODEL, Seconds(t))
        for t in (published - 1, published, record.deprecated_at - 1, record.deprecated_at)
    ] == [False, True, True, False]


def test_registry__publish_twice__refused_with_the_reason(chain, registry, operator):
    chains.wait(chain, registry.publish(MODEL, operator, name="a model"))
    with pytest.raises(Refused) as refused:
        registry.publish(MODEL, operator, name="a model")
    assert refused.value.reason == "registry: already published"


def test_parse__another_contracts_event__bad_answer(chain, ledger, payer, opened, batch):
    file = batch(0, 1)
    chains.wait(chain, ledger.post_batch(file, payer))
    posted = ledger.posted(file.batch.signer, 0)
    assert posted is not None
    entry = dict(chains.mined(chain, posted.transaction).logs[0])
    entry["address"] = payer.address
    with pytest.raises(BadAnswer):
        events_module.parse(ledger.contract, entry)
