"""Every receipt and every RPC that the page is shown."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from counterfoil.chain.sending import wait
from counterfoil.cli.links import fragment_of
from counterfoil.formats.batch import batch_word
from counterfoil.formats.disclosure import chunk_only
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.tensor import Tensor, commit
from counterfoil.hashing.eip712 import address_word
from counterfoil.hashing.keccak import keccak
from hand_log import INPUTS, MASTERS, MODEL, picture
from lies import later, result_of
from staging import CHAIN_ID, FILES, Stage, answering, hexed, setting, with_json


def play(stage: Stage) -> None:
    """Every receipt and every scene."""
    url = stage.node.url
    log = stage.log(b"the honest log")
    never = stage.log(b"never opened")
    withdrawn = keccak(b"withdrawn")
    for send in (
        lambda: stage.registry.publish(MODEL.digest, stage.publisher, name="rings", version="2"),
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
    stage.scene("good-320", good, width=320, **(full | {"axe": False}))
    stage.scene("good-320-dark", good, width=320, scheme="dark", **full)
    stage.scene("first", None, idle=True, axe=True, shot=True, tabs=True)
    stage.scene("first-320", None, idle=True, shot=True, width=320)
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
    stage.scene("offline", good, ledgers=stage.trusted, shot=True)
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
    bad["never"] = replace(bad["never"], inclusion=replace(alone.inclusion, first=1))
    shots = ("outputs", "path", "field")
    for name, content in bad.items():
        shot = {"shot": True} if name in shots else {}
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
    record = hexed(address_word(stage.operator.address), now - 500, now + 500, 0, 3600, 2)
    stage.scene("rpc-lies-of-log", good, rpc=stage.lying(answering(log_record=record)))
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
    opened = {"url": link, "rpc": t.url, "shot": True}
    stage.scenes.append({"name": "local", **opened, "axe": True})
    stage.scenes.append({"name": "local-320", **opened, "width": 320})


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
