# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Bonds, alone: a court that takes on anybody's word
@license Apache-2.0
@notice For tests alone.
"""

from ..interfaces import IBonds
from ..modules import bonds

initializes: bonds

from ..modules import offences

initializes: offences[bonds := bonds]


@deploy
def __init__(
    ledger: address, reward_cap: uint256, notice: uint256, linger: uint256
):
    bonds.__init__(ledger, reward_cap, notice, linger)


@external
@payable
def make_bond(signer: address, unit: uint256):
    bonds.make(signer, unit)


@external
@payable
def add_bond(signer: address):
    bonds.add(signer)


@external
def ask_withdrawal(signer: address):
    bonds.ask(signer)


@external
def withdraw(signer: address):
    bonds.withdraw(signer)


@external
def hold(signer: address):
    bonds.hold(signer)


@external
def release(signer: address):
    bonds.release(signer)


@external
def take(signer: address, number: uint64, reason: IBonds.Offence):
    bonds.pay(msg.sender, bonds.take(signer, number, reason, msg.sender))


@external
def take_once(signer: address, number: uint64, reason: IBonds.Offence):
    bonds.pay(msg.sender, offences.take(signer, number, reason, msg.sender))


@external
@view
def bond(signer: address) -> IBonds.Bond:
    return bonds.state(signer)


@external
@view
def withdrawable_after(signer: address) -> uint256:
    return bonds.withdrawable_after(signer)


@external
@view
def standing(signer: address) -> IBonds.Standing:
    return bonds.standing(signer)


@external
@view
def clean_at(signer: address, time: uint64) -> bool:
    return bonds.clean_at(signer, time)
