"""Keep the ledger in a PostgreSQL database that several machines share.

Nothing begins without the database, so that nothing is paid for twice. What becomes known of a submission
while it is away stays in memory and is written when it is back: a job that was accepted is never given up.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cache
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from docspeed_cli.core.errors import ClaimLost, LedgerUnavailable
from docspeed_cli.core.ledger_address import LedgerAddress
from docspeed_cli.store.contents import Contents
from docspeed_cli.store.database import Database, Write, escape_surrogates
from docspeed_cli.store.postgres_contents import ResultRows
from docspeed_cli.store.postgres_layout import MIGRATIONS, SCHEMA, TABLES, layout_of, migrate
from docspeed_cli.store.postgres_locks import AdvisoryLocks

Connection = psycopg.Connection[Any]
T = TypeVar("T")

_OLDEST = 12
"""The first major version of PostgreSQL that is supported."""
_PATIENCE = 30.0
"""Seconds of pauses while we try to connect again: a failover takes about this long."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two tries to connect, at first and later."""
_TRIES = 3
"""Connections on which one exchange is tried."""
_CONNECTING = {
    "connect_timeout": 10,
    # A peer without power says nothing: a minute later the connection counts as lost.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""libpq's parameters where the address says nothing else; times are in seconds, the last in milliseconds."""
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
_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")


class _Look(NamedTuple):
    """What a new connection says of its server."""

    pid: int
    version: int
    read_only: bool
    encoding: str


class PostgresDatabase(Database):
    """The database at `address`. LedgerUnavailable if it can't be used now.

    `warn` is called where rows have to wait; `sleep` pauses between tries to connect again.
    """

    def __init__(
        self,
        address: LedgerAddress,
        warn: Callable[[str], None],
        now: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        super().__init__(str(address))
        self._address = address
        self._warn = warn
        self._now = now
        self._sleep = sleep
        self.locks = AdvisoryLocks(self.exchange)
        """The locks that all clients of this database share."""
        self._patience = 0.0
        self._connection: Connection | None = self._connect()
        self._patience = _PATIENCE

    # -- what the ledger asks

    def exchange(self, work: Callable[[Connection], T]) -> T:
        """Do some work on the connection, or on a new one if it is lost. LedgerUnavailable if that fails."""
        with self._lock:
            return self._attempt(work)

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a query finds; deferred writes show only after `flush`."""
        storable = [self._storable(value) for value in values]
        return self.exchange(lambda connection: connection.execute(_native(sql), storable).fetchall())

    def insert(self, sql: str, values: Sequence[Any], claim: str = "") -> int:
        """Commit an insertion and every deferred statement; return the new row's number.

        ClaimLost if the lock `claim` ended with its connection: what was read under it may be out of date.
        """
        storable = [self._storable(value) for value in values]

        def work(connection: Connection) -> int:
            if self.locks.is_lost(claim):
                raise ClaimLost(self._words("the connection was lost"))
            row = connection.execute(_native(f"{sql} RETURNING row"), storable).fetchone()
            return int(row[0]) if row else 0

        with self._lock:
            self._commit_queue()
            # Never on a second connection: the first may have inserted the row before it was lost.
            return self._attempt(work, tries=1)

    def glob(self, pattern: str) -> tuple[str, str]:
        """Return the operator that compares a text with a pattern, and its operand."""
        return "~", _regex_of(pattern)

    def contents(self) -> Contents:
        """Return the table of kept results."""
        return ResultRows(self.where, self.exchange, self._now)

    def health(self) -> str:
        """Return which rights are missing; "" if none is."""
        tests = ", ".join(f"has_table_privilege('{table}', $1)" for table in TABLES)
        for right in _RIGHTS:
            (found,) = self.read(f"SELECT {tests}", [right])
            missing = [table for table, granted in zip(TABLES, found, strict=True) if not granted]
            if missing:
                return f"this user lacks the right to {right} in {', '.join(missing)}"
        return ""

    def size(self) -> int:
        """Return how many bytes our tables and their indexes take."""
        total = "coalesce(sum(pg_total_relation_size(oid)), 0)"
        where = f"relnamespace = to_regnamespace('{SCHEMA}') AND relkind = 'r'"
        return int(self.read(f"SELECT {total} FROM pg_class WHERE {where}")[0][0])

    def engine(self) -> tuple[str, int]:
        """Return the engine with its version, and the number of the tables' layout."""
        version = self.read("SELECT current_setting('server_version')")[0][0]
        return f"PostgreSQL {version}", self.exchange(layout_of)

    def clock_skew(self) -> float:
        """Return by how many seconds the server's clock is ahead of this machine's."""
        before = self._now()
        theirs = self.read("SELECT extract(epoch FROM clock_timestamp())::double precision")[0][0]
        return float(theirs) - (before + self._now()) / 2

    def close(self) -> None:
        """Commit the deferred statements and close the connection. Warns if they can't be committed."""
        with self._lock:
            self._patience = 0.0
            self._commit_queue()
            if self._queue:
                self._warn(
                    f"{len(self._queue)} changes are not in the ledger {self.where}, which can't be used now;"
                    " run the same command again when it can"
                )
            self._drop_connection()

    # -- transactions

    def _transact(self, writes: Sequence[Write]) -> None:
        try:
            self._attempt(lambda connection: self._commit(connection, writes))
            self.is_persistent = True
        except LedgerUnavailable as error:
            if self.is_persistent:
                self._warn(f"{error.message}; what becomes known is recorded when it is back")
            self.is_persistent = False

    def _commit(self, connection: Connection, writes: Sequence[Write]) -> None:
        sync = any(write.sync for write in writes)
        pipeline = connection.pipeline() if psycopg.Pipeline.is_supported() else nullcontext()
        if sync and len(writes) == 1:
            cursors = [connection.execute(_native(writes[0].sql), writes[0].values)]
        else:
            with pipeline, connection.transaction():
                if not sync:
                    connection.execute("SET LOCAL synchronous_commit = off")
                cursors = [connection.execute(_native(write.sql), write.values) for write in writes]
        for write, cursor in zip(writes, cursors, strict=True):
            write.done = cursor.rowcount, 0

    def _storable(self, value: Any) -> Any:
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, str):
            return str(escape_surrogates(value)).replace("\0", "\\x00")
        return value

    # -- the connection

    def _attempt(self, work: Callable[[Connection], T], tries: int = _TRIES) -> T:
        """Do some work on the connection, or on a new one. ClaimLost if one try is allowed, and fails."""
        for left in reversed(range(tries)):
            connection = self._connected()
            try:
                return work(connection)
            except psycopg.Error as error:
                lost = connection.closed or isinstance(error, psycopg.errors.ReadOnlySqlTransaction)
                if lost:
                    self._drop_connection()
                if not lost or left == 0:
                    kind = ClaimLost if lost and tries == 1 else LedgerUnavailable
                    raise kind(self._words(_reason(error)), hint=_HINT) from None
            except LedgerUnavailable:
                raise
            except BaseException:
                # An interrupt: the answer to a statement may still be on its way.
                self._drop_connection()
                raise
        raise AssertionError("no try is left")

    def _connected(self) -> Connection:
        """Return the connection; a new one if it is lost, after some patience."""
        if self._connection is not None and not self._connection.closed:
            return self._connection
        self._drop_connection()
        paused, pause = 0.0, _FIRST_PAUSE
        while True:
            try:
                connection = self._connect()
                self.locks.retake(connection)
            except LedgerUnavailable as error:
                if paused >= self._patience:
                    self._patience = 0.0  # once: each document of a run would wait as long
                    raise
                if not paused:
                    self._warn(f"{error.message}; trying again for {_PATIENCE:.0f} seconds")
                self._sleep(pause)
                paused, pause = paused + pause, min(2 * pause, _LONGEST_PAUSE)
                continue
            self._connection, self._patience = connection, _PATIENCE
            return connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self.locks.lose()
            self._connection.close()
            self._connection = None

    def _connect(self) -> Connection:
        """Connect, check the server and migrate its tables. LedgerUnavailable if that fails."""
        try:
            connection = self._dial()
            try:
                self._set_up(connection)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            raise LedgerUnavailable(self._words(_reason(error)), hint=_HINT) from None
        return connection

    def _dial(self) -> Connection:
        try:
            named = conninfo_to_dict(self._address.url)
        except psycopg.ProgrammingError:
            # libpq's own words would repeat a part of the address, which may be the password.
            raise LedgerUnavailable(self._words("the address is malformed")) from None
        name = f"process {os.getpid()} on {platform.node()}"
        ours = {"application_name": name[:63], "client_encoding": "UTF8"}
        conninfo = make_conninfo("", **{**_CONNECTING, **named, **ours})
        return psycopg.connect(conninfo, autocommit=True, cursor_factory=psycopg.RawCursor)

    def _set_up(self, connection: Connection) -> None:
        look = _Look(*(connection.execute(_LOOK).fetchone() or ()))
        problem = ""
        if look.version < _OLDEST * 10_000:
            problem = (
                f"its version is {look.version // 10_000}, and {_OLDEST} is the oldest that is supported"
            )
        elif look.encoding != "UTF8":
            problem = f"the database's encoding is {look.encoding}; create one with `createdb -E UTF8 NAME`"
        elif look.read_only:
            problem = "the server is read-only: a standby, perhaps"
        elif look.pid != connection.info.backend_pid:
            connection.prepare_threshold = None
            if self._is_shared(connection, look.pid):
                problem = (
                    "a pooler gives each transaction another connection, but the ledger's locks need one of"
                    " their own; use PgBouncer's session mode, or connect to the server itself"
                )
        if problem:
            raise LedgerUnavailable(self._words(problem), hint=_HINT)
        layout = layout_of(connection)
        if layout > len(MIGRATIONS):
            what = f"its tables have layout {layout}, and this docspeed knows {len(MIGRATIONS)}"
            raise LedgerUnavailable(self._words(what), hint="install a newer docspeed")
        if layout < len(MIGRATIONS):
            migrate(connection)
        sets = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SESSION.items())
        connection.execute(f"SELECT {sets}".encode())

    def _is_shared(self, connection: Connection, pid: int) -> bool:
        """Return whether a pooler gives this connection's server process to others between transactions."""
        with self._dial() as other, other.transaction():
            pids = [each.execute("SELECT pg_backend_pid()").fetchone() for each in (other, connection)]
        return pids[0] == (pid,) or pids[1] != (pid,)

    def _words(self, reason: str) -> str:
        return f"can't use the ledger {self.where}: {reason}"


