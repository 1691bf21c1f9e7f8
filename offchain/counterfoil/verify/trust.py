"""Whom a verifier believes: its own list, never the file's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from counterfoil.chain.deployment import COURT, LEDGER, REGISTRY, shipped_record
from counterfoil.config import Profile
from counterfoil.hashing.types import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The verifier's own list (docs/format.md §11, step 0).

    Attributes:
        ledgers: (chain id, ledger) pairs.
        registries: by chain id, where models are looked up.
        publishers: whose word on a model counts.
        courts: by (chain id, ledger), where a log's standing is asked.
    """

    ledgers: frozenset[tuple[int, Address]]
    registries: Mapping[int, Address] = field(default_factory=dict)
    publishers: tuple[Address, ...] = ()
    courts: Mapping[tuple[int, Address], Address] = field(default_factory=dict)

    @classmethod
    def shipped(cls) -> Trust:
        """The deployments that the package records."""
        record = shipped_record()
        return cls(
            ledgers=frozenset(
                (chain_id, each.contracts[LEDGER].address)
                for chain_id, each in record.items()
                if LEDGER in each.contracts
            ),
            registries={
                chain_id: each.contracts[REGISTRY].address
                for chain_id, each in record.items()
                if REGISTRY in each.contracts
            },
            courts={
                (chain_id, each.contracts[LEDGER].address): each.contracts[COURT].address
                for chain_id, each in record.items()
                if LEDGER in each.contracts and COURT in each.contracts
            },
        )

    @classmethod
    def of(cls, profile: Profile) -> Trust:
        """The shipped list with a profile's own chain and additions."""
        trust = cls.shipped().adding(
            ((profile.chain_id, profile.ledger), *profile.ledgers), profile.publishers
        )
        if profile.registry is not None:
            registries = {**trust.registries, profile.chain_id: profile.registry}
            trust = replace(trust, registries=registries)
        if profile.court is not None:
            courts = {**trust.courts, (profile.chain_id, profile.ledger): profile.court}
            trust = replace(trust, courts=courts)
        return trust

    def adding(
        self, ledgers: Iterable[tuple[int, Address]], publishers: Iterable[Address] = ()
    ) -> Trust:
        """This list with more on it."""
        return replace(
            self,
            ledgers=self.ledgers | frozenset(ledgers),
            publishers=(*self.publishers, *publishers),
        )

    def knows(self, chain_id: int, ledger: Address) -> bool:
        """Whether a ledger is on the list."""
        return (chain_id, ledger) in self.ledgers
