"""The explorer under /explorer: a page that checks receipts in the reader's own browser."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI, Response

from counterfoil.errors import RequestRefused

FOLDER: Final = Path(__file__).parent / "explorer"

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Its own script and nobody's else; connections to the RPC of the reader's choice."""


def add(app: FastAPI, folder: Path = FOLDER) -> None:
    """Serve what is in the folder when the server begins: by name, so no path leads out."""
    files = (
        {p.name: p for p in folder.iterdir() if p.is_file() and p.suffix in TYPES}
        if folder.is_dir()
        else {}
    )

    def found(name: str) -> Response:
        path = files.get(name)
        if path is None:
            raise RequestRefused(404, "there is nothing at this path")
        return Response(
            path.read_bytes(),
            headers={
                "Content-Type": TYPES[path.suffix],
                "Content-Security-Policy": POLICY,
                "Referrer-Policy": "no-referrer",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cache-Control": "no-cache",
            },
        )

    @app.get("/explorer", include_in_schema=False)
    def bare() -> Response:
        # Relative names in the page need the slash.
        if "index.html" not in files:
            raise RequestRefused(404, "there is nothing at this path")
        return Response(status_code=307, headers={"Location": "/explorer/"})

    @app.get("/explorer/", include_in_schema=False)
    def page() -> Response:
        return found("index.html")

    @app.get("/explorer/{name}", include_in_schema=False)
    def part(name: str) -> Response:
        return found(name)
