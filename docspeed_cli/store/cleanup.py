"""Prunes the ledger: deletes what ended, or was last used, more than a year ago."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from docspeed_cli.store.sqlite import SqliteDatabase

_DAY = 86400.0
_MAX_AGE = 365 * _DAY
"""Seconds after which rows are deleted."""
_MAX_PART_AGE = 7 * _DAY
"""Seconds after which no process still writes to a partial result."""
_ENDED = "state IN ('done', 'failed', 'gone') AND coalesce(updated_at, submitted_at) < ?"


def prune(database: SqliteDatabase, results: Path, now: float) -> None:
    """Delete old rows, and the files in `results` that belong to them.

    Jobs that run and submissions with an unknown outcome stay: their rows keep them from being paid twice.
    """
    old = [now - _MAX_AGE]
    inline = database.read(f"SELECT token FROM jobs WHERE job_id IS NULL AND {_ENDED}", old)
    database.write(f"DELETE FROM jobs WHERE {_ENDED}", old, sync=False)
    _prune_uploads(database, old)
    database.write("DELETE FROM conversations WHERE updated_at < ?", old, sync=False)
    database.write("DELETE FROM runs WHERE started_at < ?", old, sync=False)
    # Results of synchronous requests have no job at the server; their files are named by token.
    with suppress(OSError):
        for (token,) in inline:
            (results / f"{token}.json").unlink(missing_ok=True)
        for part in results.glob("*.part"):
            if part.stat().st_mtime < now - _MAX_PART_AGE:
                part.unlink(missing_ok=True)


def _prune_uploads(database: SqliteDatabase, old: list[float]) -> None:
    """Delete old uploads that no job names: of the others, the content is part of a request's identity."""
    named = "SELECT file_id FROM jobs WHERE file_id IS NOT NULL"
    found = database.read(
        f"SELECT file_id FROM uploads WHERE created_at < ? AND file_id NOT IN ({named})", old
    )
    unused = {file_id for (file_id,) in found}
    for (several,) in database.read("SELECT file_id FROM jobs WHERE file_id LIKE '%, %'"):
        unused.difference_update(str(several).split(", "))
    database.write_many("DELETE FROM uploads WHERE file_id = ?", ([file_id] for file_id in unused))
