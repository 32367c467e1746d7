"""The ledger's file is created once, survives damage and other processes, and is not needed for the work."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from docspeed_cli.core.models import State
from docspeed_cli.store.ledger import Ledger
from docspeed_cli.store.sqlite import LedgerCopy, SqliteDatabase
from docspeed_cli.store.sqlite_layout import MIGRATIONS
from tests.store.conftest import KEY, SERVER, LedgerFile, ids, job

LAYOUT = len(MIGRATIONS)


def database_of(ledger: Ledger) -> SqliteDatabase:
    assert isinstance(ledger.database, SqliteDatabase)
    return ledger.database


# -- creating the file


def test_sqlite_new_file_is_private_and_has_this_layout(file: LedgerFile) -> None:
    file.open().begin(job())
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700
    with sqlite3.connect(file.path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (LAYOUT,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()
    assert file.warnings == []


def test_sqlite_where_the_mount_decides_modes_is_a_ledger(file: LedgerFile, fixed_modes: None) -> None:
    ledger = file.open()
    ledger.begin(job())
    assert (ledger.is_persistent, file.warnings) == (True, [])


def test_sqlite_empty_file_becomes_a_ledger(file: LedgerFile) -> None:
    file.path.parent.mkdir()
    file.path.touch()
    file.open().begin(job("job_1"))
    assert ids(file.open().listing()) == ["job_1"]
    assert file.warnings == []


def test_sqlite_reopening_changes_no_byte(file: LedgerFile) -> None:
    ledger = file.open()
    ledger.begin(job("job_1"))
    ledger.close()
    before = file.path.read_bytes()
    file.open().close()
    assert file.path.read_bytes() == before


def test_sqlite_concurrency_eight_first_starts_make_one_ledger(tmp_path: Path) -> None:
    """The race lasts microseconds, so it is tried often."""
    for attempt in range(25):
        file, start = LedgerFile(tmp_path / str(attempt) / "ledger.db"), threading.Barrier(8)

        def work(name: str, file: LedgerFile = file, start: threading.Barrier = start) -> None:
            start.wait()
            ledger = file.open()
            ledger.begin(job(name))
            ledger.close()

        _run_threads(work, [f"job_{n}" for n in range(8)])
        assert file.warnings == []
        assert sorted(ids(file.open().listing()), key=str) == [f"job_{n}" for n in range(8)]


def _run_threads(work: Callable[[str], None], names: list[str]) -> None:
    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_sqlite_concurrency_threads_share_one_connection(file: LedgerFile) -> None:
    ledger = file.open()
    found: list[tuple[int, str]] = []

    def work(worker: str) -> None:
        for n in range(10):
            row = ledger.begin(job())
            ledger.change(row, job_id=f"job_{worker}_{n}")
            found.append((row, f"job_{worker}_{n}"))

    _run_threads(work, list("abcdef"))
    assert {(seen.row, seen.job_id) for seen in ledger.listing()} == set(found)
    assert len(found) == 60


_WRITER = """
import sys
from docspeed_cli.core.models import Job, State
from docspeed_cli.store.ledger import Ledger

print("ready", flush=True)
name = sys.stdin.readline().strip()
warnings = []
ledger = Ledger(sys.argv[1], warnings.append, lambda: 1.0)
row = ledger.begin(Job("parse", "submitting", State.SUBMITTING, request=name, token=name))
ledger.change(row, job_id=name, state=State.RUNNING)
ledger.by_id("job_150")
ledger.close()
print("\\n".join(warnings))
"""


def _run_writers(path: Path, count: int) -> list[str]:
    """Start so many processes that record a job each, at once; return their warnings."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    for number, writer in enumerate(writers):
        assert writer.stdin is not None
        writer.stdin.write(f"new_{number}\n")
        writer.stdin.flush()
    warnings = [line for writer in writers for line in writer.communicate()[0].splitlines() if line]
    assert [writer.returncode for writer in writers] == [0] * count
    return warnings


def test_sqlite_concurrency_twenty_writers_lose_no_row(file: LedgerFile) -> None:
    assert _run_writers(file.path, 20) == []
    known = {found.job_id: found.state for found in file.open().listing()}
    assert known == {f"new_{number}": State.RUNNING for number in range(20)}


