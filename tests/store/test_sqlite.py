"""The ledger's file is made once, outlives damage and other processes, and gives way where it can't be."""

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
from docspeed_cli.store.conversations import Conversation, last_conversation, remember_conversation
from docspeed_cli.store.ledger import Ledger
from docspeed_cli.store.salvage import read_only
from docspeed_cli.store.sqlite import MIGRATIONS
from tests.store.conftest import KEY, SERVER, Kept, ids, job


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "state" / "ledger.db")


# -- the file


def test_a_new_ledger_is_private_and_has_this_version_s_layout(kept: Kept) -> None:
    kept.open().begin(job())
    assert kept.path.stat().st_mode & 0o777 == 0o600
    assert kept.path.parent.stat().st_mode & 0o777 == 0o700
    with sqlite3.connect(kept.path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()
    assert kept.warnings == []


def test_an_empty_file_becomes_a_ledger(kept: Kept) -> None:
    kept.path.parent.mkdir()
    kept.path.touch()
    kept.open().begin(job("job_1"))
    assert ids(kept.open().listing()) == ["job_1"]
    assert kept.warnings == []


def test_opening_again_changes_nothing(kept: Kept) -> None:
    ledger = kept.open()
    ledger.begin(job("job_1"))
    ledger.close()
    before = kept.path.read_bytes()
    kept.open().close()
    assert kept.path.read_bytes() == before


def _first_start(kept: Kept, many: int) -> None:
    start = threading.Barrier(many)

    def work(name: str) -> None:
        start.wait()
        ledger = kept.open()
        ledger.begin(job(name))
        ledger.close()

    threads = [threading.Thread(target=work, args=(f"job_{n}",)) for n in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_many_that_start_at_once_make_one_ledger(tmp_path: Path) -> None:
    """Whoever comes first makes the file; it happens within microseconds, so it is tried often."""
    for attempt in range(25):
        kept = Kept(tmp_path / str(attempt) / "ledger.db")
        _first_start(kept, 8)
        assert kept.warnings == []
        assert sorted(ids(kept.open().listing()), key=str) == [f"job_{n}" for n in range(8)]


def test_a_first_start_waits_for_another_that_is_in_the_middle_of_it(kept: Kept) -> None:
    kept.path.parent.mkdir()
    other = sqlite3.connect(kept.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def start() -> None:
        ledger = kept.open()
        ledger.begin(job("job_1"))
        ledger.close()

    thread = threading.Thread(target=start)
    thread.start()
    thread.join(0.3)  # long enough to come upon the other
    other.execute("ROLLBACK")
    other.close()
    thread.join()
    assert kept.warnings == []
    assert ids(kept.open().listing()) == ["job_1"]


def test_threads_share_one_ledger(kept: Kept) -> None:
    ledger = kept.open()
    found: list[tuple[int, str]] = []

    def work(worker: int) -> None:
        for n in range(10):
            name = f"job_{worker}_{n}"
            row = ledger.begin(job())
            ledger.change(row, job_id=name)
            found.append((row, name))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(seen.row, seen.job_id) for seen in ledger.listing()} == set(found)
    assert len(found) == 60


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_ledger_of_a_newer_version_is_left_alone(kept: Kept, journal: str) -> None:
    kept.path.parent.mkdir()
    db = sqlite3.connect(kept.path)
    db.execute(f"PRAGMA journal_mode = {journal}")
    db.execute("CREATE TABLE jobs (of_the_future TEXT)")
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.commit()
    db.close()
    before = kept.path.read_bytes()
    ledger = kept.open()
    ledger.change(ledger.begin(job()), job_id="job_1")
    assert ids(ledger.by_request("digest")) == ["job_1"]
    ledger.close()
    assert kept.path.read_bytes() == before
    assert kept.folder == {"ledger.db"}
    (warning,) = kept.warnings
    assert f"{kept.path} was written by a newer docspeed" in warning


# -- damage


def test_what_is_no_ledger_is_set_aside_and_a_new_one_is_started(kept: Kept) -> None:
    kept.path.parent.mkdir()
    damage = b"this is not a database, and longer than its header would be " * 100
    kept.path.write_bytes(damage)
    ledger = kept.open(lambda: 1234.5)
    ledger.begin(job("job_1"))
    assert ids(kept.open().listing()) == ["job_1"]
    (aside,) = [path for path in kept.path.parent.iterdir() if "damaged" in path.name]
    assert aside.read_bytes() == damage
    (warning,) = kept.warnings
    assert str(aside) in warning


def test_a_second_damaged_file_does_not_replace_the_first(kept: Kept) -> None:
    kept.path.parent.mkdir()
    damages = {b"first damage " * 100, b"second damage " * 100}
    for damage in damages:
        kept.path.write_bytes(damage)
        kept.open(lambda: 1234.0).close()
    asides = [path for path in kept.path.parent.iterdir() if "damaged" in path.name]
    assert {path.read_bytes() for path in asides} == damages


def _filled(kept: Kept, count: int = 200) -> None:
    ledger = kept.open()
    for n in range(count):
        ledger.begin(job(f"job_{n}"))
    ledger.close()


def _spoil(path: Path) -> bytes:
    """Damage every page but the first: the file opens, and its rows can't be read."""
    content = bytearray(path.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 200] = b"\xff" * 200
    path.write_bytes(content)
    return bytes(content)


def test_damage_beyond_the_first_page_does_not_stop_the_work(kept: Kept) -> None:
    _filled(kept)
    damage = _spoil(kept.path)
    ledger = kept.open()
    assert ledger.by_request("digest") == []
    row = ledger.begin(job("job_new"))
    ledger.change(row, status="queued", state=State.RUNNING)
    assert ids(ledger.by_request("digest")) == ["job_new"]
    ledger.close()
    assert damage in [path.read_bytes() for path in kept.path.parent.iterdir()]
    assert kept.warnings


def test_a_write_into_damage_does_not_stop_the_work(kept: Kept) -> None:
    _filled(kept)
    damage = _spoil(kept.path)
    ledger = kept.open()
    row = ledger.begin(job("job_new"))
    assert ledger.by_row(row) == job("job_new")._replace(row=row)
    ledger.close()
    assert damage in [path.read_bytes() for path in kept.path.parent.iterdir()]
    assert kept.warnings


def _spoil_the_middle(path: Path) -> None:
    """Damage the page that holds the middle row of the jobs, from another process, as a bad disk would."""
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


def _with_a_middle(kept: Kept) -> list[str]:
    """A ledger whose rows take many pages; the ids of its jobs."""
    ledger = kept.open()
    names = [f"job_{n}" for n in range(300)]
    for name in names:
        ledger.begin(job(name, input=f"{name}.pdf", request=f"of {name}", state=State.DONE))
    ledger.remember_upload(SERVER, KEY, "sha", "file_1", None)
    ledger.close()
    return names


def test_damage_in_the_middle_costs_only_what_it_hit(kept: Kept) -> None:
    """Found by a query long after the file was opened; whatever can be read is known in the new file."""
    names = _with_a_middle(kept)
    ledger = kept.open()
    row = ledger.begin(job("job_new"))
    _spoil_the_middle(kept.path)
    damage = kept.path.read_bytes()
    known = ids(ledger.listing())
    lost = [name for name in names if name not in known]
    assert 0 < len(lost) < 40
    assert [name for name in reversed([*names, "job_new"]) if name not in lost] == known
    assert ledger.by_row(row) == job("job_new")._replace(row=row)
    assert ledger.uploaded(SERVER, KEY, "sha") == "file_1"
    assert ledger.begin(job("job_next")) > row
    ledger.close()
    assert ids(kept.open().listing()) == ["job_next", *known]
    (warning,) = kept.warnings
    (aside,) = [name for name in kept.folder if re.fullmatch(r"ledger\.damaged-\d+\.db", name)]
    assert aside in warning and f"the {len(known)} jobs" in warning
    assert kept.path.with_name(aside).read_bytes() == damage


def test_a_table_that_is_gone_makes_a_new_file(kept: Kept) -> None:
    kept.open().close()
    with sqlite3.connect(kept.path) as db:
        db.execute("DROP TABLE jobs")
    db.close()
    kept.open().begin(job("job_1"))
    assert ids(kept.open().listing()) == ["job_1"]
    assert len(kept.warnings) == 1


def test_numbers_that_a_damaged_file_has_given_out_are_not_given_out_again(kept: Kept) -> None:
    """A process that still has the damaged file open will put down what becomes of its row, by number."""
    _filled(kept)
    _spoil(kept.path)
    assert kept.open().begin(job()) > 200


# -- another process sets it aside, or somebody deletes it


def _gone(path: Path) -> None:
    shutil.rmtree(path.parent)


def _set_aside(path: Path) -> None:
    """What another process does that meets damage; here it could still read the file's first rows."""
    for part in ("-wal", "-shm", ""):
        path.with_name(path.name + part).rename(path.with_name("ledger.damaged-1.db" + part))


@pytest.mark.parametrize("away", [_gone, _set_aside])
def test_what_was_sent_follows_to_the_new_file(kept: Kept, away: Callable[[Path], None]) -> None:
    ledger = kept.open()
    for _ in range(3):
        ledger.change(ledger.begin(job("job_old")), state=State.DONE)
    row = ledger.begin(job())
    away(kept.path)
    ledger.change(row, job_id="job_sent", status="queued", state=State.RUNNING)
    other = kept.open()
    (found,) = other.listing()
    assert (found.row, found.job_id, found.state) == (row, "job_sent", State.RUNNING)
    assert kept.warnings == []


@pytest.mark.parametrize("away", [_gone, _set_aside])
def test_a_submission_goes_to_the_new_file_before_it_is_sent(
    kept: Kept, away: Callable[[Path], None]
) -> None:
    ledger = kept.open()
    away(kept.path)
    row = ledger.begin(job())
    assert [(found.row, found.state) for found in kept.open().listing()] == [(row, State.SUBMITTING)]


def test_what_another_process_submitted_since_is_found_in_the_new_file(kept: Kept) -> None:
    ledger = kept.open()
    _set_aside(kept.path)
    kept.open().begin(job("job_of_another"))
    assert ids(ledger.by_request("digest")) == ["job_of_another"]


def test_the_log_of_the_new_file_outlives_those_that_had_the_old_one_open(kept: Kept) -> None:
    """SQLite deletes a log when the last one closes, by its name: that name is another file's by then."""
    stale = kept.open()
    stale.begin(job("job_old"))
    _set_aside(kept.path)
    ledger = kept.open()
    ledger.begin(job("job_new"))
    before = kept.path.with_name("ledger.db-wal").read_bytes()
    stale._file.db.close()
    assert kept.path.with_name("ledger.db-wal").read_bytes() == before
    with sqlite3.connect(kept.path.with_name("ledger.damaged-1.db")) as db:
        assert db.execute("SELECT job_id FROM jobs").fetchall() == [("job_old",)]
    db.close()


_MEETS_DAMAGE = """
import sys, time
from docspeed_cli.store.ledger import Ledger
from docspeed_cli.core.models import Job, State

print("ready", flush=True)
name = sys.stdin.readline().strip()
warnings = []
ledger = Ledger(sys.argv[1], warnings.append, time.time)
row = ledger.begin(Job("parse", "submitting", State.SUBMITTING, request=name, token=name))
ledger.change(row, job_id=name, state=State.RUNNING)
ledger.by_id("job_150")
ledger.close()
print("\\n".join(warnings))
"""
CROWD = 6


@pytest.mark.parametrize("attempt", range(4))
@pytest.mark.parametrize("damage", ["header", "middle"])
def test_processes_that_meet_one_damaged_ledger_make_one_new_one(
    kept: Kept, damage: str, attempt: int
) -> None:
    _with_a_middle(kept)
    if damage == "header":
        kept.path.write_bytes(b"\xff" * 100 + kept.path.read_bytes()[100:])
    else:
        _spoil_the_middle(kept.path)
    spoiled = kept.path.read_bytes()
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", _MEETS_DAMAGE, str(kept.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(CROWD)
    ]
    for program in programs:
        assert program.stdout is not None and program.stdout.readline() == "ready\n"
    for number, program in enumerate(programs):
        assert program.stdin is not None
        program.stdin.write(f"new_{number}\n")
        program.stdin.flush()
    said = [line for program in programs for line in program.communicate()[0].splitlines() if line]
    assert [program.returncode for program in programs] == [0] * CROWD
    known = {found.job_id: found.state for found in kept.open().listing()}
    assert {f"new_{number}": State.RUNNING for number in range(CROWD)}.items() <= known.items()
    (aside,) = [name for name in kept.folder if re.fullmatch(r"ledger\.damaged-.*\.db", name)]
    assert len(said) == 1 and aside in said[0]
    assert damage != "header" or kept.path.with_name(aside).read_bytes() == spoiled


# -- where it can't be kept


def _works(ledger: Ledger) -> None:
    row = ledger.begin(job())
    ledger.change(row, job_id="job_new", state=State.RUNNING, status="queued")
    ledger.remember_upload(SERVER, KEY, "sha", "file_1", None)
    assert ledger.by_row(row) == ledger.by_id("job_new")[0]
    assert ledger.uploaded(SERVER, KEY, "sha") == "file_1"
    assert ledger.drop([row]) == 1


def test_a_folder_in_the_file_s_place(kept: Kept) -> None:
    kept.path.mkdir(parents=True)
    _works(kept.open())
    (warning,) = kept.warnings
    assert str(kept.path) in warning
    assert kept.folder == {"ledger.db"}


def test_a_file_in_the_folder_s_place(kept: Kept) -> None:
    kept.path.parent.write_text("a file")
    _works(kept.open())
    (warning,) = kept.warnings
    assert str(kept.path) in warning
    assert kept.path.parent.read_text() == "a file"


def test_what_was_known_is_still_known_where_nothing_can_be_written(kept: Kept) -> None:
    """A folder where the write-ahead log should be stops every user, the superuser too."""
    _filled(kept, 3)
    kept.path.with_name("ledger.db-wal").mkdir()
    before = kept.path.read_bytes()
    ledger = kept.open()
    assert ids(ledger.by_request("digest")) == ["job_2", "job_1", "job_0"]
    assert ledger.begin(job()) == 4
    _works(ledger)
    assert len(kept.warnings) == 1
    assert kept.path.read_bytes() == before


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


def test_a_disk_that_fills_up_in_the_middle(kept: Kept) -> None:
    pytest.importorskip("resource")
    ran = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(kept.path)], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "went on\n"), ran.stderr
    assert ids(kept.open().by_request("digest")) == [None, None, "job_known"]


