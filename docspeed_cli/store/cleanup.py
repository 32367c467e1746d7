"""Prunes the ledger: deletes what ended, or was last used, more than a year ago."""

from __future__ import annotations

from docspeed_cli.store.database import Database

_MAX_AGE = 365 * 86400.0
"""Seconds after which rows are deleted."""
IS_KEPT = "EXISTS (SELECT 1 FROM kept WHERE kept.server = jobs.server AND job = coalesce(job_id, token))"
"""SQL that is true for a row of `jobs` whose result is kept."""
_ENDED = "state IN ('done', 'failed', 'gone') AND coalesce(updated_at, submitted_at) < ?"


def prune(database: Database, now: float) -> None:
    """Delete old rows, and the contents of kept results that no row names.

    Jobs that run, submissions with an unknown outcome and jobs whose results are kept stay: their rows keep
    them from being paid twice.
    """
    old = [now - _MAX_AGE]
    # First, because a job stays as long as its result is kept.
    database.write("DELETE FROM kept WHERE used_at < ?", old, sync=False)
    database.write(f"DELETE FROM jobs WHERE {_ENDED} AND NOT {IS_KEPT}", old, sync=False)
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

    def named_from(beginning: str) -> set[str]:
        # `~` sorts behind every digit
        sql = "SELECT digest FROM kept WHERE digest BETWEEN ? AND ?"
        return {str(digest) for (digest,) in database.read(sql, [beginning, beginning + "~"])}

    database.contents().sweep(named_from, now)
