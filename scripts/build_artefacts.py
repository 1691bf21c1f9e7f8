"""Compile the contracts into the committed artefacts that deployments use.

With the vyper package alone, not through Ape: Ape's cache misses changed modules, and its
bytecode carries an integrity hash that a comment in an import would change.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "offchain" / "counterfoil" / "artefacts"
CONTRACTS = (
    "ReceiptLedger",
    "ModelRegistry",
    "PromiseCourt",
    "FaultClerk",
    "StepJudge",
    "RowJudge",
    "FaultCourt",
    "examples/ContentGate",
    "examples/FinalGate",
)
"""What is deployed, under contracts/; modules and harnesses are not."""

PAGE = ROOT / "docs" / "deploying.md"
START = "<!-- addresses: written by `make artefacts` -->\n"
END = "<!-- end of addresses -->\n"


def _compile(contract: str, formats: list[str]) -> tuple[dict[str, Any], Any]:
    """The compiler's outputs by format, and the settings that it compiled with."""
    from vyper.compiler import outputs_from_compiler_data
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.phases import CompilerData

    with contextlib.chdir(ROOT):  # paths in the output are relative to where vyper runs
        bundle = FilesystemInputBundle([ROOT])
        source = bundle.load_file(Path("contracts") / f"{contract}.vy")
        data = CompilerData(source, input_bundle=bundle, no_bytecode_metadata=True)
        return outputs_from_compiler_data(data, formats), data.settings


def standard_json(contract: str) -> dict[str, Any]:
    """Vyper's standard JSON input, as explorers take it, that gives the artefact's bytecode."""
    output, _ = _compile(contract, ["solc_json"])
    found: dict[str, Any] = output["solc_json"]
    # The compiler leaves this setting out of what it writes; without it the bytecode differs.
    found["settings"]["bytecodeMetadata"] = False
    return found


def artefact(contract: str) -> dict[str, Any]:
    """One contract's artefact: interface, bytecode, and what they were made from."""
    formats = ["abi", "bytecode", "bytecode_runtime", "method_identifiers", "layout", "solc_json"]
    output, settings = _compile(contract, formats)
    return origin(contract) | {
        "name": contract.rpartition("/")[2],
        "evmVersion": settings.evm_version,
        "optimiser": str(settings.optimize),
        "abi": output["abi"],
        "bytecode": output["bytecode"],
        "runtimeBytecode": output["bytecode_runtime"],
        "immutablesSize": _length(output["layout"].get("code_layout", {})),
        "methodIdentifiers": output["method_identifiers"],
        "sources": sorted(output["solc_json"]["sources"]),
    }


def _length(layout: dict[str, Any]) -> int:
    """Bytes of a layout's variables; those of modules are nested."""
    return int(layout["length"]) if "length" in layout else sum(map(_length, layout.values()))


def text(value: dict[str, Any]) -> str:
    """JSON as it is committed: sorted keys, two spaces, a newline at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def build() -> dict[str, str]:
    """Every artefact's text, by file name, and where the proxy puts what is deployed."""
    made = {each["name"]: each for each in map(artefact, CONTRACTS)}
    return {f"{name}.json": text(each) for name, each in made.items()} | {
        "addresses.json": text(addresses(made))
    }


def addresses(made: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Where the proxy puts the bytecode of these artefacts, by name."""
    from counterfoil.chain.deployment import COURT, court_plan, fault_plans, plans

    codes = {name: bytes.fromhex(each["bytecode"][2:]) for name, each in made.items()}
    ledger, registry = plans(codes)
    court = court_plan(codes[COURT], ledger.address)
    planned = (ledger, registry, court, *fault_plans(codes, ledger.address))
    return {plan.name: plan.address for plan in planned}


def origin(contract: str) -> dict[str, Any]:
    """What an artefact was made from, as it is now; without generating any code.

    `integrity` is the compiler's digest of the source and of all that it imports.
    """
    import vyper

    output, _ = _compile(contract, ["integrity"])
    return {"compiler": f"vyper {vyper.__long_version__}", "integrity": output["integrity"]}


def page(addresses: str) -> str:
    """The page on deploying, with these addresses in its table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    rows = [f"| `{name}` | `{where}` |\n" for name, where in json.loads(addresses).items()]
    table = "".join(["| contract | address |\n", "|---|---|\n", *rows])
    return before + START + table + END + rest.partition(END)[2]


@click.command()
@click.option(
    "--standard-json",
    "contract",
    type=click.Choice([each.rpartition("/")[2] for each in CONTRACTS]),
    help="Print this contract's standard JSON input for an explorer, and build nothing.",
)
def cli(contract: str | None) -> None:
    """Compile the contracts into the committed artefacts."""
    if contract:
        full = next(each for each in CONTRACTS if each.rpartition("/")[2] == contract)
        click.echo(text(standard_json(full)), nl=False)
        return
    FOLDER.mkdir(exist_ok=True)
    made = build()
    PAGE.write_text(page(made["addresses.json"]), encoding="utf-8")
    for name, content in made.items():
        (FOLDER / name).write_text(content, encoding="utf-8")
        click.echo(f"{(FOLDER / name).relative_to(ROOT)}: {len(content)} bytes")


if __name__ == "__main__":
    cli()
