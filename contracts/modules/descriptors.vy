# pragma version ==0.4.3
"""
@title Descriptors of an exact program's operators
@license Apache-2.0
@notice docs/programs.md, section 3: the fields, and those rules of section 6 that hold
        for every operator. Whatever breaks one has no honest receipts.
"""

from ..interfaces import IFaultJudges

DOT: constant(uint256) = 17
DOT32: constant(uint256) = 18
LUT1: constant(uint256) = 19
LUT2: constant(uint256) = 20
MAX: constant(uint256) = 21
ARGMAX: constant(uint256) = 22
COPY: constant(uint256) = 23
GATHER: constant(uint256) = 24
QUANT: constant(uint256) = 25
# kinds of operators' rows. Source: docs/programs.md, section 3

LENGTH: constant(uint256) = 64
# bytes of an operator's row. Source: docs/programs.md, section 3

MAX_WRITTEN: constant(uint256) = 4_096
# bytes of a trace row. Source: docs/programs.md, section 7


@internal
@view
def read(at: uint256, length: uint256) -> IFaultJudges.Operator:
    """
    @notice The operator whose row of `length` bytes is at calldata offset `at`.
    """
    assert length == LENGTH, "operator: not 64 bytes"
    head: uint256 = convert(slice(msg.data, at, 32), uint256)
    o: IFaultJudges.Operator = IFaultJudges.Operator(
        kind=head >> 248,
        zero=(head >> 240) & 255,
        width=(head >> 224) & 65_535,
        out=(head >> 192) & (2**32 - 1),
        count=(head >> 160) & (2**32 - 1),
        source=(head >> 128) & (2**32 - 1),
        sourceWidth=(head >> 112) & 65_535,
        size=(head >> 104) & 255,
        pad=(head >> 96) & 255,
        table=(head >> 64) & (2**32 - 1),
        more=convert(slice(msg.data, at + 24, 32), uint256),
    )
    assert o.kind >= DOT and o.kind <= QUANT, "operator: another kind of row"
    assert o.width != 0 and o.count != 0, "operator: writes nothing"
    assert o.width * o.size <= MAX_WRITTEN, "operator: writes rows too long"
    sizes: uint256 = 2**1  # of an element, a bit for each
    used: uint256 = 256  # bits of `more`, from the highest, that are fields
    strays: uint256 = 0
    if o.kind == DOT:
        used = 160
    elif o.kind == DOT32:
        sizes = 2**4
        used = 160
        strays = o.zero
    elif o.kind == LUT1:
        sizes = 2**1 + 2**4 + 2**8
        used = 0
        strays = o.zero | o.pad
    elif o.kind == LUT2:
        sizes = 2**1 + 2**4
        used = 128
        strays = o.zero | o.pad | ((o.more >> 192) & 65_535)
    elif o.kind == MAX:
        used = 160
        strays = o.zero | o.pad | o.table
    elif o.kind == ARGMAX:
        sizes = 2**8
        used = 0
        strays = o.zero | o.pad | o.table
    elif o.kind == COPY:
        sizes = 2**1 + 2**4 + 2**8
        used = 0
        strays = o.zero | o.source | o.sourceWidth
    elif o.kind == GATHER:
        used = 40
        strays = o.zero | o.pad
    else:
        used = 32
        strays = o.pad | o.table
    assert (sizes >> o.size) & 1 == 1, "operator: elements of another size"
    # bytes 56 to 63 are no field's
    tail: uint256 = convert(slice(msg.data, at + 32, 32), uint256) & (
        2**64 - 1
    )
    assert (
        strays | (o.more & (max_value(uint256) >> used)) | tail == 0
    ), "operator: a field that means nothing"
    assert o.kind == COPY or o.sourceWidth != 0, "operator: reads nothing"
    return o