# -- what it costs


def _commits(log: Path) -> int:
    """How often something was committed to a log: a frame's second word is set where a commit ends."""
    content = log.read_bytes()
    frames = (content[start + 4 : start + 8] for start in range(32, len(content), 24 + 4096))
    return sum(any(word) for word in frames)


def test_whoever_waits_for_the_disk_shares_one_commit(kept: Kept) -> None:
    ledger, many = kept.open(), 24
    log = kept.path.with_name("ledger.db-wal")
    before = _commits(log)
    threads = [threading.Thread(target=ledger.begin, args=(job(f"job_{n}"),)) for n in range(many)]
    with ledger._lock:  # as somebody does who is at the disk
        for thread in threads:
            thread.start()
        while len(ledger._waiting) < many:
            assert all(thread.is_alive() for thread in threads)
    for thread in threads:
        thread.join()
    assert _commits(log) == before + 1
    assert len(kept.open().listing()) == many


class Interrupting:
    """A value that brings an interruption along, the first time that it is written."""

    def __init__(self) -> None:
        self.times = 0

    def __conform__(self, protocol: object) -> str:
        self.times += 1
        if self.times == 1:
            raise KeyboardInterrupt
        return "job_2"


def test_an_interruption_in_the_middle_of_a_commit_keeps_nobody_s_write_from_the_file(kept: Kept) -> None:
    ledger = kept.open()
    rows = [ledger.begin(job()) for _ in range(3)]
    ledger.change_soon(rows[0], job_id="job_1")
    ledger.change_soon(rows[1], job_id=Interrupting())
    with pytest.raises(KeyboardInterrupt):
        ledger.change(rows[2], job_id="job_3")
    assert ids(kept.open().listing()) == [None] * 3
    ledger.close()
    assert ids(kept.open().listing()) == [None, "job_2", "job_1"]


