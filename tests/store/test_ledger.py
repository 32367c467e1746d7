"""Whatever is recorded in the ledger is found again, in this process and in others."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle as Rows
from hypothesis.stateful import RuleBasedStateMachine, consumes, initialize, invariant, rule

from docspeed_cli.core.models import Conversation, State
from docspeed_cli.core.timefmt import ago
from docspeed_cli.store.ledger import Ledger
from tests.postgres import Server
from tests.store.conftest import KEY, SERVER, LedgerFile, PostgresStore, Store, ids, job

# -- jobs


def test_ledger_begin_is_visible_to_another_process_without_an_id(store: Store) -> None:
    row = store.open().begin(job())
    assert store.open().by_request("digest") == [job()._replace(row=row)]


def test_ledger_change_is_visible_to_another_process(store: Store) -> None:
    ledger, other = store.open(lambda: 7.5), store.open()
    row = ledger.begin(job())
    ledger.change(row, job_id="job_1", status="queued", state=State.RUNNING)
    expected = job("job_1")._replace(row=row, status="queued", state=State.RUNNING, updated_at=7.5)
    assert other.by_row(row) == expected
    assert other.by_id("job_1") == [expected]


def test_ledger_begin_keeps_every_member_of_a_job(store: Store) -> None:
    full = job(
        "job_é",
        status="half \udcff way".encode("utf-8", "replace").decode(),
        state=State.FAILED,
        file_id="file_1, file_2",
        updated_at=2.25,
        output="out/a.json",
        error="it broke: 'quoted' \x01 \n",
        run="run",
        content_hash="sha json",
    )
    row = store.open().begin(full)
    assert store.open().by_row(row) == full._replace(row=row)


def test_ledger_change_touches_one_row(store: Store) -> None:
    ledger = store.open()
    rows = [ledger.begin(job(f"job_{n}")) for n in range(3)]
    ledger.change(rows[1], status="completed", state=State.DONE)
    states = [found.state for found in ledger.listing()]
    assert states == [State.SUBMITTING, State.DONE, State.SUBMITTING]


def test_ledger_by_request_returns_the_newest_first(store: Store) -> None:
    ledger = store.open()
    for name in ("job_1", "job_2", "job_3"):
        ledger.begin(job(name))
    ledger.begin(job("job_4", request="another"))
    assert ids(ledger.by_request("digest")) == ["job_3", "job_2", "job_1"]


def test_ledger_newest_of_any_server_and_of_one(store: Store) -> None:
    ledger = store.open()
    assert ledger.newest() is None
    ledger.begin(job("job_1"))
    ledger.begin(job("job_2", server="sandbox"))
    assert ledger.newest() == ledger.by_id("job_2")[0]
    assert ledger.newest(SERVER) == ledger.by_id("job_1")[0]
    assert ledger.newest("https://elsewhere") is None


def test_ledger_by_id_returns_jobs_of_two_servers(store: Store) -> None:
    ledger = store.open()
    ledger.begin(job("job_1"))
    ledger.begin(job("job_1", server="sandbox"))
    assert [found.server for found in ledger.by_id("job_1")] == ["sandbox", SERVER]


def test_ledger_of_file_is_the_newest_job_over_it_alone_or_among_others(store: Store) -> None:
    ledger = store.open()
    for number, file_ids in enumerate(("file_1", "file_2, file_1", "file_11, file_2", None)):
        ledger.begin(job(f"job_{number}", file_id=file_ids))
    found = [ledger.of_file(file_id) for file_id in ("file_1", "file_2", "file_11", "file")]
    assert [each and each.job_id for each in found] == ["job_1", "job_2", "job_2", None]


def test_ledger_output_folders_are_those_of_one_operation(store: Store) -> None:
    ledger = store.open()
    for output in ("/x/o ut/a.json", "/x/o ut/b.json", "/x/ä/a.csv", "c.json"):
        ledger.set_output(ledger.begin(job()), output, "sha")
    ledger.begin(job())
    assert sorted(ledger.output_folders(job().operation)) == ["", "/x/o ut/", "/x/ä/"]
    assert ledger.output_folders("split") == []


def test_ledger_of_output_is_the_job_that_wrote_the_file_last(store: Store) -> None:
    ledger = store.open()
    rows = [ledger.begin(job(f"job_{number}")) for number in range(3)]
    for row, output in ((rows[1], "a.json"), (rows[0], "a.json"), (rows[2], "b.json")):
        ledger.set_output(row, output, f"sha {row}")
    found = [ledger.of_output(output) for output in ("a.json", "b.json", "c.json")]
    assert [each and each.job_id for each in found] == ["job_0", "job_2", None]
    assert sorted(ledger.written_to("a.json")) == sorted(f"sha {row}" for row in rows[:2])
    assert [ledger.wrote(digest) for digest in (f"sha {rows[0]}", "sha x")] == [True, False]


def test_ledger_unknown_row_id_or_request_returns_nothing(store: Store) -> None:
    ledger = store.open()
    assert (ledger.by_row(1), ledger.by_id("job_1"), ledger.by_request("digest")) == (None, [], [])


def test_ledger_change_of_a_lost_row_warns_with_the_job_id(store: Store) -> None:
    ledger = store.open()
    ledger.change(7, state=State.UNKNOWN)
    assert store.warnings == []
    ledger.change(7, job_id="job_1", state=State.RUNNING)
    (warning,) = store.warnings
    assert "row 7" in warning and "job_1" in warning


# -- listing and deleting


@pytest.fixture
def listed(store: Store) -> Ledger:
    ledger = store.open()
    ledger.begin(job("job_1", status="Queued", state=State.RUNNING, submitted_at=10.0))
    ledger.begin(job("job_2", status="Succeeded", state=State.DONE, submitted_at=20.0, run="b"))
    ledger.begin(
        job("job_3", operation="extract", status="failed", state=State.FAILED, submitted_at=30.0, run="b")
    )
    ledger.begin(job(None, operation="extract", status="unknown", state=State.UNKNOWN, submitted_at=None))
    return ledger


def test_ledger_listing_is_newest_first(listed: Ledger) -> None:
    assert ids(listed.listing()) == [None, "job_3", "job_2", "job_1"]
    assert ids(listed.listing(limit=2)) == [None, "job_3"]
    assert ids(listed.listing(limit=0)) == []
    assert len(listed.listing(limit=10**30)) == 4


@pytest.mark.parametrize("word", ["Queued", "QUEUED", "running", "Running"])
def test_ledger_listing_by_status_takes_states_and_the_server_s_words(listed: Ledger, word: str) -> None:
    assert ids(listed.listing(status=word)) == ["job_1"]


def test_ledger_listing_filters_combine(listed: Ledger) -> None:
    assert ids(listed.listing(operation="extract")) == [None, "job_3"]
    assert ids(listed.listing(run="b")) == ["job_3", "job_2"]
    assert ids(listed.listing(older_than=20.0)) == [None, "job_1"]
    assert ids(listed.listing(status="done", operation="parse", run="b", older_than=21.0, limit=5)) == [
        "job_2"
    ]
    assert ids(listed.listing(status="done", operation="extract")) == []


def test_ledger_operations_and_statuses_are_those_of_its_jobs(listed: Ledger) -> None:
    assert set(listed.operations()) == {"parse", "extract"}
    assert listed.statuses() == [
        ("done", "succeeded"),
        ("failed", "failed"),
        ("running", "queued"),
        ("unknown", "unknown"),
    ]


def test_ledger_drop_returns_how_many_rows_there_were(listed: Ledger) -> None:
    rows = [found.row or 0 for found in listed.listing()]
    assert listed.drop([rows[0], rows[2], 999, rows[0]]) == 2
    assert ids(listed.listing()) == ["job_3", "job_1"]
    assert listed.drop([]) == 0


def test_ledger_row_number_after_drop_is_not_reused(store: Store) -> None:
    """`@7` in somebody's notes must not name another job one day."""
    ledger = store.open()
    row = ledger.begin(job("job_1"))
    ledger.drop([row])
    assert ledger.begin(job("job_2")) > row


