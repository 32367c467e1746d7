"""Hold the bytes of kept results in a table, in parts, under their SHA-256."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from typing import IO, Any, TypeVar, cast

import psycopg

from docspeed_cli.core.errors import LedgerUnavailable
from docspeed_cli.store.contents import IN_MEMORY, MAX_PART_AGE, Contents
from docspeed_cli.store.postgres_connection import UNSYNCED, transaction
from docspeed_cli.store.postgres_locks import Exchange

T = TypeVar("T")

_PART = 256 * 1024
"""Bytes of a row: what is held in memory at a time."""
_INSERT = "INSERT INTO contents VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"


class ResultRows(Contents):
    """The contents in a ledger's database."""

    def __init__(self, where: str, exchange: Exchange, now: Callable[[], float]) -> None:
        self.where = where
        self._exchange = exchange
        self._now = now

    def write(self, chunks: Iterable[bytes], *, synced: bool) -> str:
        """Write a content in one transaction and return its digest."""
        digest = hashlib.sha256()
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as copy:
            for chunk in chunks:
                digest.update(chunk)
                copy.write(chunk)
            name = digest.hexdigest()

            def insert(connection: psycopg.Connection[Any]) -> None:
                copy.seek(0)
                first = copy.read(_PART)
                if len(first) < _PART:
                    sql = _INSERT if synced else f"{_INSERT} {UNSYNCED}"
                    connection.execute(sql.encode(), [name, 0, first, self._now()])
                    return
                copy.seek(0)
                with transaction(connection, synced=synced):
                    for part, content in enumerate(iter(partial(copy.read, _PART), b"")):
                        connection.execute(_INSERT, [name, part, content, self._now()])

            self._ask(insert)
        return name

    def size(self, digest: str) -> int | None:
        """Return the size of the content; None if there is none."""
        sql = "SELECT sum(octet_length(bytes)) FROM contents WHERE digest = $1"
        row = self._ask(lambda connection: connection.execute(sql, [digest]).fetchone())
        return None if row is None or row[0] is None else int(row[0])

    def verified(self, digest: str, size: int) -> IO[bytes] | None:
        """Copy the content into a temporary file; None if its digest differs."""
        sql = "SELECT bytes FROM contents WHERE digest = $1 AND part = $2"
        found, part = hashlib.sha256(), 0
        copy = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the caller closes it
        while copy.tell() < size or part == 0:
            row = self._ask(partial(_first, sql=sql, values=[digest, part]))
            if row is None:
                break
            found.update(row[0])
            copy.write(row[0])
            part += 1
        if found.hexdigest() != digest:
            copy.close()
            return None
        copy.seek(0)
        return cast(IO[bytes], copy)

    def delete(self, digest: str) -> None:
        """Delete a content."""
        self._ask(lambda connection: connection.execute("DELETE FROM contents WHERE digest = $1", [digest]))

    def sweep(self, named: Callable[[str], set[str]], now: float) -> None:
        """Delete contents that no row names and that were written over a week ago."""
        unnamed = "NOT EXISTS (SELECT 1 FROM kept WHERE kept.digest = contents.digest)"
        sql = f"DELETE FROM contents WHERE written_at < $1 AND {unnamed}"
        self._ask(lambda connection: connection.execute(sql, [now - MAX_PART_AGE]))

    def _ask(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        try:
            return cast(T, self._exchange(work))
        except LedgerUnavailable as error:
            raise OSError(error.message) from None


def _first(connection: psycopg.Connection[Any], *, sql: str, values: list[Any]) -> Any:
    return connection.execute(sql, values, binary=True).fetchone()
