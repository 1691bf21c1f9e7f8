"""Profiles: the built-in one, the file's, the environment's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from counterfoil import config
from counterfoil.config import Profile, load_profile, save_profile
from counterfoil.errors import BadConfig, UnknownProfile

LEDGER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
OTHER = "0x3fAB184622Dc19b6109349B94811493BF2a45362"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for field in config.FIELDS:
        monkeypatch.delenv(f"COUNTERFOIL_{field.upper()}", raising=False)
    monkeypatch.delenv("COUNTERFOIL_PROFILE", raising=False)
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path))
    return tmp_path


def write(folder, text):
    (folder / "config.toml").write_text(text)


def test_load_profile__no_file__local(folder):
    profile = load_profile()
    assert (profile.name, profile.chain_id, profile.confirmations) == ("local", 31337, 1)
    assert profile.durability == "normal"
    assert profile.journal == f"sqlite:///{folder}/data/local/journal.db"


def test_load_profile__no_home__platform_folders(monkeypatch, tmp_path):
    monkeypatch.delenv("COUNTERFOIL_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    assert config.config_file().name == "config.toml"
    assert config.home() != config.data_folder()
    assert "counterfoil" in load_profile().journal


def test_load_profile__other_profile__durable_by_default(folder):
    write(folder, f'[profiles.sepolia]\nchain_id = 11155111\nledger = "{LEDGER.lower()}"\n')
    profile = load_profile("sepolia")
    assert profile.durability == "full"
    assert profile.confirmations == 3
    assert profile.ledger == LEDGER


def test_load_profile__file_names_default__taken(folder):
    write(folder, f'profile = "s"\n[profiles.s]\nchain_id = 1\nledger = "{LEDGER}"\n')
    assert load_profile().name == "s"


def test_load_profile__environment__over_file(folder, monkeypatch):
    write(folder, f'[profiles.s]\nchain_id = 1\nledger = "{LEDGER}"\nrpc = "http://a"\n')
    monkeypatch.setenv("COUNTERFOIL_PROFILE", "s")
    monkeypatch.setenv("COUNTERFOIL_RPC", "http://b")
    monkeypatch.setenv("COUNTERFOIL_CHAIN_ID", "5")
    monkeypatch.setenv("COUNTERFOIL_PUBLISHERS", f"{LEDGER}, {OTHER}")
    monkeypatch.setenv("COUNTERFOIL_LEDGERS", f"1:{LEDGER},7:{OTHER}")
    profile = load_profile()
    assert (profile.name, profile.rpc, profile.chain_id) == ("s", "http://b", 5)
    assert profile.publishers == (LEDGER, OTHER)
    assert profile.ledgers == ((1, LEDGER), (7, OTHER))


def test_load_profile__unknown__refused():
    with pytest.raises(UnknownProfile, match="there are local"):
        load_profile("nowhere")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("chain_id = ", "cannot read"),
        ("profiles = 3", "profiles are tables"),
        ("[profiles.local]\nconfirmation = 3", "no field 'confirmation'"),
        ("[profiles.local]\nconfirmations = 0", "whole number from 1"),
        ("[profiles.local]\nconfirmations = true", "whole number from 1"),
        ('[profiles.local]\nledger = "0x12"', "40 hex digits"),
        (f'[profiles.local]\nledger = "{LEDGER.replace("A", "a")}"', "did you mean"),
        ('[profiles.local]\ndurability = "maybe"', "'full' or 'normal'"),
        ("[profiles.local]\npublishers = 3", "list of addresses"),
        ("[profiles.local]\nledgers = [1]", "list of"),
        ("[profiles.local]\nrpc = 3", "is a text"),
        ('profile = "s"\n[profiles.s]\nchain_id = 1', "ledger is missing"),
        ("profile = 3", "a profile's name"),
    ],
)
def test_load_profile__bad_file__refused(folder, text, says):
    write(folder, text)
    with pytest.raises(BadConfig, match=says) as raised:
        load_profile()
    assert "\n" not in str(raised.value) or says == "cannot read"


def test_save_profile__loaded_again__equal_and_others_kept(folder):
    write(folder, f'mine = 1\n[profiles.s]\nchain_id = 1\nledger = "{LEDGER}"\n')
    profile = Profile(
        name="public",
        chain_id=84532,
        ledger=LEDGER,
        registry=OTHER,
        rpc="https://node",
        payer="env:PAYER",
        journal=config.default_journal("public"),
        publishers=(OTHER,),
        ledgers=((1, OTHER),),
    )
    save_profile(profile)
    assert load_profile() == profile
    assert load_profile("s").chain_id == 1
    assert config.profile_names() == ["local", "public", "s"]
    assert "journal" not in (folder / "config.toml").read_text()


def test_addresses__shipped__those_of_the_shipped_bytecode():
    from counterfoil import artefacts
    from counterfoil.chain.deployment import court_plan, fault_plans, plans

    faults = ("FaultClerk", "StepJudge", "RowJudge", "FaultCourt")
    bytecodes = {
        name: bytes.fromhex(artefacts.load(name)["bytecode"].removeprefix("0x"))
        for name in ("ReceiptLedger", "ModelRegistry", "PromiseCourt", *faults)
    }
    ledger, registry = plans(bytecodes)
    court = court_plan(bytecodes["PromiseCourt"], ledger.address)
    made = (ledger, registry, court, *fault_plans(bytecodes, ledger.address))
    assert artefacts.addresses() == {plan.name: plan.address for plan in made}


@pytest.mark.parametrize("field", ["operator", "payer"])
@pytest.mark.parametrize("quote", ['"', ""])
def test_load_profile__private_key_for_an_account__refused_and_not_shown(folder, field, quote):
    key = "0x" + "ab" * 32
    write(
        folder,
        f'[profiles.s]\nchain_id = 1\nledger = "{LEDGER}"\n{field} = {quote}{key}{quote}\n',
    )
    with pytest.raises(BadConfig, match="env:NAME") as raised:
        load_profile("s")
    assert "abab" not in str(raised.value) and str(int(key, 16)) not in str(raised.value)


def test_load_profile__huge_number__refused_in_a_short_line(monkeypatch):
    monkeypatch.setenv("COUNTERFOIL_CHAIN_ID", "1" + "0" * 90)
    with pytest.raises(BadConfig, match="chain_id is a whole number from 1 to"):
        load_profile()


def local() -> Profile:
    return Profile(
        name="s", chain_id=1, ledger=LEDGER, journal=config.default_journal("s"), payer="env:P"
    )


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_save_profile__file_there__keeps_its_mode(folder, mode):
    write(folder, "")
    (folder / "config.toml").chmod(mode)
    save_profile(local())
    assert (folder / "config.toml").stat().st_mode & 0o777 == mode


def test_save_profile__new_file__its_owners_alone(folder):
    save_profile(local())
    assert (folder / "config.toml").stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in folder.iterdir()) == [".config.lock", "config.toml"]


def test_save_profile__many_at_once__none_is_lost(folder):
    names = [f"p{i}" for i in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: save_profile(replace(local(), name=name)), names))
    assert set(names) <= set(config.profile_names())
