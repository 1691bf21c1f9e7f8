"""A fork while a thread of the parent writes, for longer than a fork waits."""

from __future__ import annotations

import os
import threading

from counterfoil.errors import JournalClosed
from counterfoil.journal import store as stores
from counterfoil.journal.schema import preimages
from support.journals import digest, draft


def in_child(work) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
            code = 0
        except JournalClosed:
            code = 7
        except BaseException:
            code = 9
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_fork__a_thread_writes_for_longer__its_transaction_is_its_own(opened, profile, monkeypatch):
    monkeypatch.setattr(stores, "FORK", 0.1)
    journal = opened(profile)
    journal.seal(draft(0))
    store, begun, forked = journal._store, threading.Event(), threading.Event()
    failed: list[BaseException] = []

    def write():
        try:
            with store.writing() as transaction:
                for n in range(2):
                    transaction.connection.execute(
                        preimages.insert().values(digest=digest(n), body="{}")
                    )
                    begun.set()
                    assert forked.wait(20)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(20)
    assert in_child(lambda: journal.seal(draft(1))) == 7, "the child takes no connection along"
    assert store._mutex.locked(), "a fork let others in beside who writes"
    forked.set()
    thread.join()
    assert not failed
    with store.reading() as connection:
        found = set(connection.execute(preimages.select()).scalars())
    assert {digest(0), digest(1)} <= {bytes(d) for d in found}
    assert journal.seal(draft(2)).receipt.sequence == 1
    assert in_child(lambda: journal.seal(draft(3))) == 0, "the next child has a journal again"
    assert journal.seal(draft(4)).receipt.sequence == 3
