"""Every step of docs/format.md §11 against the real contracts, and its own error."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from counterfoil import chain as chains
from counterfoil.chain import Chain, LedgerClient
from counterfoil.chain.deployment import COURT, FAULT_COURT, LEDGER, Deployed, Deployment
from counterfoil.config import EMBEDDED_CHAIN_ID
from counterfoil.errors import (
    BadAnswer,
    BadInclusion,
    BadOpening,
    BadSignature,
    InclusionMissing,
    InputsMismatch,
    IssuedAfterPosting,
    LogNeverOpened,
    ModelDeprecated,
    ModelMismatch,
    ModelNotPublished,
    NoContract,
    NotAnchored,
    NotInBatch,
    NotSettled,
    OpeningMissing,
    OutputsMismatch,
    PromiseTooLong,
    RuntimeMismatch,
    SignedForAnotherChain,
    SignedForAnotherLedger,
    UnexpectedInputs,
    UnknownLedger,
    WrongChain,
    WrongSequence,
    WrongSigner,
)
from counterfoil.formats.preimage import Preimage
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import ORDER
from counterfoil.hashing.types import Address, Digest, Seconds, Signature
from counterfoil.verify import Trust, verify
from eth_account import Account
from world import MODEL, RUNTIME, tensors, world

OTHER = Address("0x00000000000000000000000000000000DeaDBeef")


@pytest.fixture(scope="module")
def chain() -> Chain:
    return chains.embedded()


@pytest.fixture(scope="module")
def settled(chain, tmp_path_factory):
    """A log with the batches 0…2 and 3…5, and one receipt that is in none."""
    accounts = [chains.funded_account(chain) for _ in range(3)]
    made = world(chain, tmp_path_factory.mktemp("journal"), accounts)
    settler = made.settler()
    for _ in range(2):
        made.seal(3)
        settler.step(force=True)
    made.seal(1)
    yield made
    made.journal.close()


@pytest.fixture
def file(settled) -> ReceiptFile:
    return settled.journal.receipt_file(1)


@pytest.fixture
def trust(settled) -> Trust:
    return settled.trust


def changed(file: ReceiptFile, **fields: object) -> ReceiptFile:
    return replace(file, receipt=replace(file.receipt, **fields))


def sides(file: ReceiptFile) -> tuple[SetOpening, SetOpening]:
    assert file.opening and file.opening.inputs and file.opening.outputs
    return file.opening.inputs, file.opening.outputs


def test_verify__settled__signed_opened_included_anchored(settled, chain, file, trust):
    found = verify(file, trust=trust, chain=chain, expected_inputs=tensors(1)[0])
    assert found.words == ("signed", "opened", "included", "anchored")
    assert found.signed == settled.journal.signer
    assert found.opened == ("inputs", "outputs", "model", "runtime")
    assert found.known_ledger and found.covered
    anchored = found.require_anchored()
    assert anchored.operator == settled.operator.address
    assert (anchored.first, anchored.size, anchored.standing) == (0, 3, "open")
    assert anchored.posted_at == file.inclusion.posted_at
    assert found.promise == file.receipt.settle_by > file.receipt.issued_at
    assert any("was believed" in note for note in found.notes)
    assert any("no publisher was named" in note for note in found.notes)


def test_verify__every_settled_receipt__agrees_with_the_ledger(settled, chain, trust):
    for sequence in range(6):
        each = settled.journal.receipt_file(sequence)
        verify(each, trust=trust, chain=chain).require_anchored()
        assert settled.ledger.require_settled(each.receipt, each.inclusion) == each.digest


def test_verify__through_its_bytes__same_result(chain, file, trust):
    again = ReceiptFile.parse(file.dump())
    assert verify(again, trust=trust, chain=chain) == verify(file, trust=trust, chain=chain)


def test_verify__offline__included_and_not_anchored(file, trust):
    found = verify(file, trust=trust)
    assert found.words == ("signed", "opened", "included")
    assert "the embedded chain is gone: it ended with the program that made it" in found.notes
    assert file.chain_id == EMBEDDED_CHAIN_ID
    with pytest.raises(NotAnchored):
        found.require_anchored()


def test_verify__receipt_alone__signed(file, trust):
    bare = replace(file, inclusion=None, opening=None, preimage=None)
    found = verify(bare, trust=trust)
    assert found.words == ("signed",)
    assert found.root is None and found.covered is None


def test_verify__no_promise__said(settled, trust, chain, tmp_path):
    unopened = world(
        chain, tmp_path, (settled.operator, settled.payer, settled.stranger), open_=False
    )
    (sealed,) = unopened.seal(1)
    found = verify(unopened.journal.receipt_file(0), trust=trust, chain=chain)
    assert sealed.receipt.settle_by == 0
    assert found.promise is None and found.covered is False
    assert any("promises nothing" in note for note in found.notes)
    assert any("has opened no log" in note for note in found.notes)
    unopened.journal.close()


# Step 0


def test_verify__unknown_ledger__said_and_never_anchored(chain, file):
    found = verify(file, trust=Trust(ledgers=frozenset()), chain=chain)
    assert not found.known_ledger and found.anchored is None
    assert any(note.startswith("unknown ledger") for note in found.notes)
    with pytest.raises(UnknownLedger, match="not on your list"):
        found.require_anchored()


def test_verify__rpc_of_another_chain__refused(chain, file, trust):
    with pytest.raises(WrongChain, match=f"serves chain {chain.chain_id}, not 1:"):
        verify(replace(file, chain_id=1), trust=trust, chain=chain)


# Step 2


def test_verify__another_chains_id__refused(chain, file, trust):
    with pytest.raises(SignedForAnotherChain, match=f"for chain {chain.chain_id}, not for chain 1"):
        verify(replace(file, chain_id=1), trust=trust)


def test_verify__another_ledgers_address__refused(file, trust):
    with pytest.raises(SignedForAnotherLedger, match=OTHER):
        verify(replace(file, ledger=OTHER), trust=trust)


@pytest.mark.parametrize("sequence", [0, 2, 5, 400])
def test_verify__wrong_sequence__refused(file, trust, sequence):
    with pytest.raises(WrongSequence, match=f"number 1 of its log, not as number {sequence}"):
        verify(changed(file, sequence=sequence), trust=trust)


@pytest.mark.parametrize(
    "field", ["model", "runtime", "request", "inputs", "outputs", "issued_at", "settle_by"]
)
def test_verify__a_field_changed__refused(file, trust, field):
    value = getattr(file.receipt, field)
    other = value + 1 if isinstance(value, int) else Digest(keccak(value))
    with pytest.raises(WrongSigner, match="a field was changed") as found:
        verify(changed(file, **{field: other}), trust=trust)
    assert type(found.value) is WrongSigner


def test_verify__another_signer__refused(file, trust):
    with pytest.raises(WrongSigner):
        verify(changed(file, signer=OTHER), trust=trust)


def test_verify__signature_in_the_upper_half__refused(file, trust):
    r, s, v = file.signature[:32], file.signature[32:64], file.signature[64]
    upper = ORDER - int.from_bytes(s, "big")
    twin = Signature(r + upper.to_bytes(32, "big") + bytes([55 - v]))
    with pytest.raises(BadSignature, match="upper half"):
        verify(replace(file, signature=twin), trust=trust)


# Step 3


def test_verify__changed_output__refused(file, trust):
    inputs, outputs = sides(file)
    lie = replace(outputs, tensors=(Tensor.of("y", tensors(2)[1][0].array()),))
    with pytest.raises(OutputsMismatch):
        verify(replace(file, opening=Opening(inputs=inputs, outputs=lie)), trust=trust)


def test_verify__changed_input__refused(file, trust):
    inputs, outputs = sides(file)
    lie = replace(inputs, tensors=tensors(2)[0])
    with pytest.raises(InputsMismatch):
        verify(replace(file, opening=Opening(inputs=lie, outputs=outputs)), trust=trust)


def test_verify__renamed_output__refused(file, trust):
    inputs, outputs = sides(file)
    renamed = replace(outputs, tensors=(replace(outputs.tensors[0], name="z"),))
    with pytest.raises(OutputsMismatch):
        verify(replace(file, opening=Opening(inputs=inputs, outputs=renamed)), trust=trust)


def test_verify__one_chunk_opened__in_part(file, trust):
    part = part_of(file)
    found = verify(replace(file, opening=Opening(outputs=part)), trust=trust)
    assert found.opened == ("outputs in part", "model", "runtime")


def test_verify__one_chunk_changed__refused(file, trust):
    part = part_of(file)
    chunk = part.partial[0].opened[0]
    lie = replace(chunk, data=bytes(len(chunk.data)))
    part = replace(part, partial=(replace(part.partial[0], opened=(lie,)),))
    with pytest.raises(BadOpening, match="not the committed one"):
        verify(replace(file, opening=Opening(outputs=part)), trust=trust)


def part_of(file: ReceiptFile) -> SetOpening:
    from counterfoil.formats.set_opening import OpenedChunk, PartialTensor
    from counterfoil.formats.tensor import commit, salt

    whole = sides(file)[1]
    assert whole.master is not None
    commitment = commit(whole.tensors, whole.master).tensors[0]
    chunk = OpenedChunk(index=0, salt=salt(whole.master, 0, 0), data=whole.tensors[0].data, path=())
    return SetOpening(master=None, partial=(PartialTensor(commitment=commitment, opened=(chunk,)),))


def test_verify__other_model_files__refused(file, trust):
    other = replace(MODEL, files=(replace(MODEL.files[0], size=5),))
    with pytest.raises(ModelMismatch):
        verify(replace(file, preimage=Preimage(model=other)), trust=trust)


def test_verify__other_runtime__refused(file, trust):
    other = replace(RUNTIME, version="1.20.1")
    with pytest.raises(RuntimeMismatch):
        verify(replace(file, preimage=Preimage(runtime=other)), trust=trust)


def test_verify__inputs_that_were_not_sent__refused(file, trust):
    with pytest.raises(UnexpectedInputs, match="'x' of the receipt is not the one sent"):
        verify(file, trust=trust, expected_inputs=tensors(2)[0])
    with pytest.raises(UnexpectedInputs, match="that was not sent"):
        verify(file, trust=trust, expected_inputs=())
    with pytest.raises(UnexpectedInputs, match="that was sent"):
        verify(file, trust=trust, expected_inputs=(*tensors(1)[0], *tensors(1)[1]))


def test_verify__inputs_expected_and_not_opened__refused(file, trust):
    _, outputs = sides(file)
    with pytest.raises(OpeningMissing):
        verify(
            replace(file, opening=Opening(outputs=outputs)),
            trust=trust,
            expected_inputs=tensors(1)[0],
        )


# Step 4


@pytest.mark.parametrize(
    "fields",
    [
        {"first": 2},
        {"size": 1},
        {"size": 0},
        {"size": 2**32 + 1},
        {"path": ()},
        {"path": (Digest(bytes(32)),) * 3},
        {"first": 2**64 - 2, "size": 2},
    ],
)
def test_verify__path_that_fits_no_place__refused(file, trust, fields):
    with pytest.raises(BadInclusion):
        verify(replace(file, inclusion=replace(file.inclusion, **fields)), trust=trust)


# Step 5


def test_verify__path_from_another_batch__refused(settled, chain, file, trust):
    other = settled.journal.receipt_file(4).inclusion
    moved = replace(file, inclusion=replace(other, first=0))
    with pytest.raises(NotInBatch):
        verify(moved, trust=trust, chain=chain)
    with pytest.raises(BadInclusion, match="receipts 3 to 5, this one has number 1"):
        verify(replace(file, inclusion=other), trust=trust, chain=chain)


@pytest.mark.parametrize("fields", [{"posted_at": 5}, {"path": (Digest(bytes(32)),) * 2}])
def test_verify__not_in_the_batch__refused(chain, file, trust, fields):
    with pytest.raises(NotInBatch):
        verify(replace(file, inclusion=replace(file.inclusion, **fields)), trust=trust, chain=chain)


def test_verify__never_settled__refused(settled, chain, trust):
    waiting = settled.journal.receipt_file(6)
    assert waiting.inclusion is None
    found = verify(waiting, trust=trust, chain=chain)
    assert found.covered is False
    assert any("not settled yet: promised within" in note for note in found.notes)
    with pytest.raises(NotSettled, match="no batch of its log has its number"):
        found.require_anchored()


def test_verify__never_settled_with_a_made_up_path__refused(settled, chain, file, trust):
    waiting = settled.journal.receipt_file(6)
    path = replace(file.inclusion, first=6, size=1, path=())
    with pytest.raises(NotSettled, match="starts at number 6"):
        verify(replace(waiting, inclusion=path), trust=trust, chain=chain)


def test_verify__settled_without_a_path__said(chain, file, trust):
    found = verify(replace(file, inclusion=None), trust=trust, chain=chain)
    assert found.covered is True
    assert any("covers its number" in note for note in found.notes)
    assert not any(note.startswith("settled") for note in found.notes)
    with pytest.raises(InclusionMissing):
        found.require_anchored()


def test_verify__no_log__refused(settled, chain, trust, tmp_path, file):
    unopened = world(
        chain, tmp_path, (settled.operator, settled.payer, settled.stranger), open_=False
    )
    unopened.seal(1)
    path = replace(file.inclusion, first=0, size=1, path=())
    made_up = replace(unopened.journal.receipt_file(0), inclusion=path)
    with pytest.raises(LogNeverOpened, match="nobody answers"):
        verify(made_up, trust=trust, chain=chain)
    unopened.journal.close()


def test_verify__no_ledger_there__refused(settled, chain, file):
    nowhere = replace(file, ledger=OTHER)
    signer = Account.create()
    receipt = replace(nowhere.receipt, signer=Address(signer.address))
    digest = receipt.digest(chain.chain_id, OTHER)
    signature = Signature(bytes(signer.unsafe_sign_hash(digest).signature))
    forged = replace(nowhere, receipt=receipt, signature=signature)
    with pytest.raises(NoContract):
        verify(forged, trust=Trust(ledgers=frozenset({(chain.chain_id, OTHER)})), chain=chain)


def test_verify__issued_after_posting__refused(settled, chain, trust, tmp_path):
    """A signer whose clock ran ahead; the ledger takes the batch, as it cannot see the receipts."""
    from counterfoil.formats.batch import Batch, LogOpening, batch_tree
    from counterfoil.formats.batch_file import BatchFile

    signer = Account.create()

    def signed(digest: bytes) -> Signature:
        return Signature(bytes(signer.unsafe_sign_hash(digest).signature))

    ledger = settled.ledger
    domain = (chain.chain_id, ledger.address)
    opening = LogOpening(
        operator=Address(settled.operator.address),
        signer=Address(signer.address),
        closes_at=Seconds(chain.now() + 10_000),
        max_delay=Seconds(600),
    )
    chains.wait(chain, ledger.open_log(opening, signed(opening.digest(*domain)), settled.operator))
    first = settled.journal.get(0).receipt
    receipts = [
        replace(
            first,
            signer=Address(signer.address),
            sequence=i,
            issued_at=Seconds(chain.next_time() + late),
        )
        for i, late in enumerate((60, 10_000))
    ]
    digests = b"".join(r.digest(*domain) for r in receipts)
    batch = Batch(signer=opening.signer, first=0, size=2, root=batch_tree(digests).root)
    file = BatchFile(
        chain_id=domain[0],
        ledger=domain[1],
        batch=batch,
        signature=signed(batch.digest(*domain)),
        digests=digests,
    )
    chains.wait(chain, ledger.post_batch(file, settled.payer))
    posted = ledger.posted(opening.signer, 0)
    assert posted is not None
    made = [
        ReceiptFile(
            chain_id=domain[0],
            ledger=domain[1],
            receipt=r,
            signature=signed(r.digest(*domain)),
            inclusion=file.inclusion(r.sequence, posted.posted_at),
        )
        for r in receipts
    ]
    verify(made[0], trust=trust, chain=chain).require_anchored()
    with pytest.raises(IssuedAfterPosting):
        verify(made[1], trust=trust, chain=chain)


def test_verify__publishers__record_as_of_posting(settled, chain, trust, tmp_path):
    """Published after one batch, withdrawn after the next: asked as of each batch's time."""
    publisher = chains.funded_account(chain)
    name = Address(publisher.address)
    accounts = (settled.operator, settled.payer, settled.stranger)
    log = world(chain, tmp_path, accounts)

    def batch() -> ReceiptFile:
        log.seal(1)
        log.settler().step(force=True)
        return log.journal.receipt_file(log.journal.next_sequence() - 1)

    early = batch()
    chains.wait(chain, log.registry.publish(MODEL.digest, publisher, name="a model"))
    during = batch()
    chains.wait(chain, log.registry.deprecate(MODEL.digest, publisher))
    late = batch()
    named = trust.adding((), (name,))
    with pytest.raises(ModelNotPublished):
        verify(early, trust=named, chain=chain)
    standing = verify(during, trust=named, chain=chain).require_anchored().models
    assert [(each.publisher, each.record.name) for each in standing] == [(name, "a model")]
    with pytest.raises(ModelDeprecated, match="withdrew the model 'a model'"):
        verify(late, trust=named, chain=chain)
    elsewhere = replace(named, registries={})
    found = verify(during, trust=elsewhere, chain=chain)
    assert any("no registry is known" in note for note in found.notes)
    log.journal.close()


