"""Ape isolates tests by the names of fixtures: two scopes under one name break the isolation."""

import ast
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parents[1]

OVERRIDDEN = {"gate"}
"""Of a folder's conftest, replaced in one file of it on purpose."""


def scopes() -> dict[str, set[str]]:
    """Scopes of every fixture of Ape's half, by name."""
    found: dict[str, set[str]] = defaultdict(set)
    for folder in ("contracts", "parity", "ape"):
        for path in sorted((TESTS / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.FunctionDef):
                    continue
                for decorator in node.decorator_list:
                    if "pytest.fixture" not in ast.unparse(decorator):
                        continue
                    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
                    said = {k.arg: ast.literal_eval(k.value) for k in keywords if k.arg == "scope"}
                    found[node.name].add(said.get("scope", "function"))
    return found


def test_fixtures__one_name__one_scope():
    found = scopes()
    assert {"ledger", "docket", "fault_court"} <= set(found)
    assert {name: each for name, each in found.items() if len(each) > 1}.keys() == OVERRIDDEN
