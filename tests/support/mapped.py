"""A home, a model, a data set, and `counterfoil map` on them: run here, or as a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import onnxruntime
from click.testing import CliRunner
from counterfoil import config, keys, mapping
from counterfoil.cli import main
from counterfoil.formats.tensor import Tensor, commit
from counterfoil.journal import Journal
from support.data_sets import rows, save, save_model

COMMAND = [sys.executable, "-c", "from counterfoil.cli import main; main()", "map"]


class Scene:
    """A home, a model, a data set of `ROWS` rows, and the command on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.model = save_model(folder / "model.onnx")
        self.data = save(folder, "npz", rows())
        self.out = folder / "out"

    def start(self, *options: object, point: str = "", data: Path | None = None):
        environment = {
            **os.environ,
            "COUNTERFOIL_HOME": str(self.home),
            "COUNTERFOIL_SECRET": "ab" * 32,
            "COUNTERFOIL_FAILPOINT": point,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        command = [*COMMAND, self.model, data or self.data, "--out", self.out, *options]
        return subprocess.Popen(
            list(map(str, command)),
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *options: object, point: str = "", data: Path | None = None, code: int = 0):
        """The command's JSON; a process of its own where a point may kill it."""
        if not point:
            command = ["map", self.model, data or self.data, "--out", self.out, "--json", *options]
            variables = {"COUNTERFOIL_HOME": str(self.home), keys.SECRET: "ab" * 32}
            found = CliRunner(env=variables).invoke(main, list(map(str, command)))
            assert found.exit_code == code, found.output
            return json.loads(found.output)
        process = self.start("--json", *options, point=point, data=data)
        out, err = process.communicate(timeout=240)
        assert process.returncode == code, out + err
        return json.loads(out) if out else {}

    def check(self, values=None, *, logs: int = 1, batch: int = 0) -> None:
        """Outputs bit for bit those of a plain loop; one receipt a row, each of its outputs."""
        values = rows() if values is None else values
        wanted = plain_loop(self.model, values, batch)
        outputs = list(mapping.outputs(self.out))
        assert [o.row for o in outputs] == list(range(len(values)))
        for output, expected in zip(outputs, wanted, strict=True):
            assert output.tensors[0].data == expected.tobytes()
            assert output.tensors[0].shape == expected.shape
        journals = {j.signer: j for j in self.journals(logs)}
        receipts = list(mapping.receipts(self.out))
        assert [r.row for r in receipts] == list(range(len(values)))
        found = mapping.job.load(self.out)
        for receipt, output, value in zip(receipts, outputs, values, strict=True):
            sealed = receipt.sealed
            assert receipt.note is None
            r = sealed.receipt
            assert r.signed_by(sealed.signature, sealed.chain_id, sealed.ledger) == r.signer
            assert r.request == found.requests(receipt.row, receipt.row + 1)[0].tobytes()
            journal = journals[r.signer]
            assert journal.get(r.sequence).receipt == r
            masters = journal.masters(r.sequence)
            assert commit(output.tensors, masters[1]).digest == r.outputs
            given = Tensor.of("x", value.reshape(1, 4))
            assert commit([given], masters[0]).digest == r.inputs
        numbers = {(r.sealed.receipt.signer, r.sealed.receipt.sequence) for r in receipts}
        assert len(numbers) == len(values), "a receipt for two rows"
        assert sum(j.next_sequence() for j in journals.values()) == len(values), "sealed twice"
        for journal in journals.values():
            journal.close()

    def journals(self, logs: int = 1) -> Iterator[Journal]:
        before = {n: os.environ.get(n) for n in ("COUNTERFOIL_HOME", keys.SECRET)}
        os.environ |= {"COUNTERFOIL_HOME": str(self.home), keys.SECRET: "ab" * 32}
        try:
            for n in range(1, logs + 1):
                profile = config.load_profile("local" if n == 1 else f"local.{n}")
                yield from Journal.open_all(profile)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def plain_loop(model: Path, values, batch: int = 0):
    """Bare onnxruntime, a row at a time, or so many."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.read_bytes(), options)
    size = batch or 1
    for at in range(0, len(values), size):
        (found,) = session.run(None, {"x": values[at : at + size]})
        yield from (found[n : n + 1] for n in range(len(found)))


def ended(process) -> int:
    process.communicate(timeout=240)
    return process.returncode


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def done_blocks(scene: Scene) -> int:
    return len(list((scene.out / "receipts").glob("part-*"))) if scene.out.exists() else 0


def wait_for(condition, process) -> bool:
    """Whether it became true before the process ended."""
    deadline = time.monotonic() + 120
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return True


def wait_for_end(pids: list[int], within: float = 20) -> bool:
    """Whether all of them ended in so many seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        alive = [p for p in pids if Path(f"/proc/{p}/stat").exists() and not zombie(p)]
        if not alive:
            return True
        time.sleep(0.05)
    return False


def zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
