"""Receipt files of exact programs, looked at again and again: run, and challenged where wrong."""

from __future__ import annotations

from counterfoil.errors import BadProgram, NoExactProgram, NotReplayable
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.runtime import Runtime
from counterfoil.hashing.types import Digest
from counterfoil.programs import Executor
from counterfoil.programs.container import program_in
from counterfoil.replay import Models
from counterfoil.verify.offline import check_openings, check_signature

from .challenger import Challenger
from .looks import Look
from .run import Run, run_of, sides_of

RUNS = 8
"""Runs that are kept in memory, traces and trees: an open case is looked at again."""


class Guard:
    """Guards receipts with one challenger.

    Args:
        models: where programs are found.
    """

    def __init__(self, challenger: Challenger, models: Models) -> None:
        self._challenger = challenger
        self._models = models
        self._runs: dict[Digest, Run] = {}

    def look(self, file: ReceiptFile) -> Look | None:
        """Take a receipt a step further; None: its run was judged before, or there is no case.

        Args:
            file: settled.
        Raises:
            NoExactProgram, NotReplayable: as `run_again`.
            ModelNotFound: as `Models.find`.
            VerificationError: the file's openings or signature are not the receipt's.
            ChainError: no usable answer from the RPC; nothing is lost, look again.
        """
        if self.ended(file.digest):
            return None
        run = self._run(file)
        found = self._challenger.advance(file, run)
        if found.ended:
            self._runs.pop(file.digest, None)
        return found

    def ended(self, receipt: Digest) -> bool:
        """Whether a receipt was judged before, or its case is over: nothing is left to do.

        Raises:
            ChainError: no usable answer from the RPC: whether a case is over still.
        """
        return self._challenger.ended(receipt)

    def _run(self, file: ReceiptFile) -> Run:
        digest = file.digest
        if digest not in self._runs:
            made = run_again(file, self._models)
            while len(self._runs) >= RUNS:
                del self._runs[next(iter(self._runs))]
            self._runs[digest] = made
        return self._runs[digest]


def check_file(file: ReceiptFile) -> None:
    """What a receipt file shows by itself, before anybody asks for its model or for a node.

    Raises:
        NoExactProgram: its runtime is no program.
        NotReplayable: it does not open its run.
        VerificationError: its openings or signature are not the receipt's.
    """
    check_signature(file, ())
    check_openings(file)
    if file.preimage is not None and isinstance(file.preimage.runtime, Runtime):
        raise NoExactProgram("the receipt is of no exact program: no court can judge its run")
    sides_of(file.opening)


def run_again(file: ReceiptFile, models: Models) -> Run:
    """The run of a receipt of an exact program, by the executor, from what its file opens.

    Raises:
        NoExactProgram: it is no receipt of a program.
        NotReplayable: it does not open its run, or its model does not carry its program.
        ModelNotFound: as `Models.find`.
        VerificationError: the file's openings or signature are not the receipt's.
    """
    check_file(file)
    preimage = file.preimage
    loaded = models.find(file.receipt.model, None if preimage is None else preimage.model)
    try:
        program = program_in(loaded.graph)
    except BadProgram as error:
        raise NotReplayable(f"the model carries a program that is not valid: {error}") from error
    if program is None or program.commitment.digest != file.receipt.runtime:
        says = preimage is not None and preimage.runtime is not None
        kind = NotReplayable if says else NoExactProgram
        raise kind("the receipt is of no exact program that its model carries")
    return run_of(Executor(program), file.opening)
