"""The SQLite file that remembers jobs, uploads and conversations; it never stands in the way of the work.

Every write is on the disk (WAL, synchronous=FULL) before the method returns. Where the file can't be
used, a warning says so and the same ledger goes on in memory.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docspeed_cli.models import Job, State

MIGRATIONS = (
    """
    CREATE TABLE jobs (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        request TEXT NOT NULL, server TEXT NOT NULL, key TEXT NOT NULL,
        operation TEXT NOT NULL, status TEXT NOT NULL, state TEXT NOT NULL,
        job_id TEXT, input TEXT, file_id TEXT, submitted_at REAL, updated_at REAL,
        output TEXT, error TEXT, batch TEXT, token TEXT
    );
    CREATE INDEX jobs_by_request ON jobs (request, row);
    CREATE INDEX jobs_by_id ON jobs (job_id);
    CREATE INDEX jobs_by_batch ON jobs (batch);
    CREATE TABLE uploads (
        server TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL,
        file_id TEXT NOT NULL, filename TEXT, created_at REAL,
        PRIMARY KEY (server, key, digest)
    ) WITHOUT ROWID;
    CREATE INDEX uploads_by_id ON uploads (file_id);
    CREATE TABLE conversations (
        session_id TEXT NOT NULL, server TEXT NOT NULL, key TEXT NOT NULL,
        documents TEXT NOT NULL, file_ids TEXT NOT NULL, names TEXT NOT NULL, updated_at REAL NOT NULL,
        PRIMARY KEY (server, key, session_id)
    ) WITHOUT ROWID;
    """,
)

_COLUMNS = (
    "row",
    "request",
    "server",
    "key",
    "operation",
    "status",
    "state",
    "job_id",
    "input",
    "file_id",
    "submitted_at",
    "updated_at",
    "output",
    "error",
    "batch",
    "token",
)
_PATIENCE = 200
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM jobs"
_MEMBERS = _COLUMNS[1:]


@dataclass(frozen=True)
class Conversation:
    """A chat session: its documents in their order, as digests or ids, and as the service's file ids."""

    session_id: str
    documents: tuple[str, ...]
    file_ids: tuple[str, ...]
    names: tuple[str, ...]


@dataclass
class _Entry:
    """A write that waits for its turn; `done` is its cursor once it is on the disk."""

    sql: str
    bound: Sequence[Any]
    done: sqlite3.Cursor | None = None


class _Newer(Exception):
    """The file was written by a newer version of the program."""


