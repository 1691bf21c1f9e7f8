"""A process under `counterfoil exec`: every inference in it gets a receipt, and it reports.

All processes of a program append lines to one file. A line is written at once, so that neither
`os._exit` nor a kill loses what was sealed. onnxruntime is imported by the program or by nobody.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import active
from .arming import arm

if TYPE_CHECKING:
    from .runs import Policy
    from .sealed_receipt import SealedReceipt

FOLDER = "COUNTERFOIL_EXEC"
"""Variable with the folder of the report and of the settings."""

EVENTS = "events"
SETTINGS = "settings.json"
BOOTSTRAP = Path(__file__).parent / "bootstrap"


def environment(folder: Path, base: Mapping[str, str]) -> dict[str, str]:
    """A program's environment, in which its Pythons take part."""
    behind = [p for p in base.get("PYTHONPATH", "").split(os.pathsep) if p]
    path = [str(BOOTSTRAP), *(p for p in behind if p != str(BOOTSTRAP))]
    return {**base, FOLDER: str(folder), "PYTHONPATH": os.pathsep.join(path)}


def begin(folder: str) -> None:
    """Take part, from now until the process ends."""
    settings = json.loads((Path(folder) / SETTINGS).read_text())
    arm()
    active.enter(_Everything(Path(folder) / EVENTS, settings), everywhere=True)
    _follow_children(Path(folder))


class _Everything:
    """The recording of a whole process."""

    closed = False
    quiet = True

    def __init__(self, events: Path, settings: Mapping[str, Any]) -> None:
        self._events = events
        self._settings = settings
        self._policy: Policy | None = None

    def policy(self) -> Policy:
        """How runs are sealed; made at the first run, as only then the engine is wanted."""
        if self._policy is None:
            from .openable import Openable
            from .runs import Policy
            from .sampling import sampler
            from .sealing import RunSealer, request_digest

            given = self._settings
            opened = given["open"]
            self._policy = Policy(
                sealer=RunSealer(
                    journal=None,
                    profile=given["profile"],
                    keep=given["keep"],
                    public=given["public"],
                    openable=Openable.of(tuple(opened) if isinstance(opened, list) else opened),
                ),
                strict=False,
                request=request_digest(None),
                sample=sampler(given["sample"]),
                quiet=True,
            )
        return self._policy

    def add(self, receipt: SealedReceipt) -> None:
        """Report a receipt."""
        r = receipt.receipt
        _tell(self._events, f"sealed {r.signer} {r.sequence}")

    def failed(self, error: BaseException) -> None:
        """Report a run that got none."""
        _tell(self._events, f"unsealed {type(error).__name__}: {' '.join(str(error).split())}")


def _tell(events: Path, line: str) -> None:
    with suppress(OSError):
        number = os.open(events, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(number, line.encode("utf-8", "replace")[:2000] + b"\n")
        finally:
            os.close(number)


# Children


def _follow_children(folder: Path) -> None:
    """Give children that get an environment of their own what makes them take part."""
    start: Any = subprocess.Popen.__init__

    @functools.wraps(start)
    def started(self: Any, args: Any, *rest: Any, **kwargs: Any) -> None:
        env = kwargs.get("env")
        if env is not None and folder.is_dir():
            kwargs["env"] = _joined(env, folder)
        if (why := _shut_out(args)) is not None:
            _tell(folder / EVENTS, f"child {why}")
        start(self, args, *rest, **kwargs)

    subprocess.Popen.__init__ = started  # type: ignore[method-assign]


def _joined(env: Any, folder: Path) -> Any:
    try:
        if any(isinstance(key, bytes) for key in env):
            return env
        return environment(folder, env)
    except Exception:  # whatever it is, Popen judges it
        return env


def _shut_out(args: Any) -> str | None:
    """A child's command line, where it is a Python that reads no PYTHONPATH."""
    if isinstance(args, str | bytes | os.PathLike) or not isinstance(args, Iterable):
        return None
    words = [os.fsdecode(a) for a in args if isinstance(a, str | bytes | os.PathLike)]
    return isolated(words)


def isolated(words: list[str]) -> str | None:
    """A command line without its arguments, if it is a Python told to read no PYTHONPATH."""
    if not words or not Path(words[0]).name.startswith(("python", "pypy")):
        return None
    skip = False
    for word in words[1:]:
        if skip:
            skip = False
            continue
        if not word.startswith("-") or word.startswith("--") or word == "-":
            return None
        letters = word[1:]
        for place, letter in enumerate(letters):
            if letter in "cm":
                return None
            if letter in "EIS":
                return f"{words[0]} {word}"
            if letter in "WX":
                skip = place == len(letters) - 1  # its value is the next word
                break
    return None


__all__ = ["BOOTSTRAP", "EVENTS", "FOLDER", "SETTINGS", "begin", "environment", "isolated"]
