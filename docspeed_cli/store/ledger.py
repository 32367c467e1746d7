"""Remembers jobs, uploads and whatever else must outlive the program; it never stands in the way of the work.

What can't be had again is on the disk (synchronous=FULL) before the method returns; whoever comes while
another is at the disk shares the next sync. Where the file can't be used, the same ledger goes on in memory.
"""

# contextlib would cost as much to load as the two modules of the ledger.
# ruff: noqa: SIM105
from __future__ import annotations

import os
import sqlite3
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from docspeed_cli.store.sqlite import TROUBLE, LedgerFile

TYPE_CHECKING = False  # importing typing, or the models before a row is read, would cost more than the ledger
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from docspeed_cli.core.models import Job

    T = TypeVar("T")

_MEMBERS = (
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
    "stamp",
)
_SELECT = f"SELECT row, {', '.join(_MEMBERS)} FROM jobs"
_INSERT = f"INSERT INTO jobs ({', '.join(_MEMBERS)}) VALUES ({', '.join('?' * len(_MEMBERS))})"
_RESTORE = f"INSERT OR IGNORE INTO jobs (row, {', '.join(_MEMBERS)}) VALUES (?{', ?' * len(_MEMBERS)})"
_TIDY_EVERY = 1000
_MOST_WAIT = 500
"""Writes that wait for others at the most: a run that only uses results again makes no other."""
_MOST = 2**63 - 1
_LAST_TIME = 253_402_300_800.0
"""The end of the year 9999: no calendar goes further."""


class _Entry:
    """A write that waits for its turn; `done` is its cursor once it is in the file."""

    __slots__ = ("bound", "done", "sql", "sync")

    def __init__(self, sql: str, bound: Sequence[Any], *, sync: bool) -> None:
        self.sql = sql
        self.bound = [_storable(value) for value in bound]
        self.sync = sync
        self.done: sqlite3.Cursor | None = None


