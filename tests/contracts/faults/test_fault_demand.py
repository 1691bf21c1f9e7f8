"""Demands: which nodes, for how much, until when; what answers them, and what becomes of them."""

import ape
import pytest
from counterfoil.chain import place_word
from fault_docket import (
    ANSWER,
    CAP,
    CASE,
    FAULTY,
    INPUT_CHUNKS,
    INPUTS,
    OPEN,
    OUTPUT_CHUNKS,
    OUTPUTS,
    TRACE,
    UNIT,
    Run,
    named,
    node_of,
    plain,
)

PLACES = {
    "trace's root": (TRACE, 7, 0, 0),
    "trace's node": (TRACE, 2, 31, 0),
    "row": (TRACE, 0, 69, 0),
    "filling": (TRACE, 0, 127, 0),
    "inputs' root": (INPUTS, 2, 0, 0),
    "output": (OUTPUTS, 0, 2, 0),
    "chunks' root": (INPUT_CHUNKS, 6, 0, 0),
    "chunks' node": (OUTPUT_CHUNKS, 1, 19, 0),
}


@pytest.fixture
def case(docket, run):
    return docket.opened(run)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_demand__answered__pays_who_answers(
    fault_court, docket, case, place, challenger, stranger, balance
):
    tree, layer, index, position = place
    held = balance(fault_court.address)
    demand = docket.demand(case, tree, layer, index, position, fee=10**16)
    now = case.transaction.timestamp
    count = len(docket.hashes(case, demand)) // 32 if layer else 0
    digest = docket.tree(case.run, tree, position).layers[layer][index].tobytes()
    assert demand == (
        case.receipt, place_word((tree, position, layer, index)), digest, count,
        challenger.address, 10**16, now + ANSWER,
    )  # fmt: skip
    assert named(case.transaction, "NodeDemanded")[0].signer == case.facts[1]
    assert fault_court.case_of(case.receipt).openDemands == 1
    assert balance(fault_court.address) == held + 10**16
    spot = (case.receipt, demand[1])
    assert not fault_court.demand_answered(*spot)

    before = balance(stranger.address)
    transaction = docket.reveal(case, demand, sender=stranger)
    assert fault_court.demand_answered(*spot)
    assert fault_court.case_of(case.receipt).openDemands == 0
    assert balance(fault_court.address) == held
    if (tree, layer) != (TRACE, 0):
        assert balance(stranger.address) == before + 10**16 - transaction.total_fees_paid
    (event,) = transaction.events
    assert event.place == demand[1]
    shown = {
        "NodesRevealed": lambda: event.hashes == docket.hashes(case, demand),
        "RowRevealed": lambda: event.row == (case.run.rows + [b""] * 58)[index],
        "TensorRevealed": lambda: plain(event.tensor) == case.run.tensor(tree - INPUTS, index),
    }
    assert shown[event.event_name]()


@pytest.mark.parametrize("rows", [1, 2, 31, 32, 33, 70, 1024, 1025])
def test_demand__walk__leads_to_every_row_in_steps_of_five(docket, fault_court, rows):
    run = Run.of(rows=rows, tensors=1, chunks=1)
    case, row = docket.opened(run), rows - 1
    top = len(run.trace.layers) - 1
    steps = [*range(top, 0, -5), 0]
    assert len(steps) <= 6
    for layer in steps:
        docket.reveal(case, docket.demand(case, TRACE, layer, row >> layer))
    assert fault_court.demand_answered(case.receipt, place_word((TRACE, 0, 0, row)))


@pytest.mark.parametrize("layer", [1, 3, 4, 5, 6])
def test_demand__layer_between_the_steps__reverts(docket, case, denied, layer):
    with denied("layer: not demanded", case):
        docket.demand(case, TRACE, layer, 0)


@pytest.mark.parametrize("layer", [8, 12, 255])
def test_demand__above_the_root__reverts(docket, case, denied, layer):
    node = (layer, 0, case.run.trace.root, [])
    with denied("layer: above the root", case):
        docket.demand(case, TRACE, layer, 0, node=node)


