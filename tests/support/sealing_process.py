"""A process that seals until it is killed, and tells of every receipt once it has it.

Arguments: folder, durability, name, calls in all, batch every so many calls (0: never),
threads. A line of output is JSON: a receipt, or a batch.

$SEALING_JOURNAL is a URL in place of a file in the folder. With $SEALING_PATIENT a server that
is away, or a connection that breaks, fails a call and not the process.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import threading
import time
from pathlib import Path

from counterfoil import keys
from counterfoil.errors import JournalInDoubt, JournalLocked, JournalUnreachable
from counterfoil.journal import Journal
from support import journals


def main() -> None:
    folder, durability, name, calls, every, threads = sys.argv[1:]
    keys._keyring = lambda: None
    url = os.environ.get("SEALING_JOURNAL")
    fields = {"journal": url, "name": "fleet"} if url else {}
    profile = journals.profile(Path(folder), durability=durability, **fields)
    patient = bool(os.environ.get("SEALING_PATIENT"))
    journal = Journal.open(profile, wait=20 if patient else 60)

    def tell(line: dict) -> None:
        os.write(1, (json.dumps(line) + "\n").encode())  # one write: lines of threads never mix

    def work(thread: int) -> None:
        for i in range(int(calls)) if int(calls) else itertools.count():
            try:
                call(thread, i)
            except (JournalUnreachable, JournalInDoubt, JournalLocked):
                if not patient:
                    raise
                time.sleep(0.05)

    def call(thread: int, i: int) -> None:
        drafts = [journals.draft((name, thread, i, k)) for k in range(1 + i % 3)]
        for sealed in journal.seal_many(drafts):
            receipt = sealed.receipt
            tell(
                {
                    "sequence": receipt.sequence,
                    "request": receipt.request.hex(),
                    "digest": sealed.digest.hex(),
                    "signature": sealed.signature.hex(),
                }
            )
        if int(every) and i % int(every) == int(every) - 1:
            file = journal.cut_batch(f"of {name} {i}")
            if file is not None:
                tell(
                    {
                        "first": file.batch.first,
                        "size": file.batch.size,
                        "root": file.batch.root.hex(),
                        "batch": file.signature.hex(),
                    }
                )

    others = [threading.Thread(target=work, args=(n,)) for n in range(1, int(threads))]
    for other in others:
        other.start()
    work(0)
    for other in others:
        other.join()
    journal.close()


if __name__ == "__main__":
    main()