# -- uploads


def test_ledger_upload_is_found_by_server_key_and_digest(store: Store) -> None:
    ledger = store.open()
    ledger.remember_upload(SERVER, KEY, "sha", "file_1", "a.pdf")
    assert store.open().uploaded(SERVER, KEY, "sha") == "file_1"
    assert ledger.uploaded("sandbox", KEY, "sha") is None
    assert ledger.uploaded(SERVER, "another key", "sha") is None
    assert ledger.uploaded(SERVER, KEY, "another content") is None


def test_ledger_upload_of_the_same_content_replaces_the_older_one(store: Store) -> None:
    ledger = store.open()
    ledger.remember_upload(SERVER, KEY, "sha", "file_1", "a.pdf")
    ledger.remember_upload(SERVER, KEY, "sha", "file_2", None)
    assert ledger.uploaded(SERVER, KEY, "sha") == "file_2"
    assert ledger.stored_file(SERVER, KEY, "file_1") == (None, None, None)


def test_ledger_stored_file_has_its_digest_and_name_for_the_uploading_key_and_server(store: Store) -> None:
    ledger = store.open()
    ledger.remember_upload(SERVER, KEY, "sha", "file_1", "a.pdf")
    assert ledger.stored_file(SERVER, KEY, "file_1") == ("sha", "a.pdf", None)
    assert ledger.stored_file("sandbox", KEY, "file_1") == (None, None, None)
    assert ledger.stored_file(SERVER, "another key", "file_1") == (None, None, None)
    assert ledger.stored_file(SERVER, KEY, "file_2") == (None, None, None)


