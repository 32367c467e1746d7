"""Threads and machines over one ledger: what is queries together, and the locks."""

from __future__ import annotations

import hashlib
import threading

import pytest

from docspeed_cli.store.postgres_queries import Query, run_queries
from tests.store.conftest import PostgresStore

pytestmark = pytest.mark.real

A, B = (hashlib.sha256(text.encode()).hexdigest() for text in "ab")


def test_postgres_queries_sent_together_have_each_their_own_answer(postgres: PostgresStore) -> None:
    """A failure in the middle takes no lock from one that was sent before it, and none for one behind it."""
    first, second = postgres.connect(), postgres.connect()
    noted: list[object] = []
    queries = [
        Query(b"SELECT pg_try_advisory_lock(1)", []),
        Query(b"SELECT 1 / $1::int", [0]),
        Query(b"SELECT 2", [], wanted=lambda: False),
        Query(b"SELECT pg_try_advisory_lock(2)", [], note=noted.extend),
        Query(b"SELECT $1::text", ["é"]),
    ]
    first.exchange(lambda connection: run_queries(connection, queries, first.where))
    assert [query.rows for query in queries] == [[(True,)], [], [], [(True,)], [("é",)]]
    assert [query.problem is not None for query in queries] == [False, True, False, False, False]
    assert "division by zero" in str(queries[1].problem)
    assert noted == [(True,)]
    first.read("SELECT pg_advisory_unlock(1), pg_advisory_unlock(2)")
    assert second.read("SELECT pg_try_advisory_lock(1), pg_try_advisory_lock(2)") == [(True, True)]


def test_postgres_locks_asked_for_together_have_one_holder(postgres: PostgresStore) -> None:
    """To the server the threads of a process are one owner, which may lock twice."""
    database = postgres.connect()
    taken: list[bool] = []
    threads = [threading.Thread(target=lambda: taken.append(database.locks.acquire(A))) for _ in range(8)]
    started = threading.Event()
    holding = threading.Thread(target=database.exchange, args=(lambda _: started.wait(60),))
    holding.start()
    for thread in threads:
        thread.start()
    started.set()
    for thread in (*threads, holding):
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]
    database.locks.release(A)
    assert postgres.connect().locks.acquire(A)


def test_postgres_locks_exclude_threads_and_clients_and_name_the_holder(postgres: PostgresStore) -> None:
    first, second = postgres.connect().locks, postgres.connect()
    assert first.acquire(A)
    assert (first.acquire(A), second.locks.acquire(A), second.locks.acquire(B)) == (False, False, True)
    assert str(second.locks.holder(A)).startswith("process ")
    assert (first.holder(A), second.locks.holder(B)) == (None, None)
    assert (first.free(A), second.locks.free(A), first.free(B)) == (False, False, False)
    first.release(A)
    assert second.locks.holder(A) is None
    assert first.free(A) and second.locks.acquire(A)
    second.close()
    while not first.acquire(A):  # the server ends the connection a moment later
        pass
    assert first.acquire(B)