_HINT = "`docspeed doctor` checks it; `--local-ledger` goes on with the ledger of this machine alone"


def _reason(error: psycopg.Error) -> str:
    """The error's first line: the others are its context."""
    text = str(error).strip().partition("\n")[0]
    return re.sub(r"^connection failed: ", "", text) or type(error).__name__


@cache
def _native(sql: str) -> bytes:
    """Write SQLite's marks as PostgreSQL's: a bare `?` has the number after the highest before it."""
    highest = 0

    def numbered(mark: re.Match[str]) -> str:
        nonlocal highest
        number = int(mark[1] or highest + 1)
        highest = max(highest, number)
        return f"${number}"

    return re.sub(r"\?(\d*)", numbered, sql).encode()


def _regex_of(pattern: str) -> str:
    """Write a pattern of SQLite's GLOB as a regular expression."""

    def part(found: re.Match[str]) -> str:
        text, negation, members = found[0], found[1], found[2]
        if members is not None:
            return f"[{negation}{_IN_SET.sub(_ESCAPED, members)}]"
        return {"*": ".*", "?": "."}.get(text) or "\\" + text

    return f"^{_GLOB.sub(part, pattern)}$"


_GLOB = re.compile(r"\[(\^?)(\]?[^\]]*)\]|[^\w/]", re.ASCII)
_IN_SET = re.compile(r"[\\\[\]]")
_ESCAPED = r"\\\g<0>"