def test_demand__no_such_node__reverts(docket, case, denied):
    for tree, layer, index in (
        (TRACE, 7, 1), (TRACE, 0, 128), (TRACE, 2, 2**64 - 1), (INPUTS, 0, 3), (INPUTS, 2, 1),
        (INPUT_CHUNKS, 1, 20), (INPUT_CHUNKS, 6, 2**63),
    ):  # fmt: skip
        node = (layer, index, case.run.trace.root, [])
        with denied("layer: no such node", case):
            docket.demand(case, tree, layer, index, node=node)


def test_demand__node_of_another_tree_or_place__reverts(docket, case, denied):
    for node in (
        (7, 0, b"\1" * 32, []),
        (2, 3, *node_of(case.run.trace, 2, 4)[2:]),
        (0, 0, node_of(case.run.trace, 0, 0)[2], node_of(case.run.trace, 0, 1)[3]),
    ):
        with denied("layer: not under the root", case):
            docket.demand(case, TRACE, node[0], node[1], node=node)
    for path in ([], [b"\1" * 32] * 8):
        with denied("path: wrong length", case):
            docket.demand(case, TRACE, 0, 0, node=(0, 0, node_of(case.run.trace, 0, 0)[2], path))


def test_demand__chunk_itself__reverts(docket, case, denied):
    with denied("clerk: chunks are not demanded", case):
        docket.demand(case, INPUT_CHUNKS, 0, 0)


def test_demand__chunks_of_a_tensor_that_is_not_in_the_set__reverts(
    docket, case, denied, challenger
):
    run = case.run
    node = node_of(run.chunk_tree(0, 0), 6, 0)
    for side, position, tensor, path in (
        (0, 1, run.tensor(0, 0), run.set_tree(0).path(1)),
        (1, 0, run.tensor(0, 0), run.set_tree(0).path(0)),
        (0, 0, (*run.tensor(0, 0)[:3], 2**40, run.tensor(0, 0)[4]), run.set_tree(0).path(0)),
    ):
        with denied("clerk: tensor not in the set", case):
            docket.clerk.demand_chunks(
                docket.court, *case.both, run.sets(), side, position, tensor, path, node,
                sender=challenger, value=10**16,
            )  # fmt: skip


def test_demand__other_sets_or_no_such_side__reverts(docket, case, denied, challenger):
    sets, node = case.run.sets(), node_of(case.run.set_tree(0), 2, 0)
    sent = {"sender": challenger, "value": 10**16}
    with denied("clerk: other tensor sets", case):
        docket.clerk.demand_tensors(
            docket.court, *case.both, (sets[0] + 1, *sets[1:]), 0, node, **sent
        )
    for side in (2, 255):
        with denied("clerk: no such side", case):
            docket.clerk.demand_tensors(docket.court, *case.both, sets, side, node, **sent)


def test_demand__tensors_of_an_empty_set__reverts(docket, run, denied):
    from dataclasses import replace

    case = docket.opened(replace(run, inputs=[]))
    for layer in (0, 1):
        with denied("layer: no such node" if layer == 0 else "layer: above the root", case):
            docket.demand(case, INPUTS, layer, 0, node=(layer, 0, bytes(32), []))


def test_demand__fee_too_low__reverts(docket_of, deploy_fault_court, run, log):
    docket = docket_of(deploy_fault_court(least=10**17))
    case = docket.opened(run)
    for place in ((TRACE, 7, 0), (TRACE, 0, 0), (INPUTS, 0, 0)):
        with ape.reverts("fault: demand's fee too low"):
            docket.demand(case, *place, fee=10**17 - 1)
        docket.demand(case, *place, fee=10**17)


def test_least_demand_fee__row__is_that_of_4096_bytes(fault_court):
    nodes, row = fault_court.least_demand_fee(False), fault_court.least_demand_fee(True)
    assert nodes % (4 * 90_000) == 0
    assert row == nodes * (80_000 + 40 * 4096) // 90_000