def test_only_what_can_be_had_again_does_not_wait_for_the_disk(kept: Kept) -> None:
    """Whatever is written is safe from a kill; FULL (2) is safe from a loss of power too."""
    ledger = kept.open()
    writes: list[tuple[int, Callable[[], object]]] = [
        (2, lambda: ledger.begin(job())),
        (1, lambda: ledger.remember_upload(SERVER, KEY, "sha", "file_1", None)),
        (2, lambda: ledger.change(1, job_id="job_1")),
        (1, lambda: ledger.set_output(1, "a.json", "1 2")),
        (2, lambda: ledger.drop([1])),
    ]
    for wanted, write in writes:
        write()
        assert ledger.read("PRAGMA synchronous", []) == [(wanted,)]


def test_no_statement_of_a_command_reads_a_whole_table(kept: Kept) -> None:
    ledger = kept.open()
    asked: list[str] = []
    ledger._file.db.set_trace_callback(asked.append)
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
    ledger.digest_of(SERVER, KEY, "file_1")
    ledger.forget_upload(SERVER, "file_1")
    ledger.drop([row])
    ledger._file.db.set_trace_callback(None)
    hot = [sql for sql in asked if sql.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE")]
    assert len(hot) >= 15
    for sql in hot:
        plan = [step[3] for step in ledger.read(f"EXPLAIN QUERY PLAN {sql}", [])]
        bounded = "ORDER BY row DESC LIMIT" in sql and "request =" not in sql
        assert all(step.startswith("SEARCH") or (bounded and step == "SCAN jobs") for step in plan), (
            sql,
            plan,
        )


def test_a_row_that_came_into_the_old_file_late_takes_nobody_s_number(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking which file is in the place and writing, another process may have set it aside."""
    _with_a_middle(kept)
    late, finder = kept.open(), kept.open()
    _spoil_the_middle(kept.path)
    finder.listing()
    with monkeypatch.context() as blind:
        looks = iter([False])
        seen = late._file.moved
        blind.setattr(late._file, "moved", lambda: next(looks, None) is None and seen())
        other = finder.begin(job("job_other", token="other"))
        row = late.begin(job("job_late", token="late"))
    late.change(row, state=State.RUNNING)
    known = {found.job_id: (found.row, found.token, found.state) for found in kept.open().listing()}
    assert known["job_other"] == (other, "other", State.SUBMITTING)
    assert known["job_late"] == (row, "late", State.RUNNING)


def _of_the_first_layout(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as db:
        db.executescript(MIGRATIONS[0])
        db.execute(
            "INSERT INTO jobs (request, server, key, operation, status, state, job_id)"
            " VALUES ('digest', 's', 'k', 'parse', 'done', 'done', 'job_old')"
        )
        db.execute("PRAGMA user_version = 1")
    db.close()


def test_a_file_of_an_older_layout_is_brought_to_this_one(kept: Kept) -> None:
    _of_the_first_layout(kept.path)
    ledger = kept.open()
    (old,) = ledger.by_request("digest")
    assert (old.job_id, old.stamp, kept.warnings) == ("job_old", None, [])
    ledger.set_output(old.row or 0, "a.json", "1 2")
    assert ledger.by_id("job_old")[0].stamp == "1 2"


def test_what_an_older_layout_holds_is_known_where_nothing_can_be_written(kept: Kept) -> None:
    _of_the_first_layout(kept.path)
    kept.path.with_name("ledger.db-journal").mkdir()
    assert ids(kept.open().by_request("digest")) == ["job_old"]
    assert len(kept.warnings) == 1


def test_what_nobody_may_look_at_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that may not be entered: even whether there is a file in it is refused."""

    def refused(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refused)
    assert list(read_only(str(tmp_path / "ledger.db"))) == []


# -- damage in names and in values


@pytest.mark.parametrize(
    "place", [b"CREATE TABLE uploads", b"CREATE TABLE jobs", b"job_id TEXT", b"operation TEXT"]
)
@pytest.mark.parametrize("byte", [0xFF, 0x00, 0x80])
def test_damage_in_the_layout_s_own_words(kept: Kept, place: bytes, byte: int) -> None:
    """Python 3.11 can't even read what SQLite says of it."""
    ledger = kept.open()
    ledger.begin(job("job_1"))
    ledger.close()
    content = bytearray(kept.path.read_bytes())
    content[content.index(place) + 3] = byte
    kept.path.write_bytes(content)
    ledger = kept.open()
    assert ledger.begin(job("job_2"))
    assert "job_2" in ids(ledger.listing())
    assert any("is kept as" in warning for warning in kept.warnings)
    assert any(".damaged-" in name for name in kept.folder)


def test_damage_in_values_beside_the_jobs(kept: Kept) -> None:
    ledger = kept.open()
    ledger.remember_upload(SERVER, KEY, "digest", "file_1", "a.pdf")
    talk = Conversation("s", ("digest",), ("file_1",), ("a.pdf",))
    remember_conversation(ledger, SERVER, KEY, talk, 1.0)
    assert (ledger.uploaded(SERVER, KEY, "digest"), ledger.digest_of(SERVER, KEY, "file_1")) == (
        "file_1",
        "digest",
    )
    assert last_conversation(ledger, SERVER, KEY) == talk
    ledger.write("UPDATE uploads SET file_id = x'00ff'", [])
    assert ledger.uploaded(SERVER, KEY, "digest") is None
    for damaged in ('[[a.pdf"]', "7", "{"):
        ledger.write("UPDATE conversations SET names = ?", [damaged])
        assert last_conversation(ledger, SERVER, KEY) is None


def test_a_file_that_is_not_sound_is_told_by_the_doctor(kept: Kept) -> None:
    ledger = kept.open()
    for number in range(200):
        ledger.begin(job(f"job_{number}"))
    ledger.write("PRAGMA writable_schema = ON", [])
    assert ledger.health() == (200, "")
    ledger.close()
    db = sqlite3.connect(kept.path, isolation_level=None)
    db.execute("PRAGMA writable_schema = ON")
    db.execute("DELETE FROM sqlite_master WHERE name = 'jobs_by_id'")
    db.close()
    rows, wrong = kept.open().health()
    assert (rows, wrong != "") == (200, True)


def test_the_runs_of_an_older_layout_are_known_in_this_one(kept: Kept) -> None:
    ledger = kept.open()
    ledger.begin(job("job_1", batch="a", submitted_at=5.0))
    ledger.begin(job("job_2", batch="b", submitted_at=4.0))
    ledger.close()
    db = sqlite3.connect(kept.path, isolation_level=None)
    db.execute("DROP TABLE runs")
    db.execute("PRAGMA user_version = 2")
    db.close()
    assert kept.open().newest_batch() == "a"
    assert kept.warnings == []
