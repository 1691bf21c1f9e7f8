"""`StepJudge`: steps that are right or wrong, and proofs that show none."""

import ape
import pytest
import step_scene as scenes
from counterfoil.programs import Kind
from counterfoil.programs.proving import shown
from eth_utils import to_checksum_address

RIGHT = sorted(scenes.ALL)


@pytest.fixture
def judged(step_judge):
    """Whether the judge finds a scene's step wrong."""
    return lambda scene: step_judge.step_is_wrong(*scene.arguments())


@pytest.fixture
def refused(judged):
    """The judge finds no step in a scene, for this reason."""

    def check(scene, reason):
        with ape.reverts(reason):
            judged(scene)

    return check


def rewritten(scene):
    """With another byte where the element's last one is."""
    size = scene.operator.size
    row = bytearray(scene.trace[scene.row])
    row[(scene.element + 1) * size - 1] ^= 1
    return scene.but(trace={**scene.trace, scene.row: bytes(row)})


@pytest.mark.parametrize("name", RIGHT)
def test_step_is_wrong__of_a_right_step__is_false(judged, name):
    assert judged(scenes.ALL[name]()) is False


@pytest.mark.parametrize("name", RIGHT)
def test_step_is_wrong__of_another_byte__is_true(judged, name):
    assert judged(rewritten(scenes.ALL[name]())) is True


@pytest.mark.parametrize(
    "scene",
    [
        scenes.look_up(1), scenes.look_up(8), scenes.look_up_two(6, 4), scenes.look_up_two(5, 5),
        scenes.copy(padded=True), scenes.gather(size=4),
    ],
)  # fmt: skip
def test_step_is_wrong__of_other_shapes__judges_them(judged, scene):
    assert judged(scene) is False
    assert judged(rewritten(scene)) is True


@pytest.mark.parametrize("size", [4, 8])
@pytest.mark.parametrize("index", [5, -1, -(2**31)])
def test_step_is_wrong__index_out_of_range__is_true(judged, size, index):
    assert judged(scenes.gather(index, size)) is True


def test_step_is_wrong__of_padding_alone__is_judged(judged):
    # the window lies wholly above the grid
    scene = scenes.dot().change(pad_h=1, out_h=2).but(read_shown=[])
    total = -20 + 2 * (2 - 1 + 6 - 2)
    scene = scene.but(trace={16: bytes([0, max(0, 7 + round(total / 2))])})
    assert judged(scene) is False
    assert judged(rewritten(scene)) is True
    zeros = scenes.largest().change(pad_h=2).but(read_shown=[], trace={16: b"\0\0"})
    assert judged(zeros) is False
    assert judged(rewritten(zeros)) is True


# What is convicted


def facts_and_answer(scene):
    program, trace, proof = scene.arguments()
    one, other = (to_checksum_address(bytes([n]) * 20) for n in (1, 2))
    facts = (b"\1" * 32, one, 77, program, b"\2" * 32, other, 5, 6, True)
    return facts, (trace, 8), proof


def test_prove_step__of_a_wrong_step__has_the_court_convict(step_judge, recorder, challenger):
    facts, answer, proof = facts_and_answer(rewritten(scenes.look_up()))
    transaction = step_judge.prove_step(
        recorder, facts, answer, proof, b"\3" * 32, sender=challenger
    )
    (told,) = transaction.decode_logs(recorder.Convicted)
    assert told.judge == step_judge.address
    assert told.prover == challenger.address
    assert (told.kind, told.place, told.element) == (1, 17, 1)
    assert bytes(told.salt) == b"\3" * 32
    assert list(told.answer) == list(answer)
    receipt, signer, sequence, program, *others = facts
    assert told.facts[:3] == [receipt, signer, sequence]
    assert list(told.facts[3]) == list(program)
    assert told.facts[4:] == others


def test_prove_step__of_a_right_step__reverts(step_judge, recorder, challenger):
    facts, answer, proof = facts_and_answer(scenes.look_up())
    with ape.reverts("step: the step is right"):
        step_judge.prove_step(recorder, facts, answer, proof, b"\3" * 32, sender=challenger)


# Rows


@pytest.mark.parametrize("name", RIGHT)
def test_step_is_wrong__row_left_out__reverts(refused, name):
    scene = scenes.ALL[name]()
    left = scene.but(read_shown=scene.read_shown[1:])
    # GATHER looks for its index where now the embedding is, which is shorter
    short = name == "gather"
    refused(left, "step: a row too short" if short else "step: other rows than it reads")


@pytest.mark.parametrize("name", RIGHT)
def test_step_is_wrong__row_too_many__reverts(refused, name):
    scene = scenes.ALL[name]()
    more = {**scene.trace, 15: scene.trace[scene.read_shown[-1]]}
    reads = [*scene.read_shown, 15]
    refused(scene.but(trace=more, read_shown=reads), "step: other rows than it reads")


