"""A receipt for people: one line in a terminal, a small picture in a notebook."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from counterfoil.errors import CounterfoilError
from counterfoil.formats.dtypes import NAMES
from counterfoil.formats.model import GRAPH
from counterfoil.formats.receipt import Inclusion
from counterfoil.formats.runtime import Program
from counterfoil.formats.tensor import Tensor

if TYPE_CHECKING:
    from .sealed_receipt import SealedReceipt

SHOWN = 6
"""Tensors of one side that are listed."""

_COLOURS = {"sealed": "#777", "posted": "#a60", "final": "#080", "broken": "#b00"}

_MEANINGS = {
    "sealed": "signed and durable; in no posted batch yet",
    "posted": "its batch is in a block, not yet confirmed",
    "final": "its batch is on the chain, confirmed",
    "broken": "the promised time has passed",
    "unknown": "the journal cannot be read",
}


def line(receipt: SealedReceipt) -> str:
    """The receipt in one line."""
    r = receipt.receipt
    return (
        f"receipt {r.sequence} of {_short(r.signer)}: {_model(receipt)} on "
        f"{_engine(receipt)}, {_when(r.issued_at)}, "
        f"{_state(receipt)}"
    )


def _engine(receipt: SealedReceipt, *, machine: bool = False) -> str:
    runtime = receipt.runtime
    if isinstance(runtime, Program):
        return f"an exact program of {runtime.rows} rows"
    more = f", {runtime.machine}" if machine else ""
    return f"{runtime.engine} {runtime.version}{more}"


def page(receipt: SealedReceipt) -> str:
    """The receipt as HTML that stands alone; whatever a model named is escaped."""
    r = receipt.receipt
    state = _state(receipt)
    inclusion = _inclusion(receipt)
    colour = _COLOURS.get(state, "#777")
    rows = [
        (
            "state",
            f"<b style='color:{colour}'>{state}</b>: {_MEANINGS[state]}",
        ),
        ("model", f"{escape(_model(receipt))}, <code>0x{r.model.hex()}</code>"),
        ("runtime", escape(_engine(receipt, machine=True))),
        ("inputs", _tensors(receipt.inputs)),
        ("outputs", _tensors(receipt.outputs)),
        ("by", _by(receipt)),
        ("issued", _when(r.issued_at)),
        ("promised", _when(r.settle_by) if r.settle_by else "no time of settlement"),
    ]
    if any(r.request):
        rows.append(("request", f"<code>0x{r.request.hex()}</code>"))
    if inclusion is not None:
        where = f"of {inclusion.size} from {inclusion.first}, {_when(inclusion.posted_at)}"
        rows.append(("batch", escape(where)))
    cells = "".join(
        f"<tr><th style='text-align:left;vertical-align:top;padding-right:1em'>{name}</th>"
        f"<td style='text-align:left'>{value}</td></tr>"
        for name, value in rows
    )
    drawing = "" if inclusion is None else _drawing(inclusion, r.sequence)
    return (
        "<div class='counterfoil-receipt'>"
        f"<div><b>Receipt {r.sequence}</b> <code>0x{receipt.digest.hex()}</code></div>"
        f"<table>{cells}</table>{drawing}</div>"
    )


def _state(receipt: SealedReceipt) -> str:
    try:
        return receipt.state
    except CounterfoilError:
        return "unknown"


def _inclusion(receipt: SealedReceipt) -> Inclusion | None:
    try:
        return receipt.inclusion
    except CounterfoilError:
        return None


def _by(receipt: SealedReceipt) -> str:
    signer = f"<code>{escape(receipt.receipt.signer)}</code>"
    try:
        log = receipt.journal.log_state()
    except CounterfoilError:
        log = None
    if log is None:
        return f"the key {signer}; no operator is known to answer for it"
    return f"the key {signer} of the operator <code>{escape(log.operator)}</code>"


def _model(receipt: SealedReceipt) -> str:
    files = receipt.model.files
    size = sum(file.size for file in files)
    rest = "" if len(files) == 1 else f" and {len(files) - 1} more files"
    return f"{GRAPH}{rest}, {_size(size)}"


def _tensors(tensors: tuple[Tensor, ...]) -> str:
    if not tensors:
        return "none"
    shown = [
        f"{escape(t.name)} <code>{NAMES.get(t.dtype, str(t.dtype))}{list(t.shape)}</code>"
        for t in tensors[:SHOWN]
    ]
    if len(tensors) > SHOWN:
        shown.append(f"and {len(tensors) - SHOWN} more")
    return ", ".join(shown)


def _drawing(inclusion: Inclusion, sequence: int) -> str:
    """The way from the receipt to its batch's root: what is hashed with what, level by level."""
    index, size = sequence - inclusion.first, inclusion.size
    sides = _sides(index, size)
    width, step = 26 * len(sides) + 40, 26
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' role='img' width='{width}' height='64' "
        f"viewBox='0 0 {width} 64'>",
        f"<title>The path of {len(sides)} steps from receipt {sequence} to the root of its batch"
        "</title><g stroke='#888' fill='none'>",
    ]
    dots = []
    for place, side in enumerate(sides):
        x, y = 16 + step * place, 14 if side == "left" else 50
        parts.append(f"<path d='M{x} 32H{x + step}M{x} {y}L{x + step} 32'/>")
        dots.append(f"<circle cx='{x}' cy='{y}' r='4' fill='#bbb'/>")
        dots.append(f"<circle cx='{x}' cy='32' r='4' fill='#268'/>")
    end = 16 + step * len(sides)
    parts.append("</g>")
    parts += dots
    parts.append(f"<rect x='{end - 6}' y='26' width='12' height='12' fill='#080'/></svg>")
    return "".join(parts)


def _sides(index: int, size: int) -> list[str]:
    """On which side each sibling of a path lies, from the leaf upwards."""
    sides = []
    last = size - 1
    while last:
        if index & 1:
            sides.append("left")
        elif index < last:
            sides.append("right")
        index >>= 1
        last >>= 1
    return sides


def _when(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _size(count: int) -> str:
    if count < 10_000:
        return f"{count} bytes"
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def _short(address: str) -> str:
    return f"{address[:8]}…{address[-4:]}"
