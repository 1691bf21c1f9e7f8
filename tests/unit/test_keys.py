"""Keystores, passphrases, derived keys: and that none of them is ever shown."""

from __future__ import annotations

import json
import pickle
import traceback

import pytest
from counterfoil import keys
from counterfoil.errors import (
    BadKeyFile,
    BadSecret,
    KeyFileMissing,
    KeyFileOpen,
    NoPassphrase,
    WrongPassphrase,
)
from counterfoil.hashing.signature import recover
from eth_account import Account

DIGEST = bytes(range(32))
HEX_KEY = "0x" + "4c" * 32


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv(keys.PASSPHRASE, raising=False)
    monkeypatch.delenv(keys.SECRET, raising=False)
    monkeypatch.setattr(keys, "STRONG", 2)  # scrypt's n, for what is tested here beside it
    monkeypatch.setattr(keys, "_keyring", lambda: None)


class Ring:
    """A keyring that keeps its passphrases in memory."""

    priority = 5

    def __init__(self):
        self.held = {}

    def get_password(self, service, name):
        return self.held.get((service, name))

    def set_password(self, service, name, text):
        self.held[service, name] = text


def test_sign__twice__the_same_and_recovers(tmp_path):
    key, _ = keys.make_keystore(tmp_path)
    assert key.sign(DIGEST) == key.sign(DIGEST)
    assert recover(DIGEST, key.sign(DIGEST)) == key.address


def test_repr__shows_address_only(tmp_path):
    key, path = keys.make_keystore(tmp_path)
    secret = Account.decrypt(path.read_text(), (tmp_path / "passphrase").read_text().strip()).hex()
    assert key.address in repr(key)
    assert secret not in repr(key)
    with pytest.raises(TypeError, match="does not leave"):
        pickle.dumps(key)


def test_make_keystore__nothing_set__passphrase_file_beside_it(tmp_path):
    key, path = keys.make_keystore(tmp_path / "k")
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "k" / "passphrase").stat().st_mode & 0o777 == 0o600
    assert keys.load_keystore(path).address == key.address
    assert [p.name for p in sorted((tmp_path / "k").iterdir())] == [path.name, "passphrase"]


def test_make_keystore__ours__eth_account_opens_it(tmp_path, monkeypatch):
    monkeypatch.setenv(keys.PASSPHRASE, "correct horse")
    key, path = keys.make_keystore(tmp_path)
    store = json.loads(path.read_text())
    assert store["version"] == 3
    assert Account.from_key(Account.decrypt(store, "correct horse")).address == key.address


def test_make_keystore__passphrase_in_environment__no_file_and_strong(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "STRONG", 2**14)
    monkeypatch.setenv(keys.PASSPHRASE, "correct horse")
    _, path = keys.make_keystore(tmp_path)
    assert not (tmp_path / "passphrase").exists()
    assert json.loads(path.read_text())["crypto"]["kdfparams"]["n"] == 2**14


def test_make_keystore__keyring__holds_the_passphrase(tmp_path, monkeypatch):
    ring = Ring()
    monkeypatch.setattr(keys, "_keyring", lambda: ring)
    key, path = keys.make_keystore(tmp_path)
    assert not (tmp_path / "passphrase").exists()
    assert list(ring.held) == [("counterfoil", key.address)]
    assert keys.load_keystore(path).address == key.address


def test_make_keystore__broken_keyring__falls_to_file(tmp_path, monkeypatch):
    class Locked:
        def set_password(self, service, name, text):
            raise RuntimeError("locked")

        def get_password(self, service, name):
            raise RuntimeError("locked")

    monkeypatch.setattr(keys, "_keyring", Locked)
    key, path = keys.make_keystore(tmp_path)
    assert (tmp_path / "passphrase").exists()
    assert keys.load_keystore(path).address == key.address


def test_keyring__backend_that_fails__counts_as_none(monkeypatch):
    monkeypatch.undo()
    keyring = pytest.importorskip("keyring")
    from keyring.backends import fail

    before = keyring.get_keyring()
    try:
        keyring.set_keyring(fail.Keyring())
        assert keys._keyring() is None
    finally:
        keyring.set_keyring(before)


def test_load_keystore__environment_set_later__file_still_opens(tmp_path, monkeypatch):
    key, path = keys.make_keystore(tmp_path)
    monkeypatch.setenv(keys.PASSPHRASE, "of another key")
    assert keys.load_keystore(path).address == key.address


def test_load_keystore__missing__refused(tmp_path):
    with pytest.raises(KeyFileMissing, match="restore it"):
        keys.load_keystore(tmp_path / "no.json")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_load_keystore__open_to_others__refused(tmp_path, mode):
    _, path = keys.make_keystore(tmp_path)
    path.chmod(mode)
    with pytest.raises(KeyFileOpen, match="chmod 600"):
        keys.load_keystore(path)


def test_load_keystore__open_passphrase__refused(tmp_path):
    _, path = keys.make_keystore(tmp_path)
    (tmp_path / "passphrase").chmod(0o644)
    with pytest.raises(KeyFileOpen, match="passphrase"):
        keys.load_keystore(path)


