"""Every reason that a contract can give has a test that names it."""

import re
from pathlib import Path

import pytest
from vyper.ast import parse_to_ast
from vyper.ast.nodes import DocStr, Str

ROOT = Path(__file__).parents[2]
REASON = re.compile(r"[a-z]+: [^\n]+")


def contracts():
    """Deployables, modules and examples; what harnesses alone say is nobody's to meet."""
    found = sorted((ROOT / "contracts").rglob("*.vy"))
    return [each for each in found if each.parent.name != "harnesses"]


def reasons(contract: Path) -> set[str]:
    """String literals that read as a reason, wherever they stand: some are returned first."""
    nodes = parse_to_ast(contract.read_text(encoding="utf-8")).get_descendants(Str)
    texts = {each.value for each in nodes if not isinstance(each, DocStr)}
    return {text for text in texts if REASON.fullmatch(text)}


def asserts_without_reason(contract: Path) -> list[int]:
    from vyper.ast.nodes import Assert, Raise

    tree = parse_to_ast(contract.read_text(encoding="utf-8"))
    bare = [each for each in tree.get_descendants(Assert) if each.msg is None]
    bare += [each for each in tree.get_descendants(Raise) if each.exc is None]
    return [each.lineno for each in bare]


@pytest.mark.parametrize("contract", contracts(), ids=lambda each: each.stem)
def test_reverts__every_reason__is_named_by_a_test(contract):
    tests = "".join(
        each.read_text(encoding="utf-8")
        for folder in ("contracts", "parity")
        for each in sorted((ROOT / "tests" / folder).rglob("*.py"))
    )
    missing = sorted(reason for reason in reasons(contract) if f'"{reason}"' not in tests)
    assert not missing, f"no test names {missing}"


@pytest.mark.parametrize("contract", contracts(), ids=lambda each: each.stem)
def test_reverts__every_assert__gives_a_reason(contract):
    assert asserts_without_reason(contract) == []


def test_reverts__reasons_are_found():
    """This file cannot pass by finding nothing."""
    found = set().union(*map(reasons, contracts()))
    assert {"registry: model zero", "gate: another request", "path: wrong length"} <= found
    prefixes = {reason.split(":")[0] for reason in found}
    assert {"registry", "gate", "ledger", "path", "opening"} <= prefixes


def test_reverts__one_wording__in_one_contract():
    """One condition, one wording: two contracts never share a reason."""
    owners: dict[str, set[str]] = {}
    for contract in contracts():
        for reason in reasons(contract):
            owners.setdefault(reason, set()).add(contract.stem)
    shared = {reason: sorted(who) for reason, who in owners.items() if len(who) > 1}
    assert shared == {}
