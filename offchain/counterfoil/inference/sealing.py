"""From a run's tensors to its receipt: what one session does with every run."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from counterfoil.config import Profile, load_profile
from counterfoil.errors import BadDraft, JournalRetired
from counterfoil.formats.frozen import filled_at_once
from counterfoil.formats.model import Model
from counterfoil.formats.runtime import Program, Runtime
from counterfoil.formats.tensor import PUBLIC_MASTER, Tensor, commitment, fresh_master
from counterfoil.hashing.types import ZERO, Digest, Seconds
from counterfoil.journal import Draft, Journal, OnlyForCourt, Sealed

from . import latency
from .openable import EVERYTHING, Openable
from .sealed_receipt import SealedReceipt

OnSealFailure = Literal["raise", "unsealed"]

RETRY = 10.0
"""Seconds between attempts to open a journal that could not be opened."""


@filled_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A set of tensors with its commitment."""

    tensors: tuple[Tensor, ...]
    master: Digest
    digest: Digest


class RunSealer:
    """Commits and seals for one session.

    Args:
        journal: where to seal; None: the profile's, shared by the sessions of this process.
        profile: by name; None: the default one.
        keep: seconds for which the journal keeps tensors; None: it keeps none.
        public: commit under the master of public data, so that anybody can open a chunk.
        openable: what may be opened; of the rest the journal keeps neither master nor tensors.
    """

    def __init__(
        self,
        *,
        journal: Journal | None,
        profile: str | Profile | None,
        keep: float | timedelta | None,
        public: bool,
        openable: Openable = EVERYTHING,
    ) -> None:
        self._journal = journal
        self._given = journal is not None
        self._profile = profile
        self._keep = _span(keep)
        self._public = public
        self._openable = openable
        self._folder: Path | None = None
        self._failed: tuple[float, Exception] | None = None

    def journal(self) -> Journal:
        """The journal, opened on first use.

        Raises:
            CounterfoilError: it cannot be used; for some seconds that is said without
                another attempt.
        """
        if self._journal is None:
            if self._failed is not None and time.monotonic() - self._failed[0] < RETRY:
                raise self._failed[1]
            try:
                self._journal = shared_journal(self._profile)
            except Exception as error:
                self._failed = (time.monotonic(), error)
                raise
        return self._journal

    def commit(self, tensors: Sequence[Tensor]) -> Committed:
        """Commit to one side of a run, under a master of its own."""
        master = PUBLIC_MASTER if self._public else fresh_master()
        return Committed(tensors=tuple(tensors), master=master, digest=commitment(tensors, master))

    def seal(
        self,
        *,
        model: Model,
        model_digest: Digest,
        runtime: Runtime | Program,
        runtime_digest: Digest,
        request: Digest,
        inputs: Committed,
        outputs: Committed,
    ) -> SealedReceipt:
        """Number a run, make it durable and sign it.

        Raises:
            CounterfoilError: the journal does not seal.
        """
        keep, kept = self._keep, self._keep is not None
        whole = self._openable.whole
        opened_inputs = inputs if whole("inputs", inputs.tensors) else None
        opened_outputs = outputs if whole("outputs", outputs.tensors) else None
        summonable = None
        if isinstance(runtime, Program) and self.journal().profile.fault_court is not None:
            summonable = OnlyForCourt(
                (OnlyForCourt.INPUTS if opened_inputs is None else 0)
                | (OnlyForCourt.OUTPUTS if opened_outputs is None else 0)
                | (0 if kept else OnlyForCourt.TENSORS)
            )
            opened_inputs, opened_outputs, kept = inputs, outputs, True
        journal, sealed = self._seal(
            Draft(
                model=model_digest,
                runtime=runtime_digest,
                request=request,
                inputs=inputs.digest,
                outputs=outputs.digest,
                input_master=opened_inputs.master if opened_inputs else None,
                output_master=opened_outputs.master if opened_outputs else None,
                model_preimage=model,
                runtime_preimage=runtime,
                inputs_tensors=opened_inputs.tensors if opened_inputs and kept else None,
                outputs_tensors=opened_outputs.tensors if opened_outputs and kept else None,
                keep_until=Seconds(math.ceil(time.time()) + keep) if keep is not None else None,
                summonable=summonable,
            )
        )
        return SealedReceipt(
            sealed=sealed,
            model=model,
            runtime=runtime,
            inputs=inputs.tensors,
            outputs=outputs.tensors,
            input_master=inputs.master,
            output_master=outputs.master,
            openable=self._openable,
            journal=journal,
        )

    def took(self, nanoseconds: int) -> None:
        """Count what a run's receipt took, beside the journal."""
        if self._folder is None:
            if self._journal is None:
                return
            self._folder = latency.folder_of(self._journal.profile)
        latency.note(self._folder, nanoseconds)

    def _seal(self, draft: Draft) -> tuple[Journal, Sealed]:
        journal = self.journal()
        try:
            return journal, journal.seal(draft)
        except JournalRetired:
            if self._given:
                raise
            journal = self._journal = shared_journal(self._profile, instead_of=journal)
            return journal, journal.seal(draft)


_shared: dict[Profile, Journal] = {}
_shared_lock = threading.Lock()


def _renew() -> None:
    global _shared_lock  # noqa: PLW0603 (a fork's lock may be held by a thread that it has not)
    _shared_lock = threading.Lock()


os.register_at_fork(after_in_child=_renew)


def shared_journal(profile: str | Profile | None, *, instead_of: Journal | None = None) -> Journal:
    """The journal of a profile, opened once in a process.

    Args:
        instead_of: one that was retired: its successor is opened.
    Raises:
        CounterfoilError: no such profile, or its journal cannot be used.
    """
    chosen = profile if isinstance(profile, Profile) else load_profile(profile)
    with _shared_lock:
        journal = _shared.get(chosen)
        if journal is None or journal is instead_of:
            journal = _shared[chosen] = Journal.open(chosen)
        return journal


def request_digest(request: bytes | str | None) -> Digest:
    """A request's 32 bytes.

    Args:
        request: 32 bytes, or their hex digits with or without 0x; None: zero.
    Raises:
        BadDraft: anything else.
    """
    if request is None:
        return ZERO
    try:
        raw = bytes.fromhex(request.removeprefix("0x")) if isinstance(request, str) else request
    except ValueError:
        raw = b""
    if not isinstance(raw, bytes) or len(raw) != 32:
        raise BadDraft("a request is 32 bytes, or 64 hex digits")
    return Digest(raw)


def _span(keep: float | timedelta | None) -> int | None:
    seconds = keep.total_seconds() if isinstance(keep, timedelta) else keep
    if seconds is None:
        return None
    if not 0 <= seconds < 2**53:
        raise BadDraft("`keep` is how long to keep tensors: seconds, 0 or more")
    return math.ceil(seconds)
