"""A signed statement, off chain: made and checked.

EAS's SDK runs in Node.js, in its own process in this run. eth-account is measured as it is
installed alone, with eth-keys' own arithmetic: coincurve is what this project adds. Theirs is a
signature over one digest; ours is numbered and durable too where the row says so.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

from coincurve import PrivateKey
from counterfoil.hashing.signature import recover, sign
from counterfoil.journal import Journal
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys import KeyAPI
from eth_keys.backends import NativeECCBackend

from .home import drafts, home
from .peers import HERE, installed
from .rows import Row
from .steps import typed_receipt
from .timing import side_by_side

SDK = "EAS SDK, off chain"
ACCOUNT = "eth-account, as installed"


def rows(quick: bool) -> Iterator[Row]:
    """Made, sealed, checked."""
    seconds = 1.0 if quick else 5.0
    secret = bytes(range(1, 33))
    receipt, message = typed_receipt()
    key, ledger = PrivateKey(secret), receipt.signer
    signature = sign(receipt.digest(1, ledger), key)
    signed = _Shipped.sign_typed_data(secret, full_message=message)
    assert bytes(signed.signature) == signature
    signable = encode_typed_data(full_message=message)
    made = side_by_side(
        lambda: sign(receipt.digest(1, ledger), key),
        lambda: _Shipped.sign_typed_data(secret, full_message=message),
        seconds=seconds,
    )
    checked = side_by_side(
        lambda: recover(receipt.digest(1, ledger), signature),
        lambda: _Shipped.recover_message(signable, signature=signature),
        seconds=seconds,
    )
    with home("normal") as profile, Journal.open(profile) as journal:
        (draft,) = drafts(1)
        (sealed,) = side_by_side(lambda: journal.seal(draft), seconds=seconds)
    sdk = _sdk(seconds)
    for what, ours, peers in (
        ("digest and signature", made[0], (sdk["sign"], made[1])),
        ("sealed: numbered, in the journal (normal), signed", sealed, (sdk["sign"], made[1])),
        ("checked: digest, and who signed it", checked[0], (sdk["verify"], checked[1])),
    ):
        for peer, theirs in zip((SDK, ACCOUNT), peers, strict=True):
            yield Row(what=what, ours=ours * 1e6, unit="µs", peer=peer, peers=theirs * 1e6)


class _Shipped(Account):
    _keys = KeyAPI(NativeECCBackend())


def _sdk(seconds: float) -> dict[str, float]:
    installed()
    done = subprocess.run(
        ["node", "attest.mjs", str(seconds)], cwd=HERE, capture_output=True, check=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found