def test_ledger_forget_upload_keeps_other_servers(store: Store) -> None:
    ledger = store.open()
    for server in (SERVER, "sandbox"):
        ledger.remember_upload(server, KEY, "sha", "file_1", "a.pdf")
    ledger.forget_upload(SERVER, "file_1")
    assert ledger.uploaded(SERVER, KEY, "sha") is None
    assert ledger.uploaded("sandbox", KEY, "sha") == "file_1"


def test_ledger_reset_server_keeps_other_servers(store: Store) -> None:
    ledger = store.open()
    for server in (SERVER, "sandbox"):
        ledger.begin(job("job_1", server=server))
        ledger.remember_upload(server, KEY, "sha", "file_1", None)
        ledger.remember_conversation(server, KEY, talk("s1", "a"))
    ledger.reset_server("sandbox")
    assert [(found.server, found.state) for found in ledger.listing()] == [
        ("sandbox", State.GONE),
        (SERVER, State.SUBMITTING),
    ]
    assert [ledger.uploaded(server, KEY, "sha") for server in ("sandbox", SERVER)] == [None, "file_1"]
    talks = [ledger.last_conversation(server, KEY) for server in ("sandbox", SERVER)]
    assert talks == [None, talk("s1", "a")]


# -- conversations


def talk(session_id: str, *documents: str) -> Conversation:
    return Conversation(session_id, documents, tuple(f"file_{d}" for d in documents), ("a, b.pdf", "é"))


def test_ledger_last_conversation_is_found_by_its_documents_in_order(store: Store) -> None:
    ledger = store.open()
    for spoken in (talk("s1", "a", "b"), talk("s2", "a", "b"), talk("s3", "b", "a"), talk("s4")):
        ledger.remember_conversation(SERVER, KEY, spoken)
    assert ledger.last_conversation(SERVER, KEY, ("a", "b")) == talk("s2", "a", "b")
    assert ledger.last_conversation(SERVER, KEY, ("b", "a")) == talk("s3", "b", "a")
    assert ledger.last_conversation(SERVER, KEY, ("a",)) is None
    assert ledger.last_conversation(SERVER, KEY, ()) == talk("s4")
    assert ledger.last_conversation(SERVER, KEY) == talk("s4")
    assert ledger.last_conversation("sandbox", KEY) is None
    assert ledger.last_conversation(SERVER, "another key") is None


