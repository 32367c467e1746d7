"""Waiting for a job: backoff, poll errors, status words, and results that come late."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fake_service import POLL, REFUSED, RESET_AFTER, RESULT, SUBMIT, Reply, Service
from tests.stage import Ran, Stage, lines


def waited(ran: Ran) -> bool:
    """Return whether the result was printed rather than the job."""
    return "pages" in json.loads(ran.out)


def test_wait_backoff_grows_from_a_quarter_second_to_fifteen(stage: Stage, service: Service) -> None:
    service.polls = 60
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 0
    assert ran.slept[0] == 0.25
    rounded = [round(seconds, 6) for seconds in ran.slept]
    assert rounded == sorted(rounded), "with constant jitter the delays only grow"
    assert 12 <= ran.slept[-1] <= 15


def test_wait_poll_interval_is_a_floor_of_the_backoff(stage: Stage, service: Service) -> None:
    service.polls = 40
    ran = stage.run("parse", "--file-id", "f", "--wait", "--poll-interval", "4s")
    assert ran.slept[0] == pytest.approx(4.0)
    assert min(ran.slept) >= 3.999
    assert max(ran.slept) > 10, "a floor, not a fixed interval"
    ran = stage.run("parse", "--file-id", "g", "--wait", env={"DOCSPEED_POLL_INTERVAL": "20"})
    assert ran.slept == pytest.approx([20.0] * len(ran.slept))


@pytest.mark.parametrize(
    "trouble",
    [
        Reply.of(503, {"detail": "later"}),
        Reply.of(500, {"detail": "boom"}),
        Reply.of(429, {"detail": "slow down"}),
        Reply(200, b"<html>"),
        RESET_AFTER,
        REFUSED,
    ],
    ids=["503", "500", "429", "html", "reset", "refused"],
)
def test_wait_poll_error_is_retried(stage: Stage, service: Service, trouble: Reply) -> None:
    service.then(POLL, *[trouble] * 30)
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 0, ran.err
    assert waited(ran)
    assert service.count(POLL) >= 31
    assert max(ran.slept) <= (60 if trouble.status == 429 else 15)


def test_wait_unknown_status_is_shown_verbatim(stage: Stage, service: Service) -> None:
    service.polls = 4
    service.statuses = ["Warming-Up", "in der Schlange", "待機中"]
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 0
    for word in service.statuses:
        assert any(word in line for line in lines(ran.err))
    assert stage.run("parse", "--file-id", "g").code == 0
    service.has("job_2", "Warming-Up")
    assert json.loads(stage.run("jobs", "status", "job_2").out)["status"] == "Warming-Up"
    assert stage.rows("--status", "warming-up")[0]["status"] == "Warming-Up"


def test_wait_in_pipe_prints_a_line_for_each_status_change(stage: Stage, service: Service) -> None:
    service.polls = 20
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert len([line for line in lines(ran.err) if "queued" in line]) == 1
    assert len([line for line in lines(ran.err) if "processing" in line]) == 1


@pytest.mark.parametrize("word", ["completed", "Complete", "SUCCEEDED", "success", "done", "Finished"])
def test_wait_success_status_exits_0(stage: Stage, service: Service, word: str) -> None:
    service.final = word
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 0
    assert stage.states() == ["done"]


@pytest.mark.parametrize(
    "word",
    ["failed", "FAILURE", "error", "Errored", "cancelled", "canceled", "expired", "timed_out", "rejected"],
)
def test_wait_failure_status_exits_5(stage: Stage, service: Service, word: str) -> None:
    service.final = word
    ran = stage.run("parse", "--file-id", "f", "--wait", "--json")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (ran.code, ran.out) == (5, "")
    assert (error["code"], error["job_id"]) == ("job_failed", "job_1")
    assert word in error["message"]
    assert service.count(RESULT) == 0
    (row,) = stage.rows()
    assert (row["state"], row["status"]) == ("failed", word)


@pytest.mark.parametrize(
    "members",
    [
        {"error": "page 3 is blank"},
        {"error": {"code": "blank_page", "message": "page 3 is blank"}},
        {"detail": {"code": "blank_page", "message": "page 3 is blank", "details": None}},
        {"message": "page 3 is blank"},
        {"error_message": "page 3 is blank"},
    ],
)
def test_wait_failed_job_reports_the_server_message(
    stage: Stage, service: Service, members: dict[str, Any]
) -> None:
    service.has("job_1", "failed", **members)
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_1", "status": "queued"}))
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 5
    assert "page 3 is blank" in ran.err
    assert "page 3 is blank" in stage.rows()[0]["error"]


@pytest.mark.parametrize("status", [401, 403])
def test_wait_401_or_403_ends_at_once(stage: Stage, service: Service, status: int) -> None:
    service.polls = 10**9
    service.then(POLL, Reply.of(200, {"job_id": "job_1", "status": "queued"}))
    service.then(POLL, Reply.of(status, {"detail": "Missing bearer token"}))
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert (ran.code, ran.out) == (4, "")
    assert service.count(POLL) == 2
    assert stage.rows()[0]["job_id"] == "job_1"


EARLY = [
    Reply.of(409, {"detail": "not finished"}),
    Reply.of(404, {"detail": "no result yet"}),
    Reply.of(425, {"detail": "too early"}),
    Reply.of(202, {"job_id": "job_1", "status": "processing"}),
    Reply.of(200, {"job_id": "job_1", "status": "processing"}),
]


@pytest.mark.parametrize("early", EARLY, ids=lambda reply: str(reply.status))
def test_wait_result_not_ready_is_retried(stage: Stage, service: Service, early: Reply) -> None:
    service.then(RESULT, early, early)
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 0, ran.err
    assert ran.raw == service.results["job_1"] + b"\n"


def test_wait_404_right_after_submission_is_retried(stage: Stage, service: Service) -> None:
    service.then(POLL, Reply.of(404, {"detail": "no such job"}))
    assert stage.run("parse", "--file-id", "f", "--wait").code == 0


def test_wait_404_that_persists_exits_6(stage: Stage, service: Service) -> None:
    service.always(POLL, Reply.of(404, {"detail": "no such job"}))
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 6
    assert sum(ran.slept) < 120