class Ledger:
    """The ledger at `path`; `warn` is told, once, where it can't be kept there."""

    def __init__(self, path: Path, warn: Callable[[str], None], now: Callable[[], float]) -> None:
        self.path = path
        self._warn = warn
        self._now = now
        self._lock = threading.RLock()
        self._waiting: deque[_Entry] = deque()
        self._on_disk = True
        self._db = self._open()

    def close(self) -> None:
        """Close the file, once everything is in it."""
        with self._lock:
            self._write_all()
            self._db.close()

    # -- jobs

    def begin(self, job: Job) -> int:
        """Put down a submission that is about to be sent; the row's number."""
        places = ", ".join("?" * len(_MEMBERS))
        values = [getattr(job, name) for name in _MEMBERS]
        return self._write(f"INSERT INTO jobs ({', '.join(_MEMBERS)}) VALUES ({places})", values)

    def change(self, row: int, **members: Any) -> None:
        """Put down what has become known of a submission."""
        members["updated_at"] = self._now()
        sets = ", ".join(f"{name} = ?" for name in members)
        self._write(f"UPDATE jobs SET {sets} WHERE row = ?", [*members.values(), row])

    def change_soon(self, row: int, **members: Any) -> None:
        """Put down what the server would say again: written with the next write, or at the end."""
        members["updated_at"] = self._now()
        sets = ", ".join(f"{name} = ?" for name in members)
        self._waiting.append(_Entry(f"UPDATE jobs SET {sets} WHERE row = ?", [*members.values(), row]))

    def drop(self, rows: Iterable[int]) -> int:
        """Forget these rows; how many there were."""
        with self._lock:
            return sum(self._write("DELETE FROM jobs WHERE row = ?", [row], count=True) for row in rows)

    def by_request(self, request: str) -> list[Job]:
        """What is known of this request, newest first."""
        return self._jobs("WHERE request = ? ORDER BY row DESC LIMIT 20", [request], settled=False)

    def by_id(self, job_id: str) -> list[Job]:
        """The job of this id; more than one where servers use the same."""
        return self._jobs("WHERE job_id = ? ORDER BY row DESC", [job_id])

    def by_row(self, row: int) -> Job | None:
        """The job in this row."""
        return next(iter(self._jobs("WHERE row = ?", [row])), None)

    def newest(self, server: str | None = None) -> Job | None:
        """The job that was submitted last, to this server or to any."""
        where = "WHERE server = ? " if server else ""
        found = self._jobs(f"{where}ORDER BY row DESC LIMIT 1", [server] if server else [])
        return next(iter(found), None)

    def newest_batch(self) -> str | None:
        """The run that submitted many documents last."""
        rows = self._read("SELECT batch FROM jobs WHERE batch IS NOT NULL ORDER BY row DESC LIMIT 1", [])
        return rows[0][0] if rows else None

    def listing(
        self,
        *,
        status: str | None = None,
        operation: str | None = None,
        batch: str | None = None,
        older_than: float | None = None,
        limit: int | None = None,
    ) -> list[Job]:
        """Jobs, newest first; `status` is the server's word or the program's, `older_than` a time of day."""
        tests = {
            "(lower(status) = lower(?1) OR state = lower(?1))": status,
            "operation = ?2": operation,
            "batch = ?3": batch,
            "coalesce(submitted_at, 0) < ?4": older_than,
        }
        where = " AND ".join(test for test, value in tests.items() if value is not None)
        tail = f"{'WHERE ' + where if where else ''} ORDER BY row DESC LIMIT ?5"
        bound = [status, operation, batch, older_than, -1 if limit is None else limit]
        return self._jobs(tail, bound)

    def health(self) -> tuple[int, str]:
        """How many jobs it holds, and what is wrong with the file; empty where nothing is."""
        rows = self._read("SELECT count(*) FROM jobs", [])[0][0]
        if not self._on_disk:
            return rows, "it is kept in memory only"
        found = self._read("PRAGMA quick_check(1)", [])[0][0]
        return rows, "" if found == "ok" else str(found)

    # -- uploads

    def uploaded(self, server: str, key: str, digest: str) -> str | None:
        """The id of a file that this key has stored on this server already."""
        rows = self._read(
            "SELECT file_id FROM uploads WHERE server = ? AND key = ? AND digest = ?", [server, key, digest]
        )
        return rows[0][0] if rows else None

    def digest_of(self, server: str, key: str, file_id: str) -> str | None:
        """The content digest of a stored file, where this program stored it."""
        rows = self._read(
            "SELECT digest FROM uploads WHERE file_id = ? AND server = ? AND key = ?", [file_id, server, key]
        )
        return rows[0][0] if rows else None

    def remember_upload(self, server: str, key: str, digest: str, file_id: str, filename: str | None) -> None:
        """Put down that the file is stored."""
        self._write(
            "INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?, ?, ?)",
            [server, key, digest, file_id, filename, self._now()],
        )

    def forget_upload(self, server: str, file_id: str) -> None:
        """The server no longer has the file."""
        self._write("DELETE FROM uploads WHERE server = ? AND file_id = ?", [server, file_id])

    def forget_server(self, server: str) -> None:
        """Everything that was on this server is gone."""
        for table in ("jobs", "uploads", "conversations"):
            self._write(f"DELETE FROM {table} WHERE server = ?", [server])

    # -- conversations

    def remember_conversation(self, server: str, key: str, talk: Conversation) -> None:
        """Put down the session that a later question may go on with."""
        lists = [json.dumps(list(part)) for part in (talk.documents, talk.file_ids, talk.names)]
        self._write(
            "INSERT OR REPLACE INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?)",
            [talk.session_id, server, key, *lists, self._now()],
        )

    def conversation(
        self, server: str, key: str, documents: Sequence[str] | None = None
    ) -> Conversation | None:
        """The last session over these documents in this order, or over any where none are given."""
        where = "AND documents = ?" if documents is not None else ""
        bound = [server, key, *([json.dumps(list(documents))] if documents is not None else [])]
        rows = self._read(
            "SELECT session_id, documents, file_ids, names FROM conversations "
            f"WHERE server = ? AND key = ? {where} ORDER BY updated_at DESC LIMIT 1",
            bound,
        )
        if not rows:
            return None
        session_id, *lists = rows[0]
        return Conversation(session_id, *(tuple(json.loads(part)) for part in lists))

    # -- the file

    def _jobs(self, tail: str, bound: Sequence[Any], *, settled: bool = True) -> list[Job]:
        """Jobs; with `settled`, what was to be written soon is written first."""
        if settled:
            with self._lock:
                self._write_all()
        return [_job(row) for row in self._read(f"{_SELECT} {tail}", bound)]

    def _read(self, sql: str, bound: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(sql, bound).fetchall()
            except sqlite3.Error as error:
                self._recover(error, sql, bound)
                return self._db.execute(sql, bound).fetchall()

    def _write(self, sql: str, bound: Sequence[Any], *, count: bool = False) -> int:
        """Write durably. Whoever comes while another is at the disk waits for one sync with all others."""
        entry = _Entry(sql, bound)
        self._waiting.append(entry)
        with self._lock:
            if entry.done is None:
                self._write_all()
        assert entry.done is not None
        return entry.done.rowcount if count else entry.done.lastrowid or 0

    def _write_all(self) -> None:
        entries = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if len(entries) > 1:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                for entry in entries:
                    entry.done = self._db.execute(entry.sql, entry.bound)
                self._db.execute("COMMIT")
                return
            except sqlite3.Error:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
        for entry in entries:
            try:
                entry.done = self._db.execute(entry.sql, entry.bound)
            except sqlite3.Error as error:
                self._recover(error, entry.sql, entry.bound)
                entry.done = self._db.execute(entry.sql, entry.bound)

    def _recover(self, error: sqlite3.Error, sql: str, bound: Sequence[Any]) -> None:
        """Go on with a ledger that works: a new file after damage, else a copy in memory, else an empty one.

        The copy keeps what can still be read, so that nothing already paid for is submitted again.
        """
        if _is_damage(error) and self._on_disk:
            self._db.close()
            self._db = self._open(error)
            return
        self._on_disk = False
        copy = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        try:
            self._db.backup(copy)
            copy.execute(f"EXPLAIN {sql}", bound)
        except sqlite3.Error:
            copy.close()
            copy = _in_memory()
        self._db = copy
        self._warn(f"the ledger {self.path} can't be written ({error}); keep the job ids that are printed")

    def _open(self, damage: sqlite3.Error | None = None) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                if damage is not None:
                    raise damage
                return _connect(self.path)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._set_aside(error)
                return _connect(self.path)
        except _Newer as error:
            self._warn(f"the ledger {self.path} {error}; it is left alone, keep the job ids that are printed")
        except (OSError, sqlite3.Error) as error:
            found = self._readable()
            self._warn(f"the ledger {self.path} can't be used ({error}); keep the job ids that are printed")
            if found is not None:
                return found
        self._on_disk = False
        return _in_memory()

    def _readable(self) -> sqlite3.Connection | None:
        """A copy in memory of a file that can be read but not written."""
        try:
            uri = f"{self.path.resolve().as_uri()}?mode=ro&immutable=1"
            found = sqlite3.connect(uri, uri=True)
            memory = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
            found.backup(memory)
            found.close()
            if memory.execute("PRAGMA user_version").fetchone()[0] != len(MIGRATIONS):
                return None
        except sqlite3.Error:
            return None
        self._on_disk = False
        return memory

    def _set_aside(self, error: Exception) -> None:
        stem = f"{self.path.stem}.damaged-{int(self._now())}"
        names = (
            f"{stem}{number}{self.path.suffix}"
            for number in itertools.chain([""], (f"-{n}" for n in itertools.count(2)))
        )
        aside = next(path for name in names if not (path := self.path.with_name(name)).exists())
        for suffix in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + suffix)
            if part.exists():
                part.replace(aside.with_name(aside.name + suffix))
        self._warn(f"the ledger was damaged ({error}); it is kept as {aside}, and a new one is started")


