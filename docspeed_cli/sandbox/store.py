"""Persist files, jobs with their results, and chat sessions.

Uploads are plain files; everything else is in one SQLite database. Threads share a connection behind a
lock; SQLite coordinates processes (WAL, short transactions).
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from docspeed_cli.sandbox.documents import count_pages, sniff
from docspeed_cli.sandbox.errors import Unreadable

_DATABASE = "sandbox.sqlite3"
_STORED = re.compile(r"file_[0-9a-f]{20}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (file_id TEXT PRIMARY KEY, filename TEXT, content_type TEXT, size INTEGER,
    created_at REAL, page_count INTEGER, error TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (job_id TEXT PRIMARY KEY, operation TEXT, body TEXT, created_at REAL,
    started_at REAL, ended_at REAL, error TEXT, result BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (session_id TEXT PRIMARY KEY, inputs TEXT, queries TEXT) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An uploaded file; `error` is a code and a message if it can't be processed."""

    file_id: str
    filename: str
    content_type: str
    size: int
    created_at: float
    page_count: int
    error: tuple[str, str] | None
    path: Path


@dataclass(frozen=True, slots=True)
class Job:
    """An asynchronous request; its status follows from the clock alone."""

    job_id: str
    operation: str
    body: dict[str, object]
    created_at: float
    started_at: float
    ended_at: float
    error: tuple[str, str] | None

    def status_at(self, now: float) -> tuple[str, float, float]:
        """Status, progress from 0 to 1, and time of the last change."""
        if now >= self.ended_at:
            return ("failed" if self.error else "completed"), 1.0, self.ended_at
        if now >= self.started_at:
            done = (now - self.started_at) / (self.ended_at - self.started_at)
            return "processing", round(done, 2), self.started_at
        return "queued", 0.0, self.created_at


def new_id(prefix: str) -> str:
    """New id: the prefix, `_` and 20 hexadecimal digits."""
    return f"{prefix}_{uuid.uuid4().hex[:20]}"


class DamagedStore(OSError):
    """SQLite can't read the database file."""


