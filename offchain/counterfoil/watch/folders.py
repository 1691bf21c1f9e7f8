"""Folders of receipt files: read as they come, completed when their receipts settle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from counterfoil.errors import CounterfoilError, NotProvable, WatchState
from counterfoil.formats.batch import batch_word
from counterfoil.formats.receipt import Inclusion
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Address, Digest
from counterfoil.publish import write_whole

from .notices import Notice
from .store import HeldFile, Store

MAX_SEQUENCE = 2**63 - 1
"""Numbers past it are not followed: no log comes near, and the database has no larger ones."""


def read_folders(
    folders: Iterable[Path], store: Store, chain_id: int, ledger: Address
) -> Iterator[Notice]:
    """Hold the receipts of files that are new or changed.

    Yields:
        What is wrong with files that cannot be used.
    """
    for path in _files(folders):
        try:
            stamp = _stamp(path)
        except OSError:
            continue  # gone between the listing and the look
        known = store.file(path)
        if known is not None and known.stamp == stamp:
            continue
        try:
            file = ReceiptFile.load(path)
            check(file, chain_id, ledger)
        except CounterfoilError as error:
            store.note_file(HeldFile(path=path, stamp=stamp, digest=None, word=None))
            yield Notice(
                kind="bad-file",
                level="warning",
                text=f"{path} is not watched: {error}",
                data={"file": str(path)},
                again=f"{path}:{stamp}",
            )
            continue
        store.hold(file)
        store.note_file(HeldFile(path=path, stamp=stamp, digest=file.digest, word=_word(file)))


def complete(held: HeldFile, inclusion: Inclusion, word: Digest, store: Store) -> bool:
    """Write a file anew with its inclusion; false where it changed or went meanwhile.

    Raises:
        WatchState: it cannot be written.
    """
    try:
        if _stamp(held.path) != held.stamp:
            return False
        file = ReceiptFile.load(held.path)
        if file.digest != held.digest:
            return False
        write_whole(held.path, replace(file, inclusion=inclusion).dump())
        stamp = _stamp(held.path)
    except FileNotFoundError:
        store.forget_file(held.path)
        return False
    except OSError as error:
        raise WatchState(f"cannot complete {held.path}: {error.strerror or error}") from error
    store.note_file(replace(held, stamp=stamp, word=word))
    return True


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        if folder.is_file():
            yield folder.absolute()
            continue
        for path in sorted(folder.rglob("*.json")):
            if not path.name.startswith(".") and path.is_file():
                yield path.absolute()


def _stamp(path: Path) -> str:
    found = path.stat()
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def check(file: ReceiptFile, chain_id: int, ledger: Address) -> None:
    """Raises NotProvable unless a file's receipt is this ledger's and signed by its signer."""
    receipt = file.receipt
    if (file.chain_id, file.ledger) != (chain_id, ledger):
        raise NotProvable(f"the receipt is of chain {file.chain_id} and ledger {file.ledger}")
    if receipt.sequence > MAX_SEQUENCE:
        raise NotProvable("the receipt's number is past 2^63")
    if receipt.signed_by(file.signature, chain_id, ledger) != receipt.signer:
        raise NotProvable("the receipt's signature is not by its signer")


def _word(file: ReceiptFile) -> Digest | None:
    """The word of the batch to which a file's inclusion leads, if it leads to any."""
    found = file.inclusion
    if found is None:
        return None
    try:
        root = found.root(file.receipt.leaf(file.chain_id, file.ledger), file.receipt.sequence)
    except CounterfoilError:
        return None
    return batch_word(root, found.size, found.posted_at)
