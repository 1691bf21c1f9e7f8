"""One transaction for one matter: written down before it is sent, replaced where it is stuck.

Whoever decides anew at each look what is to be sent, keeps beside its matter what it sent last.
After a kill at any point the next look finds it, and sends nothing a second time that may still
be under way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from eth_account.signers.local import LocalAccount

from counterfoil.errors import Refused, TooDear, Underpriced
from counterfoil.hashing.types import Address, Digest

from .client import Chain
from .contract import Call
from .sending import Fees, Prepared, broadcast, fees_of, mined_nonce, next_nonce, prepare

STUCK_AFTER: Final = 60
"""Seconds after which a transaction that no block took is replaced: five blocks of mainnet's."""

BEHIND: Final = 2
"""Times as long waits a transaction that is behind another's nonce: whoever sent that one
replaces it first. If nobody does, as its matter is over or a restart forgot it, its nonce is
taken: no block has ours before."""

RAISES: Final = 8
"""Times that fees are raised because the node wants more: 1.125^8 = 2.6."""

YOUNG: Final = "commitment: not a block old"
"""What a court says where the node estimates on top of the newest block itself: the
transaction's block is later."""

_turns: dict[Address, threading.Lock] = {}


def turn(payer: Address) -> threading.Lock:
    """One at a time sends from an account, of all that share a payer in this process."""
    return _turns.setdefault(payer, threading.Lock())


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A transaction that may be under way.

    Attributes:
        sent_at: Unix seconds, written down before it was sent.
    """

    transaction: Digest
    nonce: int
    sent_at: float

    @classmethod
    def read(
        cls, transaction: bytes | None, nonce: int | None, sent_at: float | None
    ) -> UnderWay | None:
        """What a store's columns say; None: nothing was written down yet."""
        if transaction is None or nonce is None or sent_at is None:
            return None
        return cls(transaction=Digest(transaction), nonce=nonce, sent_at=sent_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Under which nonce to send, and for what at least.

    Attributes:
        nonce: None: the payer's next.
        at_least: None: what the chain asks.
    """

    nonce: int | None = None
    at_least: Fees | None = None


def slot_after(chain: Chain, payer: Address, last: UnderWay | None, now: float) -> Slot | None:
    """Where the next transaction of a matter goes.

    A transaction that waits behind a nonce which nobody fills, as after a re-org whose earlier
    transactions were lost, can be in no block: then that nonce is next. So can one behind a
    transaction that no block takes: its nonce is taken in the end, as a payer signs nothing else.

    Args:
        last: what was sent for it last, None: nothing.
        now: Unix seconds.
    Returns:
        None: wait for the last one.
    """
    if last is None:
        return Slot()
    mined = mined_nonce(chain, payer)
    if last.nonce < mined:
        return Slot()  # it, or another in its place, is in a block
    known = chain.transaction(last.transaction)
    if known is None:
        return Slot()  # dropped, or never sent
    if mined < last.nonce and next_nonce(chain, payer) <= last.nonce:
        return Slot()
    patience = STUCK_AFTER if mined == last.nonce else BEHIND * STUCK_AFTER
    # below zero the clock was set back since, and nothing tells how long it has waited
    if 0 <= now - last.sent_at < patience:
        return None
    return Slot(nonce=mined, at_least=fees_of(known).bumped())


def send_in(
    slot: Slot,
    chain: Chain,
    call: Call,
    account: LocalAccount,
    remember: Callable[[Prepared], None],
    *,
    young: int | None = None,
    most: int | None = None,
) -> Prepared:
    """Sign a transaction, have it written down, send it.

    Args:
        remember: writes it down durably, or as durably as its matter needs.
        young: the gas limit, where the call cannot be estimated for `YOUNG` alone; None: that
            is a refusal as any other.
        most: wei a gas, None: any. What was signed is held against it, as a node's next answer
            may be another than its last.
    Raises:
        Refused: the contract would refuse it; nothing was written down.
        TooDear: it would pay more than `most`; nothing was written down.
        NonceTaken, Underpriced: it was written down and the node does not take it.
        OutOfFunds: the account cannot pay.
    """
    with turn(Address(account.address)):
        raises, gas = 0, None
        while True:
            try:
                made = prepare(
                    chain, call, account, nonce=slot.nonce, at_least=slot.at_least, gas=gas
                )
            except Refused as refused:
                if gas is not None or young is None or refused.reason != YOUNG:
                    raise
                gas = young
                continue
            if most is not None and made.fees.most > most:
                raise TooDear(made.fees.most)
            remember(made)
            try:
                broadcast(chain, made)
            except Underpriced:  # what is to be replaced offers more than is known
                if slot.nonce is None or raises == RAISES:
                    raise
                raises, slot = raises + 1, Slot(nonce=slot.nonce, at_least=made.fees.bumped())
                continue
            return made
