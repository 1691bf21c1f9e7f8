"""A public testnet, played by anvil: an account in a keystore, confirmations, a line a process."""

import json

import pytest
from scripts_story import Story
from web3 import Web3

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

FUNDS = 10**18
"""Wei: what a faucet gives."""


def test_sepolia__a_keystore_account__runs_the_story(anvil, ape, keystore_account, tmp_path):
    chain_id = 11155111
    url = anvil(chain_id, block_time=1)
    operator = keystore_account("operator")
    web3 = Web3(Web3.HTTPProvider(url))
    web3.provider.make_request("anvil_setBalance", [operator, hex(FUNDS)])

    def run(script, *words):
        account = [] if script == "verify_receipt" else ["--account", "operator"]
        return ape("run", script, *words, "--network", f"ethereum:sepolia:{url}", *account)

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
