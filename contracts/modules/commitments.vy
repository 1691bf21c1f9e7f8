# pragma version ==0.4.3
"""
@title Commitments: evidence is announced before it is shown
@license Apache-2.0
@notice Evidence is bearer data: whoever sees it in a pending transaction could send it as
        his own. A claim therefore opens a commitment to (court, claimant, evidence, salt)
        that is at least a block old, which nobody can make who has just seen it.
"""

from ..interfaces import ICommitments


# commitment => number of the block that holds it
_made: HashMap[bytes32, uint256]


@internal
def commit(commitment: bytes32):
    """
    @notice Keep a commitment. It cannot be made again while it is there, so nobody can
            make somebody else's younger.
    """
    assert self._made[commitment] == 0, "commitment: already made"
    self._made[commitment] = block.number
    log ICommitments.EvidenceCommitted(commitment=commitment)


@internal
def open(claimant: address, evidence: bytes32, salt: bytes32):
    """
    @notice Use up a claimant's commitment; revert unless it is a block old. The claimant
            is the caller, or whom a judge that the court believes names.
    """
    commitment: bytes32 = self.of(claimant, evidence, salt)
    made: uint256 = self._made[commitment]
    assert made != 0, "commitment: never made"
    assert block.number > made, "commitment: not a block old"
    self._made[commitment] = 0


@internal
@view
def of(claimant: address, evidence: bytes32, salt: bytes32) -> bytes32:
    """
    @notice What a claimant commits.
    """
    return keccak256(abi_encode(self, claimant, evidence, salt))


@internal
@view
def committed_at(commitment: bytes32) -> uint256:
    """
    @notice The block that holds a commitment; 0 where it was never made or is used up.
    """
    return self._made[commitment]
