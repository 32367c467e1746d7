"""Opens, writes and repairs the SQLite file behind the ledger.

A damaged file is renamed, never deleted, and a new file starts with the rows that can still be read. Where no
file can be used, the same tables are kept in memory: trouble with the file never stops a job.
"""

# Only cheap imports here: contextlib would add 0.6 ms, threading 1 ms, typing and pathlib 6 ms each, where
# opening the file, writing the rows of a job and closing take less than 4 ms in all.
# ruff: noqa: PTH103, PTH104, PTH110, PTH116, PTH120, PTH122, PTH202
from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

from docspeed_cli.store.database import Database, Write
from docspeed_cli.store.sqlite_layout import (
    MIGRATIONS,
    TROUBLE,
    copy_rows,
    migrate_sqlite,
    sqlite_layout_version,
)

if sys.platform != "win32":
    import fcntl
else:
    import msvcrt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from docspeed_cli.store.contents import ContentStore

    T = TypeVar("T")

_BUSY_TIMEOUT = 20.0
"""Seconds to wait for another process that writes."""
_MIN_ROW_BYTES = 128
"""A job takes more space than this in a file, with its index entries."""


class SqliteDatabase(Database):
    """The file at `path`, or tables in memory, after one warning, if the file can't be used."""

    def __init__(self, path: str, warn: Callable[[str], None], now: Callable[[], float]) -> None:
        super().__init__(path)
        self.path = path
        self.is_persistent = True
        self._warn = warn
        self._now = now
        self._identity: tuple[int, int] | None = None
        self._db = self._open()

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a query finds; deferred writes show only after `flush`."""
        storable = self._storable(values)
        with self._lock:
            return self._attempt(lambda: self._db.execute(sql, storable).fetchall())

    def insert(self, sql: str, values: Sequence[Any], claim: str = "") -> int:
        """Commit an insertion and every deferred statement; return the new row's number."""
        done = self._committed(self._queued(sql, values, sync=True))
        return 0 if done is None else done[1]

    def glob(self, pattern: str) -> tuple[str, str]:
        """Return the operator that compares a text with a pattern, and its operand."""
        return "GLOB", pattern

    def contents(self) -> ContentStore:
        """Return the folder of kept results beside the file."""
        from pathlib import Path

        from docspeed_cli.store.contents import ResultFolder

        return ResultFolder(Path(self.path).parent / "kept")

    def health(self) -> str:
        """Return what is wrong with the file; "" if nothing is."""
        # A read-only file answers every query, so only a statement that writes shows it.
        self.write("DELETE FROM jobs WHERE row < 0", [], sync=False)
        if not self.is_persistent:
            return "it is kept in memory only"
        found = str(self.read("PRAGMA quick_check(1)")[0][0])
        return "" if found == "ok" else found

    def size(self) -> int:
        """Return how many bytes the file takes, without its log."""
        return int(self.read("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")[0][0])

    def engine(self) -> tuple[str, int]:
        """Return the engine with its version, and the number of the tables' layout."""
        return f"SQLite {sqlite3.sqlite_version}", len(MIGRATIONS)

    def close(self) -> None:
        """Commit the deferred statements and close the file."""
        self.flush()
        self._db.close()

    def _transact(self, writes: Sequence[Write]) -> None:
        self._attempt(lambda: self._commit(writes))

    def _commit(self, writes: Sequence[Write]) -> None:
        sync = any(write.sync for write in writes)
        # FULL waits for the disk, so it is for what can't be had again from the server.
        self._db.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
        with self._db:
            # A transaction that becomes a write only later can fail at once, without the busy timeout.
            self._db.execute("BEGIN IMMEDIATE")
            cursors = [self._db.execute(write.sql, write.values) for write in writes]
        for write, cursor in zip(writes, cursors, strict=True):
            write.done = cursor.rowcount, cursor.lastrowid or 0

    def _attempt(self, work: Callable[[], T]) -> T:
        """Run `work` on the file that is at `path` now, or in memory if no file works."""
        while True:
            try:
                result = work()
            except TROUBLE as error:
                if not self.is_persistent:
                    raise
                failing = self._db
                if _is_damage(error):
                    failing.close()
                    self._db = self._open(error)
                else:
                    self._db = self._in_memory([failing], error)
                    failing.close()
                continue
            # Another process may have set the file aside, or a user deleted it. A check before the work could
            # miss that, and each check is a system call, at which Python switches to another thread.
            if not self.is_persistent or _device_and_inode(self.path) == self._identity:
                return result
            self._db.close()
            self._db = self._open()

    def _open(self, damage: Exception | None = None) -> sqlite3.Connection:
        """Open the file, or a new one in place of a damaged one; tables in memory if no file can be used."""
        try:
            os.makedirs(os.path.dirname(self.path) or ".", mode=0o700, exist_ok=True)
            lock = _lock_folder(self.path)
            try:
                # Another process may have replaced the damaged file already.
                if damage is not None and _device_and_inode(self.path) == self._identity:
                    return self._replace(damage)
                try:
                    return _connect(self.path)
                except TROUBLE as error:
                    if not _is_damage(error):
                        raise
                    return self._replace(error)
            finally:
                self._identity = _device_and_inode(self.path)
                os.close(lock)
        except (OSError, sqlite3.Error) as error:
            return self._in_memory(_read_only(self.path), error)

    def _replace(self, error: Exception) -> sqlite3.Connection:
        """Set the damaged file aside and start a new one with the rows that can be read."""
        aside = self._set_aside()
        db = _connect(self.path)
        source = sqlite3.connect(aside, timeout=1.0, isolation_level=None)
        copy_rows(source, db)
        source.close()
        kept, highest = db.execute("SELECT count(*), coalesce(max(row), 0) FROM jobs").fetchone()
        # A row's number is never used again: `@7` stands in notes, and other processes update their rows by
        # number. The unreadable part of the file holds no more rows than this.
        unread = os.path.getsize(aside) // _MIN_ROW_BYTES
        db.execute("DELETE FROM sqlite_sequence WHERE name = 'jobs'")
        db.execute("INSERT INTO sqlite_sequence VALUES ('jobs', ?)", [highest + unread])
        rows = f"the {kept} jobs that could be read" if kept else "no jobs"
        self._warn(f"the ledger was damaged ({error}): it is now {aside}; a new one has {rows}")
        return db

    def _set_aside(self) -> str:
        stem, suffix = os.path.splitext(self.path)
        names = (f"{stem}.damaged-{number}{suffix}" for number in count(int(self._now())))
        aside = next(name for name in names if not os.path.lexists(name))
        # The log goes first: left beside a new file, it would be replayed into that one.
        for part in ("-wal", "-shm", "-journal", ""):
            if os.path.lexists(self.path + part):
                os.rename(self.path + part, aside + part)
        return aside

    def _in_memory(self, sources: Iterable[sqlite3.Connection], error: Exception) -> sqlite3.Connection:
        """Make tables in memory, with the rows of the first source that can be read.

        Without those rows, requests that are already paid for would be submitted again.
        """
        db = self._empty()
        migrate_sqlite(db)
        is_known = any(copy_rows(source, db) for source in sources)
        is_empty = _device_and_inode(self.path) is None or os.path.getsize(self.path) == 0
        again = "" if is_known or is_empty else "; what it records may be paid for again"
        self._warn(f"can't use the ledger {self.path} ({error}); keep the job ids that are printed{again}")
        return db

    def _empty(self) -> sqlite3.Connection:
        """Open an empty database in memory."""
        self.is_persistent = False
        return sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)


