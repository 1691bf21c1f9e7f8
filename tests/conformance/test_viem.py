"""Digests of every struct, signatures and Keccak-256 against viem, for random values."""

import random
import sys
from pathlib import Path

import coincurve
import pytest
from counterfoil.hashing.eip712 import domain_separator
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import public_address, sign
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from run_node import run_node

sys.path.insert(0, str(Path(__file__).parents[1] / "unit/hashing"))
from typed_structs import DOMAIN, SIGNED, STRUCTS, addresses, chain_ids, message, types_of

pytestmark = pytest.mark.node
EACH = 60


def drawn(strategy, count=EACH):
    """Random values of a strategy, the same ones each time."""
    out = []

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def collect(value):
        out.append(value)

    collect()
    return out


def plain(value):
    """A message in JSON, numbers as strings so that none loses a bit."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return str(value) if isinstance(value, int) else value


def typed(kind, value):
    return {"primaryType": kind, "types": types_of(kind), "message": plain(message(kind, value))}


def test_digests__random_values_of_every_struct__equal_viem():
    hashed = [(k, v) for k in STRUCTS if k not in SIGNED for v in drawn(STRUCTS[k])]
    signed = []
    for kind in SIGNED:
        for value, chain_id, ledger in drawn(st.tuples(STRUCTS[kind], chain_ids, addresses)):
            key = coincurve.PrivateKey(keccak(repr((kind, value)).encode()))
            signed.append((kind, value, chain_id, ledger, key))
    messages = [random.Random(n).randbytes(n) for n in range(300)]
    found = run_node(
        "typed_data.mjs",
        {
            "domainType": [{"name": n, "type": t} for n, t in DOMAIN],
            "structs": [typed(kind, value) for kind, value in hashed],
            "signed": [
                typed(kind, value)
                | {
                    "domain": {
                        "name": "Counterfoil",
                        "version": "1",
                        "chainId": str(chain_id),
                        "verifyingContract": ledger,
                    },
                    "signature": "0x" + sign(value.digest(chain_id, ledger), key).hex(),
                }
                for kind, value, chain_id, ledger, key in signed
            ],
            "messages": ["0x" + m.hex() for m in messages],
        },
    )
    assert len(hashed) > 100
    assert len(signed) > 100
    assert found["structs"] == ["0x" + value.digest.hex() for _, value in hashed]
    assert found["signed"] == [
        {
            "domain": "0x" + domain_separator(chain_id, ledger).hex(),
            "digest": "0x" + value.digest(chain_id, ledger).hex(),
            "address": public_address(key.public_key.format(compressed=False)),
        }
        for _, value, chain_id, ledger, key in signed
    ]
    assert found["messages"] == ["0x" + keccak(m).hex() for m in messages]
