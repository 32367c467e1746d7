"""`docspeed jobs forget`: rows go, jobs on the server stay."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fake_service import SUBMIT, Reply, Service
from tests.stage import Stage


def test_jobs_forget_removes_rows_and_sends_nothing(stage: Stage, service: Service) -> None:
    stage.submit(4)
    stage.run("jobs", "status", "job_1", "job_2")
    calls = len(service.calls)
    assert json.loads(stage.run("jobs", "forget", "job_4", "--yes").out) == {"forgotten": 1}
    assert [row["job_id"] for row in stage.rows()] == ["job_3", "job_2", "job_1"]
    assert json.loads(stage.run("jobs", "forget", "--finished", "--yes").out) == {"forgotten": 2}
    assert [row["job_id"] for row in stage.rows()] == ["job_3"]
    assert stage.run("jobs", "forget", "job_4").code == 6
    assert len(service.calls) == calls, "the jobs on the server stay"


def test_jobs_forget_older_than_selects_by_age(stage: Stage, service: Service) -> None:
    stage.submit(1)
    stage.clock.sleep(86400 * 3)
    stage.run("parse", "--file-id", "young")
    stage.run("jobs", "status", "job_1", "job_2")
    assert json.loads(stage.run("jobs", "forget", "--older-than", "30d", "--yes").out) == {"forgotten": 0}
    assert json.loads(stage.run("jobs", "forget", "--older-than", "2d", "--finished", "--yes").out) == {
        "forgotten": 1
    }
    assert [row["job_id"] for row in stage.rows()] == ["job_2"]


def test_jobs_forget_takes_an_unknown_submission_from_a_line(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(500, {}))
    assert stage.run("parse", "--file-id", "f").code == 9
    line = stage.run("jobs", "list", "--json").out
    other = line.replace('"input":"f"', '"input":"g"')
    assert other != line
    ran = stage.run("jobs", "forget", "-", "--yes", stdin=other.encode())
    assert json.loads(ran.out) == {"forgotten": 0} and "no job for g" in ran.err
    assert json.loads(stage.run("jobs", "forget", "-", "--yes", stdin=line.encode()).out) == {"forgotten": 1}
    assert stage.rows() == []


@pytest.mark.parametrize(
    "argv", [(), ("job_1", "--finished"), ("job_1", "--older-than", "1d"), ("--older-than", "long")]
)
def test_jobs_forget_ambiguous_selection_is_a_usage_error(stage: Stage, argv: tuple[str, ...]) -> None:
    stage.submit(1)
    assert stage.run("jobs", "forget", *argv).code == 2
    assert len(stage.rows()) == 1


def test_jobs_forget_next_run_submits_again(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f", "--sync")
    assert stage.run("jobs", "forget", "@last", "--yes").code == 0
    stage.run("parse", "--file-id", "f", "--sync")
    assert service.count(SUBMIT) == 2


def test_jobs_forget_takes_ids_from_stdin(stage: Stage, service: Service) -> None:
    stage.submit(3)
    ids = stage.run("jobs", "list", "--format", "id").raw
    assert json.loads(stage.run("jobs", "forget", "-", "--yes", stdin=ids).out) == {"forgotten": 3}
    assert stage.rows() == []


def preview(stage: Stage, *argv: str) -> dict[str, Any]:
    ran = stage.run("jobs", "forget", *argv, "--dry-run")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)  # type: ignore[no-any-return]


def test_jobs_forget_dry_run_says_what_becomes_payable_and_forgets_nothing(
    stage: Stage, service: Service
) -> None:
    service.polls = 2
    stage.run("parse", "--file-id", "a", "--wait")
    stage.run("chat", "why?", "--file-id", "a")
    stage.run("parse", "--file-id", "b")
    stage.run("parse", "--file-id", "b", "--fresh")
    assert preview(stage, "job_1", "job_2", "job_3", "job_4") == {
        "jobs": 4,
        "newest": "job_4",
        "newest_submitted_at": stage.rows()[0]["submitted_at"],
        "not_ended": 2,
        "payable_again": 2,
        "kept_results": ["job_1", "job_2"],
        "kept_bytes": len(service.results["job_1"] + service.results["job_2"]),
    }
    assert preview(stage, "job_3")["payable_again"] == 0, "job_4 still answers the request"
    assert preview(stage, "--older-than", "9d")["jobs"] == 0
    assert len(stage.rows()) == 4
    stage.clock.time += 60
    shown = stage.run("jobs", "forget", "--older-than", "1s", "--dry-run", terminal=True)
    assert "4 jobs; the newest is parse job job_4 of b, submitted 1 min ago" in shown.out
    assert "still running: job_4, job_3; the same commands would submit them again" in shown.out
    assert "2 kept results to delete (" in shown.out and "): job_2, job_1\n" in shown.out
    assert "2 requests would be paid for again if the same commands ran again" in shown.out


def test_jobs_forget_without_terminal_needs_yes(stage: Stage) -> None:
    stage.run("parse", "--file-id", "f")
    ran = stage.run("jobs", "forget", "@last")
    assert (ran.code, ran.out) == (2, "")
    assert "to forget 1 job" in ran.err and "1 request would be paid for again" in ran.err
    assert len(stage.rows()) == 1
    nothing = stage.run("jobs", "forget", "--older-than", "9d")
    assert (nothing.code, json.loads(nothing.out)) == (0, {"forgotten": 0})


@pytest.mark.parametrize(("answer", "left"), [(b"y\n", 0), (b"YES\n", 0), (b"n\n", 1), (b"\n", 1), (b"", 1)])
def test_jobs_forget_at_terminal_asks(stage: Stage, answer: bytes, left: int) -> None:
    stage.run("parse", "--file-id", "f")
    ran = stage.run("jobs", "forget", "@last", stdin=answer, terminal=True, typing=True)
    assert ran.code == left, ran.err
    assert "forget 1 job? [y/N] " in ran.err and "1 request would be paid for again" in ran.err
    assert ("forgot 1 job" in ran.out, "nothing was forgotten" in ran.err) == (not left, bool(left))
    assert len(stage.rows()) == left


def test_jobs_forget_deletes_the_kept_result(stage: Stage, service: Service) -> None:
    kept = stage.folder / "state" / "kept"
    stage.run("parse", "--file-id", "f", "--wait")
    assert [path for path in kept.rglob("*") if path.is_file()]
    stage.run("jobs", "forget", "@last", "--yes")
    assert not [path for path in kept.rglob("*") if path.is_file()]


def test_jobs_forget_takes_a_kept_result_of_another_machine(stage: Stage, service: Service) -> None:
    service.has("job_far", "completed")
    assert stage.run("jobs", "forget", "job_far", "--yes").code == 6
    stage.run("jobs", "result", "job_far")
    assert preview(stage, "job_far")["kept_results"] == ["job_far"]
    assert stage.run("jobs", "forget", "job_far", "--yes").code == 0
    assert stage.run("jobs", "forget", "job_far", "--yes").code == 6


@pytest.mark.parametrize("how", ["flag", "variable", "config"])
def test_jobs_forget_base_url_selects_however_it_is_set(stage: Stage, how: str) -> None:
    elsewhere = "https://b.example"
    stage.submit(1)
    stage.run("parse", "--file-id", "g", "--base-url", elsewhere)
    stage.clock.time += 1
    if how == "config":
        stage.configure(f'base_url = "{elsewhere}"')
    flags = ("--base-url", elsewhere) if how == "flag" else ()
    env = {"DOCSPEED_BASE_URL": elsewhere} if how == "variable" else {}
    ran = stage.run("jobs", "forget", "--older-than", "0s", "--yes", *flags, env=env)
    assert json.loads(ran.out) == {"forgotten": 1}
    stage.configure("")
    assert [row["server"] for row in stage.rows()] == ["https://api.docspeed.ai"]
