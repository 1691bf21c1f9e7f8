"""The scripts' story: deploy, publish, open, submit, verify, as an operator runs them."""

import json
import re
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import coincurve
import magika
import numpy as np
import onnx
from counterfoil.chain.deploying import bytecode
from counterfoil.chain.deployment import (
    COURT,
    LOCAL_FAULT_TERMS,
    LOCAL_TERMS,
    court_plan,
    fault_plans,
)
from counterfoil.formats.batch import Batch, LogOpening, batch_tree
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.log_opening_file import LogOpeningFile
from counterfoil.formats.model import load
from counterfoil.formats.receipt import Receipt
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor, commit, fresh_master
from counterfoil.hashing.signature import public_address, sign
from counterfoil.hashing.types import ZERO

ROOT = Path(__file__).parents[2]
MODEL = next(Path(magika.__file__).parent.rglob("*.onnx"))
ADDRESSES = json.loads(
    (ROOT / "offchain/counterfoil/artefacts/addresses.json").read_text(encoding="utf-8")
)
SIZE = 3
DEVELOPMENT = {1337, 31337, 131277322940537}
"""Ids of geth's, anvil's and eth-tester's chains, on which courts have a developer's terms."""


def addresses(chain_id: int) -> dict[str, str]:
    """Where `deploy` puts the contracts, by name."""
    if chain_id not in DEVELOPMENT:
        return ADDRESSES
    ledger = ADDRESSES["ReceiptLedger"]
    courts = (
        court_plan(bytecode(COURT), ledger, LOCAL_TERMS),
        fault_plans(
            {name: bytecode(name) for name in ADDRESSES if name != COURT}, ledger, LOCAL_FAULT_TERMS
        )[-1],
    )
    return ADDRESSES | {each.name: each.address for each in courts}


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def scores(value: float):
    """A model's output with one value everywhere."""
    return np.full((1, 214), value, "<f4")


class Run(Protocol):
    """Run one `ape run` line; what it printed and its exit code."""

    def __call__(self, *words: str) -> tuple[str, int]: ...


def field_of(output: str, label: str) -> str:
    """A labelled line of a script's report."""
    found = re.search(rf"^{label} +(\S+)", output, re.MULTILINE)
    assert found, f"no {label!r} in:\n{output}"
    return found[1]


