# pragma version ==0.4.3
"""
@title Bonds of logs: made, added to, taken, withdrawn; and the marks that a taking leaves
@license Apache-2.0
@notice What every court shares. A bond belongs to a log. Each offence takes one unit of
        it, or what is left: half to whoever proved it but never more than a cap, the rest
        burnt. A unit is at least twenty rewards. So catching oneself burns nearly all of
        it, and a stolen key earns its thief a twentieth of what it costs the operator.
@dev Accounts are kept here, never read from the contract's balance, so ether that is
     forced upon the court changes nothing. A court changes its own state first, then
     calls `take`, and `pay` last.
"""

from ..interfaces import IBonds
from ..interfaces import IReceiptLedger

MAX_AMOUNT: constant(uint256) = 2**96
# wei; 79 thousand million coins of 18 decimals, more than any chain has

REWARDS_IN_UNIT: constant(uint256) = 20
# a unit is at least so many rewards: whoever catches a log, a thief of its key too, gets
# at most 5% of what is taken from full units

BURN: constant(address) = 0x000000000000000000000000000000000000dEaD
# nobody's: where ether is sent that no one is to have

PAYMENT_GAS: constant(uint256) = 50_000
# what a payee that is a contract may spend: enough for a wallet's proxy, and a bound on
# what it can cost others; where it does not do, the amount is kept as a credit

MAX_COUNT: constant(uint256) = 2**16 - 1
U64: constant(uint256) = 2**64 - 1
U32: constant(uint256) = 2**32 - 1
ONE_WAITING: constant(uint256) = 2**32
U40: constant(uint256) = 2**40 - 1
U8: constant(uint256) = 2**8 - 1
# fields of the packed words below


_LEDGER: immutable(IReceiptLedger)
_REWARD_CAP: immutable(uint256)
_NOTICE: immutable(uint256)
_LINGER: immutable(uint256)

# amount 96 | unit 96 | markedAt 40 | reason 8 | count 16, by signer
_bonds: HashMap[address, uint256]

# askedAt 64 | cases that wait for a first answer 32 | open cases 32, by signer
_pending: HashMap[address, uint256]

_credits: HashMap[address, uint256]


@deploy
def __init__(
    ledger: address, reward_cap: uint256, notice: uint256, linger: uint256
):
    # notice: seconds from asking to withdrawing, at least
    # linger: seconds from the log's last due promise (without grace) to withdrawing
    assert (
        reward_cap < MAX_AMOUNT // REWARDS_IN_UNIT
    ), "bond: reward cap too large"
    _LEDGER = IReceiptLedger(ledger)
    _REWARD_CAP = reward_cap
    _NOTICE = notice
    _LINGER = linger


@internal
@payable
def make(signer: address, unit: uint256):
    """
    @notice Make the bond of a log, with what is sent. Its unit is fixed for ever.
    """
    self._require_operator(signer)
    word: uint256 = self._bonds[signer]
    assert self._unit(word) == 0, "bond: already made"
    assert unit != 0, "bond: unit is zero"
    assert unit < MAX_AMOUNT, "bond: unit too large"
    assert unit >= self.least_unit(), "bond: unit under 20 rewards"
    assert msg.value >= unit, "bond: less than a unit"
    assert msg.value < MAX_AMOUNT, "bond: amount too large"

    self._bonds[signer] = word | (msg.value << 160) | (unit << 64)
    log IBonds.BondMade(
        signer=signer, operator=msg.sender, unit=unit, amount=msg.value
    )


@internal
@payable
def add(signer: address):
    """
    @notice Add what is sent to a log's bond. A withdrawal that was asked stays asked.
    """
    word: uint256 = self._bonds[signer]
    assert self._unit(word) != 0, "bond: not made"
    assert msg.value != 0, "bond: nothing added"
    assert msg.value < MAX_AMOUNT - self._amount(word), "bond: amount too large"

    self._bonds[signer] = word + (msg.value << 160)
    log IBonds.BondAdded(
        signer=signer,
        giver=msg.sender,
        added=msg.value,
        amount=self._amount(word) + msg.value,
    )


@internal
def ask(signer: address):
    """
    @notice Ask to withdraw a bond, once, at any time.
    """
    self._require_operator(signer)
    assert self._unit(self._bonds[signer]) != 0, "bond: not made"
    pending: uint256 = self._pending[signer]
    assert pending >> 64 == 0, "bond: withdrawal already asked"

    self._pending[signer] = pending | (block.timestamp << 64)
    log IBonds.WithdrawalAsked(
        signer=signer,
        operator=msg.sender,
        askedAt=convert(block.timestamp, uint64),
    )


@internal
def withdraw(signer: address):
    """
    @notice Pay what is left of a bond to its log's operator.
    """
    self._require_operator(signer)
    pending: uint256 = self._pending[signer]
    assert pending >> 64 != 0, "bond: withdrawal not asked"
    assert pending & U64 == 0, "bond: case open"
    assert block.timestamp > self.withdrawable_after(
        signer
    ), "bond: withdrawal too early"

    word: uint256 = self._bonds[signer]
    amount: uint256 = self._amount(word)
    self._bonds[signer] = word - (amount << 160)
    self._pending[signer] = 0
    log IBonds.BondWithdrawn(signer=signer, operator=msg.sender, amount=amount)
    self.pay(msg.sender, amount)


@internal
def hold(signer: address):
    """
    @notice Open a case: until it is closed, the log's bond stays.
    """
    self._pending[signer] += 1