def _storable(value: Any) -> Any:
    """Text as the file can hold it: a row that could not be bound would keep others from being written."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value


_COLUMNS = ("row", *_MEMBERS)
_TIMES = (_COLUMNS.index("submitted_at"), _COLUMNS.index("updated_at"))
_KINDS = tuple(
    (int, float, type(None)) if at in (0, *_TIMES) else (str, type(None)) for at in range(len(_COLUMNS))
)


def _sound(row: Sequence[Any]) -> Sequence[Any]:
    """A row with values of the kinds that were written; no check of the file finds damage within a value."""
    if all(map(isinstance, row, _KINDS)) and all(0 <= (row[at] or 0) < _LAST_TIME for at in _TIMES):
        return row
    return [_mended(at, value) for at, value in enumerate(row)]


def _mended(at: int, value: Any) -> Any:
    if at in _TIMES:
        return value if isinstance(value, int | float) and 0 <= value < _LAST_TIME else None
    if at == 0 or value is None or isinstance(value, str):
        return value
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _text(rows: Sequence[Sequence[Any]]) -> str | None:
    """The text in the first row; None where there is none, or damage has made it something else."""
    return rows[0][0] if rows and isinstance(rows[0][0], str) else None


class Ledger:
    """The ledger at `path`; `warn` is told, once, where it can't be kept there."""

    def __init__(
        self, path: str | os.PathLike[str], warn: Callable[[str], None], now: Callable[[], float]
    ) -> None:
        self.path = os.fspath(path)
        self._now = now
        self._lock = allocate_lock()
        self._waiting: deque[_Entry] = deque()
        self._sent: dict[int, Sequence[Any]] = {}
        """Submissions of this process whose outcome is not put down yet: they follow it to another file."""
        self._astray = False
        """Whether the file is another than the one that `_sent` was written to."""
        self._untidy = False
        self._file = LedgerFile(self.path, warn, now)

    @property
    def is_persistent(self) -> bool:
        """Whether what is put down outlives the program."""
        return self._file.on_disk

    def close(self) -> None:
        """Close the file, once everything is in it."""
        with self._lock:
            self._write_all()
            if self._untidy and self._file.on_disk:
                self._tidy()
            self._file.db.close()

    # -- jobs

    def begin(self, job: Job) -> int:
        """Put down a submission that is about to be sent; the row's number."""
        values = [getattr(job, name) for name in _MEMBERS]
        row = self.write(_INSERT, values).lastrowid or 0
        self._untidy = self._untidy or row % _TIDY_EVERY == 0
        return row

    def change(self, row: int, **members: Any) -> None:
        """Put down what has become known of a submission."""
        self.write(*self._update(row, members))
        if "state" in members:
            self._sent.pop(row, None)

    def change_soon(self, row: int, **members: Any) -> None:
        """Put down what the server would say again: written with the next write, or at the end."""
        self._waiting.append(_Entry(*self._update(row, members), sync=False))
        if len(self._waiting) > _MOST_WAIT:
            with self._lock:
                self._write_all()

    def set_output(self, row: int, output: str, stamp: str) -> None:
        """Put down the file that holds the result: found again after this process, whatever ends it."""
        self.write(*self._update(row, {"output": output, "stamp": stamp}), sync=False)

    def drop(self, rows: Iterable[int]) -> int:
        """Forget these rows; how many there were."""
        entries = [_Entry("DELETE FROM jobs WHERE row = ?", [row], sync=True) for row in rows]
        for entry in entries:
            self._sent.pop(entry.bound[0], None)
        self._waiting.extend(entries)
        with self._lock:
            self._write_all()
        return sum(entry.done.rowcount for entry in entries if entry.done is not None)

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

    def began(self, batch: str) -> None:
        """Put down that this run over many documents begins, or is taken up again."""
        self.write("INSERT OR REPLACE INTO runs VALUES (?, ?)", [batch, self._now()], sync=False)

    def newest_batch(self, server: str | None = None) -> str | None:
        """The run over many documents that began last and has jobs, of this server or any."""
        has = "SELECT 1 FROM jobs WHERE jobs.batch = runs.batch AND jobs.server = coalesce(?, jobs.server)"
        sql = f"SELECT batch FROM runs WHERE EXISTS ({has}) ORDER BY begun_at DESC, rowid DESC LIMIT 1"
        with self._lock:
            self._write_all()
        return _text(self.read(sql, [server]))

    def listing(
        self,
        *,
        status: str | None = None,
        operation: str | None = None,
        batch: str | None = None,
        server: str | None = None,
        older_than: float | None = None,
        limit: int | None = None,
    ) -> list[Job]:
        """Jobs, newest first; `status` is the server's word or the program's, `older_than` a time of day."""
        tests = {
            "(lower(status) = lower(?1) OR state = lower(?1))": status,
            "operation = ?2": operation,
            "batch = ?3": batch,
            "coalesce(submitted_at, 0) < ?4": older_than,
            "server = ?5": server,
        }
        where = " AND ".join(test for test, value in tests.items() if value is not None)
        tail = f"{'WHERE ' + where if where else ''} ORDER BY row DESC LIMIT ?6"
        most = -1 if limit is None else min(limit, _MOST)
        bound = [status, operation, batch, older_than, server, most]
        return self._jobs(tail, bound)

    def health(self) -> tuple[int, str]:
        """How many jobs it holds, and what is wrong with the file; empty where nothing is."""
        rows = self.read("SELECT count(*) FROM jobs", [])[0][0]
        if not self.is_persistent:
            return rows, "it is kept in memory only"
        found = self.read("PRAGMA quick_check(1)", [])[0][0]
        return rows, "" if found == "ok" else str(found)

    # -- uploads

    def uploaded(self, server: str, key: str, digest: str) -> str | None:
        """The id of a file that this key has stored on this server already."""
        rows = self.read(
            "SELECT file_id FROM uploads WHERE server = ? AND key = ? AND digest = ?", [server, key, digest]
        )
        return _text(rows)

    def digest_of(self, server: str, key: str, file_id: str) -> str | None:
        """The content digest of a stored file, where this program stored it."""
        rows = self.read(
            "SELECT digest FROM uploads WHERE file_id = ? AND server = ? AND key = ?", [file_id, server, key]
        )
        return _text(rows)

    def remember_upload(self, server: str, key: str, digest: str, file_id: str, filename: str | None) -> None:
        """Put down that the file is stored; the submission that comes next takes it to the disk."""
        self.write(
            "INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?, ?, ?)",
            [server, key, digest, file_id, filename, self._now()],
            sync=False,
        )

    def forget_upload(self, server: str, file_id: str) -> None:
        """The server no longer has the file."""
        self.write("DELETE FROM uploads WHERE server = ? AND file_id = ?", [server, file_id])

    def forget_server(self, server: str) -> None:
        """Everything that was on this server is gone."""
        for table in ("jobs", "uploads", "conversations"):
            self.write(f"DELETE FROM {table} WHERE server = ?", [server])

    # -- the file

    def read(self, sql: str, bound: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The rows that a statement finds."""
        storable = [_storable(value) for value in bound]
        with self._lock:
            return self._steadily(lambda: self._file.db.execute(sql, storable).fetchall())

    def write(self, sql: str, bound: Sequence[Any], *, sync: bool = True) -> sqlite3.Cursor:
        """Write, with all that waits; with `sync` it is on the disk then, and else safe from a kill."""
        entry = _Entry(sql, bound, sync=sync)
        self._waiting.append(entry)
        try:
            with self._lock:
                if entry.done is None:
                    self._write_all()
        except BaseException:
            try:
                self._waiting.remove(entry)
            except ValueError:
                pass
            raise
        assert entry.done is not None
        return entry.done

    def _tidy(self) -> None:
        from pathlib import Path

        from docspeed_cli.store.cleanup import tidy

        tidy(self._file.db, Path(self.path).parent, self._now())

    def _update(self, row: int, members: dict[str, Any]) -> tuple[str, list[Any]]:
        members["updated_at"] = self._now()
        sets = ", ".join(f"{name} = ?" for name in members)
        return f"UPDATE jobs SET {sets} WHERE row = ?", [*members.values(), row]

    def _jobs(self, tail: str, bound: Sequence[Any], *, settled: bool = True) -> list[Job]:
        """Jobs; with `settled`, what was to be written soon is written first."""
        if settled:
            with self._lock:
                self._write_all()
        rows = self.read(f"{_SELECT} {tail}", bound)
        if not rows:
            return []
        from docspeed_cli.core.models import Job, State

        states = {state.value: state for state in State}
        named = (dict(zip(_COLUMNS, _sound(row), strict=True)) for row in rows)
        return [Job(**{**job, "state": states.get(job["state"], State.UNKNOWN)}) for job in named]

    def _write_all(self) -> None:
        """Write all that waits; what an interruption keeps from the file waits on."""
        entries = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            self._put_down(entries)
        finally:
            self._waiting.extendleft(entry for entry in reversed(entries) if entry.done is None)

    def _put_down(self, entries: list[_Entry]) -> None:
        """Write these; and again, where another process has set the file aside at that very moment."""
        self._steadily(lambda: self._together(entries), look=False)
        while entries and self._file.moved():
            known = [entry for entry in entries if entry.sql is not _INSERT]
            self._steadily(lambda known=known: self._together(known))  # type: ignore[misc]

    def _steadily(self, work: Callable[[], T], *, look: bool = True) -> T:
        """Do this with the file, or with whatever has taken its place; that learns what was sent first.

        Without a `look` whether another has, it is found out afterwards: each look gives up the interpreter.
        """
        while True:
            try:
                if look and self._file.moved():
                    self._file.follow()
                    self._astray = True
                if self._astray:
                    for row, values in self._sent.items():
                        self._file.db.execute(_RESTORE, [row, *values])
                    self._astray = False
                return work()
            except TROUBLE as error:
                if not self._file.give_way(error):
                    raise
                self._astray = True

    def _together(self, entries: Sequence[_Entry]) -> None:
        """Write these in one transaction."""
        if not entries:
            return
        db = self._file.db
        self._file.sync(any(entry.sync for entry in entries))
        if len(entries) > 1:
            db.execute("BEGIN IMMEDIATE")
        try:
            cursors = [db.execute(entry.sql, entry.bound) for entry in entries]
            if len(entries) > 1:
                db.execute("COMMIT")
        except BaseException:
            try:
                db.execute("ROLLBACK")
            except sqlite3.Error:
                pass
            raise
        for entry, cursor in zip(entries, cursors, strict=True):
            entry.done = cursor
            if entry.sql is _INSERT:
                self._sent[cursor.lastrowid or 0] = entry.bound
