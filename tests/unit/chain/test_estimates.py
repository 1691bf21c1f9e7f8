"""Gas limits on the embedded chain: each suffices, and is little more than the least that does."""

from __future__ import annotations

from typing import Any

import pytest
from counterfoil import chain as chains
from counterfoil.chain import Call, sending
from counterfoil.errors import Refused
from counterfoil.hashing.types import Address
from eth.estimators.gas import binary_gas_search_exact

WRITES = "".join(f"600160{slot:02x}55" for slot in range(10)) + "00"
"""Ten slots that were zero."""
CALLS = "5f5f5f5f5f73{to}5af16022575f5ffd5b00"
"""An account, with all the gas that may be handed on; reverts where that fails."""
WANTS = "620186a05a10600a57005b5f5ffd"
"""Reverts with less than 100,000 gas left, and uses next to none."""
REFUSES = "5f5ffd"


@pytest.fixture(scope="module")
def chain():
    return chains.embedded()


@pytest.fixture(scope="module")
def payer(chain):
    return chains.funded_account(chain)


def estimate(chain, payer, call: Call) -> int:
    transaction: dict[str, Any] = {
        "from": payer.address, "data": "0x" + call.data.hex(), "value": call.value,
    }  # fmt: skip
    if call.to is not None:
        transaction["to"] = call.to
    return int(chain.web3.eth.estimate_gas(transaction))


def least(chain, monkeypatch, payer, call: Call) -> int:
    """What py-evm's own search finds, to the last gas."""
    evm = chain.web3.provider.ethereum_tester.backend.chain
    with monkeypatch.context() as patch:
        patch.setattr(evm, "gas_estimator", binary_gas_search_exact)
        return estimate(chain, payer, call)


def made(chain, payer, code: str) -> Address:
    """An account with this code, in hex."""
    size = len(code) // 2
    creation = bytes.fromhex(f"60{size:02x}600c60003960{size:02x}6000f3{code}")
    found = sending.wait(chain, sending.send(chain, Call(to=None, data=creation), payer)).contract
    assert chain.code(found).hex() == code
    return found


@pytest.fixture
def sent(chain, payer, monkeypatch):
    """Estimate a call and send it with no more; the estimate and the least that would do."""

    def send(call: Call) -> tuple[int, int]:
        gas, enough = estimate(chain, payer, call), least(chain, monkeypatch, payer, call)
        prepared = sending.prepare(chain, call, payer, gas=gas)
        sending.wait(chain, sending.broadcast(chain, prepared))
        return gas, enough

    return send


def test_estimated__plain_payment__is_exact(sent, payer):
    assert sent(Call(to=Address(payer.address), data=b"", value=1)) == (21_000, 21_000)


def test_estimated__writes__is_exact(chain, payer, sent):
    gas, enough = sent(Call(to=made(chain, payer, WRITES), data=b""))
    assert gas == enough > 200_000


def test_estimated__call_keeps_a_64th_part__is_enough_and_little_more(chain, payer, sent):
    writes = made(chain, payer, WRITES)
    gas, enough = sent(Call(to=made(chain, payer, CALLS.format(to=writes[2:].lower())), data=b""))
    assert enough <= gas <= enough * 64 // 63


def test_estimated__wants_more_than_it_uses__is_searched_for(chain, payer, sent):
    gas, enough = sent(Call(to=made(chain, payer, WANTS), data=b""))
    assert 121_000 < enough <= gas <= enough + 21_000


def test_estimated__calldata__its_floor_at_least(payer, sent):
    gas, enough = sent(Call(to=Address(payer.address), data=b"\x00" * 100 + b"\x01" * 1000))
    assert gas == 21_000 + 10 * 100 + 40 * 1000 > enough


def test_estimated__refused__raises(chain, payer):
    with pytest.raises(Refused):
        sending.send(chain, Call(to=made(chain, payer, REFUSES), data=b""), payer)


def test_estimated__leaves_no_trace(chain, payer):
    writes = made(chain, payer, WRITES)
    before = chain.latest(), chain.balance(Address(payer.address))
    estimate(chain, payer, Call(to=writes, data=b""))
    assert (chain.latest(), chain.balance(Address(payer.address))) == before
    assert not any(chain.web3.eth.get_storage_at(writes, 0))
