"""Keys: the log's signing key, and how to get at the operator's and the payer's accounts.

A keystore is eth-account's format (Web3 Secret Storage, version 3), mode 0600. Its passphrase
comes from $COUNTERFOIL_PASSPHRASE, the system's keyring, or a 0600 file made with it, in that
order, never from a prompt. A server may derive keys from $COUNTERFOIL_SECRET instead.

No key, passphrase or secret is ever part of a message, a log line or a repr.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import coincurve

from counterfoil.errors import (
    BadKeyFile,
    BadSecret,
    KeyFileMissing,
    KeyFileOpen,
    NoPassphrase,
    WrongPassphrase,
)
from counterfoil.hashing.signature import ORDER, public_address, sign
from counterfoil.hashing.types import Address, Digest, Signature

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

PASSPHRASE: Final = "COUNTERFOIL_PASSPHRASE"  # noqa: S105 (a name)
SECRET: Final = "COUNTERFOIL_SECRET"  # noqa: S105 (a name)
SECRET_MIN: Final = 32
"""Characters of a secret, at least: 16 random bytes in hex."""

KEY_GIVEN: Final = "a private key stands where its name should: put it in a variable, name env:NAME"

SERVICE: Final = "counterfoil"
"""Under what the system's keyring files passphrases."""

STRONG: Final = 2**18
"""scrypt's n for a passphrase that a human may have chosen: a second to open.

Source: Web3 Secret Storage's own default.
"""

QUICK: Final = 2**12
"""scrypt's n for a passphrase of 32 random bytes, which no stretching makes harder to guess."""


class SigningKey:
    """A log's key. It signs digests and shows nothing but its address; it is not picklable."""

    __slots__ = ("_key", "address")

    def __init__(self, key: coincurve.PrivateKey) -> None:
        self._key = key
        self.address: Address = public_address(key.public_key.format(compressed=False))

    def sign(self, digest: Digest) -> Signature:
        """Sign a 32-byte digest; deterministic (RFC 6979), so that a retry signs the same."""
        return sign(digest, self._key)

    def __repr__(self) -> str:
        return f"<SigningKey {self.address}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key does not leave its process")


@dataclass(frozen=True, slots=True, repr=False)
class _Passphrase:
    text: str
    source: str
    chosen: bool
    """Whether a human may have chosen it."""


def make_keystore(folder: Path, name: str | None = None) -> tuple[SigningKey, Path]:
    """Make a key and its keystore, durable before this returns.

    Args:
        folder: made with mode 0700 if missing; the passphrase file lies in it too.
        name: the file's, without `.json`; None: the key's address.
    Returns:
        The key, and the keystore's path.
    Raises:
        OSError: the folder or file cannot be written.
        KeyFileOpen: a passphrase file is there and others may read it.
    """
    from eth_account import Account

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    raw = coincurve.PrivateKey()
    key = SigningKey(raw)
    path = folder / f"{name or key.address}.json"
    passphrase = _new_passphrase(folder, path.stem)
    store: dict[str, Any] = Account.encrypt(
        raw.secret,
        passphrase.text,
        kdf="scrypt",
        iterations=STRONG if passphrase.chosen else QUICK,
    )
    write_private(path, (json.dumps(store) + "\n").encode())
    return key, path


def load_keystore(path: Path) -> SigningKey:
    """Open a keystore.

    Raises:
        KeyFileMissing, KeyFileOpen, BadKeyFile, NoPassphrase, WrongPassphrase: as they say.
    """
    return SigningKey(coincurve.PrivateKey(_decrypt(path)))


