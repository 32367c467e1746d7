"""`--notify`: a command that gets a summary of the wait, whatever its end, and changes nothing else."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import RESULT, SUBMIT, Reply, Service
from tests.stage import Stage, lines


def test_notify_one_document_gets_exit_job_and_seconds(stage: Stage) -> None:
    plain = stage.run("parse", "--file-id", "f", "--wait", "--fresh")
    ran = stage.run("parse", "--file-id", "f", "--wait", "--fresh", "--notify", "beep")
    ((command, summary),) = stage.commands
    assert (ran.code, ran.out, command) == (0, plain.out.replace("job_1", "job_2"), "beep")
    assert (summary["exit_code"], summary["exit"]) == (0, "ok")
    assert summary["seconds"] == sum(ran.slept) > 0
    assert [(job["job_id"], job["state"]) for job in summary["jobs"]] == [("job_2", "done")]


def test_notify_run_gets_its_counts(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(422, {"detail": "not this one"}))
    argv = ("parse", "--file-id", "a", "--file-id", "b", "--file-id", "c", "--wait", "--concurrency", "1")
    ran = stage.run(*argv, "--notify", "beep")
    ((_, summary),) = stage.commands
    shown = json.loads(stage.run("runs", "show", "--json").out)
    shown.pop("failures")
    assert (ran.code, summary["exit_code"], summary["exit"]) == (7, 7, "rejected")
    assert summary["run"] == shown
    assert (shown["done"], shown["failed"]) == (2, 1)
    assert "jobs" not in summary


@pytest.mark.parametrize(
    ("argv", "code", "error"),
    [
        (("parse", "--file-id", "f", "--wait", "--timeout", "0"), 8, "pending"),
        (("parse", "--file-id", "f", "--wait"), 5, "job_failed"),
        (("jobs", "wait", "job_x"), 6, None),
        (("chat", "why?", "--file-id", "f"), 5, "job_failed"),
    ],
    ids=["timeout", "failed job", "unknown job", "chat"],
)
def test_notify_failure_gets_the_error(
    stage: Stage, service: Service, argv: tuple[str, ...], code: int, error: str | None
) -> None:
    service.final, service.polls = "failed", 50 if code == 8 else 1
    ran = stage.run(*argv, "--notify", "beep", "--json")
    ((_, summary),) = stage.commands
    assert (ran.code, summary["exit_code"]) == (code, code)
    assert summary.get("error", {}).get("code") == error
    assert len([line for line in lines(ran.err) if '"error"' in line]) == 1


def test_notify_jobs_wait_gets_each_job(stage: Stage) -> None:
    stage.submit(2)
    assert stage.run("jobs", "wait", "job_1", "job_2", "--notify", "beep").code == 0
    ((_, summary),) = stage.commands
    assert sorted(job["job_id"] for job in summary["jobs"]) == ["job_1", "job_2"]


def test_notify_command_fails_is_a_warning(stage: Stage) -> None:
    stage.command_code = 3
    ran = stage.run("parse", "--file-id", "f", "--wait", "--notify", "post --token s3cret")
    assert ran.code == 0
    assert "warning: the command of --notify ended with exit code 3\n" in ran.err
    assert "s3cret" not in ran.err


@pytest.mark.parametrize("argv", [("--no-wait",), ("--wait", "--dry-run"), ("--wait", "--timeout", "soon")])
def test_notify_nothing_waited_for_runs_no_command(stage: Stage, argv: tuple[str, ...]) -> None:
    stage.run("parse", "--file-id", "f", *argv, "--notify", "beep")
    assert stage.commands == []


def test_notify_without_wait_is_a_usage_error(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", "--notify", "beep")
    assert (ran.code, service.calls) == (2, [])
    assert "--notify needs the result, but this command does not wait for it" in ran.err
    assert "hint: add `--wait`" in ran.err


def test_notify_result_that_cannot_be_had_is_told(stage: Stage, service: Service) -> None:
    service.then(RESULT, *[Reply(500, b"")] * 10)
    ran = stage.run("parse", "--file-id", "f", "--wait", "--notify", "beep")
    assert ran.code == stage.commands[0][1]["exit_code"] != 0
