"""Keep the ledger in a PostgreSQL database that several machines share.

Nothing begins without the database, so that nothing is paid for twice. What becomes known of a submission
while it is away stays in memory and is written when it is back: a job that was accepted is never given up.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg

from docspeed_cli.core.errors import ClaimLost, LedgerUnavailable
from docspeed_cli.core.ledger_address import LedgerAddress
from docspeed_cli.store.batching_lock import BatchingLock
from docspeed_cli.store.contents import ContentStore
from docspeed_cli.store.database import Database, Write
from docspeed_cli.store.postgres_connection import (
    HINT,
    UNSYNCED,
    Connection,
    error_message,
    first_line,
    is_lost,
    open_connection,
    postgres_sql,
    transaction,
)
from docspeed_cli.store.postgres_contents import ResultRows
from docspeed_cli.store.postgres_layout import SCHEMA, missing_rights, postgres_layout_version
from docspeed_cli.store.postgres_locks import AdvisoryLocks
from docspeed_cli.store.postgres_queries import Query, Rows, run_queries

T = TypeVar("T")

_PATIENCE = 30.0
"""Seconds of pauses while we try to connect again: a failover takes about this long."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two tries to connect, at first and later."""
_TRIES = 3
"""Connections on which one exchange is tried."""


class _Attempt(Write):
    """A statement that is committed now or fails; it does not wait until the database is back."""

    __slots__ = ("problem",)

    def __init__(self, sql: str, values: Sequence[Any], *, sync: bool) -> None:
        super().__init__(sql, values, sync=sync)
        self.problem: LedgerUnavailable | None = None

    def refuse(self, problem: LedgerUnavailable) -> None:
        """Record why the statement failed; it is not tried again."""
        self.problem, self.done = problem, (0, 0)


