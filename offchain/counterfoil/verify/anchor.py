"""Step 5 of docs/format.md §11: what the chain says about a receipt."""

from __future__ import annotations

from dataclasses import dataclass

from counterfoil.chain import (
    Chain,
    CourtClient,
    LedgerClient,
    LogRecord,
    ModelRecord,
    RegistryClient,
)
from counterfoil.errors import (
    BadAnswer,
    InclusionMissing,
    IssuedAfterPosting,
    LogNeverOpened,
    ModelDeprecated,
    ModelNotPublished,
    NotInBatch,
    NotSettled,
    PromiseTooLong,
)
from counterfoil.formats.batch import batch_word
from counterfoil.formats.receipt import POSTING_TOLERANCE, Inclusion, Receipt
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import ZERO, Address, Digest, Seconds

from .trust import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStanding:
    """A named publisher's record of the receipt's model, active when the batch was posted."""

    publisher: Address
    record: ModelRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchoring:
    """What the ledger vouches for.

    Attributes:
        operator: who answers for the log.
        posted_at: Unix seconds, the chain's.
        first: the batch's first number.
        size: receipts in the batch.
        root: the batch's root.
        standing: the log's as of `posted_at`: open, closed, or revoked.
        clean: whether the court had counted no offence of the log up to and at `posted_at`;
            None: no court of this ledger is known.
        models: records of the named publishers that were active then; empty: none was named.
    """

    operator: Address
    posted_at: Seconds
    first: int
    size: int
    root: Digest
    standing: str
    clean: bool | None
    models: tuple[ModelStanding, ...]


def anchor(
    file: ReceiptFile, root: Digest, chain: Chain, trust: Trust
) -> tuple[Anchoring, list[str]]:
    """Step 5: the batch's word, the log, the model's record, all as of `postedAt`.

    Returns:
        What was found, and what was not checked.
    Raises:
        LogNeverOpened, NotSettled, NotInBatch, IssuedAfterPosting, PromiseTooLong,
        ModelNotPublished, ModelDeprecated: the chain does not bear the receipt out.
        NoContract: no ledger at the file's address.
        BadAnswer: the RPC contradicts itself.
    """
    inclusion = file.inclusion
    if inclusion is None:
        raise InclusionMissing("the file holds no path: complete it with `counterfoil settle`")
    ledger = LedgerClient(chain, file.ledger)
    ledger.require()
    receipt = file.receipt
    record = ledger.log_record(receipt.signer)
    if record is None:
        raise LogNeverOpened(
            f"{receipt.signer} never opened a log on this ledger: nobody answers for the receipt"
        )
    _check_word(file, inclusion, root, ledger.batch_word(receipt.signer, inclusion.first))
    if receipt.issued_at > inclusion.posted_at + POSTING_TOLERANCE:
        raise IssuedAfterPosting(
            f"the receipt says that it was issued {receipt.issued_at - inclusion.posted_at} s "
            "after its batch was posted: its issuer's clock is wrong, or it lies"
        )
    _check_consistent(file, inclusion, record, ledger)
    notes = [f"{chain.host} was believed for what the chain holds", *_promise(receipt, record)]
    models, more = _models(file, inclusion.posted_at, chain, trust)
    standing = _standing(record, inclusion.posted_at)
    if standing == "revoked":
        notes.append(
            "the key was revoked when the batch was posted: the operator posted it, "
            "without the key's signature"
        )
    clean, said = _clean(receipt.signer, inclusion.posted_at, ledger, trust)
    notes += said
    return (
        Anchoring(
            operator=record.operator,
            posted_at=inclusion.posted_at,
            first=inclusion.first,
            size=inclusion.size,
            root=root,
            standing=standing,
            clean=clean,
            models=models,
        ),
        notes + more,
    )


def without_path(file: ReceiptFile, chain: Chain) -> tuple[bool, list[str]]:
    """Of a receipt whose file has no inclusion: whether its number is covered, and what to say.

    Raises:
        PromiseTooLong: a promise that its log never allowed.
    """
    ledger = LedgerClient(chain, file.ledger)
    ledger.require()
    record = ledger.log_record(file.receipt.signer)
    number, settle_by = file.receipt.sequence, file.receipt.settle_by
    if record is None:
        return False, ["not settled: the signer has opened no log on this ledger"]
    notes = _promise(file.receipt, record)
    if number < record.next_sequence:
        return True, [
            "a batch covers its number; whether with this receipt, only its path shows: "
            "ask the issuer for the settled receipt",
            *notes,
        ]
    late = chain.now() - settle_by
    if settle_by and late > 0:
        return False, [f"not settled: its promise is broken since {late} s", *notes]
    return False, [
        "not settled yet" + (f": promised within {-late} s" if settle_by else ""),
        *notes,
    ]


