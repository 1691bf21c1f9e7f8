"""`RowJudge`: links, tensors, counts, lengths and filling, right, wrong and not shown."""

from dataclasses import replace

import ape
import pytest
from counterfoil.formats.chunks import chunk_count
from counterfoil.hashing.keccak import keccak
from counterfoil.programs.proving import height, shown
from counterfoil.programs.row_proofs import SIDE
from eth_abi import encode
from eth_utils import to_checksum_address
from row_case import MASTERS, Case

SETS = "(uint32,bytes32,bytes32,uint32,bytes32,bytes32)"


@pytest.fixture(scope="session")
def judge(project, deployer):
    return deployer.deploy(project.RowJudge)


@pytest.fixture
def case():
    return Case()


@pytest.fixture
def asked(judge):
    """The answer of the view of a kind."""

    def ask(kind, case, proof, *, program=None, sets=None):
        program = case.committed if program is None else program
        sets = case.sets if sets is None else sets
        arguments = {
            "link": (program, case.rows.root, sets),
            "tensor": (program, sets),
            "count": (program, sets),
            "length": (program, case.rows.root),
            "filling": (program, case.rows.root),
        }[kind]
        return getattr(judge, f"{kind}_is_wrong")(*arguments, proof.abi())

    return ask


@pytest.fixture
def refused(asked):
    """The view of a kind reverts with this reason."""

    def check(reason, kind, case, proof, **others):
        with ape.reverts(reason):
            asked(kind, case, proof, **others)

    return check


def wrong_cases():
    """A wrong case of every kind, its proof, and the place and element that it names."""
    case = Case()
    last = case.program.trace_rows - 1
    data = bytearray(case.tensors[1][0].data)
    data[0] ^= 1
    changed = case.but(1, 0, data=bytes(data))
    lies = Case(outputs=changed)
    yield "link", lies, lies.link(1, 0, 0), SIDE, 0
    name = Case(inputs=case.but(0, 1, name="else"))
    yield "tensor", name, name.tensor(0, 1), 1, 0
    more = Case(outputs=[*case.tensors[1], case.tensors[0][0]])
    yield "count", more, more.count(1), 1, 0
    short = Case(changed={last: case.rows.row(last)[:-1]})
    yield "length", short, short.length(last), last, 0
    full = Case(changed={last + 1: b"\1"})
    yield "filling", full, full.filling(last + 1), last + 1, 0


def right_cases():
    """A right case of every kind, and its proof."""
    case = Case()
    yield "link", case, case.link(1, 0, 0)
    yield "tensor", case, case.tensor(0, 1)
    yield "count", case, case.count(0)
    yield "length", case, case.length(0)
    yield "filling", case, case.filling(case.program.trace_rows)


WRONG, RIGHT = list(wrong_cases()), list(right_cases())
KINDS = [each[0] for each in RIGHT]
NUMBERS = {"link": 2, "tensor": 3, "count": 4, "length": 5, "filling": 6}
REASONS = {
    "link": "link: the chunk is the row",
    "tensor": "tensor: it is the edge's",
    "count": "count: it is the header's",
    "length": "length: it is the row's",
    "filling": "filling: the leaf is empty",
}


def case_facts(case):
    one, other = (to_checksum_address(bytes([n]) * 20) for n in (1, 2))
    sets = keccak(encode([SETS], [case.sets]))
    return (b"\1" * 32, one, 77, case.committed, sets, other, 5, 6, True), (case.rows.root, 8)


def proves(judge, recorder, sender, kind, case, proof, facts=None):
    own, answer = case_facts(case)
    sets = (case.sets,) if kind in ("link", "tensor", "count") else ()
    prove = getattr(judge, f"prove_{kind}")
    return prove(recorder, facts or own, answer, *sets, proof.abi(), b"\3" * 32, sender=sender)


# All kinds


