"""What of a job is done already: finished files, and receipts that were sealed before a kill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import JobChanged
from counterfoil.hashing.types import Digest
from counterfoil.inference.drafts import Masters
from counterfoil.journal import Journal

from .job import Job, make_durably
from .sealing import Known
from .tables import OUTPUTS, RECEIPTS, part

PAGE: Final = 2**16


def lay_out(folder: Path) -> None:
    """Make the folders of Parquet files, and remove what a kill left half written."""
    for kind in (OUTPUTS, RECEIPTS):
        make_durably(folder / kind)
        for draft in (folder / kind).glob(".*.part"):
            draft.unlink()


def open_blocks(folder: Path, job: Job) -> list[int]:
    """Blocks without a receipt file, or without outputs."""
    return [
        block
        for block in range(job.blocks)
        if not all(part(folder, kind, block).exists() for kind in (OUTPUTS, RECEIPTS))
    ]


def check_logs(job: Job, journals: Sequence[Journal]) -> None:
    """Refuse to go on where the job's logs are not: a row could be sealed twice.

    Raises:
        JobChanged: another chain or ledger, or a journal of the job is missing.
    """
    here = {journal.signer for journal in journals}
    for journal in journals:
        if (journal.chain_id, journal.ledger) != (job.chain_id, job.ledger):
            raise JobChanged(
                f"the job's receipts are for chain {job.chain_id} and ledger {job.ledger}: "
                "use the profile that it began with, or name a new folder with --out"
            )
    for signer in job.logs:
        if signer not in here:
            raise JobChanged(
                f"the job began with the log of {signer}, which this profile does not have: "
                "use the profile that it began with, or name a new folder with --out"
            )


def sealed_rows(job: Job, blocks: Sequence[int], journals: Sequence[Journal]) -> dict[int, Known]:
    """Rows of the blocks that a log has sealed already, whichever.

    Looks at every receipt since the job began, so that not even a deleted file leads to a
    second receipt for a row.
    """
    if not blocks:
        return {}
    spans = [job.span(block) for block in blocks]
    rows = np.concatenate([np.arange(*span, dtype=np.int64) for span in spans])
    keys = np.concatenate([_keys(job.requests(*span)) for span in spans])
    order = np.argsort(keys)
    rows, keys = rows[order], keys[order]
    known: dict[int, Known] = {}
    for journal in journals:
        found = journal.requests(job.logs.get(journal.signer, 0))
        for row, sequence in _matches(job, rows, keys, found):
            inputs, outputs = journal.masters(sequence)
            masters = None
            if inputs is not None and outputs is not None:
                masters = Masters(inputs=inputs, outputs=outputs)
            # setdefault: the oldest log's, should there ever be two
            known.setdefault(row, Known(sealed=journal.get(sequence), masters=masters))
    return known


def _keys(requests: NDArray[np.uint8]) -> NDArray[Any]:
    """The first eight bytes of each, as one number."""
    return np.ascontiguousarray(requests[:, :8]).view(">u8").ravel().astype(np.uint64)


def _matches(
    job: Job, rows: NDArray[np.int64], keys: NDArray[Any], found: Iterator[tuple[int, Digest]]
) -> Iterator[tuple[int, int]]:
    """(row, number) for each request among the rows'."""
    while page := list(islice(found, PAGE)):
        raw = np.frombuffer(b"".join(request for _, request in page), dtype=np.uint8)
        requests = raw.reshape(-1, 32)
        theirs = _keys(requests)
        at = np.minimum(np.searchsorted(keys, theirs), len(keys) - 1)
        for place in np.flatnonzero(keys[at] == theirs):
            row = int(rows[at[place]])
            if (job.requests(row, row + 1)[0] == requests[place]).all():
                yield row, page[place][0]


def masters_of(job: Job, block: int, known: Mapping[int, Known]) -> dict[int, Masters]:
    """The masters under which the block's sealed rows are committed to."""
    return {
        row: found.masters
        for row in range(*job.span(block))
        if (found := known.get(row)) is not None and found.masters is not None
    }


__all__ = ["check_logs", "lay_out", "masters_of", "open_blocks", "sealed_rows"]
