"""`counterfoil run`: one run of a model, its outputs and a receipt."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.lib.format import write_array

from counterfoil import config
from counterfoil.errors import BadInputFile, CannotWrite
from counterfoil.formats.dtypes import NAMES, STRING
from counterfoil.formats.tensor import Tensor
from counterfoil.formats.values import flatten
from counterfoil.hashing.types import ZERO, Digest
from counterfoil.inference import InferenceSession, SealedReceipt, as_refusal

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
    kept = None if keep is None else seconds(keep)
    for path in (output, receipt):
        _require_writable(path)
    with _refusals(loading=True):
        session = InferenceSession(
            model,
            profile=config.load_profile(profile),
            public=public,
            keep=kept,
            on_seal_failure="unsealed" if unsealed else "raise",
        )
    declared = [Declared(i.name, i.type, i.shape) for i in session.get_inputs()]
    feed = read_inputs(specs, declared)
    missing = [d.name for d in declared if d.name not in feed]
    if missing:
        raise BadInputFile(f"the model needs the input {missing[0]!r}: give it with --input")
    with _refusals():
        outputs, sealed = session.run_with_receipt(None, feed, request=asked)
    if sealed is None:
        named = session.get_outputs()
        tensors = flatten([o.name for o in named], outputs, [o.type for o in named])
        _write(output, {t.name: _storable(t) for t in tensors})
        out.result({"outputs": str(output), "receipt": None}, f"written   {output}, no receipt")
        raise SystemExit(UNSEALED)
    _save(receipt, sealed)
    _write(output, {t.name: _storable(t) for t in sealed.outputs})
    _tell(sealed, output, receipt, out)


def _tell(sealed: SealedReceipt, output: Path, receipt: Path, out: Output) -> None:
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


@contextmanager
def _refusals(*, loading: bool = False) -> Iterator[None]:
    """onnxruntime's own errors as ours."""
    try:
        yield
    except Exception as error:
        ours = as_refusal(error, loading=loading)
        if ours is None:
            raise
        raise ours from error


def _require_writable(path: Path) -> None:
    """Before a receipt is sealed: a folder that is not there loses no run.

    Raises:
        CannotWrite: the file could not be made.
    """
    folder = path.parent
    if path.is_dir():
        raise CannotWrite(f"cannot write {path}: it is a folder, name a file")
    if not folder.is_dir():
        raise CannotWrite(f"cannot write {path}: make the folder {folder} first")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise CannotWrite(f"cannot write {path}: you may not, name another place")


def _save(path: Path, sealed: SealedReceipt) -> None:
    _written(
        path,
        lambda: sealed.save(path),
        f": the receipt is number {sealed.receipt.sequence} of the journal, "
        "`counterfoil export` writes it",
    )


def _write(path: Path, arrays: dict[str, Any]) -> None:
    def write() -> None:
        with path.open("wb") as stream:
            if path.suffix == ".npy" and len(arrays) == 1:
                np.save(stream, next(iter(arrays.values())), allow_pickle=False)
                return
            # What np.savez writes; that takes an output named `file` for an argument of its own.
            with zipfile.ZipFile(stream, "w") as archive:
                for name, array in arrays.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        write_array(member, array, allow_pickle=False)  # type: ignore[no-untyped-call]

    _written(path, write)


def _written(path: Path, write: Callable[[], object], more: str = "") -> None:
    try:
        write()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {error.strerror or error}{more}") from error
