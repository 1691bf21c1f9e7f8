"""The scripts against nodes attached by URL: public testnets, played by anvil, and one's own."""

import json

import pytest
from scripts_story import Story
from web3 import Web3

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

FUNDS = 10**18
"""Wei: what a faucet gives."""


@pytest.mark.parametrize(
    ("network", "chain_id"), [("ethereum:sepolia", 11155111), ("base:sepolia", 84532)]
)
def test_public_testnet__a_keystore_account__runs_the_story(
    anvil, ape, keystore_account, tmp_path, network, chain_id
):
    url = anvil(chain_id, block_time=1)
    operator = keystore_account("operator")
    web3 = Web3(Web3.HTTPProvider(url))
    web3.provider.make_request("anvil_setBalance", [operator, hex(FUNDS)])

    def run(script, *words):
        account = [] if script == "verify_receipt" else ["--account", "operator"]
        return ape("run", script, *words, "--network", f"{network}:{url}", *account)

    story = Story(run=run, folder=tmp_path, operator=operator, chain_id=chain_id)
    story.told()

    record = json.loads(story.record.read_text(encoding="utf-8"))[str(chain_id)]
    assert record["genesis"] == web3.eth.get_block(0)["hash"].to_0x_hex()
    made = web3.eth.get_transaction_receipt(record["ReceiptLedger"]["transaction"])
    assert made["from"] == operator
    assert made["blockNumber"] == record["ReceiptLedger"]["block"]
    # Each transaction was left to be confirmed twice before the next one went out.
    blocks = [record[name]["block"] for name in ("ReceiptLedger", "ModelRegistry")]
    assert blocks[1] - blocks[0] >= 2
    assert 0 < web3.eth.get_balance(operator) < FUNDS


def test_public_testnet__no_account_named__is_refused(anvil, ape, tmp_path):
    network = f"ethereum:sepolia:{anvil(11155111)}"
    words = ("--network", network, "--record", str(tmp_path / "deployments.json"))
    output, code = ape("run", "deploy", *words)
    assert code != 0
    assert "--account ALIAS" in output
    assert not (tmp_path / "deployments.json").exists()


def test_public_testnet__nothing_recorded__is_refused(anvil, ape, tmp_path):
    network = f"ethereum:sepolia:{anvil(11155111)}"

    def run(script, *words):
        return ape("run", script, *words, "--network", network)

    story = Story(run=run, folder=tmp_path, operator="0x" + "11" * 20, chain_id=11155111)
    story.seal()
    story.refused("no deployment is recorded for chain 11155111", "verify_receipt", story.files[0])


def test_node_by_url__test_account__runs_the_story(anvil, ape, tmp_path):
    url = anvil(31337)

    def run(script, *words):
        return ape("run", script, *words, "--network", url)

    operator = Web3(Web3.HTTPProvider(url)).eth.accounts[0]
    Story(run=run, folder=tmp_path, operator=operator, chain_id=31337).told()


def test_node_by_url__another_genesis__is_deployed_anew(anvil, ape, tmp_path):
    for _ in range(2):  # the second node has the same id and nothing else in common
        url = anvil(31337)

        def run(script, *words, url=url):
            return ape("run", script, *words, "--network", url)

        operator = Web3(Web3.HTTPProvider(url)).eth.accounts[0]
        story = Story(run=run, folder=tmp_path, operator=operator, chain_id=31337)
        story.publish()
        record = json.loads(story.record.read_text(encoding="utf-8"))["31337"]
        genesis = Web3(Web3.HTTPProvider(url)).eth.get_block(0)["hash"].to_0x_hex()
        assert record["genesis"] == genesis
