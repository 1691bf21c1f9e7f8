"""Whom the court's machine plays: logs with keys, and what their operators remember."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from coincurve import PrivateKey
from counterfoil.formats.batch import Batch, LogOpening, batch_tree
from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import checksummed
from counterfoil.hashing.types import ZERO, Address, Digest

from .court_world import GRACE, CourtWorld, commitment


@dataclass(frozen=True, slots=True)
class Signed:
    """A receipt as its holder has it."""

    receipt: Receipt
    signature: bytes
    digest: Digest

    @property
    def evidence(self) -> bytes:
        return keccak(self.digest + keccak(self.signature))

    @property
    def shown(self) -> tuple[Any, bytes]:
        return self.receipt.abi(), self.signature


@dataclass(frozen=True, slots=True)
class Cut:
    """A batch, signed once and never cut anew."""

    batch: Batch
    signature: bytes
    digests: tuple[Digest, ...]

    def leaf(self, number: int) -> bytes:
        return keccak(b"\0" + self.digests[number - self.batch.first])

    def inclusion(self, number: int, posted_at: int) -> tuple[Any, ...]:
        path = batch_tree(b"".join(self.digests)).path(number - self.batch.first)
        batch = self.batch
        return Inclusion(
            first=batch.first, size=batch.size, posted_at=posted_at, path=tuple(path)
        ).abi()

    def posted(self, posted_at: int) -> tuple[Any, ...]:
        return self.batch.first, self.batch.size, self.batch.root, posted_at


@dataclass(slots=True)
class Log:
    """A log off the chain: its key, and the operator's memory. Re-orgs do not reach it."""

    name: str
    honest: bool
    operator: bytes
    signed: list[Signed] = field(default_factory=list)
    cut: list[Cut] = field(default_factory=list)
    opening: tuple[LogOpening, bytes] | None = None
    wants_close: bool = False
    wants_revoke: bool = False

    @property
    def _key(self) -> PrivateKey:
        return PrivateKey(keccak(self.name.encode()))

    @property
    def signer(self) -> bytes:
        return keccak(self._key.public_key.format(compressed=False)[1:])[12:]

    @property
    def address(self) -> Address:
        return checksummed(self.signer)

    @property
    def next_number(self) -> int:
        """The number after the last that was signed."""
        return max((each.receipt.sequence + 1 for each in self.signed), default=0)

    @property
    def next_cut(self) -> int:
        """The number after the last that is in a signed batch."""
        return self.cut[-1].batch.first + self.cut[-1].batch.size if self.cut else 0

    def sign(self, digest: bytes) -> bytes:
        made = self._key.sign_recoverable(digest, hasher=None)
        return made[:64] + bytes([27 + made[64]])

    def sign_opening(self, world: CourtWorld, closes_at: int, max_delay: int) -> None:
        opening = LogOpening(
            operator=checksummed(self.operator),
            signer=self.address,
            closes_at=closes_at,
            max_delay=max_delay,
        )
        self.opening = opening, self.sign(opening.digest(world.chain_id, world.ledger_address))

    def issue(self, world: CourtWorld, number: int, issued_at: int, settle_by: int) -> Signed:
        receipt = Receipt(
            signer=self.address,
            sequence=number,
            model=keccak(b"model"),
            runtime=keccak(b"runtime"),
            request=ZERO,
            inputs=keccak(b"inputs"),
            outputs=keccak(b"%d" % len(self.signed)),
            issued_at=issued_at,
            settle_by=settle_by,
        )
        digest = receipt.digest(world.chain_id, world.ledger_address)
        signed = Signed(receipt, self.sign(digest), digest)
        self.signed.append(signed)
        return signed

    def cut_batch(self, world: CourtWorld, digests: list[Digest]) -> Cut:
        root = batch_tree(b"".join(digests)).root
        batch = Batch(signer=self.address, first=self.next_cut, size=len(digests), root=root)
        signature = self.sign(batch.digest(world.chain_id, world.ledger_address))
        self.cut.append(Cut(batch, signature, tuple(digests)))
        return self.cut[-1]


def due(on_chain: dict[str, Any], receipt: Receipt) -> int | None:
    """The last second at which a receipt is settled in time; None: it promises nothing."""
    end = min(on_chain["closes_at"], on_chain["revoked_at"] or on_chain["closes_at"])
    if not receipt.settle_by or not on_chain["opened_at"] <= receipt.issued_at <= end:
        return None
    return min(receipt.settle_by, receipt.issued_at + on_chain["max_delay"]) + GRACE


def commit(world: CourtWorld, claimant: bytes, evidence: bytes) -> bool:
    """Commit, unless it is committed already."""
    made = commitment(world.court.address, claimant, evidence)
    if world.view(world.court, "committed_at", made):
        return True
    return world.send(claimant, world.court, "commit", made).ok
