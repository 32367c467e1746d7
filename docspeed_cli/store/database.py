"""The interface of a ledger's database, and the queue of writes that its engines share.

The SQL that passes through it is what SQLite and PostgreSQL have in common, with SQLite's placeholders.
"""

# See `sqlite` for what imports cost here.
from __future__ import annotations

from _thread import allocate_lock
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any

    from docspeed_cli.store.contents import ContentStore

_MAX_DEFERRED = 500
"""Flush after this many deferred writes."""
_MAX_TIME = 253_402_300_800.0
"""The end of the year 9999, in seconds since 1970: Python's dates go no further."""
TABLES = ("jobs", "uploads", "conversations", "runs", "run_items", "kept")
"""The tables that all engines have."""
_NUMBERS = frozenset(
    (
        *("row", "submitted_at", "updated_at", "pages"),  # of jobs
        *("started_at", "ended_at", "total", "position", "job_row", "reused", "seconds"),  # of runs
    )
)
"""The columns of `jobs`, `runs` and `run_items` with numbers."""


class Write:
    """A statement that waits for its transaction; `done` is set once it is committed."""

    __slots__ = ("done", "sql", "sync", "values")

    def __init__(self, sql: str, values: Sequence[Any], *, sync: bool) -> None:
        self.sql = sql
        self.values = values
        self.sync = sync
        self.done: tuple[int, int] | None = None
        """How many rows it changed, and the number of the row that it inserted."""


class Database(ABC):
    """The tables of a ledger. Threads share it; writes that arrive during another one share a transaction."""

    is_persistent: bool = True
    """Whether rows outlive the process."""

    def __init__(self, where: str) -> None:
        self.where = where
        """Path or address, without a password."""
        self._lock: AbstractContextManager[object] = allocate_lock()
        self._queue: deque[Write] = deque()

    @abstractmethod
    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a query finds; deferred writes show only after `flush`."""

    @abstractmethod
    def insert(self, sql: str, values: Sequence[Any], claim: str = "") -> int:
        """Commit an insertion into `jobs`; return the new row's number.

        `claim` is the digest of the lock under which the row is written, if there is one.
        """

    @abstractmethod
    def glob(self, pattern: str) -> tuple[str, str]:
        """Return the operator that compares a text with a pattern of SQLite's GLOB, and its operand."""

    @abstractmethod
    def contents(self) -> ContentStore:
        """Return the store of the bytes of kept results."""

    @abstractmethod
    def health(self) -> str:
        """Return what is wrong with the database; "" if nothing is."""

    @abstractmethod
    def size(self) -> int:
        """Return how many bytes the database takes."""

    @abstractmethod
    def engine(self) -> tuple[str, int]:
        """Return the engine with its version, and the number of the tables' layout."""

    @abstractmethod
    def close(self) -> None:
        """Commit the deferred statements and close the database."""

    @abstractmethod
    def _transact(self, writes: Sequence[Write]) -> None:
        """Commit these statements together."""

    def write(self, sql: str, values: Sequence[Any], *, sync: bool = True) -> int | None:
        """Commit a statement and every deferred one; return how many rows changed, None if that must wait.

        With `sync` it survives a loss of power once this returns; otherwise only the end of the process.
        """
        done = self._committed(self._queued(sql, values, sync=sync))
        return None if done is None else done[0]

    def write_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Commit a statement for each list of values in one transaction; return how many rows changed."""
        writes = [self._queued(sql, values, sync=True) for values in rows]
        self.flush()
        return sum(write.done[0] for write in writes if write.done is not None)

    def write_later(self, sql: str, values: Sequence[Any]) -> None:
        """Defer a statement to the next write, flush or close."""
        self._queued(sql, values, sync=False)
        if len(self._queue) > _MAX_DEFERRED:
            self.flush()

    def flush(self) -> None:
        """Commit the deferred statements."""
        with self._lock:
            self._commit_queue()

    def _queued(self, sql: str, values: Sequence[Any], *, sync: bool) -> Write:
        write = Write(sql, self._storable(values), sync=sync)
        self._queue.append(write)
        return write

    def _storable(self, values: Sequence[Any]) -> list[Any]:
        """Return values as the engine takes them: one that it refuses would stop the whole transaction."""
        return [escape_surrogates(value) for value in values]

    def _committed(self, write: Write) -> tuple[int, int] | None:
        """Commit a queued statement with all others, and return its `done`."""
        with self._lock:
            if write.done is None:  # else the thread that held the lock has committed it
                self._commit_queue()
        return write.done

    def _commit_queue(self) -> None:
        # Other threads append without the lock: only what is there now belongs to this transaction.
        writes = [self._queue.popleft() for _ in range(len(self._queue))]
        try:
            if writes:
                self._transact(writes)
        finally:
            # An interrupt rolls the transaction back: its statements go first in the next one.
            self._queue.extendleft(write for write in reversed(writes) if write.done is None)


def upsert(table: str, columns: Sequence[str], key: Sequence[str]) -> str:
    """Return the statement that inserts a row, or replaces the one with the same key."""
    marks = ", ".join("?" * len(columns))
    sets = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sets}"
    )


def validate_number(value: Any) -> Any:
    """Return a time or a count; None if damage made it something else."""
    return value if isinstance(value, int | float) and 0 <= value < _MAX_TIME else None


def repaired_row(names: Sequence[str], row: Sequence[Any]) -> list[Any]:
    """Return a row with damaged values replaced: a number by None, a text by its readable part.

    SQLite's own check misses damage inside a value: one flipped bit makes another number or another type.
    """
    return [
        validate_number(value) if name in _NUMBERS else None if value is None else readable_text(value)
        for name, value in zip(names, row, strict=True)
    ]


def readable_text(value: Any) -> str:
    """Return a text, or the readable part of what damage made of it."""
    if isinstance(value, str):
        return value
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def escape_surrogates(value: Any) -> Any:
    """Escape what UTF-8 can't hold: half of a surrogate pair, from a file's name or a server's answer."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value