class LedgerCopy(SqliteDatabase):
    """The rows of the file at `path`, in memory. The file may be anything, and is only read.

    sqlite3.DatabaseError if it is not a ledger, or a damaged one.
    """

    def _open(self, damage: Exception | None = None) -> sqlite3.Connection:
        problem = "it is not a ledger"
        for source in _read_only(self.path):
            try:
                layout = sqlite_layout_version(source)
                if layout > len(MIGRATIONS):
                    problem = "a newer docspeed wrote it"
                elif layout:
                    problem = "it is damaged, and any command that uses it repairs it"
                    if source.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
                        db = self._empty()
                        source.backup(db)
                        migrate_sqlite(db)
                        return db
            except TROUBLE:
                continue
        raise sqlite3.DatabaseError(problem)


def _connect(path: str, *, wal: bool = True) -> sqlite3.Connection:
    """Open the file, or create it, with this version's layout. sqlite3.Error if that is not possible."""
    # All threads use this connection, one at a time: the database's lock sees to that.
    db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT, check_same_thread=False, isolation_level=None)
    try:
        if not wal:
            # Only in this mode can a file with a write-ahead log be opened without shared memory.
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("PRAGMA locking_mode = NORMAL")
            db.execute("SELECT count(*) FROM sqlite_master").fetchall()  # frees the exclusive lock
        db.execute("PRAGMA synchronous = FULL")
        layout = sqlite_layout_version(db)
        if layout > len(MIGRATIONS):
            raise sqlite3.NotSupportedError("it was written by a newer docspeed; install that version")
        if layout < len(MIGRATIONS):
            from docspeed_cli.core.files import set_mode

            # Before the log is made, because SQLite gives the log the mode of the file.
            set_mode(path, 0o600)
            # Fails while an older docspeed has the file open: it would take new columns for damage.
            db.execute("PRAGMA journal_mode = DELETE")
            if wal:
                db.execute("PRAGMA journal_mode = WAL")
            migrate_sqlite(db)
    except BaseException as error:
        db.close()
        # Some network folders lack the shared memory that a write-ahead log needs.
        if wal and getattr(error, "sqlite_errorname", "") == "SQLITE_IOERR_SHMMAP":
            return _connect(path, wal=False)
        raise
    return db


def _lock_folder(path: str) -> int:
    """Let one process at a time open the file, until the returned descriptor is closed.

    Otherwise one could create a log for a file that another one is renaming.
    """
    if sys.platform == "win32":
        # It can't lock a folder. The lock is waited for, for up to ten seconds.
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _device_and_inode(path: str) -> tuple[int, int] | None:
    """Return the device and number of the file at `path`; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_damage(error: Exception) -> bool:
    """Return whether the file's content caused the error, not its folder, its disk or another process."""
    name, text = getattr(error, "sqlite_errorname", ""), str(error)
    return (
        isinstance(error, UnicodeDecodeError)
        or name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT"))
        # A damaged name in the schema looks like a missing table or column.
        or text.startswith(("no such ", "Could not decode"))
        or "has no column named" in text
    )


def _read_only(path: str) -> Iterator[sqlite3.Connection]:
    """Connect for reading only: with the log if there is one, then without it."""
    from pathlib import Path

    modes = ["mode=ro&immutable=1"]
    # Without a log `immutable` misses nothing, and unlike `ro` alone leaves no file in the folder.
    if any(os.path.exists(path + log) for log in ("-wal", "-journal")):
        modes.insert(0, "mode=ro")
    for mode in modes:
        try:
            db = sqlite3.connect(f"{Path(path).absolute().as_uri()}?{mode}", uri=True, timeout=0.2)
        except sqlite3.Error:
            continue
        try:
            yield db
        finally:
            db.close()
