"""Operators of the fault demo: one that tells the truth, and five ways to lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from eth_account.signers.local import LocalAccount

from counterfoil.chain import Chain, FaultCourtClient, send, wait
from counterfoil.faults.answers import reveals
from counterfoil.faults.docket import Docket
from counterfoil.faults.run import Run
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import Digest
from counterfoil.journal import Journal
from counterfoil.programs import ExactProgram, Executor, Kind, Trace
from counterfoil.programs.rows import Weights
from counterfoil.programs.step import right


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a lying operator claims of a run.

    Attributes:
        outputs: in the receipt.
        trace: that it answers with, None: it does not answer.
        reveals: whether it gives out what is demanded.
    """

    outputs: tuple[Tensor, ...]
    trace: Trace | None
    reveals: bool = True


Lie = Callable[[ExactProgram, Tensor], Told]


def another_output(program: ExactProgram, image: Tensor) -> Told:
    """The trace is right, and the receipt names another digit."""
    trace = Executor(program).trace([image])
    return Told(outputs=_other_digit(trace), trace=trace)


def corrupted_weight(program: ExactProgram, image: Tensor) -> Told:
    """One weight of the second layer is another than in the program that was published."""
    dots = [o for o in program.operators if o.kind is Kind.DOT]
    rows = list(program.rows)
    for channel in range(dots[1].width):
        place = dots[1].table + channel
        weights = Weights.decode(rows[place], dots[1].depth)
        values = bytes(255 if n == 20 else value for n, value in enumerate(weights.values))
        rows[place] = replace(weights, values=values).encode()
    trace = Executor(ExactProgram(rows)).trace([image])
    return _as_if_right(program, trace)


def wrong_activation(program: ExactProgram, image: Tensor) -> Told:
    """One pixel's activations deep inside are others; all that follows is computed from them."""
    place = next(n for n, o in enumerate(program.operators) if o.kind is Kind.MAX)
    honest = Executor(program).trace([image])
    rows = [honest.row(n) for n in range(program.trace_rows)]
    at = program.operators[place].out + 5
    rows[at] = bytes(255 - byte for byte in rows[at])
    for o in program.operators[place + 1 :]:
        elements = [right(o, k, program.rows.__getitem__, rows.__getitem__) for k in range(o.count)]
        for row in range(o.rows):
            rows[o.out + row] = b"".join(elements[row * o.width : (row + 1) * o.width])
    return _as_if_right(program, Trace.of(program, rows))


def trace_withheld(program: ExactProgram, image: Tensor) -> Told:
    """It signs a root, and gives out nothing below it."""
    told = corrupted_weight(program, image)
    return replace(told, reveals=False)


def silence(program: ExactProgram, image: Tensor) -> Told:
    """It does not answer."""
    told = another_output(program, image)
    return replace(told, trace=None, reveals=False)


LIES: dict[str, Lie] = {
    "another output": another_output,
    "a corrupted weight": corrupted_weight,
    "a wrong activation": wrong_activation,
    "a trace withheld": trace_withheld,
    "silence": silence,
}


class Liar:
    """Answers as it told: the other side of a challenge."""

    def __init__(
        self,
        chain: Chain,
        court: FaultCourtClient,
        journal: Journal,
        account: LocalAccount,
        *,
        run: Run,
        told: Told,
    ) -> None:
        self._chain, self._court, self._journal = chain, court, journal
        self._account = account
        self._run, self._told = run, told
        run.trace = told.trace

    def answer(self, receipt: Digest) -> bool:
        """Send what this operator would; whether it sent anything."""
        docket = Docket.of(receipt, self._court.events(from_block=0, receipt=receipt))
        trace, facts = self._told.trace, docket.facts
        if trace is None or facts is None or docket.fell is not None:
            return False
        if docket.answer is None:
            root = trace.tree.root
            signature = self._journal.sign_trace(receipt, root, self._court.address)
            calls = [self._court.answer_call(facts, root, signature)]
        elif self._told.reveals:
            demands = docket.open_demands()
            calls = [each.call for each in reveals(self._court, self._run, demands)]
        else:
            calls = []
        for call in calls:
            wait(self._chain, send(self._chain, call, self._account))
        return bool(calls)


def _other_digit(trace: Trace) -> tuple[Tensor, ...]:
    outputs = []
    for tensor in trace.outputs():
        if tensor.name == "digit":
            other = (tensor.array() + 1) % 10
            tensor = Tensor.of(tensor.name, other.astype(np.int64))  # noqa: PLW2901
        outputs.append(tensor)
    return tuple(outputs)


def _as_if_right(program: ExactProgram, trace: Trace) -> Told:
    shown = Trace(program, trace.data)
    return Told(outputs=shown.outputs(), trace=shown)
