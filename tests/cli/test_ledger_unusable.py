"""A ledger that can't be used loses no job: docspeed warns, does the work and prints the id."""

from __future__ import annotations

import json
import sqlite3

import pytest

from tests.fake_service import SUBMIT, UPLOAD, Service
from tests.stage import Stage


def test_ledger_state_folder_can_t_be_created_work_goes_on(new_stage: Stage, service: Service) -> None:
    (new_stage.folder / "state").write_text("a file in its place")
    ran = new_stage.run("parse", new_stage.document("a.pdf"))
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["job_id"] == "job_1"
    assert "warning: " in ran.err
    ran = new_stage.run("parse", new_stage.document("b.pdf"), "--wait")
    assert (ran.code, ran.raw) == (0, service.results["job_2"] + b"\n")
    ran = new_stage.run("parse", new_stage.document("c.pdf"), "--sync")
    assert ran.code == 0, ran.err
    assert new_stage.run("jobs", "list").code == 0


def test_ledger_without_state_folder_large_result_is_printed(new_stage: Stage, service: Service) -> None:
    (new_stage.folder / "state").write_text("a file in its place")
    payload = json.dumps({"pages": ["x" * 400_000]}).encode()
    service.payload = lambda operation, body: payload
    for flag in ("--wait", "--sync"):
        ran = new_stage.run("parse", "--file-id", "f", flag)
        assert (ran.code, ran.raw) == (0, payload + b"\n"), ran.err[-500:]


@pytest.mark.parametrize("content", [b"this is not a database" * 500, b"SQLite format 3\0" + b"\xff" * 8000])
def test_ledger_damaged_is_set_aside_and_kept(new_stage: Stage, service: Service, content: bytes) -> None:
    state = new_stage.folder / "state"
    state.mkdir()
    (state / "ledger.db").write_bytes(content)
    ran = new_stage.run("parse", "--file-id", "f")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["job_id"] == "job_1"
    assert "warning: " in ran.err
    assert content in [path.read_bytes() for path in state.iterdir() if path.is_file()]
    assert new_stage.states() == ["running"]
    assert new_stage.run("jobs", "list").err == ""


def test_ledger_of_newer_version_is_read_and_left_alone(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f")
    stage.run("parse", "--file-id", "g", "--wait")
    path = stage.folder / "state" / "ledger.db"
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE jobs ADD COLUMN of_the_future TEXT DEFAULT 'new'")
        db.execute("ALTER TABLE jobs DROP COLUMN pages")
        db.execute("UPDATE jobs SET state = 'paused' WHERE row = 1")
        db.execute("PRAGMA user_version = 999")
    db.close()
    for file_id, payload in (("f", "job_1"), ("g", "job_2")):
        ran = stage.run("parse", "--file-id", file_id, "--wait")
        assert (ran.code, ran.raw) == (0, service.results[payload] + b"\n"), ran.err
        assert "a newer docspeed" in ran.err and f"reusing parse job {payload}" in ran.err
    assert service.count(SUBMIT) == 2
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (999,)
        row = db.execute("SELECT state, of_the_future FROM jobs").fetchone()
        assert row == ("paused", "new")


def test_ledger_missing_table_work_goes_on(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f")
    with sqlite3.connect(stage.folder / "state" / "ledger.db") as db:
        db.execute("DROP TABLE jobs")
    ran = stage.run("parse", "--file-id", "g", "--wait")
    assert ran.code == 0, ran.err
    assert "warning: " in ran.err
    assert service.count(SUBMIT) == 2


def test_ledger_warning_is_on_stderr_despite_quiet(new_stage: Stage) -> None:
    (new_stage.folder / "state").write_text("a file in its place")
    ran = new_stage.run("parse", "--file-id", "f", "--quiet")
    assert ran.out.count("\n") == 1
    assert "warning: " in ran.err


def test_ledger_unusable_run_over_many_documents_works(new_stage: Stage, service: Service) -> None:
    (new_stage.folder / "state").write_text("a file in its place")
    paths = [new_stage.document(f"{n}.pdf") for n in range(6)]
    ran = new_stage.run("parse", *paths)
    assert ran.code == 0, ran.err
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (6, 6)
    assert len({json.loads(line)["job_id"] for line in ran.out.splitlines()}) == 6
