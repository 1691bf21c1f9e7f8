"""What the demo runs: the model that the package magika ships, over real files of this machine.

The features are magika's, version 2: the first and last 1,024 bytes of the file, stripped of
white space and padded with 256. A test holds them equal to the package's own.
"""

from __future__ import annotations

import importlib.util
import json
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import DemoMissing


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTypeModel:
    """magika's model with what its features need.

    Attributes:
        path: the ONNX file, int32[n,2048] → float32[n,214].
        labels: names of the outputs.
        half: bytes taken from each end of a file.
        block: bytes read from each end.
        padding: the token past a file's end.
    """

    path: Path
    labels: tuple[str, ...]
    half: int
    block: int
    padding: int

    @classmethod
    def shipped(cls) -> FileTypeModel:
        """The newest standard model in the installed package.

        Raises:
            DemoMissing: magika is not installed.
        """
        spec = importlib.util.find_spec("magika")
        if spec is None or spec.origin is None:
            raise DemoMissing("magika is not installed: pip install 'counterfoil[demo]'")
        models = sorted((Path(spec.origin).parent / "models").glob("standard_*/model.onnx"))
        if not models:
            raise DemoMissing("the installed magika ships no standard model: update it")
        settings = json.loads((models[-1].parent / "config.min.json").read_text())
        return cls(
            path=models[-1],
            labels=tuple(settings["target_labels_space"]),
            half=settings["beg_size"],
            block=settings["block_size"],
            padding=settings["padding_token"],
        )

    def features(self, content: bytes) -> NDArray[np.int32]:
        """A file's features, shape (1, 2 × half)."""
        head = content[: self.block].lstrip()[: self.half]
        tail = content[-self.block :].rstrip()[-self.half :]
        row = np.full(2 * self.half, self.padding, dtype=np.int32)
        row[: len(head)] = np.frombuffer(head, dtype=np.uint8)
        if tail:
            row[-len(tail) :] = np.frombuffer(tail, dtype=np.uint8)
        return row.reshape(1, -1)


def real_files(count: int) -> list[Path]:
    """Files of this package, and of what else is installed, of as many types as there are.

    Args:
        count: how many, spread over the file name suffixes in turn.
    """
    by_suffix: dict[str, list[Path]] = {}
    own = Path(__file__).resolve().parents[1]
    folders = [own, Path(sysconfig.get_paths()["purelib"])]
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if "__pycache__" in path.parts or not path.is_file() or path.stat().st_size < 64:
                continue
            kept = by_suffix.setdefault(path.suffix.lower(), [])
            if len(kept) < count:
                kept.append(path)
    chosen: list[Path] = []
    queues = [by_suffix[suffix] for suffix in sorted(by_suffix)]
    while len(chosen) < count and queues:
        chosen += [queue.pop(0) for queue in queues][: count - len(chosen)]
        queues = [queue for queue in queues if queue]
    return chosen