@pytest.mark.parametrize("name", RIGHT)
def test_step_is_wrong__row_read_is_another__reverts(judged, name):
    scene = scenes.ALL[name]()
    first, *others = scene.read_shown
    moved = {**scene.trace, first - 1: scene.trace[first], first: b"\x98"}
    with ape.reverts():
        judged(scene.but(trace=moved, read_shown=[first - 1, *others]))


def test_step_is_wrong__another_row_in_place__reverts(refused):
    scene = scenes.look_up()
    lies = [scene.descriptor(), scene.data[40], bytes([9, 18, 9]), scene.trace[17]]
    refused(scene.but(rows=shown(lies)), "step: rows not the trace's")
    lies = [scene.descriptor(), scene.data[40][:-1] + b"\0", scene.trace[5], scene.trace[17]]
    refused(scene.but(rows=shown(lies)), "step: rows not the program's")


def test_step_is_wrong__rows_in_another_order__reverts(refused):
    scene = scenes.largest()
    rows = [scene.descriptor(), scene.trace[6], scene.trace[4], scene.trace[16]]
    refused(scene.but(rows=shown(rows)), "step: rows not the trace's")


def test_step_is_wrong__a_row_twice__reverts(refused):
    scene = scenes.look_up_two(5, 5).but(read_shown=[5, 5])
    rows = [scene.descriptor(), scene.data[41], scene.trace[5], scene.trace[5], scene.trace[16]]
    refused(scene.but(rows=shown(rows), read_shown=[5]), "step: other rows than it reads")


def test_step_is_wrong__paths_of_the_other_tree__reverts(step_judge):
    program, trace, (operator, row, element, rows, siblings) = scenes.quant().arguments()
    swapped = siblings[6:] + siblings[:6]
    with ape.reverts("step: rows not the program's"):
        step_judge.step_is_wrong(program, trace, (operator, row, element, rows, swapped))


def test_step_is_wrong__other_siblings__revert(refused):
    scene = scenes.quant()
    refused(scene.but(more_siblings=[bytes(32)]), "step: siblings too many")
    refused(scene.but(fewer_siblings=1), "row: siblings missing")


@pytest.mark.parametrize("rows", [32, 65, 128])
def test_step_is_wrong__tree_of_another_height__reverts(judged, rows):
    for name in ("program_rows", "trace_rows"):
        with ape.reverts():
            judged(scenes.quant().but(**{name: rows}))


@pytest.mark.parametrize("rows", [0, 2**22 + 1, 2**64 - 1])
def test_step_is_wrong__tree_of_no_size__reverts(refused, rows):
    for name in ("program_rows", "trace_rows"):
        refused(scenes.quant().but(**{name: rows}), "row: tree of another size")


def test_step_is_wrong__number_past_the_tree__reverts(refused):
    refused(scenes.quant().but(program_rows=8), "row: outside the tree")
    refused(scenes.quant().but(trace_rows=16), "row: outside the tree")


def test_step_is_wrong__data_row_below_the_operator__reverts(refused):
    scene = scenes.look_up().change(table=7)
    scene = scene.but(data={7: scene.data[40]}, data_shown=[7], rows=shown(
        [scene.descriptor(), scene.data[40], scene.trace[5], scene.trace[17]]
    ))  # fmt: skip
    refused(scene.but(data_shown=[]), "row: numbers not ascending")


def test_step_is_wrong__rows_cut__revert(refused):
    whole = scenes.quant()
    rows = whole.arguments()[2][3]
    refused(whole.but(rows=rows[:-1]), "row: cut short")
    refused(whole.but(rows=rows[:67] + b"\0\1"), "row: cut short")
    refused(whole.but(rows=rows + b"\0"), "row: cut short")
    refused(whole.but(rows=b""), "step: other rows than it reads")
    refused(whole.but(rows=rows[:67]), "step: other rows than it reads")
    refused(whole.but(rows=b"\0\0\0" * 69), "step: rows too many")
    refused(whole.but(rows=shown([bytes(4_621)])), "row: too long")


def test_step_is_wrong__node_for_a_leaf__reverts(refused):
    rows = bytearray(scenes.quant().arguments()[2][3])
    rows[2] = 1
    refused(scenes.quant().but(rows=bytes(rows)), "row: no leaf")


@pytest.mark.parametrize("name", RIGHT)
def test_step_is_wrong__row_written_too_short__reverts(refused, name):
    scene = scenes.ALL[name]()
    short = scene.trace[scene.row][: (scene.element + 1) * scene.operator.size - 1]
    refused(scene.but(trace={**scene.trace, scene.row: short}), "step: a row too short")
    refused(scene.but(trace={**scene.trace, scene.row: b""}), "step: a row too short")