def test_ledger_last_conversation_is_the_one_continued_last(store: Store) -> None:
    ledger = store.open()
    for spoken in (talk("s1", "a"), talk("s2", "a"), talk("s1", "a")):
        ledger.remember_conversation(SERVER, KEY, spoken)
    assert store.open().last_conversation(SERVER, KEY, ("a",)) == talk("s1", "a")


# -- damage inside values


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
def test_ledger_row_with_a_damaged_value_is_still_read(file: LedgerFile, column: str, value: object) -> None:
    ledger = file.open()
    row = ledger.begin(job("job_1"))
    ledger.database.write(f"UPDATE jobs SET {column} = ?", [value])
    found = ledger.by_row(row)
    assert found is not None
    json.dumps(found.to_full_json())
    assert ago(found.submitted_at, 1.0)
    assert found.shell_ref in ("job_1", "@1")


def test_ledger_damaged_upload_or_conversation_counts_as_none(file: LedgerFile) -> None:
    ledger = file.open()
    ledger.remember_upload(SERVER, KEY, "digest", "file_1", "a.pdf")
    ledger.remember_conversation(SERVER, KEY, talk("s1", "digest"))
    ledger.database.write("UPDATE uploads SET file_id = x'00ff'", [])
    assert ledger.uploaded(SERVER, KEY, "digest") is None
    for damaged in ('[[a.pdf"]', "7", "{"):
        ledger.database.write("UPDATE conversations SET names = ?", [damaged])
        assert ledger.last_conversation(SERVER, KEY) is None


# -- two programs


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
"""PostgreSQL holds no NUL: it is written as an escape there."""


class TwoPrograms(RuleBasedStateMachine):
    """Two programs with one ledger, in any order: both find what either has recorded."""

    rows: Rows[int] = Rows("rows")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.model: dict[int, tuple[str | None, State]] = {}

    def place(self) -> Store:
        return LedgerFile(Path(self.folder.name) / "ledger.db")

    @initialize()
    def start(self) -> None:
        self.store = self.place()
        self.programs = [self.store.open(), self.store.open()]

    @rule(target=rows, program=st.integers(0, 1))
    def begin(self, program: int) -> int:
        row = self.programs[program].begin(job())
        assert row not in self.model
        self.model[row] = (None, State.SUBMITTING)
        return row

    @rule(program=st.integers(0, 1), row=rows, state=st.sampled_from(State), name=TEXT)
    def change(self, program: int, row: int, state: State, name: str) -> None:
        self.programs[program].change(row, job_id=name, state=state)
        if row in self.model:
            self.model[row] = (name, state)

    @rule(program=st.integers(0, 1), row=consumes(rows))
    def drop(self, program: int, row: int) -> None:
        assert self.programs[program].drop([row]) == (row in self.model)
        self.model.pop(row, None)

    @rule(program=st.integers(0, 1))
    def restart(self, program: int) -> None:
        self.programs[program].close()
        self.programs[program] = self.store.open()

    @invariant()
    def both_find_every_row(self) -> None:
        for ledger in getattr(self, "programs", ()):
            found = {seen.row: (seen.job_id, seen.state) for seen in ledger.listing()}
            assert found == self.model

    def teardown(self) -> None:
        for ledger in getattr(self, "programs", ()):
            ledger.close()
        self.folder.cleanup()


TestLedgerTwoPrograms = TwoPrograms.TestCase
TestLedgerTwoPrograms.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


class TwoClients(TwoPrograms):
    """The same with a server between them."""

    def place(self) -> Store:
        (server,) = Server.running
        server.empty()
        return PostgresStore(server.url())


TwoClients.TestCase.settings = settings(TestLedgerTwoPrograms.settings, max_examples=10)


_with_server = pytest.mark.usefixtures("postgres_server")
TestLedgerTwoClients = pytest.mark.real(_with_server(TwoClients.TestCase))
