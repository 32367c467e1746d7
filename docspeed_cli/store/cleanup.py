"""Prunes the ledger: deletes what ended, or was last used, more than a year ago."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from docspeed_cli.store.sqlite import SqliteDatabase

_MAX_AGE = 365 * 86400.0
"""Seconds after which rows are deleted."""
_MAX_PART_AGE = 7 * 86400.0
"""Seconds after which no process still writes to a partial result."""
_ENDED = "state IN ('done', 'failed', 'gone') AND coalesce(updated_at, submitted_at) < ?"


def prune(database: SqliteDatabase, now: float) -> None:
    """Delete old rows, and the files of results that belong to them.

    Jobs that run and submissions with an unknown outcome stay: their rows keep them from being paid twice.
    """
    old = [now - _MAX_AGE]
    inline = database.read(f"SELECT token FROM jobs WHERE job_id IS NULL AND {_ENDED}", old)
    database.write(f"DELETE FROM jobs WHERE {_ENDED}", old, sync=False)
    # Uploads that a job names stay: the content is part of its request's identity.
    named: set[str] = set()
    for (file_ids,) in database.read("SELECT DISTINCT file_id FROM jobs WHERE file_id IS NOT NULL"):
        named.update(str(file_ids).split(", "))
    uploads = database.read("SELECT file_id FROM uploads WHERE created_at < ?", old)
    unused = ([file_id] for (file_id,) in uploads if file_id not in named)
    database.write_many("DELETE FROM uploads WHERE file_id = ?", unused)
    database.write("DELETE FROM conversations WHERE updated_at < ?", old, sync=False)
    database.write("DELETE FROM runs WHERE started_at < ?", old, sync=False)
    # Results of synchronous requests have no job at the server; their files are named by token.
    results = Path(database.path).parent / "results"
    with suppress(OSError):
        for (token,) in inline:
            (results / f"{token}.json").unlink(missing_ok=True)
        for part in results.glob("*.part"):
            if part.stat().st_mtime < now - _MAX_PART_AGE:
                part.unlink(missing_ok=True)
