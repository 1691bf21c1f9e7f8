"""What the scripts refuse, each in one line. In this process: it starts Ape only once."""

import json
import shutil
import subprocess
from dataclasses import replace

import ape
import pytest
from ape._cli import cli
from click.testing import CliRunner
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor
from scripts_story import ROOT, Story, scores
from web3 import Web3

pytestmark = pytest.mark.anvil

STRANGER = "0x" + "11" * 20


def running(network):
    """Runs an `ape run` line in this process, on a network that is connected or not."""

    def run(*words):
        ended = CliRunner().invoke(cli, ["run", *words, "--network", network])
        return f"{ended.output}\n{ended.exception or ''}", ended.exit_code

    return run


@pytest.fixture
def run(monkeypatch):
    """`running`, from the project's folder."""
    monkeypatch.chdir(ROOT)
    return running


@pytest.fixture
def node(anvil):
    """A node of one's own, with anvil's id."""
    return anvil(31337)


@pytest.fixture
def story(run, tmp_path, node):
    """A story on that node, not begun."""
    operator = Web3(Web3.HTTPProvider(node)).eth.accounts[0]
    return Story(run=run(node), folder=tmp_path, operator=operator, chain_id=31337)


@pytest.fixture(scope="module")
def told(start_nodes, tmp_path_factory):
    """A story told to its end, for tests that leave its chain as it is."""
    with pytest.MonkeyPatch.context() as patch, start_nodes() as start:
        patch.chdir(ROOT)
        node = start(31337)
        story = Story(
            run=running(node),
            folder=tmp_path_factory.mktemp("told"),
            operator=Web3(Web3.HTTPProvider(node)).eth.accounts[0],
            chain_id=31337,
        )
        story.told()
        yield story


@pytest.fixture
def settled(told, run, tmp_path):
    """That story with files of one's own."""
    shutil.copytree(told.folder, tmp_path, dirs_exist_ok=True)
    files = [tmp_path / path.name for path in told.files]
    return replace(told, folder=tmp_path, files=files)


def test_every_script__a_second_time__is_refused(settled):
    settled.retold()


def test_publish_model__contracts_not_there__deploys_them_on_a_development_chain(story):
    story.publish()
    assert str(story.chain_id) in json.loads(story.record.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--name", "n" * 65, "registry: name too long"),
        ("--metadata", "0x12", "is not 32 bytes of hex"),
        ("--program", "0x" + "zz" * 32, "is not 32 bytes of hex"),
    ],
)
def test_publish_model__bad_option__is_refused(story, option, value, reason):
    model = story.folder / "model.onnx"
    model.write_bytes(story.tiny_model())
    story.refused(reason, "publish_model", model, "--name", "m", option, value)


def test_publish_model__no_model__is_refused(story):
    model = story.folder / "model.onnx"
    model.write_bytes(b"\xff" * 10)
    story.refused("the model is no ONNX file", "publish_model", model, "--name", "m")


def test_open_log__for_another_operator__is_refused(story):
    path = story.opening(operator=Web3.to_checksum_address(STRANGER))
    story.refused("the opening's operator is 0x1111", "open_log", "--opening", path)


def test_open_log__for_another_chain__is_refused(story):
    path = story.opening(chain_id=1)
    story.refused("the opening's chain is 1", "open_log", "--opening", path)


def test_open_log__changed_on_the_way__is_refused(story):
    path = story.opening()
    changed = json.loads(path.read_text(encoding="utf-8"))
    changed["maxDelay"] += 1
    path.write_text(json.dumps(changed), encoding="utf-8")
    story.refused("the opening's signature is", "open_log", "--opening", path)


def test_open_log__signed_by_the_command__is_opened(story, environment):
    path = story.folder / "signed.json"
    words = ["counterfoil", "log", "open", "--sign-only", path, "--operator", story.operator]
    home = {**environment, "COUNTERFOIL_HOME": str(story.folder / "home")}
    subprocess.run(words, env=home, check=True, capture_output=True, timeout=120)
    output = story.script("open_log", "--opening", path)
    assert json.loads(path.read_text(encoding="utf-8"))["signer"] in output


def test_open_log__no_opening_file__is_refused(story):
    path = story.folder / "opening.json"
    path.write_text("{}", encoding="utf-8")
    story.refused("chainId is missing", "open_log", "--opening", path)


