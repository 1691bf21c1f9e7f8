# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Step judge: one wrong step of an exact program's run
@license Apache-2.0
@notice Whoever shows the rows of a step whose element is another than the step gives has
        the court take the log's bond. A proof that is none reverts. The judge keeps
        nothing; it checks against the roots that the caller names, and the court that
        they are a case's.
@dev Memory is dear and rows are long: they are read in calldata, and nothing but hashes
     and offsets is kept. The two functions differ in where their proof begins.
"""

from .interfaces import IFaultCourt
from .interfaces import IFaultJudges
from .modules import calldata_words
from .modules import descriptors
from .modules import row_tree
from .modules import step_dot
from .modules import step_largest
from .modules import step_look_up
from .modules import step_moved
from .modules import step_quant
from .modules import step_window

KIND: constant(uint8) = 1
# of a proof. Source: docs/faults.md, section 5

MAX_SHOWN: constant(uint256) = 68
# descriptor, data row and 66 trace rows

ARGUMENTS: constant(uint256) = 4
# calldata offset of the first argument: a selector's bytes

PROOF_OF_PROVE: constant(uint256) = 14
PROOF_OF_VIEW: constant(uint256) = 4
# words before the word that says where the proof is


NO_ROW: constant(uint256) = max_value(uint256)
# in place of a row's number


@external
def prove_step(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    proof: IFaultJudges.StepProof,
    salt: bytes32,
):
    """
    @notice Convict a log of a wrong step; the caller is the claimant.
    @param court whose case it is
    @param facts of the case
    @param answer of the case: with it the trace's root
    @param proof the step's rows, and the siblings of both trees
    @param salt of the claimant's commitment
    """
    self._prove(court, facts, answer, salt)


@external
@view
def step_is_wrong(
    program: IFaultCourt.Program, trace: bytes32, proof: IFaultJudges.StepProof
) -> bool:
    """
    @notice Whether a step's element is another than the step gives. Reverts where the
            proof shows no step.
    @param program of the receipt's runtime
    @param trace root of the run's trace
    @param proof the step's rows, and the siblings of both trees
    """
    return self._is_wrong(program, trace, self._argument(PROOF_OF_VIEW))


@internal
@view
def _argument(place: uint256) -> uint256:
    return ARGUMENTS + calldata_words.number(ARGUMENTS + (place << 5), 32)


@internal
def _prove(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    salt: bytes32,
):
    proof: uint256 = self._argument(PROOF_OF_PROVE)
    assert self._is_wrong(
        facts.program, answer.trace, proof
    ), "step: the step is right"
    extcall IFaultCourt(court).convict(
        facts,
        answer,
        msg.sender,
        KIND,
        convert(calldata_words.number(proof + 32, 32), uint64),
        convert(calldata_words.number(proof + 64, 32), uint64),
        salt,
    )


@internal
@view
def _is_wrong(
    program: IFaultCourt.Program, trace: bytes32, proof: uint256
) -> bool:
    # the proof's words as the interface has them; the compiler's decoder has checked them
    row: uint256 = calldata_words.number(proof + 32, 32)
    element: uint256 = calldata_words.number(proof + 64, 32)
    at: uint256 = proof + calldata_words.number(proof + 96, 32) + 32
    stop: uint256 = at + calldata_words.number(at - 32, 32)
    hashes: DynArray[bytes32, MAX_SHOWN] = []
    places: DynArray[uint256, MAX_SHOWN] = []
    leaf: bytes32 = empty(bytes32)
    written: uint256 = 0
    for _: uint256 in range(MAX_SHOWN):
        if at == stop:
            break
        leaf, written = row_tree.row(at, stop)
        hashes.append(leaf)
        places.append(written)
        at = unsafe_add(written >> 16, written & 65_535)
    assert at == stop, "step: rows too many"
    shown: uint256 = len(places)
    self._require_read(shown > 1)
    o: IFaultJudges.Operator = descriptors.read(
        places[0] >> 16, places[0] & 65_535
    )
    k: uint256 = unsafe_add(
        unsafe_mul(unsafe_sub(row, o.out), o.width), element
    )
    assert (
        row >= o.out and element < o.width and k < o.count
    ), "step: not of this operator"

    last: uint256 = shown - 1
    assert (written & 65_535 >= (element + 1) * o.size), "step: a row too short"

    # what the step gives, and which rows it reads
    right: uint256 = 0
    data: uint256 = NO_ROW
    first: uint256 = 1  # of the trace's rows
    behind: uint256 = 1  # those that the step reads
    if (
        o.kind == descriptors.DOT
        or o.kind == descriptors.DOT32
        or o.kind == descriptors.MAX
    ):
        channel: uint256 = k % o.width
        column: uint256 = 0
        columns: uint256 = 0
        column, columns = step_window.read_of(o, channel)
        if o.kind != descriptors.MAX:
            first = 2
            data = o.table + channel
        behind = first
        taps: DynArray[uint256, step_window.MAX_TAPS] = step_window.taps(
            o, k // o.width
        )
        for i: uint256 in range(len(taps), bound=step_window.MAX_TAPS):
            # in place of each tap's number where its bytes are
            tap: uint256 = taps[i]
            if tap == step_window.OUTSIDE:
                taps[i] = 0
                continue
            self._require_read(behind < last)
            place: uint256 = places[behind]
            taps[i] = self._at(place, 0, o.sourceWidth) + column
            places[behind] = place | (tap << row_tree.NUMBER)
            behind = unsafe_add(behind, 1)
        if o.kind == descriptors.MAX:
            right = step_largest.largest(taps)
        else:
            right = step_dot.element(o, taps, columns, places[1])
    else:
        self._require_read(last > 1)
        one: uint256 = places[1]
        two: uint256 = 0
        if last > 2:
            two = places[2]
        row_read: uint256 = NO_ROW
        other: uint256 = NO_ROW
        if o.kind == descriptors.COPY:
            right, data, row_read = self._of_copy(o, k, one, two)
        elif o.kind == descriptors.GATHER:
            right, data, row_read = self._of_gather(o, k, one, places[last - 1])
        elif o.kind == descriptors.LUT2:
            three: uint256 = two
            if last > 3:
                three = places[3]
            right, data, row_read, other = self._of_two(o, k, one, two, three)
        else:
            right, data, row_read = self._of_element(o, k, one, two)
        if data != NO_ROW:
            first = 2
        behind = first
        if other != NO_ROW and other != row_read:
            places[behind] |= min(row_read, other) << row_tree.NUMBER
            behind = unsafe_add(behind, 1)
            row_read = max(row_read, other)
        if row_read != NO_ROW:
            self._require_read(behind < last)
            places[behind] |= row_read << row_tree.NUMBER
            behind = unsafe_add(behind, 1)
    self._require_read(behind == last)
    if behind != first:
        assert (
            places[unsafe_sub(behind, 1)] >> row_tree.NUMBER < o.out
        ), "step: reads what is not yet written"
    places[0] |= calldata_words.number(proof, 32) << row_tree.NUMBER
    if data != NO_ROW:
        places[1] |= data << row_tree.NUMBER
    places[last] |= row << row_tree.NUMBER

    at = proof + calldata_words.number(proof + 128, 32)
    stop = at + 32 + (calldata_words.number(at, 32) << 5)
    # before the calls: a call among a call's arguments has them all copied
    height: uint256 = row_tree.height(convert(program.rows, uint256))
    trace_height: uint256 = row_tree.height(convert(program.traceRows, uint256))
    root: bytes32 = empty(bytes32)
    root, at = row_tree.root(
        hashes, places, 0, first, height, unsafe_add(at, 32), stop
    )
    assert root == program.root, "step: rows not the program's"
    root, at = row_tree.root(
        hashes, places, first, shown, trace_height, at, stop
    )
    assert root == trace, "step: rows not the trace's"
    assert at == stop, "step: siblings too many"

    return right != calldata_words.number(
        (written >> 16) + element * o.size, o.size
    )


@internal
@pure
def _require_read(fine: bool):
    assert fine, "step: other rows than it reads"


@internal
@pure
def _at(place: uint256, start: uint256, length: uint256) -> uint256:
    # calldata offset of bytes of a row
    assert place & 65_535 >= start + length, "step: a row too short"
    return (place >> 16) + start


@internal
@view
def _of_copy(
    o: IFaultJudges.Operator, k: uint256, index: uint256, source: uint256
) -> (uint256, uint256, uint256):
    data: uint256 = o.table + k // step_moved.PER_INDEX_ROW
    row: uint256 = 0
    element: uint256 = 0
    row, element = step_moved.source(index >> 16, index & 65_535, k)
    if row == step_moved.PADDING:
        return step_moved.padding(o.pad, o.size), data, NO_ROW
    self._require_read(source != 0)
    at: uint256 = self._at(source, element * o.size, o.size)
    return calldata_words.number(at, o.size), data, row


@internal
@view
def _of_gather(
    o: IFaultJudges.Operator, k: uint256, table: uint256, source: uint256
) -> (uint256, uint256, uint256):
    row: uint256 = 0
    start: uint256 = 0
    size: uint256 = 0
    row, start, size = step_moved.index_place(o, k)
    index: uint256 = calldata_words.swapped(
        calldata_words.number(self._at(source, start, size), size), size
    )
    if index >= o.more >> 224:
        # out of range: no byte is right
        return max_value(uint256), NO_ROW, row
    return (
        step_moved.embedding(table >> 16, table & 65_535, o.width, k % o.width),
        o.table + index,
        row,
    )


@internal
@view
def _of_two(
    o: IFaultJudges.Operator,
    k: uint256,
    table: uint256,
    lower: uint256,
    upper: uint256,
) -> (uint256, uint256, uint256, uint256):
    # LUT2: its rows, which may be one
    row: uint256 = o.source + k // o.sourceWidth
    other: uint256 = 0
    column: uint256 = 0
    other, column = step_look_up.second(o, k)
    first: uint256 = lower
    second: uint256 = upper
    if row > other:
        first = upper
        second = lower
    one: uint256 = calldata_words.number(
        self._at(first, k % o.sourceWidth, 1), 1
    )
    two: uint256 = calldata_words.number(self._at(second, column, 1), 1)
    return (
        step_look_up.entry(
            table >> 16, table & 65_535, step_look_up.TABLE2, two, o.size
        ),
        o.table + one,
        row,
        other,
    )


@internal
@view
def _of_element(
    o: IFaultJudges.Operator, k: uint256, one: uint256, two: uint256
) -> (uint256, uint256, uint256):
    # LUT1, ARGMAX and QUANT
    if o.kind == descriptors.ARGMAX:
        at: uint256 = self._at(one, 0, o.sourceWidth)
        return step_largest.place(at, o.sourceWidth), NO_ROW, o.source + k
    row: uint256 = o.source + k // o.sourceWidth
    column: uint256 = k % o.sourceWidth
    if o.kind == descriptors.QUANT:
        at: uint256 = self._at(one, column << 2, 4)
        return step_quant.byte(o, at), NO_ROW, row
    self._require_read(two != 0)
    place: uint256 = calldata_words.number(self._at(two, column, 1), 1)
    return (
        step_look_up.entry(
            one >> 16, one & 65_535, step_look_up.TABLE, place, o.size
        ),
        o.table,
        row,
    )
