"""`counterfoil show --link`: a receipt in a page's address."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest
from counterfoil.cli.links import MAX_LINK, file_of, fragment_of
from counterfoil.errors import LinkTooLong, MalformedFile

FILES = Path(__file__).parents[2] / "vectors" / "files"
FULL = FILES / "good-full.json"


@pytest.fixture
def show(invoke) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        done = invoke("show", *arguments)
        return done.code, done.out, done.err

    return run


def test_show_link__holds_the_file_and_opens_the_shipped_page(show):
    code, out, said = show(FULL, "--link")
    page, mark, _ = out.strip().partition("#r=")
    assert (code, mark) == (0, "#r=")
    assert file_of(out.strip()) == FULL.read_bytes()
    assert Path(url2pathname(urlparse(page).path)).name == "index.html"
    assert Path(url2pathname(urlparse(page).path)).is_file()
    assert "--no-openings" in said


def test_show_link__without_openings__keeps_tensors_back(show):
    page = "https://receipts.example/explorer/"
    code, out, said = show(FULL, "--link", "--explorer", page, "--no-openings", "--json")
    data = json.loads(out)
    assert (code, said, data["opens"], data["limit"]) == (0, "", False, MAX_LINK)
    assert data["link"].startswith(page + "#r=")
    kept = json.loads(file_of(data["link"]))
    assert "opening" not in kept
    assert kept["signature"] == json.loads(FULL.read_bytes())["signature"]


def test_show_link__too_long__says_what_to_do(show, tmp_path):
    noise = json.loads(FULL.read_bytes())
    noise["more"] = "".join(f"{i * 2654435761 % 2**32:08x}" for i in range(20_000))
    (tmp_path / "big.json").write_text(json.dumps(noise))
    code, out, _ = show(tmp_path / "big.json", "--link", "--json")
    assert (code, json.loads(out)["error"]["class"]) == (65, "LinkTooLong")
    with pytest.raises(LinkTooLong, match="over 64000: send the file"):
        fragment_of((tmp_path / "big.json").read_bytes())


def test_show_link__no_receipt_or_wrong_options__refused(show):
    assert show(FILES / "good-batch.json", "--link")[0] == 65
    assert show(FULL, "--no-openings")[0] == 2
    assert show(FULL, "--link", "--explorer", "https://x.example/#r=")[0] == 2


@pytest.mark.parametrize("link", ["", "#r=", "#r=AAAA", "#r=%%%%", fragment_of(b"{}" * 99)[:-4]])
def test_link__cut_off__refused(link):
    with pytest.raises(MalformedFile, match="holds no receipt, or is cut off"):
        file_of(link)