@internal
def hold_waiting(signer: address):
    """
    @notice As `hold`, of a case that waits for a first answer.
    """
    self._pending[signer] += ONE_WAITING + 1


@internal
def settle(signer: address):
    """
    @notice Count one case less that waits for a first answer.
    """
    self._pending[signer] -= ONE_WAITING


@internal
@view
def waiting(signer: address) -> uint256:
    """
    @notice How many cases wait for a first answer.
    """
    return (self._pending[signer] >> 32) & U32


@internal
def release(signer: address):
    """
    @notice Close a case that `hold` opened.
    """
    self._pending[signer] -= 1


@internal
def take(
    signer: address, number: uint64, reason: IBonds.Offence, prover: address
) -> uint256:
    """
    @notice Mark the log, take a unit of its bond and burn what is not the prover's. The
            court sees to it that an offence is taken once: by what it keeps of its cases,
            or by `offences.take`.
    @return wei for the prover, for the court to `pay`
    """
    word: uint256 = self._bonds[signer]
    taken: uint256 = min(self._amount(word), self._unit(word))

    if word & MAX_COUNT == 0:
        word |= (block.timestamp << 24) | (convert(reason, uint256) << 16)
    if word & MAX_COUNT != MAX_COUNT:
        word += 1
    self._bonds[signer] = word - (taken << 160)
    reward: uint256 = self.divide(taken)
    log IBonds.OffenceProved(
        signer=signer,
        number=number,
        prover=prover,
        reason=reason,
        reward=reward,
        burnt=taken - reward,
    )
    return reward


@internal
def divide(taken: uint256) -> uint256:
    """
    @notice Burn what is not the prover's of an amount that the court has taken.
    @return wei for the prover, for the court to `pay`
    """
    reward: uint256 = min(taken // 2, _REWARD_CAP)
    if taken != reward:
        # There is no code at BURN that could fail. If there were, the ether would stay
        # here in nobody's account, and the proof would count all the same.
        sent: bool = raw_call(
            BURN, b"", value=taken - reward, revert_on_failure=False
        )
    return reward


@internal
def pay(to: address, amount: uint256):
    """
    @notice Send wei, or keep it as a credit where the payee does not take it.
    """
    if amount == 0:
        return
    if not raw_call(
        to, b"", value=amount, gas=PAYMENT_GAS, revert_on_failure=False
    ):
        self._credits[to] += amount
        log IBonds.PaymentCredited(beneficiary=to, amount=amount)


@internal
def collect(to: address):
    """
    @notice Send the caller's credit to an address of its choice.
    """
    amount: uint256 = self._credits[msg.sender]
    assert amount != 0, "bond: no credit"
    self._credits[msg.sender] = 0
    log IBonds.CreditCollected(beneficiary=msg.sender, to=to, amount=amount)
    assert raw_call(
        to, b"", value=amount, revert_on_failure=False
    ), "bond: payment refused"


@internal
@view
def state(signer: address) -> IBonds.Bond:
    """
    @notice A log's bond.
    """
    word: uint256 = self._bonds[signer]
    pending: uint256 = self._pending[signer]
    return IBonds.Bond(
        amount=self._amount(word),
        unit=self._unit(word),
        askedAt=convert(pending >> 64, uint64),
        cases=convert(pending & U32, uint64),
    )


@internal
@view
def withdrawable_after(signer: address) -> uint256:
    """
    @notice The last second at which a log's bond stays: the log's end, its longest
            promise and the linger past, and the notice since asking.
    """
    record: IReceiptLedger.LogRecord = staticcall _LEDGER.log_record(signer)
    end: uint256 = convert(record.closesAt, uint256)
    if record.revokedAt != 0:
        end = min(end, convert(record.revokedAt, uint256))
    return max(
        end + convert(record.maxDelay, uint256) + _LINGER,
        (self._pending[signer] >> 64) + _NOTICE,
    )


@internal
@view
def standing(signer: address) -> IBonds.Standing:
    """
    @notice What a log was caught at.
    """
    word: uint256 = self._bonds[signer]
    return IBonds.Standing(
        markedAt=convert(self._marked_at(word), uint64),
        reason=convert((word >> 16) & U8, IBonds.Offence),
        count=convert(word & MAX_COUNT, uint16),
    )


@internal
@view
def clean_at(signer: address, time: uint64) -> bool:
    """
    @notice Whether nothing was proved against a log up to and at a time. Of a past time
            the answer never changes.
    """
    marked_at: uint256 = self._marked_at(self._bonds[signer])
    return marked_at == 0 or convert(time, uint256) < marked_at


@internal
@view
def credit(beneficiary: address) -> uint256:
    """
    @notice Wei kept for a payee that did not take it.
    """
    return self._credits[beneficiary]


@internal
@view
def least_unit() -> uint256:
    """
    @notice What an offence takes at least, wei: so much that its reward stays small
            beside what is burnt.
    """
    return REWARDS_IN_UNIT * _REWARD_CAP


@internal
@view
def reward_cap() -> uint256:
    """
    @notice The most that one proof earns, wei.
    """
    return _REWARD_CAP


@internal
@view
def _require_operator(signer: address):
    record: IReceiptLedger.LogRecord = staticcall _LEDGER.log_record(signer)
    assert msg.sender == record.operator, "bond: not the operator"


@internal
@pure
def _amount(word: uint256) -> uint256:
    return word >> 160


@internal
@pure
def _unit(word: uint256) -> uint256:
    return (word >> 64) & (MAX_AMOUNT - 1)


@internal
@pure
def _marked_at(word: uint256) -> uint256:
    return (word >> 24) & U40