def test_verify__rpc_contradicts_itself__bad_answer(chain, file, trust, monkeypatch):
    monkeypatch.setattr(LedgerClient, "verify", lambda *_: False)
    with pytest.raises(BadAnswer, match="contradicts itself"):
        verify(file, trust=trust, chain=chain)


def test_of__profile__its_chain_and_additions(settled):
    profile = replace(settled.profile, ledgers=((5, OTHER),), publishers=(OTHER,))
    trust = Trust.of(profile)
    assert trust.knows(settled.chain.chain_id, settled.ledger.address)
    assert trust.knows(5, OTHER) and not trust.knows(6, OTHER)
    assert trust.publishers == (OTHER,)
    assert trust.registries[settled.chain.chain_id] == settled.registry.address


def test_of__courts__by_the_ledger_that_they_are_of(settled, monkeypatch):
    def at(digit: str) -> Deployed:
        return Deployed(address=Address("0x" + digit * 40))

    record = {
        5: Deployment(genesis="0x", contracts={LEDGER: at("1"), COURT: at("2")}),
        6: Deployment(genesis="0x", contracts={LEDGER: at("1"), FAULT_COURT: at("3")}),
        7: Deployment(genesis="0x", contracts={COURT: at("2"), FAULT_COURT: at("3")}),
    }
    monkeypatch.setattr("counterfoil.verify.trust.shipped_record", lambda: record)
    ledger, promise, fault = (at(digit).address for digit in "123")
    bare = replace(settled.profile, court=None, fault_court=None)
    assert Trust.of(bare).courts == {(5, ledger): promise}
    assert Trust.of(bare).fault_courts == {(6, ledger): fault}
    own = (bare.chain_id, bare.ledger)
    trust = Trust.of(replace(bare, court=fault, fault_court=promise))
    assert trust.courts == {(5, ledger): promise, own: fault}
    assert trust.fault_courts == {(6, ledger): fault, own: promise}


