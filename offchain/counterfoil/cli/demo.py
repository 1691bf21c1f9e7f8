"""`counterfoil demo`: the whole way of a receipt, on a chain inside this process."""

from __future__ import annotations

import shutil
import statistics
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from eth_account.signers.local import LocalAccount
from numpy.typing import NDArray

from counterfoil.chain import (
    Chain,
    Contract,
    LedgerClient,
    RegistryClient,
    deploy,
    deploy_contract,
    embedded,
    funded_account,
    mined,
    send,
    wait,
)
from counterfoil.chain.deployment import LEDGER, REGISTRY
from counterfoil.config import Profile
from counterfoil.errors import DemoFailed
from counterfoil.formats.model import load
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.runtime import Runtime
from counterfoil.formats.tensor import CHUNK, PUBLIC_MASTER, Tensor, commit, open_chunk
from counterfoil.hashing.eip712 import address_word, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Address, Digest, Seconds
from counterfoil.inference import InferenceSession, bare_session
from counterfoil.journal import Journal
from counterfoil.settle import Settler
from counterfoil.verify import Trust, verify

from .demo_inputs import FileTypeModel, real_files
from .demo_refusals import Evidence, refusals
from .output import Output, command, short

FILES = 120
BATCHES = 4
LABEL = "python"
MAX_DELAY = Seconds(3600)
APPROVE_AT = 0x3F000000
"""0.5 as binary32: from this probability on the example contract approves."""

CHECKS = 40
"""Runs timed with and without receipts, in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The contracts and accounts of one demo."""

    chain: Chain
    ledger: LedgerClient
    registry: RegistryClient
    operator: LocalAccount
    payer: LocalAccount
    publisher: LocalAccount
    stranger: LocalAccount


def set_stage() -> Stage:
    """An embedded chain with the contracts and four funded accounts."""
    chain = embedded()
    operator, payer, publisher, stranger = (funded_account(chain) for _ in range(4))
    made = deploy(chain, payer)
    return Stage(
        chain=chain,
        ledger=LedgerClient(chain, made.contracts[LEDGER].address),
        registry=RegistryClient(chain, made.contracts[REGISTRY].address),
        operator=operator,
        payer=payer,
        publisher=publisher,
        stranger=stranger,
    )


def open_log(stage: Stage, journal: Journal) -> None:
    """Open the journal's log, as the operator."""
    closes_at = Seconds(stage.chain.now() + 30 * 24 * 3600)
    opening, signature = journal.sign_log_opening(
        Address(stage.operator.address), closes_at, MAX_DELAY
    )
    wait(stage.chain, stage.ledger.open_log(opening, signature, stage.operator))


@click.command("demo")
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("counterfoil-demo"),
    show_default=True,
    help="Where the receipt files go; its `receipts` and `journal` are made anew.",
)
@click.option("--files", default=FILES, show_default=True, type=click.IntRange(min=100, max=5000))
@command
def cli(folder: Path, files: int, out: Output, profile: str | None) -> None:
    """The whole way on an embedded chain: run, seal, settle, verify, refuse."""
    receipts, journal_folder = folder / "receipts", folder / "journal"
    for old in (receipts, journal_folder):
        shutil.rmtree(old, ignore_errors=True)
    receipts.mkdir(parents=True)

    model = FileTypeModel.shipped()
    out.say("Contracts: deploying registry and ledger on an embedded chain.")
    stage = set_stage()
    settings = Profile(
        name="demo",
        chain_id=stage.chain.chain_id,
        ledger=stage.ledger.address,
        registry=stage.registry.address,
        journal=f"sqlite:///{(journal_folder / 'journal.db').absolute()}",
        confirmations=1,
        durability="normal",
        publishers=(Address(stage.publisher.address),),
    )
    with closing(Journal.open(settings)) as journal:
        _play(stage, settings, journal, model, real_files(files), receipts, out)