def test_demand__of_a_row__needs_the_rows_fee(docket, case, fault_court, denied):
    with denied("fault: demand's fee too low", case):
        docket.demand(case, TRACE, 0, 0, fee=fault_court.least_demand_fee(False))


@pytest.mark.parametrize("size", [0, 1, 300, 4096])
def test_reveal_rows__what_a_short_row_does_not_need__goes_back(
    docket, fault_court, size, balance, challenger, stranger
):
    from dataclasses import replace

    run = replace(Run.of(rows=3), rows=[b"a", bytes(range(256)) * 16, b"c"])
    run.rows[1] = run.rows[1][:size]
    case = docket.opened(run)
    fee = 10**16
    demand = docket.demand(case, TRACE, 0, 1, fee=fee)
    before, other = balance(stranger.address), balance(challenger.address)
    transaction = docket.reveal(case, demand, sender=stranger)
    paid = balance(stranger.address) - before + transaction.total_fees_paid
    assert paid == fee * (80_000 + 40 * size) // (80_000 + 40 * 4096)
    assert balance(challenger.address) == other + fee - paid


def test_reveal_rows__least_fee__is_never_given_back(
    docket_of, deploy_fault_court, run, log, balance, challenger
):
    docket = docket_of(deploy_fault_court(least=10**17))
    case = docket.opened(run)
    demand = docket.demand(case, TRACE, 0, 1, fee=10**17)
    before = balance(challenger.address)
    docket.reveal(case, demand)
    assert balance(challenger.address) == before


def test_demand__until_its_answer_fits__and_no_later(docket, case, at, denied, fault_court):
    last = case.answer[1] + CASE - ANSWER
    at(last)
    demand = docket.demand(case, TRACE, 7, 0)
    assert demand[-1] == case.answer[1] + CASE
    at(last + 1)
    with denied("case: demand too late", case):
        docket.demand(case, TRACE, 2, 0)


def test_demand__of_a_case_that_is_not_open__reverts(docket, run, denied):
    case = docket.summon(run)
    case.answer = (run.trace.root, case.facts[6])
    with denied("case: not open", case):
        docket.demand(case, TRACE, 7, 0)
    docket.answer(case)
    docket.convict(case)
    with denied("case: not open", case):
        docket.demand(case, TRACE, 7, 0)


def test_demand__answer_of_another_case__reverts(docket, case, run, denied):
    from dataclasses import replace

    other = docket.opened(replace(run, rows=run.rows[:-1]))
    mixed = replace(case, answer=other.answer, run=other.run)
    with denied("case: other facts or answer", case, other):
        docket.demand(mixed, TRACE, 7, 0)


def test_demand__same_node__is_shared_and_answered_once(docket, case, denied, stranger):
    demand = docket.demand(case, TRACE, 7, 0)
    with denied("demand: already open", case):
        docket.demand(case, TRACE, 7, 0, sender=stranger)
    docket.reveal(case, demand)
    with denied("demand: already answered", case):
        docket.demand(case, TRACE, 7, 0)
    with denied("demand: not open", case):
        docket.reveal(case, demand)


def test_reveal__several_in_one_transaction(docket, case, fault_court, balance, stranger):
    demands = [docket.demand(case, TRACE, 2, index, fee=10**16 + index) for index in range(4)]
    before = balance(stranger.address)
    transaction = docket.reveal(case, *demands, sender=stranger)
    assert len(named(transaction, "NodesRevealed")) == 4
    paid = balance(stranger.address) - before + transaction.total_fees_paid
    assert paid == 4 * 10**16 + 6
    assert fault_court.case_of(case.receipt).openDemands == 0

    demands = [docket.demand(case, TRACE, 0, index) for index in range(4)]
    assert len(named(docket.reveal(case, *demands), "RowRevealed")) == 4
    demands = [docket.demand(case, INPUTS, 0, index) for index in range(3)]
    assert len(named(docket.reveal(case, *demands), "TensorRevealed")) == 3


