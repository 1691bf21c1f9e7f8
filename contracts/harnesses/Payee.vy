# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title An account with code that is paid: takes it, refuses it, or calls back
@license Apache-2.0
@notice For tests alone.
"""


struct Call:
    to: address
    data: Bytes[8192]
    amount: uint256


flag Manner:
    TAKE
    REFUSE
    WASTE
    CALL_BACK


event CalledBack:
    succeeded: bool


manner: public(Manner)
_back_to: address
_back_data: Bytes[68]


@deploy
def __init__():
    self.manner = Manner.TAKE


@external
@payable
def __default__():
    if self.manner == Manner.REFUSE:
        raise "payee: refused"
    if self.manner == Manner.WASTE:
        for i: uint256 in range(1_000_000_000):
            assert i + 1 > i
    if self.manner == Manner.CALL_BACK:
        succeeded: bool = raw_call(
            self._back_to, self._back_data, revert_on_failure=False
        )
        log CalledBack(succeeded=succeeded)


@external
def behave(manner: Manner):
    self.manner = manner


@external
def call_back(to: address, data: Bytes[68]):
    """
    @notice When paid, make this call.
    """
    self.manner = Manner.CALL_BACK
    self._back_to = to
    self._back_data = data


@external
@payable
def execute(calls: DynArray[Call, 4]):
    """
    @notice Make calls in one transaction; what one reverts with, this does.
    """
    for each: Call in calls:
        raw_call(each.to, each.data, value=each.amount)
