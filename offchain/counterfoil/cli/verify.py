"""`counterfoil verify`: docs/format.md §11 on receipt files."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from counterfoil import config
from counterfoil.chain import Chain
from counterfoil.config import Profile
from counterfoil.errors import BadConfig, ChainError, CounterfoilError
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Address
from counterfoil.journal import Journal
from counterfoil.verify import Trust, Verification, verify

from .fault_words import fault_state
from .output import Output, command, file_argument, short, when

JOURNAL_WAIT = 1.0
"""Seconds to wait for a journal that is only asked for a path."""


def _ledger(value: str) -> tuple[int, Address]:
    chain_id, _, address = value.partition(":")
    try:
        return int(chain_id), config.address(address)
    except ValueError as error:
        raise BadConfig(f"--ledger takes CHAIN_ID:ADDRESS, not {value!r}") from error


def _publisher(value: str) -> Address:
    try:
        return config.address(value)
    except ValueError as error:
        raise BadConfig(f"--publisher {error}") from error


@click.command("verify")
@click.argument(
    "files", type=click.Path(path_type=Path), nargs=-1, required=True, callback=file_argument
)
@click.option("--rpc", help="Ask this node, whatever the profile says.")
@click.option("--offline", is_flag=True, help="Ask no node.")
@click.option("--ledger", "ledgers", multiple=True, help="Trust CHAIN_ID:ADDRESS too.")
@click.option("--publisher", "publishers", multiple=True, help="Trust this publisher of models.")
@click.option("--require-anchored", is_flag=True, help="Fail unless the ledger vouches for it.")
@command
def cli(
    files: tuple[Path, ...],
    rpc: str | None,
    offline: bool,
    ledgers: tuple[str, ...],
    publishers: tuple[str, ...],
    require_anchored: bool,
    out: Output,
    profile: str | None,
) -> None:
    """Check receipt files: signed, opened, included, anchored.

    Exits with 0 if nothing that was checked failed; what was not checked is said.
    """
    settings = config.load_profile(profile)
    trust = Trust.of(settings).adding(map(_ledger, ledgers), map(_publisher, publishers))
    chains = _Chains(settings, rpc=rpc, offline=offline)
    worst = 0
    results: list[dict[str, Any]] = []
    lines: list[str] = []
    with out.progress("verifying", len(files)) as step:
        for path in files:
            try:
                file, completed = completed_here(ReceiptFile.load(path), settings)
                chain = chains.of(file.chain_id)
                found = verify(file, trust=trust, chain=chain)
                if require_anchored:
                    found.require_anchored()
                court = fault_state(file, trust, chain)
            except CounterfoilError as error:
                if len(files) == 1:
                    raise
                worst = worst or error.exit_code
                message = " ".join(str(error).split())
                said = {"class": type(error).__name__, "message": message}
                results.append({"file": str(path), "error": said})
                lines.append(f"{path}: FAILED {type(error).__name__}: {message}")
            else:
                more = [note for note in (completed, chains.silent) if note]
                found = replace(found, notes=(*found.notes, *more))
                said_of_run = {} if court is None else {"faultCourt": court[1]}
                results.append({"file": str(path), **_data(found), **said_of_run})
                lines.extend(_lines(path, found, "" if court is None else court[0]))
            step()
    for line in lines:
        out.say(line)
    if out.json:
        out.result({"results": results})
    raise SystemExit(worst)


def completed_here(file: ReceiptFile, settings: Profile) -> tuple[ReceiptFile, str]:
    """A receipt file with the path that this machine's journal has for it, and a note of that.

    A path needs no trust: it leads to the ledger's root or it does not.
    """
    if file.inclusion is not None or (file.chain_id, file.ledger) != (
        settings.chain_id,
        settings.ledger,
    ):
        return file, ""
    try:
        journals = Journal.open_all(settings, wait=JOURNAL_WAIT)
    except CounterfoilError:
        return file, ""
    with ExitStack() as stack:
        for journal in journals:
            stack.callback(journal.close)
        for journal in journals:
            if journal.signer != file.receipt.signer:
                continue
            with suppress(CounterfoilError):
                known = journal.receipt_file(file.receipt.sequence, openings=False)
                if known.digest == file.digest and known.inclusion is not None:
                    note = "the path is from this machine's journal: `counterfoil export` writes it"
                    return replace(file, inclusion=known.inclusion), note
    return file, ""


class _Chains:
    """The node to ask about a file's chain, connected once."""

    def __init__(self, profile: Profile, *, rpc: str | None, offline: bool) -> None:
        self._profile = profile
        self._rpc = rpc
        self._offline = offline
        self._chain: Chain | None = None
        self._failed: ChainError | None = None
        self.silent = ""
        """What to add to a result: why the profile's node was not asked."""

    def of(self, chain_id: int) -> Chain | None:
        """The chain to ask, or None where none is named for this id.

        Raises:
            ChainError: the node that was named on the command line does not answer.
        """
        if self._offline:
            return None
        if self._rpc is None and (self._profile.rpc is None or chain_id != self._profile.chain_id):
            return None
        if self._failed is not None:  # not every file waits for it again
            raise self._failed
        if self._chain is None and not self.silent:
            try:
                self._chain = Chain.connect(self._rpc or self._profile.rpc or "")
            except ChainError as error:
                if self._rpc is not None:
                    self._failed = error
                    raise
                self.silent = f"the profile's node was not asked: {error}"
        return self._chain


def _data(v: Verification) -> dict[str, Any]:
    return {
        "digest": v.digest,
        "chainId": v.chain_id,
        "ledger": v.ledger,
        "verified": list(v.words),
        "signer": v.signed,
        "opened": list(v.opened),
        "anchored": None
        if v.anchored is None
        else {
            "operator": v.anchored.operator,
            "postedAt": v.anchored.posted_at,
            "standing": v.anchored.standing,
            "clean": v.anchored.clean,
        },
        "settleBy": v.promise,
        "notes": list(v.notes),
    }


def _lines(path: Path, v: Verification, court: str) -> list[str]:
    lines = [
        f"{path}: {', '.join(v.words)}",
        f"  signed    by {v.signed}",
    ]
    if v.opened:
        lines.append(f"  opened    {', '.join(v.opened)}")
    if v.root is not None:
        lines.append(f"  included  under root {short(v.root)}")
    if v.anchored is not None:
        lines.append(
            f"  anchored  by operator {v.anchored.operator}, posted {when(v.anchored.posted_at)}"
        )
        if v.anchored.clean is not None:
            lines.append(f"  standing  {'clean' if v.anchored.clean else 'CAUGHT'} when posted")
    if court:
        lines.append(f"  run       {court}")
    return lines + [f"  note      {note}" for note in v.notes]