def check_keystore(path: Path) -> None:
    """Refuse a keystore that is missing or that others may read, without opening it.

    Raises:
        KeyFileMissing, KeyFileOpen: as they say.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise KeyFileMissing(f"the key file {path} is missing: restore it from a backup") from error
    if mode & 0o077:
        raise KeyFileOpen(f"others may read {path}: run `chmod 600 {path}`")


def secret_in_environment() -> bytes | None:
    """$COUNTERFOIL_SECRET, None where it is not set.

    Raises:
        BadSecret: it is too short to hold a key's worth of chance, or not UTF-8.
    """
    text = os.environ.get(SECRET)
    if not text:
        return None
    if len(text) < SECRET_MIN:
        raise BadSecret(f"${SECRET} is too short: make one with `openssl rand -hex 32`")
    if not _is_text(text):
        raise BadSecret(f"${SECRET} is not UTF-8: make one with `openssl rand -hex 32`")
    return text.encode()


def derive_key(secret: bytes, journal_id: str) -> SigningKey:
    """The key of one journal under a secret: HKDF-SHA-256, then into the curve's range.

    Source: docs/format.md §12; RFC 5869; FIPS 186-5 §A.2.1 for the extra 16 bytes.
    """
    from Crypto.Hash import SHA256
    from Crypto.Protocol.KDF import HKDF

    raw = HKDF(secret, 48, b"counterfoil/journal-key/1", SHA256, 1, journal_id.encode())
    number = int.from_bytes(raw, "big") % (ORDER - 1) + 1  # type: ignore[arg-type]
    return SigningKey(coincurve.PrivateKey.from_int(number))


def is_key(spec: str) -> bool:
    """Whether what should name a key is one itself, so that no message may show it."""
    bare = spec.strip().removeprefix("env:").strip()
    return re.fullmatch(r"(?:0[xX])?[0-9a-fA-F]{64}", bare) is not None


def account(spec: str) -> LocalAccount:
    """The account that a profile's `operator` or `payer` names.

    Args:
        spec: `env:NAME`, a variable with a hex key; or the path of a keystore.
    Raises:
        KeyFileMissing: no such variable or file.
        BadKeyFile: the variable holds no key, the file is no keystore, or the key itself is
            given in place of its name.
        KeyFileOpen, NoPassphrase, WrongPassphrase: as `load_keystore`.
    """
    from eth_account import Account

    if is_key(spec):
        raise BadKeyFile(KEY_GIVEN)
    if not spec.startswith("env:"):
        opened: LocalAccount = Account.from_key(_decrypt(Path(spec).expanduser()))
        return opened
    name = spec.removeprefix("env:")
    text = os.environ.get(name, "")
    if not text:
        raise KeyFileMissing(f"${name} is not set: it holds the hex key that the profile names")
    try:
        raw = bytes.fromhex(text.strip().removeprefix("0x"))
        found: LocalAccount = Account.from_key(raw)
        return found
    except Exception:  # what the library says of a wrong key may hold the key
        raise BadKeyFile(f"${name} holds no private key: 32 bytes in hex") from None


def write_private(path: Path, content: bytes, *, anew: bool = False) -> None:
    """Write a file of mode 0600, whole or not at all, durable before this returns.

    Args:
        anew: refuse a file that is there already.
    Raises:
        FileExistsError: it is, and `anew` was asked.
        OSError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if anew:
            os.link(draft, path)  # fails where the path is taken; a rename would not
            draft.unlink()
        else:
            draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _decrypt(path: Path) -> bytes:
    from eth_account import Account

    check_keystore(path)
    try:
        store = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(store, dict) or "crypto" not in {key.lower() for key in store}:
            raise ValueError
    except (OSError, ValueError):
        raise BadKeyFile(f"{path} is no keystore: restore it from a backup") from None
    tried = []
    for passphrase in _passphrases(path):
        try:
            return bytes(Account.decrypt(store, passphrase.text))
        except ValueError:  # "MAC mismatch"
            tried.append(passphrase.source)
        except Exception:
            raise BadKeyFile(f"{path} is no keystore: restore it from a backup") from None
    if tried:
        raise WrongPassphrase(f"no passphrase opens {path}: tried {', '.join(tried)}")
    raise NoPassphrase(f"no passphrase for {path}: set ${PASSPHRASE}")


# Passphrases


def _file(folder: Path) -> Path:
    return folder / "passphrase"


def _given() -> str | None:
    text = os.environ.get(PASSPHRASE)
    if text and not _is_text(text):
        raise WrongPassphrase(f"${PASSPHRASE} is not UTF-8: set it to a text")
    return text


def _is_text(value: str) -> bool:
    """Whether a variable's bytes were UTF-8: others come as lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _new_passphrase(folder: Path, name: str) -> _Passphrase:
    """The passphrase of a keystore that is being made; one is made where there is none."""
    text = _given()
    if text:
        return _Passphrase(text, f"${PASSPHRASE}", chosen=True)
    ring = _keyring()
    if ring is not None:
        fresh = secrets.token_hex(32)
        try:
            ring.set_password(SERVICE, name, fresh)
            if ring.get_password(SERVICE, name) == fresh:
                return _Passphrase(fresh, "the keyring", chosen=False)
        except Exception:  # noqa: S110 (locked or broken: each keyring raises its own)
            pass
    path = _file(folder)
    if not path.exists():
        # Of several processes that start at once, one makes it, and all read that one.
        with suppress(FileExistsError):
            write_private(path, (secrets.token_hex(32) + "\n").encode(), anew=True)
    return _Passphrase(_read(path), str(path), chosen=False)


def _passphrases(keystore: Path) -> Iterator[_Passphrase]:
    """Every passphrase at hand, in the order in which they are taken."""
    text = _given()
    if text:
        yield _Passphrase(text, f"${PASSPHRASE}", chosen=True)
    ring = _keyring()
    if ring is not None:
        try:
            found = ring.get_password(SERVICE, keystore.stem)
        except Exception:  # as above
            found = None
        if found:
            yield _Passphrase(found, "the keyring", chosen=False)
    path = _file(keystore.parent)
    if path.exists():
        yield _Passphrase(_read(path), str(path), chosen=False)


def _read(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        raise KeyFileOpen(f"others may read {path}: run `chmod 600 {path}`")
    return path.read_text(encoding="utf-8").strip()


def _keyring() -> Any | None:
    """The system's keyring, where the package is installed and a real one is behind it."""
    try:
        import keyring
    except ImportError:
        return None
    try:
        backend = keyring.get_keyring()
        return backend if backend.priority >= 1 else None
    except Exception:  # a backend that fails to load is no backend
        return None