@pytest.mark.parametrize("name", RIGHT)
def test_step_is_wrong__row_read_too_short__reverts(refused, name):
    scene = scenes.ALL[name]()
    for number in scene.read_shown:
        refused(scene.but(trace={**scene.trace, number: b"\1"}), "step: a row too short")


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize(("row", "element"), [(15, 1), (63, 1), (16, 99), (20, 0)])
def test_step_is_wrong__no_element_of_the_operator__reverts(refused, name, row, element):
    scene = scenes.ALL[name]()
    written = {**scene.trace, row: bytes(200)}
    refused(scene.but(row=row, element=element, trace=written), "step: not of this operator")


def test_step_is_wrong__reads_what_is_not_yet_written__reverts(refused):
    scene = scenes.look_up().change(out=5, source=4)
    moved = {6: scene.trace[17], 5: scene.trace[5]}
    refused(scene.but(row=6, trace=moved), "step: reads what is not yet written")


# Descriptors


@pytest.mark.parametrize("kind", [0x00, 0x01, 0x10, 0x1A, 0x20, 0x21, 0x23, 0x24])
def test_step_is_wrong__row_of_another_kind__reverts(refused, kind):
    scene = scenes.quant()
    row = bytes([kind]) + scene.descriptor()[1:]
    refused(scene.but(operator=row), "operator: another kind of row")


def test_step_is_wrong__weights_for_a_descriptor__reverts(refused):
    weights = scenes.dot().data[41]
    refused(scenes.quant().but(operator=weights), "operator: not 64 bytes")


@pytest.mark.parametrize("length", [0, 63, 65])
def test_step_is_wrong__descriptor_of_another_length__reverts(refused, length):
    row = scenes.quant().descriptor().ljust(length, b"\0")[:length]
    refused(scenes.quant().but(operator=row), "operator: not 64 bytes")


@pytest.mark.parametrize("name", RIGHT)
def test_step_is_wrong__operator_that_writes_nothing__reverts(refused, name):
    scene = scenes.ALL[name]()
    refused(scene.change(width=0), "operator: writes nothing")
    refused(scene.change(count=0), "operator: writes nothing")


@pytest.mark.parametrize("name", RIGHT)
def test_step_is_wrong__elements_of_another_size__revert(refused, name):
    scene = scenes.ALL[name]()
    fine = {"lut1": (1, 4, 8), "copy": (1, 4, 8), "lut2": (1, 4), "dot32": (4,), "argmax": (8,)}
    for size in {0, 1, 2, 3, 4, 5, 8, 9, 16, 64} - set(fine.get(name, (1,))):
        refused(scene.change(size=size), "operator: elements of another size")


def test_step_is_wrong__rows_over_4096_bytes__revert(refused):
    refused(scenes.look_up(4).change(width=1025), "operator: writes rows too long")


def test_step_is_wrong__operator_that_reads_nothing__reverts(refused):
    for name in set(RIGHT) - {"copy"}:
        scene = scenes.ALL[name]().change(source_width=0)
        refused(scene, "operator: reads nothing")


@pytest.mark.parametrize("name", RIGHT)
def test_step_is_wrong__field_that_means_nothing__reverts(refused, name):
    scene = scenes.ALL[name]()
    kind = scene.operator.kind
    unused = {
        "zero": kind not in (Kind.DOT, Kind.QUANT),
        "pad": kind not in (Kind.DOT, Kind.DOT32, Kind.COPY),
        "table": kind in (Kind.MAX, Kind.ARGMAX, Kind.QUANT),
        "source": kind is Kind.COPY,
        "source_width": kind is Kind.COPY,
    }
    for field in (field for field, nothing in unused.items() if nothing):
        refused(scene.change(**{field: 1}), "operator: a field that means nothing")
    ends = {"dot": 44, "dot32": 44, "max": 44, "lut2": 40, "gather": 29, "quant": 28}
    strays = [*range(ends.get(name, 24), 64), *([30, 31] if name == "lut2" else [])]
    for place in strays:
        row = bytearray(scene.descriptor())
        row[place] = 1
        refused(scene.but(operator=bytes(row)), "operator: a field that means nothing")


# Windows


@pytest.mark.parametrize("name", ["dot", "dot32", "max"])
def test_step_is_wrong__window_without_a_size__reverts(refused, name):
    for field in (
        "in_h", "in_w", "out_h", "out_w", "k_h", "k_w", "stride_h", "stride_w",
        "dilation_h", "dilation_w", "columns", "per_group",
    ):  # fmt: skip
        refused(scenes.ALL[name]().change(**{field: 0}), "window: without a size")


