"""The honest operator of the fault demo, accused in every way that liars are caught."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from counterfoil.chain import (
    Call,
    Chain,
    Fault,
    FaultCourtClient,
    Node,
    fault_evidence,
    send,
    travel,
    wait,
)
from counterfoil.chain.events import block_at
from counterfoil.errors import DemoFailed, Refused
from counterfoil.faults.docket import STEP_DOWN, Docket
from counterfoil.faults.proving import prove_call
from counterfoil.faults.run import SIDE, Proof, Run
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Address, Digest, Seconds
from counterfoil.settle import Settler


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the accuser sent, and what was refused."""

    steps: tuple[str, ...]
    refused: tuple[str, ...]
    gas: int


class _Accuser:
    def __init__(self, chain: Chain, account: LocalAccount) -> None:
        self.chain, self.account = chain, account
        self.steps: list[str] = []
        self.gas = 0

    def send(self, name: str, call: Call) -> None:
        done = wait(self.chain, send(self.chain, call, self.account))
        self.steps.append(name)
        self.gas += done.gas_used

    def pass_time(self, to: int) -> None:
        travel(self.chain, Seconds(to))
        here = Call(to=Address(self.account.address), data=b"")
        wait(self.chain, send(self.chain, here, self.account))


def accuse(
    chain: Chain,
    court: FaultCourtClient,
    account: LocalAccount,
    file: ReceiptFile,
    *,
    run: Run,
    settler: Settler,
) -> Trial:
    """Summon, demand everything down to a row, try proofs of each kind, and wait for the end.

    The operator's side is its settler alone, which answers by itself.

    Raises:
        DemoFailed: a proof against an honest operator was taken, or it did not answer.
    """
    accuser = _Accuser(chain, account)
    assert run.trace is not None and file.inclusion is not None
    start = block_at(chain, file.inclusion.posted_at)

    def docket() -> Docket:
        return Docket.of(file.digest, court.events(from_block=start, receipt=file.digest))

    fee = 2 * court.least_summons_fee(file.receipt.signer)
    accuser.send("summon", court.summon_call(run.summons(file), fee))
    settler.step()
    _demand_all(accuser, court, run, docket, settler)
    refused = _try_proofs(accuser, court, run, docket())
    while (case := court.case_of(file.digest)).state != "final":
        if case.state != "open" or case.open_demands:
            raise DemoFailed(f"an honest operator's case is {case.state}")
        accuser.pass_time(case.closes_at + 1)
    settler.step()
    if not docket().finished:
        raise DemoFailed("the operator did not end its case")
    return Trial(steps=tuple(accuser.steps), refused=tuple(refused), gas=accuser.gas)


def _demand_all(
    accuser: _Accuser,
    court: FaultCourtClient,
    run: Run,
    docket: Callable[[], Docket],
    settler: Settler,
) -> None:
    """From the root to a row in the middle, and every answer is waited for."""
    assert run.trace is not None
    layers = run.trace.tree.layers
    height = layer = len(layers) - 1
    row = run.program.trace_rows // 2
    while True:
        known = docket()
        facts, answer = known.facts, known.answer
        if facts is None or answer is None:
            raise DemoFailed("the honest operator did not answer")
        path = [Digest(layers[up][row >> up ^ 1].tobytes()) for up in range(layer, height)]
        digest = Digest(layers[layer][row >> layer].tobytes())
        node = Node(layer=layer, index=row >> layer, digest=digest, path=path)
        fee = 2 * court.least_demand_fee(row=layer == 0)
        accuser.send("demand", court.demand_rows_call(facts, answer, node, fee))
        settler.step()
        if docket().open_demands():
            raise DemoFailed("the honest operator did not give out what was demanded")
        if layer == 0:
            return
        layer -= min(STEP_DOWN, layer)


def _try_proofs(accuser: _Accuser, court: FaultCourtClient, run: Run, docket: Docket) -> list[str]:
    """Proofs of a step, a link and a length, each committed to; all are refused."""
    assert run.trace is not None
    last = run.program.operators[-1]
    tries = (
        Proof(fault=Fault.STEP, place=last.out),
        Proof(fault=Fault.LINK, place=SIDE),
        Proof(fault=Fault.LENGTH, place=last.out),
    )
    refused = []
    for proof in tries:
        salt = Digest(secrets.token_bytes(32))
        evidence = fault_evidence(docket.receipt, proof.fault, proof.place, proof.element)
        me = Address(accuser.account.address)
        accuser.send("commit", court.commit_call(court.commitment(me, evidence, salt)))
        try:
            accuser.send("prove", prove_call(court, run, docket, proof, salt))
        except Refused as refusal:
            refused.append(f"a proof of a {proof.fault.name.lower()} is refused: {refusal.reason}")
        else:
            raise DemoFailed(f"a proof against an honest operator was taken: {proof.fault.name}")
    return refused
