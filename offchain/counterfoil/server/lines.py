"""The server's log: a JSON object a line, on standard error, without anything of a tensor's."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

FIELDS = (
    "method", "route", "path", "status", "milliseconds", "model", "version", "received", "sent",
    "receipt", "client", "reason",
)  # fmt: skip
"""What a line may have besides time, level and message."""


class Lines(logging.Formatter):
    """One JSON object a record. An exception is its class and places: its text may hold values."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage().strip(),
        }
        line |= {name: vars(record)[name] for name in FIELDS if name in vars(record)}
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, trace = record.exc_info
            line["error"] = kind.__name__
            line["at"] = [f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(trace)][-8:]
        return json.dumps(line, ensure_ascii=False)


def set_up() -> None:
    """Send the package's log and uvicorn's to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    for name in ("counterfoil", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    logging.getLogger("counterfoil").setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("asyncio").handlers = [handler]
