"""Advisory locks by digest in PostgreSQL: one command at a time works on one request, among machines.

The locks belong to the connection. They end with it, and so with a process or a machine that ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import psycopg

from docspeed_cli.core.errors import LedgerUnavailable

_HOLDER = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid = $1::bigint::oid AND objid = $2::bigint::oid
    AND objsubid = 1 AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Exchange(Protocol):
    """Runs some work on the connection, alone among the threads; on a new one if the connection is lost."""

    def __call__(self, work: Callable[[psycopg.Connection[Any]], Any], /) -> Any: ...


class AdvisoryLocks:
    """The locks of one connection."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._held: dict[str, bool] = {}
        """The digests that a thread of this process holds, and whether the server knows of it."""
        self._lost: set[str] = set()
        """Those that were held when a connection was lost: another client may have had the lock since."""

    def acquire(self, digest: str) -> bool:
        """Take the lock if it is free; False if another thread or another client holds it."""

        def take(connection: psycopg.Connection[Any]) -> bool:
            # To the server all threads are one owner, which may lock twice.
            if digest in self._held:
                return False
            if not _try_lock(connection, digest):
                return False
            self._held[digest] = True
            return True

        return bool(self._exchange(take))

    def release(self, digest: str) -> None:
        """Release a lock that `acquire` took; one on a lost connection is free already."""
        self._lost.discard(digest)
        if not self._held.get(digest):
            self._held.pop(digest, None)
            return

        def unlock(connection: psycopg.Connection[Any]) -> None:
            if self._held.get(digest):  # else the connection was lost meanwhile
                connection.execute("SELECT pg_advisory_unlock($1)", [_key_of(digest)])

        try:
            self._exchange(unlock)
        except LedgerUnavailable:
            pass  # the lock ended with the connection
        finally:
            self._held.pop(digest, None)
            self._lost.discard(digest)

    def free(self, digest: str) -> bool:
        """Return whether no command works on this request now."""
        if not self.acquire(digest):
            return False
        self.release(digest)
        return True

    def holder(self, digest: str) -> str | None:
        """Name the process that holds the lock; None if this process holds it, or none does."""
        if digest in self._held:
            return None
        high, low = divmod(_key_of(digest) % 2**64, 2**32)
        row = self._exchange(lambda connection: connection.execute(_HOLDER, [high, low]).fetchone())
        if row is None:
            return None
        # The server hides the application name from other users.
        return str(row[0]) if row[0] else "another process"

    def is_lost(self, digest: str) -> bool:
        """Return whether this lock was held on a connection that has ended."""
        return digest in self._lost

    def lose(self) -> None:
        """Note that the connection has ended."""
        self._lost.update(self._held)
        self._held = dict.fromkeys(self._held, False)

    def retake(self, connection: psycopg.Connection[Any]) -> None:
        """Take the locks again on a new connection, where they are free.

        A submission that is under way goes on behind its lock, but none begins: see `is_lost`.
        """
        for digest in self._held:
            self._held[digest] = _try_lock(connection, digest)

    def close(self) -> None:
        """Nothing: the locks end with the connection."""


def _try_lock(connection: psycopg.Connection[Any], digest: str) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock($1)", [_key_of(digest)]).fetchone()
    return bool(row and row[0])


def _key_of(digest: str) -> int:
    """The lock's number: 64 bits of the digest, with a sign."""
    return int.from_bytes(bytes.fromhex(digest[:16]), signed=True)