def test_load_keystore__wrong_passphrase__refused_and_not_shown(tmp_path, monkeypatch):
    _, path = keys.make_keystore(tmp_path)
    (tmp_path / "passphrase").write_text("swordfish")
    monkeypatch.setenv(keys.PASSPHRASE, "hunter2")
    with pytest.raises(WrongPassphrase) as raised:
        keys.load_keystore(path)
    shown = "".join(traceback.format_exception(raised.value))
    assert "swordfish" not in shown
    assert "hunter2" not in shown


def test_load_keystore__no_passphrase__refused(tmp_path):
    _, path = keys.make_keystore(tmp_path)
    (tmp_path / "passphrase").unlink()
    with pytest.raises(NoPassphrase, match=keys.PASSPHRASE):
        keys.load_keystore(path)


@pytest.mark.parametrize("content", ["", "{}", "[]", "not json", '{"crypto": {}}', "\xff"])
def test_load_keystore__no_keystore__refused(tmp_path, content):
    keys.make_keystore(tmp_path)
    path = tmp_path / "bad.json"
    path.write_text(content, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(BadKeyFile):
        keys.load_keystore(path)


def test_derive_key__same_journal__same_key():
    secret = b"s" * 32
    assert keys.derive_key(secret, "a").address == keys.derive_key(secret, "a").address
    assert keys.derive_key(secret, "a").address != keys.derive_key(secret, "b").address
    assert keys.derive_key(b"t" * 32, "a").address != keys.derive_key(secret, "a").address


def test_derive_key__vector__as_rfc_5869_gives_it():
    """HKDF written out with the standard library's hmac."""
    import hashlib
    import hmac

    import coincurve

    secret, journal = b"s" * 32, "0123456789abcdef"
    prk = hmac.new(b"counterfoil/journal-key/1", secret, hashlib.sha256).digest()
    one = hmac.new(prk, journal.encode() + b"\x01", hashlib.sha256).digest()
    two = hmac.new(prk, one + journal.encode() + b"\x02", hashlib.sha256).digest()
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    number = int.from_bytes((one + two)[:48], "big") % (order - 1) + 1
    expected = keys.SigningKey(coincurve.PrivateKey.from_int(number))
    assert keys.derive_key(secret, journal).address == expected.address


def test_secret__too_short__refused_and_not_shown(monkeypatch):
    monkeypatch.setenv(keys.SECRET, "swordfish")
    with pytest.raises(BadSecret) as raised:
        keys.secret_in_environment()
    assert "swordfish" not in str(raised.value)


def test_account__variable__its_key(monkeypatch):
    monkeypatch.setenv("PAYER", HEX_KEY)
    assert keys.account("env:PAYER").address == Account.from_key(HEX_KEY).address


def test_account__variable_missing__refused(monkeypatch):
    monkeypatch.delenv("PAYER", raising=False)
    with pytest.raises(KeyFileMissing, match=r"\$PAYER"):
        keys.account("env:PAYER")


@pytest.mark.parametrize("text", ["0x12", "zz" * 32, "00" * 32, "ab" * 33, "ff" * 32])
def test_account__variable_holds_no_key__refused_and_not_shown(monkeypatch, text):
    monkeypatch.setenv("PAYER", text)
    with pytest.raises(BadKeyFile) as raised:
        keys.account("env:PAYER")
    assert text not in "".join(traceback.format_exception(raised.value))


def test_account__keystore__opened(tmp_path):
    key, path = keys.make_keystore(tmp_path)
    assert keys.account(str(path)).address == key.address


@pytest.mark.parametrize("form", ["{}", "0x{}", " 0X{}\n", "env:{}", "env:0x{}"])
def test_account__the_key_itself__refused_and_not_shown(form):
    digits = "aC" * 32
    with pytest.raises(BadKeyFile, match="env:NAME") as raised:
        keys.account(form.format(digits))
    assert digits not in "".join(traceback.format_exception(raised.value))


def test_secret__not_utf_8__refused(monkeypatch):
    monkeypatch.setenv(keys.SECRET, "\udcff" * 40)
    with pytest.raises(BadSecret, match="UTF-8"):
        keys.secret_in_environment()


def test_passphrase__not_utf_8__refused(monkeypatch, tmp_path):
    monkeypatch.setenv(keys.PASSPHRASE, "\udcff")
    with pytest.raises(WrongPassphrase, match="UTF-8"):
        keys.make_keystore(tmp_path)


def test_passphrase_file__made_by_another_meanwhile__kept(monkeypatch, tmp_path):
    """Whoever is second must not replace the passphrase that the first one's key needs."""
    first = {}
    whole = keys.write_private

    def late(path, content, **options):
        if not first:
            first["path"] = None
            first["path"] = keys.make_keystore(tmp_path, "first")[1]
        whole(path, content, **options)

    monkeypatch.setattr(keys, "write_private", late)
    second, path = keys.make_keystore(tmp_path, "second")
    assert keys.load_keystore(path).address == second.address
    keys.load_keystore(first["path"])
