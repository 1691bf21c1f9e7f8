"""docs/ and the README agree with the code and with each other."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from counterfoil import errors

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    path = ROOT / "scripts" / "write_commands.py"
    spec = importlib.util.spec_from_file_location("write_commands", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_commands_page__is_what_the_commands_say(writer):
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == writer.page(), "run: python scripts/write_commands.py"


def test_commands_page__lines_fit_80_columns(writer):
    page = writer.page()
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    blocks = [block for language, block in found if not language]
    assert len(blocks) > 13
    assert max(len(line) for block in blocks for line in block.splitlines()) <= 80


def test_commands_page__example_profile_loads(writer, monkeypatch, tmp_path):
    from counterfoil import config

    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path))
    example = re.search(r"```toml\n(.*?)```", writer.page(), re.DOTALL)[1]
    (tmp_path / "config.toml").write_text(example)
    assert (
        config.load_profile().chain_id == tomllib.loads(example)["profiles"]["sepolia"]["chain_id"]
    )


def test_exit_codes__one_meaning_each(writer):
    own = [code for code, _ in writer.CODES]
    assert len(set(own)) == len(own)
    shared = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.CounterfoilError)
    }
    assert not (shared & (set(own) - {3}))  # 3 is also the class of the same condition
    assert errors.Unsealed.exit_code == 3


def anchors(page: Path) -> set[str]:
    """Headings as a page's links name them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        found.add(plain.replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links__resolve(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), f"{page.name}: {target}"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{page.name}: {target}"
