"""Published packages that run ONNX models inside: the same results, and receipts for each run."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from counterfoil.formats.receipt_file import ReceiptFile
from needs import ROOT, missing

pytestmark = pytest.mark.slow

LOCK = ROOT / "requirements" / "peers.txt"

IMAGE = """
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont
    picture = Image.new("RGB", (320, 64), "white")
    ImageDraw.Draw(picture).text((10, 10), "Invoice 2041", "black", ImageFont.load_default(32))
    picture = np.asarray(picture)
"""

PROGRAMS = {
    "magika": (
        """
        import magika
        tool = magika.Magika()
        for text in (b"import os\\n\\ndef main():\\n    print(1)\\n", b"<html><p>hello</p></html>"):
            result = tool.identify_bytes(text)
            print(result.output.label, float(result.score).hex())
        """,
        "python",
        2,
    ),
    "rapidocr": (
        IMAGE
        + """
    from rapidocr_onnxruntime import RapidOCR
    found, _ = RapidOCR()(picture)
    for box, text, score in found:
        print(box, text, float(score).hex())
    """,
        "Invoice",
        3,
    ),
    "nudenet": (
        """
        import hashlib
        import numpy as np
        from nudenet import NudeDetector
        detector = NudeDetector()
        print(detector.detect(np.random.default_rng(1).integers(0, 255, (240, 240, 3), np.uint8)))
        feed = {detector.onnx_session.get_inputs()[0].name: np.ones((1, 3, 320, 320), np.float32)}
        print(hashlib.sha256(detector.onnx_session.run(None, feed)[0].tobytes()).hexdigest())
        """,
        "[]",
        2,
    ),
}
"""A program of each package, a word of what it prints, and how many runs it makes at least."""


@pytest.fixture(scope="session")
def peers() -> Path:
    """An environment of their own, made once for each lock file."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        missing("needs uv beside Python: `make` installs it")
    name = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / ".cache" / f"peers-{name}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        install = [str(uv), "pip", "install", "--quiet", "--python", str(python)]
        for command in (
            [str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [*install, "--require-hashes", "-r", str(LOCK)],
            [*install, "--no-deps", "--editable", str(ROOT)],
        ):
            subprocess.run(command, check=True, timeout=600)
        (folder / "ready").touch()
    return folder


def run(*command: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COUNTERFOIL_HOME": str(home), "COUNTERFOIL_SECRET": "ab" * 32}
    return subprocess.run(
        list(map(str, command)),
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


COUNTERFOIL = Path(sys.executable).with_name("counterfoil")


@pytest.mark.parametrize("name", PROGRAMS)
def test_exec__published_package__same_results_and_receipts(
    peers: Path, tmp_path: Path, name: str
) -> None:
    code, word, least = PROGRAMS[name]
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(code))
    python = peers / "bin" / "python"
    bare = run(python, script, home=tmp_path)
    assert bare.returncode == 0, bare.stderr
    assert word in bare.stdout
    folder = tmp_path / "receipts"
    with_receipts = run(
        COUNTERFOIL, "exec", "--json", "--keep", "1h", "--receipts", folder, "--", python, script,
        home=tmp_path,
    )  # fmt: skip
    assert with_receipts.returncode == 0, with_receipts.stderr
    assert with_receipts.stdout == bare.stdout
    report = json.loads(with_receipts.stderr.splitlines()[-1])
    assert report["receipts"] >= least and not report["unsealed"]
    files = [ReceiptFile.load(path) for path in sorted(folder.iterdir())]
    assert len(files) == report["receipts"]
    shipped = {
        hashlib.sha256(path.read_bytes()).digest()
        for path in peers.glob("lib/python*/site-packages/**/*.onnx")
    }
    for file in files:
        assert file.receipt.signed_by(file.signature, file.chain_id, file.ledger)
        assert file.preimage.model.files[0].sha256 in shipped
        assert file.opening.outputs.commitment().digest == file.receipt.outputs


def test_exec__console_script_of_a_package__receipts(peers: Path, tmp_path: Path) -> None:
    draw = tmp_path / "draw.py"
    draw.write_text(textwrap.dedent(IMAGE + "\n    Image.fromarray(picture).save('text.png')\n"))
    subprocess.run([peers / "bin" / "python", draw], cwd=tmp_path, check=True, timeout=120)
    command = [peers / "bin" / "rapidocr_onnxruntime", "-img", tmp_path / "text.png"]
    bare = run(*command, home=tmp_path)
    done = run(COUNTERFOIL, "exec", "--", *command, home=tmp_path)
    assert done.returncode == bare.returncode == 0, done.stderr
    told, seen = (
        text.partition("INFO: ")[2].splitlines()[0] for text in (bare.stderr, done.stderr)
    )
    assert told == seen and "Invoice" in seen
    assert "receipts, numbers 0 to" in done.stderr


def test_exec__program_that_is_no_python__said(peers: Path, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\n\n\ndef main():\n    print(os.getcwd())\n" * 5)
    done = run(
        COUNTERFOIL, "exec", "--", peers / "bin" / "magika", tmp_path / "a.py", home=tmp_path
    )
    assert "Python source" in done.stdout
    assert done.returncode == 3
    assert "nothing of the program was seen: it is no Python program" in done.stderr
