"""The ledger does not grow for ever, and no row that still keeps a promise is pruned."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from docspeed_cli.core.models import State
from docspeed_cli.store.cleanup import prune
from docspeed_cli.store.kept_results import KeepLimits, KeptResults
from docspeed_cli.store.ledger import Ledger
from docspeed_cli.store.runs import RunItem, RunRecord
from tests.postgres import Server
from tests.store.conftest import KEY, SERVER, LedgerFile, PostgresStore, Store, ids, job

DAY = 86400.0
NOW = 2_000 * DAY
ENDED = (State.DONE, State.FAILED, State.GONE)


def listed(store: Store) -> list[str | None]:
    """The ids in the ledger, oldest first."""
    ledger = store.open()
    found = ids(ledger.listing())
    ledger.close()
    return found[::-1]


def pruned(store: Store) -> list[str | None]:
    """Submit the job whose row is the thousandth one; return which jobs are left beside it."""
    store.skip_rows(999)
    ledger = store.open(lambda: NOW)
    ledger.begin(job("job_thousandth", submitted_at=NOW))
    ledger.close()
    return [name for name in listed(store) if name != "job_thousandth"]


def kept_results(file: Store, ledger: Ledger, now: float) -> KeptResults:
    """Results that are kept at this time."""
    return KeptResults(ledger.database, KeepLimits(100, 1000), file.warnings.append, lambda: now)


def kept_files(file: LedgerFile) -> list[Path]:
    """The files in the folder of kept results."""
    return [path for path in (file.path.parent / "kept").rglob("*") if path.is_file()]


def test_prune_jobs_that_ended_over_a_year_ago_are_deleted(store: Store) -> None:
    ledger = store.open()
    for days in (366, 364):
        for state in State:
            ledger.begin(job(f"{state}_{days}", state=state, submitted_at=NOW - days * DAY))
    ledger.close()
    left = {f"{state}_{days}" for state in State for days in (366, 364) if state not in ENDED or days == 364}
    assert set(pruned(store)) == left


def test_prune_age_counts_from_the_last_update(store: Store) -> None:
    ledger = store.open(lambda: NOW - 5 * DAY)
    ledger.change(ledger.begin(job("job_slow", submitted_at=NOW - 400 * DAY)), state=State.FAILED)
    ledger.close()
    assert pruned(store) == ["job_slow"]


def test_prune_waits_for_the_thousandth_row(store: Store) -> None:
    ledger = store.open(lambda: NOW)
    for number in range(20):
        ledger.begin(job(f"job_{number}", state=State.FAILED, submitted_at=0.0))
    ledger.close()
    assert len(listed(store)) == 20


def test_prune_uploads_that_a_job_names_stay(store: Store) -> None:
    ledger = store.open(lambda: NOW - 400 * DAY)
    for name in ("unused", "used", "one of two", "the other"):
        ledger.remember_upload(SERVER, KEY, f"sha {name}", name, None)
    ledger.begin(job("job_1", file_id="used", state=State.RUNNING, submitted_at=1.0))
    ledger.begin(job("job_2", file_id="one of two, the other", state=State.UNKNOWN, submitted_at=1.0))
    ledger.close()
    ledger = store.open(lambda: NOW - 300 * DAY)
    ledger.remember_upload(SERVER, KEY, "sha young", "young", None)
    ledger.close()
    pruned(store)
    ledger = store.open()
    names = ("unused", "used", "one of two", "the other", "young")
    assert [ledger.uploaded(SERVER, KEY, f"sha {name}") for name in names] == [None, *names[1:]]


def test_prune_runs_that_started_over_a_year_ago_are_deleted(store: Store) -> None:
    for run, days in (("old", 366), ("young", 364)):
        ledger = store.open(lambda days=days: NOW - days * DAY)  # type: ignore[misc]
        record = ledger.runs.start(RunRecord("", name=run))
        ledger.begin(job(run, run=record.run, state=State.RUNNING, submitted_at=NOW))
        ledger.runs.record(record.run, RunItem(0, run))
        ledger.close()
    database = store.open().database
    (_, young) = database.read("SELECT run FROM runs ORDER BY started_at")
    pruned(store)
    assert database.read("SELECT run FROM runs") == [young]
    assert database.read("SELECT run FROM run_items") == [young]


def test_prune_kept_results_not_used_for_a_year_go_with_their_jobs(file: LedgerFile) -> None:
    ledger = file.open()
    for name, days in (("used", 364), ("unused", 366)):
        old = job(name, state=State.DONE, submitted_at=NOW - 400 * DAY)
        ledger.begin(old)
        kept_results(file, ledger, NOW - days * DAY).keep(old, [name.encode()], len(name))
    ledger.close()
    for path in kept_files(file):
        os.utime(path, (NOW - 300 * DAY,) * 2)
    assert len(kept_files(file)) == 2
    assert pruned(file) == ["used"]
    assert [path.read_text() for path in kept_files(file)] == ["used"]


def test_prune_files_of_killed_commands_are_deleted_after_a_week(file: LedgerFile) -> None:
    ledger = file.open()
    ledger.begin(job("job_1", state=State.DONE))
    kept_results(file, ledger, NOW).keep(job("job_1"), [b"{}"], 2)
    ledger.close()
    (named,) = kept_files(file)
    paths = [named.with_name(named.name[:-1] + "x"), named.parent.parent / "killed.part"]
    for path in (named, *paths):
        path.touch()
        os.utime(path, (NOW - 8 * DAY,) * 2)
    young = [path.with_name(path.name + "y") for path in paths]
    for path in young:
        path.touch()
        os.utime(path, (NOW - 6 * DAY,) * 2)
    pruned(file)
    assert set(kept_files(file)) == {named, *young}


@pytest.mark.real
def test_prune_of_a_shared_ledger_deletes_the_contents_that_no_row_names(
    postgres: PostgresStore, postgres_server: Server
) -> None:
    ledger = postgres.open(lambda: NOW - 366 * DAY)
    kept_results(postgres, ledger, NOW - 366 * DAY).keep(job("ended"), [b"old"], 3)
    kept_results(postgres, ledger, NOW).keep(job("running"), [b"young"], 5)
    ledger.database.flush()
    prune(ledger.database, NOW)
    assert postgres_server.execute("SELECT bytes FROM docspeed.contents") == [(b"young",)]


def test_prune_over_five_years_bounds_the_file(file: LedgerFile) -> None:
    """A thousand jobs in two months: the file stays as large as what a year takes."""
    sizes = []
    for period in range(30):
        now = NOW + period * 60 * DAY
        ledger = file.open(lambda now=now: now)  # type: ignore[misc]
        ledger.begin(job(None, state=State.UNKNOWN, submitted_at=now))
        ledger.close()
        _insert_done_jobs(file, 998, now)
        ledger = file.open(lambda now=now: now)  # type: ignore[misc]
        assert ledger.begin(job("job_last", submitted_at=now)) % 1000 == 0
        ledger.close()
        sizes.append(file.path.stat().st_size)
    assert len(listed(file)) <= 7_000 + 2 * 30
    assert sizes[-1] < 1.25 * sizes[7]
    assert listed(file).count(None) == 30
    assert file.warnings == []


def _insert_done_jobs(file: LedgerFile, count: int, now: float) -> None:
    with sqlite3.connect(file.path) as db:
        db.executemany(
            "INSERT INTO jobs (request, server, key, operation, status, state, job_id, submitted_at)"
            " VALUES (?, 'https://api.docspeed.ai', 'fingerprint', 'parse', 'completed', 'done', ?, ?)",
            ((f"{now:032.0f}{number:032d}", f"job_{now:.0f}_{number}", now) for number in range(count)),
        )
    db.close()