@pytest.mark.parametrize(("kind", "case", "proof"), RIGHT, ids=KINDS)
def test_is_wrong__of_what_is_right__is_false(asked, kind, case, proof):
    assert asked(kind, case, proof) is False


@pytest.mark.parametrize(("kind", "case", "proof", "place", "element"), WRONG, ids=KINDS)
def test_is_wrong__of_what_is_wrong__is_true(asked, kind, case, proof, place, element):
    assert asked(kind, case, proof) is True


@pytest.mark.parametrize(("kind", "case", "proof", "place", "element"), WRONG, ids=KINDS)
def test_prove__of_what_is_wrong__has_the_court_convict(
    judge, recorder, challenger, kind, case, proof, place, element
):
    transaction = proves(judge, recorder, challenger, kind, case, proof)
    (told,) = transaction.decode_logs(recorder.Convicted)
    facts, answer = case_facts(case)
    assert told.judge == judge.address and told.prover == challenger.address
    assert (told.kind, told.place, told.element) == (NUMBERS[kind], place, element)
    assert told.salt == b"\3" * 32 and list(told.answer) == list(answer)
    assert told.facts[0] == facts[0] and list(told.facts[3]) == list(facts[3])
    assert told.facts[4:] == list(facts[4:])


@pytest.mark.parametrize(("kind", "case", "proof"), RIGHT, ids=KINDS)
def test_prove__of_what_is_right__reverts(judge, recorder, challenger, kind, case, proof):
    with ape.reverts(REASONS[kind]):
        proves(judge, recorder, challenger, kind, case, proof)


@pytest.mark.parametrize("kind", ["link", "tensor", "count"])
def test_prove__sets_not_the_cases__reverts(judge, recorder, challenger, kind):
    _, case, proof, *_ = next(each for each in WRONG if each[0] == kind)
    facts, _ = case_facts(case)
    other = (*facts[:4], b"\4" * 32, *facts[5:])
    with ape.reverts("rows: sets not the case's"):
        proves(judge, recorder, challenger, kind, case, proof, other)


@pytest.mark.parametrize(("kind", "case", "proof"), RIGHT, ids=KINDS)
def test_is_wrong__other_siblings__revert(refused, kind, case, proof):
    more = replace(proof, siblings=(*proof.siblings, bytes(32)))
    if len(more.siblings) <= 22:
        refused("rows: siblings too many", kind, case, more)
    refused("row: siblings missing", kind, case, replace(proof, siblings=proof.siblings[:-1]))
    lies = replace(proof, siblings=(bytes(32), *proof.siblings[1:]))
    first = "rows: not the trace's" if kind == "filling" else "rows: not the program's"
    refused(first, kind, case, lies)


@pytest.mark.parametrize(("kind", "case", "proof"), RIGHT, ids=KINDS)
def test_is_wrong__another_program__reverts(refused, kind, case, proof):
    _, rows, trace_rows = case.committed
    if kind != "filling":
        other = (b"\5" * 32, rows, trace_rows)
        refused("rows: not the program's", kind, case, proof, program=other)
        none = (case.committed[0], 0, trace_rows)
        refused("row: tree of another size", kind, case, proof, program=none)


@pytest.mark.parametrize(("kind", "case", "proof"), RIGHT[:4], ids=KINDS[:4])
def test_is_wrong__other_rows__revert(refused, kind, case, proof):
    if kind != "count":
        refused("rows: too many", kind, case, replace(proof, rows=proof.rows + b"\0\0\0"))
        refused("row: cut short", kind, case, replace(proof, rows=proof.rows[:-1]))
    node = bytearray(proof.rows)
    node[2] = 1
    refused("row: no leaf", kind, case, replace(proof, rows=bytes(node)))


@pytest.mark.parametrize("kind", ["link", "length"])
def test_is_wrong__another_trace_row__reverts(refused, kind):
    _, case, proof = next(each for each in RIGHT if each[0] == kind)
    refused("rows: not the trace's", kind, case, replace(proof, rows=proof.rows[:-1] + b"\x99"))


