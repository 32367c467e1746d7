"""`jobs watch` ends when every job has ended or is forgotten."""

from __future__ import annotations

import pytest

from tests.fake_service import NO_SUCH_JOB, POLL, Service
from tests.stage import Stage


def test_watch_at_dumb_terminal_prints_table_once(stage: Stage, service: Service) -> None:
    service.polls = 3
    stage.run("parse", "--file-id", "f")
    stage.run("parse", "--file-id", "g")
    ran = stage.run("jobs", "watch", terminal=True, env={"TERM": "dumb"})
    assert ran.code == 0, ran.err
    head, one, two, counts = ran.out.splitlines()
    assert head.split() == ["job", "row", "operation", "status", "input", "age"]
    assert "completed" in one and "completed" in two and counts == "0 running, 2 done"
    assert ran.err == "hint: docspeed jobs result job_2 job_1 -o results/\n"
    assert "\x1b" not in ran.out + ran.err


def test_watch_job_forgotten_meanwhile_ends(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.polls = 10**9
    stage.run("parse", "--file-id", "f")
    slept = stage.clock.sleep

    def forgetting(seconds: float) -> None:
        monkeypatch.setattr(stage.clock, "sleep", slept)
        stage.run("jobs", "forget", "@1", "--yes")
        slept(seconds)

    monkeypatch.setattr(stage.clock, "sleep", forgetting)
    ran = stage.run("jobs", "watch", terminal=True)
    assert ran.code == 0, ran.err
    assert "0 running" in ran.out and service.count(POLL) == 2


def test_watch_job_gone_from_server_counts_as_ended(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f")
    service.always(POLL, NO_SUCH_JOB)
    ran = stage.run("jobs", "watch", terminal=True)
    assert ran.code == 0, ran.err
    assert "gone" in ran.out and "0 running, 1 gone" in ran.out


def test_watch_without_jobs_names_the_server_that_has_some(stage: Stage, service: Service) -> None:
    service.polls = 10**9
    stage.run("parse", "--file-id", "g", "--base-url", "https://b.example")
    ran = stage.run("jobs", "watch", terminal=True)
    assert "docspeed jobs watch --base-url https://b.example" in ran.err


def test_watch_many_failed_jobs_ends_with_the_list_of_them(stage: Stage, service: Service) -> None:
    stage.submit(2)
    service.final = "failed"
    ran = stage.run("jobs", "watch", terminal=True, env={"TERM": "dumb"})
    assert ran.out.endswith("0 running, 2 failed\n")
    assert ran.err == "hint: docspeed jobs list --status failed\n"
