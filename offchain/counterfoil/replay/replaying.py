"""One receipt's inference, done again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from counterfoil.errors import BadProgram, InputRefused, NotReplayable
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.runtime import Program, Runtime
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import Digest
from counterfoil.inference.again import Again
from counterfoil.programs import Executor
from counterfoil.programs.container import program_in

from .comparing import Comparison, Tolerance, compare, unlike
from .finding import Models
from .reasons import differences, random_operators

Verdict = Literal["equal", "close", "random", "different"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What was found.

    Attributes:
        verdict: `equal`: every output bit for bit; `close`: within the tolerance; `random`:
            neither, in a graph whose operators are chance; `different`: neither.
        outputs: each output that the receipt opens.
        reasons: why it may not be equal, a line each: what the runtimes do not share.
        random: the graph's operators that are chance.
        here: the runtime of the second run: a program is the receipt's own.
    """

    verdict: Verdict
    outputs: tuple[Comparison, ...]
    reasons: tuple[str, ...]
    random: tuple[str, ...]
    here: Runtime | Program


class Replayer:
    """Does runs again, with one session for the receipts of one model and runtime in a row."""

    def __init__(self, models: Models, tolerance: Tolerance | None = None) -> None:
        self._models = models
        self._tolerance = tolerance or Tolerance()
        self._key: tuple[Digest, Digest] | None = None
        self._again: Again | _ProgramAgain | None = None
        self._random: tuple[str, ...] = ()

    def replay(self, file: ReceiptFile) -> Replay:
        """Run a receipt's inference again. The file's openings must have been verified.

        Raises:
            NotReplayable: the file lacks openings, or the run cannot be done here.
            ModelNotFound: as `Models.find`.
        """
        inputs, claimed = _opened(file, "inputs"), _opened(file, "outputs")
        runtime = _runtime(file)
        again = self._session(file, runtime)
        if isinstance(again, _ProgramAgain):
            outputs = again.held_against(inputs, claimed, self._tolerance)
        else:
            found = {tensor.name: tensor for tensor in again.run(inputs, [t.name for t in claimed])}
            outputs = tuple(
                compare(tensor, found[tensor.name], self._tolerance)
                if tensor.name in found
                else _absent(tensor.name)
                for tensor in claimed
            )
        verdict: Verdict = "different"
        if all(each.equal for each in outputs):
            verdict = "equal"
        elif all(each.close for each in outputs):
            verdict = "close"
        elif self._random:
            verdict = "random"
        here = again.runtime
        reasons: tuple[str, ...] = ()
        if isinstance(here, Program):
            verdict = "equal" if verdict == "equal" else "different"  # there is no other reason
        elif verdict != "equal":
            assert not isinstance(runtime, Program)
            reasons = tuple(differences(runtime, here))
        return Replay(
            verdict=verdict,
            outputs=outputs,
            reasons=reasons,
            random=self._random,
            here=here,
        )

    def _session(
        self, file: ReceiptFile, runtime: Runtime | Program | None
    ) -> Again | _ProgramAgain:
        key = (file.receipt.model, file.receipt.runtime)
        if self._again is None or self._key != key:
            preimage = file.preimage.model if file.preimage is not None else None
            loaded = self._models.find(file.receipt.model, preimage)
            self._again, self._key = None, key
            program = _program(loaded.graph, file.receipt.runtime, runtime)
            if program is not None:
                self._random, self._again = (), program
            else:
                assert not isinstance(runtime, Program)
                self._random = tuple(random_operators(loaded.graph))
                self._again = Again(loaded, runtime)
        return self._again


class _ProgramAgain:
    """An exact program's run again: by the executor, whatever made the receipt's."""

    def __init__(self, executor: Executor) -> None:
        self.runtime = executor.program.commitment
        self._executor = executor

    def held_against(
        self, inputs: Sequence[Tensor], claimed: Sequence[Tensor], tolerance: Tolerance
    ) -> tuple[Comparison, ...]:
        """Every output that is claimed, and those that are not: such a receipt has them all.

        Only what is of a claimed tensor's size is taken out of the run, so that a program with
        thousands of outputs in the same rows costs no more than the file.

        Raises:
            NotReplayable: the program does not take the inputs.
        """
        try:
            trace = self._executor.trace(inputs)
        except InputRefused as error:
            raise NotReplayable(f"the program refuses the run: {error}") from error
        edges = {edge.name: edge for edge in self._executor.program.outputs}
        out = []
        for tensor in claimed:
            edge = edges.get(tensor.name)
            if edge is None:
                out.append(_absent(tensor.name))
                continue
            why = unlike(tensor, edge.dtype, edge.shape)
            out.append(why or compare(tensor, trace.output(edge), tolerance))
        opened = {tensor.name for tensor in claimed}
        return *out, *(
            Comparison(name=name, equal=False, close=False, why="the receipt lacks it")
            for name in edges
            if name not in opened
        )


def _absent(name: str) -> Comparison:
    return Comparison(name=name, equal=False, close=False, why="it is not there here")


def _program(
    graph: bytes, digest: Digest, runtime: Runtime | Program | None
) -> _ProgramAgain | None:
    """What runs a receipt's program, or None where its runtime is none."""
    if isinstance(runtime, Runtime):
        return None
    try:
        exact = program_in(graph)
    except BadProgram as error:
        raise NotReplayable(f"the model carries a program that is not valid: {error}") from error
    if exact is not None and exact.commitment.digest == digest:
        return _ProgramAgain(Executor(exact))
    if runtime is None:
        return None
    raise NotReplayable("the receipt names an exact program that the model does not carry")


def _opened(file: ReceiptFile, side: str) -> Sequence[Tensor]:
    opening = getattr(file.opening, side) if file.opening is not None else None
    if opening is None or opening.master is None:
        raise NotReplayable(
            f"the file does not open the {side} whole: ask its holder for a file that does, or "
            "`counterfoil export` one from the journal that kept them"
        )
    tensors: Sequence[Tensor] = opening.tensors
    return tensors


def _runtime(file: ReceiptFile) -> Runtime | Program | None:
    return file.preimage.runtime if file.preimage is not None else None
