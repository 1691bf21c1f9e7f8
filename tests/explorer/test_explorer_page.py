"""The page in Debian's browser: real nodes, real receipts, false ones, RPCs that fail and lie."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import coincurve
import numpy as np
import onnx
import pytest
from counterfoil import chain as chains
from counterfoil.chain import LedgerClient, RegistryClient
from counterfoil.chain.deployment import COURT, PUBLIC_TERMS
from counterfoil.chain.sending import wait
from counterfoil.cli.links import fragment_of
from counterfoil.formats.batch import batch_word
from counterfoil.formats.disclosure import chunk_only
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.tensor import Tensor, commit
from counterfoil.hashing.eip712 import word
from counterfoil.hashing.keccak import keccak
from hand_log import INPUTS, MASTERS, HandLog, picture
from lies import LyingRpc, later, result_of, view
from needs import ROOT, need_anvil, need_chromium, need_explorer, need_node

pytestmark = [pytest.mark.node, pytest.mark.anvil, pytest.mark.slow]
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


def play(stage: Stage) -> None:
    """Every receipt and every scene."""
    url = stage.node.url
    log = stage.log(b"the honest log")
    never = stage.log(b"never opened")
    wait(
        stage.chain,
        stage.registry.publish(
            log.seal().receipt.model, stage.publisher, name="rings", version="2"
        ),
    )
    log.following = 0
    withdrawn = keccak(b"withdrawn")
    for send in (
        lambda: stage.registry.publish(withdrawn, stage.publisher, name="old"),
        lambda: stage.registry.deprecate(withdrawn, stage.publisher),
    ):
        wait(stage.chain, send())
    stage.scene("no-log", never.seal(settle_by=0), rpc=url)
    log.open(stage.operator)
    log.post([log.seal(settle_by=0), log.seal(), log.seal()])
    settled = log.post([log.seal() for _ in range(11)])
    good = settled[5]
    long, early, old = log.post(
        [
            log.seal(settle_by=good.receipt.issued_at + 10**6),
            log.seal(issued_at=good.receipt.issued_at + 7200, settle_by=0),
            log.seal(model=withdrawn, settle_by=0),
        ]
    )
    (alone,) = log.post([log.seal()])
    waiting, silent = log.seal(), log.seal(settle_by=0)
    publisher = stage.publisher.address

    # Real ones
    full = {"rpc": url, "publishers": publisher, "axe": True, "shot": True}
    stage.scene("good", good, **full)
    stage.scene("good-dark", good, scheme="dark", **full)
    stage.scene("good-320", good, width=320, **full)
    stage.scene("good-320-dark", good, width=320, scheme="dark", **full)
    stage.scene("first", None, idle=True, axe=True, shot=True, tabs=True)
    stage.scene("first-320", None, idle=True, axe=True, shot=True, width=320)
    stage.scene("alone", alone, rpc=url)
    stage.scene("part", chunk_only(good, "outputs", 1, [2, 4]), rpc=url, shot=True)
    stage.scene("keys", good, rpc=url, keys=True, tabs=True)
    stage.scene("pasted", None, paste=good.dump().decode(), rpc=url)
    small = replace(good, opening=replace(good.opening, inputs=None))
    link = stage.page + fragment_of(small.dump())
    stage.scene("remembered", good, rpc=url, again=link)
    stage.scenes.append({"name": "link", "url": link, "rpc": url, "ledgers": stage.trusted})
    stage.scenes.append({"name": "link-cut", "url": link[:-30], "shot": True})

    # Not asked, not known
    stage.scene("offline", good, ledgers=stage.trusted, shot=True, axe=True)
    stage.scene("unknown-ledger", good, rpc=url, ledgers="", shot=True, axe=True)
    stage.scene("bad-settings", good, rpc=url, ledgers=f"{CHAIN_ID}:0x12")

    # Unsettled
    stage.scene("waiting", waiting, rpc=url, shot=True, axe=True)
    stage.scene("broken", waiting, rpc=stage.lying(later(86_400)), shot=True)
    stage.scene("silent", silent, rpc=url)
    stage.scene("covered", replace(good, inclusion=None), rpc=url)

    # False ones
    path = [*good.inclusion.path]
    flipped = replace(good.inclusion, path=(keccak(b"another"), *path[1:]))
    other = json.loads(good.dump())
    other["opening"]["outputs"]["tensors"][2]["data"] = other["opening"]["outputs"]["tensors"][2][
        "data"
    ].replace("A", "B", 1)
    signature = bytearray(good.signature)
    signature[64] = 29
    bad: dict[str, ReceiptFile | bytes] = {
        "outputs": json.dumps(other).encode(),
        "inputs": with_json(good, setting("opening.inputs.tensors.0.name", "picture")),
        "field": with_json(good, setting("receipt.issuedAt", good.receipt.issued_at - 60)),
        "number": with_json(good, setting("receipt.sequence", good.receipt.sequence + 1)),
        "chain": log.signed(good.receipt, chain_id=31337),
        "signature": with_json(good, setting("signature", "0x" + signature.hex())),
        "model": with_json(good, setting("preimage.model.files.0.size", 8)),
        "runtime": with_json(good, setting("preimage.runtime.version", "1.20.2")),
        "path": replace(good, inclusion=flipped),
        "path-short": replace(good, inclusion=replace(good.inclusion, path=tuple(path[1:]))),
        "posted": replace(
            good, inclusion=replace(good.inclusion, posted_at=good.inclusion.posted_at + 1)
        ),
        "batch": log.signed(replace(alone.receipt, sequence=log.following + 5)),
        "never": never.seal(),
        "long": long,
        "early": early,
        "chunk": with_json(
            chunk_only(good, "outputs", 1, [2]),
            lambda f: f["opening"]["outputs"]["tensors"][1]["opened"][0].update(
                salt="0x" + "11" * 32
            ),
        ),
    }
    made_up = replace(alone.inclusion, first=log.following + 5)
    bad["chain"] = replace(bad["chain"], chain_id=CHAIN_ID, inclusion=good.inclusion)
    bad["batch"] = replace(bad["batch"], inclusion=made_up)
    bad["never"] = replace(bad["never"], inclusion=replace(alone.inclusion, first=0))
    shots = ("outputs", "path", "field")
    for name, content in bad.items():
        shot = {"shot": True, "axe": True} if name in shots else {}
        stage.scene(f"bad-{name}", content, rpc=url, **shot)
    stage.scene("bad-path-320", bad["path"], rpc=url, width=320, shot=True, axe=True)
    stage.scene("bad-published", good, rpc=url, publishers=stage.operator.address)
    stage.scene("bad-withdrawn", replace(old, preimage=None), rpc=url, publishers=publisher)
    stage.scenes.append(
        {"name": "files", "url": stage.page, "files": sorted(map(str, FILES.glob("bad-*.json")))}
    )

    # RPCs that fail or lie
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}"
    stage.scene("rpc-down", good, rpc=closed, shot=True, axe=True)
    stage.scene("rpc-no-url", good, rpc="127.0.0.1:8545")
    stage.scene("rpc-502", good, rpc=stage.lying(lambda *_: b"<html>Bad gateway</html>"))
    stage.scene("rpc-no-json", good, rpc=stage.page)
    stage.scene("rpc-other-id", good, rpc=stage.lying(lambda r, a: a | {"id": 10**6}))
    stage.scene("rpc-other-chain", good, rpc=stage.lying(result_of("eth_chainId", "0x1")))
    stage.scene("rpc-no-code", good, rpc=stage.lying(result_of("eth_getCode", "0x")))
    stage.scene(
        "rpc-other-ledger", good, rpc=stage.lying(answering(domain_separator=hexed(keccak(b""))))
    )
    forged = replace(good, inclusion=flipped)
    root = flipped.root(forged.receipt.leaf(CHAIN_ID, forged.ledger), forged.receipt.sequence)
    told = batch_word(root, flipped.size, flipped.posted_at)
    stage.scene(
        "rpc-lies-for-it", forged, rpc=stage.lying(answering(batch_word=hexed(told))), shot=True
    )
    now = stage.chain.now()
    fields = (
        bytes(12) + bytes.fromhex(stage.operator.address[2:]),
        now - 500,
        now + 500,
        0,
        3600,
        2,
    )
    stage.scene("rpc-lies-of-log", good, rpc=stage.lying(answering(log_record=hexed(*fields))))
    stage.scene("rpc-lies-of-court", good, rpc=stage.lying(answering(clean_at=hexed(0))))
    caught = answering(standing=hexed(now - 400, 4, 2), clean_at=hexed(0))
    stage.scene("caught", good, rpc=stage.lying(caught), shot=True, axe=True)
    stage.scene("rpc-hides-log", good, rpc=stage.lying(result_of("eth_getLogs", None)))
    stage.scene(
        "rpc-refuses-logs",
        good,
        rpc=stage.lying(
            lambda r, a: (
                {"jsonrpc": "2.0", "id": r["id"], "error": {"code": -32601, "message": "no such"}}
                if r["method"] == "eth_getLogs"
                else a
            )
        ),
    )

    # What a signer may call its tensors
    name = '<img src=x onerror="document.title=1">\u202egnp.exe\u0000'
    hostile = (Tensor.of(name, np.array(["<script>1</script>"], dtype=object)), *INPUTS[1:])
    strange = log.seal(inputs=commit(hostile, MASTERS[0]).digest)
    opening = replace(strange.opening, inputs=replace(strange.opening.inputs, tensors=hostile))
    stage.scene("hostile", replace(strange, opening=opening), rpc=url)


@pytest.fixture(scope="module")
def seen(tmp_path_factory, worker_id) -> dict[str, Any]:
    """What the page showed in every scene, by the scene's name; once for all workers."""
    need_explorer()
    chromium, node, _ = need_chromium(), need_node(), need_anvil()
    base = tmp_path_factory.getbasetemp()
    told = (base if worker_id == "master" else base.parent) / "explorer-seen.json"
    try:
        told.with_suffix(".begun").touch(exist_ok=False)
    except FileExistsError:
        return awaited(told)
    try:
        found = watched(tmp_path_factory.mktemp("explorer"), chromium, node)
    except BaseException as error:
        told.with_suffix(".new").write_text(json.dumps({"failed": repr(error)}))
        raise
    else:
        told.with_suffix(".new").write_text(json.dumps(found))
    finally:
        told.with_suffix(".new").replace(told)
    return found