# Edges


def test_is_wrong__no_header__reverts(refused, case):
    proof = case.tensor(0, 0)
    for header in (
        case.program.rows[1], case.program.rows[0][:9], b"\2" + case.program.rows[0][1:],
        b"\1\2" + case.program.rows[0][2:], b"",
    ):  # fmt: skip
        rows = shown([header, case.program.rows[1]])
        refused("rows: no header", "tensor", case, replace(proof, rows=rows))


def test_is_wrong__no_edge__reverts(refused, case):
    proof = case.tensor(0, 0)
    header, edge = case.program.rows[:2]
    for row in (edge[:74], b"\3" + edge[1:], case.program.rows[case.program.first_operator]):
        refused("rows: no edge", "tensor", case, replace(proof, rows=shown([header, row])))
    output = replace(case.tensor(1, 0), rows=shown([header, edge]))
    refused("rows: no edge", "tensor", case, output)


@pytest.mark.parametrize("position", [3, SIDE - 1, SIDE + 2, 2 * SIDE, 2**64 - 1])
def test_is_wrong__no_such_edge__reverts(refused, case, position):
    assert len(case.program.inputs) == 3 and len(case.program.outputs) <= 2
    proof = replace(case.tensor(0, 0), position=position)
    refused("rows: no such edge", "tensor", case, proof)


# Links


def test_link_is_wrong__every_chunk_of_an_honest_run__is_false(asked, case):
    for side, tensors in enumerate(case.tensors):
        for position, tensor in enumerate(tensors):
            for chunk in {0, chunk_count(len(tensor.data)) - 1}:
                assert asked("link", case, case.link(side, position, chunk)) is False


def test_link_is_wrong__input_that_is_not_the_traces__is_true(asked, case):
    data = bytearray(case.tensors[0][1].data)
    data[-1] ^= 128
    lies = Case(inputs=case.but(0, 1, data=bytes(data)))
    chunk = chunk_count(len(data)) - 1
    assert asked("link", lies, lies.link(0, 1, chunk)) is True
    if chunk:
        assert asked("link", lies, lies.link(0, 1, 0)) is False


def test_link_is_wrong__row_of_another_length__is_true(asked, case):
    base = case.program.outputs[0].base
    for row in (b"", case.rows.row(base) + b"\0", case.rows.row(base)[:-1]):
        lies = Case(changed={base: row})
        assert asked("link", lies, lies.link(1, 0, 0)) is True


def test_link_is_wrong__chunk_outside__reverts(refused, case):
    past = chunk_count(len(case.tensors[1][0].data))
    proof = case.link(1, 0, 0)
    refused("link: chunk outside the edge", "link", case, replace(proof, chunk=past))
    few = Case(outputs=case.but(1, 0, data=b"", shape=(0,)))
    none = replace(proof, tensor=few._tensor(1, 0)[0], set_path=few._tensor(1, 0)[1])
    number = case.program.outputs[0].base
    assert case.rows.row(number)
    # an empty tensor has one chunk, so only the second is outside
    if past > 1:
        second = replace(
            few.link(1, 0, 0), chunk=1, rows=case.link(1, 0, 1).rows,
            siblings=case.link(1, 0, 1).siblings,
        )  # fmt: skip
        refused("link: chunk outside the tensor", "link", few, second)
    huge = (*none.tensor[:3], 2**41, none.tensor[4])
    refused("rows: tensor not the set's", "link", few, replace(none, tensor=huge))


def test_link_is_wrong__leaf_not_the_tensors__reverts(refused, case):
    proof = case.link(1, 0, 0)
    refused("link: leaf not the tensor's", "link", case, replace(proof, leaf=b"\7" * 32))


def test_link_is_wrong__tensor_not_the_sets__reverts(refused, case):
    proof = case.link(0, 1, 0)
    other = case.link(0, 2, 0)
    refused("rows: tensor not the set's", "link", case, replace(proof, tensor=other.tensor))
    refused("path: wrong length", "link", case, replace(proof, set_path=()))


