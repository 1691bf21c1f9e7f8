"""Whom a verifier believes: its own list, never the file's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from counterfoil.chain.deployment import (
    COURT,
    FAULT_COURT,
    LEDGER,
    REGISTRY,
    Deployment,
    shipped_record,
)
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
        fault_courts: by the same, where it is asked whether a run was challenged.
    """

    ledgers: frozenset[tuple[int, Address]]
    registries: Mapping[int, Address] = field(default_factory=dict)
    publishers: tuple[Address, ...] = ()
    courts: Mapping[tuple[int, Address], Address] = field(default_factory=dict)
    fault_courts: Mapping[tuple[int, Address], Address] = field(default_factory=dict)

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
            courts=_beside_ledgers(record, COURT),
            fault_courts=_beside_ledgers(record, FAULT_COURT),
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
        if profile.fault_court is not None:
            courts = {**trust.fault_courts, (profile.chain_id, profile.ledger): profile.fault_court}
            trust = replace(trust, fault_courts=courts)
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


def _beside_ledgers(
    record: Mapping[int, Deployment], name: str
) -> dict[tuple[int, Address], Address]:
    """By (chain id, ledger), where a contract is that was deployed with the ledger."""
    return {
        (chain_id, each.contracts[LEDGER].address): each.contracts[name].address
        for chain_id, each in record.items()
        if LEDGER in each.contracts and name in each.contracts
    }
