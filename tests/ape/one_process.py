"""Tell the scripts' story in one process, on a network whose chain lives no longer than it."""

import sys
from pathlib import Path

import ape
from ape._cli import cli
from click.testing import CliRunner
from scripts_story import Story


def main(network: str, folder: Path, settings: dict[str, dict[str, str]]) -> None:
    def run(*words: str) -> tuple[str, int]:
        ended = CliRunner().invoke(cli, ["run", *words, "--network", network])
        return f"{ended.output}\n{ended.exception or ''}", ended.exit_code

    with (
        ape.project.temp_config(**settings),
        ape.networks.parse_network_choice(network) as provider,
    ):
        operator = ape.accounts.test_accounts[0].address
        story = Story(run=run, folder=folder, operator=operator, chain_id=provider.chain_id)
        story.told()
        story.retold()


if __name__ == "__main__":
    where, into, host = sys.argv[1:]
    main(where, Path(into), {"foundry": {"host": host}})
    print("told")
