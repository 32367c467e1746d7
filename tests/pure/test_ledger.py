"""The ledger forgets nothing that was put down, whoever else writes, and gives way where it can't be kept."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle as Rows
from hypothesis.stateful import RuleBasedStateMachine, consumes, initialize, invariant, rule

from docspeed_cli.ledger import MIGRATIONS, Conversation, Ledger
from docspeed_cli.models import Job, State

SERVER = "https://api.docspeed.ai"
KEY = "fingerprint"


class Kept:
    """A ledger's file, the warnings that came, and a clock that ticks at each look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._ticks = itertools.count(1_000)

    def open(self, now: Callable[[], float] | None = None) -> Ledger:
        return Ledger(self.path, self.warnings.append, now or (lambda: float(next(self._ticks))))

    @property
    def folder(self) -> set[str]:
        return {path.name for path in self.path.parent.iterdir()}


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "state" / "ledger.db")


def job(job_id: str | None = None, *, operation: str = "parse", **members: object) -> Job:
    plain = Job(
        operation=operation,
        status="submitting",
        state=State.SUBMITTING,
        job_id=job_id,
        request="digest",
        server=SERVER,
        key=KEY,
        input="a.pdf",
        submitted_at=1.0,
        token="token",
    )
    return plain._replace(**members)  # type: ignore[arg-type]


def ids(jobs: list[Job]) -> list[str | None]:
    return [found.job_id for found in jobs]


# -- rows


def test_a_submission_is_there_before_it_has_an_id_and_for_another_program(kept: Kept) -> None:
    row = kept.open().begin(job())
    other = kept.open()
    assert other.by_request("digest") == [job()._replace(row=row)]
    assert other.by_request("digest")[0].state is State.SUBMITTING


def test_what_becomes_known_of_a_submission_is_there_for_another_program(kept: Kept) -> None:
    ledger, other = kept.open(lambda: 7.5), kept.open()
    row = ledger.begin(job())
    ledger.change(row, job_id="job_1", status="queued", state=State.RUNNING)
    expected = job("job_1")._replace(row=row, status="queued", state=State.RUNNING, updated_at=7.5)
    assert other.by_row(row) == expected
    assert other.by_id("job_1") == [expected]


def test_every_member_of_a_job_comes_back(kept: Kept) -> None:
    full = job(
        "job_é",
        status="half \udcff way".encode("utf-8", "replace").decode(),
        state=State.FAILED,
        file_id="file_1, file_2",
        updated_at=2.25,
        output="out/a.json",
        error="it broke: 'quoted' \x00 \n",
        batch="batch",
    )
    row = kept.open().begin(full)
    assert kept.open().by_row(row) == full._replace(row=row)


def test_a_change_touches_one_row(kept: Kept) -> None:
    ledger = kept.open()
    rows = [ledger.begin(job(f"job_{n}")) for n in range(3)]
    ledger.change(rows[1], status="completed", state=State.DONE)
    assert [ledger.by_row(row).state for row in rows] == [  # type: ignore[union-attr]
        State.SUBMITTING,
        State.DONE,
        State.SUBMITTING,
    ]


def test_the_newest_submission_of_a_request_comes_first(kept: Kept) -> None:
    ledger = kept.open()
    for name in ("job_1", "job_2", "job_3"):
        ledger.begin(job(name))
    ledger.begin(job("job_4", request="another"))
    assert ids(ledger.by_request("digest")) == ["job_3", "job_2", "job_1"]


def test_the_newest_job_and_the_newest_of_a_server(kept: Kept) -> None:
    ledger = kept.open()
    assert ledger.newest() is None
    ledger.begin(job("job_1"))
    ledger.begin(job("job_2", server="sandbox"))
    assert ledger.newest() == ledger.by_id("job_2")[0]
    assert ledger.newest(SERVER) == ledger.by_id("job_1")[0]
    assert ledger.newest("https://elsewhere") is None


def test_the_newest_run_of_many(kept: Kept) -> None:
    ledger = kept.open()
    assert ledger.newest_batch() is None
    ledger.begin(job("job_1", batch="first"))
    ledger.begin(job("job_2", batch="second"))
    ledger.begin(job("job_3"))
    assert ledger.newest_batch() == "second"


def test_jobs_of_two_servers_may_have_one_id(kept: Kept) -> None:
    ledger = kept.open()
    ledger.begin(job("job_1"))
    ledger.begin(job("job_1", server="sandbox"))
    assert [found.server for found in ledger.by_id("job_1")] == ["sandbox", SERVER]


