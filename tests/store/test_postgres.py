"""A shared ledger keeps its promises while its server, its connections and its rights come and go."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from docspeed_cli.core.errors import ClaimLost, LedgerUnavailable
from docspeed_cli.core.models import State
from docspeed_cli.store.database import TABLES
from docspeed_cli.store.kept_results import KeepLimits, KeptResults
from docspeed_cli.store.postgres import PostgresDatabase
from docspeed_cli.store.postgres_layout import MIGRATIONS
from docspeed_cli.store.runs import RunItem, RunRecord
from docspeed_cli.store.sqlite import LedgerCopy, SqliteDatabase
from docspeed_cli.store.transfer import import_ledger
from tests.postgres import PASSWORD, Server, free_port, pooler
from tests.store.conftest import KEY, SERVER, LedgerFile, PostgresStore, ids, job

pytestmark = pytest.mark.real

A, B = (hashlib.sha256(text.encode()).hexdigest() for text in "ab")


def database_of(ledger: object) -> PostgresDatabase:
    found = getattr(ledger, "database", ledger)
    assert isinstance(found, PostgresDatabase)
    return found


# -- the connection


def test_postgres_unreachable_is_said_without_the_password() -> None:
    store = PostgresStore(f"postgresql://me:s3cret-word@127.0.0.1:{free_port()}/x")
    with pytest.raises(LedgerUnavailable) as raised:
        store.open()
    assert "s3cret" not in f"{raised.value.message} {raised.value.hint}"
    assert "--local-ledger" in str(raised.value.hint)
    assert store.pauses == []


def test_postgres_password_is_in_no_table_and_no_activity(
    postgres: PostgresStore, postgres_server: Server
) -> None:
    ledger = postgres.open()
    ledger.begin(job("job_1"))
    seen = postgres_server.execute("SELECT a::text FROM pg_stat_activity AS a")
    seen += postgres_server.execute("SELECT j::text FROM docspeed.jobs AS j")
    assert seen and PASSWORD not in str(seen)


def test_postgres_connection_lost_while_idle_is_made_again(
    postgres: PostgresStore, postgres_server: Server
) -> None:
    ledger = postgres.open()
    row = ledger.begin(job("job_1"))
    postgres_server.end_connections()
    assert ids(ledger.listing()) == ["job_1"]
    postgres_server.end_connections()
    ledger.change(row, state=State.DONE)
    assert [found.state for found in postgres.open().listing()] == [State.DONE]
    assert postgres.warnings == []


def test_postgres_claim_lost_with_its_connection_lets_nothing_begin(
    postgres: PostgresStore, postgres_server: Server
) -> None:
    """Between the loss and the new connection, another machine may have submitted the same request."""
    ledger = postgres.open()
    locks = database_of(ledger).locks
    assert locks.acquire(A)
    postgres_server.end_connections()
    for _ in range(2):  # at first on the lost connection, then on a new one
        with pytest.raises(ClaimLost):
            ledger.begin(job("job_1", request=A))
    locks.release(A)
    assert locks.acquire(A)
    assert ledger.begin(job("job_2", request=A))
    assert ids(postgres.open().listing()) == ["job_2"]


def test_postgres_claims_are_taken_again_on_a_new_connection(
    postgres: PostgresStore, postgres_server: Server
) -> None:
    first, second = postgres.connect(), postgres.connect()
    assert first.locks.acquire(A) and first.locks.acquire(B)
    postgres_server.end_connections()
    assert second.locks.acquire(B)
    assert first.read("SELECT 1") == [(1,)]
    assert not second.locks.acquire(A)
    first.locks.release(B)
    assert not first.locks.acquire(B), "it is the second one's by now"
    first.locks.release(A)
    assert second.locks.acquire(A)


def test_postgres_restart_in_mid_run_keeps_the_id_of_an_accepted_job(postgres_server: Server) -> None:
    postgres_server.empty()
    store = PostgresStore(postgres_server.url())
    ledger = store.open()
    row = ledger.begin(job())
    postgres_server.stop()
    ledger.change(row, job_id="job_1", state=State.RUNNING)
    assert not ledger.is_persistent, "whoever submits prints the job's id then"
    assert sum(store.pauses) >= 30
    waited = len(store.pauses)
    ledger.change(row, status="queued")
    with pytest.raises(LedgerUnavailable):
        ledger.begin(job("job_2"))
    assert len(store.pauses) == waited, "it waits once, not for each document"
    postgres_server.start()
    ledger.close()
    assert [(found.job_id, found.status) for found in store.open().listing()] == [("job_1", "queued")]


def test_postgres_close_without_the_server_says_what_is_not_recorded(postgres_server: Server) -> None:
    postgres_server.empty()
    store = PostgresStore(postgres_server.url())
    ledger = store.open()
    row = ledger.begin(job())
    postgres_server.stop()
    try:
        ledger.change_soon(row, state=State.DONE)
        ledger.close()
    finally:
        postgres_server.start()
    assert "1 change is not in the ledger" in store.warnings[-1]
    assert store.pauses == []


# -- the server refuses


def test_postgres_read_only_is_refused_before_anything_begins(
    postgres: PostgresStore, postgres_server: Server
) -> None:
    postgres_server.execute("ALTER ROLE tests SET default_transaction_read_only = on")
    try:
        with pytest.raises(LedgerUnavailable, match="read-only"):
            postgres.open()
    finally:
        with psycopg.connect(postgres_server.socket_url(), autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER ROLE tests RESET default_transaction_read_only")


def test_postgres_disk_full_stops_a_submission_but_loses_no_job(
    postgres: PostgresStore, postgres_server: Server
) -> None:
    ledger = postgres.open()
    row = ledger.begin(job())
    with _failing(postgres_server, "disk_full"):
        with pytest.raises(LedgerUnavailable, match="no more"):
            ledger.begin(job("job_2"))
        ledger.change(row, job_id="job_1")
        assert not ledger.is_persistent
    ledger.close()
    assert ids(postgres.open().listing()) == ["job_1"]


@contextmanager
def _failing(server: Server, code: str) -> Iterator[None]:
    """Let every change of a job fail."""
    server.execute(
        "CREATE FUNCTION docspeed.fail() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'no more' USING ERRCODE = '{code}'; END $$"
    )
    at = "BEFORE INSERT OR UPDATE ON docspeed.jobs"
    server.execute(f"CREATE TRIGGER fail {at} FOR EACH STATEMENT EXECUTE FUNCTION docspeed.fail()")
    yield
    server.execute("DROP FUNCTION docspeed.fail CASCADE")


def test_postgres_statement_timeout_stops_a_submission_and_keeps_the_claims(
    postgres: PostgresStore, postgres_server: Server
) -> None:
    ledger = postgres.open()
    database = database_of(ledger)
    assert database.locks.acquire(A)
    database.read("SELECT set_config('statement_timeout', '20ms', false)")
    with psycopg.connect(postgres_server.socket_url()) as other:
        other.execute("LOCK TABLE docspeed.jobs")
        with pytest.raises(LedgerUnavailable, match="statement timeout") as raised:
            ledger.begin(job("job_1", request=A))
    assert not isinstance(raised.value, ClaimLost)
    assert ledger.begin(job("job_2", request=A))
    assert ids(postgres.open().listing()) == ["job_2"]


def test_postgres_newer_layout_is_refused(postgres: PostgresStore, postgres_server: Server) -> None:
    postgres.open()
    postgres_server.execute(f"INSERT INTO docspeed.layout VALUES ({len(MIGRATIONS) + 1})")
    with pytest.raises(LedgerUnavailable, match=f"layout {len(MIGRATIONS) + 1}") as raised:
        postgres.open()
    assert raised.value.hint == "install a newer docspeed"
    assert not raised.value.retryable


def test_postgres_concurrency_eight_first_clients_make_one_ledger(postgres: PostgresStore) -> None:
    start = threading.Barrier(8)
    made: list[int] = []

    def work() -> None:
        start.wait()
        made.append(postgres.open().begin(job()))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(1, 9))


def test_postgres_missing_rights_are_named(postgres: PostgresStore, postgres_server: Server) -> None:
    postgres.open()
    postgres_server.execute("DROP ROLE IF EXISTS guest")
    postgres_server.execute("CREATE ROLE guest LOGIN")
    postgres_server.execute("GRANT USAGE ON SCHEMA docspeed TO guest")
    postgres_server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA docspeed TO guest")
    guest = PostgresStore(postgres_server.socket_url().replace("user=tests", "user=guest"))
    ledger = guest.open()
    assert ledger.health()[1].startswith("this user lacks the right to INSERT in jobs, uploads")
    with pytest.raises(LedgerUnavailable, match="permission denied"):
        ledger.begin(job())


def test_postgres_database_in_another_encoding_is_refused(
    postgres: PostgresStore, postgres_server: Server
) -> None:
    postgres_server.execute("DROP DATABASE IF EXISTS western")
    postgres_server.execute("CREATE DATABASE western ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(LedgerUnavailable, match="encoding is LATIN1"):
        PostgresStore(postgres_server.url("western")).open()


@pytest.mark.parametrize(("mode", "works"), [("session", True), ("transaction", False)])
def test_postgres_pooler_is_refused_unless_it_gives_each_client_a_connection(
    postgres: PostgresStore, postgres_server: Server, mode: str, works: bool
) -> None:
    with pooler(postgres_server, mode) as address:
        client = PostgresStore(address)
        if works:
            first, second = client.connect(), client.connect()
            assert first.locks.acquire(A)
            assert not second.locks.acquire(A)
            second.close()
            first.close()
        else:
            for _ in range(3):
                with pytest.raises(LedgerUnavailable, match="session mode"):
                    client.open()


# -- the same as SQLite


def test_postgres_tables_have_the_columns_of_sqlite(postgres: PostgresStore, file: LedgerFile) -> None:
    """Whoever adds a table or a column to one engine adds it to the other."""
    local, shared = file.open().database, postgres.connect()
    tables = local.read("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    assert {name for (name,) in tables} == set(TABLES)
    for table in TABLES:
        ours = {str(row[1]) for row in local.read(f"PRAGMA table_info({table})")}
        sql = "SELECT column_name FROM information_schema.columns WHERE table_name = ?"
        theirs = {str(name) for (name,) in shared.read(sql, [table])}
        assert theirs - {"rowid"} == ours, table


def test_postgres_refused_change_does_not_hold_up_a_job_s_id(postgres: PostgresStore) -> None:
    ledger = postgres.open()
    row = ledger.begin(job())
    ledger.database.write_later("INSERT INTO jobs (no_such_column) VALUES (?)", [1])
    ledger.change(row, job_id="job_1")
    assert ids(postgres.open().listing()) == ["job_1"]
    with pytest.raises(LedgerUnavailable, match="no_such_column"):
        ledger.begin(job())


def test_postgres_refused_content_is_not_kept_and_holds_up_nothing(
    postgres: PostgresStore, postgres_server: Server, file: LedgerFile
) -> None:
    ledger = postgres.open()
    row = ledger.begin(job())
    ledger.change_soon(row, job_id="job_1")
    postgres_server.execute("ALTER TABLE docspeed.contents ADD CHECK (length(bytes) > 3) NOT VALID")
    kept = _kept(ledger.database, file)
    assert not kept.keep(job("job_1"), [b"abc"], 3)
    assert ledger.is_persistent
    assert "results can't be kept" in file.warnings[-1]
    assert ids(postgres.open().listing()) == ["job_1"]
    assert kept.keep(job("job_1"), [b"abcd"], 4)
    assert postgres.warnings == []


@pytest.mark.parametrize(
    "pattern",
    [
        "*.pdf",
        "a?.pdf",
        "scans/*",
        "*",
        "",
        "a[0-9].pdf",
        "a[^0-9].pdf",
        "[]x]",
        "a+b(c)|d.pdf",
        "é*",
        "a\\*",
    ],
)
def test_postgres_listing_by_pattern_finds_what_sqlite_finds(
    postgres: PostgresStore, file: LedgerFile, pattern: str
) -> None:
    names = (
        "a.pdf",
        "a1.pdf",
        "ab.pdf",
        "scans/a1.pdf",
        "/x/scans/é.pdf",
        "]",
        "x",
        "a+b(c)|d.pdf",
        "a\\b",
        "",
    )
    found = []
    for ledger in (file.open(), postgres.open()):
        for name in names:
            ledger.begin(job(input=name))
        found.append([each.input for each in ledger.listing(input_glob=pattern)])
    assert found[0] == found[1]


def test_postgres_text_that_the_database_refuses_is_escaped(postgres: PostgresStore) -> None:
    ledger = postgres.open()
    ledger.begin(job("job_1", error="a\0b \udcff", input="\udcff"))
    (found,) = ledger.listing()
    assert (found.error, found.input) == ("a\\x00b \\udcff", "\\udcff")


def test_postgres_import_brings_a_file_in_once(postgres: PostgresStore, file: LedgerFile) -> None:
    local = file.open()
    for number in range(3):
        done = job(f"job_{number}", token=f"token {number}", state=State.DONE, status="completed", run="r")
        row = local.begin(done)
        _kept(local.database, file).keep(done, [f"result {number}".encode()], 8)
    local.remember_upload(SERVER, KEY, "sha", "file_1", "a.pdf")
    run = local.runs.start(RunRecord("", name="march")).run
    local.runs.record(run, RunItem(0, "a.pdf", row, "job_2", State.RUNNING))
    local.close()
    shared = postgres.open()
    shared.begin(job("job_of_another", token="another"))
    source = LedgerCopy(str(file.path), file.warnings.append, lambda: 1.0)
    first, second = (import_ledger(source, database_of(shared)) for _ in range(2))
    assert first == {"jobs": 3, "uploads": 1, "conversations": 0, "runs": 1, "run_items": 1, "kept": 3}
    assert set(second.values()) == {0}
    assert set(ids(shared.listing())) == {"job_of_another", "job_0", "job_1", "job_2"}
    (item,) = shared.runs.items(run)
    assert (item.state, item.job_row) == (State.DONE, shared.by_id("job_2")[0].row)
    content = _kept(shared.database, file).open(job("job_2"))
    assert content is not None and content.read() == b"result 2"


def _kept(database: object, file: LedgerFile) -> KeptResults:
    assert isinstance(database, SqliteDatabase | PostgresDatabase)
    return KeptResults(database, KeepLimits(10**8, 10**9), file.warnings.append, lambda: 1.0)


@pytest.mark.parametrize("size", [0, 100, 700_000])
def test_postgres_kept_result_is_returned_whole_or_not_at_all(
    postgres: PostgresStore, postgres_server: Server, file: LedgerFile, size: int
) -> None:
    ledger = postgres.open()
    kept = _kept(ledger.database, file)
    kept.keep(job("job_1"), [b"x" * (size // 2), b"x" * (size - size // 2)], size)
    ledger.database.flush()
    other = _kept(postgres.connect(), file)
    file_of = other.open(job("job_1"))
    assert file_of is not None and file_of.read() == b"x" * size
    postgres_server.execute("UPDATE docspeed.contents SET bytes = bytes || 'y' WHERE part = 0")
    assert other.open(job("job_1")) is None
    assert kept.keep(job("job_1"), [b"x" * size], size)
    ledger.database.flush()
    kept.forget([job("job_1")])
    assert postgres_server.execute("SELECT * FROM docspeed.contents") == []
