"""The ledger forgets nothing that was put down, whoever else writes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle as Rows
from hypothesis.stateful import RuleBasedStateMachine, consumes, initialize, invariant, rule

from docspeed_cli.core.models import State
from docspeed_cli.core.timefmt import ago
from docspeed_cli.store.ledger import Ledger
from tests.store.conftest import KEY, SERVER, Kept, ids, job


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "state" / "ledger.db")


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
    ledger.begin(job("job_2", batch="second", server="sandbox"))
    for batch in ("first", "second", "first", "that submitted nothing"):
        ledger.began(batch)
    assert ledger.newest_batch() == "first"
    assert (ledger.newest_batch("sandbox"), ledger.newest_batch("https://elsewhere")) == ("second", None)


def test_what_waits_to_be_written_does_not_grow(kept: Kept) -> None:
    ledger = kept.open()
    row = ledger.begin(job("job_1"))
    for number in range(2000):
        ledger.change_soon(row, batch=str(number))
    assert len(ledger._waiting) <= 500
    assert ledger.by_id("job_1")[0].batch == "1999"


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


# -- uploads


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


def test_a_reset_server_is_forgotten_and_no_other(kept: Kept) -> None:
    ledger = kept.open()
    for server in (SERVER, "sandbox"):
        ledger.begin(job("job_1", server=server))
        ledger.remember_upload(server, KEY, "sha", "file_1", None)
    ledger.forget_server("sandbox")
    assert [found.server for found in ledger.listing()] == [SERVER]
    assert ledger.uploaded("sandbox", KEY, "sha") is None
    assert ledger.uploaded(SERVER, KEY, "sha") == "file_1"


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


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("submitted_at", 1e300),
        ("submitted_at", -1e300),
        ("submitted_at", "yesterday"),
        ("updated_at", b"\xff"),
        ("job_id", b"job\xff"),
        ("status", 7),
        ("input", b"\xff\xfe"),
        ("error", 1.5),
        ("output", b""),
    ],
)
def test_damage_within_a_value_spoils_no_row(kept: Kept, column: str, value: object) -> None:
    """No check of the file finds it: one bit is another number, or another kind of value."""
    ledger = kept.open()
    row = ledger.begin(job("job_1"))
    ledger.write(f"UPDATE jobs SET {column} = ?", [value])
    found = ledger.by_row(row)
    assert found is not None
    json.dumps(found.to_full_json())
    assert ago(found.submitted_at, 1.0)
    assert "job" in found.shell_ref