def _promise(receipt: Receipt, record: LogRecord) -> list[str]:
    """What its log makes of a receipt's promise (docs/format.md §8).

    Raises:
        PromiseTooLong: over the log's `maxDelay`.
    """
    if not receipt.settle_by:
        return []
    span = receipt.settle_by - receipt.issued_at
    if span > record.max_delay:
        raise PromiseTooLong(
            f"the receipt promises settlement within {span} s and its log allows "
            f"{record.max_delay} s: no court enforces that, refuse it"
        )
    end = min(record.closes_at, record.revoked_at or record.closes_at)
    if record.opened_at <= receipt.issued_at <= end:
        return []
    return ["issued outside the log's life: no court enforces its promise"]


def _check_word(file: ReceiptFile, inclusion: Inclusion, root: Digest, word: Digest) -> None:
    if word == ZERO:
        raise NotSettled(
            f"no batch of {file.receipt.signer} starts at number {inclusion.first}: "
            "the receipt was never settled, or its path is made up"
        )
    if word != batch_word(root, inclusion.size, inclusion.posted_at):
        raise NotInBatch(
            f"the receipt is not in the batch that starts at number {inclusion.first}: "
            "its path, size or time is of another batch"
        )


def _check_consistent(
    file: ReceiptFile, inclusion: Inclusion, record: LogRecord, ledger: LedgerClient
) -> None:
    """Lay the ledger's other answers beside the word: an RPC that lies must lie well."""
    after = inclusion.first + inclusion.size
    agrees = (
        record.next_sequence >= after
        and record.opened_at <= inclusion.posted_at <= ledger.chain.next_time()
        and ledger.verify(file.receipt, inclusion)
    )
    if not agrees:
        raise BadAnswer(
            f"{ledger.chain.host} contradicts itself about the batch at {inclusion.first}: "
            "ask another RPC"
        )


def _standing(record: LogRecord, at: Seconds) -> str:
    if record.revoked_at and record.revoked_at <= at:
        return "revoked"
    return "closed" if record.closes_at <= at else "open"


def _clean(
    signer: Address, at: Seconds, ledger: LedgerClient, trust: Trust
) -> tuple[bool | None, list[str]]:
    """Whether the log was clean as of a time, and what to say about its standing."""
    address = trust.courts.get((ledger.chain.chain_id, ledger.address))
    if address is None:
        return None, ["no court of this ledger is known, so the log's standing was not asked"]
    court = CourtClient(ledger.chain, address)
    court.require(ledger.address)
    standing = court.standing(signer)
    if standing.clean_at(at) != court.clean_at(signer, at):
        raise BadAnswer(
            f"{ledger.chain.host} contradicts itself about the standing of {signer}: "
            "ask another RPC"
        )
    if standing.count == 0:
        return True, []
    when = "before" if standing.marked_at <= at else "after"
    return standing.clean_at(at), [
        f"the log was caught {standing.count} times, first {standing.reason}, "
        f"{abs(at - standing.marked_at)} s {when} the receipt's batch was posted"
    ]


def _models(
    file: ReceiptFile, at: Seconds, chain: Chain, trust: Trust
) -> tuple[tuple[ModelStanding, ...], list[str]]:
    if not trust.publishers:
        return (), ["no publisher was named, so nobody's word on the model was asked"]
    address = trust.registries.get(file.chain_id)
    if address is None:
        return (), ["no registry is known on this chain, so the model's record was not asked"]
    registry = RegistryClient(chain, address)
    registry.contract.require_code()
    withdrawn, active = None, []
    for publisher in dict.fromkeys(trust.publishers):
        record = registry.record(publisher, file.receipt.model)
        if record is None or record.published_at > at:
            continue
        if record.deprecated_at and record.deprecated_at <= at:
            withdrawn = (publisher, record)
        else:
            active.append(ModelStanding(publisher=publisher, record=record))
    if active:
        return tuple(active), []
    if withdrawn is not None:
        publisher, record = withdrawn
        raise ModelDeprecated(
            f"{publisher} withdrew the model {record.name!r} "
            f"{at - record.deprecated_at} s before the receipt's batch was posted"
        )
    raise ModelNotPublished(
        "none of the publishers that you named had published the model when the receipt's "
        "batch was posted"
    )
