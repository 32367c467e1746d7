"""The tables of the ledger's SQLite file: creating, migrating and copying them."""

from __future__ import annotations

import sqlite3

from docspeed_cli.store.database import TABLES

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
    "ALTER TABLE jobs ADD COLUMN stamp TEXT",
    # A run that only reused jobs submitted nothing, so the table of jobs can't say when it was.
    """
    CREATE TABLE runs (batch TEXT PRIMARY KEY, begun_at REAL);
    INSERT INTO runs SELECT batch, max(submitted_at) FROM jobs WHERE batch IS NOT NULL GROUP BY batch
    """,
    """
    ALTER TABLE jobs RENAME COLUMN batch TO run;
    ALTER TABLE jobs RENAME COLUMN stamp TO content_hash;
    ALTER TABLE runs RENAME COLUMN batch TO run;
    ALTER TABLE runs RENAME COLUMN begun_at TO started_at;
    DROP INDEX jobs_by_batch;
    CREATE INDEX jobs_by_run ON jobs (run)
    """,
    "CREATE INDEX jobs_by_output ON jobs (output) WHERE output IS NOT NULL",
    """
    CREATE TABLE kept (
        server TEXT NOT NULL, job TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
        operation TEXT NOT NULL, status TEXT NOT NULL, used_at REAL NOT NULL,
        PRIMARY KEY (server, job)
    ) WITHOUT ROWID;
    CREATE INDEX kept_by_digest ON kept (digest);
    CREATE INDEX kept_by_use ON kept (used_at, size)
    """,
    """
    ALTER TABLE jobs ADD COLUMN pages INTEGER;
    ALTER TABLE runs ADD COLUMN name TEXT;
    ALTER TABLE runs ADD COLUMN command_hash TEXT;
    ALTER TABLE runs ADD COLUMN operation TEXT;
    ALTER TABLE runs ADD COLUMN server TEXT;
    ALTER TABLE runs ADD COLUMN ended_at REAL;
    ALTER TABLE runs ADD COLUMN stopped TEXT;
    ALTER TABLE runs ADD COLUMN previous TEXT;
    ALTER TABLE runs ADD COLUMN results TEXT;
    ALTER TABLE runs ADD COLUMN total INTEGER;
    UPDATE runs SET command_hash = run, (operation, server, ended_at) =
        (SELECT min(operation), min(server), max(updated_at) FROM jobs WHERE jobs.run = runs.run);
    CREATE TABLE run_items (
        run TEXT NOT NULL, position INTEGER NOT NULL,
        input TEXT, job_row INTEGER, job_id TEXT, state TEXT NOT NULL, status TEXT, code TEXT, reason TEXT,
        reused INTEGER NOT NULL DEFAULT 0, output TEXT, pages INTEGER, seconds REAL,
        PRIMARY KEY (run, position)
    ) WITHOUT ROWID
    """,
    "ALTER TABLE runs ADD COLUMN schema TEXT",
)
"""SQL scripts in order; a file's `user_version` counts those it has had. Released ones never change."""
_RENAMED = {"batch": "run", "stamp": "content_hash", "begun_at": "started_at"}
"""Columns of older layouts, and their names now: copying skips the migrations."""
TROUBLE = (sqlite3.Error, UnicodeDecodeError)
"""Errors of a damaged file: Python 3.11 fails to decode SQLite's message if a damaged name is in it."""


def sqlite_layout_version(db: sqlite3.Connection) -> int:
    """Return the number of migrations that the file has had; 0 if it is new."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate_sqlite(db: sqlite3.Connection) -> None:
    """Bring the layout to this version in one transaction; a second process finds it done."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        for script in MIGRATIONS[sqlite_layout_version(db) :]:
            # `executescript` would commit the transaction before it starts.
            for statement in filter(str.strip, script.split(";")):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def copy_rows(source: sqlite3.Connection, into: sqlite3.Connection) -> bool:
    """Copy all readable rows; False if the file can't be read at all.

    Of a newer layout, the tables and columns that this one has too are copied.
    """
    try:
        if sqlite_layout_version(source) <= 0:
            return False
    except TROUBLE:
        return False
    # Damage ends a scan; one from the other end reaches the jobs behind it.
    for rows in ("jobs ORDER BY row", "jobs ORDER BY row DESC", *TABLES[1:]):
        _copy_until_damage(source, into, rows)
    return True


def _copy_until_damage(source: sqlite3.Connection, into: sqlite3.Connection, rows: str) -> None:
    into.execute("BEGIN")
    try:
        table = rows.split()[0]
        ours = {str(column[1]) for column in into.execute(f"PRAGMA table_info({table})")}
        theirs = [str(column[1]) for column in source.execute(f"PRAGMA table_info({table})")]
        columns = [name for name in theirs if _RENAMED.get(name, name) in ours]
        names = ", ".join(_RENAMED.get(name, name) for name in columns)
        found = source.execute(f"SELECT {', '.join(columns)} FROM {rows}")
        # IGNORE skips rows that are there, and those without a value that the table requires: damage, too.
        insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"
        for row in found:
            into.execute(insert, row)
    except TROUBLE:
        pass
    finally:
        into.execute("COMMIT")
