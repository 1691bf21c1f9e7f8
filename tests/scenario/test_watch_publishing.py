"""The settler's batch files: where the batch says, before it is posted, and never in its way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from counterfoil import chain as chains
from counterfoil.errors import NoContract
from counterfoil.formats.batch_file import BatchFile
from counterfoil.watch import Sources
from watching import ANSWER_WINDOW, CAP, CLAIM_WINDOW, UNIT, watched

BASE = "https://batches.example/logs"


@pytest.fixture
def case(in_process, tmp_path):
    made = watched(in_process, chains.funded_account(in_process.chain), tmp_path)
    in_process.settler().step()
    return made


def test_step__published__where_the_batch_says(case):
    case.log.seal(3)
    settler = case.log.settler(batch_uri=f"{BASE}/")
    assert settler.drain().done
    signer = case.log.journal.signer
    posted = case.log.ledger.posted(signer, 0)
    assert posted is not None and posted.uri == f"{BASE}/{signer}/0.json"
    file = BatchFile.load(case.published / signer / "0.json")
    assert file.batch.root == posted.root and file.batch.uri == posted.uri
    case.log.seal(2)
    settler.drain()
    assert sorted(p.name for p in (case.published / signer).iterdir()) == ["0.json", "3.json"]


def test_step__folder_cannot_be_written__settled_and_said_then_caught_up(case):
    case.published.write_text("in the way")
    case.log.seal(2)
    settler = case.log.settler()
    done = settler.step(force=True)
    assert done.final == (0,) and any("cannot publish" in note for note in done.notes)
    case.published.unlink()
    assert settler.step().notes == ()
    assert (case.published / case.log.journal.signer / "0.json").is_file()


def test_step__folder_lost__every_file_written_again(case):
    case.log.seal(2)
    case.log.settler().drain()
    case.log.seal(2)
    case.log.settler().drain()
    folder = case.published / case.log.journal.signer
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    for path in list(folder.iterdir()):
        path.unlink()
    case.log.settler().step()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_sources__mirror_with_another_batch__passed_over_for_the_right_one(case, tmp_path):
    case.log.seal(2)
    case.log.settler().drain()
    posted = case.log.ledger.posted(case.log.journal.signer, 0)
    wrong = tmp_path / "wrong" / case.log.journal.signer / "0.json"
    wrong.parent.mkdir(parents=True)
    wrong.write_text("{}")
    ledger = case.log.ledger.address
    keep = tmp_path / "keep"
    sources = Sources(31337, ledger, mirrors=(tmp_path / "wrong",))
    assert "is missing" in str(sources.get(posted)) or "wrong" in str(sources.get(posted))
    chain_id = case.log.chain.chain_id
    sources = Sources(chain_id, ledger, keep=keep, mirrors=(tmp_path / "wrong", case.published))
    assert sources.get(posted).batch.root == posted.root
    assert sources.get(replace(posted, root=bytes(32))).why
    assert Sources(chain_id, ledger, keep=keep).get(posted).batch.root == posted.root


def test_court__terms_bond_and_another_ledger(case):
    court, signer = case.court, case.log.journal.signer
    assert (court.claim_window(), court.answer_window()) == (CLAIM_WINDOW, ANSWER_WINDOW)
    assert court.reward_cap() == CAP
    with pytest.raises(NoContract, match="no PromiseCourt of the ledger"):
        court.require(case.log.registry.address)
    with pytest.raises(NoContract):
        chains.CourtClient(case.log.chain, case.log.ledger.address).require(court.address)
    assert court.bond(signer).unit == 0 and court.standing(signer).reason == ""
    case.bond(units=3)
    case.send(court.add_bond_call(signer, 7), case.log.stranger)
    bond = court.bond(signer)
    assert (bond.amount, bond.unit, bond.asked_at, bond.cases) == (3 * UNIT + 7, UNIT, 0, 0)
    assert court.least_fee() == 440_000 * case.log.chain.web3.eth.get_block("latest").get(
        "baseFeePerGas"
    )


def test_court__commitment_and_evidence__as_the_contract_has_them(case):
    from counterfoil.chain.court import evidence, evidence_of_two
    from counterfoil.hashing.keccak import keccak

    one, other = case.log.seal(2)
    court, salt = case.court, keccak(b"salt")
    mine = evidence(one.digest, one.signature)
    assert mine == bytes(court.contract.read("evidence", one.receipt.abi(), one.signature))
    both = evidence_of_two(mine, evidence(other.digest, other.signature))
    given = (one.receipt.abi(), one.signature, other.receipt.abi(), other.signature)
    assert both == bytes(court.contract.read("evidence_of_two", *given))
    committed = court.commitment(case.watcher.address, both, salt)
    assert committed == bytes(court.contract.read("commitment", case.watcher.address, both, salt))
    assert court.committed_at(committed) == 0
    case.send(court.commit_call(committed), case.watcher)
    assert court.committed_at(committed) == case.log.chain.block_number()
