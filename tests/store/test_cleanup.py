"""The ledger does not grow for ever, and what still keeps a promise is never taken out of it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from docspeed_cli.core.models import State
from tests.store.conftest import KEY, SERVER, Kept, ids, job

DAY = 86400.0
NOW = 2_000 * DAY
ENDED = (State.DONE, State.FAILED, State.GONE)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "state" / "ledger.db")


def listed(kept: Kept) -> list[str | None]:
    """The ids in the file, the oldest first."""
    ledger = kept.open()
    found = ids(ledger.listing())
    ledger.close()
    return found[::-1]


def tidied(kept: Kept, now: float = NOW) -> list[str | None]:
    """Submit the job whose row is the next thousandth one, and end; which jobs are left beside it."""
    with sqlite3.connect(kept.path) as db:
        (last,) = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'").fetchone()
        db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'jobs'", [last // 1000 * 1000 + 999])
    db.close()
    ledger = kept.open(lambda: now)
    ledger.begin(job("job_thousandth", submitted_at=now))
    ledger.close()
    return [name for name in listed(kept) if name not in ("job_thousandth", None)]


def test_what_ended_is_kept_as_long_as_it_may_save_something(kept: Kept) -> None:
    ledger = kept.open()
    for days in (366, 364, 91, 89):
        for state in State:
            ledger.begin(job(f"{state}_{days}", state=state, submitted_at=NOW - days * DAY))
    ledger.close()
    stays = {f"{state}_{days}" for state in State for days in (89, 91, 364, 366) if state not in ENDED}
    assert set(tidied(kept)) == {
        *stays,
        *(f"{state}_89" for state in ENDED),
        "done_91",
        "done_364",
    }


def test_a_job_s_age_counts_from_what_was_last_known_of_it(kept: Kept) -> None:
    ledger = kept.open(lambda: NOW - 5 * DAY)
    row = ledger.begin(job("job_slow", submitted_at=NOW - 400 * DAY))
    ledger.change(row, state=State.FAILED)
    ledger.close()
    assert tidied(kept) == ["job_slow"]


def test_a_job_that_took_long_does_not_keep_the_others(kept: Kept) -> None:
    ledger = kept.open(lambda: NOW - 5 * DAY)
    row = ledger.begin(job("job_slow", submitted_at=NOW - 400 * DAY))
    ledger.begin(job("job_failed", state=State.FAILED, submitted_at=NOW - 399 * DAY))
    ledger.change(row, state=State.RUNNING)
    ledger.close()
    assert tidied(kept) == ["job_slow"]


def test_of_very_many_rows_what_ended_well_goes_sooner(kept: Kept) -> None:
    ledger = kept.open()
    ledger.begin(job("running", state=State.RUNNING, submitted_at=NOW - 500 * DAY))
    for days in (92, 91, 89):
        ledger.begin(job(f"done_{days}", state=State.DONE, submitted_at=NOW - days * DAY))
    ledger.close()
    with sqlite3.connect(kept.path) as db:
        db.execute("UPDATE sqlite_sequence SET seq = 600000")
    db.close()
    assert tidied(kept) == ["running", "done_89"]


def test_nothing_is_done_before_the_thousandth_job(kept: Kept) -> None:
    ledger = kept.open(lambda: NOW)
    for number in range(20):
        ledger.begin(job(f"job_{number}", state=State.FAILED, submitted_at=0.0))
    ledger.close()
    assert len(listed(kept)) == 20


def test_an_upload_goes_when_no_job_names_it_any_more(kept: Kept) -> None:
    ledger = kept.open(lambda: NOW - 400 * DAY)
    for name in ("unused", "used", "one of two", "the other"):
        ledger.remember_upload(SERVER, KEY, f"sha {name}", name, None)
    ledger.begin(job("job_1", file_id="used", state=State.RUNNING, submitted_at=1.0))
    ledger.begin(job("job_2", file_id="one of two, the other", state=State.UNKNOWN, submitted_at=1.0))
    ledger.close()
    ledger = kept.open(lambda: NOW - 300 * DAY)
    ledger.remember_upload(SERVER, KEY, "sha young", "young", None)
    ledger.close()
    tidied(kept)
    ledger = kept.open()
    names = ("unused", "used", "one of two", "the other", "young")
    assert [ledger.uploaded(SERVER, KEY, f"sha {name}") for name in names] == [None, *names[1:]]


def a_file(kept: Kept, name: str, days: float) -> Path:
    """A file beside the ledger that was last written to so many days ago."""
    path = kept.path.parent / "results" / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(b"{}")
    os.utime(path, (NOW - days * DAY,) * 2)
    return path


def test_kept_results_go_with_their_rows_and_those_of_no_row_when_they_are_old(kept: Kept) -> None:
    ledger = kept.open()
    for token, days in (("named", 100), ("forgotten", 400)):
        ledger.begin(job(None, token=token, state=State.DONE, submitted_at=NOW - days * DAY))
    ledger.close()
    paths = [
        a_file(kept, "named.json", 100),
        a_file(kept, "forgotten.json", 1),
        a_file(kept, "orphan.json", 91),
        a_file(kept, "young.json", 89),
        a_file(kept, ".docspeed-killed.part", 8),
        a_file(kept, ".docspeed-at-work.part", 6),
        a_file(kept, "notes.txt", 900),
    ]
    tidied(kept)
    there = {path.name for path in paths if path.exists()}
    assert there == {"named.json", "young.json", ".docspeed-at-work.part", "notes.txt"}


def test_results_that_a_damaged_ledger_may_name_stay(kept: Kept) -> None:
    kept.open().begin(job())
    orphan = a_file(kept, "orphan.json", 400)
    (kept.path.parent / "ledger.damaged-1.db").write_bytes(b"damage")
    tidied(kept)
    assert orphan.exists()


def test_a_long_life_does_not_make_a_long_file(kept: Kept) -> None:
    """Five years at a thousand jobs in two months: the file is as large as what a year takes."""
    rows, sizes = [], []
    for period in range(30):
        now = NOW + period * 60 * DAY
        ledger = kept.open(lambda now=now: now)  # type: ignore[misc]
        ledger.begin(job(None, state=State.UNKNOWN, submitted_at=now))
        ledger.remember_upload(SERVER, KEY, f"sha {period}", f"file_{period}", None)
        ledger.close()
        _many(kept, 998, now)
        ledger = kept.open(lambda now=now: now)  # type: ignore[misc]
        assert ledger.begin(job("job_last", submitted_at=now)) % 1000 == 0
        ledger.close()
        rows.append(len(listed(kept)))
        sizes.append(kept.path.stat().st_size)
    assert rows[-1] <= 7_000 + 2 * 30
    assert sizes[-1] < 1.25 * sizes[7]
    assert listed(kept).count(None) == 30
    ledger = kept.open()
    assert [ledger.uploaded(SERVER, KEY, f"sha {period}") is None for period in (0, 22, 29)] == [
        True,
        True,
        False,
    ]
    assert kept.warnings == []


def _many(kept: Kept, count: int, now: float) -> None:
    """As many jobs that ended well, put down at once."""
    with sqlite3.connect(kept.path) as db:
        db.executemany(
            "INSERT INTO jobs (request, server, key, operation, status, state, job_id, submitted_at)"
            " VALUES (?, 'https://api.docspeed.ai', 'fingerprint', 'parse', 'completed', 'done', ?, ?)",
            ((f"{now:032.0f}{number:032d}", f"job_{now:.0f}_{number}", now) for number in range(count)),
        )
    db.close()