# -- other layouts


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_sqlite_newer_layout_is_left_alone(file: LedgerFile, journal: str) -> None:
    file.path.parent.mkdir()
    db = sqlite3.connect(file.path)
    db.execute(f"PRAGMA journal_mode = {journal}")
    db.execute("CREATE TABLE jobs (of_the_future TEXT)")
    db.execute(f"PRAGMA user_version = {LAYOUT + 1}")
    db.commit()
    db.close()
    before = file.path.read_bytes()
    ledger = file.open()
    ledger.change(ledger.begin(job()), job_id="job_1")
    assert ids(ledger.by_request("digest")) == ["job_1"]
    ledger.close()
    assert file.path.read_bytes() == before
    assert file.folder == {"ledger.db"}
    (warning,) = file.warnings
    assert str(file.path) in warning and "written by a newer docspeed" in warning


def _of_layout(path: Path, layout: int) -> None:
    """A ledger as an older version left it: one job of a run, whose result is in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as db:
        for number, script in enumerate(MIGRATIONS[:layout], 1):
            db.executescript(script)
            if number == 1:
                db.execute(
                    "INSERT INTO jobs (request, server, key, operation, status, state, job_id, submitted_at,"
                    " batch) VALUES ('digest', 's', 'k', 'parse', 'done', 'done', 'job_old', 5.0, 'march')"
                )
            if number == 2:
                db.execute("UPDATE jobs SET output = 'a.json', stamp = 'sha json'")
        db.execute(f"PRAGMA user_version = {layout}")
    db.close()


@pytest.mark.parametrize("layout", range(1, LAYOUT))
def test_sqlite_older_layout_is_migrated(file: LedgerFile, layout: int) -> None:
    _of_layout(file.path, layout)
    ledger = file.open()
    (old,) = ledger.by_request("digest")
    assert (old.job_id, old.run, old.content_hash) == ("job_old", "march", "sha json" if layout > 1 else None)
    march = ledger.runs.find("@last")
    assert march is not None and march.run == "march"
    assert [item.input for item in ledger.runs.items("march")] == [old.input]
    ledger.set_output(old.row or 0, "a.json", "another json")
    assert ledger.by_id("job_old")[0].content_hash == "another json"
    assert file.warnings == []


@pytest.mark.parametrize("layout", [1, 3, LAYOUT])
def test_ledger_copy_of_any_layout_has_its_runs_and_leaves_the_file(file: LedgerFile, layout: int) -> None:
    _of_layout(file.path, layout)
    before = file.path.read_bytes()
    copy = LedgerCopy(str(file.path), file.warnings.append, lambda: 1.0)
    assert copy.read("SELECT job_id, run FROM jobs") == [("job_old", "march")]
    assert copy.read("SELECT run FROM runs") == [("march",)]
    copy.close()
    assert file.path.read_bytes() == before and file.warnings == []


def test_sqlite_concurrency_file_of_a_running_older_program_is_read_and_left_alone(file: LedgerFile) -> None:
    _of_layout(file.path, 3)
    older = sqlite3.connect(file.path, isolation_level=None)
    older.execute("PRAGMA journal_mode = WAL")
    older.execute("SELECT batch FROM jobs").fetchall()
    newer = file.open()
    assert ids(newer.by_request("digest")) == ["job_old"]
    assert newer.begin(job()) and not newer.is_persistent
    assert older.execute("SELECT batch FROM jobs").fetchall() == [("march",)]
    older.close()
    assert [run.run for run in file.open().runs.listing()] == ["march"]
    assert len(file.warnings) == 1


def test_sqlite_concurrency_processes_that_meet_an_older_layout_lose_no_row(file: LedgerFile) -> None:
    _of_layout(file.path, 3)
    assert _run_writers(file.path, 6) == []
    known = {found.job_id for found in file.open().listing()}
    assert known == {"job_old", *(f"new_{number}" for number in range(6))}


@pytest.mark.parametrize("layout", range(1, LAYOUT))
def test_sqlite_older_layout_is_read_where_nothing_can_be_written(file: LedgerFile, layout: int) -> None:
    _of_layout(file.path, layout)
    file.path.with_name("ledger.db-journal").mkdir()
    (old,) = file.open().by_request("digest")
    assert (old.job_id, old.run, old.content_hash) == ("job_old", "march", "sha json" if layout > 1 else None)
    assert len(file.warnings) == 1


# -- damage


@pytest.mark.parametrize("content", [b"not a database, and longer than its header " * 100, b"\xff" * 8192])
def test_sqlite_damaged_file_is_set_aside_unchanged(file: LedgerFile, content: bytes) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(content)
    file.open(lambda: 1234.5).begin(job("job_1"))
    assert ids(file.open().listing()) == ["job_1"]
    (aside,) = file.damaged
    assert aside.read_bytes() == content
    (warning,) = file.warnings
    assert str(aside) in warning


def test_sqlite_second_damaged_file_does_not_replace_the_first(file: LedgerFile) -> None:
    file.path.parent.mkdir()
    damages = {b"first damage " * 100, b"second damage " * 100}
    for damage in damages:
        file.path.write_bytes(damage)
        file.open(lambda: 1234.0).close()
    assert {path.read_bytes() for path in file.damaged} == damages


def _fill(file: LedgerFile, count: int = 300) -> list[str]:
    """Record so many jobs, whose rows take many pages, and an upload; return the jobs' ids."""
    ledger = file.open()
    names = [f"job_{n}" for n in range(count)]
    for name in names:
        ledger.begin(job(name, input=f"{name}.pdf", request=f"of {name}", state=State.DONE))
    ledger.remember_upload(SERVER, KEY, "sha", "file_1", None)
    ledger.close()
    return names


