"""What can still be read of a ledger's file that is damaged, or that can't be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
_KEYS = {
    "jobs": "row",
    "uploads": "server, key, digest",
    "conversations": "server, key, session_id",
    "runs": "batch",
}
_LEAST_ROW = 64
"""Bytes; no row takes less, so a file that can't be read has handed out no more numbers than this allows."""
_LATE = 1000
"""Numbers that others may hand out in the old file before they notice that it was set aside."""
_CREDIBLE = 1 << 40
"""A number beyond this comes from damage; rows counted from there would soon find no number."""


def read_only(path: str) -> Iterator[sqlite3.Connection]:
    """The file as far as it can be read where it can't be written: with its log, or else without."""
    with suppress(PermissionError):  # what is below a folder that nobody may enter can't be opened either
        if not Path(path).is_file():
            return
    address = Path(path).absolute().as_uri()
    for how in ("", "&immutable=1"):
        try:
            db = sqlite3.connect(f"{address}?mode=ro{how}", uri=True, timeout=0.2)
        except sqlite3.Error:
            continue
        try:
            yield db
        finally:
            db.close()


def salvage(aside: str, into: sqlite3.Connection) -> int:
    """Copy what can be read of a file that was set aside; how many jobs. No row's number is used again."""
    found = sqlite3.connect(aside, timeout=1.0, isolation_level=None)
    try:
        copy_rows(found, into)
        used = _numbers_used(found)
    finally:
        found.close()
    if used is None:
        used = Path(aside).stat().st_size // _LEAST_ROW
    kept, highest = into.execute("SELECT count(*), coalesce(max(row), 0) FROM jobs").fetchone()
    into.execute("DELETE FROM sqlite_sequence WHERE name = 'jobs'")
    into.execute("INSERT INTO sqlite_sequence VALUES ('jobs', ?)", [max(used, highest) + _LATE])
    return int(kept)


def _numbers_used(found: sqlite3.Connection) -> int | None:
    with suppress(*_UNREADABLE):
        for (number,) in found.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'"):
            if isinstance(number, int) and 0 <= number < _CREDIBLE:
                return number
    return None


def copy_rows(source: sqlite3.Connection, into: sqlite3.Connection) -> bool:
    """Copy all rows that can be read; False where nothing can be, or where the layout is a newer one."""
    try:
        if not 0 < _version(source) <= _version(into):
            return False
    except _UNREADABLE:
        return False
    for table, key in _KEYS.items():
        if not _copy(source, into, table, key):
            _copy(source, into, table, key.replace(",", " DESC,") + " DESC")
    return True


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _copy(source: sqlite3.Connection, into: sqlite3.Connection, table: str, order: str) -> bool:
    """Copy the rows in this order as far as they can be read; whether that is to the end."""
    whole = False

    def readable() -> Iterator[tuple[object, ...]]:
        nonlocal whole
        with suppress(*_UNREADABLE):
            yield from found
            whole = True

    into.execute("BEGIN")
    try:
        found = source.execute(f"SELECT * FROM {table} ORDER BY {order}")
        columns = [column[0] for column in found.description]
        into.executemany(
            f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            readable(),
        )
    except _UNREADABLE:
        into.execute("ROLLBACK")
    else:
        into.execute("COMMIT")
    return whole
