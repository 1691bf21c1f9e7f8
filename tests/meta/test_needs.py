"""What is missing is skipped with a reason, and in CI it fails."""

import pytest
from needs import MODULES, need_anvil, need_node


@pytest.fixture(params=["not on PATH", "no packages"])
def without_node(request, monkeypatch, tmp_path):
    if request.param == "not on PATH":
        monkeypatch.setenv("PATH", str(tmp_path))
    else:
        (tmp_path / "node").write_text("#!/bin/sh\n")
        (tmp_path / "node").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("needs.MODULES", tmp_path)


@pytest.mark.parametrize("need", [need_node, need_anvil])
def test_need__missing_on_a_developer_s_machine__skips_with_the_reason(
    need, without_node, monkeypatch
):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"needs .*(PATH|make node)"):
        need()


@pytest.mark.parametrize("need", [need_node, need_anvil])
def test_need__missing_in_ci__fails(need, without_node, monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="and CI must have it"):
        need()


@pytest.mark.skipif(not (MODULES / ".bin/anvil").exists(), reason="needs `make node`")
def test_need_anvil__not_on_path__is_found_in_node_modules(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert need_anvil() == MODULES / ".bin/anvil"
