"""A PostgreSQL server of the tests' own, in a temporary folder, on a Unix socket and on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest

PASSWORD = "p@ss/w0rd of the tests"
WRITTEN = "p%40ss%2Fw0rd%20of%20the%20tests"
"""The password as a URL has it."""


def tool(name: str) -> str:
    """The path of a program of the newest PostgreSQL; the test is skipped if there is none."""
    found = shutil.which(name)
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if not (found or places):
        pytest.skip("PostgreSQL is not installed")
    return found or str(places[-1])


class Server:
    """A cluster; its superuser `tests` needs no password on the socket, and one on loopback."""

    running: ClassVar[list[Server]] = []
    """The one that the session shares, for tests that can take no fixture."""

    def __init__(self, *settings: str) -> None:
        tool("initdb")  # a skipped test leaves no folder behind
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.port = free_port()
        # PostgreSQL refuses to run as root.
        self.as_user: list[str] = []
        if sys.platform != "win32" and os.getuid() == 0:
            self.as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            os.chown(self.folder, 65534, 65534)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        how = ["-U", "tests", "-E", "UTF8", "--locale=C", "--no-sync", f"--pwfile={secret}"]
        self._run("initdb", "-D", str(self.data), *how, "--auth-local=trust", "--auth-host=scram-sha-256")
        basic = ("fsync=off", "max_connections=60", "listen_addresses=127.0.0.1", f"port={self.port}")
        self.settings = (*basic, f"unix_socket_directories={self.folder}", *settings)
        self.start()

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        options = " ".join(f"-c {setting}" for setting in self.settings)
        self._run(
            "pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-o", options, "-w", "start"
        )

    def stop(self, how: str = "immediate") -> None:
        """Stop the server: `immediate` is a crash, `fast` ends the connections first."""
        self._run("pg_ctl", "-D", str(self.data), "-m", how, "-w", "stop")

    def delete(self) -> None:
        """Stop the server and delete its files."""
        if (self.data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        """The address on loopback, with the password."""
        return f"postgresql://tests:{WRITTEN}@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str = "postgres") -> str:
        """The address on the socket."""
        return f"postgresql:///{database}?host={self.folder}&port={self.port}&user=tests"

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run a statement as the superuser, and return its rows."""
        with psycopg.connect(self.socket_url(), autocommit=True) as connection:
            found = connection.execute(sql.encode(), values)
            return found.fetchall() if found.description else []

    def end_connections(self) -> None:
        """End every other connection, as a failover does."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid != pg_backend_pid() AND backend_type = 'client backend'"
        )

    def empty(self) -> None:
        """Drop the ledger's tables, and end all connections to it."""
        self.end_connections()
        self.execute("DROP SCHEMA IF EXISTS docspeed CASCADE")

    def _run(self, name: str, *arguments: str) -> None:
        command = [*self.as_user, tool(name), *arguments]
        # The server keeps its streams open, so they must not be pipes that we read to their end.
        with (self.folder / f"{name}.out").open("w") as out:
            ran = subprocess.run(command, cwd=self.folder, stdout=out, stderr=out, check=False)
        assert ran.returncode == 0, (self.folder / f"{name}.out").read_text()


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def pooler(server: Server, mode: str) -> Iterator[str]:
    """Run PgBouncer before a server; gives the address."""
    if shutil.which("pgbouncer") is None:
        pytest.skip("PgBouncer is not installed")
    port = free_port()
    users = server.folder / "users.txt"
    users.write_text(f'"tests" "{PASSWORD}"\n')
    users.chmod(0o644)
    config = server.folder / f"{mode}.ini"
    config.write_text(
        f"[databases]\npostgres = host={server.folder} port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = plain\nauth_file = {users}\npool_mode = {mode}\n"
    )
    config.chmod(0o644)
    process = subprocess.Popen([*server.as_user, "pgbouncer", "-q", str(config)], stderr=subprocess.DEVNULL)
    try:
        address = f"postgresql://tests:{WRITTEN}@127.0.0.1:{port}/postgres"
        while True:
            try:
                psycopg.connect(address).close()
                break
            except psycopg.OperationalError:
                assert process.poll() is None
        yield address
    finally:
        process.kill()
        process.wait()
