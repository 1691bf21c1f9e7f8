"""The server's routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from counterfoil.errors import RequestRefused

from . import bodies, explorer_page, messages, openapi
from .asking import HEADER_LENGTH
from .logs import Logs
from .outermost import NOTED, Outermost, body_of
from .service import Sent, Service

TYPES = frozenset(
    {"", "application/json", "application/octet-stream", "application/x-www-form-urlencoded"}
)
"""Content types of a request: the protocol's, and what curl says if nobody tells it."""

ModelName = Annotated[str, Path(description="A folder of the repository.")]
Version = Annotated[str, Path(description="A whole number.")]
DigestPath = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{64}$", description="A receipt's digest.")]
Signer = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{40}$", description="A log's key.")]
First = Annotated[int, Path(ge=0, lt=2**63, description="A batch's first number.")]


def make(service: Service) -> FastAPI:
    """The application of one server."""

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await asyncio.to_thread(service.close)

    app = FastAPI(
        title="counterfoil serve",
        version=_version(),
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(Outermost, service=service)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _bad_path)
    _protocol(app, service)
    _receipts(app, service)
    _around(app, service)
    explorer_page.add(app)
    openapi.describe(app)
    return app


def _protocol(app: FastAPI, service: Service) -> None:
    @app.get("/v2/health/live", responses=openapi.answers(messages.Live))
    async def live() -> Response:
        """Whether the server runs."""
        return JSONResponse({"live": True})

    @app.get("/v2/health/ready", responses=openapi.answers(messages.Ready, 503))
    async def ready() -> Response:
        """Whether the server takes requests: its models are loaded and its journal seals."""
        reason = await asyncio.to_thread(service.unready)
        if reason is not None:
            raise RequestRefused(503, reason)
        return JSONResponse({"ready": True})

    @app.get("/v2", responses=openapi.answers(messages.ServerMetadata))
    async def server_metadata() -> Response:
        """The server's name, version and extensions."""
        return JSONResponse(
            {
                "name": "counterfoil",
                "version": _version(),
                "extensions": ["binary_tensor_data"],
            }
        )

    @app.get("/v2/models/{name}", responses=openapi.answers(messages.ModelMetadata, 404))
    async def model_metadata(name: ModelName) -> Response:
        """A model's inputs and outputs, of its highest version."""
        return JSONResponse(service.models.get(name).metadata(None))

    @app.get(
        "/v2/models/{name}/versions/{version}",
        responses=openapi.answers(messages.ModelMetadata, 404),
    )
    async def version_metadata(name: ModelName, version: Version) -> Response:
        """A version's inputs and outputs."""
        return JSONResponse(service.models.get(name).metadata(version))

    @app.get("/v2/models/{name}/ready", responses=openapi.answers(messages.Ready, 404))
    async def model_ready(name: ModelName) -> Response:
        """Whether a model takes requests."""
        service.models.get(name)
        return JSONResponse({"name": name, "ready": True})

    @app.get(
        "/v2/models/{name}/versions/{version}/ready",
        responses=openapi.answers(messages.Ready, 404),
    )
    async def version_ready(name: ModelName, version: Version) -> Response:
        """Whether a version takes requests."""
        service.models.get(name).version(version)
        return JSONResponse({"name": name, "ready": True})

    @app.post("/v2/models/{name}/infer", **openapi.INFER)
    async def infer(request: Request, name: ModelName) -> Response:
        """One inference of a model's highest version."""
        return await _infer(service, request, name, None)

    @app.post("/v2/models/{name}/versions/{version}/infer", **openapi.INFER)
    async def infer_version(request: Request, name: ModelName, version: Version) -> Response:
        """One inference of a version."""
        return await _infer(service, request, name, version)


async def _infer(service: Service, request: Request, name: str, version: str | None) -> Response:
    headers = request.headers
    service.models.get(name).version(version)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise RequestRefused(415, "Content-Type is application/json or application/octet-stream")
    coding = bodies.coding(headers.get("content-encoding"))
    bodies.declared_length(headers.get("content-length"), service.limits)
    with service.gate.accept(), service.held.counting() as add:
        began = asyncio.get_running_loop().time()
        sent = Sent(
            body=await bodies.read(request.receive, service.limits, add),
            coding=coding,
            header_length=headers.get(HEADER_LENGTH),
            wanted=bodies.wanted_coding(headers.get("accept-encoding")),
        )
        reply, receipt, number = await service.infer(name, version, sent, began)
    noted = request.scope[NOTED]
    noted |= {"model": name, "version": number}
    if receipt is not None:
        noted["receipt"] = "0x" + receipt.digest.hex()
    return Response(reply.body, headers=reply.headers)


def _receipts(app: FastAPI, service: Service) -> None:
    def logs() -> Logs:
        if service.logs is None:
            raise RequestRefused(404, "this server gives no receipts")
        return service.logs

    @app.get(
        "/v2/receipts/{digest}", responses=openapi.answers(messages.ReceiptFile, 400, 404, 503)
    )
    async def receipt(digest: DigestPath) -> Response:
        """A receipt's file, with its inclusion as soon as it is posted."""
        file, state = await service.read(logs().receipt, bytes.fromhex(digest[2:]))
        return Response(
            file.dump(),
            media_type="application/json",
            headers={"Counterfoil-State": state, "Cache-Control": "no-cache"},
        )

    @app.get("/v2/logs", responses=openapi.answers(messages.Logs, 404, 503))
    async def all_logs() -> Response:
        """Every log of the server's profile."""
        found = logs()

        def ask() -> list[dict[str, Any]]:
            return [found.state(journal) for journal in found.journals()]

        return JSONResponse({"logs": await service.read(ask)})

    @app.get("/v2/logs/{signer}", responses=openapi.answers(messages.Log, 400, 404, 503))
    async def one_log(signer: Signer) -> Response:
        """A log's state."""
        found = logs()
        return JSONResponse(await service.read(lambda: found.state(found.journal(signer))))

    @app.get(
        "/v2/logs/{signer}/batches/{first}",
        responses=openapi.answers(messages.BatchFile, 400, 404, 503),
    )
    async def batch_file(signer: Signer, first: First) -> Response:
        """A batch's file."""
        content = await service.read(logs().batch_file, signer, first)
        return Response(content, media_type="application/json")

    @app.get("/v2/events", responses=openapi.EVENTS)
    async def events() -> Response:
        """Receipts as they are posted and become final: server-sent events, from now on."""
        logs()
        assert service.following is not None
        return StreamingResponse(
            service.following.listen(),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )


def _around(app: FastAPI, service: Service) -> None:
    @app.get("/metrics", responses=openapi.text("Prometheus's text format."))
    async def metrics() -> Response:
        """Prometheus metrics."""
        content = await asyncio.to_thread(service.metrics.page)
        return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _http_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = {404: "there is nothing at this path", 405: "the path has no such method"}
    return Response(
        body_of(message.get(error.status_code, str(error.detail))),
        status_code=error.status_code,
        media_type="application/json",
        headers=dict(error.headers or {}),
    )


async def _bad_path(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return Response(
        body_of(f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}"),
        status_code=400,
        media_type="application/json",
    )


def _version() -> str:
    try:
        return version("counterfoil")
    except PackageNotFoundError:
        return "unknown"


__all__ = ["make"]
