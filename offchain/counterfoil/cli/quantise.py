"""`counterfoil quantise`: an exact program of a model, and what it costs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from counterfoil.errors import BadCalibration, CannotWrite, NotLowerable
from counterfoil.formats import model as models
from counterfoil.programs.container import file_of, program_in
from counterfoil.programs.engine import Engine
from counterfoil.programs.lowering import Quantisation, quantise
from counterfoil.programs.lowering.judging import OutputJudged, judged

from .inputs import read_arrays
from .output import Output, command

SHARE: Final = 5
"""Of the data to calibrate with every fifth sample is held out, where no others are given."""

FEWEST: Final = 5
"""Samples from which some can be held out."""


@click.command("quantise")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--calibrate",
    "calibration",
    type=click.Path(path_type=Path),
    required=True,
    help="npz: for each input an array of real samples, first dimension the sample.",
)
@click.option(
    "--held-out",
    type=click.Path(path_type=Path),
    help="npz to judge by; else every fifth sample of --calibrate, which then only judges.",
)
@click.option("--labels", metavar="NAME", help="The npz's array of right answers.")
@click.option("--cut", is_flag=True, help="End before operators that cannot be lowered.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="[default: MODEL.program.onnx]"
)
@command
def cli(
    model: Path,
    calibration: Path,
    held_out: Path | None,
    labels: str | None,
    cut: bool,
    output: Path | None,
    out: Output,
    profile: str | None,
) -> None:
    """Make an exact program of a model: whole numbers alone, the same on every machine.

    Prints what each operator became, or why it could not be lowered, and the accuracy lost on
    samples that were held out. Receipts of the file that is written name the program.
    """
    graph = models.load(model)
    if graph.external:
        raise NotLowerable("the model has external data: save it as one file first")
    if program_in(graph.graph) is not None:
        raise NotLowerable("the model is an exact program already")
    data = read_arrays(calibration)
    learn, judge, answers = _split(data, held_out, labels)
    try:
        with out.progress("calibrating", None):
            done = quantise(graph.graph, learn, cut=cut)
    except NotLowerable as error:
        for operator, node, reason in error.operators:
            out.note(f"{operator} {node!r}: {reason}")
        raise
    target = output or model.with_suffix(".program.onnx")
    file = file_of(done.program)
    try:
        target.write_bytes(file)
    except OSError as error:
        raise CannotWrite(f"cannot write {target}: {error.strerror or error}") from error
    found = judged(graph.graph, done.program, judge, answers)
    fast = Engine(done.program, ways=("onnxruntime",)).refused.get("onnxruntime")
    _tell(out, done, found, target, len(file), fast)


def _split(
    data: dict[str, Any], held_out: Path | None, labels: str | None
) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """What to learn from, what to judge by, and the right answers."""
    if held_out is not None:
        judge = read_arrays(held_out)
        data.pop(labels or "", None)
        return data, judge, _labels(judge, labels)
    count = min(map(len, data.values())) if data and all(a.ndim for a in data.values()) else 0
    if count < FEWEST:
        raise BadCalibration(
            f"{count} samples are too few to hold some out: give more, or --held-out"
        )
    judge = {name: array[::SHARE] for name, array in data.items()}
    answers = _labels(judge, labels)
    learn = {
        name: array[[i for i in range(count) if i % SHARE]]
        for name, array in data.items()
        if name != labels
    }
    return learn, judge, answers


def _labels(judge: dict[str, Any], name: str | None) -> Any:
    if name is None:
        return None
    if name not in judge:
        raise BadCalibration(f"the data hold no array {name!r} of right answers")
    return judge.pop(name)


def _tell(
    out: Output,
    done: Quantisation,
    found: tuple[OutputJudged, ...],
    target: Path,
    size: int,
    fast: str | None,
) -> None:
    program = done.program
    kinds = Counter(o.kind.name for o in program.operators)
    became = Counter((t.operator, t.became or f"left out: {t.reason}") for t in done.told)
    out.result(
        {
            "file": str(target),
            "program": {
                "root": program.commitment.root,
                "rows": program.commitment.rows,
                "traceRows": program.commitment.trace_rows,
                "version": program.commitment.version,
            },
            "runtime": program.commitment.digest,
            "operators": [asdict(t) for t in done.told],
            "steps": dict(kinds),
            "accuracy": [asdict(f) for f in found],
            "fastPath": fast is None,
            "fastPathRefused": fast,
        },
        [
            *(
                f"{operator:<18} {count:>4}  {what}"
                for (operator, what), count in sorted(became.items())
            ),
            *(_judgement(f) for f in found),
            f"program   {len(program.rows)} rows, {program.trace_rows} rows of trace, "
            + ", ".join(f"{count} {name}" for name, count in sorted(kinds.items())),
            f"runtime   0x{program.commitment.digest.hex()}",
            "speed     onnxruntime can run it: it was exact on every probe"
            if fast is None
            else f"speed     the executor alone runs it: {fast}",
            f"written   {target}, {size / 1e3:.0f} kB",
        ],
    )


def _judgement(found: OutputJudged) -> str:
    parts = []
    if found.right is not None and found.right_float is not None:
        parts.append(f"right {found.right:.1%}, the float model {found.right_float:.1%}")
    if found.same_choice is not None:
        parts.append(f"same choice in {found.same_choice} of {found.samples}")
        parts.append(
            f"off by {found.mean:.3g} on average, {found.largest:.3g} at most, of values from "
            f"{found.least_float:.3g} to {found.largest_float:.3g}"
        )
    else:
        parts.append(f"equal in {found.equal} of {found.samples}")
    return f"accuracy  {found.name}: " + "; ".join(parts)
