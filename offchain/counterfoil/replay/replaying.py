"""One receipt's inference, done again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from counterfoil.errors import NotReplayable
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.runtime import Program, Runtime
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import Digest
from counterfoil.inference.again import Again

from .comparing import Comparison, Tolerance, compare
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
        here: the runtime of the second run.
    """

    verdict: Verdict
    outputs: tuple[Comparison, ...]
    reasons: tuple[str, ...]
    random: tuple[str, ...]
    here: Runtime


class Replayer:
    """Does runs again, with one session for the receipts of one model and runtime in a row."""

    def __init__(self, models: Models, tolerance: Tolerance | None = None) -> None:
        self._models = models
        self._tolerance = tolerance or Tolerance()
        self._key: tuple[Digest, Digest] | None = None
        self._again: Again | None = None
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
        found = {tensor.name: tensor for tensor in again.run(inputs, [t.name for t in claimed])}
        outputs = tuple(
            compare(tensor, found[tensor.name], self._tolerance)
            if tensor.name in found
            else Comparison(name=tensor.name, equal=False, close=False, why="it is not there here")
            for tensor in claimed
        )
        verdict: Verdict = "different"
        if all(each.equal for each in outputs):
            verdict = "equal"
        elif all(each.close for each in outputs):
            verdict = "close"
        elif self._random:
            verdict = "random"
        reasons = () if verdict == "equal" else tuple(differences(runtime, again.runtime))
        return Replay(
            verdict=verdict,
            outputs=outputs,
            reasons=reasons,
            random=self._random,
            here=again.runtime,
        )

    def _session(self, file: ReceiptFile, runtime: Runtime | None) -> Again:
        key = (file.receipt.model, file.receipt.runtime)
        if self._again is None or self._key != key:
            preimage = file.preimage.model if file.preimage is not None else None
            loaded = self._models.find(file.receipt.model, preimage)
            self._again, self._key = None, key
            self._random = tuple(random_operators(loaded.graph))
            self._again = Again(loaded, runtime)
        return self._again


def _opened(file: ReceiptFile, side: str) -> Sequence[Tensor]:
    opening = getattr(file.opening, side) if file.opening is not None else None
    if opening is None or opening.master is None:
        raise NotReplayable(
            f"the file does not open the {side} whole: ask its holder for a file that does, or "
            "`counterfoil export` one from the journal that kept them"
        )
    tensors: Sequence[Tensor] = opening.tensors
    return tensors


def _runtime(file: ReceiptFile) -> Runtime | None:
    preimage = file.preimage
    if preimage is None or preimage.runtime is None:
        return None
    if isinstance(preimage.runtime, Program):
        raise NotReplayable("the receipt is of an exact program, which this version does not run")
    return preimage.runtime
