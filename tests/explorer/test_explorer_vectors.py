"""The page's hashing, its reader of files and its list of ledgers, against what Python has."""

from __future__ import annotations

import json
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from counterfoil import artefacts, config
from counterfoil.chain.deployment import COURT, LOCAL_TERMS, court_plan, shipped_record
from needs import ROOT, need_explorer, need_node

pytestmark = pytest.mark.node
VECTORS = ROOT / "tests" / "vectors"
EXPLORER = ROOT / "offchain" / "explorer"


@lru_cache(maxsize=1)
def page() -> dict[str, Any]:
    need_explorer()
    done = subprocess.run(
        [need_node(), "--no-warnings", Path(__file__).parent / "vectors.mjs"],
        input=json.dumps({"vectors": str(VECTORS)}).encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


def test_page__on_every_vector__finds_what_python_finds():
    found = page()
    assert found["wrong"] == []
    tried = found["tried"]
    files = [f for f in json.loads((VECTORS / "files.json").read_bytes()) if f["kind"] == "receipt"]
    assert tried["files"] == 2 * len(files) > 150
    beyond = {"programs"}  # the page does not run exact programs
    assert set(tried) == {path.stem for path in VECTORS.glob("*.json")} - beyond
    assert tried["trees"] > 300
    assert tried["tensors"] > 100


def test_page__views__are_those_of_the_artefacts():
    for name, views in page()["views"].items():
        abi = {item.get("name"): item for item in artefacts.load(name)["abi"]}
        selectors = artefacts.load(name)["methodIdentifiers"]
        assert len(views) > 0
        for view in views:
            own = abi[view["name"]]
            if view["type"] == "event":
                assert [(i["type"], i["indexed"]) for i in own["inputs"]] == [
                    (i["type"], i.get("indexed", False)) for i in view["inputs"]
                ]
                continue
            assert selectors[view["signature"]] == view["selector"]
            assert _types(own["outputs"]) == _types(view["outputs"]), view["name"]


def _types(parts: list[dict[str, Any]]) -> list[Any]:
    found = []
    for part in parts:
        inner = part.get("components", [])
        found.append((part["type"], [each["name"] for each in inner], _types(inner)))
    return found


def test_page__its_list_of_ledgers__is_the_verifiers():
    found = {
        (int(each["chainId"]), each["ledger"]): (each["registry"], each["court"])
        for each in json.loads((EXPLORER / "src" / "known.json").read_bytes())
    }
    expected = {
        (chain_id, made.contracts["ReceiptLedger"].address): tuple(
            made.contracts[name].address if name in made.contracts else None
            for name in ("ModelRegistry", COURT)
        )
        for chain_id, made in shipped_record().items()
        if "ReceiptLedger" in made.contracts
    }
    planned = artefacts.addresses()
    court = court_plan(
        bytes.fromhex(artefacts.load(COURT)["bytecode"][2:]), planned["ReceiptLedger"], LOCAL_TERMS
    )
    local = (config.LOCAL_CHAIN_ID, planned["ReceiptLedger"])
    assert found == expected | {local: (planned["ModelRegistry"], court.address)}


def test_page__ledgers_that_the_reader_adds__are_added_and_held_to_their_form():
    found = page()["trust"]
    assert (found["kept"], found["replaced"], found["unknown"]) == (True, True, True)
    assert found["refused"] == ["BadSetting"] * 6


def test_page__link__is_the_one_of_the_command():
    from counterfoil.cli.links import file_of, fragment_of

    link, text = page()["link"]
    assert text == '{"a": 1}'
    assert file_of(link) == b'{"a": 1}'
    assert file_of(fragment_of(b'{"a": 1}')) == b'{"a": 1}'