def _damage_all_pages(path: Path) -> bytes:
    """Damage every page but the first: the file opens, and its rows can't be read."""
    content = bytearray(path.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 200] = b"\xff" * 200
    path.write_bytes(content)
    return bytes(content)


def _damage_the_middle(path: Path) -> None:
    """Damage the page of the middle job from another process, as a bad disk would."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (row, size) = db.execute(
            "SELECT max(row) / 2, (SELECT page_size FROM pragma_page_size) FROM jobs"
        ).fetchone()
        name = db.execute("SELECT input FROM jobs WHERE row = ?", [row]).fetchone()[0].encode()
    db.close()
    program = (
        "import sys; name = sys.argv[2].encode(); size = int(sys.argv[3]); file = open(sys.argv[1], 'r+b');"
        " start = file.read().index(name) // size * size; file.seek(start); file.write(b'\\xff' * size)"
    )
    subprocess.run([sys.executable, "-c", program, str(path), name.decode(), str(size)], check=True)


def test_sqlite_damaged_pages_found_by_a_read_are_set_aside(file: LedgerFile) -> None:
    _fill(file)
    damage = _damage_all_pages(file.path)
    ledger = file.open()
    assert ledger.by_request("of job_1") == []
    row = ledger.begin(job("job_new"))
    ledger.change(row, status="queued", state=State.RUNNING)
    assert ids(ledger.by_request("digest")) == ["job_new"]
    ledger.close()
    assert [path.read_bytes() for path in file.damaged] == [damage]
    assert len(file.warnings) == 1


def test_sqlite_damaged_pages_found_by_a_write_are_set_aside(file: LedgerFile) -> None:
    _fill(file)
    damage = _damage_all_pages(file.path)
    ledger = file.open()
    row = ledger.begin(job("job_new"))
    assert row > 300, "an unreadable row's number is not used again"
    assert ledger.by_row(row) == job("job_new")._replace(row=row)
    ledger.close()
    assert [path.read_bytes() for path in file.damaged] == [damage]
    assert len(file.warnings) == 1


def test_sqlite_damage_in_the_middle_costs_only_the_rows_it_hit(file: LedgerFile) -> None:
    names = _fill(file)
    ledger = file.open()
    row = ledger.begin(job("job_new"))
    _damage_the_middle(file.path)
    damage = file.path.read_bytes()
    known = ids(ledger.listing())
    lost = [name for name in names if name not in known]
    assert 0 < len(lost) < 40
    assert [name for name in reversed([*names, "job_new"]) if name not in lost] == known
    assert ledger.by_row(row) == job("job_new")._replace(row=row)
    assert ledger.uploaded(SERVER, KEY, "sha") == "file_1"
    assert ledger.begin(job("job_next")) > row
    ledger.close()
    assert ids(file.open().listing()) == ["job_next", *known]
    (warning,) = file.warnings
    (aside,) = file.damaged
    assert str(aside) in warning and f"the {len(known)} jobs" in warning
    assert aside.read_bytes() == damage


def test_sqlite_missing_table_counts_as_damage(file: LedgerFile) -> None:
    file.open().close()
    with sqlite3.connect(file.path) as db:
        db.execute("DROP TABLE jobs")
    db.close()
    file.open().begin(job("job_1"))
    assert ids(file.open().listing()) == ["job_1"]
    assert len(file.warnings) == 1


@pytest.mark.parametrize(
    "place",
    [
        b"CREATE TABLE uploads",
        b"CREATE TABLE jobs",
        b"job_id TEXT",
        b"request TEXT NOT NULL",
    ],
)
@pytest.mark.parametrize("byte", [0xFF, 0x00])
def test_sqlite_damaged_schema_is_set_aside(file: LedgerFile, place: bytes, byte: int) -> None:
    ledger = file.open()
    ledger.begin(job("job_1"))
    ledger.close()
    content = bytearray(file.path.read_bytes())
    content[content.rindex(place) + 3] = byte  # of the table that was made first: jobs
    file.path.write_bytes(content)
    ledger = file.open()
    assert ledger.begin(job("job_2"))
    assert "job_2" in ids(ledger.listing())
    assert file.warnings and file.damaged


@pytest.mark.parametrize("damage", ["header", "middle"])
def test_sqlite_concurrency_processes_that_meet_damage_make_one_new_file(
    file: LedgerFile, damage: str
) -> None:
    _fill(file)
    if damage == "header":
        file.path.write_bytes(b"\xff" * 100 + file.path.read_bytes()[100:])
    else:
        _damage_the_middle(file.path)
    damaged = file.path.read_bytes()
    warnings = _run_writers(file.path, 6)
    known = {found.job_id: found.state for found in file.open().listing()}
    assert {f"new_{number}": State.RUNNING for number in range(6)}.items() <= known.items()
    (aside,) = file.damaged
    assert len(warnings) == 1 and str(aside) in warnings[0]
    assert damage != "header" or aside.read_bytes() == damaged


def test_sqlite_health_reports_a_damaged_index(file: LedgerFile) -> None:
    _fill(file, 200)
    assert file.open().health() == (200, "")
    db = sqlite3.connect(file.path, isolation_level=None)
    db.execute("PRAGMA writable_schema = ON")
    db.execute("DELETE FROM sqlite_master WHERE name = 'jobs_by_id'")
    db.close()
    rows, wrong = file.open().health()
    assert (rows, wrong != "") == (200, True)


# -- another process sets the file aside, or a user deletes it


def _delete(path: Path) -> None:
    shutil.rmtree(path.parent)


def _set_aside(path: Path) -> None:
    for part in ("-wal", "-shm", ""):
        path.with_name(path.name + part).rename(path.with_name("ledger.damaged-1.db" + part))


@pytest.mark.parametrize("remove", [_delete, _set_aside])
def test_sqlite_begin_after_the_file_is_gone_writes_to_the_new_file(
    file: LedgerFile, remove: Callable[[Path], None]
) -> None:
    ledger = file.open()
    remove(file.path)
    row = ledger.begin(job())
    assert [(found.row, found.state) for found in file.open().listing()] == [(row, State.SUBMITTING)]


@pytest.mark.parametrize("remove", [_delete, _set_aside])
def test_sqlite_change_after_the_file_is_gone_warns_with_the_job_id(
    file: LedgerFile, remove: Callable[[Path], None]
) -> None:
    ledger = file.open()
    row = ledger.begin(job())
    remove(file.path)
    ledger.change(row, job_id="job_sent", status="queued", state=State.RUNNING)
    (warning,) = file.warnings
    assert "job_sent" in warning


def test_sqlite_read_after_the_file_is_set_aside_finds_the_new_file_s_rows(file: LedgerFile) -> None:
    ledger = file.open()
    _set_aside(file.path)
    file.open().begin(job("job_of_another"))
    assert ids(ledger.by_request("digest")) == ["job_of_another"]


def test_sqlite_close_of_a_file_set_aside_keeps_the_new_file_s_log(file: LedgerFile) -> None:
    """SQLite deletes a log by its name when the last connection closes; by then another file has the name."""
    stale = file.open()
    stale.begin(job("job_old"))
    _set_aside(file.path)
    file.open().begin(job("job_new"))
    before = file.path.with_name("ledger.db-wal").read_bytes()
    database_of(stale)._db.close()
    assert file.path.with_name("ledger.db-wal").read_bytes() == before
    with sqlite3.connect(file.path.with_name("ledger.damaged-1.db")) as db:
        assert db.execute("SELECT job_id FROM jobs").fetchall() == [("job_old",)]
    db.close()


# -- no file can be used


def _works(ledger: Ledger) -> None:
    row = ledger.begin(job())
    ledger.change(row, job_id="job_new", state=State.RUNNING, status="queued")
    ledger.remember_upload(SERVER, KEY, "sha", "file_1", None)
    assert ledger.by_row(row) == ledger.by_id("job_new")[0]
    assert ledger.uploaded(SERVER, KEY, "sha") == "file_1"
    assert ledger.drop([row]) == 1
    assert not ledger.is_persistent


def test_sqlite_folder_in_the_file_s_place_warns_and_works(file: LedgerFile) -> None:
    file.path.mkdir(parents=True)
    _works(file.open())
    (warning,) = file.warnings
    assert str(file.path) in warning
    assert file.folder == {"ledger.db"}


def test_sqlite_file_in_the_folder_s_place_warns_and_works(file: LedgerFile) -> None:
    file.path.parent.write_text("a file")
    _works(file.open())
    (warning,) = file.warnings
    assert str(file.path) in warning
    assert file.path.parent.read_text() == "a file"


def test_sqlite_rows_are_still_known_where_nothing_can_be_written(file: LedgerFile) -> None:
    """A folder in the log's place stops every user, the superuser too."""
    _fill(file, 3)
    file.path.with_name("ledger.db-wal").mkdir()
    before = file.path.read_bytes()
    ledger = file.open()
    assert ids(ledger.listing()) == ["job_2", "job_1", "job_0"]
    assert ledger.begin(job()) == 4
    _works(ledger)
    assert len(file.warnings) == 1
    assert file.path.read_bytes() == before


