"""Ape's half may take what was compiled before, unless anything that goes into it has changed."""

from __future__ import annotations

import json
import shutil

import pytest
from support import compiling


class Project:
    """Stands for Ape's: notes how it was asked, and writes a cache."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    def load_contracts(self, use_cache: bool = True) -> None:
        self.asked.append(use_cache)
        if not use_cache:
            compiling.CACHE.parent.mkdir(exist_ok=True)
            compiling.CACHE.write_text(cache("0x00"))


def cache(code: str) -> str:
    made = {"deploymentBytecode": {"bytecode": code}, "runtimeBytecode": {"bytecode": "0x"}}
    return json.dumps({"contractTypes": {"Made": made}})


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    shutil.copytree(compiling.ROOT / "contracts", tmp_path / "contracts")
    shutil.copy(compiling.ROOT / "ape-config.yaml", tmp_path)
    for name in ("CACHE", "STAMP"):
        place = tmp_path / getattr(compiling, name).relative_to(compiling.ROOT)
        monkeypatch.setattr(compiling, name, place)
    monkeypatch.setattr(compiling, "ROOT", tmp_path)
    return Project()


def append(name: str) -> None:
    with (compiling.ROOT / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n")


def test_load_contracts__nothing_changed__compiled_once(project):
    for _ in range(3):
        compiling.load_contracts(project)
    assert project.asked == [False, True, True]


@pytest.mark.parametrize(
    "name",
    [
        "contracts/ReceiptLedger.vy",
        "contracts/modules/merkle_path.vy",
        "contracts/interfaces/IBonds.vyi",
        "ape-config.yaml",
    ],
)
def test_load_contracts__source_changed__compiled_anew(project, name):
    compiling.load_contracts(project)
    append(name)
    compiling.load_contracts(project)
    compiling.load_contracts(project)
    assert project.asked == [False, False, True]


def test_load_contracts__source_renamed_or_gone__compiled_anew(project):
    compiling.load_contracts(project)
    module = compiling.ROOT / "contracts/modules/merkle_path.vy"
    module.rename(module.with_name("merkle_way.vy"))
    compiling.load_contracts(project)
    module.with_name("merkle_way.vy").unlink()
    compiling.load_contracts(project)
    assert project.asked == [False, False, False]


def test_load_contracts__another_compiler__compiled_anew(project, monkeypatch):
    compiling.load_contracts(project)
    monkeypatch.setattr(compiling, "version", lambda name: "0")
    compiling.load_contracts(project)
    assert project.asked == [False, False]


@pytest.mark.parametrize("content", [cache("0x01"), '{"contractTypes": {}}', "{}", "{", None])
def test_load_contracts__cache_another_wrote__compiled_anew(project, content):
    compiling.load_contracts(project)
    if content is None:
        compiling.CACHE.unlink()
    else:
        compiling.CACHE.write_text(content)
    compiling.load_contracts(project)
    assert project.asked == [False, False]
