"""Opening, closing and revoking a log, for whoever waits at a terminal."""

from __future__ import annotations

from eth_account.signers.local import LocalAccount

from counterfoil.chain import Chain, LedgerClient, LogRecord, Mined, wait
from counterfoil.errors import BadAnswer
from counterfoil.hashing.types import Address, Digest, Seconds
from counterfoil.journal import Journal


def open_log(
    journal: Journal,
    chain: Chain,
    operator: LocalAccount,
    *,
    closes_at: Seconds,
    max_delay: Seconds,
) -> tuple[LogRecord, Mined]:
    """Open the journal's log, with `operator` answering for it.

    Args:
        closes_at: Unix seconds after which the log issues no receipts.
        max_delay: seconds, the longest promise: 60 to 2,592,000.
    Returns:
        The log and the transaction.
    Raises:
        Refused: the ledger's reason.
        OutOfFunds: the operator cannot pay.
    """
    ledger = _ledger(journal, chain)
    opening, signature = journal.sign_log_opening(Address(operator.address), closes_at, max_delay)
    return _done(journal, ledger, ledger.open_log(opening, signature, operator))


def close_log(journal: Journal, chain: Chain, operator: LocalAccount) -> tuple[LogRecord, Mined]:
    """Close the journal's log early: after `max_delay`'s notice.

    Raises:
        Refused: the ledger's reason.
    """
    ledger = _ledger(journal, chain)
    return _done(journal, ledger, ledger.close_log(journal.signer, operator))


def revoke_log(journal: Journal, chain: Chain, operator: LocalAccount) -> tuple[LogRecord, Mined]:
    """Revoke the journal's key, at once and for ever: then the operator alone posts.

    Raises:
        Refused: the ledger's reason.
    """
    ledger = _ledger(journal, chain)
    return _done(journal, ledger, ledger.revoke_log(journal.signer, operator))


def _ledger(journal: Journal, chain: Chain) -> LedgerClient:
    chain.require_id(journal.chain_id)
    ledger = LedgerClient(chain, journal.ledger)
    ledger.require()
    # before anything is sent: a chain with another genesis is refused here
    journal.note_chain(chain.genesis, ledger.log_record(journal.signer), chain.now())
    return ledger


def _done(journal: Journal, ledger: LedgerClient, transaction: Digest) -> tuple[LogRecord, Mined]:
    found = wait(ledger.chain, transaction)
    record = ledger.log_record(journal.signer)
    if record is None:
        raise BadAnswer(f"{ledger.chain.host} shows no log after its transaction: look again")
    journal.note_chain(ledger.chain.genesis, record, ledger.chain.now())
    return record, found
