"""When a journal must not seal: another chain, a backup, a copy, a power cut, a rotated log."""

from __future__ import annotations

import shutil

import pytest
from counterfoil import keys
from counterfoil.errors import (
    BackupExists,
    BadSecret,
    JournalCopied,
    JournalMissing,
    JournalReplaced,
    JournalRetired,
    OtherGenesis,
    RestoredBackup,
    UncleanBoot,
    WrongKey,
)
from counterfoil.journal import Journal
from counterfoil.journal import journal as journal_module
from support.journals import GENESIS, LEDGER, NOW, OPERATOR, digest, draft, log, profile

# The chain


def test_note_chain__first_look__binds_the_genesis(opened, profile):
    with opened(profile) as journal:
        assert journal.genesis is None
        assert journal.log_state() is None
        journal.note_chain(GENESIS, log(), NOW)
    journal = opened(profile)
    assert journal.genesis == GENESIS
    assert journal.log_state() == log()


def test_note_chain__other_genesis__refused_and_nothing_noted(journal):
    journal.note_chain(GENESIS, None, NOW)
    with pytest.raises(OtherGenesis, match="key rotate"):
        journal.note_chain(digest("started anew"), log(), NOW)
    assert journal.genesis == GENESIS
    assert journal.log_state() is None
    assert journal.seal(draft()).receipt.settle_by == 0


def test_note_chain__more_settled_than_held__seals_no_more(opened, profile):
    with opened(profile) as journal:
        journal.seal(draft())
        journal.note_chain(GENESIS, log(next_sequence=1), NOW)
        journal.seal(draft())
        with pytest.raises(RestoredBackup, match="key rotate"):
            journal.note_chain(GENESIS, log(next_sequence=3), NOW)
        with pytest.raises(RestoredBackup):
            journal.seal(draft())
    journal = opened(profile)
    with pytest.raises(RestoredBackup):
        journal.seal(draft())
    assert isinstance(journal.refusal(), RestoredBackup)
    assert journal.next_sequence() == 2
    assert journal.cut_batch().batch.size == 2


def test_open__other_chain_or_ledger__another_journal(opened, tmp_path):
    one = opened(profile(tmp_path))
    two = opened(profile(tmp_path, chain_id=5))
    three = opened(profile(tmp_path, ledger=OPERATOR))
    assert len({j.signer for j in (one, two, three)}) == 3
    assert opened(profile(tmp_path, ledger=LEDGER)).signer == one.signer


# Backups and copies


def test_backup__restored__settles_but_does_not_seal(opened, tmp_path):
    source = profile(tmp_path / "a")
    journal = opened(source)
    sealed = journal.seal_many([draft(i) for i in range(3)])
    journal.backup(tmp_path / "backup")
    restored = opened(profile(tmp_path / "backup"))
    assert list(restored.iterate()) == sealed
    assert isinstance(restored.refusal(), JournalCopied | RestoredBackup)
    with pytest.raises((JournalCopied, RestoredBackup), match="key rotate"):
        restored.seal(draft())
    assert restored.cut_batch().batch.size == 3
    assert journal.seal(draft(3)).receipt.sequence == 3
    for path in (tmp_path / "backup").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_backup__put_back_in_place__refused(opened, tmp_path):
    source = profile(tmp_path / "a")
    with opened(source) as journal:
        journal.seal(draft())
        copy = journal.backup(tmp_path / "backup")
        journal.seal(draft())
    (tmp_path / "a" / "journal.db").write_bytes(copy.read_bytes())  # the same inode
    restored = opened(source)
    with pytest.raises(RestoredBackup):
        restored.seal(draft())


