"""The protocol's JSON, as it comes in and as OpenAPI describes it.

Source: Open Inference Protocol v2, REST; Triton's binary tensor data extension.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

Dimension = Annotated[StrictInt, Field(ge=0, lt=2**63)]


class _In(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class InputParameters(_In):
    """`binary_data_size`: the input's bytes are behind the JSON, so many of them."""

    binary_data_size: Annotated[StrictInt, Field(ge=0, lt=2**63)] | None = None


class RequestInput(_In):
    """One input: `data`, or bytes behind the JSON."""

    name: StrictStr
    shape: list[Dimension] = Field(max_length=64)
    datatype: StrictStr
    parameters: InputParameters | None = None
    data: list[Any] | None = None


class OutputParameters(_In):
    """`binary_data`: send the output's bytes behind the JSON."""

    binary_data: StrictBool | None = None
    classification: Any = None
    shared_memory_region: Any = None


class RequestOutput(_In):
    """One output that is asked for."""

    name: StrictStr
    parameters: OutputParameters | None = None


class RequestParameters(_In):
    """Parameters of a request; others are ignored.

    Attributes:
        binary_data_output: all outputs as bytes, where an output says nothing else.
        receipt_masters: give what opens the receipt's tensors (docs/serving.md).
        timeout: microseconds.
    """

    binary_data_output: StrictBool = False
    receipt_masters: StrictBool = False
    timeout: Annotated[StrictInt, Field(ge=0, lt=2**63)] = 0
    sequence_id: StrictInt | StrictStr = 0


class InferRequest(_In):
    """A request for one inference."""

    id: StrictStr | None = None
    parameters: RequestParameters | None = None
    inputs: list[RequestInput]
    outputs: list[RequestOutput] | None = None


class _Out(BaseModel):
    model_config = ConfigDict(extra="allow")


class Problem(_Out):
    """Every error."""

    error: str


class ResponseOutput(_Out):
    """One output: `data`, or `parameters.binary_data_size` bytes behind the JSON."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] | None = None
    data: list[Any] | None = None


class InferResponse(_Out):
    """The answer; `parameters.receipt` is a receipt file's JSON (docs/format.md §9)."""

    model_name: str
    model_version: str
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[ResponseOutput]


class MetadataTensor(_Out):
    """An input or output; −1 is an open dimension."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(_Out):
    """A model."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[MetadataTensor]
    outputs: list[MetadataTensor]


class ServerMetadata(_Out):
    """This server."""

    name: str
    version: str
    extensions: list[str]


class Live(_Out):
    """The server runs."""

    live: bool


class Ready(_Out):
    """The server or a model takes requests."""

    ready: bool
    name: str | None = None


class ReceiptFile(_Out):
    """A receipt file: docs/format.md §9."""

    format: str
    chain_id: int | str = Field(alias="chainId")
    ledger: str
    receipt: dict[str, Any]
    signature: str
    inclusion: dict[str, Any] | None = None
    preimage: dict[str, Any] | None = None


class BatchFile(_Out):
    """A batch file: docs/format.md §10."""

    format: str
    chain_id: int | str = Field(alias="chainId")
    ledger: str
    batch: dict[str, Any]
    signature: str
    digests: str


class Log(_Out):
    """A log as the journal knows it; times are Unix seconds."""

    signer: str
    chain_id: int | str = Field(alias="chainId")
    ledger: str
    sealed: int
    pending: dict[str, Any]
    batches: list[dict[str, Any]]
    log: dict[str, Any] | None
    refusal: str | None


class Logs(_Out):
    """Every log of the server's profile."""

    logs: list[Log]
