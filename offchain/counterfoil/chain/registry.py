"""The registry's functions (IModelRegistry.vyi)."""

from __future__ import annotations

from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from counterfoil.hashing.types import ZERO, Address, Digest, Seconds

from .client import Chain
from .contract import Contract
from .sending import send


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A publisher's record of one model.

    Attributes:
        version: the publisher's own, may be empty.
        metadata: digest of whatever describes the model, or zero.
        program: hashStruct(Program) of the exact program, or zero.
        published_at: 0: never published.
        deprecated_at: 0: not deprecated.
    """

    name: str
    version: str
    uri: str
    metadata: Digest
    program: Digest
    published_at: Seconds
    deprecated_at: Seconds


class RegistryClient:
    """One registry on one chain."""

    def __init__(self, chain: Chain, address: Address) -> None:
        self.chain = chain
        self.address = address
        self.contract = Contract(chain, "ModelRegistry", address)

    def record(self, publisher: Address, model: Digest) -> ModelRecord | None:
        """A publisher's record of a model; None where there is none."""
        with self.chain.calls():
            name, version, uri, metadata, program, published, deprecated = self.contract.read(
                "record", publisher, model
            )
            if published == 0:
                return None
            return ModelRecord(
                name=name,
                version=version,
                uri=uri,
                metadata=Digest(bytes(metadata)),
                program=Digest(bytes(program)),
                published_at=Seconds(published),
                deprecated_at=Seconds(deprecated),
            )

    def active_at(self, publisher: Address, model: Digest, time: Seconds) -> bool:
        """Whether the model was published and not deprecated at a time."""
        return bool(self.contract.read("active_at", publisher, model, time))

    def newest(self, publisher: Address, name: str) -> Digest | None:
        """The model that a publisher published last under a name; None where there is none."""
        found = Digest(bytes(self.contract.read("newest", publisher, name)))
        return None if found == ZERO else found

    def publish(
        self,
        model: Digest,
        publisher: LocalAccount,
        *,
        name: str,
        version: str = "",
        uri: str = "",
        metadata: Digest = ZERO,
        program: Digest = ZERO,
    ) -> Digest:
        """Publish a model under the publisher's address; the transaction's hash.

        Raises:
            Refused: the registry's reason.
        """
        call = self.contract.call("publish", model, name, version, uri, metadata, program)
        return send(self.chain, call, publisher)

    def deprecate(self, model: Digest, publisher: LocalAccount) -> Digest:
        """Withdraw a model from now on; there is no way back."""
        return send(self.chain, self.contract.call("deprecate", model), publisher)

    def name_program(self, model: Digest, program: Digest, publisher: LocalAccount) -> Digest:
        """Name a model's exact program, once and for all."""
        return send(self.chain, self.contract.call("name_program", model, program), publisher)
