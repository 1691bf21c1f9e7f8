"""Gas of whole transactions, all on one embedded chain.

Calldata counted. EAS's contracts are those of its npm package, byte for byte; `Roots` is a mapping
of roots with OpenZeppelin's `MerkleProof`, compiled by npm's solc (`peers.mjs`): no signature, no
rules, no numbers, anybody may write.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import coincurve
from counterfoil import chain as chains
from counterfoil.chain import LedgerClient, deploy
from counterfoil.chain.contract import Call
from counterfoil.chain.deployment import LEDGER
from counterfoil.chain.sending import send
from counterfoil.formats.batch import Batch, LogOpening
from counterfoil.formats.receipt import Receipt
from counterfoil.formats.receipt_file import Inclusion
from counterfoil.hashing import merkle
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import public_address, sign

from .peers import HERE, installed
from .rows import Row

EAS = "@ethereum-attestation-service/eas-contracts@1.9.0"
EAS_SHA512 = (
    "L60y1fgKlY3a45xxnPlgRbiGQY8RF/lF+AzF1iVoR7/aEzitS0Nuyyjq8+IXs1sSSU0dl2+yGSmELxVeB6FelA=="
)
"""Its package takes a development framework along, so the archive alone is fetched.

Source: the registry's `dist.integrity`.
"""

KEY = coincurve.PrivateKey(b"\x22" * 32)
GROUP = 16
"""Batches, timestamps and attestations that are sent together."""


class Chain:
    """An embedded chain that counts gas."""

    def __init__(self) -> None:
        self.chain = chains.embedded()
        self.payer = chains.funded_account(self.chain)
        self.ledger = LedgerClient(
            self.chain, deploy(self.chain, self.payer).contracts[LEDGER].address
        )
        self.signer = public_address(KEY.public_key.format(compressed=False))
        self.next = 0

    def used(self, call: Call) -> int:
        """Gas that a transaction takes."""
        return int(self._receipt(send(self.chain, call, self.payer))["gasUsed"])

    def make(self, abi: Any, bytecode: str, *arguments: Any) -> Any:
        """A contract, deployed."""
        made = self.chain.web3.eth.contract(abi=abi, bytecode=bytecode)
        data = bytes.fromhex(made.constructor(*arguments).data_in_transaction[2:])
        receipt = self._receipt(send(self.chain, Call(to=None, data=data), self.payer))
        return self.chain.web3.eth.contract(abi=abi, address=receipt["contractAddress"])

    def call(self, function: Any) -> Call:
        """What a transaction to a function sends."""
        data = bytes.fromhex(function._encode_transaction_data()[2:])
        return Call(to=function.address, data=data)

    def open(self) -> None:
        """Open the signer's log."""
        opening = LogOpening(
            operator=self.payer.address,
            signer=self.signer,
            closes_at=self.chain.now() + 10**6,
            max_delay=3600,
        )
        digest = opening.digest(self.chain.chain_id, self.ledger.address)
        self._receipt(self.ledger.open_log(opening, sign(digest, KEY), self.payer))

    def batch(self, size: int, root: bytes) -> tuple[tuple[Any, ...], bytes]:
        """The log's next batch, as the ledger takes it."""
        made = Batch(signer=self.signer, first=self.next, size=size, root=root, uri="")
        self.next += size
        digest = made.digest(self.chain.chain_id, self.ledger.address)
        return made.abi(), sign(digest, KEY)

    def post(self, size: int, root: bytes) -> int:
        """Post a batch; its gas."""
        return self.used(self.ledger.contract.call("post_batch", *self.batch(size, root)))

    def _receipt(self, transaction: bytes) -> Any:
        return self.chain.web3.eth.wait_for_transaction_receipt(transaction)


