"""`make growth`: how cost grows with the receipts of one log, by tens up to 10^6 or 10^7.

One journal is filled further and further. At each size the real commands run as processes of
their own, against an anvil on loopback: memory is a process's peak, as the kernel saw it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from counterfoil.config import load_profile
from counterfoil.journal import Draft, Journal

from . import machine
from .home import drafts

BATCH = 2**16
"""Receipts that are settled at a time, as a busy operator would."""

GROUP = 1024
LOOKS = 50
BEGIN, END = "<!-- growth: begin -->", "<!-- growth: end -->"

LOOK = """
import json, random, sys, time
from counterfoil.config import load_profile
from counterfoil.journal import Journal
total = int(sys.argv[1])
chance = random.Random(total)
with Journal.open(load_profile(), create=False) as journal:
    times = []
    for _ in range(int(sys.argv[2])):
        number = chance.randrange(total)
        began = time.perf_counter()
        file = journal.receipt_file(number)
        times.append(time.perf_counter() - began)
        assert file.inclusion is not None
print(json.dumps(times))
"""


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds on the clock, and of processors: these hardly know what else the machine does."""

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: Took) -> Took:
        return Took(self.wall + other.wall, self.cpu + other.cpu)


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """What was measured with so many receipts in the log.

    Attributes:
        receipts: in the journal, all settled.
        journal: bytes of the database.
        sealing: what all receipts so far took to seal, in groups of 1,024.
        one: seconds of one more receipt sealed alone, median.
        settling: what all settling processes so far took, their start included.
        settling_memory: peak bytes of the last of them.
        look: seconds of a receipt's file with its path, in a fresh process, median.
        audit: what `counterfoil audit` took, its start included.
        audit_memory: peak bytes of it.
    """

    receipts: int
    journal: int
    sealing: Took
    one: float
    settling: Took
    settling_memory: int
    look: float
    audit: Took
    audit_memory: int


def main() -> int:
    """Fill, measure, print, and write the page."""
    parser = argparse.ArgumentParser(prog="growth", description=__doc__)
    parser.add_argument("--most", type=int, default=10**6, help="receipts, a power of ten")
    parser.add_argument("--write", type=Path, help="write the table into this page")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the node ends with us
    sizes = [10**power for power in range(3, round(math.log10(arguments.most)) + 1)]
    found = []
    with home() as folder, node():
        for at in measured(folder, sizes):
            found.append(at)
            print(row(at), flush=True)
    print(exponents(found))
    if arguments.write is not None:
        page = arguments.write.read_text()
        before, _, rest = page.partition(BEGIN)
        _, _, after = rest.partition(END)
        arguments.write.write_text(f"{before}{BEGIN}\n{text(found)}\n{END}{after}")
        draw(arguments.write.with_suffix(".svg"), found)
    return 0


