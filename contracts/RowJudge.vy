# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Row judge: what a trace's rows and a receipt's tensors must be beside their bytes
@license Apache-2.0
@notice Five kinds of proof (docs/faults.md, section 5): a chunk of a tensor that is not
        the trace's row, a tensor that is not the program's, a set with another number of
        them, a row of another length, and filling that is none. Whoever has one has the
        court take the log's bond; a proof that is none reverts. The judge keeps nothing.
@dev As in `StepJudge` rows are read in calldata, so the functions differ in where their
     proof begins.
"""

from .interfaces import IFaultCourt
from .interfaces import IFaultJudges
from .modules import calldata_words
from .modules import descriptors
from .modules import merkle_path
from .modules import row_tree
from .modules import tensor_opening

LINK: constant(uint8) = 2
TENSOR: constant(uint8) = 3
COUNT: constant(uint8) = 4
LENGTH: constant(uint8) = 5
FILLING: constant(uint8) = 6
# kinds of proofs. Source: docs/faults.md, section 5

SIDE: constant(uint64) = 2**32
# outputs' positions begin here. Source: docs/faults.md, section 5

HEADER: constant(uint256) = 1
INPUT: constant(uint256) = 2
OUTPUT: constant(uint256) = 3
VERSION: constant(uint256) = 1
# kinds of rows, and what a header begins with. Source: docs/programs.md, section 3

HEADER_LENGTH: constant(uint256) = 10
EDGE_LENGTH: constant(uint256) = 75
# bytes of a header, and of an edge without its dimensions and its name

CHUNK: constant(uint256) = 256
# bytes. Source: docs/format.md, section 2

ARGUMENTS: constant(uint256) = 4
# calldata offset of the first argument: a selector's bytes

FACTS: constant(uint256) = 14
SETS: constant(uint256) = 6
PROGRAM: constant(uint256) = 3
# words of what stands before a proof: court, facts and answer; sets; a program


@external
def prove_link(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    sets: IFaultCourt.Sets,
    proof: IFaultJudges.LinkProof,
    salt: bytes32,
):
    """
    @notice Convict a log of a chunk that is not the trace's row; the caller is the claimant.
    @param court whose case it is
    @param facts of the case
    @param answer of the case
    @param sets of the case
    @param proof the edge, the row and the chunk's leaf
    @param salt of the claimant's commitment
    """
    self._require_sets(facts, sets)
    assert self._link_is_wrong(
        facts.program, answer.trace, sets, proof, FACTS + SETS
    ), "link: the chunk is the row"
    extcall IFaultCourt(court).convict(
        facts,
        answer,
        msg.sender,
        LINK,
        proof.position,
        convert(proof.chunk, uint64),
        salt,
    )


@external
def prove_tensor(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    sets: IFaultCourt.Sets,
    proof: IFaultJudges.TensorProof,
    salt: bytes32,
):
    """
    @notice Convict a log of a tensor that is not the program's; the caller is the claimant.
    @param court whose case it is
    @param facts of the case
    @param answer of the case
    @param sets of the case
    @param proof the edge and the tensor
    @param salt of the claimant's commitment
    """
    self._require_sets(facts, sets)
    assert self._tensor_is_wrong(
        facts.program, sets, proof, FACTS + SETS
    ), "tensor: it is the edge's"
    extcall IFaultCourt(court).convict(
        facts, answer, msg.sender, TENSOR, proof.position, 0, salt
    )


@external
def prove_count(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    sets: IFaultCourt.Sets,
    proof: IFaultJudges.CountProof,
    salt: bytes32,
):
    """
    @notice Convict a log of a set with another number of tensors than its program has; the
            caller is the claimant.
    @param court whose case it is
    @param facts of the case
    @param answer of the case
    @param sets of the case
    @param proof the header
    @param salt of the claimant's commitment
    """
    self._require_sets(facts, sets)
    assert self._count_is_wrong(
        facts.program, sets, proof.side, FACTS + SETS
    ), "count: it is the header's"
    extcall IFaultCourt(court).convict(
        facts,
        answer,
        msg.sender,
        COUNT,
        convert(proof.side, uint64),
        0,
        salt,
    )


@external
def prove_length(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    proof: IFaultJudges.LengthProof,
    salt: bytes32,
):
    """
    @notice Convict a log of a row of another length; the caller is the claimant.
    @param court whose case it is
    @param facts of the case
    @param answer of the case
    @param proof the row and what says how long it is
    @param salt of the claimant's commitment
    """
    assert self._length_is_wrong(
        facts.program, answer.trace, FACTS
    ), "length: it is the row's"
    extcall IFaultCourt(court).convict(
        facts, answer, msg.sender, LENGTH, convert(proof.row, uint64), 0, salt
    )


@external
def prove_filling(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    proof: IFaultJudges.FillingProof,
    salt: bytes32,
):
    """
    @notice Convict a log of something behind its trace's last row; the caller is the
            claimant.
    @param court whose case it is
    @param facts of the case
    @param answer of the case
    @param proof the leaf and its path
    @param salt of the claimant's commitment
    """
    assert self._filling_is_wrong(
        facts.program, answer.trace, proof.row, proof.leaf, FACTS
    ), "filling: the leaf is empty"
    extcall IFaultCourt(court).convict(
        facts, answer, msg.sender, FILLING, convert(proof.row, uint64), 0, salt
    )


@external
@view
def link_is_wrong(
    program: IFaultCourt.Program,
    trace: bytes32,
    sets: IFaultCourt.Sets,
    proof: IFaultJudges.LinkProof,
) -> bool:
    """
    @notice Whether a committed chunk is not the trace's row. Reverts where the proof shows
            neither.
    @param program of the receipt's runtime
    @param trace root of the run's trace
    @param sets the receipt's tensors
    @param proof the edge, the row and the chunk's leaf
    """
    return self._link_is_wrong(program, trace, sets, proof, PROGRAM + 1 + SETS)


@external
@view
def tensor_is_wrong(
    program: IFaultCourt.Program,
    sets: IFaultCourt.Sets,
    proof: IFaultJudges.TensorProof,
) -> bool:
    """
    @notice Whether a committed tensor has another name, type, shape or length than the
            program's.
    @param program of the receipt's runtime
    @param sets the receipt's tensors
    @param proof the edge and the tensor
    """
    return self._tensor_is_wrong(program, sets, proof, PROGRAM + SETS)


@external
@view
def count_is_wrong(
    program: IFaultCourt.Program,
    sets: IFaultCourt.Sets,
    proof: IFaultJudges.CountProof,
) -> bool:
    """
    @notice Whether a set has another number of tensors than the program.
    @param program of the receipt's runtime
    @param sets the receipt's tensors
    @param proof the header
    """
    return self._count_is_wrong(program, sets, proof.side, PROGRAM + SETS)


@external
@view
def length_is_wrong(
    program: IFaultCourt.Program,
    trace: bytes32,
    proof: IFaultJudges.LengthProof,
) -> bool:
    """
    @notice Whether a row has another length than its edge or operator gives it.
    @param program of the receipt's runtime
    @param trace root of the run's trace
    @param proof the row and what says how long it is
    """
    return self._length_is_wrong(program, trace, PROGRAM + 1)


@external
@view
def filling_is_wrong(
    program: IFaultCourt.Program,
    trace: bytes32,
    proof: IFaultJudges.FillingProof,
) -> bool:
    """
    @notice Whether a leaf behind the trace's last row is not that of an empty row.
    @param program of the receipt's runtime
    @param trace root of the run's trace
    @param proof the leaf and its path
    """
    return self._filling_is_wrong(
        program, trace, proof.row, proof.leaf, PROGRAM + 1
    )


@internal
@pure
def _require_sets(facts: IFaultCourt.Facts, sets: IFaultCourt.Sets):
    assert (
        keccak256(abi_encode(sets)) == facts.sets
    ), "rows: sets not the case's"


@internal
@view
def _field(words: uint256, field: uint256) -> uint256:
    # calldata offset of a field of the proof behind so many words
    return (
        ARGUMENTS
        + calldata_words.number(ARGUMENTS + (words << 5), 32)
        + (field << 5)
    )


@internal
@view
def _array(words: uint256, field: uint256, size: uint256) -> (uint256, uint256):
    # calldata offsets of a field's first element, of `size` bytes, and behind its last
    proof: uint256 = self._field(words, 0)
    at: uint256 = (
        proof + calldata_words.number(self._field(words, field), 32) + 32
    )
    return at, at + calldata_words.number(at - 32, 32) * size


@internal
@view
def _shown(
    words: uint256, count: uint256
) -> (DynArray[bytes32, 68], DynArray[uint256, 68]):
    # the rows of a proof, `count` of them: the proof's first field
    hashes: DynArray[bytes32, 68] = []
    places: DynArray[uint256, 68] = []
    at: uint256 = 0
    stop: uint256 = 0
    at, stop = self._array(words, 0, 1)
    for _: uint256 in range(count, bound=3):
        leaf: bytes32 = empty(bytes32)
        place: uint256 = 0
        leaf, place = row_tree.row(at, stop)
        hashes.append(leaf)
        places.append(place)
        at = (place >> 16) + (place & 65_535)
    assert at == stop, "rows: too many"
    return hashes, places


@internal
@view
def _require_trees(
    words: uint256,
    program: IFaultCourt.Program,
    of_program: DynArray[uint256, 2],
    trace: bytes32,
    of_trace: DynArray[uint256, 1],
    hashes: DynArray[bytes32, 68],
):
    # that rows have these numbers; the siblings are the proof's second field
    at: uint256 = 0
    stop: uint256 = 0
    root: bytes32 = empty(bytes32)
    at, stop = self._array(words, 1, 32)
    shown: DynArray[uint256, 68] = []
    for number: uint256 in of_program:
        shown.append(number << row_tree.NUMBER)
    for number: uint256 in of_trace:
        shown.append(number << row_tree.NUMBER)
    first: uint256 = len(of_program)
    if first != 0:
        root, at = row_tree.root(
            hashes,
            shown,
            0,
            first,
            row_tree.height(convert(program.rows, uint256)),
            at,
            stop,
        )
        assert root == program.root, "rows: not the program's"
    if len(of_trace) != 0:
        root, at = row_tree.root(
            hashes,
            shown,
            first,
            len(shown),
            row_tree.height(convert(program.traceRows, uint256)),
            at,
            stop,
        )
        assert root == trace, "rows: not the trace's"
    assert at == stop, "rows: siblings too many"


@internal
@view
def _counts(place: uint256) -> (uint256, uint256):
    # inputs and outputs of the header at a place
    at: uint256 = place >> 16
    assert (
        place & 65_535 == HEADER_LENGTH
        and calldata_words.number(at, 2) == HEADER << 8 | VERSION
    ), "rows: no header"
    return calldata_words.number(at + 2, 2), calldata_words.number(at + 4, 2)


@internal
@view
def _edge(
    position: uint64, header: uint256, edge: uint256
) -> (uint256, uint256):
    # number of the edge's row, and the calldata offset of the row at a place that is one
    inputs: uint256 = 0
    outputs: uint256 = 0
    inputs, outputs = self._counts(header)
    number: uint256 = 1 + convert(position % SIDE, uint256)
    kind: uint256 = INPUT
    count: uint256 = inputs
    if position >= SIDE:
        kind = OUTPUT
        count = outputs
    assert (position < 2 * SIDE and number <= count), "rows: no such edge"
    if kind == OUTPUT:
        number += inputs
    self._require_edge(edge, kind)
    return number, edge >> 16


@internal
@view
def _require_edge(place: uint256, kind: uint256):
    assert (
        place & 65_535 >= EDGE_LENGTH
        and calldata_words.number(place >> 16, 1) == kind
    ), "rows: no edge"


@internal
@pure
def _set(
    sets: IFaultCourt.Sets, position: uint64
) -> (uint64, bytes32, bytes32):
    # count, root and master of the set that has a tensor
    if position < SIDE:
        return (
            convert(sets.inputsCount, uint64),
            sets.inputsRoot,
            sets.inputsMaster,
        )
    return (
        convert(sets.outputsCount, uint64),
        sets.outputsRoot,
        sets.outputsMaster,
    )


@internal
@pure
def _require_tensor(
    sets: IFaultCourt.Sets,
    position: uint64,
    tensor: IFaultCourt.TensorShown,
    path: DynArray[bytes32, 32],
):
    count: uint64 = 0
    root: bytes32 = empty(bytes32)
    master: bytes32 = empty(bytes32)
    count, root, master = self._set(sets, position)
    leaf: bytes32 = merkle_path.leaf(
        keccak256(
            abi_encode(
                tensor_opening.TENSOR_TYPEHASH,
                tensor.nameHash,
                tensor.dtype,
                tensor.shapeHash,
                tensor.byteLength,
                tensor.chunks,
            )
        )
    )
    assert (
        merkle_path.root(leaf, convert(position % SIDE, uint256), count, path)
        == root
    ), "rows: tensor not the set's"


@internal
@view
def _link_is_wrong(
    program: IFaultCourt.Program,
    trace: bytes32,
    sets: IFaultCourt.Sets,
    proof: IFaultJudges.LinkProof,
    words: uint256,
) -> bool:
    hashes: DynArray[bytes32, 68] = []
    places: DynArray[uint256, 68] = []
    hashes, places = self._shown(words, 3)
    number: uint256 = 0
    edge: uint256 = 0
    number, edge = self._edge(proof.position, places[0], places[1])
    chunk: uint256 = convert(proof.chunk, uint256)
    assert (
        chunk < (calldata_words.number(edge + 6, 4) + CHUNK - 1) // CHUNK
    ), "link: chunk outside the edge"
    self._require_trees(
        words,
        program,
        [0, number],
        trace,
        [calldata_words.number(edge + 2, 4) + chunk],
        hashes,
    )
    self._require_tensor(sets, proof.position, proof.tensor, proof.setPath)
    chunks: uint256 = max(
        1,
        (convert(proof.tensor.byteLength, uint256) + CHUNK - 1) // CHUNK,
    )
    assert (
        chunk < chunks and chunks <= 2**32
    ), "link: chunk outside the tensor"
    assert (
        merkle_path.root(
            proof.leaf, chunk, convert(chunks, uint64), proof.chunkPath
        )
        == proof.tensor.chunks
    ), "link: leaf not the tensor's"

    count: uint64 = 0
    root: bytes32 = empty(bytes32)
    master: bytes32 = empty(bytes32)
    count, root, master = self._set(sets, proof.position)
    salt: bytes32 = keccak256(
        concat(
            master,
            convert(proof.position % SIDE, bytes8),
            convert(convert(proof.chunk, uint64), bytes8),
        )
    )
    start: uint256 = 0
    stop: uint256 = 0
    start, stop = self._array(words, 0, 1)
    length: uint256 = places[2] & 65_535
    row: Bytes[8735] = b""
    if length != 0:
        row = slice(proof.rows, (places[2] >> 16) - start, length)
    return proof.leaf != keccak256(concat(0x00, salt, row))


@internal
@view
def _tensor_is_wrong(
    program: IFaultCourt.Program,
    sets: IFaultCourt.Sets,
    proof: IFaultJudges.TensorProof,
    words: uint256,
) -> bool:
    hashes: DynArray[bytes32, 68] = []
    places: DynArray[uint256, 68] = []
    hashes, places = self._shown(words, 2)
    number: uint256 = 0
    edge: uint256 = 0
    number, edge = self._edge(proof.position, places[0], places[1])
    self._require_trees(words, program, [0, number], empty(bytes32), [], hashes)
    self._require_tensor(sets, proof.position, proof.tensor, proof.setPath)
    return (
        convert(proof.tensor.dtype, uint256)
        != calldata_words.number(edge + 1, 1)
        or convert(proof.tensor.byteLength, uint256)
        != calldata_words.number(edge + 6, 4)
        or convert(proof.tensor.nameHash, uint256)
        != calldata_words.number(edge + 10, 32)
        or convert(proof.tensor.shapeHash, uint256)
        != calldata_words.number(edge + 42, 32)
    )


@internal
@view
def _count_is_wrong(
    program: IFaultCourt.Program,
    sets: IFaultCourt.Sets,
    side: uint8,
    words: uint256,
) -> bool:
    hashes: DynArray[bytes32, 68] = []
    places: DynArray[uint256, 68] = []
    hashes, places = self._shown(words, 1)
    inputs: uint256 = 0
    outputs: uint256 = 0
    inputs, outputs = self._counts(places[0])
    self._require_trees(words, program, [0], empty(bytes32), [], hashes)
    assert side < 2, "count: no such side"
    if side == 0:
        return convert(sets.inputsCount, uint256) != inputs
    return convert(sets.outputsCount, uint256) != outputs


@internal
@view
def _length_is_wrong(
    program: IFaultCourt.Program, trace: bytes32, words: uint256
) -> bool:
    hashes: DynArray[bytes32, 68] = []
    places: DynArray[uint256, 68] = []
    hashes, places = self._shown(words, 2)
    owner: uint256 = calldata_words.number(self._field(words, 2), 32)
    row: uint256 = calldata_words.number(self._field(words, 3), 32)
    self._require_trees(words, program, [owner], trace, [row], hashes)
    at: uint256 = places[0] >> 16
    first: uint256 = 0  # row that it writes
    size: uint256 = 0  # bytes of all of them together
    full: uint256 = CHUNK  # and of one
    if calldata_words.number(at, 1) == INPUT:
        self._require_edge(places[0], INPUT)
        first = calldata_words.number(at + 2, 4)
        size = calldata_words.number(at + 6, 4)
    else:
        o: IFaultJudges.Operator = descriptors.read(at, places[0] & 65_535)
        first = o.out
        size = o.count * o.size
        full = o.width * o.size
    assert (
        row >= first and (row - first) * full < size
    ), "length: not of this row"
    return places[1] & 65_535 != min(full, size - (row - first) * full)


@internal
@view
def _filling_is_wrong(
    program: IFaultCourt.Program,
    trace: bytes32,
    row: uint32,
    leaf: bytes32,
    words: uint256,
) -> bool:
    number: uint256 = convert(row, uint256)
    assert (
        number >= convert(program.traceRows, uint256)
    ), "filling: a row of the trace"
    self._require_trees(words, program, [], trace, [number], [leaf])
    return leaf != keccak256(b"\x00")
