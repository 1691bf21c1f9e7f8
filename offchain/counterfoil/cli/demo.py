"""`counterfoil demo`: the whole way of a receipt, on a chain inside this process."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import click
import numpy as np

from counterfoil.chain import (
    Contract,
    mined,
    wait,
)
from counterfoil.config import Profile
from counterfoil.errors import DemoFailed, FolderTaken
from counterfoil.formats.model import load
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import Address
from counterfoil.inference import InferenceSession, SealedReceipt
from counterfoil.journal import Journal
from counterfoil.settle import Settler
from counterfoil.verify import Trust, verify

from .demo_figures import measure
from .demo_inputs import FileTypeModel, real_files
from .demo_refusals import Evidence, refusals
from .demo_stage import LABEL, Stage, act, deploy_gate, open_log, place_order, set_stage
from .output import Output, command, short

FILES = 120
BATCHES = 4
MARK = "made-by-counterfoil-demo"
"""A file that says that a folder's `receipts` and `journal` may be made anew."""


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
    receipts, journal_folder = _fresh(folder)
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
    with closing(Journal.open(settings, clock=stage.clock)) as journal:
        _play(stage, settings, journal, model, real_files(files), receipts, out)


def _fresh(folder: Path) -> tuple[Path, Path]:
    """Folders for receipts and journal; what an earlier demo left in them goes.

    Raises:
        FolderTaken: there are such folders, and no demo made them.
    """
    receipts, journal, mark = folder / "receipts", folder / "journal", folder / MARK
    for old in (receipts, journal):
        if not old.exists():
            continue
        if not mark.exists():
            raise FolderTaken(f"{old} is not the demo's: name another folder with --out")
        shutil.rmtree(old)
    receipts.mkdir(parents=True)
    mark.write_text("`counterfoil demo` makes `receipts` and `journal` here anew.\n")
    return receipts, journal


@dataclass(slots=True, kw_only=True)
class Answers:
    """What was run: the receipts in their order, and what settling them cost.

    Attributes:
        gas: (receipts, gas) of each batch.
        labels: how often the model named each type.
        order: place of the receipt that answers the contract's order.
    """

    sealed: list[SealedReceipt] = field(default_factory=list)
    gas: list[tuple[int, int]] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)
    order: int = 0


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
    settler.step()  # tells the journal that its log is open: from now on it promises
    out.say(f"Log: {journal.signer}, opened by operator {stage.operator.address}.")

    answers, gate = _run_all(stage, settler, journal, model, paths, out)
    common = ", ".join(f"{n} {label}" for label, n in answers.labels.most_common(4))
    out.say(f"Runs: {len(answers.sealed)} files, one receipt each ({common}, …).")
    settled = sum(n for n, _ in answers.gas)
    out.say(f"Settled: {settled} receipts in {len(answers.gas)} batches.")

    trust = Trust.of(settings)
    complete = _verify_all(stage, trust, journal, answers, folder, out)
    out.say(f"Verified: all {len(complete)} on the chain; their files are in {folder}.")
    act(stage, gate, complete[answers.order], model.labels.index(LABEL), out)

    evidence = Evidence(
        good=complete[0],
        other_batch=complete[-1],
        unsettled=_unsettled(journal, model, paths[0]),
        trust=trust,
        chain=stage.chain,
        ledger=stage.ledger,
    )
    shown = refusals(evidence)
    out.say("\nRefused, each with its reason:")
    for case in shown:
        for line in case.lines():
            out.say(line)
    figures = measure(stage.ledger, complete, answers.gas, model, journal, paths)
    out.table("\nFigures of this run", figures.rows(), ("", ""))
    if out.json:
        out.result(
            {
                **figures.data(),
                "refused": [case.__dict__ for case in shown],
                "receipts": str(folder),
            }
        )
    out.say(f"\nNext: counterfoil verify {_file_of(folder, complete[0])}")


def _run_all(
    stage: Stage,
    settler: Settler,
    journal: Journal,
    model: FileTypeModel,
    paths: list[Path],
    out: Output,
) -> tuple[Answers, Contract]:
    """Run every file, settling as they come; and one more, which a contract ordered."""
    session = InferenceSession(model.path, journal=journal)
    public = InferenceSession(model.path, journal=journal, public=True)
    name = session.get_inputs()[0].name
    answers = Answers()
    gate: Contract | None = None
    with out.progress("running", len(paths)) as step:
        for index, path in enumerate(paths):
            outputs, sealed = session.run_with_receipt(
                None, {name: model.features(path.read_bytes())}
            )
            answers.sealed.append(_kept(sealed))
            answers.labels[model.labels[int(np.argmax(outputs[0]))]] += 1
            if gate is None:
                gate = deploy_gate(stage, answers.sealed[0], model.labels.index(LABEL))
                ordered = model.features(Path(__file__).read_bytes())
                request = place_order(stage, gate, Tensor.of(name, ordered))
                _, sealed = public.run_with_receipt(None, {name: ordered}, request=request)
                answers.order = len(answers.sealed)
                answers.sealed.append(_kept(sealed))
            if (index + 1) % -(-len(paths) // BATCHES) == 0 or index + 1 == len(paths):
                answers.gas += _settle(stage, settler, journal)
            step()
    if gate is None:
        raise DemoFailed("there was no file to run")
    return answers, gate


def _kept(sealed: SealedReceipt | None) -> SealedReceipt:
    if sealed is None:
        raise DemoFailed("a run has no receipt")
    return sealed


def _unsettled(journal: Journal, model: FileTypeModel, path: Path) -> ReceiptFile:
    """The file of a receipt that nobody settles."""
    session = InferenceSession(model.path, journal=journal)
    name = session.get_inputs()[0].name
    session.run(None, {name: model.features(path.read_bytes())})
    return _kept(session.receipt).file()


def _verify_all(
    stage: Stage, trust: Trust, journal: Journal, answers: Answers, folder: Path, out: Output
) -> list[ReceiptFile]:
    """Complete every receipt, verify it off chain and by the ledger, and write its file."""
    complete = []
    with out.progress("verifying", len(answers.sealed)) as step:
        for sealed in answers.sealed:
            sequence = sealed.receipt.sequence
            stored = journal.receipt_file(sequence, openings=False)
            file = replace(sealed.file(), inclusion=stored.inclusion)
            anchored = verify(file, trust=trust, chain=stage.chain).require_anchored()
            inclusion = file.inclusion
            if inclusion is None or not stage.ledger.verify(file.receipt, inclusion):
                raise DemoFailed(f"the ledger does not verify receipt {sequence}")
            if anchored.operator != Address(stage.operator.address):
                raise DemoFailed(f"receipt {sequence} is another operator's")
            file.write(_file_of(folder, file))
            complete.append(file)
            step()
    return complete


def _file_of(folder: Path, file: ReceiptFile) -> Path:
    return folder / f"{file.receipt.sequence:05}.json"


def _settle(stage: Stage, settler: Settler, journal: Journal) -> list[tuple[int, int]]:
    """Settle all that is sealed; (receipts, gas) of each new batch."""
    before = len(journal.batches())
    settler.drain()
    posted = []
    for batch in journal.batches()[before:]:
        found = None if batch.transaction is None else mined(stage.chain, batch.transaction)
        if found is None:
            raise DemoFailed(f"the batch from {batch.batch.first} on is in no block")
        posted.append((batch.batch.size, found.gas_used))
    return posted
