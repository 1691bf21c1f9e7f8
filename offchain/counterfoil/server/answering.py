"""An inference's answer as bytes: the receipt's own tensors, so that what is sent is committed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from counterfoil.inference.served import Answer

from .asking import HEADER_LENGTH, Asked
from .datatypes import NAMES, to_json

RECEIPT = "Counterfoil-Receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A body and the headers that belong to it."""

    body: bytes
    headers: dict[str, str]


def write(asked: Asked, answer: Answer, model: str, version: int) -> Reply:
    """The answer to one request."""
    outputs: list[dict[str, Any]] = []
    behind: list[bytes] = []
    for tensor in answer.outputs:
        entry: dict[str, Any] = {
            "name": tensor.name,
            "datatype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
        }
        if tensor.name in asked.binary:
            entry["parameters"] = {"binary_data_size": len(tensor.data)}
            behind.append(tensor.data)
        else:
            entry["data"] = to_json(tensor)
        outputs.append(entry)
    message: dict[str, Any] = {"model_name": model, "model_version": str(version)}
    if asked.id is not None:
        message["id"] = asked.id
    headers: dict[str, str] = {}
    if answer.receipt is not None:
        headers[RECEIPT] = "0x" + answer.receipt.digest.hex()
        message["parameters"] = _parameters(asked, answer)
    message["outputs"] = outputs
    head = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    if not asked.binary:
        return Reply(body=head, headers={**headers, "Content-Type": "application/json"})
    headers |= {HEADER_LENGTH: str(len(head)), "Content-Type": "application/octet-stream"}
    return Reply(body=b"".join((head, *behind)), headers=headers)


def _parameters(asked: Asked, answer: Answer) -> dict[str, str]:
    receipt = answer.receipt
    assert receipt is not None
    found = {"receipt": receipt.file(openings=False).dump().decode()}
    if asked.masters:
        openable = receipt.openable
        masters = {
            "inputs": receipt.input_master if openable.whole("inputs", receipt.inputs) else None,
            "outputs": (
                receipt.output_master if openable.whole("outputs", receipt.outputs) else None
            ),
        }
        shown = {side: "0x" + master.hex() for side, master in masters.items() if master}
        found["receipt_masters"] = json.dumps(shown)
    return found
