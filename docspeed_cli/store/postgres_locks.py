"""Advisory locks by digest in PostgreSQL: one command at a time works on one request, among machines.

The locks belong to the connection. They end with it, and so with a process or a machine that ends.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg

from docspeed_cli.core.errors import LedgerUnavailable
from docspeed_cli.store.postgres_queries import Query, Rows

_TRY_LOCK = b"SELECT pg_try_advisory_lock($1)"
_UNLOCK = b"SELECT pg_advisory_unlock($1)"
# `pg_locks` shows a lock's 64 bits as two numbers; `objsubid` 2 would be a lock with two keys.
_HOLDER = b"""
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid = $1::bigint::oid AND objid = $2::bigint::oid
    AND objsubid = 1 AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class AdvisoryLocks:
    """The locks of one connection; `query` sends one on it."""

    def __init__(self, query: Callable[[Query], Rows]) -> None:
        self._query = query
        self._held: dict[str, bool] = {}
        """The digests that a thread of this process holds, and whether the server knows of it."""
        self._lost: set[str] = set()
        """Locks lost with a connection; another client may have held them since."""
        self._requested: dict[str, object] = {}
        """The digests that a thread is requesting, and its mark."""

    def acquire(self, digest: str) -> bool:
        """Take the lock if it is free; False if another thread or another client holds it."""
        mark = object()

        def wanted() -> bool:
            # To the server all threads are one owner, which may lock twice.
            return digest not in self._held and self._requested.setdefault(digest, mark) is mark

        def note(rows: Rows) -> None:
            if rows[0][0]:
                self._held[digest] = True

        try:
            rows = self._query(Query(_TRY_LOCK, [_key_of(digest)], wanted=wanted, note=note))
        finally:
            if self._requested.get(digest) is mark:
                del self._requested[digest]
        return bool(rows and rows[0][0])

    def release(self, digest: str) -> None:
        """Release a lock that `acquire` took; one on a lost connection is free already."""
        self._lost.discard(digest)
        if not self._held.get(digest):
            self._held.pop(digest, None)
            return

        def wanted() -> bool:
            return bool(self._held.get(digest))  # else the connection was lost meanwhile

        note = partial(self._forget, digest)
        try:
            self._query(Query(_UNLOCK, [_key_of(digest)], wanted=wanted, note=note))
        except LedgerUnavailable:
            pass  # the lock ended with the connection
        finally:
            self._forget(digest)

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
        rows = self._query(Query(_HOLDER, [high, low]))
        if not rows:
            return None
        # The server hides the application name from other users.
        return str(rows[0][0] or "another process")

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
        for digest in list(self._held):
            self._held[digest] = _try_lock(connection, digest)

    def close(self) -> None:
        """Nothing: the locks end with the connection."""

    def _forget(self, digest: str, _: Rows | None = None) -> None:
        self._held.pop(digest, None)
        self._lost.discard(digest)


def _try_lock(connection: psycopg.Connection[Any], digest: str) -> bool:
    row = connection.execute(_TRY_LOCK, [_key_of(digest)]).fetchone()
    return bool(row and row[0])


def _key_of(digest: str) -> int:
    """The lock's number: 64 bits of the digest, with a sign."""
    return int.from_bytes(bytes.fromhex(digest[:16]), signed=True)
