"""`docspeed jobs forget`: rows go, jobs on the server stay."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import SUBMIT, Service
from tests.stage import Stage


def test_jobs_forget_removes_rows_and_sends_nothing(stage: Stage, service: Service) -> None:
    stage.submit(4)
    stage.run("jobs", "status", "job_1", "job_2")
    calls = len(service.calls)
    assert json.loads(stage.run("jobs", "forget", "job_4").out) == {"forgotten": 1}
    assert [row["job_id"] for row in stage.rows()] == ["job_3", "job_2", "job_1"]
    assert json.loads(stage.run("jobs", "forget", "--finished").out) == {"forgotten": 2}
    assert [row["job_id"] for row in stage.rows()] == ["job_3"]
    assert stage.run("jobs", "forget", "job_4").code == 6
    assert len(service.calls) == calls, "the jobs on the server stay"


def test_jobs_forget_older_than_selects_by_age(stage: Stage, service: Service) -> None:
    stage.submit(1)
    stage.clock.sleep(86400 * 3)
    stage.run("parse", "--file-id", "young")
    stage.run("jobs", "status", "job_1", "job_2")
    assert json.loads(stage.run("jobs", "forget", "--older-than", "30d").out) == {"forgotten": 0}
    assert json.loads(stage.run("jobs", "forget", "--older-than", "2d", "--finished").out) == {"forgotten": 1}
    assert [row["job_id"] for row in stage.rows()] == ["job_2"]


@pytest.mark.parametrize(
    "argv", [(), ("job_1", "--finished"), ("job_1", "--older-than", "1d"), ("--older-than", "long")]
)
def test_jobs_forget_ambiguous_selection_is_a_usage_error(stage: Stage, argv: tuple[str, ...]) -> None:
    stage.submit(1)
    assert stage.run("jobs", "forget", *argv).code == 2
    assert len(stage.rows()) == 1


def test_jobs_forget_next_run_submits_again(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f", "--sync")
    assert stage.run("jobs", "forget", "@last").code == 0
    stage.run("parse", "--file-id", "f", "--sync")
    assert service.count(SUBMIT) == 2


def test_jobs_forget_takes_ids_from_stdin(stage: Stage, service: Service) -> None:
    stage.submit(3)
    ids = stage.run("jobs", "list", "--format", "id").raw
    assert json.loads(stage.run("jobs", "forget", "-", stdin=ids).out) == {"forgotten": 3}
    assert stage.rows() == []


def test_jobs_forget_running_job_warns(stage: Stage) -> None:
    stage.run("parse", "--file-id", "f")
    assert "their commands submit them again" in stage.run("jobs", "forget", "@last").err
