"""The page in Debian's browser: real nodes, real receipts, false ones, RPCs that fail and lie."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from needs import need_anvil, need_chromium, need_explorer, need_node
from scenes import play, play_local
from staging import CHAIN_ID, FILES, Stage, browse, scenario

pytestmark = [pytest.mark.node, pytest.mark.anvil, pytest.mark.slow]


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
    for each in ("Issued", "Promised", "Posted", "Final", "Now"):
        assert each in found["texts"]["life"]
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
    assert found["line"].startswith("Not known: it is signed, but for a ledger")
    assert found["steps"]["ledger"][0] == "trouble"
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


WAY = ("Check another receipt", "rpc", "Ask the chain", "Whom you trust", "The path in digits")
"""What the tabulator reaches, in its order, among other things."""


def test_page__by_keyboard_alone(seen):
    assert seen["keys"]["tone"] == "yes"
    assert seen["first"]["tabs"] == ["file", "text", "Check it"]
    reached = [name for name in seen["keys"]["tabs"] if name in WAY]
    assert reached == list(WAY)


def test_page__axe_core__finds_nothing(seen):
    run = {name: found["axe"] for name, found in seen.items() if "axe" in found}
    assert len(run) >= 10
    assert all(seen[name]["passes"] > 20 for name in run)
    assert {name: found for name, found in run.items() if found} == {}


def test_page__on_320_pixels_and_wide__nothing_sticks_out(seen):
    narrow = [name for name in seen if "320" in name]
    assert len(narrow) >= 5
    assert {name: f["wide"] for name, f in seen.items() if f.get("wide", 0) > 0} == {}
