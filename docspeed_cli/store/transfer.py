"""Copy a ledger's file into a shared ledger; what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import psycopg

from docspeed_cli.store.database import TABLES, readable_text, validate_number
from docspeed_cli.store.postgres import PostgresDatabase
from docspeed_cli.store.sqlite import SqliteDatabase

_CHUNK = 256 * 1024
_LOCK = 0x696D706F7274
"""Advisory lock that one import at a time holds: `import` in ASCII."""

_SAME_JOB = (
    "j.request = i.request AND j.token IS NOT DISTINCT FROM i.token"
    " AND j.submitted_at IS NOT DISTINCT FROM i.submitted_at"
)
"""SQL that is true for two rows of one submission: each has its own token and time."""


def import_ledger(source: SqliteDatabase, target: PostgresDatabase) -> dict[str, int]:
    """Copy all rows and kept results; returns how many came into each table. LedgerUnavailable if it fails.

    A second time changes nothing.
    """
    source.flush()
    lost = _copy_contents(source, target)

    def copy(connection: psycopg.Connection[Any]) -> dict[str, int]:
        with connection.transaction():
            connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})".encode())
            return {table: _copy_table(connection, source, table, lost) for table in TABLES}

    return target.exchange(copy)


def _copy_contents(source: SqliteDatabase, target: PostgresDatabase) -> set[str]:
    """Copy what the kept results consist of; returns the digests of those that are lost or damaged."""
    theirs, ours = source.contents(), target.contents()
    lost: set[str] = set()
    for digest, size in source.read("SELECT DISTINCT digest, size FROM kept"):
        try:
            if ours.size(digest) != size:
                file = theirs.verified(digest, size)
                if file is None:
                    lost.add(digest)
                    continue
                with file:
                    ours.write(iter(partial(file.read, _CHUNK), b""), synced=True)
        except FileNotFoundError:
            lost.add(digest)
    return lost


def _rows(
    source: SqliteDatabase, table: str, types: Mapping[str, str], lost: set[str]
) -> Iterator[list[Any]]:
    """The rows of a table, with damage repaired as the ledger does when it reads them."""
    for row in source.read(f"SELECT {', '.join(types)} FROM {table}"):
        values = {
            name: _text(value) if types[name] == "TEXT" else validate_number(value)
            for name, value in zip(types, row, strict=True)
        }
        if table != "kept" or values["digest"] not in lost:
            yield list(values.values())


def _text(value: Any) -> str | None:
    return None if value is None else readable_text(value).replace("\0", "\\x00")


def _copy_table(
    connection: psycopg.Connection[Any], source: SqliteDatabase, table: str, lost: set[str]
) -> int:
    """Copy rows into a table by way of a temporary one; returns how many were not there."""
    found = source.read("SELECT name, type FROM pragma_table_info(?)", [table])
    types = {str(name): str(kind) for name, kind in found}
    columns = ", ".join(types)
    connection.execute(f"CREATE TEMPORARY TABLE in_{table} (LIKE {table}) ON COMMIT DROP".encode())
    if table == "runs":
        # LIKE copies NOT NULL but not the numbering, so COPY would fail for lack of a value.
        connection.execute("ALTER TABLE in_runs DROP COLUMN rowid")
    with connection.cursor().copy(f"COPY in_{table} ({columns}) FROM STDIN".encode()) as copy:
        for row in _rows(source, table, types, lost):
            copy.write_row(row)
    if table == "jobs":
        # The same number may be another machine's job there, so the rows get new ones.
        own = columns.removeprefix("row, ")
        there = f"EXISTS (SELECT 1 FROM jobs AS j WHERE {_SAME_JOB})"
        sql = f"INSERT INTO jobs ({own}) SELECT {own} FROM in_jobs AS i WHERE NOT {there} ORDER BY row"
        return connection.execute(sql.encode()).rowcount
    if table == "run_items":
        new_row = f"(SELECT min(j.row) FROM jobs AS j, in_jobs AS i WHERE i.row = job_row AND {_SAME_JOB})"
        connection.execute(f"UPDATE in_run_items SET job_row = {new_row}".encode())
    sql = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM in_{table} ON CONFLICT DO NOTHING"
    return connection.execute(sql.encode()).rowcount