def test_an_unknown_row_or_id_is_nothing(kept: Kept) -> None:
    ledger = kept.open()
    assert (ledger.by_row(1), ledger.by_id("job_1"), ledger.by_request("digest")) == (None, [], [])


# -- listing and forgetting


@pytest.fixture
def listed(kept: Kept) -> Ledger:
    ledger = kept.open()
    ledger.begin(job("job_1", status="Queued", state=State.RUNNING, submitted_at=10.0))
    ledger.begin(job("job_2", status="Succeeded", state=State.DONE, submitted_at=20.0, batch="b"))
    ledger.begin(
        job("job_3", operation="extract", status="failed", state=State.FAILED, submitted_at=30.0, batch="b")
    )
    ledger.begin(job(None, operation="extract", status="unknown", state=State.UNKNOWN, submitted_at=None))
    return ledger


def test_a_listing_is_newest_first(listed: Ledger) -> None:
    assert ids(listed.listing()) == [None, "job_3", "job_2", "job_1"]
    assert ids(listed.listing(limit=2)) == [None, "job_3"]
    assert ids(listed.listing(limit=0)) == []


@pytest.mark.parametrize("word", ["Queued", "queued", "QUEUED", "running", "Running"])
def test_a_status_is_the_server_s_word_or_the_program_s_in_any_case(listed: Ledger, word: str) -> None:
    assert ids(listed.listing(status=word)) == ["job_1"]


def test_listings_are_narrowed(listed: Ledger) -> None:
    assert ids(listed.listing(operation="extract")) == [None, "job_3"]
    assert ids(listed.listing(batch="b")) == ["job_3", "job_2"]
    assert ids(listed.listing(older_than=20.0)) == [None, "job_1"]
    assert ids(listed.listing(status="done", operation="parse", batch="b", older_than=21.0, limit=5)) == [
        "job_2"
    ]
    assert ids(listed.listing(status="done", operation="extract")) == []


def test_forgetting_says_how_many_there_were(listed: Ledger) -> None:
    rows = [found.row or 0 for found in listed.listing()]
    assert listed.drop([rows[0], rows[2], 999, rows[0]]) == 2
    assert ids(listed.listing()) == ["job_3", "job_1"]
    assert listed.drop([]) == 0


def test_a_forgotten_row_s_number_never_comes_back(kept: Kept) -> None:
    """`@7` in somebody's notes must not name another job one day."""
    ledger = kept.open()
    row = ledger.begin(job("job_1"))
    ledger.drop([row])
    assert ledger.begin(job("job_2")) > row


# -- uploads and conversations


def test_an_upload_is_known_for_its_server_key_and_content(kept: Kept) -> None:
    ledger = kept.open()
    ledger.remember_upload(SERVER, KEY, "sha", "file_1", "a.pdf")
    assert kept.open().uploaded(SERVER, KEY, "sha") == "file_1"
    assert ledger.uploaded("sandbox", KEY, "sha") is None
    assert ledger.uploaded(SERVER, "another key", "sha") is None
    assert ledger.uploaded(SERVER, KEY, "another content") is None


def test_a_newer_upload_of_the_same_content_counts(kept: Kept) -> None:
    ledger = kept.open()
    ledger.remember_upload(SERVER, KEY, "sha", "file_1", "a.pdf")
    ledger.remember_upload(SERVER, KEY, "sha", "file_2", None)
    assert ledger.uploaded(SERVER, KEY, "sha") == "file_2"
    assert ledger.digest_of(SERVER, KEY, "file_1") is None


def test_the_content_of_a_stored_file_is_known_where_it_was_stored_by_this_key(kept: Kept) -> None:
    ledger = kept.open()
    ledger.remember_upload(SERVER, KEY, "sha", "file_1", "a.pdf")
    assert ledger.digest_of(SERVER, KEY, "file_1") == "sha"
    assert ledger.digest_of("sandbox", KEY, "file_1") is None
    assert ledger.digest_of(SERVER, "another key", "file_1") is None
    assert ledger.digest_of(SERVER, KEY, "file_2") is None


