"""Ask a shared ledger for rows; the questions that threads ask at the same time are sent together.

With a round trip for each question, threads would wait for each other longer than for the server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from docspeed_cli.core.errors import LedgerUnavailable
from docspeed_cli.store.postgres_connection import HINT, Connection, is_lost, reason, words

Rows = list[tuple[Any, ...]]


class Question:
    """A statement that returns rows and changes none.

    `wanted` is called before it is sent; where it returns False, the answer is empty. `note` is called with
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
        self.is_answered = False

    def is_open(self) -> bool:
        """Return whether the question still needs an answer."""
        if not self.is_answered and not self._wanted():
            self.is_answered = True
        return not self.is_answered

    def answer(self, rows: Rows) -> None:
        """Set the rows that answer the question."""
        self._note(rows)
        self.rows, self.is_answered = rows, True

    def withdraw(self) -> None:
        """Withdraw the question: after an interrupt, the lock that it would take has no use."""
        self.is_answered = True

    def refuse(self, problem: LedgerUnavailable) -> None:
        """Set the reason why there are no rows."""
        self.problem, self.is_answered = problem, True


def ask_all(connection: Connection, questions: Sequence[Question], where: str) -> None:
    """Send the questions, and give each its own answer or error. psycopg.Error if the connection is lost."""
    together = [question for question in questions if question.is_open()]
    if len(together) > 1 and psycopg.Pipeline.is_supported():
        _ask_together(connection, together)
    for question in together:
        if not question.is_open():
            continue
        try:
            question.answer(connection.execute(question.sql, question.values).fetchall())
        except psycopg.Error as error:
            if is_lost(connection, error):
                raise
            question.refuse(LedgerUnavailable(words(where, reason(error)), hint=HINT))


def _ask_together(connection: Connection, questions: Sequence[Question]) -> None:
    """Send all questions, then read the answers. Those after a failed one are not executed, and stay open."""
    cursors: list[psycopg.Cursor[Any]] = []
    try:
        with connection.pipeline():
            cursors.extend(connection.execute(question.sql, question.values) for question in questions)
    except psycopg.Error as error:
        if is_lost(connection, error):
            raise
    for question, cursor in zip(questions, cursors, strict=False):
        if cursor.description is not None:
            question.answer(cursor.fetchall())
