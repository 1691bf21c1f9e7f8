"""One transaction for one matter, on a node that mines when it is told to."""

from __future__ import annotations

import pytest
from counterfoil.chain import Call, Prepared, Slot, UnderWay, send_in, slot_after
from counterfoil.chain.sending import Fees
from counterfoil.chain.under_way import BEHIND, STUCK_AFTER
from counterfoil.errors import Refused, TooDear, Underpriced
from counterfoil.hashing.types import Address

pytestmark = pytest.mark.anvil

NOW = 1_800_000_000.0


class Payer:
    """Somebody who pays for one matter and writes down what was sent last."""

    def __init__(self, anvil) -> None:
        self.chain = anvil.chain
        self.account = anvil.account()
        self.address = Address(self.account.address)
        self.last: UnderWay | None = None

    def remember(self, made: Prepared) -> None:
        assert self.chain.transaction(made.digest) is None  # not sent yet
        self.last = UnderWay(transaction=made.digest, nonce=made.nonce, sent_at=NOW)

    def send(self, slot: Slot) -> Prepared:
        call = Call(to=self.address, data=b"", value=1)
        return send_in(slot, self.chain, call, self.account, self.remember)

    def slot(self, now: float) -> Slot | None:
        return slot_after(self.chain, self.address, self.last, now)


@pytest.fixture
def payer(anvil):
    anvil.automine(False)
    return Payer(anvil)


def test_slot_after__nothing_sent__the_next_nonce(payer):
    assert payer.slot(NOW) == Slot()


def test_slot_after__waits_for_a_block__then_is_replaced_at_a_higher_price(payer, anvil):
    first = payer.send(Slot())
    assert payer.slot(NOW) is None
    assert payer.slot(NOW + STUCK_AFTER - 1) is None
    slot = payer.slot(NOW + STUCK_AFTER)
    assert slot == Slot(nonce=first.nonce, at_least=first.fees.bumped())
    second = payer.send(slot)
    assert second.digest != first.digest and second.nonce == first.nonce
    anvil.mine()
    assert anvil.chain.transaction_receipt(second.digest) is not None
    assert anvil.chain.transaction(first.digest) is None
    assert payer.slot(NOW) == Slot()


def test_slot_after__clock_set_back_since__not_waited_for(payer):
    first = payer.send(Slot())
    assert payer.slot(NOW - 1) == Slot(nonce=first.nonce, at_least=first.fees.bumped())


def test_slot_after__dropped_by_the_node__the_next_nonce(payer, anvil):
    first = payer.send(Slot())
    anvil.ask("anvil_dropTransaction", "0x" + first.digest.hex())
    assert payer.slot(NOW) == Slot()


def test_slot_after__another_transaction_took_the_nonce__the_next_nonce(payer, anvil):
    first = payer.send(Slot())
    mine, payer.last = payer.last, None
    payer.send(Slot(nonce=first.nonce, at_least=first.fees.bumped()))
    anvil.mine()
    payer.last = mine
    assert payer.slot(NOW) == Slot()


def test_slot_after__behind_one_that_was_lost__the_lost_ones_nonce(payer, anvil):
    first, second = payer.send(Slot()), payer.send(Slot())
    assert second.nonce == first.nonce + 1
    assert payer.slot(NOW) is None
    anvil.ask("anvil_dropTransaction", "0x" + first.digest.hex())
    if anvil.chain.transaction(second.digest) is None:  # nodes may drop what waits behind it too
        anvil.ask("eth_sendRawTransaction", "0x" + second.raw.hex())
    assert anvil.chain.transaction(second.digest) is not None
    assert payer.slot(NOW) == payer.slot(NOW + STUCK_AFTER) == Slot()
    assert payer.send(Slot()).nonce == first.nonce


def test_slot_after__behind_one_that_nobody_replaces__its_nonce(payer, anvil):
    """The matter of the first is over, or a restart forgot it; no block takes it."""
    first = payer.send(Slot())
    payer.last = None
    second = payer.send(payer.slot(NOW))
    assert second.nonce == first.nonce + 1
    assert payer.slot(NOW + STUCK_AFTER) is None  # whoever sent the first is first to replace it
    assert payer.slot(NOW + BEHIND * STUCK_AFTER - 1) is None
    slot = payer.slot(NOW + BEHIND * STUCK_AFTER)
    assert slot == Slot(nonce=first.nonce, at_least=second.fees.bumped())
    third = payer.send(slot)
    anvil.mine()
    assert anvil.chain.transaction_receipt(third.digest) is not None
    assert anvil.chain.transaction(first.digest) is None


def test_send_in__what_it_replaces_offers_more__raised_until_the_node_takes_it(payer, anvil):
    first = payer.send(Slot(at_least=Fees(most=10**12, tip=10**11)))
    payer.last = None
    second = payer.send(Slot(nonce=first.nonce, at_least=Fees(most=10**12, tip=2 * 10**10)))
    assert second.fees == Fees(most=10**12, tip=2 * 10**10).bumped()
    assert payer.last.transaction == second.digest
    anvil.mine()
    assert anvil.chain.transaction_receipt(second.digest) is not None
    with pytest.raises(Underpriced):
        third = payer.send(Slot(at_least=Fees(most=10**14, tip=10**13)))
        payer.send(Slot(nonce=third.nonce))


def test_send_in__dearer_than_allowed__nothing_written_down(payer):
    call = Call(to=payer.address, data=b"")
    with pytest.raises(TooDear) as refused:
        send_in(Slot(), payer.chain, call, payer.account, payer.remember, most=1)
    assert refused.value.most > 1
    assert payer.last is None


def test_send_in__refused_by_the_contract__nothing_written_down(on_anvil, payer):
    call = Call(to=on_anvil.ledger.address, data=bytes(4))  # no such function
    with pytest.raises(Refused):
        send_in(Slot(), payer.chain, call, payer.account, payer.remember, young=100_000)
    assert payer.last is None


def test_under_way_read__a_column_missing__nothing():
    assert UnderWay.read(None, None, None) is None
    assert UnderWay.read(bytes(32), 1, None) is None
    assert UnderWay.read(b"\1" * 32, 1, NOW).transaction == b"\1" * 32
