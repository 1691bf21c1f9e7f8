"""Publish a model in the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scripts._network import REGISTRY, Command, account, contracts, payer, record, say


class Bytes32(click.ParamType):
    """32 bytes as 0x-hex."""

    name = "0x…32 bytes"

    def convert(self, value: Any, param: Any, ctx: Any) -> bytes:
        """The bytes."""
        if isinstance(value, bytes):
            return value
        try:
            found = bytes.fromhex(value.removeprefix("0x"))
        except ValueError:
            found = b""
        return found if len(found) == 32 else self.fail(f"{value!r} is not 32 bytes of hex")


@click.command(cls=Command)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="What the model is called, at most 64 bytes.")
@click.option("--version", default="", help="Your version of it, at most 32 bytes.")
@click.option("--uri", default="", help="Where its files are, at most 256 bytes.")
@click.option("--metadata", type=Bytes32(), default=bytes(32), help="Digest of its description.")
@click.option("--program", type=Bytes32(), default=bytes(32), help="Its exact program's digest.")
@account
@record
def cli(  # noqa: PLR0917 - one parameter an option
    model: Path,
    name: str,
    version: str,
    uri: str,
    metadata: bytes,
    program: bytes,
    account: Any,
    record: Path | None,
) -> None:
    """Publish MODEL (an ONNX file, with its external data beside it) under the account."""
    from counterfoil.formats.model import load  # onnx: Ape loads every script to run one

    sender = payer(account)
    digest = load(model).digest
    registry = contracts(sender, record)[REGISTRY]
    receipt = registry.publish(digest, name, version, uri, metadata, program, sender=sender)
    say("model", "0x" + digest.hex())
    say("publisher", sender.address)
    say("registry", registry.address)
    say("transaction", receipt.txn_hash)
    say("gas", receipt.gas_used)
