"""`counterfoil.recording()`: receipts for every inference inside, whoever made the session."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self, overload

from counterfoil.config import Profile
from counterfoil.journal import Journal

from . import active
from .arming import arm
from .openable import Open, Openable
from .runs import Policy
from .sampling import Sample, sampler
from .sealed_receipt import SealedReceipt
from .sealing import RunSealer, request_digest


class Recording(Sequence[SealedReceipt]):
    """The receipts of what ran inside, in the order in which they were sealed.

    Attributes:
        total: receipts so far, those that `limit` let go of included.
        problems: why runs inside went through without a receipt, with how many.
        closed: whether the block has ended.
    """

    quiet = False

    def __init__(self, policy: Policy, *, limit: int | None, everywhere: bool) -> None:
        self._policy = policy
        self._everywhere = everywhere
        self._receipts: deque[SealedReceipt] = deque(maxlen=limit)
        self._lock = threading.Lock()
        self.total = 0
        self.problems: dict[str, int] = {}
        self.closed = True

    # For whoever records

    def __enter__(self) -> Self:
        if self.total or self.problems or not self.closed:
            raise RuntimeError("a recording is used once: call counterfoil.recording() again")
        self.closed = False
        active.enter(self, everywhere=self._everywhere)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        active.leave(self)

    @property
    def unsealed(self) -> int:
        """Runs inside that went through without a receipt."""
        return sum(self.problems.values())

    def __len__(self) -> int:
        return len(self._receipts)

    @overload
    def __getitem__(self, index: int) -> SealedReceipt: ...
    @overload
    def __getitem__(self, index: slice) -> list[SealedReceipt]: ...
    def __getitem__(self, index: int | slice) -> SealedReceipt | list[SealedReceipt]:
        with self._lock:
            return (
                list(self._receipts)[index] if isinstance(index, slice) else self._receipts[index]
            )

    def __iter__(self) -> Iterator[SealedReceipt]:
        with self._lock:
            return iter(list(self._receipts))

    def __repr__(self) -> str:
        lost = f", {self.unsealed} runs without" if self.problems else ""
        return f"<Recording of {self.total} receipts{lost}>"

    # For what is recorded

    def policy(self) -> Policy:
        """How its runs are sealed."""
        return self._policy

    def add(self, receipt: SealedReceipt) -> None:
        """A run inside got a receipt."""
        with self._lock:
            self.total += 1
            self._receipts.append(receipt)

    def failed(self, error: BaseException) -> None:
        """A run inside went through without one."""
        reason = " ".join(str(error).split()) or type(error).__name__
        with self._lock:
            self.problems[reason] = self.problems.get(reason, 0) + 1


def recording(
    *,
    sample: Sample = None,
    open: Open = "all",
    public: bool = False,
    keep: float | timedelta | None = None,
    request: bytes | str | None = None,
    journal: Journal | None = None,
    profile: str | Profile | None = None,
    limit: int | None = None,
    everywhere: bool = False,
) -> Recording:
    """A context in which every inference gets a receipt, whoever made the session.

    Inside are the block itself, the tasks and threads that it starts, and the work that it
    gives to thread pools. A run that gets no receipt goes through all the same; it is in
    `problems`, counted by `unsealed`, and told once in the log. A run of a
    `counterfoil.InferenceSession` is sealed as that session says. With several recordings open
    the innermost says how a run is sealed, and all of them get the receipt.

    Args:
        sample, open, public, keep, request, journal, profile: as of `InferenceSession`.
        limit: receipts held, the newest; None: all.
        everywhere: the whole process is inside.
    Raises:
        BadDraft: an argument that is none of what it takes.
    """
    arm()
    sealer = RunSealer(
        journal=journal, profile=profile, keep=keep, public=public, openable=Openable.of(open)
    )
    policy = Policy(
        sealer=sealer, strict=False, request=request_digest(request), sample=sampler(sample)
    )
    return Recording(policy, limit=limit, everywhere=everywhere)
