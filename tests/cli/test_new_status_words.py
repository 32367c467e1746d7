"""A status word that no one foresaw is said once, and does not hold up a result that is there."""

from __future__ import annotations

import pytest

from tests.fake_service import POLL, RESULT, SUBMIT, Reply, Service
from tests.stage import Stage

WORDS = ("ready", "ocr_stage", "fertig", "partially failed", "PROCESSED", "ended")
WAIT = ("parse", "--file-id", "f", "--wait")
PAYLOAD = b'{"pages": [9]}'


def ending(service: Service, *words: str, **members: object) -> Service:
    """The service with a job that has these statuses, one for each look, then the last one."""
    *before, last = [Reply.of(200, {"job_id": "job_1", "status": word, **members}) for word in words]
    service.payload = lambda operation, body: PAYLOAD
    return service.then(POLL, *before).always(POLL, last)


@pytest.mark.parametrize("word", WORDS)
def test_new_word_with_the_result_there_is_the_end(stage: Stage, service: Service, word: str) -> None:
    ending(service, "queued", word)
    ran = stage.run(*WAIT, "--quiet")
    assert (ran.code, ran.out) == (0, '{"pages": [9]}\n')
    assert ran.err.count(f"does not know the status `{word}`") == 1
    assert service.count(POLL) == 3


@pytest.mark.parametrize(
    "answer", [{"job_id": "job_1"}, {"job_id": "job_1", "status": None}, {"done": True}, {"status": 2}]
)
def test_look_without_a_status_ends_with_the_result(
    stage: Stage, service: Service, answer: dict[str, object]
) -> None:
    service.payload = lambda operation, body: PAYLOAD
    service.always(POLL, Reply.of(200, answer))
    ran = stage.run(*WAIT, "--quiet")
    assert (ran.code, ran.out, service.count(POLL)) == (0, '{"pages": [9]}\n', 2)
    assert ran.err.count("names no status") == 1
    service.then(RESULT, Reply.of(409, {"detail": "still running"})).always(POLL, Reply.of(200, answer))
    assert stage.run(*WAIT, "--fresh").out == '{"pages": [9]}\n'


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "answer",
    [
        Reply.of(404, {"detail": "not yet"}),
        Reply.of(409, {"detail": "still running"}),
        Reply.of(425, {}),
        Reply.of(500, {}),
        Reply.of(202, {"pages": [1]}),
        Reply.of(200, {"job_id": "job_1", "status": "processing"}),
        Reply.of(200, {"status": "processing", "message": "wait"}),
        Reply(200, b""),
        Reply(200, b"<html></html>"),
    ],
    ids=["404", "409", "425", "500", "202", "job", "status", "empty", "html"],
)
def test_new_word_without_a_result_is_waited_for(
    stage: Stage, service: Service, word: str, answer: Reply
) -> None:
    ending(service, word).always(RESULT, answer)
    ran = stage.run(*WAIT, "--timeout", "20s")
    assert (ran.code, ran.out) == (8, "")
    assert ran.err.count("does not know the status") == 1
    assert service.count(POLL) > 3


@pytest.mark.parametrize("keeps", ["true", "false"])
@pytest.mark.parametrize("command", ["jobs result @last", "jobs result job_1", " ".join(WAIT)])
def test_new_word_brings_the_result_again(stage: Stage, service: Service, keeps: str, command: str) -> None:
    ending(service, "ready")
    stage.env["DOCSPEED_KEEP_RESULTS"] = keeps
    assert stage.run(*WAIT).code == 0
    before = service.count(POLL)
    ran = stage.run(*command.split())
    assert (ran.code, ran.out, service.count(SUBMIT)) == (0, '{"pages": [9]}\n', 1)
    assert (service.count(POLL) == before) is (keeps == "true")
    assert stage.run("jobs", "status", "@last").code == 0
    assert [row["state"] for row in stage.rows()] == ["done"]


@pytest.mark.parametrize(("answer", "code"), [(Reply.of(200, {"a": 1}), 0), (Reply.of(404, {}), 8)])
def test_new_word_of_a_job_from_elsewhere_is_the_end_if_its_result_is_there(
    stage: Stage, service: Service, answer: Reply, code: int
) -> None:
    ending(service, "ready").always(RESULT, answer)
    service.has("job_1", "ready")
    assert stage.run("jobs", "result", "job_1").code == code


def test_new_word_that_passes_by_is_no_end(stage: Stage, service: Service) -> None:
    ending(service, "ocr_stage", "layout_stage", "queued", "failed", error="page 3 is blank")
    ran = stage.run(*WAIT)
    assert (ran.code, ran.out, "page 3 is blank" in ran.err) == (5, "", True)
    assert ran.err.count("does not know the status") == 2
    assert service.count(RESULT) == 0


@pytest.mark.parametrize("word", ["processing", "Running", "in-progress", "RETRYING", "pending"])
def test_known_word_is_not_said(stage: Stage, service: Service, word: str) -> None:
    ending(service, word, word, word, "completed")
    ran = stage.run(*WAIT)
    assert (ran.code, "does not know" in ran.err, service.count(RESULT)) == (0, False, 1)


@pytest.mark.parametrize("word", ["aborted", "CANCELED_BY_USER", "timeout", "Terminated", "ocr failed"])
def test_word_for_a_failure_ends_the_wait_with_the_reason(stage: Stage, service: Service, word: str) -> None:
    ending(service, word, failure={"errors": [{"text": "page 3 is blank"}]})
    ran = stage.run(*WAIT)
    assert (ran.code, ran.out, service.count(POLL)) == (5, "", 1)
    assert f"ended with status {word}: page 3 is blank" in ran.err


@pytest.mark.parametrize("word", ["partial_success", "Completed With Errors", "successful", "job-completed"])
def test_word_for_a_success_brings_the_result(stage: Stage, service: Service, word: str) -> None:
    ending(service, word)
    ran = stage.run(*WAIT)
    assert (ran.code, ran.out, service.count(POLL)) == (0, '{"pages": [9]}\n', 1)


def test_new_word_in_a_run_is_said_once_and_each_result_delivered(stage: Stage, service: Service) -> None:
    service.final = "ready"
    ran = stage.run("parse", "--file-id", "f1", "--file-id", "f2", "--file-id", "f3", "--wait")
    assert (ran.code, ran.out.count('"result":'), ran.err.count("does not know")) == (0, 3, 1)
    assert [row["state"] for row in stage.rows()] == ["done"] * 3