def awaited(told: Path) -> dict[str, Any]:
    """What another worker saw."""
    deadline = time.monotonic() + 400
    while not told.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    found = json.loads(told.read_text())
    assert "failed" not in found, found["failed"]
    return found


def watched(folder: Path, chromium: Path, node: Path) -> dict[str, Any]:
    """All scenes on nodes of their own."""
    nodes, terminals = scenario("conftest"), scenario("test_cli_up")
    anvil = nodes.Anvil(nodes.anvil_binary(), "--chain-id", str(CHAIN_ID))
    local, stage = terminals.Terminals(folder / "local"), None
    try:
        stage = Stage(folder, anvil)
        play(stage)
        play_local(stage, local)
        return browse(chromium, node, stage.scenes)
    finally:
        local.end()
        if stage is not None:
            stage.close()
        anvil.stop()


def play_local(stage: Stage, t: Any) -> None:
    """A model that is run, sealed and settled by the commands; the page is opened from disk."""
    t.folder.mkdir()
    model(t.folder / "model.onnx")
    np.save(t.folder / "x.npy", picture(24))
    t.up()
    t.run("run", "model.onnx", "--input", "x.npy", "--receipt", "a.json")
    t.run("settle")
    link = t.run("show", "a.json", "--link")["link"]
    assert link.startswith("file://")
    stage.scenes.append({"name": "local", "url": link, "rpc": t.url, "shot": True, "axe": True})
    stage.scenes.append(
        {"name": "local-320", "url": link, "rpc": t.url, "width": 320, "shot": True}
    )


