"""`counterfoil demo-fault`: five lies about a run, each proved; and an honest operator, accused."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from counterfoil.chain import embedded, funded_account, mined
from counterfoil.chain.deployment import LOCAL_FAULT_TERMS
from counterfoil.errors import DemoFailed
from counterfoil.faults.run import run_of
from counterfoil.faults.store import Store
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.programs import Executor

from .demo_accused import accuse
from .demo_fault_stage import (
    BONDED,
    FaultStage,
    bonded_log,
    challenger_of,
    honest_receipt,
    lying_receipt,
    play,
    set_fault_stage,
)
from .demo_lies import LIES, Liar, Lie
from .output import Output, command


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What came of one operator.

    Attributes:
        shown: what caught it.
        steps: transactions of the other side, by name.
        gas: of these.
        lost: wei of the bond.
        earned: wei, the other side's, before gas.
    """

    operator: str
    shown: str
    steps: tuple[str, ...]
    gas: int
    seconds: float
    lost: int
    earned: int

    def row(self) -> tuple[str, ...]:
        """For the table."""
        return (
            self.operator,
            self.shown,
            str(len(self.steps)),
            f"{self.gas:,}",
            f"{self.seconds:.1f}",
            f"{self.lost / 10**18:.2f}",
        )


@click.command("demo-fault")
@command
def cli(out: Output, profile: str | None) -> None:
    """Five lies about a model's run, each proved on an embedded chain; and an honest operator.

    The model is an exact program that reads digits. The honest operator is accused in the same
    five ways, answers by itself, and keeps its bond.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="counterfoil-demo-") as folder:
        out.say("Contracts: deploying ledger, fault court and judges on an embedded chain.")
        chain = embedded()
        stage = set_fault_stage(
            Path(folder),
            chain,
            operator=funded_account(chain),
            challenger=funded_account(chain),
            terms=LOCAL_FAULT_TERMS,
        )
        out.say(
            f"Model: {len(stage.program.rows)} program rows, a run has "
            f"{stage.program.trace_rows} trace rows of {int(stage.program.offsets[-1]):,} bytes."
        )
        acts = []
        for number, (name, lie) in enumerate(LIES.items()):
            acts.append(_lying(stage, f"liar{number}", name, lie, out))
        acts.append(_honest(stage, out))
    out.table(
        "\nWho was accused, and what came of it",
        [each.row() for each in acts],
        ("operator", "shown by", "txs", "gas", "s", "lost"),
    )
    seconds = time.monotonic() - began
    out.say(f"\ntxs and gas are the accuser's; lost is of a bond of {BONDED}.")
    out.say(f"{seconds:.0f} s in all.")
    if out.json:
        out.result({"acts": [_plain(each) for each in acts], "seconds": seconds})


def _lying(stage: FaultStage, place: str, name: str, lie: Lie, out: Output) -> Act:
    journal, settler = bonded_log(stage, place)
    with closing(journal):
        file, liar = lying_receipt(stage, journal, settler, lie)
        return _challenged(stage, name, file, liar, out)


def _challenged(stage: FaultStage, name: str, file: ReceiptFile, liar: Liar, out: Output) -> Act:
    """The challenger, with nothing but the receipt's file and the model, to the end."""
    began = time.monotonic()
    before = stage.court.bond(file.receipt.signer).amount
    with closing(Store(stage.folder / "challenges.db")) as store:
        said = play(stage, challenger_of(stage, store), file, liar)
    end = said[-1]
    if end.data.get("end") != "won":
        raise DemoFailed(f"the challenger did not win against {name}: {end.text}")
    steps, gas = [], 0
    for each in said:
        if each.kind == "sent":
            done = mined(stage.chain, each.data["transaction"])
            if done is None:
                raise DemoFailed("a transaction is in no block")
            steps.append(each.data["step"])
            gas += done.gas_used
    fault = end.data["fault"]
    shown = {"withheld": "its time running out"}.get(fault, f"a wrong {fault}")
    out.say(f"{name.capitalize()}: {', '.join(steps)}.")
    lost = before - stage.court.bond(file.receipt.signer).amount
    return Act(
        operator=name, shown=shown, steps=tuple(steps), gas=gas,
        seconds=time.monotonic() - began, lost=lost,
        earned=min(lost // 2, stage.court.reward_cap()),
    )  # fmt: skip


def _honest(stage: FaultStage, out: Output) -> Act:
    journal, settler = bonded_log(stage, "honest")
    with closing(journal):
        file = honest_receipt(stage, journal, settler)
        began = time.monotonic()
        before = stage.court.bond(journal.signer).amount
        run = run_of(Executor(stage.program), file.opening)
        trial = accuse(stage.chain, stage.court, stage.challenger, file, run=run, settler=settler)
        lost = before - stage.court.bond(journal.signer).amount
        if lost or stage.court.bond(journal.signer).cases:
            raise DemoFailed("the honest operator's bond is not free and whole")
        for line in trial.refused:
            out.say(f"Honest: {line}.")
        return Act(
            operator="honest", shown="nothing: final", steps=trial.steps, gas=trial.gas,
            seconds=time.monotonic() - began, lost=lost, earned=0,
        )  # fmt: skip


def _plain(act: Act) -> dict[str, Any]:
    return {
        "operator": act.operator, "shown": act.shown, "steps": list(act.steps), "gas": act.gas,
        "seconds": act.seconds, "lost": act.lost, "earned": act.earned,
    }  # fmt: skip