@dataclass
class Story:
    """One log on one chain, and the files that the scripts take."""

    run: Run
    folder: Path
    operator: str
    chain_id: int
    secret: int = 0xC0FFEE
    key: coincurve.PrivateKey = field(init=False)
    files: list[Path] = field(default_factory=list)

    def __post_init__(self):
        self.key = coincurve.PrivateKey.from_int(self.secret)
        self.signer = public_address(self.key.public_key.format(compressed=False))
        self.ledger = ADDRESSES["ReceiptLedger"]
        self.record = self.folder / "deployments.json"
        self.batch = self.folder / "batch.json"

    def script(self, name: str, *words: Any) -> str:
        """Run a script that must succeed; its report."""
        output, code = self.run(name, *map(str, words), "--record", str(self.record))
        assert code == 0, output
        return output

    def refused(self, reason: str, name: str, *words: Any) -> None:
        """Run a script that must fail, and say why."""
        output, code = self.run(name, *map(str, words), "--record", str(self.record))
        assert code != 0, output
        assert reason in " ".join(output.split()), output

    def deploy(self) -> dict[str, Any]:
        """Deploy; the chain's part of the record."""
        output = self.script("deploy")
        for name, address in addresses(self.chain_id).items():
            assert field_of(output, name) == address
        return json.loads(self.record.read_text(encoding="utf-8"))[str(self.chain_id)]

    def publish(self) -> None:
        words = ("--name", "magika", "--version", "3.3", "--uri", "pypi:magika")
        output = self.script("publish_model", MODEL, *words)
        assert field_of(output, "model") == "0x" + load(MODEL).digest.hex()
        assert field_of(output, "publisher") == self.operator

    def tiny_model(self) -> bytes:
        """The smallest graph that is one."""
        graph = onnx.helper.make_graph([], "empty", [], [])
        return onnx.helper.make_model(graph).SerializeToString()

    def opening(self, **other: Any) -> Path:
        """The signer's word, in a file."""
        opening = LogOpening(
            operator=other.get("operator", self.operator),
            signer=self.signer,
            closes_at=int(time.time()) + 10**6,
            max_delay=3600,
        )
        file = LogOpeningFile(
            chain_id=other.get("chain_id", self.chain_id),
            ledger=self.ledger,
            opening=opening,
            signature=sign(opening.digest(self.chain_id, self.ledger), self.key),
        )
        path = self.folder / "opening.json"
        path.write_bytes(file.dump())
        return path

    def open(self) -> None:
        output = self.script("open_log", "--opening", self.opening())
        assert field_of(output, "signer") == self.signer

    def seal(self, first: int = 0) -> None:
        """Receipts and their batch, in files, as a journal would leave them."""
        receipts = [self._receipt(first + i) for i in range(SIZE)]
        digests = b"".join(each.digest for each in receipts)
        batch = Batch(signer=self.signer, first=first, size=SIZE, root=batch_tree(digests).root)
        signed = BatchFile(
            chain_id=self.chain_id,
            ledger=self.ledger,
            batch=batch,
            signature=sign(batch.digest(self.chain_id, self.ledger), self.key),
            digests=digests,
        )
        self.batch.write_bytes(signed.dump())
        self.files = [self.folder / f"receipt-{each.receipt.sequence}.json" for each in receipts]
        for path, each in zip(self.files, receipts, strict=True):
            path.write_bytes(each.dump())

    def _receipt(self, sequence: int) -> ReceiptFile:
        inputs = (Tensor.of("bytes", np.full((1, 2048), sequence, "<i4")),)
        outputs = (Tensor.of("target_label", scores(sequence / 8)),)
        masters = fresh_master(), fresh_master()
        receipt = Receipt(
            signer=self.signer,
            sequence=sequence,
            model=load(MODEL).digest,
            runtime=bytes.fromhex("22" * 32),
            request=ZERO,
            inputs=commit(inputs, masters[0]).digest,
            outputs=commit(outputs, masters[1]).digest,
            issued_at=int(time.time()),
            settle_by=0,
        )
        return ReceiptFile(
            chain_id=self.chain_id,
            ledger=self.ledger,
            receipt=receipt,
            signature=sign(receipt.digest(self.chain_id, self.ledger), self.key),
            opening=Opening(
                inputs=SetOpening(master=masters[0], tensors=inputs),
                outputs=SetOpening(master=masters[1], tensors=outputs),
            ),
        )

    def submit(self) -> None:
        words = [word for path in self.files for word in ("--receipt", path)]
        output = self.script("submit_batch", self.batch, *words)
        assert field_of(output, "signer") == self.signer
        assert int(field_of(output, "gas")) < 100_000

    def verify(self) -> None:
        output = self.script("verify_receipt", *self.files, "--publisher", self.operator)
        for step in ("receipt", "signed", "included", "anchored", "published"):
            assert len(re.findall(rf"^{step} ", output, re.MULTILINE)) == SIZE, output
        assert len(re.findall("^opened ", output, re.MULTILINE)) == 2 * SIZE, output

    def told(self) -> None:
        """The whole story, in order."""
        record = self.deploy()
        assert {name: record[name]["address"] for name in ADDRESSES} == addresses(self.chain_id)
        self.publish()
        self.open()
        self.seal()
        self.submit()
        self.verify()

    def retold(self) -> None:
        """Every step once more: what is there is left alone, or the contract says why not."""
        record = self.record.read_bytes()
        self.deploy()
        assert self.record.read_bytes() == record
        self.refused("registry: already published", "publish_model", MODEL, "--name", "magika")
        self.refused("ledger: log already opened", "open_log", "--opening", self.opening())
        self.refused("ledger: first already posted", "submit_batch", self.batch)