def test_backup__folder_in_use__refused(journal, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x").touch()
    with pytest.raises(BackupExists):
        journal.backup(tmp_path / "b")


def test_old_file_put_back__key_folder_remembers(opened, tmp_path):
    """A backup made without this program, over the same inode: the mark beside the key tells."""
    source = profile(tmp_path)
    with opened(source) as journal:
        journal.seal(draft(0))
    old = (tmp_path / "journal.db").read_bytes()
    with opened(source) as journal:
        journal.seal(draft(1))
    (tmp_path / "journal.db").write_bytes(old)
    restored = opened(source)
    assert restored.next_sequence() == 1
    assert isinstance(restored.refusal(), RestoredBackup)
    for _ in range(2):
        with pytest.raises(RestoredBackup):
            restored.seal(draft("another content"))
    assert restored.rotate().seal(draft()).receipt.sequence == 0


def test_old_folder_put_back_over_itself__another_folder_remembers(opened, tmp_path):
    """Database, keys and mark together, under the inodes that they had (`cp -a`)."""
    source = profile(tmp_path / "a")
    with opened(source) as journal:
        journal.seal(draft(0))
    old = {p: p.read_bytes() for p in (tmp_path / "a").rglob("*") if p.is_file()}
    with opened(source) as journal:
        journal.seal(draft(1))
    for path, content in old.items():
        path.write_bytes(content)
    restored = opened(source)
    assert restored.next_sequence() == 1
    with pytest.raises(RestoredBackup):
        restored.seal(draft("another content"))
    assert restored.rotate().seal(draft()).receipt.sequence == 0


def test_copied_file__beside_the_same_keys__refused(opened, tmp_path):
    source = profile(tmp_path)
    with opened(source) as journal:
        journal.seal(draft())
    shutil.copy(tmp_path / "journal.db", tmp_path / "second.db")
    second = opened(profile(tmp_path, journal=f"sqlite:///{tmp_path}/second.db"))
    assert second.signer == journal.signer
    with pytest.raises(JournalCopied, match="key rotate"):
        second.seal(draft())
    assert opened(source).seal(draft()).receipt.sequence == 1


def test_moved_file__still_seals(opened, tmp_path):
    with opened(profile(tmp_path / "a")) as journal:
        journal.seal(draft())
    (tmp_path / "a").rename(tmp_path / "b")
    assert opened(profile(tmp_path / "b")).seal(draft()).receipt.sequence == 1


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_file_gone_while_in_use__refused(opened, tmp_path, how):
    source = profile(tmp_path)
    journal = opened(source)
    journal.seal(draft())
    (tmp_path / "journal.db").unlink()
    if how == "replaced":
        for path in tmp_path.glob("journal.db-*"):
            path.unlink()
        opened(source).seal(draft())
    for _ in range(2):
        with pytest.raises(JournalReplaced, match="new log"):
            journal.seal(draft())


def test_file_deleted_while_in_use__saved_from_the_open_one__settles(opened, tmp_path):
    source = profile(tmp_path)
    journal = opened(source)
    sealed = [journal.seal(draft(n)) for n in range(3)]
    for path in tmp_path.glob("journal.db*"):
        if not path.name.endswith((".lock", ".gate")):
            path.unlink()
    with pytest.raises(JournalReplaced, match=r"held, which is in .*\.saved-\d+, to settle it"):
        journal.seal(draft(3))
    with pytest.raises(JournalReplaced, match=r"\.saved-\d+"):
        journal.seal(draft(3))
    (saved,) = tmp_path.glob("*.saved-*")
    assert saved.stat().st_mode & 0o077 == 0
    saved.rename(tmp_path / "journal.db")
    again = opened(source)
    assert list(again.iterate()) == sealed
    assert again.cut_batch().batch.size == 3
    with pytest.raises((JournalCopied, RestoredBackup)):
        again.seal(draft(3))


def test_deleted_journal__opened_anew__another_log(opened, tmp_path):
    source = profile(tmp_path)
    with opened(source) as journal:
        journal.seal_many([draft(i) for i in range(3)])
    for path in tmp_path.glob("journal.db*"):
        path.unlink()
    fresh = opened(source)
    assert fresh.signer != journal.signer
    assert fresh.seal(draft()).receipt.sequence == 0


# Power cuts


@pytest.fixture
def boot(monkeypatch):
    """Which boot the machine is in; `boot('b')` is a reboot."""

    def set_to(name):
        monkeypatch.setattr(journal_module, "boot_id", lambda: name)

    set_to("a")
    return set_to


def lose_power(journal: Journal) -> None:
    """End the use of a journal without its leave: nothing is written any more."""
    journal._sealer.close()
    journal._store.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_reboot__sealed_at_normal_and_not_closed__refused(opened, profile, boot):
    journal = opened(profile)
    journal.seal(draft())
    lose_power(journal)
    boot("b")
    again = opened(profile)
    assert isinstance(again.refusal(), UncleanBoot)
    with pytest.raises(UncleanBoot, match="key rotate"):
        again.seal(draft())
    assert again.next_sequence() == 1
    fresh = again.rotate()
    assert fresh.seal(draft()).receipt.sequence == 0


def test_reboot__sealed_at_full__goes_on(opened, tmp_path, boot):
    source = profile(tmp_path, durability="full")
    journal = opened(source)
    journal.seal(draft())
    lose_power(journal)
    boot("b")
    assert opened(source).seal(draft()).receipt.sequence == 1


def test_reboot__closed_before__goes_on(opened, profile, boot):
    with opened(profile) as journal:
        journal.seal(draft())
    boot("b")
    assert opened(profile).seal(draft()).receipt.sequence == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_reboot__one_process_closed_another_sealed_on__refused(opened, profile, boot):
    first, second = opened(profile), opened(profile)
    first.seal(draft())
    second.seal(draft())
    first.close()
    second.seal(draft())
    lose_power(second)
    boot("b")
    with pytest.raises(UncleanBoot):
        opened(profile).seal(draft())


@pytest.mark.parametrize(("chain_id", "asked", "held"), [
    (31337, "normal", 1), (31337, "full", 2), (1, "normal", 2), (1, "full", 2),
])  # fmt: skip
def test_durability__less_than_full__local_chain_alone(opened, tmp_path, chain_id, asked, held):
    """Source: SQLite's `PRAGMA synchronous`: 1 is NORMAL, 2 is FULL."""
    journal = opened(profile(tmp_path, chain_id=chain_id, durability=asked))
    journal.seal(draft())
    with journal._store.writing() as transaction:
        (found,) = transaction.cursor.execute("PRAGMA synchronous").fetchone()
    assert found == held


def test_reboot__other_chain_at_normal__was_full_and_goes_on(opened, tmp_path, boot):
    source = profile(tmp_path, chain_id=1, durability="normal")
    journal = opened(source)
    journal.seal(draft())
    lose_power(journal)
    boot("b")
    assert opened(source).seal(draft()).receipt.sequence == 1


def test_crash_in_one_boot__goes_on(opened, profile, boot):
    journal = opened(profile)
    journal.seal(draft())
    lose_power(journal)
    assert opened(profile).seal(draft()).receipt.sequence == 1


def test_no_boot_id__seals_durably(opened, profile, boot):
    boot(None)
    journal = opened(profile)
    journal.seal(draft())
    lose_power(journal)
    assert opened(profile).seal(draft()).receipt.sequence == 1


# Rotation


def test_rotate__new_log__old_one_settles(opened, profile, clock):
    old = opened(profile)
    old.seal(draft(0))
    new = old.rotate()
    assert new.signer != old.signer
    with pytest.raises(JournalRetired, match="open the journal anew"):
        old.seal(draft(1))
    assert new.seal(draft(1)).receipt.sequence == 0
    assert opened(profile).signer == new.signer
    assert [j.signer for j in Journal.open_all(profile, clock=clock)] == [old.signer, new.signer]
    assert old.cut_batch().batch.size == 1
    assert new.cut_batch().batch.size == 1
    new.close()


def test_rotate__twice_by_two_processes__one_new_log(opened, profile):
    one, two = opened(profile), opened(profile)
    first = one.rotate()
    second = two.rotate()
    assert first.signer == second.signer
    first.close()
    second.close()


# Keys


def test_open__derived_key__no_keystore(opened, profile, tmp_path, monkeypatch):
    monkeypatch.setenv(keys.SECRET, "s" * 64)
    with opened(profile) as journal:
        journal.seal(draft())
    assert not list((tmp_path / "data" / "keys").glob("*.json"))
    assert opened(profile).seal(draft()).receipt.sequence == 1


def test_open__other_secret__refused(opened, profile, monkeypatch):
    monkeypatch.setenv(keys.SECRET, "s" * 64)
    opened(profile).close()
    monkeypatch.setenv(keys.SECRET, "t" * 64)
    with pytest.raises(WrongKey, match="began with"):
        opened(profile).seal(draft())
    monkeypatch.delenv(keys.SECRET)
    with pytest.raises(BadSecret, match="not set"):
        opened(profile).seal(draft())


def test_open__key_of_another_journal_in_place__refused(opened, tmp_path):
    a, b = (opened(profile(tmp_path / name)) for name in "ab")
    a.close()
    path = tmp_path / "a" / "keys" / f"{a.signer}.json"
    for name in (f"{b.signer}.json", "passphrase"):
        data = (tmp_path / "b" / "keys" / name).read_bytes()
        (path if name != "passphrase" else path.with_name(name)).write_bytes(data)
    with pytest.raises(WrongKey):
        opened(profile(tmp_path / "a")).seal(draft())


def test_open_all__no_journal__refused(profile):
    with pytest.raises(JournalMissing):
        Journal.open_all(profile)