# Tensors and counts


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "else"}, {"dtype": 3}, {"shape": (1, 1)},
        {"data": b"\0", "shape": (1,)},
    ],
)  # fmt: skip
def test_tensor_is_wrong__any_field_another__is_true(asked, case, fields):
    lies = Case(inputs=case.but(0, 1, **fields)) if "shape" not in fields else None
    if lies is None:
        made = case.tensors[0][1]
        shape = fields["shape"] if "data" in fields else (1, *made.shape)
        lies = Case(inputs=case.but(0, 1, **{**fields, "shape": shape}))
    assert asked("tensor", lies, lies.tensor(0, 1)) is True
    assert asked("tensor", lies, lies.tensor(0, 0)) is False


def test_count_is_wrong__a_tensor_too_few__is_true(asked, case):
    few = Case(inputs=case.tensors[0][:2])
    assert asked("count", few, few.count(0)) is True
    assert asked("count", few, few.count(1)) is False
    nothing = (0, bytes(32), bytes(32), *few.sets[3:])
    assert asked("count", few, few.count(0), sets=nothing) is True


def test_count_is_wrong__no_such_side__reverts(refused, case):
    refused("count: no such side", "count", case, replace(case.count(1), side=2))


# Lengths and filling


def test_length_is_wrong__every_row_of_an_honest_run__is_false(asked, case):
    program = case.program
    ends = {o.out + o.rows - 1 for o in program.operators} | {o.out for o in program.operators}
    for edge in program.inputs:
        ends |= {edge.base, edge.base + chunk_count(edge.length) - 1}
    for row in sorted(ends):
        assert asked("length", case, case.length(row)) is False


def test_length_is_wrong__a_byte_more_or_less__is_true(asked, case):
    program = case.program
    for row in (0, program.inputs[1].base, program.operators[1].out, program.trace_rows - 1):
        plain = case.rows.row(row)
        for other in (plain + b"\0", plain[:-1], b"", plain + bytes(3_000)):
            lies = Case(changed={row: other})
            assert asked("length", lies, lies.length(row)) is True


def test_length_is_wrong__owner_of_other_rows__reverts(refused, case):
    program = case.program
    first = program.operators[0].out
    for row, owner in (
        (0, program.first_operator),
        (first, 1),
        (first, program.first_operator + 1),
    ):
        proof = case.length(row)
        honest = case.length(program.inputs[0].base if owner == 1 else _first(program, owner))
        other = replace(
            proof,
            owner=owner,
            rows=shown([program.rows[owner], case.rows.row(row)]),
            siblings=(
                *honest.siblings[: height(len(program.rows))],
                *proof.siblings[height(len(program.rows)) :],
            ),
        )
        refused("length: not of this row", "length", case, other)


def _first(program, owner):
    return program.operators[owner - program.first_operator].out


def test_length_is_wrong__of_an_output_edge_or_data__reverts(asked, case):
    program = case.program
    proof = case.length(0)
    for number in (len(program.inputs) + 1, len(program.rows) - 1):
        rows = shown([program.rows[number], case.rows.row(0)])
        with ape.reverts():
            asked("length", case, replace(proof, owner=number, rows=rows))


def test_filling_is_wrong__a_row_of_the_trace__reverts(refused, case):
    last = case.program.trace_rows - 1
    refused("filling: a row of the trace", "filling", case, replace(case.filling(last), row=last))


def test_filling_is_wrong__past_the_tree__reverts(refused, case):
    past = 2 ** height(case.program.trace_rows)
    proof = replace(case.filling(past - 1), row=past)
    refused("row: outside the tree", "filling", case, proof)


def test_masters__are_two():
    """So a proof with the other side's salt cannot pass by chance."""
    assert len(set(MASTERS)) == 2
