"""A signed statement, off chain: made and checked.

EAS's SDK runs in Node.js, in its own process in this run. eth-account is measured as it is
installed alone, with eth-keys' own arithmetic: coincurve is what this project adds. Theirs is a
signature over one digest; ours is numbered and durable too where the row says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from coincurve import PrivateKey
from counterfoil.hashing.signature import recover, sign
from counterfoil.journal import Journal

from .home import drafts, home
from .peers import HERE, installed
from .rows import Row
from .steps import typed_receipt
from .timing import side_by_side


def rows(quick: bool) -> Iterator[Row]:
    """Made, sealed, checked."""
    seconds = 1.0 if quick else 5.0
    receipt, _ = typed_receipt()
    key, ledger = PrivateKey(bytes(range(1, 33))), receipt.signer
    signature = sign(receipt.digest(1, ledger), key)
    (made,) = side_by_side(lambda: sign(receipt.digest(1, ledger), key), seconds=seconds)
    (checked,) = side_by_side(lambda: recover(receipt.digest(1, ledger), signature),
                              seconds=seconds)  # fmt: skip
    with home("normal") as profile, Journal.open(profile) as journal:
        (draft,) = drafts(1)
        (sealed,) = side_by_side(lambda: journal.seal(draft), seconds=seconds)
    installed()
    native = os.environ | {"ECC_BACKEND_CLASS": "eth_keys.backends.NativeECCBackend"}
    peers = {
        "EAS SDK, off chain": _timed(["node", "attest.mjs"], seconds),
        "eth-account, as installed": _timed([sys.executable, "-m", "bench.attesting"], seconds,
                                            env=native | {"PYTHONPATH": str(HERE.parent)}),
    }  # fmt: skip
    for what, ours, theirs in (
        ("digest and signature", made, "sign"),
        ("sealed: numbered, in the journal (normal), signed", sealed, "sign"),
        ("checked: digest, and who signed it", checked, "verify"),
    ):
        for peer, found in peers.items():
            yield Row(what=what, ours=ours * 1e6, unit="µs", peer=peer, peers=found[theirs] * 1e6)


def _timed(command: Sequence[str], seconds: float, **more: Any) -> dict[str, float]:
    """Seconds to sign and to verify, as a process of the peer prints them."""
    done = subprocess.run(
        [*command, str(seconds)], cwd=HERE, capture_output=True, check=True, text=True, **more
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _eth_account(seconds: float) -> dict[str, float]:
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    secret = bytes(range(1, 33))
    _, message = typed_receipt()
    signature = Account.sign_typed_data(secret, full_message=message).signature
    signable = encode_typed_data(full_message=message)
    made, checked = side_by_side(
        lambda: Account.sign_typed_data(secret, full_message=message),
        lambda: Account.recover_message(signable, signature=signature),
        seconds=seconds,
    )
    return {"sign": made, "verify": checked}


if __name__ == "__main__":
    print(json.dumps(_eth_account(float(sys.argv[1]))))
