"""`counterfoil show`: what a receipt file or batch file says, unchecked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from counterfoil import config
from counterfoil.config import Profile
from counterfoil.errors import MalformedFile
from counterfoil.formats import batch_file, receipt_file, strict_json
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.dtypes import NAMES
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.runtime import Runtime
from counterfoil.formats.set_opening import SetOpening
from counterfoil.hashing.types import ZERO

from .fault_words import quietly
from .links import MAX_LINK, fragment_of, shipped_page
from .output import Output, command, file_argument, short, when
from .verify import completed_here


@click.command("show")
@click.argument("file", type=click.Path(path_type=Path), callback=file_argument)
@click.option("--link", is_flag=True, help="Print a link that opens the receipt in the explorer.")
@click.option(
    "--explorer",
    help="Where the explorer is served, for --link.  [default: the page of this installation]",
)
@click.option("--no-openings", is_flag=True, help="Leave opened tensors out of the link.")
@command
def cli(
    file: Path,
    link: bool,
    explorer: str | None,
    no_openings: bool,
    out: Output,
    profile: str | None,
) -> None:
    """Print a receipt file or a batch file. Nothing is checked: that is `verify`.

    A link holds the whole file after its #, with the tensors that the file opens: who has
    the link has them. Browsers send that part to no server. It takes 64,000 characters. The
    path is added where this machine's journal has it.
    """
    if (explorer is not None or no_openings) and not link:
        raise click.UsageError("--explorer and --no-openings go with --link")
    raw = strict_json.read(file, batch_file.MAX_BYTES)
    kind = strict_json.parse(raw, batch_file.MAX_BYTES).get("format")
    if link:
        found, completed = completed_here(ReceiptFile.parse(raw), config.load_profile(profile))
        changed = bool(completed) or no_openings
        found = replace(found, opening=None) if no_openings else found
        _link(found, found.dump() if changed else raw, explorer, out)
    elif kind == receipt_file.FORMAT:
        _receipt(ReceiptFile.parse(raw), config.load_profile(profile), out)
    elif kind == batch_file.FORMAT:
        _batch(BatchFile.parse(raw), out)
    else:
        raise MalformedFile(f"{file} is neither a receipt file nor a batch file")


def _link(file: ReceiptFile, raw: bytes, explorer: str | None, out: Output) -> None:
    """Print the link, and beside it what it gives away."""
    page = explorer or shipped_page()
    if "#" in page:
        raise click.UsageError("--explorer is the page's address, without a #")
    opens = file.opening is not None
    fragment = fragment_of(raw)
    if opens and not out.json:
        out.note("the link holds the tensors that the file opens: --no-openings leaves them out")
    out.result(
        {
            "link": page + fragment,
            "characters": len(fragment),
            "limit": MAX_LINK,
            "opens": opens,
        },
        page + fragment,
    )


def _receipt(f: ReceiptFile, settings: Profile, out: Output) -> None:
    r = f.receipt
    data: dict[str, Any] = {
        "digest": f.digest,
        "chainId": f.chain_id,
        "ledger": f.ledger,
        "signer": r.signer,
        "sequence": r.sequence,
        "model": r.model,
        "runtime": r.runtime,
        "request": r.request,
        "inputs": r.inputs,
        "outputs": r.outputs,
        "issuedAt": r.issued_at,
        "settleBy": r.settle_by,
        "included": f.inclusion is not None,
    }
    lines = [
        f"receipt   {short(f.digest)}",
        f"chain     {f.chain_id}, ledger {f.ledger}",
        f"log       {r.signer}, number {r.sequence}",
        f"model     {short(r.model)}",
        f"runtime   {short(r.runtime)}{_runtime(f)}",
        f"request   {'none' if r.request == ZERO else short(r.request)}",
        f"issued    {when(r.issued_at)}",
        f"promised  {when(r.settle_by) if r.settle_by else 'no time of settlement'}",
    ]
    if f.inclusion is not None:
        i = f.inclusion
        lines.append(
            f"batch     {i.first} … {i.first + i.size - 1}, "
            f"posted {when(i.posted_at)}, path of {len(i.path)}"
        )
        data["inclusion"] = {"first": i.first, "size": i.size, "postedAt": i.posted_at}
    else:
        lines.append("batch     not in this file")
    if f.opening is not None:
        for name, side in (("inputs", f.opening.inputs), ("outputs", f.opening.outputs)):
            if side is not None:
                described = _tensors(side)
                data[name + "Opened"] = described
                lines += [f"{name:9} {d}" for d in described] or [f"{name:9} none"]
    court = quietly(f, settings, None)
    if court is not None:
        lines.append(f"run       {court[0]}")
        data["faultCourt"] = court[1]
    lines.append("unchecked: counterfoil verify checks it")
    out.result(data, lines)


def _runtime(f: ReceiptFile) -> str:
    known = f.preimage.runtime if f.preimage is not None else None
    if isinstance(known, Runtime):
        return f", {known.engine} {known.version}, {known.providers}, {known.machine}"
    return ""


def _tensors(side: SetOpening) -> list[str]:
    whole = [f"{t.name} {NAMES[t.dtype]}{list(t.shape)}" for t in side.tensors]
    parts = [
        f"{p.commitment.name} {NAMES[p.commitment.dtype]}{list(p.commitment.shape)}, "
        f"{len(p.opened)} chunks shown"
        for p in side.partial
    ]
    return whole + parts


def _batch(f: BatchFile, out: Output) -> None:
    b = f.batch
    out.result(
        {
            "chainId": f.chain_id,
            "ledger": f.ledger,
            "signer": b.signer,
            "first": b.first,
            "size": b.size,
            "root": b.root,
            "uri": b.uri,
        },
        [
            f"batch     {b.first} … {b.first + b.size - 1} of log {b.signer}",
            f"chain     {f.chain_id}, ledger {f.ledger}",
            f"root      {short(b.root)}, and the digests give it",
            f"uri       {b.uri or 'none'}",
        ],
    )