def test_reveal__one_twice_in_one_transaction__reverts(docket, case, denied):
    demand = docket.demand(case, TRACE, 7, 0)
    with denied("demand: not open", case):
        docket.reveal(case, demand, demand)


def test_reveal__nothing__changes_nothing(docket, fault_court, stranger, balance):
    held = balance(fault_court.address)
    fault_court.reveal_nodes([], sender=stranger)
    fault_court.reveal_rows([], sender=stranger)
    fault_court.reveal_tensors([], sender=stranger)
    assert balance(fault_court.address) == held


def test_reveal__changed_demand__reverts(docket, case, denied, stranger, fault_court):
    demand = docket.demand(case, TRACE, 7, 0)
    hashes = docket.hashes(case, demand)
    for place, other in ((4, stranger.address), (5, demand[5] + 1), (6, demand[6] + 1)):
        changed = (*demand[:place], other, *demand[place + 1 :])
        with denied("demand: not open", case):
            fault_court.reveal_nodes([(changed, hashes)], sender=stranger)


def test_reveal_nodes__other_hashes__reverts(docket, case, denied, stranger, fault_court):
    demand = docket.demand(case, TRACE, 7, 0)
    hashes = docket.hashes(case, demand)
    for wrong in (hashes[:-32], hashes[:-1], hashes[32:], b"", demand[2]):
        with denied("fault: wrong number of hashes", case):
            fault_court.reveal_nodes([(demand, wrong)], sender=stranger)
    one = int.from_bytes(hashes, "big")
    changed = [(one ^ 1 << bit).to_bytes(1024, "big") for bit in range(0, 8_192, 255)]
    for wrong in (*changed, hashes[32:] + hashes[:32], bytes(1024)):
        with denied("fault: hashes of another node", case):
            fault_court.reveal_nodes([(demand, wrong)], sender=stranger)


def test_reveal__preimage_for_nodes_and_back__reverts(docket, case, denied, stranger, fault_court):
    nodes, row = docket.demand(case, TRACE, 7, 0), docket.demand(case, TRACE, 0, 3)
    tensor = docket.demand(case, INPUTS, 0, 1)
    sent = {"sender": stranger}
    for preimage in (row, tensor):
        with denied("fault: wrong number of hashes", case):
            fault_court.reveal_nodes([(preimage, b"")], **sent)
    for other in (nodes, tensor):
        with denied("fault: no row is demanded", case):
            fault_court.reveal_rows([(other, case.run.rows[3])], **sent)
    for other in (nodes, row):
        with denied("fault: no tensor is demanded", case):
            fault_court.reveal_tensors([(other, case.run.tensor(0, 1))], **sent)


def test_reveal__another_row_or_tensor__reverts(docket, case, denied, stranger, fault_court):
    row, tensor = docket.demand(case, TRACE, 0, 3), docket.demand(case, INPUTS, 0, 1)
    for wrong in (b"", case.run.rows[2], case.run.rows[3] + b"\0"):
        with denied("fault: another row", case):
            fault_court.reveal_rows([(row, wrong)], sender=stranger)
    for wrong in (case.run.tensor(0, 0), case.run.tensor(1, 1)):
        with denied("fault: another tensor", case):
            fault_court.reveal_tensors([(tensor, wrong)], sender=stranger)


def test_reveal__demand_of_another_case__reverts(docket, case, run, denied, stranger, fault_court):
    other = docket.opened(run)
    demand = docket.demand(case, TRACE, 7, 0)
    hashes = docket.hashes(case, demand)
    with denied("demand: not open", case, other):
        fault_court.reveal_nodes([((other.receipt, *demand[1:]), hashes)], sender=stranger)


def test_reveal__late__counts_and_leaves_the_time_to_use_it(docket, case, at, fault_court):
    at(case.answer[1] + CASE - ANSWER)
    demand = docket.demand(case, TRACE, 7, 0)
    at(case.answer[1] + 2 * CASE)
    transaction = docket.reveal(case, demand)
    found = fault_court.case_of(case.receipt)
    assert found.state == OPEN
    assert found.closesAt == transaction.timestamp + ANSWER