def rows(quick: bool) -> Iterator[Row]:
    """Posting beside timestamps, attestations and a bare mapping; verifying beside MerkleProof."""
    del quick
    chain = Chain()
    chain.open()
    chain.post(1, keccak(b"the log's first"))
    eas, schema = _eas(chain)
    roots = chain.make(**_compiled()["Roots"])
    chain.used(chain.call(roots.functions.post(keccak(b"the first"))))

    post = chain.post(2**20, keccak(b"a million"))
    mapped = chain.used(chain.call(roots.functions.post(keccak(b"root"))))
    stamp = chain.used(chain.call(eas.functions.timestamp(keccak(b"one"))))
    yield Row(
        what="a batch of any size", ours=post, unit="gas", peer="a mapping of roots",
        peers=mapped, target=60_000,
        note="ours checks a signature, an order without gaps and a log's times, and says when",
    )  # fmt: skip
    yield Row(
        what="a batch of any size, or one root", ours=post, unit="gas",
        peer="EAS timestamp", peers=stamp,
    )  # fmt: skip

    entries = [chain.batch(2**16, keccak(b"group %d" % n)) for n in range(GROUP)]
    group = chain.used(chain.ledger.contract.call("post_group", entries))
    several = [keccak(b"several %d" % n) for n in range(GROUP)]
    stamps = chain.used(chain.call(eas.functions.multiTimestamp(several)))
    yield Row(
        what=f"each of {GROUP} batches in one transaction", ours=group / GROUP, unit="gas",
        peer="EAS multiTimestamp", peers=stamps / GROUP,
    )  # fmt: skip

    attested = chain.used(chain.call(eas.functions.attest(_attestation(schema))))
    for size in (1, 100, 10_000):
        yield Row(
            what=f"a receipt, in batches of {size:,}", ours=post / size, unit="gas",
            peer="EAS attest, one on chain", peers=attested,
        )  # fmt: skip

    for depth in (10, 20):
        yield _verified(chain, roots, depth)


def _verified(chain: Chain, roots: Any, depth: int) -> Row:
    """One receipt of a full tree; the peer's leaf is hashed already, ours is the nine fields."""
    size, index = 2**depth, 2**depth * 2 // 3
    path = [keccak(b"sibling %d" % level) for level in range(depth)]
    now = chain.chain.now()
    first = chain.next
    receipt = Receipt(
        signer=chain.signer, sequence=first + index, model=keccak(b"m"), runtime=keccak(b"r"),
        request=keccak(b"q"), inputs=keccak(b"i"), outputs=keccak(b"o"), issued_at=now, settle_by=0,
    )  # fmt: skip
    leaf = merkle.leaf(receipt.digest(chain.chain.chain_id, chain.ledger.address))
    chain.post(size, merkle.root_from_path(leaf, index, size, path))
    posted = chain.ledger.posted(chain.signer, first)
    assert posted is not None
    inclusion = Inclusion(first=first, size=size, posted_at=posted.posted_at, path=tuple(path))
    assert chain.ledger.verify(receipt, inclusion)
    ours = chain.used(chain.ledger.contract.call("verify", receipt.abi(), inclusion.abi()))

    other = keccak(b"leaf")
    node = other
    for sibling in path:
        node = keccak(min(node, sibling) + max(node, sibling))
    batch = roots.functions.next().call()
    chain.used(chain.call(roots.functions.post(node)))
    verify = roots.functions.verify(batch, other, path)
    assert verify.call()
    return Row(
        what=f"verify one receipt at depth {depth}", ours=ours, unit="gas",
        peer="MerkleProof on a mapping", peers=chain.used(chain.call(verify)),
        note="ours hashes the receipt's nine fields and holds number, size and time too",
    )  # fmt: skip


def _compiled() -> dict[str, Any]:
    installed()
    done = subprocess.run(["node", "peers.mjs"], cwd=HERE, capture_output=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def _eas(chain: Chain) -> tuple[Any, bytes]:
    """EAS with a schema of one digest."""
    registry_code, eas_code = _eas_artifacts(("SchemaRegistry", "EAS"))
    registry = chain.make(registry_code["abi"], registry_code["bytecode"])
    eas = chain.make(eas_code["abi"], eas_code["bytecode"], registry.address)
    nobody = "0x" + "00" * 20
    register = registry.functions.register("bytes32 digest", nobody, False)
    schema = register.call()
    chain.used(chain.call(register))
    chain.used(chain.call(eas.functions.timestamp(keccak(b"the first"))))
    chain.used(chain.call(eas.functions.attest(_attestation(schema))))
    return eas, schema


def _attestation(schema: bytes) -> tuple[Any, ...]:
    nobody = "0x" + "00" * 20
    return (schema, (nobody, 0, False, b"\0" * 32, keccak(b"receipt"), 0))


def _eas_artifacts(names: Sequence[str]) -> list[dict[str, Any]]:
    npm = shutil.which("npm")
    assert npm is not None
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([npm, "pack", "--silent", EAS], cwd=folder, check=True, capture_output=True)
        (archive,) = Path(folder).glob("*.tgz")
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != EAS_SHA512:
            raise RuntimeError(f"{EAS} is another than the one that was looked at")
        with tarfile.open(archive) as package:
            made = []
            for name in names:
                member = f"package/artifacts/contracts/{name}.sol/{name}.json"
                stream = package.extractfile(member)
                assert stream is not None
                made.append(json.load(stream))
            return made