# The promise (docs/format.md §8)


@pytest.fixture(scope="module")
def promising(settled, chain):
    """Makes receipts of a log with maxDelay 600, settled or not, with times of one's choice."""
    from counterfoil.formats.batch import Batch, LogOpening, batch_tree
    from counterfoil.formats.batch_file import BatchFile
    from counterfoil.formats.receipt import Inclusion

    signer, ledger = Account.create(), settled.ledger
    domain = (chain.chain_id, ledger.address)

    def signed(digest: bytes) -> Signature:
        return Signature(bytes(signer.unsafe_sign_hash(digest).signature))

    opening = LogOpening(
        operator=Address(settled.operator.address),
        signer=Address(signer.address),
        closes_at=Seconds(chain.now() + 10_000),
        max_delay=Seconds(600),
    )
    chains.wait(chain, ledger.open_log(opening, signed(opening.digest(*domain)), settled.operator))
    record = ledger.log_record(opening.signer)
    assert record is not None

    def make(*, after: int, span: int | None, post: bool) -> ReceiptFile:
        current = ledger.log_record(opening.signer)
        issued_at = Seconds(record.opened_at + after)
        receipt = replace(
            settled.journal.get(0).receipt,
            signer=opening.signer,
            sequence=current.next_sequence,
            issued_at=issued_at,
            settle_by=Seconds(0 if span is None else issued_at + span),
        )
        digest = receipt.digest(*domain)
        inclusion = None
        if post:
            root = batch_tree(digest).root
            batch = Batch(signer=opening.signer, first=receipt.sequence, size=1, root=root)
            file = BatchFile(
                chain_id=domain[0],
                ledger=domain[1],
                batch=batch,
                signature=signed(batch.digest(*domain)),
                digests=digest,
            )
            chains.wait(chain, ledger.post_batch(file, settled.payer))
            posted = ledger.posted(opening.signer, receipt.sequence)
            inclusion = Inclusion(
                first=receipt.sequence, size=1, posted_at=posted.posted_at, path=()
            )
        return ReceiptFile(
            chain_id=domain[0],
            ledger=domain[1],
            receipt=receipt,
            signature=signed(digest),
            inclusion=inclusion,
        )

    return make


@pytest.mark.parametrize("post", [True, False])
def test_verify__promise_over_the_logs_delay__refused(promising, chain, trust, post):
    verify(promising(after=0, span=600, post=post), trust=trust, chain=chain)
    with pytest.raises(PromiseTooLong, match="within 601 s and its log allows 600 s"):
        verify(promising(after=0, span=601, post=post), trust=trust, chain=chain)


@pytest.mark.parametrize("post", [True, False])
@pytest.mark.parametrize(
    ("after", "span", "said"), [(0, 60, False), (-1, 60, True), (-1, None, False)]
)
def test_verify__issued_before_the_log__said_where_it_promises(
    promising, chain, trust, after, span, said, post
):
    found = verify(promising(after=after, span=span, post=post), trust=trust, chain=chain)
    assert any("outside the log's life" in note for note in found.notes) is said


@pytest.mark.parametrize(("after", "said"), [(9_000, False), (10_001, True)])
def test_verify__issued_after_the_logs_end__said(promising, chain, trust, after, said):
    found = verify(promising(after=after, span=60, post=False), trust=trust, chain=chain)
    assert any("outside the log's life" in note for note in found.notes) is said
