"""`counterfoil run`: one run of a model, its outputs and a receipt."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import numpy as np

from counterfoil import config
from counterfoil.errors import BadInputFile
from counterfoil.formats.dtypes import NAMES, STRING
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import ZERO, Digest
from counterfoil.inference import InferenceSession
from counterfoil.journal import Journal

from .inputs import Declared, read_inputs
from .output import Output, command, short, when

UNSEALED = 3
"""Exit code: the outputs are there, a receipt is not."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(value: str) -> int:
    """`90`, `90s`, `15m`, `6h` or `30d` as seconds.

    Raises:
        click.BadParameter: none of these.
    """
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", value)
    if not found:
        raise click.BadParameter(f"a time is 90s, 15m, 6h or 30d, not {value!r}")
    return int(found[1]) * _UNITS[found[2] or "s"]


def _request(value: str | None) -> Digest:
    if value is None:
        return ZERO
    if not re.fullmatch(r"0x[0-9a-fA-F]{64}", value):
        raise click.BadParameter("--request takes 32 bytes as 0x-hex")
    return Digest(bytes.fromhex(value[2:]))


@click.command("run")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "-i",
    "specs",
    multiple=True,
    required=True,
    metavar="[NAME=]FILE",
    help="npz, npy, json, or raw little-endian bytes; repeat for more inputs.",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), default="outputs.npz", show_default=True
)
@click.option(
    "--receipt", "-r", type=click.Path(path_type=Path), default="receipt.json", show_default=True
)
@click.option("--request", help="32 bytes as 0x-hex that tie the receipt to an order.")
@click.option("--public", is_flag=True, help="The tensors are public: salts that anybody knows.")
@click.option("--keep", metavar="TIME", help="Keep the tensors in the journal so long, as 30d.")
@click.option("--unsealed", is_flag=True, help=f"If sealing fails, go on and exit with {UNSEALED}.")
@command
def cli(
    model: Path,
    specs: tuple[str, ...],
    output: Path,
    receipt: Path,
    request: str | None,
    public: bool,
    keep: str | None,
    unsealed: bool,
    out: Output,
    profile: str | None,
) -> None:
    """Run a model once; write its outputs and a receipt."""
    asked = _request(request)
    settings = config.load_profile(profile)
    with closing(Journal.open(settings)) as journal:
        session = InferenceSession(
            model,
            journal=journal,
            public=public,
            keep=None if keep is None else seconds(keep),
            on_seal_failure="unsealed" if unsealed else "raise",
        )
        declared = [Declared(i.name, i.type, i.shape) for i in session.get_inputs()]
        feed = read_inputs(specs, declared)
        missing = [d.name for d in declared if d.name not in feed]
        if missing:
            raise BadInputFile(f"the model needs the input {missing[0]!r}: give it with --input")
        outputs, sealed = session.run_with_receipt(None, feed, request=asked)
        if sealed is None:
            names = [o.name for o in session.get_outputs()]
            _write(output, {n: np.asarray(v) for n, v in zip(names, outputs, strict=True)})
            out.result({"outputs": str(output), "receipt": None}, f"outputs   {output}, no receipt")
            raise SystemExit(UNSEALED)
        _write(output, {t.name: _storable(t) for t in sealed.outputs})
        sealed.save(receipt)
    r = sealed.receipt
    out.result(
        {
            "outputs": str(output),
            "receipt": str(receipt),
            "digest": sealed.digest,
            "signer": r.signer,
            "sequence": r.sequence,
            "settleBy": r.settle_by,
        },
        [
            *(f"output    {t.name} {NAMES[t.dtype]}{list(t.shape)}" for t in sealed.outputs),
            f"written   {output}",
            f"receipt   {receipt}: {short(sealed.digest)}, number {r.sequence}",
            f"promised  settled by {when(r.settle_by)}"
            if r.settle_by
            else "promised  no time of settlement: the log is not open, or no chain is in reach",
        ],
    )


def _storable(tensor: Tensor) -> Any:
    array = tensor.array()
    return array.astype(np.str_) if tensor.dtype == STRING else array


def _write(path: Path, arrays: dict[str, Any]) -> None:
    try:
        if path.suffix == ".npy" and len(arrays) == 1:
            np.save(path, next(iter(arrays.values())), allow_pickle=False)
            return
        with path.open("wb") as stream:
            np.savez(stream, **arrays)
    except OSError as error:
        raise BadInputFile(f"cannot write {path}: {error.strerror}") from error