_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from docspeed_cli.store.ledger import Ledger
from docspeed_cli.core.models import Job, State

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, warnings = Path(sys.argv[1]), []
ledger = Ledger(path, warnings.append, lambda: 1.0)
job = Job("parse", "queued", State.RUNNING, request="digest")
rows = [ledger.begin(job) for _ in range(3)]
ledger.change(rows[0], job_id="job_known")
size = path.with_name(path.name + "-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
new = ledger.begin(job)
ledger.change(new, job_id="job_new")
assert [found.job_id for found in ledger.by_request("digest")] == ["job_new", None, None, "job_known"]
assert new == 4, new
ledger.begin(job)
(warning,) = warnings
assert str(path) in warning, warning
print("went on")
"""


def test_sqlite_disk_that_fills_up_warns_and_goes_on_with_all_rows(file: LedgerFile) -> None:
    pytest.importorskip("resource")
    ran = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(file.path)], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "went on\n"), ran.stderr
    assert ids(file.open().by_request("digest")) == [None, None, "job_known"]


# -- transactions


def _commits(log: Path) -> int:
    """Count the commits in a log: the second word of a frame is set where a commit ends."""
    content = log.read_bytes()
    frames = (content[start + 4 : start + 8] for start in range(32, len(content), 24 + 4096))
    return sum(any(word) for word in frames)


def test_sqlite_concurrency_writes_that_wait_share_one_commit(file: LedgerFile) -> None:
    ledger, many = file.open(), 24
    log = file.path.with_name("ledger.db-wal")
    before = _commits(log)
    threads = [threading.Thread(target=ledger.begin, args=(job(f"job_{n}"),)) for n in range(many)]
    with ledger.database._lock:  # as a thread does that waits for the disk
        for thread in threads:
            thread.start()
        while len(ledger.database._queue) < many:
            assert all(thread.is_alive() for thread in threads)
    for thread in threads:
        thread.join()
    assert _commits(log) == before + 1
    assert len(file.open().listing()) == many


def test_sqlite_deferred_writes_are_bounded(file: LedgerFile) -> None:
    ledger = file.open()
    row = ledger.begin(job("job_1"))
    for number in range(2000):
        ledger.change_soon(row, run=str(number))
        assert len(ledger.database._queue) <= 500
    assert ledger.by_id("job_1")[0].run == "1999"


class Interrupting:
    """A value that raises KeyboardInterrupt the first time it is written."""

    def __init__(self) -> None:
        self.times = 0

    def __conform__(self, protocol: object) -> str:
        self.times += 1
        if self.times == 1:
            raise KeyboardInterrupt
        return "job_2"


def test_sqlite_interrupt_in_a_transaction_loses_no_write(file: LedgerFile) -> None:
    ledger = file.open()
    rows = [ledger.begin(job()) for _ in range(3)]
    ledger.change_soon(rows[0], job_id="job_1")
    ledger.change_soon(rows[1], job_id=Interrupting())
    with pytest.raises(KeyboardInterrupt):
        ledger.change(rows[2], job_id="job_3")
    assert ids(file.open().listing()) == [None] * 3
    ledger.close()
    assert ids(file.open().listing()) == ["job_3", "job_2", "job_1"]


def test_sqlite_synchronous_is_full_for_what_can_t_be_had_again(file: LedgerFile) -> None:
    """NORMAL (1) is safe from a kill; FULL (2) from a loss of power too."""
    ledger = file.open()
    writes: list[tuple[int, Callable[[], object]]] = [
        (2, lambda: ledger.begin(job())),
        (1, lambda: ledger.remember_upload(SERVER, KEY, "sha", "file_1", None)),
        (2, lambda: ledger.change(1, job_id="job_1")),
        (1, lambda: ledger.set_output(1, "a.json", "1 2")),
        (2, lambda: ledger.drop([1])),
    ]
    for wanted, write in writes:
        write()
        assert ledger.database.read("PRAGMA synchronous") == [(wanted,)]


def test_sqlite_queries_of_a_command_use_an_index(file: LedgerFile) -> None:
    ledger = file.open()
    asked: list[str] = []
    database_of(ledger)._db.set_trace_callback(asked.append)
    row = ledger.begin(job())
    ledger.by_request("digest")
    ledger.change(row, job_id="job_1", state=State.RUNNING)
    ledger.change_soon(row, state=State.DONE)
    ledger.set_output(row, "a.json", "1 2")
    ledger.by_id("job_1")
    ledger.by_row(row)
    ledger.newest()
    ledger.newest(SERVER)
    ledger.listing(limit=30)
    ledger.remember_upload(SERVER, KEY, "sha", "file_1", None)
    ledger.uploaded(SERVER, KEY, "sha")
    ledger.stored_file(SERVER, KEY, "file_1")
    ledger.forget_upload(SERVER, "file_1")
    ledger.drop([row])
    database_of(ledger)._db.set_trace_callback(None)
    hot = [sql for sql in asked if re.match("SELECT|INSERT|UPDATE|DELETE", sql)]
    assert len(hot) >= 15
    for sql in hot:
        plan = [step[3] for step in ledger.database.read(f"EXPLAIN QUERY PLAN {sql}")]
        bounded = "ORDER BY row DESC LIMIT" in sql and "request =" not in sql
        allowed = ("SEARCH", "SCAN jobs") if bounded else ("SEARCH", "SCALAR SUBQUERY")
        assert all(step.startswith(allowed) for step in plan), (sql, plan)