@contextmanager
def home() -> Iterator[Path]:
    """A home with nothing in it; batch files are published into a folder of it."""
    folder = Path(tempfile.mkdtemp(prefix="growth-", dir=os.environ.get("COUNTERFOIL_BENCH_DISK")))
    os.environ |= {
        "COUNTERFOIL_HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "COUNTERFOIL_PUBLISH": str(folder / "published"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def node() -> Iterator[None]:
    """`counterfoil up` on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [*command("up"), "--port", str(port)]
    up = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert up.stdout is not None
        for line in up.stdout:
            if line.startswith("Ctrl-C"):
                break
        yield
    finally:
        up.terminate()
        up.wait(60)


def command(name: str) -> list[str]:
    """A command of the program."""
    return [sys.executable, "-c", "from counterfoil.cli import main; main()", name]


def measured(folder: Path, sizes: Sequence[int]) -> Iterator[At]:
    """Fill the log to each size, and measure there."""
    sealing = settling = Took()
    filled = 0
    with Journal.open(load_profile()) as journal:
        signer = journal.signer
    for size in sizes:
        memory = 0
        while filled < size:
            aim = min(size, (filled // BATCH + 1) * BATCH)
            with Journal.open(load_profile()) as journal:
                while filled < aim:
                    group = fresh(min(GROUP, aim - filled))
                    began = Took(time.perf_counter(), time.process_time())
                    journal.seal_many(group)
                    sealing += Took(
                        time.perf_counter() - began.wall, time.process_time() - began.cpu
                    )
                    filled += len(group)
            took, memory, _ = process(command("settle"))
            settling += took
        times = json.loads(process([sys.executable, "-c", LOOK, str(size), str(LOOKS)])[2])
        words = [*command("audit"), signer, "--mirror", str(folder / "published"), "--json"]
        audit, audit_memory, answer = process(words)
        assert not json.loads(answer)["problems"]
        yield At(
            receipts=size,
            journal=sum(f.stat().st_size for f in folder.rglob("journal.db*")),
            sealing=sealing,
            one=alone(),
            settling=settling,
            settling_memory=memory,
            look=statistics.median(times),
            audit=audit,
            audit_memory=audit_memory,
        )
        filled += ALONE


ALONE = 50


def alone() -> float:
    """Seconds of a receipt that is sealed by itself, median."""
    times = []
    with Journal.open(load_profile()) as journal:
        for draft in fresh(ALONE):
            began = time.perf_counter()
            journal.seal(draft)
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def fresh(count: int) -> list[Draft]:
    """Drafts that no other call gave."""
    from dataclasses import replace

    return [replace(draft, request=random.randbytes(32)) for draft in drafts(count)]


def process(words: Sequence[str]) -> tuple[Took, int, str]:
    """Run a process: what it took, peak bytes, what it printed."""
    began = time.perf_counter()
    started = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    printed, errors = started.stdout, started.stderr
    assert printed is not None and errors is not None
    out = printed.read().decode()
    said = errors.read().decode()
    _, status, usage = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    assert started.returncode == 0, said
    took = Took(time.perf_counter() - began, usage.ru_utime + usage.ru_stime)
    return took, usage.ru_maxrss * 1024, out


HEAD = (
    "| receipts | journal, bytes each | sealing, µs each (processor) | one alone, µs "
    "| settling, µs each (processor) | settling, peak MiB | a path, ms "
    "| audit, µs each (processor) | audit, peak MiB |\n"
    "|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)


def row(at: At) -> str:
    """One size, in Markdown."""
    n = at.receipts

    def each(took: Took) -> str:
        return f"{1e6 * took.wall / n:,.1f} ({1e6 * took.cpu / n:,.1f})"

    cells = (
        f"{n:,}", f"{at.journal / n:,.0f}", each(at.sealing), f"{1e6 * at.one:,.0f}",
        each(at.settling), f"{at.settling_memory / 2**20:,.0f}",
        f"{1e3 * at.look:.2f}", each(at.audit), f"{at.audit_memory / 2**20:,.0f}",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


GROWING = {
    "journal": "journal, bytes",
    "sealing": "sealing, all receipts",
    "settling": "settling, all receipts",
    "settling_memory": "settling, memory",
    "look": "a path",
    "audit": "audit",
    "audit_memory": "audit, memory",
}


def exponents(found: Sequence[At]) -> str:
    """How each cost grew over the last tenfold: the x of n^x, of times by the processor's."""
    if len(found) < 2:
        return ""
    before, last = found[-2], found[-1]
    step = math.log(last.receipts / before.receipts)
    parts = [
        f"{what} n^{math.log(number(last, name) / number(before, name)) / step:.2f}"
        for name, what in GROWING.items()
    ]
    return f"From {before.receipts:,} to {last.receipts:,}: " + ", ".join(parts) + "."


def number(at: At, name: str) -> float:
    """A cost as one number: of a time the processor's seconds."""
    value = getattr(at, name)
    return float(value.cpu if isinstance(value, Took) else value)


def text(found: Sequence[At]) -> str:
    """The tables, with where and when."""
    lines = "\n".join(f"- {line}" for line in [*machine.lines(), f"Load: {machine.load()}."])
    rows = "\n".join([HEAD, *map(row, found)])
    return f"{lines}\n\n{rows}\n\n{exponents(found)}"


COLOURS = ("#2a6f97", "#b5651d", "#3a7d44", "#7b2d8b", "#888888")


def draw(path: Path, found: Sequence[At]) -> None:
    """Totals over receipts, both by tens: straight lines of slope 1 are n."""
    shown = {
        "sealing, s": [at.sealing.cpu for at in found],
        "settling, s": [at.settling.cpu for at in found],
        "audit, s": [at.audit.cpu for at in found],
        "journal, GB": [at.journal / 1e9 for at in found],
        "a path, s": [at.look for at in found],
    }
    width, height, edge = 640, 420, 60
    values = [value for series in shown.values() for value in series if value > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = math.log10(found[0].receipts), math.log10(found[-1].receipts)

    def place(n: float, value: float) -> tuple[float, float]:
        across = (math.log10(n) - first) / max(last - first, 1) * (width - 2 * edge - 80)
        up = (math.log10(value) - low) / max(high - low, 1) * (height - 2 * edge)
        return edge + across, height - edge - up

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for power in range(low, high + 1):
        _, y = place(found[0].receipts, 10.0**power)
        lines.append(
            f'<line x1="{edge}" x2="{width - edge - 80}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>'
            f'<text x="{edge - 6}" y="{y + 4:.0f}" text-anchor="end">1e{power}</text>'
        )
    for at in found:
        x, _ = place(at.receipts, 10.0**low)
        lines.append(
            f'<text x="{x:.0f}" y="{height - edge + 20}" text-anchor="middle">'
            f"{at.receipts:,}</text>"
        )
    for colour, (name, series) in zip(COLOURS, shown.items(), strict=True):
        points = [place(at.receipts, value) for at, value in zip(found, series, strict=True)]
        drawn = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
        lines.append(
            f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<text x="{points[-1][0] + 6:.0f}" y="{points[-1][1] + 4:.0f}" fill="{colour}">'
            f"{name}</text>"
        )
    path.write_text("\n".join([*lines, "</svg>", ""]))


if __name__ == "__main__":
    sys.exit(main())