def test_a_file_that_the_server_lost_is_forgotten_on_that_server_only(kept: Kept) -> None:
    ledger = kept.open()
    for server in (SERVER, "sandbox"):
        ledger.remember_upload(server, KEY, "sha", "file_1", "a.pdf")
    ledger.forget_upload(SERVER, "file_1")
    assert ledger.uploaded(SERVER, KEY, "sha") is None
    assert ledger.uploaded("sandbox", KEY, "sha") == "file_1"


def talk(session_id: str, *documents: str) -> Conversation:
    return Conversation(session_id, documents, tuple(f"file_{d}" for d in documents), ("a, b.pdf", "é"))


def test_the_last_conversation_over_the_same_documents_in_their_order(kept: Kept) -> None:
    ledger = kept.open()
    for spoken in (talk("s1", "a", "b"), talk("s2", "a", "b"), talk("s3", "b", "a"), talk("s4")):
        ledger.remember_conversation(SERVER, KEY, spoken)
    assert ledger.conversation(SERVER, KEY, ("a", "b")) == talk("s2", "a", "b")
    assert ledger.conversation(SERVER, KEY, ("b", "a")) == talk("s3", "b", "a")
    assert ledger.conversation(SERVER, KEY, ("a",)) is None
    assert ledger.conversation(SERVER, KEY, ()) == talk("s4")
    assert ledger.conversation(SERVER, KEY) == talk("s4")
    assert ledger.conversation("sandbox", KEY) is None
    assert ledger.conversation(SERVER, "another key") is None


def test_a_turn_makes_a_conversation_the_last_one_again(kept: Kept) -> None:
    ledger = kept.open()
    for spoken in (talk("s1", "a"), talk("s2", "a"), talk("s1", "a")):
        ledger.remember_conversation(SERVER, KEY, spoken)
    assert kept.open().conversation(SERVER, KEY, ("a",)) == talk("s1", "a")


def test_a_reset_server_is_forgotten_and_no_other(kept: Kept) -> None:
    ledger = kept.open()
    for server in (SERVER, "sandbox"):
        ledger.begin(job("job_1", server=server))
        ledger.remember_upload(server, KEY, "sha", "file_1", None)
        ledger.remember_conversation(server, KEY, talk("s1", "a"))
    ledger.forget_server("sandbox")
    assert [found.server for found in ledger.listing()] == [SERVER]
    assert ledger.uploaded("sandbox", KEY, "sha") is None
    assert ledger.conversation("sandbox", KEY) is None
    assert ledger.uploaded(SERVER, KEY, "sha") == "file_1"
    assert ledger.conversation(SERVER, KEY) == talk("s1", "a")


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
    assert str(kept.path) in warning and "newer" in warning


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
from docspeed_cli.ledger import Ledger
from docspeed_cli.models import Job, State

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


# -- two at once


class TwoPrograms(RuleBasedStateMachine):
    """Two programs with one file, in any order: what either put down, both find."""

    rows: Rows[int] = Rows("rows")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.model: dict[int, tuple[str | None, State]] = {}

    @initialize()
    def start(self) -> None:
        self.kept = Kept(Path(self.folder.name) / "ledger.db")
        self.programs = [self.kept.open(), self.kept.open()]

    @rule(target=rows, program=st.integers(0, 1))
    def begin(self, program: int) -> int:
        row = self.programs[program].begin(job())
        assert row not in self.model
        self.model[row] = (None, State.SUBMITTING)
        return row

    @rule(program=st.integers(0, 1), row=rows, state=st.sampled_from(State), name=st.text(max_size=5))
    def change(self, program: int, row: int, state: State, name: str) -> None:
        self.programs[program].change(row, job_id=name, state=state)
        if row in self.model:
            self.model[row] = (name, state)

    @rule(program=st.integers(0, 1), row=consumes(rows))
    def drop(self, program: int, row: int) -> None:
        assert self.programs[program].drop([row]) == (row in self.model)
        self.model.pop(row, None)

    @rule(program=st.integers(0, 1))
    def start_again(self, program: int) -> None:
        self.programs[program].close()
        self.programs[program] = self.kept.open()

    @invariant()
    def nothing_is_lost(self) -> None:
        for ledger in getattr(self, "programs", ()):
            found = {seen.row: (seen.job_id, seen.state) for seen in ledger.listing()}
            assert found == self.model

    def teardown(self) -> None:
        for ledger in getattr(self, "programs", ()):
            ledger.close()
        self.folder.cleanup()


TestTwoPrograms = TwoPrograms.TestCase
TestTwoPrograms.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
