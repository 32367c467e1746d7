"""Persist files, jobs with their results, and chat sessions.

Uploads are plain files; everything else is in one SQLite table. Each statement has its own connection, so
that threads and processes can share a folder.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

from docspeed_cli.sandbox.errors import refusal

_DATABASE = "sandbox.sqlite3"
_SCHEMA = """CREATE TABLE IF NOT EXISTS records
    (kind TEXT, id TEXT, record TEXT, result BLOB, PRIMARY KEY (kind, id))"""


def new_id(prefix: str) -> str:
    """New id: the prefix, `_` and 20 hexadecimal digits."""
    return f"{prefix}_{uuid.uuid4().hex[:20]}"


class Store:
    """State of the sandbox below one folder. OSError if it can't be read or written."""

    def __init__(self, folder: Path) -> None:
        self._database = folder / _DATABASE
        self._files = folder / "files"
        self._files.mkdir(parents=True, exist_ok=True)
        self._run(_SCHEMA)

    def path(self, file_id: str) -> Path:
        """Place of an uploaded file."""
        return self._files / file_id

    def put(self, kind: str, record_id: str, record: object, result: bytes | None = None) -> None:
        """Keep the record of a file, a job or a session, and the result of a job."""
        values = (kind, record_id, json.dumps(record), result)
        self._run("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", *values)

    def get(self, kind: str, record_id: str) -> dict[str, Any]:
        """Record of this kind. 404 if there is none."""
        rows = self._run("SELECT record FROM records WHERE kind = ? AND id = ?", kind, record_id)
        if not rows:
            details = {f"{kind}_id": record_id}
            raise refusal(404, f"{kind}_not_found", f"there is no {kind} {record_id!r}", details)
        record: dict[str, Any] = json.loads(rows[0][0])
        return record

    def result(self, job_id: str) -> bytes:
        """Result of a job."""
        rows = self._run("SELECT result FROM records WHERE kind = 'job' AND id = ?", job_id)
        return bytes(rows[0][0])

    def clear(self) -> int:
        """Delete all records; returns the number of files and jobs."""
        count = int(self._run("SELECT count(*) FROM records WHERE kind <> 'session'")[0][0])
        # An older version has left tables of its own.
        for (table,) in self._run("SELECT name FROM sqlite_master WHERE type = 'table'"):
            self._run(f'DELETE FROM "{table}"')
        self._run("VACUUM")
        return count

    def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            with closing(sqlite3.connect(self._database, timeout=60, isolation_level=None)) as db:
                db.execute("PRAGMA synchronous=OFF")
                return db.execute(statement, values).fetchall()
        except sqlite3.Error as error:  # also if the disk is full
            how = f"({error}); `docspeed sandbox reset` deletes it"
            raise OSError(f"the sandbox can't use its database {self._database} {how}") from error


def reset(folder: Path) -> int:
    """Delete everything that the sandbox stored in `folder`; returns the number of files and jobs."""
    if not (folder / _DATABASE).exists():
        return 0
    try:
        # The database stays, without records, so that another sandbox that uses it keeps working.
        count = Store(folder).clear()
    except OSError:
        count = 0
        for path in folder.glob(f"{_DATABASE}*"):
            path.unlink()
    for path in folder.glob("files/file_" + "[0-9a-f]" * 20):
        path.unlink(missing_ok=True)
    return count
