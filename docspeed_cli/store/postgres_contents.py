"""Hold the bytes of kept results in a table, in parts, under their SHA-256."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import IO, Any, Protocol, TypeVar, cast

from docspeed_cli.core.errors import LedgerUnavailable
from docspeed_cli.store.contents import IN_MEMORY, MAX_PART_AGE, ContentStore
from docspeed_cli.store.postgres_connection import Connection, postgres_sql, transaction

T = TypeVar("T")

_PART = 256 * 1024
"""Bytes of a row: what is held in memory at a time."""
_INSERT = "INSERT INTO contents VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_INSERT_PART = postgres_sql(_INSERT)
_DELETE = "DELETE FROM contents WHERE digest = $1"


class SharedDatabase(Protocol):
    """The part of a ledger's database that contents need. LedgerUnavailable if it fails."""

    where: str

    def exchange(self, work: Callable[[Connection], T]) -> T:
        """Do some work on the connection."""
        ...

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a query finds."""
        ...

    def try_write(self, sql: str, values: Sequence[Any], *, sync: bool) -> None:
        """Commit a statement at once. LedgerUnavailable if that fails."""
        ...


class ResultRows(ContentStore):
    """The contents in a ledger's database."""

    def __init__(self, database: SharedDatabase, now: Callable[[], float]) -> None:
        self.where = database.where
        self._database = database
        self._now = now

    def write(self, chunks: Iterable[bytes], *, synced: bool) -> str:
        """Write a content in one transaction and return its digest."""
        # A lost connection is tried again, but the chunks come only once, so they are copied first.
        digest = hashlib.sha256()
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as copy:
            for chunk in chunks:
                digest.update(chunk)
                copy.write(chunk)
            name = digest.hexdigest()
            if copy.tell() < _PART:
                copy.seek(0)
                values = [name, 0, copy.read(), self._now()]
                self._ask(lambda: self._database.try_write(_INSERT, values, sync=synced))
                return name

            def insert(connection: Connection) -> None:
                copy.seek(0)
                with transaction(connection, synced=synced):
                    for part, content in enumerate(iter(partial(copy.read, _PART), b"")):
                        connection.execute(_INSERT_PART, [name, part, content, self._now()])

            self._ask(lambda: self._database.exchange(insert))
        return name

    def size(self, digest: str) -> int | None:
        """Return the size of the content; None if there is none."""
        sql = "SELECT sum(octet_length(bytes)) FROM contents WHERE digest = ?"
        ((size,),) = self._ask(lambda: self._database.read(sql, [digest]))
        return None if size is None else int(size)

    def verified(self, digest: str, size: int) -> IO[bytes] | None:
        """Copy the content into a temporary file; None if its digest differs."""
        sql = "SELECT bytes FROM contents WHERE digest = $1 AND part = $2"
        found, part = hashlib.sha256(), 0
        copy = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the caller closes it
        while copy.tell() < size or part == 0:
            row = self._exchange(partial(_first, sql=sql, values=[digest, part]))
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
        self._exchange(lambda connection: connection.execute(_DELETE, [digest]))

    def sweep(self, named: Callable[[str], set[str]], now: float) -> None:
        """Delete contents that no row names and that were written over a week ago."""
        unnamed = "NOT EXISTS (SELECT 1 FROM kept WHERE kept.digest = contents.digest)"
        sql = f"DELETE FROM contents WHERE written_at < $1 AND {unnamed}"
        self._exchange(lambda connection: connection.execute(sql, [now - MAX_PART_AGE]))

    def _exchange(self, work: Callable[[Connection], T]) -> T:
        return self._ask(lambda: self._database.exchange(work))

    def _ask(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except LedgerUnavailable as error:
            raise OSError(error.message) from None


def _first(connection: Connection, *, sql: str, values: list[Any]) -> Any:
    # As text, each byte would travel as two digits.
    return connection.execute(sql, values, binary=True).fetchone()
