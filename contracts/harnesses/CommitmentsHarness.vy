# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Commitments, alone
@license Apache-2.0
@notice For tests alone.
"""

from ..modules import commitments

initializes: commitments


@external
def commit(commitment: bytes32):
    commitments.commit(commitment)


@external
def open(evidence: bytes32, salt: bytes32):
    commitments.open(msg.sender, evidence, salt)


@external
def commit_and_open(evidence: bytes32, salt: bytes32):
    commitments.commit(commitments.of(msg.sender, evidence, salt))
    commitments.open(msg.sender, evidence, salt)


@external
@view
def of(claimant: address, evidence: bytes32, salt: bytes32) -> bytes32:
    return commitments.of(claimant, evidence, salt)


@external
@view
def committed_at(commitment: bytes32) -> uint256:
    return commitments.committed_at(commitment)
