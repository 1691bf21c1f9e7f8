"""`counterfoil exec`: programs and their children as they are, with receipts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.inference.taking_part import isolated

COUNTERFOIL = Path(sys.executable).with_name("counterfoil")

MODEL = """
    import onnx, os, sys
    from onnx import TensorProto, helper
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n"]) for n in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y])
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), sys.argv[1])
"""

RUN = """
    import os, sys
    import numpy as np
    import onnxruntime
    def run(number=1.0):
        session = onnxruntime.InferenceSession(os.environ["MODEL"])
        return session.run(None, {"x": np.float32([number])})[0].tolist()
"""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    subprocess.run([sys.executable, "-c", textwrap.dedent(MODEL), path], check=True, timeout=120)
    return path


class Program:
    """A program in a folder of its own, run with receipts."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "MODEL": str(model),
            "COUNTERFOIL_HOME": str(folder / "home"),
            "COUNTERFOIL_SECRET": "cd" * 32,
        }

    def write(self, code: str) -> Path:
        script = self.folder / "program.py"
        script.write_text(textwrap.dedent(RUN) + textwrap.dedent(code))
        return script

    def start(self, *command: Any, options: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COUNTERFOIL, "exec", "--json", *options, "--", *map(str, command)],
            cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __call__(
        self,
        code: str,
        *arguments: str,
        options: tuple[str, ...] = (),
        python: tuple[str, ...] = (),
    ) -> tuple[int, str, dict[str, Any]]:
        """Its exit code, what it printed, and the report."""
        script = self.write(code)
        process = self.start(sys.executable, script, *arguments, options=options)
        out, err = process.communicate(timeout=180)
        return process.returncode, out, json.loads(err.splitlines()[-1])


@pytest.fixture
def program(tmp_path: Path, model: Path) -> Program:
    return Program(tmp_path, model)


def test_exec__program__as_it_is_with_receipts(program: Program) -> None:
    code, out, report = program(
        """
        print(run(), run(2.0), sys.argv[1:], [p for p in sys.path if "bootstrap" in p])
        """,
        "--sample",
        "-x",
    )
    assert code == 0
    assert out == "[1.0] [2.0] ['--sample', '-x'] []\n"
    assert report["receipts"] == 2 and report["processes"] == 1
    assert not report["unsealed"] and not report["unobserved"]


def test_exec__children_of_every_kind__take_part(program: Program) -> None:
    code, out, report = program(
        """
        import multiprocessing, subprocess
        if len(sys.argv) > 1:
            print(run(9.0))
        elif __name__ == "__main__":
            own = {k: os.environ[k] for k in ("MODEL", "COUNTERFOIL_HOME", "COUNTERFOIL_SECRET")}
            for env in (None, own):
                subprocess.run([sys.executable, __file__, "child"], env=env, check=True)
            for kind in ("spawn", "fork", "forkserver"):
                with multiprocessing.get_context(kind).Pool(1) as pool:
                    print(kind, pool.map(run, [1.0, 2.0]))
            if os.fork() == 0:
                run()
                os._exit(0)
            os.wait()
            os.execv(sys.executable, [sys.executable, __file__, "child"])
        """
    )
    assert code == 0
    assert sorted(out.split("\n")) == sorted(
        ["[9.0]"] * 3 + [f"{k} [[1.0], [2.0]]" for k in ("spawn", "fork", "forkserver")] + [""]
    )
    assert report["receipts"] == 3 + 6 + 1
    assert not report["unsealed"]


def test_exec__exit_code__the_programs_own(program: Program) -> None:
    assert program("run(); sys.exit(7)")[0] == 7
    code, _, report = program("os.environ['MODEL'] = ''; sys.exit(0)")
    assert (code, report["receipts"]) == (0, 0)


def test_exec__killed_by_a_signal__as_a_shell_says_and_nothing_lost(program: Program) -> None:
    code, _, report = program("run(); import signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert code == 128 + signal.SIGKILL
    assert report["receipts"] == 1


def test_exec__terminated__hands_the_signal_on(program: Program) -> None:
    script = program.write(
        """
        import signal, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        run()
        print("ready", flush=True)
        time.sleep(60)
        """
    )
    process = program.start(sys.executable, script)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 5
    process.communicate(timeout=60)


def test_exec__journal_unusable__the_program_goes_on_and_3(program: Program) -> None:
    database = program.folder / "home" / "data" / "local" / "journal.db"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"no database, but long enough to be looked at" * 100)
    code, out, report = program("print(run(), run())")
    assert (code, out) == (3, "[1.0] [1.0]\n")
    assert sum(report["unsealed"].values()) == 2
    code, _, _ = program("run(); sys.exit(4)")
    assert code == 4  # the program's own goes first


def test_exec__run_that_cannot_be_committed__reported(program: Program) -> None:
    code, out, report = program(
        """
        print(run())
        session = onnxruntime.InferenceSession(os.environ["MODEL"])
        print(session.run(None, {"x": np.array([1.0], ">f4")})[0].shape)
        """
    )
    assert (code, report["receipts"]) == (3, 1)
    assert out == "[1.0]\n(1,)\n"
    (reason,) = report["unsealed"]
    assert reason.startswith("BigEndianTensor: ")


@pytest.mark.parametrize("flag", ["-E", "-I", "-S"])
def test_exec__python_that_reads_no_pythonpath__said(program: Program, flag: str) -> None:
    process = program.start(sys.executable, flag, "-c", "print(1)")
    out, err = process.communicate(timeout=60)
    report = json.loads(err.splitlines()[-1])
    assert (process.returncode, out) == (3, "1\n")
    assert report["processes"] == 0 and report["receipts"] == 0


