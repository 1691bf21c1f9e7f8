"""A folder of batch files, `SIGNER/FIRST.json`, that any static host can serve."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from counterfoil.errors import PublishedOtherwise, PublishError
from counterfoil.formats.batch_file import BatchFile
from counterfoil.hashing.types import Address


def name_of(signer: Address, first: int) -> str:
    """A batch file's path in its folder, and after the folder's URL."""
    return f"{signer}/{first}.json"


def address_of(base: str, signer: Address, first: int) -> str:
    """A batch file's URL under the URL of its folder."""
    return f"{base.rstrip('/')}/{name_of(signer, first)}"


def publish_batch(folder: str | Path, file: BatchFile) -> Path:
    """Write a batch file, whole and durable, where it is not yet.

    Raises:
        PublishedOtherwise: another content is there: it is left as it is.
        PublishError: the folder cannot be written.
    """
    path = Path(folder).expanduser() / name_of(file.batch.signer, file.batch.first)
    content = file.dump()
    try:
        if path.exists():
            if path.read_bytes() != content:
                raise PublishedOtherwise(
                    f"{path} holds another batch file: publish into a folder of this log's own"
                )
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content, mode=0o644)
    except OSError as error:
        raise PublishError(f"cannot publish {path}: {error.strerror or error}") from error
    return path


def load_batch(folder: str | Path, signer: Address, first: int) -> BatchFile | None:
    """A batch file from such a folder, None: it is not there.

    Raises:
        FormatError: what is there is no batch file.
    """
    path = Path(folder).expanduser() / name_of(signer, first)
    return BatchFile.load(path) if path.is_file() else None


def write_whole(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Replace a file so that after a crash at any point it is the old or the new one.

    Args:
        mode: of the file; None: as the one that is there, else 0600.
    Raises:
        OSError: it cannot be written.
    """
    if mode is None:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
