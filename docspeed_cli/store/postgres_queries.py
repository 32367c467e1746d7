"""Query a shared ledger for rows; the queries that threads make at the same time are sent together.

With a round trip for each query, threads would wait for each other longer than for the server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from docspeed_cli.core.errors import LedgerUnavailable
from docspeed_cli.store.postgres_connection import HINT, Connection, error_message, first_line, is_lost

Rows = list[tuple[Any, ...]]


class Query:
    """A statement that returns rows and changes none.

    `wanted` is called before it is sent; where it returns False, there are no rows. `note` is called with
    the rows before another thread can use the connection.
    """

    def __init__(
        self,
        sql: bytes,
        values: Sequence[Any],
        *,
        wanted: Callable[[], bool] = lambda: True,
        note: Callable[[Rows], None] = lambda rows: None,
    ) -> None:
        self.sql = sql
        self.values = values
        self._wanted = wanted
        self._note = note
        self.rows: Rows = []
        self.problem: LedgerUnavailable | None = None
        self.is_done = False

    def is_pending(self) -> bool:
        """Return whether the query still has to be sent."""
        if not self.is_done and not self._wanted():
            self.is_done = True
        return not self.is_done

    def succeed(self, rows: Rows) -> None:
        """Set the rows that the query found."""
        self._note(rows)
        self.rows, self.is_done = rows, True

    def cancel(self) -> None:
        """Drop the query: after an interrupt, the lock that it would take has no use."""
        self.is_done = True

    def fail(self, problem: LedgerUnavailable) -> None:
        """Set the reason why there are no rows."""
        self.problem, self.is_done = problem, True


def run_queries(connection: Connection, queries: Sequence[Query], where: str) -> None:
    """Send the queries, and give each its rows or error. psycopg.Error if the connection is lost."""
    together = [query for query in queries if query.is_pending()]
    if len(together) > 1 and psycopg.Pipeline.is_supported():
        _run_together(connection, together)
    for query in together:
        if not query.is_pending():
            continue
        try:
            query.succeed(connection.execute(query.sql, query.values).fetchall())
        except psycopg.Error as error:
            if is_lost(connection, error):
                raise
            query.fail(LedgerUnavailable(error_message(where, first_line(error)), hint=HINT))


def _run_together(connection: Connection, queries: Sequence[Query]) -> None:
    """Send all queries, then read the answers. Those after a failed one are not run, and stay pending."""
    cursors: list[psycopg.Cursor[Any]] = []
    try:
        with connection.pipeline():
            cursors.extend(connection.execute(query.sql, query.values) for query in queries)
    except psycopg.Error as error:
        if is_lost(connection, error):
            raise
    for query, cursor in zip(queries, cursors, strict=False):
        if cursor.description is not None:
            query.succeed(cursor.fetchall())
