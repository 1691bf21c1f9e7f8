"""The page under /explorer, as it is and where it is not built."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from counterfoil.errors import RequestRefused
from counterfoil.server import explorer_page
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse


def get(folder, path):
    app = FastAPI()

    @app.exception_handler(RequestRefused)
    async def refused(_: Request, error: RequestRefused) -> JSONResponse:
        return JSONResponse({"error": str(error)}, error.status)

    explorer_page.add(app, folder)

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            return await http.get(path)

    return asyncio.run(ask())


def test_built_page__with_a_strict_policy():
    page = get(explorer_page.FOLDER, "/explorer/")
    assert page.status_code == 200 and "Counterfoil" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert get(explorer_page.FOLDER, "/explorer").headers["location"] == "/explorer/"
    script = get(explorer_page.FOLDER, "/explorer/explorer.js")
    assert script.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["/explorer", "/explorer/", "/explorer/index.html"])
def test_no_page__404(tmp_path, path):
    assert get(tmp_path / "none", path).status_code == 404


def test_other_files_of_the_folder__404(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "index.html").write_text("x")
    assert get(tmp_path, "/explorer/index.html").status_code == 200
    for name in ("notes.txt", "..%2findex.html", "%2e%2e/index.html", "INDEX.HTML"):
        assert get(tmp_path, f"/explorer/{name}").status_code == 404
