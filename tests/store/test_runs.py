"""Runs are found by id, by name and as the newest; each input of a run is counted once."""

from __future__ import annotations

import sqlite3

import pytest

from docspeed_cli.core.models import State
from docspeed_cli.store.runs import RunItem, RunRecord
from tests.store.conftest import LedgerFile, Store, job


def test_runs_find_newest_name_and_id(store: Store) -> None:
    now = [0.0]
    runs = store.open(lambda: now[0]).runs
    started = []
    for name, server in (("march", "a"), ("april", "b"), ("march", "b"), (None, "b")):
        now[0] += 1
        started.append(runs.start(RunRecord("", name=name, server=server)).run)
    newest = [runs.find(text) for text in ("@last", "march", "april", started[0])]
    assert [found and found.run for found in newest] == [started[3], started[2], started[1], started[0]]
    at_a = runs.find("@last", "a")
    assert at_a is not None and at_a.run == started[0]
    assert (runs.find("may"), runs.find("@last", "c")) == (None, None)
    assert [run.run for run in runs.listing(limit=2)] == [started[3], started[2]]


def test_runs_after_the_clock_was_set_back_are_in_the_order_of_their_start(store: Store) -> None:
    now = [2e9]
    runs = store.open(lambda: now[0]).runs
    early = runs.start(RunRecord("", name="march", command_hash="a")).run
    now[0] = 1e9
    late = runs.start(RunRecord("", name="march", command_hash="a"))
    assert late.previous == early
    runs.end(early, None)
    assert [run and run.run for run in (runs.find("@last"), runs.find("march"))] == [late.run, late.run]
    assert [run.run for run in runs.listing()] == [late.run, early]


def test_runs_resume_links_to_the_run_before_of_the_same_command(store: Store) -> None:
    runs = store.open().runs
    first = runs.start(RunRecord("", command_hash="a"))
    other = runs.start(RunRecord("", command_hash="b"))
    again = store.open().runs.start(RunRecord("", command_hash="a"))
    assert (first.previous, other.previous, again.previous) == (None, None, first.run)


def test_runs_input_recorded_twice_is_counted_once(store: Store) -> None:
    runs = store.open().runs
    run = runs.start(RunRecord("")).run
    runs.record(run, RunItem(0, "a.pdf", pages=3))
    runs.record(run, RunItem(0, "a.pdf", state="failed", code="write_failed", reason="no"))
    runs.record(run, RunItem(1, "b.pdf", pages=2, reused=True))
    counts = runs.counts(run)
    assert (dict(counts.states), counts.reused, counts.pages) == ({"failed": 1, "done": 1}, 1, 2)
    assert [item.input for item in runs.items(run)] == ["a.pdf", "b.pdf"]
    assert [item.code for item in runs.items(run, ["failed"])] == ["write_failed"]


def test_runs_input_that_still_ran_has_the_state_that_its_job_has_now(store: Store) -> None:
    ledger = store.open()
    run = ledger.runs.start(RunRecord("")).run
    row = ledger.begin(job("job_1", run=run, input="a.pdf", state=State.RUNNING))
    ledger.runs.record(run, RunItem(0, "a.pdf", row, "job_1", State.RUNNING, "queued"))
    assert ledger.runs.counts(run).states == {"running": 1}
    ledger.change(row, state=State.FAILED, status="failed", error="blank page")
    (item,) = ledger.runs.items(run)
    assert (item.state, item.code) == ("failed", "job_failed")
    assert item.reason == "ended with status failed: blank page", "as the run itself would have said it"


def test_runs_killed_run_counts_jobs_that_were_under_way(store: Store) -> None:
    ledger = store.open()
    run = ledger.runs.start(RunRecord("", total=3)).run
    ledger.runs.record(run, RunItem(0, "a.pdf"))
    ledger.begin(job(run=run, input="b.pdf", state=State.SUBMITTING))
    ledger.begin(job("job_1", run=run, input="a.pdf"))  # it has ended: it is the first input's
    counts = store.open().runs.counts(run)
    assert counts.states == {"done": 1, "submitting": 1}
    assert [item.position for item in ledger.runs.items(run)] == [0, None]


@pytest.mark.parametrize("seconds", [0.5, 1.5])
def test_runs_record_is_in_the_file_after_a_second(store: Store, seconds: float) -> None:
    now = [10.0]
    runs = store.open(lambda: now[0]).runs
    run = runs.start(RunRecord("")).run
    runs.record(run, RunItem(0, "a.pdf"))
    now[0] += seconds
    runs.record(run, RunItem(1, "b.pdf"))
    ((recorded,),) = store.open().database.read("SELECT count(*) FROM run_items")
    assert recorded == (2 if seconds > 1 else 1)


def test_runs_damaged_numbers_are_left_out(file: LedgerFile) -> None:
    runs = file.open().runs
    run = runs.start(RunRecord("", name="march")).run
    runs.record(run, RunItem(0, "a.pdf", pages=1, seconds=2.0))
    runs.end(run, None)
    with sqlite3.connect(file.path) as db:
        db.execute("UPDATE runs SET started_at = 'x', total = -4, name = x'ff41'")
        db.execute("UPDATE run_items SET seconds = 1e300, input = 7")
    (found,) = runs.listing()
    assert (found.started_at, found.total, found.name) == (None, None, "\\xffA")
    (item,) = runs.items(run)
    assert (item.input, item.seconds) == ("7", None)
