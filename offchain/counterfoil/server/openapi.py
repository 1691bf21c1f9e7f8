"""What OpenAPI says of the server, beyond what FastAPI finds out."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from . import messages
from .asking import HEADER_LENGTH

PLACE: Final = "#/components/schemas/"

MEANINGS: Final = {
    400: "The request is not right.",
    401: "A token is wanted.",
    403: "The host or origin is refused.",
    404: "There is no such thing here.",
    405: "The path has no such method.",
    408: "The body came too slowly.",
    413: "The body or a tensor is too large.",
    415: "The content type or coding is not taken.",
    431: "The head is too large.",
    500: "The server failed.",
    503: "Not now.",
    504: "The run took too long.",
}

_PROBLEM: Final = {
    "content": {"application/json": {"schema": {"$ref": PLACE + "Problem"}}},
}


def answers(model: type[BaseModel], *problems: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route: `model`, and these errors besides those of every route."""
    return {
        200: {"description": "Done.", "content": _json(model)},
        **_problems(*problems),
    }


def text(description: str) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that gives text."""
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {200: {"description": description, "content": content}, **_problems()}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": PLACE + model.__name__}}}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    every = sorted({*statuses, 401, 403, 500})
    return {status: {"description": MEANINGS[status], **_PROBLEM} for status in every}


_BYTES: Final = {"schema": {"type": "string", "format": "binary"}}

EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A stream.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **_problems(404, 503),
}

INFER: Final[dict[str, Any]] = {
    "responses": {
        200: {
            "description": "The answer; with binary outputs, JSON and then their bytes.",
            "content": {**_json(messages.InferResponse), "application/octet-stream": _BYTES},
            "headers": {
                "Counterfoil-Receipt": {
                    "description": "The receipt's digest.",
                    "schema": {"type": "string", "pattern": "^0x[0-9a-f]{64}$"},
                }
            },
        },
        **_problems(400, 404, 408, 413, 415, 503, 504),
    },
    "openapi_extra": {
        "parameters": [
            {
                "name": HEADER_LENGTH,
                "in": "header",
                "required": False,
                "description": "Bytes of JSON before the binary tensors.",
                "schema": {"type": "integer", "minimum": 1},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                **_json(messages.InferRequest),
                "application/octet-stream": _BYTES,
            },
        },
    },
}


def describe(app: FastAPI) -> None:
    """Have the application serve the whole description at /openapi.json."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _description(app)
        return app.openapi_schema

    app.openapi = made  # type: ignore[method-assign]


def _description(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(title=app.title, version=app.version, routes=app.routes)
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for model in vars(messages).values():
        if isinstance(model, type) and issubclass(model, BaseModel) and model is not BaseModel:
            schema = model.model_json_schema(ref_template=PLACE + "{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
    for name in [n for n in schemas if n.startswith("_") or n.endswith("ValidationError")]:
        del schemas[name]
    found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path in found["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    return found
