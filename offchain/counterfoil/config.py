"""Profiles: which chain, whose keys, which journal.

A profile is a table of `config.toml`; an environment variable COUNTERFOIL_<FIELD> goes over
its field. The profile `local` is built in and needs no file.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
import re
import stat
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import platformdirs
import tomli_w

from counterfoil import artefacts
from counterfoil.errors import BadConfig, UnknownProfile
from counterfoil.hashing.signature import checksummed
from counterfoil.hashing.types import Address, Seconds
from counterfoil.keys import is_key

APP = "counterfoil"
LOCAL: Final = "local"
LOCAL_CHAIN_ID: Final = 31337
"""Chain id of the local node. Source: anvil's default."""

EMBEDDED_CHAIN_ID: Final = 131277322940537
"""Chain id of the chain inside a program. Source: eth-tester's own."""

PROMISE: Final = Seconds(3600)
BATCH_AGE: Final = Seconds(600)

MAX_BATCH_URI: Final = 180
"""Bytes: with `/`, an address, `/`, a number and `.json` it stays under a batch's 256."""

MAX_NUMBER: Final = 2**53 - 1
"""The largest that every reader of JSON holds exactly."""

MAX_CHAIN_ID: Final = 2**256 - 1
"""Source: EIP-712's domain, docs/format.md §6."""

Durability = Literal["full", "normal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One set-up of a user's.

    Attributes:
        name: the table's name in `config.toml`.
        chain_id: EIP-155.
        ledger: the `ReceiptLedger`.
        registry: the `ModelRegistry`, None: not used.
        rpc: the node's URL, None: no chain in reach.
        operator: keystore path, or `env:NAME` with a hex key; None: not on this machine.
        payer: as `operator`; the account that pays gas.
        journal: SQLAlchemy URL.
        promise: seconds from `issuedAt` to `settleBy` once the log is open; 0: no promises.
        confirmations: blocks, the batch's own included, before it counts as final.
        batch_size: settle when so many receipts wait,
        batch_age: or when the oldest has waited so many seconds.
        publishers: whom a verifier trusts to publish models.
        ledgers: the user's additions to the ledgers that a verifier trusts, by chain id.
        durability: `full` survives a power cut; `normal` the crash of a process, and off the local
            chain it is taken for `full`.
        court: the `PromiseCourt` of the ledger, None: not used.
        publish: folder into which the settler writes batch files, None: they are not published.
        batch_uri: where that folder is served, without the files' names.
        fault_court: the `FaultCourt` of the ledger, None: not used.
    """

    name: str
    chain_id: int
    ledger: Address
    registry: Address | None = None
    rpc: str | None = None
    operator: str | None = None
    payer: str | None = None
    journal: str
    promise: Seconds = PROMISE
    confirmations: int = 3
    batch_size: int = 4096
    batch_age: Seconds = BATCH_AGE
    publishers: tuple[Address, ...] = ()
    ledgers: tuple[tuple[int, Address], ...] = ()
    durability: Durability = "full"
    court: Address | None = None
    publish: str | None = None
    batch_uri: str | None = None
    fault_court: Address | None = None


def home() -> Path:
    """The folder of `config.toml`: $COUNTERFOIL_HOME, else the platform's for settings."""
    own = os.environ.get("COUNTERFOIL_HOME")
    return Path(own) if own else platformdirs.user_config_path(APP)


def data_folder() -> Path:
    """The folder of journals: $COUNTERFOIL_HOME/data, else the platform's for data."""
    own = os.environ.get("COUNTERFOIL_HOME")
    return Path(own) / "data" if own else platformdirs.user_data_path(APP)


def config_file() -> Path:
    """Where the profiles are; the file may be missing."""
    return home() / "config.toml"


def default_journal(profile: str) -> str:
    """URL of a profile's journal where its table names none."""
    return f"sqlite:///{data_folder().absolute() / profile / 'journal.db'}"


def profile_names() -> list[str]:
    """Names of all profiles, the built-in one among them."""
    return sorted({LOCAL, *_tables(_read())})


def load_profile(name: str | None = None) -> Profile:
    """A profile, with the environment's variables over it.

    Args:
        name: the profile's; None: $COUNTERFOIL_PROFILE, else the file's `profile`, else `local`.
    Raises:
        UnknownProfile: no table has this name.
        BadConfig: the file does not parse, or a field's value is none that it takes.
    """
    file = _read()
    chosen = name or os.environ.get("COUNTERFOIL_PROFILE") or file.get("profile") or LOCAL
    if not isinstance(chosen, str):
        raise BadConfig(f"{config_file()}: `profile` is a profile's name")
    tables = _tables(file)
    if chosen not in tables and chosen != LOCAL:
        raise UnknownProfile(
            f"no profile {chosen!r} in {config_file()}: there are {', '.join(profile_names())}"
        )
    values = dict(tables.get(chosen, {}))
    where = f"{config_file()}, profile {chosen}"
    for field in FIELDS:
        given = os.environ.get(f"COUNTERFOIL_{field.upper()}")
        if given is not None:
            values[field] = given
    return _profile(chosen, values, where)


def save_profile(profile: Profile, *, default: bool = True) -> Path:
    """Write a profile into `config.toml`, beside the others; the file's first is the default.

    Args:
        default: False: this one is not made the default, even where none is.
    Returns:
        The file.
    Raises:
        BadConfig: the file there does not parse.
    """
    table: dict[str, Any] = {}
    for field in FIELDS:
        value = getattr(profile, field)
        if value is None or (field == "journal" and value == default_journal(profile.name)):
            continue
        table[field] = _plain(value)
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(".config.lock")):
        file = _read()
        if default:
            file.setdefault("profile", profile.name)
        file["profiles"] = {**_tables(file), profile.name: table}
        _replace(path, tomli_w.dumps(file).encode())
    return path


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file: one process at a time reads, changes and writes."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, content: bytes) -> None:
    """Replace a file whole, with the mode that it had; a new one is its owner's alone."""
    target = path.resolve()  # a link stays one
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o600
    descriptor, name = tempfile.mkstemp(prefix=".config.", dir=target.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _read() -> dict[str, Any]:
    path = config_file()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise BadConfig(f"cannot read {path}: {error}") from error


def _tables(file: Mapping[str, Any]) -> Mapping[str, Any]:
    tables = file.get("profiles", {})
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise BadConfig(f"{config_file()}: profiles are tables, as in [profiles.local]")
    return tables


def _profile(name: str, values: dict[str, Any], where: str) -> Profile:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise BadConfig(f"a profile's name has letters, digits, '.', '_' and '-', not {name!r}")
    unknown = sorted(set(values) - set(FIELDS))
    if unknown:
        raise BadConfig(f"{where}: there is no field {unknown[0]!r}; fields: {', '.join(FIELDS)}")
    if name == LOCAL:
        values = {**_local(), **values}
    values.setdefault("journal", default_journal(name))
    for field in ("chain_id", "ledger"):
        if field not in values:
            raise BadConfig(f"{where}: {field} is missing")
    read = {}
    for field, value in values.items():
        try:
            read[field] = FIELDS[field](value)
        except (ValueError, TypeError) as error:
            raise BadConfig(f"{where}: {field} {error}") from None
    return Profile(name=name, **read)


def _local() -> dict[str, Any]:
    known = artefacts.addresses()
    return {
        "chain_id": LOCAL_CHAIN_ID,
        "ledger": known["ReceiptLedger"],
        "registry": known["ModelRegistry"],
        "confirmations": 1,
        "durability": "normal",
    }


# Readers, one a type: from TOML's values or an environment variable's text


def address(value: object) -> Address:
    """An address from its hex form, in one case or with EIP-55's checksum.

    Raises:
        ValueError: no address, or a checksum that does not hold.
    """
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        raise ValueError(f"is an address, 0x and 40 hex digits, not {value!r}")
    found = checksummed(bytes.fromhex(value[2:]))
    digits = value[2:]
    if value != found and digits not in (digits.lower(), digits.upper()):
        raise ValueError(f"has a checksum that does not hold: {value}, did you mean {found}?")
    return found


def _number(low: int, high: int = MAX_NUMBER) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,78}", value, re.ASCII):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            text = repr(value) if len(str(value)) <= 40 else "what is there"
            raise ValueError(f"is a whole number from {low} to {high}, not {text}")
        return value

    return read


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"is a text, not {value!r}")
    return value


