"""A program's file: an ONNX file of its twin that carries the rows (docs/programs.md §8)."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from typing import Any, Final

import onnx
from google.protobuf.message import DecodeError

from counterfoil.errors import BadProgram, NoTwin
from counterfoil.inference.exact_hook import KEY

from . import limits
from .program import ExactProgram
from .twin import twin_of

COMPRESSION: Final = 9


def pack(program: ExactProgram) -> bytes:
    """The rows with their lengths, as the file has them."""
    lengths = [len(row) for row in program.rows]
    head = struct.pack(f">I{len(lengths)}I", len(lengths), *lengths)
    return base64.b64encode(zlib.compress(head + b"".join(program.rows), COMPRESSION))


def unpack(packed: bytes) -> ExactProgram:
    """The program of packed rows.

    Raises:
        BadProgram: they do not unpack, are too many or too long, or are no program.
    """
    most = limits.PROGRAM_BYTES + 4 * limits.PROGRAM_ROWS + 4
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(base64.b64decode(packed, validate=True), most)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise BadProgram("the file's program does not unpack") from error
    if not inflate.eof or inflate.unused_data or len(data) < 4:
        raise BadProgram(f"the file's program is cut short, or over {most} bytes")
    (count,) = struct.unpack_from(">I", data)
    start = 4 + 4 * count
    if count > limits.PROGRAM_ROWS or start > len(data):
        raise BadProgram("the file's program has another number of rows than it says")
    rows = []
    for length in struct.unpack_from(f">{count}I", data, 4):
        rows.append(data[start : start + length])
        start += length
        if start > len(data):
            break
    if start != len(data):
        raise BadProgram("the rows of the file's program have other lengths than it says")
    return ExactProgram(rows)


def file_of(program: ExactProgram) -> bytes:
    """A program's file: its twin, or where onnxruntime has none a graph that only names the edges.

    The graph is for whoever has onnxruntime alone. It decides nothing here.
    """
    try:
        model = twin_of(program)
    except NoTwin:
        model = _edges(program)
    model.metadata_props.add(key=KEY, value=pack(program).decode())
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def program_in(graph: bytes) -> ExactProgram | None:
    """The program that an ONNX file carries, or None.

    Raises:
        BadProgram: it carries one that is not valid, or whose edges are not the graph's.
    """
    if KEY.encode() not in graph:
        return None
    model = onnx.ModelProto()
    try:
        model.ParseFromString(graph)
    except DecodeError as error:
        raise BadProgram("the file is no ONNX file") from error
    found = [p.value for p in model.metadata_props if p.key == KEY]
    if not found:
        return None
    if len(found) > 1:
        raise BadProgram("the file carries two programs")
    try:
        packed = found[0].encode("ascii")
    except (UnicodeEncodeError, AttributeError) as error:
        raise BadProgram("the file's program does not unpack") from error
    program = unpack(packed)
    given = (_named(model.graph.input), _named(model.graph.output))
    wanted = tuple(
        [(e.name, e.dtype, list(e.shape)) for e in edges]
        for edges in (program.inputs, program.outputs)
    )
    if given != wanted:
        raise BadProgram("the file's graph has other inputs or outputs than its program")
    return program


def _named(values: Any) -> list[tuple[str, int, list[int]]]:
    return [
        (
            v.name,
            v.type.tensor_type.elem_type,
            [d.dim_value for d in v.type.tensor_type.shape.dim],
        )
        for v in values
    ]


def _edges(program: ExactProgram) -> onnx.ModelProto:
    """A graph of zeros with the program's edges, for a session to have names and shapes from."""
    helper = onnx.helper
    inputs, outputs = (
        [helper.make_tensor_value_info(e.name, e.dtype, list(e.shape)) for e in edges]
        for edges in (program.inputs, program.outputs)
    )
    nodes = []
    for e in program.outputs:
        shape = helper.make_tensor("s", onnx.TensorProto.INT64, [len(e.shape)], e.shape)
        zero = helper.make_tensor("z", e.dtype, [1], [0])
        nodes.append(helper.make_node("Constant", [], [f"{e.name}#s"], value=shape))
        nodes.append(helper.make_node("ConstantOfShape", [f"{e.name}#s"], [e.name], value=zero))
    graph = helper.make_graph(nodes, "edges", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