def test_exec__child_that_reads_no_pythonpath__said(program: Program) -> None:
    code, _, report = program(
        "import subprocess; run(); subprocess.run([sys.executable, '-Ic', 'pass'], check=True)"
    )
    assert code == 0
    assert list(report["shutOut"]) == [f"{sys.executable} -Ic"]


@pytest.mark.parametrize(
    ("line", "shut_out"),
    [
        ("python -E a.py", True),
        ("python3.11 -sI -c 1", True),
        ("python -W ignore -S a.py", True),
        ("python -X dev a.py -E", False),
        ("python -m tool -I", False),
        ("python -c 1 -E", False),
        ("python - -E", False),
        ("python --version", False),
        ("bash -E", False),
        ("", False),
    ],
)
def test_isolated__command_lines(line: str, shut_out: bool) -> None:
    assert (isolated(line.split()) is not None) == shut_out


def test_exec__sitecustomize_of_the_user__runs_too(program: Program) -> None:
    folder = program.folder / "theirs"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys\nsys.theirs = __file__\n")
    program.environment["PYTHONPATH"] = str(folder)
    code, out, report = program(
        "print(sys.theirs); print(sys.modules['sitecustomize'].__file__); run()"
    )
    assert code == 0 and report["receipts"] == 1
    assert set(out.split()) == {str(folder / "sitecustomize.py")}


def test_exec__sitecustomize_of_the_user_fails__as_without(program: Program) -> None:
    folder = program.folder / "theirs"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("raise ValueError('theirs')\n")
    program.environment["PYTHONPATH"] = str(folder)
    code, out, report = program("print(run())")
    assert (code, out, report["receipts"]) == (0, "[1.0]\n", 1)


def test_exec__python_without_counterfoil__said_if_it_runs_models(
    program: Program, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    (broken / "counterfoil").mkdir(parents=True)
    (broken / "counterfoil" / "__init__.py").write_text("raise ImportError('not here')\n")
    line = f'PYTHONPATH="$PYTHONPATH:{broken}" exec "{sys.executable}" "$0"'
    process = program.start("sh", "-c", line, program.write("print(run())"))
    out, err = process.communicate(timeout=120)
    report = json.loads(err.splitlines()[-1])
    assert (process.returncode, out) == (3, "[1.0]\n")
    (reason,) = report["unobserved"]
    assert "ImportError" in reason and "install counterfoil there" in reason


def test_exec__receipts__sampled_opened_and_written(program: Program) -> None:
    folder = program.folder / "out"
    options = ("--sample", "2", "--open", "outputs", "--keep", "1h", "--receipts", str(folder))
    code, _, report = program(
        """
        session = onnxruntime.InferenceSession(os.environ["MODEL"])
        for number in range(5):
            session.run(None, {"x": np.float32([number])})
        """,
        options=options,
    )
    assert (code, report["receipts"]) == (0, 3)
    files = [ReceiptFile.load(path) for path in sorted(folder.iterdir())]
    assert [f.receipt.sequence for f in files] == [0, 1, 2]
    shown = [f.opening.outputs.tensors[0].array().tolist() for f in files if f.opening]
    assert shown == [[0], [2], [4]]
    assert all(f.opening is not None and f.opening.inputs is None for f in files)


def test_exec__many_processes_at_once__no_number_twice(program: Program) -> None:
    code, _, report = program(
        """
        import multiprocessing
        def many(_):
            return [run() for _ in range(5)]
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(4) as pool:
                pool.map(many, range(4))
        """
    )
    assert code == 0
    (log,) = report["logs"]
    assert log["spans"] == [[0, 20]]


def test_exec__in_words__one_report_on_standard_error(program: Program) -> None:
    script = program.write("print(run())")
    done = subprocess.run(
        [COUNTERFOIL, "exec", "--", sys.executable, script],
        env=program.environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout == "[1.0]\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith("counterfoil: 1 receipt, number 0 of 0x")
    assert line.endswith("`counterfoil export FOLDER` writes them")


@pytest.mark.parametrize(("word", "code"), [("no-such-program-here", 127), ("/", 126)])
def test_exec__program_that_cannot_be_run__as_a_shell_says(
    program: Program, word: str, code: int
) -> None:
    process = program.start(word)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err.startswith(f"counterfoil: {word}: ")


def test_status__after_a_program__what_receipts_added(program: Program) -> None:
    program("run(); run(); run()")
    done = subprocess.run(
        [COUNTERFOIL, "status", "--json"],
        env=program.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    added = json.loads(done.stdout)["added"]
    assert added["runs"] == 3
    assert 0 < added["medianMicroseconds"] <= added["p99Microseconds"] < 60e6


def test_exec__nothing_configured__a_receipt_and_status_says_where_it_can_settle(
    program: Program,
) -> None:
    for name in [n for n in program.environment if n.startswith("COUNTERFOIL_")]:
        del program.environment[name]
    program.environment["COUNTERFOIL_HOME"] = str(program.folder / "nothing")
    code, _, report = program("run()")
    assert (code, report["receipts"]) == (0, 1)
    done = subprocess.run(
        [COUNTERFOIL, "status"],
        env=program.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "these receipts can never settle elsewhere" in " ".join(done.stdout.split())
    assert "99th percentile" in done.stdout