@pytest.mark.parametrize("name", ["dot", "dot32", "max"])
def test_step_is_wrong__window_of_other_sizes__reverts(refused, name):
    scene = scenes.ALL[name]()
    refused(scene.change(k_h=5, k_w=13), "window: too many taps")
    refused(scene.change(out_h=3), "window: another number of elements")
    refused(scene.change(per_group=7, columns=5), "window: channels of another source")


def test_step_is_wrong__too_many_weights__reverts(refused):
    scene = scenes.dot().change(k_h=64, k_w=1, columns=73, per_group=2, source_width=73, in_h=1)
    rows = {4: bytes(73), 16: b"\0\0"}
    refused(scene.but(trace=rows, read_shown=[4]), "dot: too many weights")


@pytest.mark.parametrize("name", ["dot", "dot32"])
def test_step_is_wrong__weights_of_another_kind_or_length__revert(refused, name):
    scene = scenes.ALL[name]()
    fine = scene.data[41]
    for row, reason in {
        b"\x21" + fine[1:]: "dot: no weights",
        fine[:-1]: "dot: weights of another length",
        fine + b"\0" * 32: "dot: weights of another length",
        fine[:3] + b"\5" + fine[4:]: "dot: another number of weights",
    }.items():
        refused(scene.but(data={41: row}), reason)


@pytest.mark.parametrize("name", ["dot", "dot32"])
def test_step_is_wrong__sums_that_leave_32_bits__revert(judged, refused, name):
    scene = scenes.ALL[name]()
    most = 2**31 - 1 - 4 * 65_025
    fine = scene.data[41]
    for constant in (most, -most):
        row = fine[:8] + constant.to_bytes(4, "big", signed=True) + fine[12:]
        judged(scene.but(data={41: row}))
    for constant in (most + 1, -most - 1, 2**31 - 1, -(2**31)):
        row = fine[:8] + constant.to_bytes(4, "big", signed=True) + fine[12:]
        refused(scene.but(data={41: row}), "dot: sums that leave 32 bits")


def test_step_is_wrong__multiplier_out_of_range__reverts(judged, refused):
    def with_multiplier(scene, bits):
        row = scene.data[41]
        return scene.but(data={41: row[:4] + bits.to_bytes(4, "big") + row[8:]})

    for bits in (27 << 23, (191 << 23) - 1):
        judged(with_multiplier(scenes.dot(), bits))
    for bits in (0, (27 << 23) - 1, 191 << 23, 0x7F800000, HIGH | HALF):
        refused(with_multiplier(scenes.dot(), bits), "dot: multiplier out of range")
    wide = with_multiplier(scenes.dot(wide=True), 1)
    refused(wide, "dot: multiplier that means nothing")


HIGH, HALF = 2**31, scenes.HALF


# Other operators


def test_step_is_wrong__table_of_another_kind__reverts(refused):
    for scene in (scenes.look_up(), scenes.look_up(1), scenes.look_up_two()):
        ((number, row),) = scene.data.items()
        for other in (b"\x20" + row[1:], row + b"\0", row[:-1], bytes([0x43 - row[0]]) + row[1:]):
            refused(scene.but(data={number: other}), "table: none of this size")


def test_step_is_wrong__second_source_divides_by_zero__reverts(refused):
    for field in ("divisor", "modulus", "second_width"):
        refused(scenes.look_up_two().change(**{field: 0}), "table: divides by zero")


def test_step_is_wrong__index_row_is_none__reverts(refused):
    scene = scenes.copy()
    row = scene.data[41]
    for other in (b"\x23" + row[1:], row[:18]):
        refused(scene.but(data={41: other}), "copy: no index")
    padded = bytes([Kind.INDEX]) + b"\xff\xff\xff\xff\0\1" * 4
    refused(scene.but(data={41: padded}), "copy: padding with a column")


def test_step_is_wrong__gather_of_another_shape__reverts(refused):
    scene = scenes.gather()
    for size in (0, 1, 2, 5, 16):
        refused(scene.change(index_size=size), "gather: index of another size")
    for entries in (0, 2**22 + 1, 2**32 - 1):
        refused(scene.change(entries=entries), "gather: another number of entries")
    refused(scene.change(count=11), "gather: part of a row")
    for row in (b"\x24\1\2\3", b"\x23\1\2", b"\x23\1\2\3\4"):
        refused(scene.but(data={43: row}), "gather: no embedding")


def test_step_is_wrong__scale_out_of_range__reverts(judged, refused):
    for bits in (27 << 23, (228 << 23) - 1):
        judged(scenes.quant().change(scale=bits))
    for bits in (0, (27 << 23) - 1, 228 << 23, 0x7F800000, HIGH | HALF):
        refused(scenes.quant().change(scale=bits), "quant: scale out of range")
