"""A request's bytes as what is to be run, held against the model's declaration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from counterfoil.errors import RequestRefused
from counterfoil.formats.quoting import quoted
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO, Digest
from counterfoil.inference.served import Declared, Served

from .datatypes import BINARY_ONLY, DATATYPES, NAMES, from_binary, from_json
from .limits import Limits
from .messages import InferRequest, RequestInput, RequestOutput, RequestParameters

HEADER_LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one request wants.

    Attributes:
        id: the client's own, given back.
        binary: outputs whose bytes go behind the JSON.
        seconds: that the client gives it; None: it says nothing.
        masters: whether the answer is to hold what opens the tensors.
    """

    id: str | None
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]
    binary: frozenset[str]
    request: Digest
    seconds: float | None
    masters: bool


def request_of(identity: str | None) -> Digest:
    """A receipt's `request` from the client's request id.

    No id, or an empty one, is zero. `0x` and 64 hex digits are those 32 bytes. Any other id is
    the keccak of its UTF-8.
    """
    if not identity:
        return ZERO
    if re.fullmatch(r"0x[0-9a-fA-F]{64}", identity, re.ASCII):
        return Digest(bytes.fromhex(identity[2:]))
    return keccak(identity.encode())


def read(body: bytes, header_length: str | None, model: Served, limits: Limits) -> Asked:
    """A request for a model.

    Args:
        header_length: bytes of JSON before the binary data; None: all of it is JSON.
    Raises:
        RequestRefused: 400 or 413, with what is wrong.
    """
    size = _json_size(header_length, len(body))
    if size > limits.json:
        raise RequestRefused(
            413, f"the JSON has {size} bytes, at most {limits.json}: send tensors as binary data"
        )
    request = _parsed(body[:size])
    if len(request.inputs) > limits.tensors or len(request.outputs or ()) > limits.tensors:
        raise RequestRefused(413, f"a request has at most {limits.tensors} tensors")
    if request.id is not None and len(request.id) > limits.request_id:
        raise RequestRefused(400, f"an id has at most {limits.request_id} characters")
    parameters = request.parameters or RequestParameters()
    if parameters.sequence_id not in (0, ""):
        raise RequestRefused(400, "sequences are not served: every request stands for itself")
    inputs = _inputs(
        request.inputs, memoryview(body)[size:], header_length is not None, model, limits
    )
    names, binary = _outputs(request.outputs, parameters.binary_data_output, model.outputs)
    return Asked(
        id=request.id,
        inputs=inputs,
        outputs=names,
        binary=binary,
        request=request_of(request.id),
        seconds=parameters.timeout / 1e6 if parameters.timeout else None,
        masters=parameters.receipt_masters,
    )


def _json_size(header_length: str | None, whole: int) -> int:
    if header_length is None:
        return whole
    if not re.fullmatch(r"[0-9]{1,18}", header_length, re.ASCII):
        raise RequestRefused(400, f"{HEADER_LENGTH} is a whole number")
    size = int(header_length)
    if not 0 < size <= whole:
        raise RequestRefused(
            400, f"{HEADER_LENGTH} says {size} bytes of JSON, the body has {whole} bytes"
        )
    return size


def _parsed(raw: bytes) -> InferRequest:
    try:
        return InferRequest.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"])
        message = first["msg"][:1].lower() + first["msg"][1:]
        place = where.lstrip(".") or "the request"
        raise RequestRefused(400, f"{place}: {message}") from None


def _inputs(
    given: Sequence[RequestInput], binary: memoryview, header: bool, model: Served, limits: Limits
) -> tuple[Tensor, ...]:
    declared = {d.name: d for d in (*model.inputs, *model.optional)}
    tensors: list[Tensor] = []
    seen: set[str] = set()
    at = 0
    for one in given:
        if one.name not in declared:
            raise RequestRefused(400, f"the model has no input {quoted(one.name)}")
        if one.name in seen:
            raise RequestRefused(400, f"input {quoted(one.name)} stands twice")
        seen.add(one.name)
        shape = tuple(one.shape)
        _check(one, shape, declared[one.name], limits)
        size = None if one.parameters is None else one.parameters.binary_data_size
        if (size is None) == (one.data is None):
            raise RequestRefused(
                400, f"input {quoted(one.name)} has `data` or `binary_data_size`, one of them"
            )
        if size is None:
            tensors.append(from_json(one.name, one.datatype, shape, one.data or ()))
            continue
        if not header:
            raise RequestRefused(400, f"binary data needs the header {HEADER_LENGTH}")
        if at + size > len(binary):
            raise RequestRefused(400, f"input {quoted(one.name)}: the body ends before its bytes")
        data = bytes(binary[at : at + size])
        tensors.append(from_binary(one.name, one.datatype, shape, data))
        at += size
    if at != len(binary):
        raise RequestRefused(400, f"{len(binary) - at} bytes of the body belong to no input")
    missing = [d.name for d in model.inputs if d.name not in seen]
    if missing:
        raise RequestRefused(400, f"the input {quoted(missing[0])} is missing")
    return tuple(tensors)


def _check(one: RequestInput, shape: tuple[int, ...], declared: Declared, limits: Limits) -> None:
    name = quoted(one.name)
    if one.datatype not in DATATYPES:
        raise RequestRefused(400, f"input {name}: there is no datatype {quoted(one.datatype)}")
    if DATATYPES[one.datatype] != declared.dtype:
        wanted = NAMES.get(declared.dtype or 0, declared.kind)
        raise RequestRefused(400, f"input {name} is {wanted}, not {one.datatype}")
    wanted_shape = declared.shape
    fits = len(shape) == len(wanted_shape) and all(
        w in (-1, d) for d, w in zip(shape, wanted_shape, strict=True)
    )
    if wanted_shape and not fits:  # () is also what has no declared shape
        raise RequestRefused(
            400, f"input {name} has the shape {list(wanted_shape)}, not {list(shape)}"
        )
    count = 1
    for dimension in shape:
        count *= max(1, dimension)  # so that nothing hides behind a dimension of 0
        if count > limits.elements:
            raise RequestRefused(413, f"input {name} has over {limits.elements} elements")


def _outputs(
    asked: Sequence[RequestOutput] | None, binary: bool, declared: Sequence[Declared]
) -> tuple[tuple[str, ...], frozenset[str]]:
    kinds = {d.name: NAMES[d.dtype or 0] for d in declared}
    if asked:
        names = [one.name for one in asked]
        behind = {one.name for one in asked if _wants_binary(one, binary)}
    else:
        names = list(kinds)
        behind = set(names) if binary else set()
    for place, name in enumerate(names):
        if name not in kinds:
            raise RequestRefused(400, f"the model has no output {quoted(name)}")
        if name in names[:place]:
            raise RequestRefused(400, f"output {quoted(name)} is asked for twice")
        if kinds[name] in BINARY_ONLY and name not in behind:
            raise RequestRefused(
                400,
                f"output {quoted(name)} is {kinds[name]}, which JSON has no form for: "
                "ask for it with `binary_data`",
            )
    return tuple(names), frozenset(behind)


def _wants_binary(one: RequestOutput, otherwise: bool) -> bool:
    given = one.parameters
    if given is None:
        return otherwise
    if given.classification is not None or given.shared_memory_region is not None:
        raise RequestRefused(
            400, f"output {quoted(one.name)}: classification and shared memory are not served"
        )
    return otherwise if given.binary_data is None else given.binary_data
