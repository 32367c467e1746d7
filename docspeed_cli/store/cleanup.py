"""Keeps the ledger from growing for ever: takes out, now and then, what saves nobody anything any more.

What runs, or whose outcome is unknown, stays for ever; what ended stays as long as somebody may ask again.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

_DAY = 86400.0
_FAILED_FOR = 90 * _DAY
_DONE_FOR = 365 * _DAY
_PART_FOR = 7 * _DAY
_ROWS = 500_000
"""Beyond so many, what ended well stays no longer than what failed."""
_AT_ONCE = 5_000
"""What one command takes out at most: some tens of milliseconds."""
_PAGES = 5_000
_SINCE = "coalesce(updated_at, submitted_at)"


def tidy(db: sqlite3.Connection, folder: Path, now: float) -> None:
    """Take out what is too old of the ledger, and of the results beside it. Trouble ends it."""
    with suppress(sqlite3.Error, OSError):
        results = folder / "results"
        db.execute("PRAGMA synchronous = NORMAL")
        _forget_jobs(db, results, now)
        _forget_uploads(db, now)
        db.execute("DELETE FROM conversations WHERE updated_at < ?", [now - _DONE_FOR])
        db.execute("DELETE FROM runs WHERE begun_at < ?", [now - _DONE_FOR])
        db.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
        if not any(".damaged-" in path.name for path in folder.iterdir()):
            _clear(db, results, now)


def _forget_jobs(db: sqlite3.Connection, results: Path, now: float) -> None:
    """Rows are in the order of submission, so the first young one ends the search."""
    young = db.execute(
        "SELECT row FROM jobs WHERE submitted_at >= ? ORDER BY row LIMIT 1", [now - _FAILED_FOR]
    ).fetchone()
    (last,) = db.execute("SELECT coalesce(max(row), 0) FROM jobs").fetchone()
    ended = db.execute(
        f"SELECT row, token, job_id FROM jobs WHERE row < ?1 AND {_SINCE} < ?2 AND"
        f" (state IN ('failed', 'gone') OR (state = 'done' AND ({_SINCE} < ?3 OR row <= ?4)))"
        f" ORDER BY row LIMIT {_AT_ONCE}",
        [young[0] if young else last + 1, now - _FAILED_FOR, now - _DONE_FOR, last - _ROWS],
    ).fetchall()
    _delete(db, "DELETE FROM jobs WHERE row = ?", [row for row, _, _ in ended])
    for _, token, job_id in ended:
        if token and job_id is None:
            (results / f"{token}.json").unlink(missing_ok=True)


def _forget_uploads(db: sqlite3.Connection, now: float) -> None:
    """A stored file that a job still names stays known: its content is part of that request's identity."""
    found = db.execute(
        f"SELECT file_id FROM uploads WHERE created_at < ? LIMIT {_AT_ONCE}", [now - _DONE_FOR]
    )
    unused = {file_id for (file_id,) in found}
    if not unused:
        return
    for (named,) in db.execute("SELECT file_id FROM jobs WHERE file_id IS NOT NULL"):
        unused.difference_update(named.split(", "))
    _delete(db, "DELETE FROM uploads WHERE file_id = ?", list(unused))


def _delete(db: sqlite3.Connection, sql: str, keys: list[object]) -> None:
    if not keys:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        db.executemany(sql, ([key] for key in keys))
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _clear(db: sqlite3.Connection, results: Path, now: float) -> None:
    """Delete old results that no row names, and what killed runs left of others.

    A ledger that was set aside may name some: `tidy` leaves all of them alone where there is one.
    """
    limits = {".json": _FAILED_FOR, ".part": _PART_FOR}
    old = [
        path
        for path in (results.iterdir() if results.is_dir() else ())
        if path.suffix in limits and path.stat().st_mtime < now - limits[path.suffix]
    ]
    if not old:
        return
    kept = {f"{token}.json" for (token,) in db.execute("SELECT token FROM jobs WHERE job_id IS NULL")}
    for path in old:
        if path.name not in kept:
            path.unlink(missing_ok=True)
