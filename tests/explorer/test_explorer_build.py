"""The committed page is what its sources give."""

from __future__ import annotations

import re
import subprocess

import pytest
from needs import ROOT, need_explorer, need_node

pytestmark = pytest.mark.node
EXPLORER = ROOT / "offchain" / "explorer"
BUILT = ROOT / "offchain" / "counterfoil" / "server" / "explorer"


def test_build__made_again__gives_the_committed_bytes(tmp_path):
    need_explorer()
    known = (EXPLORER / "src" / "known.json").read_bytes()
    done = subprocess.run(
        [need_node(), EXPLORER / "build.mjs", tmp_path / "made"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    made = {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}
    assert set(made) == {"index.html", "explorer.js", "explorer.css", "licences.txt"}
    assert {p.name for p in BUILT.iterdir() if p.is_file()} == set(made)
    for name, content in made.items():
        assert (BUILT / name).read_bytes() == content, f"{name} is stale: run `make explorer`"
    assert (EXPLORER / "src" / "known.json").read_bytes() == known, "stale: run `make explorer`"


def test_build__asks_no_other_site_and_is_one_classic_script():
    page = (BUILT / "index.html").read_text(encoding="utf-8")
    style = (BUILT / "explorer.css").read_text(encoding="utf-8")
    script = (BUILT / "explorer.js").read_text(encoding="utf-8")
    assert re.findall(r"<script[^>]*>", page) == ['<script defer src="explorer.js">']
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert "url(" not in style and "@import" not in style
    assert not re.search(r"^\s*(?:import|export)\b", script, re.MULTILINE)
    assert not re.search(r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|eval)\b", script)
    assert "window.ethereum" not in script and "eth_requestAccounts" not in script


def test_lock__holds_no_registry_address():
    lock = (EXPLORER / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