class _Insertion(_Attempt):
    """The row of a new job, written only while its claim is held. Without the row, no request is sent."""

    __slots__ = ("claim",)

    def __init__(self, sql: str, values: Sequence[Any], claim: str) -> None:
        super().__init__(sql, values, sync=True)
        self.claim = claim


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
        self._lock = self._batching_lock = BatchingLock()
        self._tickets: deque[list[Write]] = deque()
        """Writes that threads wait for; a ticket is cleared once its write was tried."""
        self._address = address
        self._warn = warn
        self._now = now
        self._sleep = sleep
        self._queries: deque[Query] = deque()
        self.locks = AdvisoryLocks(self.query)
        """The locks that all clients of this database share."""
        self._patience = 0.0
        self._connection: Connection | None = open_connection(self._address)
        self._patience = _PATIENCE

    # -- what the ledger asks

    def exchange(self, work: Callable[[Connection], T]) -> T:
        """Do some work on the connection, or on a new one if it is lost. LedgerUnavailable if that fails."""
        with self._lock:
            return self._attempt(work)

    def query(self, query: Query) -> Rows:
        """Return the rows that a query finds. LedgerUnavailable if that fails."""
        self._queries.append(query)
        try:
            self._batching_lock.wait(lambda: query.is_done, self._serve)
        finally:
            query.cancel()
        if query.problem is not None:
            raise query.problem
        return query.rows

    def read(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """Return the rows that a query finds; deferred writes show only after `flush`."""
        return self.query(Query(postgres_sql(sql), self._storable(values)))

    def insert(self, sql: str, values: Sequence[Any], claim: str = "") -> int:
        """Commit an insertion; return the new row's number.

        ClaimLost if the lock `claim` ended with its connection: what was read under it may be out of date.
        """
        return self._attempted(_Insertion(f"{sql} RETURNING row", self._storable(values), claim))

    def try_write(self, sql: str, values: Sequence[Any], *, sync: bool) -> None:
        """Commit a statement together with those of other threads. LedgerUnavailable if that fails now."""
        self._attempted(_Attempt(sql, values, sync=sync))

    def glob(self, pattern: str) -> tuple[str, str]:
        """Return the operator that compares a text with a pattern, and its operand."""
        return "~", _regex_of(pattern)

    def contents(self) -> ContentStore:
        """Return the table of kept results."""
        return ResultRows(self, self._now)

    def health(self) -> str:
        """Return which rights are missing; "" if none is."""
        return self.exchange(missing_rights)

    def size(self) -> int:
        """Return how many bytes our tables and their indexes take."""
        total = "coalesce(sum(pg_total_relation_size(oid)), 0)"
        where = f"relnamespace = to_regnamespace('{SCHEMA}') AND relkind = 'r'"
        return int(self.read(f"SELECT {total} FROM pg_class WHERE {where}")[0][0])

    def engine(self) -> tuple[str, int]:
        """Return the engine with its version, and the number of the tables' layout."""
        version = self.read("SELECT current_setting('server_version')")[0][0]
        return f"PostgreSQL {version}", self.exchange(postgres_layout_version)

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
            count = len(self._queue)
            if count:
                lacking = "1 change is" if count == 1 else f"{count} changes are"
                self._warn(
                    f"{lacking} not in the ledger {self.where}, which can't be used now;"
                    " run the same command again once it can"
                )
            self._drop_connection()

    # -- transactions

    def _committed(self, write: Write) -> tuple[int, int] | None:
        ticket = [write]
        self._tickets.append(ticket)
        self._batching_lock.wait(lambda: not ticket, self._serve)
        return write.done

    def _serve(self) -> None:
        """Send the queries, and try to commit the writes, that threads wait for."""
        if self._queries:
            self._run_queries()
        # Counted first: a write that is queued in the meantime was not tried.
        count = len(self._tickets)
        if count:
            self._commit_queue()
        for _ in range(count):
            self._tickets.popleft().clear()

    def _transact(self, writes: Sequence[Write]) -> None:
        problem = self._try(writes)
        for write in writes:
            if problem is not None and isinstance(write, _Insertion) and write.done is None:
                write.refuse(problem)  # nothing begins while what is known can't be recorded
        changes = [write for write in writes if not isinstance(write, _Insertion)]
        if not changes:
            return
        if problem is not None:
            problem = self._try(changes)
        if problem is not None and len(changes) > 1 and self._connection is not None:
            # One that is refused, for lack of a right perhaps, must not hold up a job's id.
            problem = next(filter(None, [self._try([change]) for change in changes]), None)
        for write in changes:
            if problem is not None and isinstance(write, _Attempt) and write.done is None:
                write.refuse(problem)
        waiting = any(write.done is None for write in changes)
        if waiting and problem is not None and self.is_persistent:
            self._warn(f"{problem.message}; changes are recorded when it is back")
        self.is_persistent = not waiting

    def _attempted(self, write: _Attempt) -> int:
        """Commit this write and those that wait; return the number of the inserted row."""
        self._queue.append(write)
        done = self._committed(write)
        if write.problem is not None:
            raise write.problem
        return 0 if done is None else done[1]

    def _try(self, writes: Sequence[Write]) -> LedgerUnavailable | None:
        """Commit these statements together; returns why that failed."""
        try:
            # Never a second connection for an insertion: the first may have made the row before it was lost.
            tries = 1 if any(isinstance(write, _Insertion) for write in writes) else _TRIES
            self._attempt(lambda connection: self._commit(connection, writes), tries)
        except LedgerUnavailable as error:
            return error
        return None

    def _commit(self, connection: Connection, writes: Sequence[Write]) -> None:
        for write in writes:
            if isinstance(write, _Insertion) and self.locks.is_lost(write.claim):
                write.refuse(ClaimLost(error_message(self.where, "the connection was lost"), retryable=True))
        writes = [write for write in writes if write.done is None]
        if not writes:
            return
        sync = any(write.sync for write in writes)
        if len(writes) == 1:
            sql = writes[0].sql if sync else f"{writes[0].sql} {UNSYNCED}"
            cursors = [connection.execute(postgres_sql(sql), writes[0].values)]
        else:
            with transaction(connection, synced=sync):
                cursors = [connection.execute(postgres_sql(write.sql), write.values) for write in writes]
        for write, cursor in zip(writes, cursors, strict=True):
            inserted = cursor.fetchone() if isinstance(write, _Insertion) else None
            write.done = cursor.rowcount, int(inserted[0]) if inserted else 0

    def _storable(self, values: Sequence[Any]) -> list[Any]:
        """Return values as the engine takes them: no NUL in a text, and numbers for true and false."""
        storable = super()._storable(values)
        texts = (value.replace("\0", "\\x00") if isinstance(value, str) else value for value in storable)
        return [int(value) if isinstance(value, bool) else value for value in texts]

    # -- the connection

    def _run_queries(self) -> None:
        queries = [self._queries.popleft() for _ in range(len(self._queries))]
        try:
            self._attempt(lambda connection: run_queries(connection, queries, self.where))
        except LedgerUnavailable as error:
            for query in queries:
                if not query.is_done:
                    query.fail(error)
        finally:
            # After an interrupt, the threads that wait for these ask again.
            self._queries.extend(query for query in queries if not query.is_done)

    def _attempt(self, work: Callable[[Connection], T], tries: int = _TRIES) -> T:
        """Do some work on the connection, or on a new one. ClaimLost if one try is allowed, and fails."""
        for left in reversed(range(tries)):
            connection = self._connected()
            try:
                return work(connection)
            except psycopg.Error as error:
                lost = is_lost(connection, error)
                if lost:
                    self._drop_connection()
                if not lost or left == 0:
                    kind = ClaimLost if lost and tries == 1 else LedgerUnavailable
                    raise kind(
                        error_message(self.where, first_line(error)), hint=HINT, retryable=lost
                    ) from None
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
                connection = open_connection(self._address)
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
