"""The same request is not paid for twice, and what was lost on the way is told and taken up."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import POLL, RESET_AFTER, RESET_BEFORE, RESULT, SUBMIT, UPLOAD, Reply, Service
from tests.stage import Stage

PARSE = ("parse", "--file-id", "f")


def tokens(service: Service) -> list[str]:
    """The `Idempotency-Key` of each submission."""
    return [call.headers["idempotency-key"] for call in service.calls if call.kind == SUBMIT]


def test_a_running_job_is_joined(stage: Stage, service: Service) -> None:
    service.polls = 10**9
    stage.run(*PARSE)
    stage.clock.sleep(300)
    ran = stage.run(*PARSE)
    assert ran.code == 0
    job = json.loads(ran.out)
    assert (job["job_id"], job["reused"]) == ("job_1", True)
    assert "job_1" in ran.err and "5 min ago" in ran.err
    service.polls = 1
    assert stage.run(*PARSE, "--wait").raw == service.results["job_1"] + b"\n"
    assert service.count(SUBMIT) == 1
    assert len(stage.rows()) == 1


def test_a_result_that_is_there_is_fetched_again(stage: Stage, service: Service) -> None:
    first = stage.run(*PARSE, "--wait")
    stage.clock.sleep(86400)
    second = stage.run(*PARSE, "--wait")
    assert (second.code, second.raw) == (0, first.raw)
    assert "note: " in second.err and "job_1" in second.err and "1 d ago" in second.err
    assert (service.count(SUBMIT), service.count(RESULT)) == (1, 2)


def test_the_note_is_silenced_and_the_line_still_says_it(stage: Stage) -> None:
    stage.run(*PARSE)
    ran = stage.run(*PARSE, "--quiet")
    assert (json.loads(ran.out)["reused"], ran.err) == (True, "")


@pytest.mark.parametrize("word", ["failed", "expired"])
def test_a_job_that_failed_is_submitted_anew(stage: Stage, service: Service, word: str) -> None:
    service.final = word
    assert stage.run(*PARSE, "--wait").code == 5
    service.final = "completed"
    service.jobs["job_1"]["statuses"], service.jobs["job_1"]["members"] = (word,), {}
    ran = stage.run(*PARSE, "--wait")
    assert ran.code == 0, ran.err
    assert service.count(SUBMIT) == 2
    assert len(set(tokens(service))) == 2
    assert stage.states() == ["done", "failed"]


def test_a_job_that_failed_since_is_submitted_anew(stage: Stage, service: Service) -> None:
    service.has("job_1", "failed")
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_1", "status": "queued"}))
    stage.run(*PARSE)
    ran = stage.run(*PARSE, "--wait")
    assert ran.code == 0, ran.err
    assert service.count(SUBMIT) == 2


def test_a_job_that_the_server_no_longer_knows_is_submitted_anew(stage: Stage, service: Service) -> None:
    stage.run(*PARSE, "--wait")
    service.then(POLL, Reply.of(404, {"detail": "no such job"}))
    ran = stage.run(*PARSE, "--wait")
    assert ran.code == 0, ran.err
    assert service.count(SUBMIT) == 2
    assert stage.states() == ["done", "gone"]


def test_a_result_that_the_server_no_longer_has_is_made_anew(stage: Stage, service: Service) -> None:
    stage.run(*PARSE, "--wait")
    service.then(RESULT, Reply.of(410, {"detail": "result is gone"}))
    ran = stage.run(*PARSE, "--wait")
    assert ran.code == 0, ran.err
    assert ran.raw == service.results["job_2"] + b"\n"


@pytest.mark.parametrize("fault", [RESET_BEFORE, RESET_AFTER, Reply.of(500, {}), Reply.of(504, {})])
def test_an_unknown_outcome_is_told_and_submitted_again_under_the_same_key(
    stage: Stage, service: Service, fault: Reply
) -> None:
    service.then(SUBMIT, fault)
    first = stage.run(*PARSE, "--wait")
    assert first.code == 9
    assert "unknown" in first.err
    assert "hint: " in first.err
    stage.clock.sleep(120)
    second = stage.run(*PARSE, "--wait")
    assert second.code == 0
    assert "unknown outcome" in second.err and "2 min ago" in second.err
    assert "again" in second.err
    assert service.count(SUBMIT) == 2
    assert len(set(tokens(service))) == 1
    third = stage.run(*PARSE, "--wait")
    assert (third.code, third.raw) == (0, second.raw)
    assert "unknown" not in third.err
    assert service.count(SUBMIT) == 2


def test_a_key_that_has_brought_a_job_brings_no_other(stage: Stage, service: Service) -> None:
    """A server that knows such keys would answer with the failed job for ever."""
    service.then(SUBMIT, RESET_AFTER, Reply.of(202, {"job_id": "job_bad", "status": "failed"}))
    stage.run(*PARSE)
    stage.run(*PARSE)
    ran = stage.run(*PARSE, "--wait")
    assert ran.code == 0, ran.err
    assert "unknown" not in ran.err
    lost, again, anew = tokens(service)
    assert lost == again != anew


def test_a_submission_that_was_repeated_names_the_job(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, RESET_AFTER)
    stage.run(*PARSE)
    stage.run(*PARSE)
    done, lost = map(json.loads, stage.run("jobs", "list").out.splitlines())
    assert (lost["state"], done["job_id"]) == ("unknown", "job_2")
    assert lost["error"].endswith("; submitted again as job_2")


def test_fresh_submits_in_any_case(stage: Stage, service: Service) -> None:
    stage.run(*PARSE, "--wait")
    ran = stage.run(*PARSE, "--fresh")
    assert json.loads(ran.out)["job_id"] == "job_2"
    assert "reused" not in json.loads(ran.out)
    assert json.loads(stage.run(*PARSE).out)["job_id"] == "job_2", "the newest is joined"


@pytest.mark.parametrize(
    "flags", [("--profile", "grounded"), ("--grounding", "cell"), ("--set", "a=1"), ("--set", "a.b=1")]
)
def test_another_body_is_another_request(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    stage.run(*PARSE)
    ran = stage.run(*PARSE, *flags)
    assert json.loads(ran.out)["job_id"] == "job_2"


def test_the_order_of_fields_and_the_way_of_waiting_make_no_other_request(
    stage: Stage, service: Service
) -> None:
    stage.run(*PARSE, "--set", "a=1", "--set", "b=2")
    for flags in (("--wait",), ("--wait", "--timeout", "5m"), ("--format", "id"), ("--verbose",)):
        assert stage.run(*PARSE, "--set", "b=2", "--set", "a=1", *flags).code == 0
    assert service.count(SUBMIT) == 1


def test_a_stored_copy_of_a_document_is_the_same_document(stage: Stage, service: Service) -> None:
    stage.run("parse", stage.document("a.pdf"))
    ran = stage.run("parse", "--file-id", "file_1")
    assert json.loads(ran.out)["reused"] is True
    assert service.count(SUBMIT) == 1


NO_FILE = {"detail": {"code": "file_not_found", "message": "file file_1 not found", "details": None}}


@pytest.mark.parametrize("status", [404, 400, 422])
def test_a_stale_file_id_is_uploaded_anew_once(stage: Stage, service: Service, status: int) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path)
    service.then(SUBMIT, Reply.of(status, NO_FILE))
    ran = stage.run("parse", path, "--profile", "grounded")
    assert ran.code == 0, ran.err
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (2, 3)
    assert [body["input"]["file_id"] for body in service.bodies()] == ["file_1", "file_1", "file_2"]
    stage.run("parse", path, "--profile", "other")
    assert service.bodies()[-1]["input"] == {"file_id": "file_2"}
    assert service.count(UPLOAD) == 2


def test_a_profile_that_is_refused_says_nothing_of_the_file(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path)
    service.then(SUBMIT, Reply.of(422, {"detail": "unknown profile 'nope'; known: grounded"}))
    assert stage.run("parse", path, "--profile", "nope").code == 7
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 2)


def test_a_file_that_is_refused_twice_is_not_uploaded_for_ever(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path)
    service.always(SUBMIT, Reply.of(404, NO_FILE))
    ran = stage.run("parse", path, "--profile", "grounded")
    assert ran.code == 6
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (2, 3)


def test_an_id_that_the_user_gave_is_never_replaced(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(404, NO_FILE))
    ran = stage.run(*PARSE)
    assert ran.code == 6
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (0, 1)


def test_a_refused_submission_leaves_no_row(stage: Stage, service: Service) -> None:
    for status in (400, 401, 402, 403, 413, 422):
        service.then(SUBMIT, Reply.of(status, {"detail": "no"}))
        assert stage.run(*PARSE).code in (3, 4, 7)
    assert stage.rows() == []


def test_a_failed_upload_is_no_submission(stage: Stage, service: Service) -> None:
    service.then(UPLOAD, Reply.of(413, {"detail": "too large"}))
    ran = stage.run("parse", stage.document("a.pdf"))
    assert ran.code == 7
    assert "too large" in ran.err
    assert (service.count(SUBMIT), stage.rows()) == (0, [])


def test_the_row_is_there_before_the_submission_is_sent(stage: Stage, service: Service) -> None:
    seen: list[list[str]] = []
    behave = service.handle

    def handle(call: object) -> Reply:
        if getattr(call, "kind", "") == SUBMIT:
            other = Stage(stage.folder)
            seen.append([row["state"] for row in other.rows()])
        return behave(call)  # type: ignore[arg-type]

    service.handle = handle  # type: ignore[method-assign]
    assert stage.run(*PARSE).code == 0
    assert len(seen) == 1 and len(seen[0]) == 1, "one row, before the server has answered"
    assert stage.states() == ["running"]