def test_submit_batch__log_not_open__is_refused(story):
    story.deploy()
    story.seal()
    story.refused("ledger: log not open", "submit_batch", story.batch)


def test_submit_batch__for_another_chain__is_refused(story):
    story.seal()
    other = replace(BatchFile.load(story.batch), chain_id=1)
    story.batch.write_bytes(other.dump())
    story.refused("the batch's chain is 1", "submit_batch", story.batch)


def test_submit_batch__receipt_of_another_run__is_refused(story):
    story.told()
    stale = story.files[0]
    story.seal(first=3)
    story.refused("", "submit_batch", story.batch, "--receipt", stale)


def change(path, **fields):
    path.write_bytes(replace(ReceiptFile.load(path), **fields).dump())


def test_verify_receipt__changed_output__is_refused(settled):
    path = settled.files[0]
    opening = ReceiptFile.load(path).opening
    outputs = SetOpening(
        master=opening.outputs.master, tensors=(Tensor.of("target_label", scores(1)),)
    )
    change(path, opening=Opening(inputs=opening.inputs, outputs=outputs))
    settled.refused("outputs", "verify_receipt", path)


def test_verify_receipt__changed_field__is_refused(settled):
    path = settled.files[0]
    receipt = ReceiptFile.load(path).receipt
    change(path, receipt=replace(receipt, issued_at=receipt.issued_at + 1))
    settled.refused("a field was changed", "verify_receipt", path)


def test_verify_receipt__path_of_another__is_refused(settled):
    path = settled.files[0]
    change(path, inclusion=ReceiptFile.load(settled.files[1]).inclusion)
    settled.refused("not in the batch", "verify_receipt", path)


def test_verify_receipt__another_ledger__is_refused(settled):
    path = settled.files[0]
    change(path, ledger=Web3.to_checksum_address(STRANGER))
    settled.refused("somebody changed the file's ledger", "verify_receipt", path)


def test_verify_receipt__not_settled__is_refused(settled):
    settled.seal(first=3)
    settled.refused("the receipt was never settled", "verify_receipt", settled.files[0])


def test_verify_receipt__publisher_without_the_model__is_refused(settled):
    stranger = Web3.to_checksum_address(STRANGER)
    settled.refused(
        "had published the model", "verify_receipt", settled.files[0], "--publisher", stranger
    )


def test_verify_receipt__no_publisher_named__is_said_and_no_failure(settled):
    output = settled.script("verify_receipt", settled.files[0])
    assert "anchored " in output
    assert "publisher" in output and "published " not in output


@pytest.fixture
def sepolia(anvil, run, tmp_path):
    """A story on a chain with Sepolia's id and nothing on it."""
    network = f"ethereum:sepolia:{anvil(11155111)}"
    return Story(run=run(network), folder=tmp_path, operator=STRANGER, chain_id=11155111)


@pytest.mark.slow
def test_base_sepolia__no_plugin_for_it__runs_the_story(anvil, run, tmp_path):
    network = f"base:sepolia:{anvil(84532, block_time=1)}"
    on_it = run(network)

    def paid(script, *words):
        account = [] if script == "verify_receipt" else ["--account", "TEST::0"]
        return on_it(script, *words, *account)

    operator = ape.accounts.test_accounts[0].address
    Story(run=paid, folder=tmp_path, operator=operator, chain_id=84532).told()


def test_public_testnet__no_account_named__is_refused(sepolia):
    sepolia.refused("--account ALIAS", "deploy")
    assert not sepolia.record.exists()


def test_public_testnet__nothing_recorded__is_refused(sepolia):
    sepolia.seal()
    sepolia.refused(
        "no deployment is recorded for chain 11155111", "verify_receipt", *sepolia.files
    )


def test_node_by_url__another_genesis__is_deployed_anew(anvil, run, tmp_path):
    for start in (1_700_000_000, 1_800_000_000):  # one id, and nothing else in common
        url = anvil(31337, timestamp=start)
        web3 = Web3(Web3.HTTPProvider(url))
        operator = web3.eth.accounts[0]
        story = Story(run=run(url), folder=tmp_path, operator=operator, chain_id=31337)
        story.publish()
        record = json.loads(story.record.read_text(encoding="utf-8"))["31337"]
        assert record["genesis"] == web3.eth.get_block(0)["hash"].to_0x_hex()
