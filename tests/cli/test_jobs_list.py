"""`docspeed jobs list`: order, filters, notes, and what it asks of the server."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import NO_SUCH_JOB, POLL, Service
from tests.stage import Stage, lines


def test_jobs_list_is_newest_first_with_the_promised_keys(stage: Stage, service: Service) -> None:
    stage.submit(3)
    rows = stage.rows()
    assert [row["job_id"] for row in rows] == ["job_3", "job_2", "job_1"]
    assert list(rows[0])[:6] == ["job_id", "operation", "status", "input", "file_id", "submitted_at"]
    assert rows[0]["server"] == "https://api.docspeed.ai"
    assert (rows[0]["state"], rows[0]["status"]) == ("running", "queued")
    assert stage.run("jobs", "list", "--format", "id").out == "job_3\njob_2\njob_1\n"


def test_jobs_list_filters_by_status_operation_and_limit(stage: Stage, service: Service) -> None:
    stage.submit(3)
    stage.run("split", "--file-id", "f1")
    stage.run("jobs", "status", "job_1")
    service.final = "failed"
    stage.run("jobs", "status", "job_2")
    narrowed = {
        ("--status", "done"): ["job_1"],
        ("--status", "completed"): ["job_1"],
        ("--status", "FAILED"): ["job_2"],
        ("--status", "running"): ["job_4", "job_3"],
        ("--status", "queued"): ["job_4", "job_3"],
        ("--status", "nonsense"): [],
        ("--operation", "split"): ["job_4"],
        ("--operation", "parse", "--status", "running"): ["job_3"],
        ("--limit", "2"): ["job_4", "job_3"],
    }
    for flags, expected in narrowed.items():
        assert [row["job_id"] for row in stage.rows(*flags)] == expected, flags


def test_jobs_list_polls_only_with_refresh(stage: Stage, service: Service) -> None:
    stage.submit(3)
    stage.clock.sleep(60)
    service.at("/v1/jobs/job_2", NO_SUCH_JOB, NO_SUCH_JOB)
    assert stage.states() == ["running"] * 3
    assert service.count(POLL) == 0
    ran = stage.run("jobs", "list", "--refresh", "--json", "--concurrency", "1")
    assert sorted(json.loads(line)["state"] for line in lines(ran.out)) == ["done", "done", "gone"]
    assert service.count(POLL) == 4
    stage.run("jobs", "list", "--refresh")
    assert service.count(POLL) == 4, "jobs that have ended are not polled again"


def test_jobs_list_needs_no_key_and_no_network(stage: Stage, service: Service) -> None:
    stage.submit(1)
    calls = len(service.calls)
    assert stage.run("jobs", "list", "--json", env={"DOCSPEED_API_KEY": ""}).out.count("\n") == 1
    assert len(service.calls) == calls


def test_jobs_list_in_pipe_is_complete(stage: Stage, service: Service) -> None:
    stage.submit(40)
    assert len(stage.rows()) == 40


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_jobs_list_unknown_status_is_noted(stage: Stage, service: Service, terminal: bool) -> None:
    argv = ("jobs", "list", "--status", "runing")
    stage.env = {"NO_COLOR": "1"}
    assert ("note: no jobs here yet\n" in stage.run(*argv, terminal=terminal).err) == terminal
    stage.submit(2)
    stage.run("jobs", "status", "job_1")
    ran = stage.run(*argv, terminal=terminal)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "note: no job has status 'runing'; the jobs here are done, running\n"
    assert stage.run(*argv, "--quiet").err == ""


def test_jobs_list_without_matches_is_noted_at_terminal(stage: Stage) -> None:
    stage.submit(1)
    stage.env = {"NO_COLOR": "1"}
    assert stage.run("jobs", "list", "--status", "failed").err == "", "scripts that poll the list get no note"
    ran = stage.run("jobs", "list", "--status", "failed", terminal=True)
    assert ran.err == "note: no job has status 'failed'; the jobs here are running\n"
    ran = stage.run("jobs", "list", "--status", "running", "--operation", "split", terminal=True)
    assert ran.err == "note: no matching jobs; `docspeed jobs list` shows all\n"


def test_jobs_list_unknown_operation_is_a_usage_error(stage: Stage, service: Service) -> None:
    ran = stage.run("jobs", "list", "--operation", "prase", "--refresh")
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err == "error: --operation prase: there is no such operation\nhint: did you mean parse?\n"
    ran = stage.run("jobs", "list", "--operation", "qqqq")
    assert ran.err.endswith("hint: the operations are parse, extract, split, tables, schema, chat\n")


def test_jobs_list_filters_by_operation_of_an_api_job(stage: Stage) -> None:
    assert stage.run("api", "POST", "/v1/schema/auto", "--set", "execution_mode=async").code == 0
    assert [row["operation"] for row in stage.rows("--operation", "auto")] == ["auto"]
    assert stage.rows("--operation", "ask") == []


def test_jobs_list_last_run_counts_a_run_that_submitted_nothing(stage: Stage, service: Service) -> None:
    first = ("parse", "--file-id", "a", "--file-id", "b", "--wait")
    stage.run(*first)
    stage.run("parse", "--file-id", "c", "--file-id", "d", "--file-id", "a", "--wait")
    assert {row["input"] for row in stage.rows("--run", "@last")} == {"a", "c", "d"}
    stage.run(*first)
    assert {row["input"] for row in stage.rows("--run", "@last")} == {"a", "b"}


def test_jobs_list_and_forget_filter_by_base_url(stage: Stage, service: Service) -> None:
    elsewhere = ("--base-url", "https://b.example")
    stage.submit(1)
    stage.run("parse", "--file-id", "g", *elsewhere)
    assert len(stage.rows()) == 2
    assert [row["server"] for row in stage.rows(*elsewhere)] == ["https://b.example"]
    assert json.loads(stage.run("jobs", "forget", "--older-than", "0s", "--yes", *elsewhere).out) == {
        "forgotten": 0
    }
    stage.clock.time += 1
    assert json.loads(stage.run("jobs", "forget", "--older-than", "0s", "--yes", *elsewhere).out) == {
        "forgotten": 1
    }
    assert [row["server"] for row in stage.rows()] == ["https://api.docspeed.ai"]


def test_jobs_list_running_jobs_hint_at_refresh(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f")
    assert "docspeed jobs list --refresh` asks" in stage.run("jobs", "list", terminal=True).err
    assert "--refresh" not in stage.run("jobs", "list", "--refresh", terminal=True).err


def test_jobs_list_empty_says_so_on_stderr(stage: Stage) -> None:
    ran = stage.run("jobs", "list", terminal=True)
    assert (ran.code, ran.out) == (0, "")
    assert "no jobs" in ran.err
