"""A journal that cannot be used: each way has its class and says what to do."""

from __future__ import annotations

import sqlite3
import threading
import time

import pytest
from counterfoil.errors import (
    JournalError,
    JournalFull,
    JournalLocked,
    JournalMissing,
    JournalReadOnly,
    JournalTooNew,
    KeyFileMissing,
    KeyFileOpen,
    NotAJournal,
    WrongPassphrase,
)
from counterfoil.journal import failpoints, lock
from counterfoil.journal.schema import SCHEMA
from support.journals import draft, profile


def one_line(error: JournalError) -> bool:
    return "\n" not in str(error) and len(str(error)) > 20


def database(folder):
    return sqlite3.connect(folder / "journal.db", isolation_level=None)


def test_open__nothing_there_and_not_to_be_made__refused(opened, profile, tmp_path):
    with pytest.raises(JournalMissing, match="first run"):
        opened(profile, create=False)
    assert not (tmp_path / "data").exists()


def test_open__fresh__files_private(opened, tmp_path):
    opened(profile(tmp_path / "j")).seal(draft())
    for path in [tmp_path / "j", *(tmp_path / "j").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_open__newer_version__refused_and_untouched(opened, tmp_path):
    opened(profile(tmp_path)).close()
    with database(tmp_path) as connection:
        connection.execute("UPDATE counterfoil_meta SET value = ?", (str(SCHEMA + 1),))
    connection.close()
    before = (tmp_path / "journal.db").read_bytes()
    with pytest.raises(JournalTooNew, match="install that version") as raised:
        opened(profile(tmp_path))
    assert one_line(raised.value)
    assert (tmp_path / "journal.db").read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database, whatever its name says" * 100])
def test_open__no_database__refused_and_untouched(opened, tmp_path, content):
    (tmp_path / "journal.db").write_bytes(content)
    with pytest.raises(NotAJournal, match="backup") as raised:
        opened(profile(tmp_path))
    assert one_line(raised.value)
    assert (tmp_path / "journal.db").read_bytes() == content


def test_open__another_programs_database__refused(opened, tmp_path):
    connection = database(tmp_path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(NotAJournal, match="another program"):
        opened(profile(tmp_path))


def test_open__damaged__refused(opened, tmp_path):
    with opened(profile(tmp_path)) as journal:
        journal.seal_many([draft(i) for i in range(200)])
    path = tmp_path / "journal.db"
    raw = bytearray(path.read_bytes())
    for page in range(1, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(raw)
    with pytest.raises(NotAJournal, match="damaged"):
        list(opened(profile(tmp_path)).iterate())


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "mysql://h/d"])
def test_open__no_url_of_a_journal__refused(opened, tmp_path, url):
    with pytest.raises(NotAJournal):
        opened(profile(tmp_path, journal=url))


def test_seal__another_program_holds_it__refused_in_time_and_then_sealed(opened, tmp_path):
    journal = opened(profile(tmp_path), wait=0.3)
    journal.seal(draft())
    connection = database(tmp_path)
    connection.execute("BEGIN IMMEDIATE")
    start = time.monotonic()
    with pytest.raises(JournalLocked, match="close it") as raised:
        journal.seal(draft())
    assert time.monotonic() - start < 3
    assert one_line(raised.value)
    connection.execute("ROLLBACK")
    connection.close()
    assert journal.seal(draft()).receipt.sequence == 1


def test_seal__a_stuck_process_of_ours_holds_it__refused_in_time(opened, tmp_path):
    journal = opened(profile(tmp_path), wait=0.3)
    journal.seal(draft())
    stuck = lock.Turnstile(tmp_path / "journal.db.lock")
    stuck.acquire(1)
    with pytest.raises(JournalLocked, match="stuck"):
        journal.seal(draft())
    stuck.release()
    stuck.close()
    assert journal.seal(draft()).receipt.sequence == 1


def test_seal__read_only_file_system__refused(opened, small_disk):
    source = profile(small_disk.path)
    with opened(source) as journal:
        journal.seal(draft())
    small_disk.remount("ro")
    with pytest.raises(JournalReadOnly, match="owner and mode") as raised:
        opened(source).seal(draft())
    assert one_line(raised.value)


def test_open__folder_cannot_be_made__refused(opened, small_disk):
    small_disk.remount("ro")
    with pytest.raises(JournalReadOnly):
        opened(profile(small_disk.path / "j"))


def test_seal__disk_full__refused_nothing_lost_and_sealed_after(opened, small_disk):
    source = profile(small_disk.path)
    journal = opened(source)
    sealed = []
    ballast = small_disk.path / "ballast"
    ballast.write_bytes(bytes(400_000))
    with pytest.raises(JournalFull, match="make room") as raised:
        while True:
            sealed.append(journal.seal(draft(len(sealed))))
    assert one_line(raised.value)
    assert sealed
    with pytest.raises(JournalFull):
        journal.seal(draft())
    ballast.unlink()
    assert journal.seal(draft()).receipt.sequence == len(sealed)
    assert list(journal.iterate())[:-1] == sealed


def test_open__disk_full__refused(opened, small_disk):
    (small_disk.path / "ballast").write_bytes(bytes(1_020_000))
    with pytest.raises(JournalFull):
        opened(profile(small_disk.path))


def test_open__key_missing__refused(opened, tmp_path):
    with opened(profile(tmp_path)) as journal:
        journal.seal(draft())
    (tmp_path / "keys" / f"{journal.signer}.json").unlink()
    with pytest.raises(KeyFileMissing, match="restore it"):
        opened(profile(tmp_path))


def test_open__key_open_to_others__refused(opened, tmp_path):
    with opened(profile(tmp_path)) as journal:
        pass
    (tmp_path / "keys" / f"{journal.signer}.json").chmod(0o644)
    with pytest.raises(KeyFileOpen, match="chmod 600"):
        opened(profile(tmp_path))


def test_seal__wrong_passphrase__refused_and_nothing_numbered(opened, tmp_path):
    opened(profile(tmp_path)).close()
    (tmp_path / "keys" / "passphrase").write_text("another")
    journal = opened(profile(tmp_path))
    with pytest.raises(WrongPassphrase):
        journal.seal(draft())
    with pytest.raises(WrongPassphrase):
        journal.unlock()
    assert journal.next_sequence() == 0


def test_seal__many_threads_and_a_held_journal__all_refused(opened, tmp_path):
    journal = opened(profile(tmp_path), wait=0.3)
    journal.seal(draft())
    connection = database(tmp_path)
    connection.execute("BEGIN IMMEDIATE")
    errors = []

    def work():
        try:
            journal.seal(draft())
        except JournalLocked as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(errors) == 4
    connection.execute("ROLLBACK")
    connection.close()
    assert journal.seal(draft()).receipt.sequence == 1


def test_failpoints__variable_unset__nothing():
    assert failpoints.hit is failpoints._nothing