class Store:
    """State of the sandbox below one folder."""

    def __init__(self, folder: Path) -> None:
        self.files_folder = folder / "files"
        self.files_folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = _connect(folder / _DATABASE)

    def add_file(self, filename: str, stream: IO[bytes], now: float) -> StoredFile | None:
        """Write a file and count its pages; None for a type that the service does not accept."""
        file_id = new_id("file")
        path = self.files_folder / file_id
        with path.open("wb") as out:
            shutil.copyfileobj(stream, out, 1 << 20)
        content_type = sniff(path)
        if content_type is None:
            path.unlink()
            return None
        pages, error = _probe(path, content_type)
        return StoredFile(file_id, filename, content_type, path.stat().st_size, now, pages, error, path)

    def publish(self, files: Iterable[StoredFile]) -> None:
        """Record files in one transaction; before this they can't be used."""
        rows = [
            (f.file_id, f.filename, f.content_type, f.size, f.created_at, f.page_count, json.dumps(f.error))
            for f in files
        ]
        with self._lock:
            marks = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(rows))
            self._db.execute(f"INSERT INTO files VALUES {marks}", [value for row in rows for value in row])

    def file(self, file_id: str) -> StoredFile | None:
        """File with this id, or None."""
        if not _STORED.fullmatch(file_id):
            return None
        row = self._one("SELECT * FROM files WHERE file_id = ?", file_id)
        if row is None:
            return None
        file_id, filename, content_type, size, created, pages, error = row
        path = self.files_folder / file_id
        return StoredFile(file_id, filename, content_type, size, created, pages, _error(error), path)

    def add_job(self, job: Job) -> None:
        """Record a job."""
        row = (job.job_id, job.operation, json.dumps(job.body), job.created_at, job.started_at, job.ended_at)
        with self._lock:
            sql = "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, NULL)"
            self._db.execute(sql, (*row, json.dumps(job.error)))

    def job(self, job_id: str) -> Job | None:
        """Job with this id, or None."""
        columns = "job_id, operation, body, created_at, started_at, ended_at, error"
        row = self._one(f"SELECT {columns} FROM jobs WHERE job_id = ?", job_id)
        if row is None:
            return None
        job_id, operation, body, created, started, ended, error = row
        return Job(job_id, operation, json.loads(body), created, started, ended, _error(error))

    def result(self, job_id: str, compute: Callable[[], bytes]) -> bytes:
        """Result of a job, computed at the first request and then always the same bytes."""
        sql = "SELECT result FROM jobs WHERE job_id = ?"
        row = self._one(sql, job_id)
        if row is not None and row[0] is not None:
            return bytes(row[0])
        computed = compute()
        with self._lock:
            update = "UPDATE jobs SET result = ? WHERE job_id = ? AND result IS NULL"
            self._db.execute(update, (computed, job_id))
        row = self._one(sql, job_id)  # another process may have been first
        return bytes(row[0]) if row is not None else computed

    def fail(self, job_id: str, error: Unreadable) -> None:
        """Record that a job found its document unreadable."""
        update = "UPDATE jobs SET error = ? WHERE job_id = ?"
        with self._lock:
            self._db.execute(update, (json.dumps((error.code, error.message)), job_id))

    def open_session(self, inputs: list[str]) -> str:
        """Start a chat session over these files and return its id."""
        session_id = new_id("sess")
        with self._lock:
            self._db.execute("INSERT INTO sessions VALUES (?, ?, '[]')", (session_id, json.dumps(inputs)))
        return session_id

    def session(self, session_id: str) -> tuple[list[str], list[str]] | None:
        """File ids of a session and its questions so far, or None."""
        if not session_id.isascii():
            return None
        row = self._one("SELECT inputs, queries FROM sessions WHERE session_id = ?", session_id)
        return (json.loads(row[0]), json.loads(row[1])) if row else None

    def remember(self, session_id: str, query: str) -> None:
        """Add a question to a session."""
        update = "UPDATE sessions SET queries = json_insert(queries, '$[#]', ?) WHERE session_id = ?"
        with self._lock:
            self._db.execute(update, (query, session_id))

    def clear(self) -> int:
        """Delete all rows; returns the number of files and jobs."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            count = sum(self._db.execute(f"DELETE FROM {table}").rowcount for table in ("files", "jobs"))
            self._db.execute("DELETE FROM sessions")
            self._db.execute("COMMIT")
            self._db.execute("VACUUM")
        return count

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _one(self, sql: str, *values: str) -> tuple[Any, ...] | None:
        with self._lock:
            row: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
        return row


def reset(folder: Path) -> int:
    """Delete everything that the sandbox stored in `folder`; returns the number of files and jobs."""
    if not (folder / _DATABASE).exists():
        return 0
    count = _clear_database(folder)
    for path in folder.joinpath("files").glob("file_*"):
        if _STORED.fullmatch(path.name):
            path.unlink(missing_ok=True)
    return count


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    for left in range(200, -1, -1):
        try:
            db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + _SCHEMA)
            return db
        except sqlite3.OperationalError:
            # SQLite ignores the timeout while another process switches the journal mode.
            if not left:
                db.close()
                raise
            time.sleep(0.02)
        except sqlite3.DatabaseError as error:
            db.close()
            message = (
                f"the sandbox can't read its database {path} ({error}); `docspeed sandbox reset` deletes it"
            )
            raise DamagedStore(message) from error
    raise AssertionError("not reached")


def _clear_database(folder: Path) -> int:
    # Rows are deleted and not the file, so that another sandbox that uses it keeps working.
    try:
        store = Store(folder)
    except DamagedStore:
        for name in (_DATABASE, _DATABASE + "-wal", _DATABASE + "-shm"):
            folder.joinpath(name).unlink(missing_ok=True)
        return 0
    try:
        return store.clear()
    finally:
        store.close()


def _probe(path: Path, content_type: str) -> tuple[int, tuple[str, str] | None]:
    try:
        return count_pages(path, content_type), None
    except Unreadable as error:
        return 1, (error.code, error.message)


def _error(text: str) -> tuple[str, str] | None:
    found = json.loads(text)
    return (found[0], found[1]) if found else None
