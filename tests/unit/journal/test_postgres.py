"""Several machines on one PostgreSQL: logs of their own, and one sealer for each."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from counterfoil import keys
from counterfoil.errors import (
    JournalCopied,
    JournalLocked,
    JournalMissing,
    JournalReadOnly,
    JournalUnreachable,
    KeyElsewhere,
    KeyLeased,
    NotAJournal,
    RestoredBackup,
)
from counterfoil.hashing.signature import recover
from counterfoil.journal import Journal, shared_lease
from counterfoil.journal import postgres as dialect
from counterfoil.journal import sealer as sealing
from counterfoil.journal.schema import SCHEMA
from support import journals
from support.journals import GENESIS, NOW, digest, draft, log
from support.machines import Machine
from support.postgres import OWNER, shared


@pytest.fixture
def server():
    return shared()


@pytest.fixture
def name(server):
    found = server.database()
    yield found
    server.drop(found)


@pytest.fixture
def machine(server, name, tmp_path, monkeypatch):
    """Makes machines that share the database."""
    made = []

    def make(**fields):
        folder = tmp_path / f"machine{len(made)}"
        made.append(Machine(folder, server.url(name), monkeypatch, **fields))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def quick(monkeypatch):
    """Leases that last a second, so that a test need not wait for long."""
    monkeypatch.setattr(shared_lease, "TIME", 1.0)
    monkeypatch.setattr(shared_lease, "BEAT", 0.25)
    monkeypatch.setattr(shared_lease, "LOOK", 0.05)


@pytest.fixture
def twins(machine, quick):
    """Two machines with one key, and a journal on each."""
    one, two = machine(), machine()
    first = one.open()
    two.take_keys_of(one)
    second = two.open()
    assert first.signer == second.signer
    return one, first, two, second


def lease_of(server, name) -> tuple:
    with server.connect(name) as connection:
        return connection.execute("SELECT holder, fence, until FROM leases").fetchone()


# Logs of several machines


def test_open__two_machines__logs_of_their_own(machine):
    one, two = machine(), machine()
    first, second = one.open(), two.open()
    assert first.signer != second.signer
    for n in range(3):
        assert one.seal(first, n).receipt.sequence == n
        assert two.seal(second, n).receipt.sequence == n
    assert one.open().signer == first.signer
    assert two.open().signer == second.signer


def test_open_all__any_machine__every_log(machine):
    one, two, settling = machine(), machine(), machine()
    signers = {m.open().signer for m in (one, two)}
    assert {j.signer for j in settling.open_all()} == signers
    assert {j.signer for j in one.open_all()} == signers
    with pytest.raises(JournalMissing, match="this machine"):
        settling.open(create=False)


def test_settle__without_the_key__moves_what_others_cut(machine):
    one, settling = machine(), machine()
    journal = one.open()
    one.seal(journal)
    file = journal.cut_batch()
    one.seal(journal)
    (there,) = settling.open_all()
    assert there.key_is_elsewhere
    assert not journal.key_is_elsewhere
    there.mark_sent(0, digest("t"), 1, NOW)
    there.mark_posted(0, NOW, digest("t"), 9)
    there.mark_final(0)
    assert there.batch_file(0) == file
    assert journal.stored_batch(0).state == "final"
    assert journal.state(0) == "final"
    assert there.pending().count == 1
    assert isinstance(there.refusal(), KeyElsewhere)
    with pytest.raises(KeyElsewhere):
        settling.seal(there)


def test_rotate__one_machine__the_others_go_on(machine):
    one, two = machine(), machine()
    first, second = one.open(), two.open()
    with one.here():
        fresh = first.rotate()
    assert fresh.signer not in (first.signer, second.signer)
    assert one.seal(fresh).receipt.sequence == 0
    assert one.open().signer == fresh.signer
    assert two.open().signer == second.signer
    assert two.seal(second).receipt.sequence == 0
    assert len(two.open_all()) == 3
    fresh.close()


def test_open__derived_keys__each_machine_what_it_began(machine, monkeypatch):
    monkeypatch.setenv(keys.SECRET, "s" * 64)
    one, two = machine(), machine()
    first, second = one.open(), two.open()
    assert first.signer != second.signer
    assert one.open().signer == first.signer
    assert two.seal(second).receipt.sequence == 0


def test_open__many_at_once_on_a_new_database__one_schema_one_log_each(machine):
    """Four profiles, each with a keys folder of its own, stand for machines."""
    gate, found = threading.Barrier(4), []
    one = machine()
    profiles = [
        journals.profile(one.folder, name=f"p{n}", journal=one.profile.journal) for n in range(4)
    ]

    def work(profile):
        gate.wait()
        found.append(Journal.open(profile, wait=20))

    with one.here():
        threads = [threading.Thread(target=work, args=(profile,)) for profile in profiles]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({j.signer for j in found}) == 4
    for journal in found:
        journal.close()


# One sealer


def test_seal__key_on_two_machines__second_refused_while_the_first_lives(twins):
    one, first, two, second = twins
    assert one.seal(first, 0).receipt.sequence == 0
    for _ in range(2):
        with pytest.raises(KeyLeased, match=r"is sealing with the key of 0x.*key rotate"):
            two.seal(second, 1)
    time.sleep(1.5)  # longer than a lease that nobody renews
    with pytest.raises(KeyLeased):
        two.seal(second, 1)
    assert one.seal(first, 1).receipt.sequence == 1
    assert second.next_sequence() == 2


def test_seal__holder_closed__the_other_at_once(twins, server, name):
    one, first, two, second = twins
    one.seal(first, 0)
    fence = lease_of(server, name)[1]
    first.close()
    start = time.monotonic()
    assert two.seal(second, 1).receipt.sequence == 1
    assert time.monotonic() - start < 0.9
    assert lease_of(server, name)[1] == fence + 1


def test_seal__holder_dead__waited_out_and_taken_over(twins):
    one, first, two, second = twins
    one.seal(first, 0)
    one.die(first)
    assert two.seal(second, 1).receipt.sequence == 1
    assert [s.receipt.sequence for s in second.iterate()] == [0, 1]


def test_seal__same_machine_after_a_crash__goes_on_at_once(machine, server, name):
    one = machine()
    first = one.open()
    one.seal(first, 0)
    before = lease_of(server, name)
    one.die(first)
    start = time.monotonic()
    assert one.seal(one.open(), 1).receipt.sequence == 1
    assert time.monotonic() - start < 2
    assert lease_of(server, name)[:2] == before[:2]


def test_seal__two_processes_of_a_machine__one_lease_given_back_by_the_last(
    machine, quick, server, name
):
    one = machine()
    first, second = one.open(), one.open()
    for n in range(4):
        one.seal((first, second)[n % 2], n)
    assert lease_of(server, name)[1] == 1
    first.close()
    assert lease_of(server, name)[2] > 0
    one.seal(second, 4)
    second.close()
    assert lease_of(server, name)[2] == 0


def test_seal__stopped_longer_than_the_lease__signs_nothing(twins, monkeypatch):
    """As after SIGSTOP: its clock stood, and it thinks that it still holds the lease."""
    one, first, two, second = twins
    one.seal(first, 0)
    first._sealer._lease._end.set()  # stopped: nobody renews
    time.sleep(1.2)
    assert two.seal(second, 1).receipt.sequence == 1
    signed = []
    key = first._sealer._key()
    monkeypatch.setattr(type(key), "sign", lambda self, d: signed.append(d))
    with pytest.raises(KeyLeased):
        one.seal(first, 2)
    assert signed == []
    monkeypatch.undo()
    assert second.next_sequence() == 2


def test_seal__stopped_inside_the_transaction__number_not_used_twice(twins, monkeypatch):
    """It has checked the fence and signed; the server ends its transaction; it goes on."""
    monkeypatch.setattr(dialect, "IDLE", 1)
    one, first, two, second = twins
    one.seal(first, 0)
    resumed, stopped, outcome = threading.Event(), threading.Event(), []

    def stop(point):
        if point == "seal.signed" and threading.current_thread().name == "stopped":
            first._sealer._lease._end.set()
            stopped.set()
            resumed.wait(30)

    monkeypatch.setattr(sealing, "hit", stop)
    first._store._disconnect()  # for the shorter time

    def work():
        try:
            outcome.append(first.seal(draft("never leaves")))
        except JournalUnreachable as error:
            outcome.append(error)

    thread = threading.Thread(target=work, name="stopped")
    with one.here():
        thread.start()
        assert stopped.wait(10)
    took = two.seal(second, "taken over")
    resumed.set()
    thread.join(30)
    assert took.receipt.sequence == 1
    assert isinstance(outcome[0], JournalUnreachable), outcome
    assert second.get(1) == took
    assert second.next_sequence() == 2


def test_seal__lease_lapsed_and_nobody_took_it__goes_on(twins, server, name):
    one, first, _, _ = twins
    one.seal(first, 0)
    before = lease_of(server, name)
    first._sealer._lease._end.set()
    time.sleep(1.2)
    assert one.seal(first, 1).receipt.sequence == 1
    after = lease_of(server, name)
    assert after[1] == before[1]
    assert after[2] > before[2]


def test_take__two_at_once_after_a_death__one_wins(twins, server, name):
    one, first, two, second = twins
    one.seal(first, 0)
    one.die(first)
    again = one.open()
    gate, results = threading.Barrier(2), []

    def work(journal, n):
        gate.wait()
        try:
            results.append(journal.seal(draft(n)).receipt.sequence)
        except KeyLeased as error:
            results.append(error)

    # each takes its machine's lease first: that part looks at the environment
    for m, j in ((one, again), (two, second)):
        with m.here():
            j._sealer._lease._pid = os.getpid()
            j._sealer._lease._holder = j._sealer._lease._take_here()
    threads = [threading.Thread(target=work, args=pair) for pair in ((again, 1), (second, 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [r for r in results if isinstance(r, int)]
    assert len(numbers) == 1, results
    assert second.next_sequence() == 2


# Connections that break


def break_at(monkeypatch, server, name, point, times=1):
    """Have the server end the connections of the journal when sealing comes by a point."""
    left = [times]

    def hit(found):
        if found == point and left[0]:
            left[0] -= 1
            with server.connect() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = %s AND state LIKE 'idle in transaction%%'",
                    (name,),
                )

    monkeypatch.setattr(sealing, "hit", hit)


@pytest.mark.parametrize("point", ["seal.begun", "seal.signed", "seal.inserted"])
def test_seal__connection_cut_mid_transaction__nothing_sealed_and_then_goes_on(
    machine, server, name, monkeypatch, point
):
    one = machine()
    journal = one.open()
    one.seal(journal, 0)
    break_at(monkeypatch, server, name, point)
    with pytest.raises(JournalUnreachable):
        one.seal(journal, "lost")
    assert journal.next_sequence() == 1
    assert one.seal(journal, 1).receipt.sequence == 1


def test_seal__connections_cut_between_two_seals__not_noticed(machine, server, name):
    one = machine()
    journal = one.open()
    one.seal(journal, 0)
    with server.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            (name,),
        )
    assert one.seal(journal, 1).receipt.sequence == 1
    assert [s.receipt.sequence for s in journal.iterate()] == [0, 1]


def test_seal__answer_to_the_commit_lost__the_receipt_is_found_and_handed_out(machine, monkeypatch):
    one = machine()
    journal = one.open()
    one.seal(journal, 0)
    commit, lost = psycopg.Connection.commit, []

    def lose(self):
        commit(self)
        if not lost:
            lost.append(True)
            self.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(psycopg.Connection, "commit", lose)
    sealed = one.seal(journal, 1)
    assert lost
    assert sealed.receipt.sequence == 1
    assert journal.get(1) == sealed
    assert recover(sealed.digest, sealed.signature) == journal.signer
    assert one.seal(journal, 2).receipt.sequence == 2


def test_open__no_server_no_database_no_role__one_line(server, name, tmp_path):
    for url in (
        f"postgresql+psycopg://{OWNER}@/x?host={tmp_path}",
        f"postgresql+psycopg://{OWNER}@/no_such_database?host={server.folder}",
        f"postgresql+psycopg://nobody_at_all@/{name}?host={server.folder}",
    ):
        with pytest.raises(JournalUnreachable) as raised:
            Journal.open(journals.profile(tmp_path, journal=url), wait=2.0)
        assert "\n" not in str(raised.value)


def test_repr__password__hidden(server, name, machine):
    one = machine()
    journal = one.open()
    url = journal._store.url.set(password="hunter2")
    assert "hunter2" not in url.render_as_string()


# Copies and rights


def test_open__another_programs_database__refused(machine, server, name):
    with server.connect(name) as connection:
        connection.execute("CREATE TABLE others (a int)")
    with pytest.raises(NotAJournal, match="another program's"):
        machine().open()


def test_seal__database_dumped_and_restored__refused_and_settles(machine, server, name):
    one = machine()
    with one.open() as journal:
        sealed = [one.seal(journal, n) for n in range(3)]
    other = server.database()
    at = ("-h", server.folder, "-U", OWNER)
    dump = subprocess.run(
        [server.bin / "pg_dump", *at, name], check=True, capture_output=True
    ).stdout
    subprocess.run(
        [server.bin / "psql", "-q", "-v", "ON_ERROR_STOP=1", *at, other],
        input=dump, check=True, capture_output=True,
    )  # fmt: skip
    one.profile = journals.profile(one.folder, name="fleet", journal=server.url(other))
    restored = one.open()
    assert list(restored.iterate()) == sealed
    assert isinstance(restored.refusal(), JournalCopied)
    with pytest.raises(JournalCopied, match="key rotate"):
        one.seal(restored)
    assert restored.cut_batch().batch.size == 3
    restored.close()
    server.drop(other)


def test_seal__older_state_put_back_in_place__the_mark_beside_the_key_tells(machine, server, name):
    one = machine()
    with one.open() as journal:
        for n in range(3):
            one.seal(journal, n)
    with server.connect(name) as connection:
        connection.execute("DELETE FROM receipts WHERE sequence = 2")
    again = one.open()
    with one.here(), pytest.raises(RestoredBackup):
        again.seal(draft("another content"))
    with one.here():
        assert isinstance(again.refusal(), RestoredBackup)


def test_backup__while_in_use__an_sqlite_file_that_settles(machine, tmp_path, opened):
    one = machine()
    journal = one.open()
    sealed = [one.seal(journal, n) for n in range(5)]
    journal.note_chain(GENESIS, log(), NOW)
    journal.cut_batch(limit=2)
    target = journal.backup(tmp_path / "backup")
    assert target.name == "journal.db"
    assert target.stat().st_mode & 0o077 == 0
    copy = opened(
        journals.profile(tmp_path / "backup", journal=f"sqlite:///{target}", name="fleet")
    )
    assert copy.signer == journal.signer
    assert list(copy.iterate()) == sealed
    assert copy.stored_batch(0).batch.size == 2
    with pytest.raises((JournalCopied, RestoredBackup), match="key rotate"):
        copy.seal(draft("x"))
    assert copy.cut_batch().batch.size == 3
    assert one.seal(journal, 5).receipt.sequence == 5


def test_role__only_what_the_docs_ask_for__seals_settles_and_forgets(
    machine, server, name, monkeypatch
):
    """The rights of docs/postgres.md, word for word."""
    text = (Path(__file__).parents[3] / "docs" / "postgres.md").read_text()
    grants = text.partition("```sql\n-- rights of the programs\n")[2].partition("```")[0]
    assert grants.count("GRANT") >= 3
    assert Journal.prepare(machine().profile) == (None, SCHEMA)  # by the owner
    assert Journal.prepare(machine().profile) == (SCHEMA, SCHEMA)
    role = f"least_{name}"
    with server.connect(name) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        grants = grants.replace("counterfoil_app", role)
        connection.execute(grants.replace("DATABASE counterfoil", f"DATABASE {name}"))
    try:
        least = machine()
        least.profile = journals.profile(least.folder, name="fleet", journal=server.url(name, role))
        journal = least.open()
        for n in range(3):
            assert least.seal(journal, n).receipt.sequence == n
        journal.note_chain(GENESIS, log(), NOW)
        journal.cut_batch()
        journal.mark_sent(0, digest("t"), 1, NOW)
        assert journal.forget_masters(0, 1) == 1
        journal.forget(everything=True)
        with least.here():
            journal.rotate().close()
        journal.close()
        with server.connect(name) as connection:
            connection.execute("UPDATE counterfoil_meta SET value = '1'")
            connection.execute("DROP TABLE leases")
        with pytest.raises(JournalReadOnly, match=r"docs/postgres\.md"):
            least.open()
    finally:
        with server.connect(name) as connection:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("setting", ["off", "local", "remote_write"])
def test_session__weaker_synchronous_commit__made_full(machine, server, name, setting):
    with server.connect(name) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = {setting}")
    journal = machine(durability="normal").open()
    with journal._store.writing() as transaction:
        transaction.cursor.execute("SHOW synchronous_commit")
        assert transaction.cursor.fetchone() == ("on",)


def test_plan__no_whole_table_read_to_number_a_receipt(machine, server, name):
    """With as many receipts as pages make a whole read dear, and nothing analysed."""
    one = machine()
    journal = one.open()
    with one.here():
        for k in range(4):
            journal.seal_many([draft((k, i)) for i in range(1000)])
    with journal._store.writing() as transaction:
        sql = journal._sealer._look % "1"
        transaction.cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(row[0] for row in transaction.cursor.fetchall())
    assert "Seq Scan on receipts" not in plan
    assert "Sort" not in plan


def test_seal__eight_threads__no_gap_no_double(machine):
    one = machine()
    opened = [one.open(), one.open()]  # two connections, as of two processes
    journal = opened[0]
    found = []

    def work(n):
        for i in range(10):
            found.extend(opened[n % 2].seal_many([draft((n, i, k)) for k in range(1 + i % 3)]))

    with one.here():
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    numbers = sorted(s.receipt.sequence for s in found)
    assert numbers == list(range(8 * 19))
    assert all(a.receipt.issued_at <= b.receipt.issued_at for a, b in pairwise(journal.iterate()))


def test_seal__a_stuck_session_has_the_lock__ended_after_a_while(
    machine, server, name, monkeypatch
):
    """Stopped between two messages: the server does not count it as idle."""
    monkeypatch.setattr(dialect, "IDLE", 1)
    one = machine()
    journal = one.open(wait=0.6)
    one.seal(journal, 0)
    with psycopg.connect(host=str(server.folder), dbname=name, user=OWNER) as stuck:
        stuck.pgconn.enter_pipeline_mode()
        for text in (b"BEGIN", b"SELECT pg_advisory_xact_lock(%d, 1)" % dialect._LOCKS):
            stuck.pgconn.send_query_params(text, None)
        stuck.pgconn.send_flush_request()
        stuck.pgconn.flush()  # and no sync
        time.sleep(0.3)
        with pytest.raises(JournalLocked, match="stopped or stuck"):
            one.seal(journal, 1)
        time.sleep(0.8)
        with pytest.raises(JournalLocked):
            one.seal(journal, 1)
        assert one.seal(journal, 1).receipt.sequence == 1
        stuck.close()
