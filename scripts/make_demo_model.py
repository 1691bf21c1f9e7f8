"""Make the program of `counterfoil demo-fault`: digits of 8 × 8 pixels, learned, quantised.

What it learns differs in last digits between machines, so the file is committed, and not
compared.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "offchain" / "counterfoil" / "artefacts" / "digits.program.onnx"


@click.command()
def cli() -> None:
    """Write the file, and say how much of the held-out pictures it knows."""
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    import digits
    from counterfoil.formats.tensor import Tensor
    from counterfoil.programs import Executor
    from counterfoil.programs.container import file_of
    from counterfoil.programs.lowering import quantise

    images, _ = digits.learning()
    made = quantise(digits.cnn(), {"image": images[:200]})
    raw = file_of(made.program)
    TARGET.write_bytes(raw)
    executor = Executor(made.program)
    images, wanted = digits.held_out()
    right = 0
    for image, digit in zip(images, wanted, strict=True):
        out = {t.name: t for t in executor.run([Tensor.of("image", image[None])])}
        right += int(out["digit"].array()[0]) == digit
    click.echo(
        f"{TARGET.relative_to(ROOT)}: {len(raw)} bytes, {made.program.trace_rows} trace rows, "
        f"{right} of {len(wanted)} held-out pictures"
    )


if __name__ == "__main__":
    cli()
