"""What the winning chain has of a case: who sent what, and where the ether is."""

from __future__ import annotations

from dataclasses import dataclass, field

from counterfoil.chain import Chain, FaultCourtClient
from counterfoil.hashing.types import Address


@dataclass
class Sent:
    """An account's transactions on the winning chain.

    Attributes:
        steps: functions that were called, in their order; those that a block refused are not.
        refused: of these, the others.
        gas: wei, of all.
        value: wei that went along with `steps`.
    """

    steps: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    gas: int = 0
    value: int = 0


def sent_by(chain: Chain, court: FaultCourtClient, account: Address, *, since: int) -> Sent:
    """Of blocks behind `since`."""
    contracts = {
        each.address.lower(): each.web3
        for each in (court.contract, court.clerk, court.step_judge, court.row_judge)
    }
    made = Sent()
    for number in range(since + 1, chain.block_number() + 1):
        for each in chain.web3.eth.get_block(number, full_transactions=True)["transactions"]:
            if str(each["from"]).lower() != account.lower():
                continue
            receipt = chain.web3.eth.get_transaction_receipt(each["hash"])
            made.gas += receipt["gasUsed"] * receipt["effectiveGasPrice"]
            contract = contracts.get(str(each["to"]).lower())
            name = ""
            if contract is not None:
                data = each["input"] if "input" in each else each["data"]  # eth-tester's word
                name = contract.decode_function_input(data)[0].fn_name
            if receipt["status"] != 1:
                made.refused.append(name)
            elif name:
                made.steps.append(name)
                made.value += each["value"]
    return made


class Purse:
    """What an account earned since now, gas aside."""

    def __init__(self, chain: Chain, court: FaultCourtClient, account: Address) -> None:
        self._chain, self._court, self._account = chain, court, account
        self._since, self._before = chain.block_number(), chain.balance(account)

    def sent(self) -> Sent:
        """Its transactions since."""
        return sent_by(self._chain, self._court, self._account, since=self._since)

    def earned(self) -> int:
        """Wei, below zero where it paid."""
        return self._chain.balance(self._account) - self._before + self.sent().gas
