"""Write docs/commands.md: every command's --help, exit codes, variables, a profile's fields.

    python scripts/write_commands.py

A test compares the file with what this gives.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import click
from counterfoil import cli, config, errors
from counterfoil.cli import output, run, settle
from counterfoil.config import FIELDS, Profile

TARGET = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
WIDTH = 80

HEAD = """# Commands

Made by `scripts/write_commands.py` from the commands themselves.

A command prints a few lines; under `--json` one JSON object (a line each for `up`, `serve` and
`settle`). An error is one line on standard error that says what to do; under `--json` it is
`{"error": {"class": …, "message": …}}` on standard output. Bytes are 0x-hex, integers past 2^53−1
are decimal strings. Progress bars are shown on terminals alone.

```
{help}
```
"""

CODES = (
    (0, "done; nothing that was checked failed"),
    (cli.USAGE, "the command line has an argument that is not known or not right, or lacks one"),
    (
        run.UNSEALED,
        "`run --unsealed`: the outputs are written, a receipt is not; `map`: so for some rows",
    ),
    (settle.NOT_SETTLED, "`settle`: what is sealed waits, as no log is open"),
    (settle.IN_DANGER, "`settle`, `status`: the earliest promise is in danger or broken"),
    (cli.INTERRUPTED, "Ctrl-C"),
    (output.NO_READER, "what read the output went away"),
)
"""Exit codes that no error class has, with where they come from."""

VARIABLES = (
    ("COUNTERFOIL_HOME", "the folder of `config.toml`, and in `data` of the journals"),
    ("COUNTERFOIL_PROFILE", "the profile to use, where `--profile` names none"),
    ("COUNTERFOIL_<FIELD>", "goes over a field of the profile, as `COUNTERFOIL_RPC`"),
    ("COUNTERFOIL_PASSPHRASE", "opens the keystores; else the keyring, else a file beside them"),
    ("COUNTERFOIL_SECRET", "the signing key is derived from it and the journal's id"),
    ("COUNTERFOIL_TOKEN", "the token of `serve`, where `--token-file` names none"),
    ("COUNTERFOIL_DEBUG", "shows the traceback of an error that nobody foresaw (code 70, `Bug`)"),
)

PROFILES = """## Profiles

A profile is a table of `config.toml` in the home folder: which chain, whose keys, which journal.
The profile `local` is built in, with the contracts' addresses, which are the same on every chain,
and {own}.
`counterfoil up` completes it. What it seals can never settle elsewhere.

| field | meaning | default |
|---|---|---|
{rows}

```toml
profile = "sepolia"                  # the one to use; without this, `local`

[profiles.sepolia]
chain_id = 11155111
ledger = "{ledger}"
registry = "{registry}"
rpc = "https://YOUR-NODE"
payer = "/srv/keys/payer.json"       # a keystore, or "env:NAME" for a hex key in a variable
confirmations = 3
publishers = ["0x4e59b44847b379578588920cA78FbF26c0B4956C"]
ledgers = [[84532, "{ledger}"]]
```
"""


def page() -> str:
    """The whole file."""
    parts = [HEAD.replace("{help}", helped([]))]
    for name in cli.COMMANDS:
        parts += list(_sections([name]))
    parts += [_codes(), _variables(), _fields()]
    return "\n".join(parts)


def helped(path: list[str]) -> str:
    """A command's help page."""
    command, context = _found(path)
    return command.get_help(context).rstrip()


def _found(path: list[str]) -> tuple[click.Command, click.Context]:
    command: click.Command = cli.main
    context = click.Context(
        cli.main, info_name="counterfoil", terminal_width=WIDTH, **cli.main.context_settings
    )
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(context, name)
        assert found is not None
        command = found
        context = click.Context(found, info_name=name, parent=context, terminal_width=WIDTH)
    return command, context


def _sections(path: list[str]) -> list[str]:
    command, context = _found(path)
    out = [f"{'#' * (1 + len(path))} {' '.join(path)}\n\n```\n{helped(path)}\n```\n"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            out += _sections([*path, name])
    return out


def _codes() -> str:
    """Each exit code with its meaning: the commands' own, then the error classes'."""
    rows = [f"| {code} | {meaning} |" for code, meaning in CODES]
    by_code: dict[int, list[str]] = {}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.CounterfoilError):
            by_code.setdefault(kind.exit_code, []).append(f"`{kind.__name__}`")
    rows += [f"| {code} | {', '.join(by_code[code])} |" for code in sorted(by_code)]
    return (
        "## Exit codes\n\n| code | meaning, or class of the error |\n|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def _variables() -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in VARIABLES]
    return "## Environment\n\n| variable | meaning |\n|---|---|\n" + "\n".join(rows) + "\n"


def _fields() -> str:
    """A profile's fields, described as the class describes them."""
    described = _attributes(Profile.__doc__ or "")
    defaults = {f.name: f.default for f in dataclasses.fields(Profile)}
    rows = []
    for name in FIELDS:
        default = defaults[name]
        if default is dataclasses.MISSING:
            shown = "a file in the data folder" if name == "journal" else "must be given"
        else:
            shown = {None: "none", (): "none"}.get(default, f"`{default}`")
        rows.append(f"| `{name}` | {described[name]} | {shown} |")
    local = config._local()
    own = ", ".join(f"{k} {v}" for k, v in local.items() if not str(v).startswith("0x"))
    text = PROFILES.replace("{rows}", "\n".join(rows)).replace("{own}", own)
    return text.format(ledger=local["ledger"], registry=local["registry"])


def _attributes(text: str) -> dict[str, str]:
    """`name: meaning` of a docstring's Attributes, each on one line."""
    body = text.split("Attributes:")[1]
    found = re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", body, re.MULTILINE)
    return {name: " ".join(meaning.split()) for name, meaning in found}


def main() -> None:
    """Write the file."""
    TARGET.write_text(page(), encoding="utf-8")
    print("written: docs/commands.md")


if __name__ == "__main__":
    main()