def _optional(value: object) -> str | None:
    return None if value == "" else _text(value)


def _account(value: object) -> str | None:
    """What names an account; what is no name may be a key, so it is never shown."""
    if not isinstance(value, str):
        raise ValueError("is a text: a keystore's path, or env:NAME")
    if is_key(value):
        raise ValueError("is a private key itself: put it in a variable and name env:NAME")
    return value or None


def _batch_uri(value: object) -> str | None:
    text = _optional(value)
    if text is None:
        return None
    if not text.startswith(("https://", "http://")) or len(text.encode()) > MAX_BATCH_URI:
        raise ValueError(f"is an http or https URL of at most {MAX_BATCH_URI} bytes, not {value!r}")
    return text


def _durability(value: object) -> Durability:
    if value == "full" or value == "normal":  # noqa: PLR1714 (narrows the type)
        return value
    raise ValueError(f"is 'full' or 'normal', not {value!r}")


def _addresses(value: object) -> tuple[Address, ...]:
    items = value.split(",") if isinstance(value, str) and value else value or []
    if not isinstance(items, list | tuple):
        raise ValueError(f"is a list of addresses, not {value!r}")
    return tuple(address(item.strip() if isinstance(item, str) else item) for item in items)


def _ledgers(value: object) -> tuple[tuple[int, Address], ...]:
    if isinstance(value, str):
        value = [item.strip().split(":", 1) for item in value.split(",") if item]
    if not isinstance(value, list | tuple) or any(
        not isinstance(item, list | tuple) or len(item) != 2 for item in value
    ):
        raise ValueError(f"is a list of [chain id, address], not {value!r}")
    return tuple((_number(1, MAX_CHAIN_ID)(chain_id), address(where)) for chain_id, where in value)


FIELDS: Final[Mapping[str, Callable[[object], Any]]] = {
    "chain_id": _number(1, MAX_CHAIN_ID),
    "ledger": address,
    "registry": lambda value: None if value == "" else address(value),
    "rpc": _optional,
    "operator": _account,
    "payer": _account,
    "journal": _text,
    "promise": _number(0),
    "confirmations": _number(1),
    "batch_size": _number(1),
    "batch_age": _number(1),
    "publishers": _addresses,
    "ledgers": _ledgers,
    "durability": _durability,
    "court": lambda value: None if value == "" else address(value),
    "publish": _optional,
    "batch_uri": _batch_uri,
    "fault_court": lambda value: None if value == "" else address(value),
}
"""Every field but the name, with what reads it."""

assert [f.name for f in dataclasses.fields(Profile)][1:] == list(FIELDS)