def _play(
    stage: Stage,
    settings: Profile,
    journal: Journal,
    model: FileTypeModel,
    paths: list[Path],
    folder: Path,
    out: Output,
) -> None:
    digest = load(model.path).digest
    wait(stage.chain, stage.registry.publish(digest, stage.publisher, name="magika"))
    out.say(f"Model: published, digest {short(digest)}.")
    open_log(stage, journal)
    settler = Settler(journal, stage.chain, stage.payer, settings)
    settler.step()
    out.say(f"Log: {journal.signer}, opened by operator {stage.operator.address}.")

    session = InferenceSession(model.path, journal=journal)
    (name,) = (i.name for i in session.get_inputs())
    runtime = session.runtime
    gate = _gate(stage, digest, runtime, model.labels.index(LABEL))

    # One file is a contract's order: public bytes, and the contract's own request.
    ordered = model.features(Path(__file__).read_bytes())
    nonce, request = _order(stage, gate, Tensor.of(name, ordered))
    public = InferenceSession(model.path, journal=journal, public=True)
    answers = []
    found: dict[str, int] = {}
    gas: list[tuple[int, int]] = []
    with out.progress("running", len(paths)) as step:
        for index, path in enumerate(paths):
            outputs, sealed = session.run_with_receipt(
                None, {name: model.features(path.read_bytes())}
            )
            label = model.labels[int(np.argmax(outputs[0]))]
            found[label] = found.get(label, 0) + 1
            answers.append((path.name, sealed))
            if index == 0:
                answers.append(
                    (
                        "order",
                        public.run_with_receipt(None, {name: ordered}, request=request)[1],
                    )
                )
            if (index + 1) % -(-len(paths) // BATCHES) == 0:
                gas += _settle(stage, settler)
            step()
    gas += _settle(stage, settler)
    common = ", ".join(f"{n} {k}" for k, n in sorted(found.items(), key=lambda i: -i[1])[:4])
    out.say(f"Runs: {len(answers)} files, one receipt each ({common}, …).")
    out.say(f"Settled: {sum(n for n, _ in gas)} receipts in {len(gas)} batches.")

    trust = Trust.of(settings)
    complete = [_complete(journal, sealed) for _, sealed in answers]
    with out.progress("verifying", len(complete)) as step:
        for number, file in enumerate(complete):
            anchored = verify(file, trust=trust, chain=stage.chain).require_anchored()
            inclusion = file.inclusion
            if inclusion is None or not stage.ledger.verify(file.receipt, inclusion):
                raise DemoFailed(f"the ledger does not verify receipt {number}")
            if anchored.operator != stage.operator.address:
                raise DemoFailed(f"receipt {number} is another operator's")
            (folder / f"{file.receipt.sequence:05}.json").write_bytes(file.dump())
            step()
    out.say(f"Verified: all {len(complete)} on the chain; files in {folder}.")

    order = complete[1]
    _act(stage, gate, nonce, order, out)

    unsettled_session = InferenceSession(model.path, journal=journal)
    unsettled_session.run(None, {name: ordered})
    evidence = Evidence(
        good=complete[0],
        other_batch=complete[-1],
        unsettled=unsettled_session.receipt.file(),
        trust=trust,
        chain=stage.chain,
        ledger=stage.ledger,
    )
    shown = refusals(evidence)
    out.table(
        "\nRefused, each with its reason",
        [(case.what, case.off_chain, case.on_chain) for case in shown],
        ("what was changed", "verifier", "contract"),
    )
    bare, added, share = _timings(model, journal, name, paths)
    sizes = [len(file.dump()) for file in complete]
    slim = [len(_slim(file).dump()) for file in complete]
    verifying = [_verification_gas(stage, file) for file in complete[:: len(complete) // 8]]
    batch_gas = [used for _, used in gas]
    figures: dict[str, Any] = {
        "inferences": len(complete),
        "bareMicroseconds": round(bare, 1),
        "addedMicroseconds": round(added, 1),
        "addedShare": round(share, 4),
        "receiptBytes": int(statistics.median(slim)),
        "receiptBytesWithTensors": int(statistics.median(sizes)),
        "gasPerBatch": int(statistics.median(batch_gas)),
        "gasPerReceipt": round(sum(batch_gas) / len(complete), 1),
        "gasPerVerification": int(statistics.median(verifying)),
        "refused": [case.__dict__ for case in shown],
        "receipts": str(folder),
    }
    out.table(
        "\nFigures of this run",
        [
            ("inferences", f"{len(complete)}"),
            ("bare onnxruntime, median µs", f"{bare:,.0f}"),
            ("added by a receipt, median µs", f"{added:,.0f} ({share:.1%})"),
            ("receipt file, bytes", f"{figures['receiptBytes']:,}"),
            ("  with its tensors", f"{figures['receiptBytesWithTensors']:,}"),
            ("gas per batch", f"{figures['gasPerBatch']:,}"),
            ("gas per receipt", f"{figures['gasPerReceipt']:,}"),
            ("gas per verification, as a transaction", f"{figures['gasPerVerification']:,}"),
        ],
        ("", ""),
    )
    example = folder / f"{complete[0].receipt.sequence:05}.json"
    if out.json:
        out.result(figures)
    out.say(f"\nNext: counterfoil verify {example}")


def _settle(stage: Stage, settler: Settler) -> list[tuple[int, int]]:
    """Settle all that is sealed; (receipts, gas) of each batch."""
    posted = []
    settler.step(force=True)
    for batch in settler.drain():
        found = mined(stage.chain, batch.transaction)
        if found is None:
            raise DemoFailed("a batch's transaction is not in a block")
        posted.append((batch.size, found.gas))
    return posted


def _complete(journal: Journal, sealed: Any) -> ReceiptFile:
    """The session's file, which holds the tensors, with the journal's inclusion."""
    file: ReceiptFile = sealed.file()
    stored = journal.receipt_file(file.receipt.sequence, openings=False)
    if stored.inclusion is None:
        raise DemoFailed(f"receipt {file.receipt.sequence} has no inclusion")
    return _with(file, inclusion=stored.inclusion)


def _with(file: ReceiptFile, **changes: Any) -> ReceiptFile:
    from dataclasses import replace

    return replace(file, **changes)


def _slim(file: ReceiptFile) -> ReceiptFile:
    return _with(file, opening=None, preimage=None)


def _gate(stage: Stage, model: Digest, runtime: Runtime, label: int) -> Contract:
    address = deploy_contract(
        stage.chain,
        stage.payer,
        "ContentGate",
        stage.ledger.address,
        stage.registry.address,
        stage.operator.address,
        stage.publisher.address,
        model,
        runtime.digest,
        label,
        APPROVE_AT,
    )
    return Contract(stage.chain, "ContentGate", address)


def _order(stage: Stage, gate: Contract, tensor: Tensor) -> tuple[int, Digest]:
    """Place an order; its nonce and the request that an answer must carry."""
    inputs = commit([tensor], PUBLIC_MASTER).digest
    wait(stage.chain, send(stage.chain, gate.call("place", inputs), stage.stranger))
    request = keccak(word(stage.chain.chain_id) + address_word(gate.address) + word(0))
    if bytes(gate.read("request", 0)) != request:
        raise DemoFailed("the contract's request is another than ours")
    return 0, request


def _act(stage: Stage, gate: Contract, nonce: int, file: ReceiptFile, out: Output) -> None:
    """Let the example contract act on one output value, brought by a stranger."""
    opening, inclusion = file.opening, file.inclusion
    if opening is None or opening.outputs is None or inclusion is None:
        raise DemoFailed("the order's receipt is not complete")
    tensors, master = opening.outputs.tensors, opening.outputs.master
    shown = open_chunk(tensors, master or b"", 0, _label_place(gate) * 4 // CHUNK)
    call = gate.call("fulfil", nonce, file.receipt.abi(), inclusion.abi(), shown.abi())
    done = wait(stage.chain, send(stage.chain, call, stage.stranger))
    if not gate.read("approved", file.receipt.inputs):
        raise DemoFailed("the example contract did not approve a Python file")
    value: NDArray[Any] = tensors[0].array()
    probability = float(value[0, _label_place(gate)])
    out.say(
        f"Contract: approved on one opened value, P({LABEL}) = {probability:.4f}, "
        f"in chunk {shown.index} of {-(-shown.byte_length // CHUNK)}; {done.gas:,} gas."
    )


def _label_place(gate: Contract) -> int:
    return FileTypeModel.shipped().labels.index(LABEL)


def _verification_gas(stage: Stage, file: ReceiptFile) -> int:
    """Gas of a whole transaction that calls `verify`, calldata and base fee included."""
    inclusion = file.inclusion
    if inclusion is None:
        raise DemoFailed("a complete receipt has no inclusion")
    call = stage.ledger.contract.call("verify", file.receipt.abi(), inclusion.abi())
    return wait(stage.chain, send(stage.chain, call, stage.stranger)).gas


def _timings(
    model: FileTypeModel, journal: Journal, name: str, paths: list[Path]
) -> tuple[float, float, float]:
    """Bare and added microseconds, medians of runs in turn, and their ratio."""
    bare_one = bare_session(model.path)
    with_receipts = InferenceSession(model.path, journal=journal)
    bare, full = [], []
    for index in range(CHECKS + 5):
        feed = {name: model.features(paths[index % len(paths)].read_bytes())}
        start = time.perf_counter()
        bare_one.run(None, feed)
        middle = time.perf_counter()
        with_receipts.run(None, feed)
        stop = time.perf_counter()
        if index >= 5:  # the first runs warm caches up
            bare.append(middle - start)
            full.append(stop - middle)
    plain, sealed = statistics.median(bare), statistics.median(full)
    return plain * 1e6, (sealed - plain) * 1e6, (sealed - plain) / plain
