"""Prunes the state folder: deletes what ended, or was last used, more than a year ago."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from docspeed_cli.store.sqlite import SqliteDatabase

_MAX_AGE = 365 * 86400.0
"""Seconds after which rows are deleted."""
_MAX_PART_AGE = 7 * 86400.0
"""Seconds after which no process still writes to a file, or to the row that is to name it."""
_KEPT = "SELECT 1 FROM kept WHERE kept.server = jobs.server AND job = coalesce(job_id, token)"
_ENDED = "state IN ('done', 'failed', 'gone') AND coalesce(updated_at, submitted_at) < ?"


def prune(database: SqliteDatabase, now: float) -> None:
    """Delete old rows, and the files of kept results that no row names.

    Jobs that run, submissions with an unknown outcome and jobs whose results are kept stay: their rows keep
    them from being paid twice.
    """
    old = [now - _MAX_AGE]
    database.write("DELETE FROM kept WHERE used_at < ?", old, sync=False)
    database.write(f"DELETE FROM jobs WHERE {_ENDED} AND NOT EXISTS ({_KEPT})", old, sync=False)
    # Uploads that a job names stay: the content is part of its request's identity.
    named: set[str] = set()
    for (file_ids,) in database.read("SELECT DISTINCT file_id FROM jobs WHERE file_id IS NOT NULL"):
        named.update(str(file_ids).split(", "))
    uploads = database.read("SELECT file_id FROM uploads WHERE created_at < ?", old)
    unused = ([file_id] for (file_id,) in uploads if file_id not in named)
    database.write_many("DELETE FROM uploads WHERE file_id = ?", unused)
    database.write("DELETE FROM conversations WHERE updated_at < ?", old, sync=False)
    old_runs = "SELECT run FROM runs WHERE started_at < ?"
    database.write(f"DELETE FROM run_items WHERE run IN ({old_runs})", old, sync=False)
    database.write("DELETE FROM runs WHERE started_at < ?", old, sync=False)
    _sweep(database, Path(database.path).parent / "kept", now - _MAX_PART_AGE)


def _sweep(database: SqliteDatabase, folder: Path, before: float) -> None:
    """Delete files of killed commands: those that no row names and that were written before this time."""
    with suppress(OSError):
        for entry in folder.iterdir():
            files = entry.iterdir() if entry.is_dir() else [entry]
            first, last = entry.name, entry.name + "~"  # `~` sorts behind every digit
            sql = "SELECT digest FROM kept WHERE digest BETWEEN ? AND ?"
            named = {digest for (digest,) in database.read(sql, [first, last])}
            for file in files:
                if file.name not in named and file.stat().st_mtime < before:
                    file.unlink(missing_ok=True)