def test_reveal__early__moves_no_end(docket, case, fault_court):
    docket.reveal(case, docket.demand(case, TRACE, 7, 0))
    assert fault_court.case_of(case.receipt).closesAt == case.answer[1] + CASE


def test_time_out_demand__not_before_its_second(docket, case, at, denied, stranger, fault_court):
    demand = docket.demand(case, TRACE, 7, 0)
    at(demand[-1])
    with denied("fault: answer window open", case):
        fault_court.time_out_demand(*case.both, demand, sender=stranger)
    at(demand[-1] + 1)
    fault_court.time_out_demand(*case.both, demand, sender=stranger)
    assert fault_court.case_of(case.receipt).state == FAULTY


def test_time_out_demand__pays_the_demander__others_are_refunded(
    docket, case, at, bonded, denied, stranger, challenger, payer, fault_court, balance, burnt
):
    first = docket.demand(case, TRACE, 7, 0, fee=10**16)
    second = docket.demand(case, TRACE, 0, 0, sender=payer, fee=2 * 10**16)
    with denied("case: has not fallen", case):
        fault_court.refund(second, sender=stranger)
    at(first[-1] + 1)
    before, ashes, bond = balance(challenger.address), burnt(), fault_court.bond(bonded).amount
    transaction = fault_court.time_out_demand(*case.both, first, sender=stranger)
    assert balance(challenger.address) == before + 10**16 + CAP
    assert burnt() == ashes + UNIT - CAP
    assert (
        fault_court.CaseFell(receipt=case.receipt, signer=bonded, prover=challenger, kind=0)
        in transaction.events
    )
    assert tuple(fault_court.bond(bonded)) == (bond - UNIT, UNIT, 0, 0)
    assert fault_court.case_of(case.receipt).openDemands == 1

    with denied("case: not open", case):
        docket.reveal(case, second)
    with denied("case: not open", case):
        fault_court.time_out_demand(*case.both, second, sender=stranger)
    with denied("demand: not open", case):
        fault_court.refund(first, sender=stranger)
    before = balance(payer.address)
    fault_court.refund(second, sender=stranger)
    assert balance(payer.address) == before + 2 * 10**16
    assert fault_court.case_of(case.receipt).openDemands == 0
    assert balance(fault_court.address) == bond - UNIT
    with denied("demand: not open", case):
        fault_court.refund(second, sender=stranger)


def test_time_out_demand__answered_or_of_another_case__reverts(
    docket, case, run, at, denied, stranger, fault_court
):
    other = docket.opened(run)
    demand = docket.demand(case, TRACE, 7, 0)
    at(demand[-1] + 1)
    with denied("fault: demand of another case", case, other):
        fault_court.time_out_demand(*other.both, demand, sender=stranger)
    docket.reveal(case, demand)
    with denied("demand: not open", case, other):
        fault_court.time_out_demand(*case.both, demand, sender=stranger)
    mixed = (case.facts, (*other.answer[:1], 1))
    with denied("case: other facts or answer", case, other):
        fault_court.time_out_demand(*mixed, demand, sender=stranger)


def test_time_out_demand__of_an_assertion__takes_its_bond_too(
    docket, run, at, bonded, stranger, challenger, fault_court, balance
):
    case = docket.assert_receipt(run)
    demand = docket.demand(case, TRACE, 7, 0, fee=10**16)
    at(demand[-1] + 1)
    before = balance(challenger.address)
    fault_court.time_out_demand(*case.both, demand, sender=stranger)
    assert balance(challenger.address) == before + 10**16 + 2 * CAP
    assert balance(fault_court.address) == fault_court.bond(bonded).amount


def test_convict__open_demands__are_refunded(docket, case, payer, stranger, fault_court, balance):
    demand = docket.demand(case, TRACE, 7, 0, sender=payer, fee=10**16)
    docket.convict(case)
    before = balance(payer.address)
    fault_court.refund(demand, sender=stranger)
    assert balance(payer.address) == before + 10**16