def _is_damage(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "") in ("SQLITE_NOTADB", "SQLITE_CORRUPT")


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=20, check_same_thread=False, isolation_level=None)
    try:
        db.execute("PRAGMA synchronous = FULL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version < len(MIGRATIONS):
            path.chmod(0o600)
            _patiently(lambda: db.execute("PRAGMA journal_mode = WAL"))
            _patiently(lambda: _migrate(db))
        elif version > len(MIGRATIONS):
            raise _Newer(f"was written by a newer docspeed (version {version} of its layout)")
    except BaseException:
        db.close()
        raise
    return db


def _patiently(step: Callable[[], object]) -> None:
    """Try again while another process is at it: SQLite's own waiting does not cover a first start."""
    for attempt in itertools.count(1):
        try:
            step()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == _PATIENCE:
                raise
            time.sleep(0.05)


def _in_memory() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    _migrate(db)
    return db


def _migrate(db: sqlite3.Connection) -> None:
    """Bring the layout to this version in one transaction; a second process finds it done."""
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        for script in MIGRATIONS[version:]:
            for statement in filter(str.strip, script.split(";")):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _job(row: Sequence[Any]) -> Job:
    members = dict(zip(_COLUMNS, row, strict=True))
    return Job(**{**members, "state": State(members["state"])})
