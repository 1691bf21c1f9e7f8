"""A node with contracts and logs on it, the page on a server, and a browser that looks at it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import coincurve
from counterfoil import chain as chains
from counterfoil.chain import LedgerClient, RegistryClient
from counterfoil.chain.deployment import COURT, PUBLIC_TERMS
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.eip712 import word
from counterfoil.hashing.keccak import keccak
from hand_log import HandLog
from lies import LyingRpc, view
from needs import ROOT

BUILT = ROOT / "offchain" / "counterfoil" / "server" / "explorer"
SHOTS = ROOT / ".build" / "explorer"
FILES = ROOT / "tests" / "vectors" / "files"
CHAIN_ID = 424242
SELECTORS = {
    "domain_separator()": "0x" + keccak(b"domain_separator()")[:4].hex(),
    "log_record(address)": "0x" + keccak(b"log_record(address)")[:4].hex(),
    "batch_word(address,uint64)": "0x" + keccak(b"batch_word(address,uint64)")[:4].hex(),
    "standing(address)": "0x" + keccak(b"standing(address)")[:4].hex(),
    "clean_at(address,uint64)": "0x" + keccak(b"clean_at(address,uint64)")[:4].hex(),
}


def scenario(name: str) -> Any:
    """A module of tests/scenario, where nodes and commands in terminals are."""
    path = ROOT / "tests" / "scenario" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"scenario_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def answering(**given: str) -> Any:
    """A change of views' results, by their names in `SELECTORS`."""
    by_name = {name.split("(")[0]: selector for name, selector in SELECTORS.items()}
    return view({by_name[name]: name for name in given}, lambda name: given[name])


def hexed(*words: int | bytes) -> str:
    return "0x" + b"".join(w if isinstance(w, bytes) else word(w) for w in words).hex()


class Stage:
    """A node, its contracts, logs on it, receipt files of every kind, and what the page said."""

    def __init__(self, folder: Path, node: Any) -> None:
        self.folder = folder
        self.node = node
        self.chain = node.chain
        self.operator, self.payer, self.publisher = (node.account() for _ in range(3))
        made = chains.deploy(self.chain, self.payer, court=PUBLIC_TERMS).contracts
        self.ledger = LedgerClient(self.chain, made["ReceiptLedger"].address)
        self.registry = RegistryClient(self.chain, made["ModelRegistry"].address)
        self.trusted = (
            f"{CHAIN_ID}:{self.ledger.address} registry={self.registry.address} "
            f"court={made[COURT].address}"
        )
        self.scenes: list[dict[str, Any]] = []
        self.liars: list[LyingRpc] = []
        handler = partial(QuietFiles, directory=str(BUILT))
        self.host = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.page = f"http://127.0.0.1:{self.host.server_address[1]}/index.html"
        threading.Thread(target=self.host.serve_forever, args=(0.02,), daemon=True).start()

    def log(self, seed: bytes) -> HandLog:
        key = coincurve.PrivateKey(keccak(seed))
        return HandLog(chain=self.chain, ledger=self.ledger, payer=self.payer, key=key)

    def lying(self, change: Any) -> str:
        self.liars.append(LyingRpc(self.node.url, change))
        return self.liars[-1].url

    def file(self, name: str, content: ReceiptFile | bytes) -> str:
        path = self.folder / f"{name}.json"
        path.write_bytes(content if isinstance(content, bytes) else content.dump())
        return str(path)

    def scene(self, name: str, content: ReceiptFile | bytes | None, **more: Any) -> None:
        if content is not None:
            more["file"] = self.file(name, content)
        if "rpc" in more:
            more.setdefault("ledgers", self.trusted)
        self.scenes.append({"name": name, "url": self.page, **more})

    def close(self) -> None:
        for liar in self.liars:
            liar.close()
        self.host.shutdown()
        self.host.server_close()


class QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def with_json(file: ReceiptFile, change: Any) -> bytes:
    value = json.loads(file.dump())
    change(value)
    return json.dumps(value).encode()


def setting(path: str, value: Any) -> Any:
    def change(found: dict[str, Any]) -> None:
        *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
        for step in way:
            found = found[step]
        found[last] = value

    return change


def browse(chromium: Path, node: Path, scenes: list[dict[str, Any]]) -> dict[str, Any]:
    told = {
        "chromium": str(chromium),
        "modules": str(ROOT / "offchain" / "explorer"),
        "shots": str(SHOTS),
        "scenes": scenes,
    }
    done = subprocess.run(
        [node, Path(__file__).parent / "browse.mjs"],
        input=json.dumps(told).encode(), capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found = json.loads(done.stdout)
    broken = {name: each["broken"] for name, each in found.items() if "broken" in each}
    assert not broken, broken
    return found
