"""Connect to a shared ledger: check the server, migrate its tables, and refuse what can't keep claims."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from docspeed_cli.core.errors import LedgerUnavailable
from docspeed_cli.core.ledger_address import LedgerAddress
from docspeed_cli.store.postgres_layout import MIGRATIONS, SCHEMA, migrate_postgres, postgres_layout_version

Connection = psycopg.Connection[Any]

_OLDEST = 12
"""The first major version of PostgreSQL that is supported."""
_CONNECTING = {
    "connect_timeout": 10,
    # A peer without power says nothing: a minute later the connection counts as lost.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""Parameters of libpq that the address may override; times are in seconds, the last in milliseconds."""
_SESSION = {
    "search_path": SCHEMA,
    # The server, too, must notice that a machine is gone, and free its locks.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_LOOK = """
    SELECT pg_backend_pid(), current_setting('server_version_num')::int,
    pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on', getdatabaseencoding()
"""
UNSYNCED = "RETURNING set_config('synchronous_commit', 'off', true)"
"""Ends a single statement that need not survive a loss of power: one round trip in place of four."""
HINT = "`docspeed doctor` checks it; `--local-ledger` goes on with the ledger of this machine alone"
"""What to do about most errors."""


class _Look(NamedTuple):
    """What a new connection says of its server."""

    pid: int
    version: int
    read_only: bool
    encoding: str


def open_connection(address: LedgerAddress) -> Connection:
    """Connect, check the server and migrate its tables. LedgerUnavailable if that fails."""
    try:
        connection = _dial(address)
        try:
            _set_up(address, connection)
        except BaseException:
            connection.close()
            raise
    except psycopg.Error as error:
        raise LedgerUnavailable(
            error_message(address, first_line(error)), hint=HINT, retryable=True
        ) from None
    return connection


def _dial(address: LedgerAddress) -> Connection:
    try:
        named = conninfo_to_dict(address.url)
    except psycopg.ProgrammingError:
        # libpq's own words would repeat a part of the address, which may be the password.
        what = "the address is malformed: check its options, and write a percent sign as %25"
        raise LedgerUnavailable(error_message(address, what), hint=HINT) from None
    name = f"process {os.getpid()} on {platform.node()}"
    # PostgreSQL keeps 63 bytes of the name, which says who holds a lock.
    ours = {"application_name": name[:63], "client_encoding": "UTF8"}
    conninfo = make_conninfo("", **{**_CONNECTING, **named, **ours})
    return psycopg.connect(conninfo, autocommit=True, cursor_factory=psycopg.RawCursor)


def _set_up(address: LedgerAddress, connection: Connection) -> None:
    look = _Look(*(connection.execute(_LOOK).fetchone() or ()))
    problem = ""
    if look.version < _OLDEST * 10_000:
        problem = f"its version is {look.version // 10_000}, and {_OLDEST} is the oldest that is supported"
    elif look.encoding != "UTF8":
        problem = f"the database's encoding is {look.encoding}; create one with `createdb -E UTF8 NAME`"
    elif look.read_only:
        problem = "the server is read-only: a standby, perhaps"
    elif look.pid != connection.info.backend_pid:
        # The process that answers is not the one that libpq connected to. So there is a pooler between them,
        # which may lose prepared statements.
        connection.prepare_threshold = None
        if _is_shared(address, connection, look.pid):
            problem = (
                "a pooler gives each transaction another connection, but the ledger's locks need one of"
                " their own; use PgBouncer's session mode, or connect to the server itself"
            )
    if problem:
        raise LedgerUnavailable(error_message(address, problem), hint=HINT)
    layout = postgres_layout_version(connection)
    if layout > len(MIGRATIONS):
        what = f"its tables have layout {layout}, and this docspeed knows {len(MIGRATIONS)}"
        raise LedgerUnavailable(error_message(address, what), hint="install a newer docspeed")
    if layout < len(MIGRATIONS):
        migrate_postgres(connection)
    sets = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SESSION.items())
    connection.execute(f"SELECT {sets}".encode())


def _is_shared(address: LedgerAddress, connection: Connection, pid: int) -> bool:
    """Return whether a pooler gives this connection's server process to others between transactions."""
    with _dial(address) as other, other.transaction():
        pids = [each.execute("SELECT pg_backend_pid()").fetchone() for each in (other, connection)]
    return pids[0] == (pid,) or pids[1] != (pid,)


@contextmanager
def transaction(connection: Connection, *, synced: bool) -> Iterator[None]:
    """One transaction; its statements are sent without a wait for each answer where libpq can do that."""
    pipeline = connection.pipeline() if psycopg.Pipeline.is_supported() else nullcontext()
    with pipeline, connection.transaction():
        if not synced:
            connection.execute("SET LOCAL synchronous_commit = off")
        yield


def is_lost(connection: Connection, error: psycopg.Error) -> bool:
    """Return whether a new connection is needed after an error: also where a server has become a standby."""
    return connection.closed or isinstance(error, psycopg.errors.ReadOnlySqlTransaction)


def error_message(where: str, why: str) -> str:
    """Return the message of an error of a shared ledger."""
    return f"can't use the ledger {where}: {why}"


def first_line(error: psycopg.Error) -> str:
    """Return the first line of the error's message: the others are its context."""
    text = str(error).strip().partition("\n")[0]
    return re.sub(r"^connection failed: ", "", text) or type(error).__name__


@cache
def postgres_sql(sql: str) -> bytes:
    """Convert SQLite's placeholders to PostgreSQL's: a bare `?` gets the number after the highest so far."""
    highest = 0

    def numbered(mark: re.Match[str]) -> str:
        nonlocal highest
        number = int(mark[1] or highest + 1)
        highest = max(highest, number)
        return f"${number}"

    return re.sub(r"\?(\d*)", numbered, sql).encode()
