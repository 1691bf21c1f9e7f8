"""Starts the program's processes, each forked from one that has loaded the program.

Lines of standard input are requests as JSON, answered by one line each:
{"run": {...}, "out": path, "err": path, "env": {...}} → a pid; {"ended": pid} → null while it
runs, else its exit code (negative: the signal). A process ends with its launcher's input.

`python -m chaos.launch RUN` does one request's `run` in a process of its own instead.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback


def perform(run: dict) -> None:
    """Be the sealing process, or a command of the program."""
    if "worker" in run:
        from chaos import worker

        worker.main(**run["worker"])
    else:
        from counterfoil import cli

        cli.main(run["command"])


def _load() -> None:
    """Everything that takes long, before anything is forked."""
    import counterfoil.cli.key
    import counterfoil.cli.settle
    import counterfoil.cli.status  # noqa: F401 (loaded for its children)
    from counterfoil import keys

    from chaos import worker  # noqa: F401 (as above)

    keys._keyring = lambda: None


def _arm(point: str) -> None:
    """As if COUNTERFOIL_FAILPOINT had been set when the program was loaded."""
    from counterfoil.journal import failpoints

    name, _, count = point.partition(":")
    failpoints._NAME, failpoints._left = name, int(count or 1)


def _child(request: dict) -> None:
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for path, number in ((request["out"], 1), (request["err"], 2)):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(request["env"])
        _arm(request["env"].get("COUNTERFOIL_FAILPOINT", ""))
        perform(request["run"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Answer requests until there are no more."""
    _load()
    print("ready", flush=True)
    running: dict[int, int | None] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "run" in request:
            pid = os.fork()
            if pid == 0:
                _child(request)
            running[pid] = None
            print(pid, flush=True)
            continue
        pid = request["ended"]
        if running[pid] is None:
            found, status = os.waitpid(pid, os.WNOHANG)
            running[pid] = os.waitstatus_to_exitcode(status) if found else None
        print(json.dumps(running[pid]), flush=True)
    for pid, code in running.items():
        if code is None and not os.waitpid(pid, os.WNOHANG)[0]:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        from counterfoil import keys

        keys._keyring = lambda: None
        perform(json.loads(sys.argv[1]))
    else:
        serve()
