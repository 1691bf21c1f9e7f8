"""Transactions of a payer: fees, nonces, signing, and what became of them.

A transaction is signed before it is sent, so its hash and nonce can be made durable in
between: after a crash at any point the sender knows what may be under way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from web3.types import TxData

from counterfoil.errors import (
    BadAnswer,
    ChainUnavailable,
    NonceTaken,
    OutOfFunds,
    TransactionFailed,
    TransactionLost,
)
from counterfoil.hashing.signature import checksummed
from counterfoil.hashing.types import Address, Digest

from .client import Chain, checked
from .contract import Call

BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8
"""A replacement pays at least 12.5 % more.

Nodes want 10 % (geth, reth) or 12.5 % (Erigon, Nethermind's blobs aside) on both fees.
"""

BASE_FEE_ROOM = 2
"""Times the newest base fee that a transaction may pay: six full blocks of rises.

Source: EIP-1559, at most 1/8 a block; 1.125^6 = 2.03.
"""

MIN_TIP = 10**6
"""Wei a gas, at least, where the node suggests none: some layer-2 chains' floor is zero."""

GAS_ROOM_NUMERATOR, GAS_ROOM_DENOMINATOR = 6, 5
"""Gas limit over the estimate: between estimate and block the first write may become dearer."""

POLL = 0.1
"""Seconds between two looks at a pending transaction, doubled up to `SLOWEST_POLL`."""

SLOWEST_POLL = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """What a transaction pays a gas, in wei.

    Attributes:
        most: maxFeePerGas, or the gas price on a chain without EIP-1559.
        tip: maxPriorityFeePerGas; None on a chain without EIP-1559.
    """

    most: int
    tip: int | None

    def at_least(self, other: Fees) -> Fees:
        """The higher of both, field by field."""
        tip = None if self.tip is None else max(self.tip, other.tip or 0)
        return Fees(most=max(self.most, other.most, tip or 0), tip=tip)

    def bumped(self) -> Fees:
        """What replaces a transaction with these fees."""
        tip = None if self.tip is None else _bump(self.tip)
        return Fees(most=_bump(self.most), tip=tip)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A signed transaction, not sent yet."""

    digest: Digest
    """The transaction's hash."""
    nonce: int
    fees: Fees
    raw: bytes
    sender: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """A transaction in a block."""

    digest: Digest
    block: int
    block_digest: Digest
    gas_used: int
    gas_price: int
    """Wei a gas, as paid."""
    contract: Address | None
    """What the transaction made."""
    logs: tuple[Any, ...]


def fees(chain: Chain) -> Fees:
    """What a transaction should pay to be in one of the next blocks."""
    with chain.calls():
        eth = chain.web3.eth
        base = eth.get_block("latest").get("baseFeePerGas")
        if base is None:
            return Fees(most=int(eth.gas_price), tip=None)
        try:
            tip = max(int(eth.max_priority_fee), MIN_TIP)
        except ChainUnavailable:
            raise
        except Exception:  # a node without eth_maxPriorityFeePerGas: the total less the base fee
            tip = max(int(eth.gas_price) - int(base), MIN_TIP)
        return Fees(most=BASE_FEE_ROOM * int(base) + tip, tip=tip)


def fees_of(transaction: TxData) -> Fees:
    """What a transaction that the node knows offers."""
    if "maxFeePerGas" in transaction:
        return Fees(
            most=int(transaction["maxFeePerGas"]), tip=int(transaction["maxPriorityFeePerGas"])
        )
    return Fees(most=int(transaction.get("gasPrice", 0)), tip=None)


def mined_nonce(chain: Chain, payer: Address) -> int:
    """Transactions of an account that are in blocks: the first nonce that is not."""
    with chain.calls():
        return int(chain.web3.eth.get_transaction_count(checked(payer), "latest"))


def next_nonce(chain: Chain, payer: Address) -> int:
    """The first nonce that neither a block nor the node's pool has."""
    with chain.calls():
        pending = int(chain.web3.eth.get_transaction_count(checked(payer), "pending"))
    return max(pending, mined_nonce(chain, payer))


def prepare(
    chain: Chain,
    call: Call,
    payer: LocalAccount,
    *,
    nonce: int | None = None,
    at_least: Fees | None = None,
    gas: int | None = None,
) -> Prepared:
    """Estimate, price and sign a transaction.

    Args:
        nonce: to replace the payer's transaction that has it; the next free one where it is None.
        at_least: fees not to go below.
        gas: limit; the node's estimate with some room where it is None.
    Raises:
        Refused: the contract would refuse it, with its reason.
        OutOfFunds: the payer does not have what it may cost.
    """
    sender = Address(payer.address)
    transaction: Any = {
        "from": payer.address,
        "data": "0x" + call.data.hex(),
        "value": call.value,
    }
    if call.to is not None:
        transaction["to"] = call.to
    if gas is None:
        with chain.calls():
            estimate = int(chain.web3.eth.estimate_gas(transaction))
        gas = estimate * GAS_ROOM_NUMERATOR // GAS_ROOM_DENOMINATOR
    price = fees(chain)
    if at_least is not None:
        price = price.at_least(at_least)
    funds = chain.balance(sender)
    if funds < gas * price.most + call.value:
        raise OutOfFunds(
            f"the payer {sender} has {funds / 1e18:.6f} of the chain's currency and may need "
            f"{(gas * price.most + call.value) / 1e18:.6f}: send it gas money"
        )
    if nonce is None:
        nonce = next_nonce(chain, sender)
    transaction |= {"nonce": nonce, "gas": gas, "chainId": chain.chain_id}
    if price.tip is None:
        transaction["gasPrice"] = price.most
    else:
        transaction |= {"maxFeePerGas": price.most, "maxPriorityFeePerGas": price.tip}
    del transaction["from"]
    signed = payer.sign_transaction(transaction)
    return Prepared(
        digest=Digest(bytes(signed.hash)),
        nonce=nonce,
        fees=price,
        raw=bytes(signed.raw_transaction),
        sender=sender,
    )


def broadcast(chain: Chain, prepared: Prepared) -> Digest:
    """Send a prepared transaction; sending it again is harmless.

    Returns:
        Its hash.
    Raises:
        NonceTaken: another transaction has its nonce.
        Underpriced: the node wants more.
    """
    try:
        with chain.calls():
            found = bytes(chain.web3.eth.send_raw_transaction(prepared.raw))
    except NonceTaken:
        if chain.transaction(prepared.digest) is None:
            raise
        return prepared.digest
    if found != prepared.digest:
        raise BadAnswer(f"{chain.host} names another transaction than the one that was sent")
    return prepared.digest


def send(chain: Chain, call: Call, payer: LocalAccount) -> Digest:
    """Prepare and send in one step, for what a person waits for."""
    return broadcast(chain, prepare(chain, call, payer))


def mined(chain: Chain, digest: Digest) -> Mined | None:
    """What became of a transaction; None while no block has it.

    Raises:
        TransactionFailed: a block has it, and it was refused there.
    """
    found = chain.transaction_receipt(digest)
    if found is None:
        return None
    with chain.calls():
        made = found.get("contractAddress")
        out = Mined(
            digest=digest,
            block=int(found["blockNumber"]),
            block_digest=Digest(bytes(found["blockHash"])),
            gas_used=int(found["gasUsed"]),
            gas_price=int(found.get("effectiveGasPrice", 0)),
            contract=checksummed(bytes.fromhex(made[2:])) if made else None,
            logs=tuple(found["logs"]),
        )
        status = int(found["status"])
    if status != 1:
        raise TransactionFailed(
            f"transaction 0x{digest.hex()} was refused in block {out.block}: "
            "the contract's state changed before it; look and try again"
        )
    return out


def wait(chain: Chain, digest: Digest, *, confirmations: int = 1, timeout: float = 180) -> Mined:
    """Wait until a transaction is `confirmations` blocks deep, its own counted.

    Raises:
        TransactionFailed: it was refused.
        TransactionLost: no block had it in time.
    """
    deadline = time.monotonic() + timeout
    pause = POLL
    while True:
        found = mined(chain, digest)
        if (
            found is not None
            and chain.block_number() - found.block + 1 >= confirmations
            and chain.is_canonical(found.block, found.block_digest)
        ):
            return found
        if time.monotonic() > deadline:
            raise TransactionLost(
                f"transaction 0x{digest.hex()} is not {confirmations} blocks deep after "
                f"{timeout:g} s: look for it on an explorer, or send it again with a higher fee"
            )
        time.sleep(pause)
        pause = min(2 * pause, SLOWEST_POLL)


def _bump(value: int) -> int:
    return -(-value * BUMP_NUMERATOR // BUMP_DENOMINATOR) + 1