def model(path: Path) -> None:
    """An image in; its blur and a guess out."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node(
            "AveragePool", ["image"], ["blurred"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]
        ),
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Softmax", ["flat"], ["guess"]),
    ]
    graph = helper.make_graph(
        nodes,
        "blur",
        [helper.make_tensor_value_info("image", kind, [1, 3, 24, 24])],
        [
            helper.make_tensor_value_info("blurred", kind, [1, 3, 24, 24]),
            helper.make_tensor_value_info("guess", kind, [1, 3]),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())


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


STEPS_OF_A_GOOD_ONE = {
    "ledger", "signature", "inputs", "outputs", "model", "runtime", "path", "chain", "log",
    "word", "times", "promise", "record", "standing",
}  # fmt: skip


def states(found: dict[str, Any]) -> dict[str, str]:
    return {name: state for name, (state, _) in found["steps"].items()}


def of(seen: dict[str, Any], state: str, name: str) -> set[str]:
    return {step for step, found in states(seen[name]).items() if found == state}


def test_page__real_receipt__says_so_and_takes_every_step(seen):
    found = seen["good"]
    assert (found["tone"], found["line"]) == ("yes", "Yes, it is real.")
    assert of(seen, "passed", "good") == STEPS_OF_A_GOOD_ONE
    assert "“rings” 2" in found["steps"]["record"][1]
    assert found["ticket"] == "ticket one"
    assert found["figures"] == [
        "tensor image", "tensor table", "tensor plot", "tensor plot", "tensor table",
        "tensor table",
    ]  # fmt: skip
    for word in ("Issued", "Promised", "Posted", "Final", "Now"):
        assert word in found["texts"]["life"]
    assert "4 batches" in found["texts"]["log"] and "in the 2nd" in found["texts"]["log"]
    assert any("4 steps up to the root" in text for text in found["drawings"])
    assert "was believed" in found["texts"]["limits"]
    assert found["share"] is None  # its image makes the file too large for a link
    assert seen["alone"]["tone"] == seen["pasted"]["tone"] == "yes"


def test_page__receipt_of_the_commands__opened_from_disk_by_its_link(seen):
    found = seen["local"]
    assert (found["tone"], found["line"]) == ("yes", "Yes, on a developer’s own chain.")
    assert of(seen, "passed", "local") == STEPS_OF_A_GOOD_ONE - {"record"}
    assert states(found)["record"] == "skipped"
    assert found["figures"] == ["tensor image", "tensor image", "tensor plot"]
    assert "No publisher" in found["texts"]["limits"] or "no publisher" in found["texts"]["limits"]


def test_page__asks_its_own_folder_and_the_chosen_rpc_alone(seen):
    page, node = seen["good"]["asked"]
    assert page != node
    assert seen["unknown-ledger"]["asked"] == seen["offline"]["asked"] == [page]
    for name, found in seen.items():
        assert found["errors"] == [], name
        assert len(set(found.get("asked", ())) - {page, "null", "file://"}) <= 1, name


def test_page__link_in_the_address__is_read_and_kept_from_servers(seen):
    assert seen["link"]["tone"] == "yes"
    assert seen["link"]["share"].startswith("#r=")
    assert "inputs" in of(seen, "skipped", "link")
    assert seen["link-cut"]["line"] == "No. This is not a receipt."
    assert "the link is cut off or was changed" in seen["link-cut"]["more"]


def test_page__rpc_and_ledgers_that_the_reader_chose__are_remembered(seen):
    assert seen["remembered"]["tone"] == "yes"


def test_page__partly_opened__says_what_is_not_shown(seen):
    found = seen["part"]
    assert found["tone"] == "yes"
    assert found["steps"]["outputs"][0] == "caution"
    assert "2 of their chunks" in found["steps"]["outputs"][1]
    assert "2 of 24 chunks shown" in found["texts"]["tensors"]


@pytest.mark.parametrize(
    ("name", "line", "step"),
    [
        ("outputs", "The outputs shown are not the ones it is about.", "outputs"),
        ("inputs", "The inputs shown are not the ones it is about.", "inputs"),
        ("field", "Something in it was changed, or another key signed it.", "signature"),
        ("number", "Its number was changed.", "signature"),
        ("chain", "It was signed for another chain.", "signature"),
        ("signature", "Its signature has a form that nobody takes.", "signature"),
        ("model", "The model shown is not the one it names.", "model"),
        ("runtime", "The runtime shown is not the one it names.", "runtime"),
        ("path", "The chain keeps another batch in its place.", "word"),
        ("path-short", "Its path leads to no batch.", "path"),
        ("posted", "The chain keeps another batch in its place.", "word"),
        ("batch", "The chain holds no such batch.", "word"),
        ("never", "Nobody answers for it.", "log"),
        ("long", "Its promise is one that nobody enforces.", "promise"),
        ("early", "It claims to be younger than its own batch.", "times"),
        ("chunk", "A piece of a tensor is not the committed one.", "outputs"),
        ("published", "Nobody you named had published its model.", "record"),
        ("withdrawn", "Its model had been withdrawn.", "record"),
    ],
)
def test_page__false_receipt__says_what_is_wrong(seen, name, line, step):
    found = seen[f"bad-{name}"]
    assert (found["tone"], found["line"]) == ("no", f"No. {line}")
    assert step in of(seen, "failed", f"bad-{name}")
    assert found["steps"][step][1] == found["more"]


def test_page__wrong_path__leaves_the_halves_apart(seen):
    assert seen["bad-path"]["ticket"] == "ticket two"
    assert seen["offline"]["ticket"] == "ticket unknown"


def test_page__every_broken_file__is_called_no_receipt(seen):
    told = {f["file"]: f for f in json.loads((FILES.parent / "files.json").read_bytes())}
    found = seen["files"]["files"]
    assert set(found) == {name for name, each in told.items() if "error" in each}
    assert len(found) > 90
    for name, (tone, line, more) in found.items():
        assert (tone, line) == ("no", "No. This is not a receipt."), name
        if told[name]["kind"] == "receipt":
            assert told[name]["message"] in more, name


@pytest.mark.parametrize(
    ("name", "tone", "line"),
    [
        ("waiting", "open", "Not yet. It is signed, and promised to the chain."),
        ("silent", "open", "Not yet. It is signed, and no batch holds it."),
        ("no-log", "open", "Not yet. It is signed, and nobody answers for it so far."),
        ("covered", "open", "Not shown. A batch covers its number, but the file has no path."),
        ("broken", "no", "Its promise is broken. It is signed, and no batch holds it."),
    ],
)
def test_page__unsettled__is_not_called_real(seen, name, tone, line):
    assert (seen[name]["tone"], seen[name]["line"]) == (tone, line)
    assert "path" in of(seen, "skipped", name)


def test_page__unknown_ledger__is_said_and_not_asked(seen):
    found = seen["unknown-ledger"]
    assert found["tone"] == "open"
    assert found["line"].startswith("Nobody can tell.")
    assert found["steps"]["ledger"][0] == "caution"
    assert "Unknown ledger" in found["steps"]["ledger"][1]
    assert found["steps"]["signature"][0] == "passed"


def test_page__no_rpc__says_that_the_chain_was_not_asked(seen):
    found = seen["offline"]
    assert (found["tone"], found["line"]) == (
        "open", "Not known yet. It is signed, but no chain was asked.",
    )  # fmt: skip
    assert of(seen, "skipped", "offline") >= {"chain", "log", "word", "standing"}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("down", "the RPC gave no answer."),
        ("no-url", "the RPC has no usable address."),
        ("502", "the RPC gave no answer."),
        ("no-json", "the RPC gave no answer."),
        ("other-id", "the RPC contradicts itself."),
        ("other-chain", "the RPC serves another chain."),
        ("no-code", "the RPC shows no such ledger or court."),
        ("other-ledger", "the RPC shows no such ledger or court."),
        ("lies-for-it", "the RPC contradicts itself."),
        ("lies-of-log", "the RPC contradicts itself."),
        ("lies-of-court", "the RPC contradicts itself."),
    ],
)
def test_page__rpc_that_fails_or_lies__leaves_the_answer_open(seen, name, line):
    found = seen[f"rpc-{name}"]
    assert (found["tone"], found["line"]) == ("open", f"Not known: {line}")
    assert not of(seen, "failed", f"rpc-{name}")


def test_page__rpc_without_events__changes_no_answer(seen):
    for name in ("rpc-hides-log", "rpc-refuses-logs"):
        assert seen[name]["tone"] == "yes"
    assert "shows no batch" in seen["rpc-hides-log"]["texts"]["log"]


def test_page__log_caught_before__is_said_in_the_first_line(seen):
    found = seen["caught"]
    assert (found["tone"], found["line"]) == (
        "but", "Yes, it is real. But its log had been caught before.",
    )  # fmt: skip
    assert "double-sign" in found["more"]


def test_page__markup_and_turned_writing_in_names__stay_text(seen):
    found = seen["hostile"]
    assert found["images"] == 0
    assert found["title"].endswith("– Counterfoil")
    assert "<img src=x" in found["texts"]["tensors"]
    assert "\\u{202e}" in found["texts"]["tensors"]


def test_page__settings_that_do_not_parse__are_said(seen):
    assert "0x12 is no address" in seen["bad-settings"]["error"]


def test_page__by_keyboard_alone(seen):
    assert seen["keys"]["tone"] == "yes"
    assert seen["first"]["tabs"] == ["file", "text", "Check it"]
    reached = seen["keys"]["tabs"]
    assert [name for name in reached if name in ("rpc", "Ask the chain", "Whom you trust")] == [
        "rpc", "Ask the chain", "Whom you trust",
    ]  # fmt: skip


def test_page__axe_core__finds_nothing(seen):
    run = {name: found["axe"] for name, found in seen.items() if "axe" in found}
    assert len(run) > 14
    assert all(seen[name]["passes"] > 20 for name in run)
    assert {name: found for name, found in run.items() if found} == {}


def test_page__on_320_pixels_and_wide__nothing_sticks_out(seen):
    narrow = [name for name in seen if "320" in name]
    assert len(narrow) >= 5
    assert {name: f["wide"] for name, f in seen.items() if f.get("wide", 0) > 0} == {}
