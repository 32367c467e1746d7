"""`docspeed parse` as a whole: what the service is asked, and what the user gets."""

from __future__ import annotations

import json

from tests.fake_service import KEY, POLL, RESULT, SUBMIT, UPLOAD, Service
from tests.stage import Stage, lines


def test_a_stored_file_is_parsed_as_the_vendor_s_example_does_it(stage: Stage, service: Service) -> None:
    service.polls = 3
    ran = stage.run("parse", "--file-id", "file_123", "--profile", "grounded", "--wait")
    assert ran.code == 0
    assert ran.raw == service.results["job_1"] + b"\n"
    (body,) = service.bodies()
    assert json.dumps(body) == json.dumps(
        {"input": {"file_id": "file_123"}, "execution_mode": "async", "profile": "grounded"}
    )
    assert {call.headers["authorization"] for call in service.calls} == {f"Bearer {KEY}"}
    assert (service.count(SUBMIT), service.count(POLL), service.count(RESULT)) == (1, 3, 1)


def test_a_submission_prints_the_job(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "file_123")
    assert ran.code == 0
    assert json.loads(ran.out) == {
        "job_id": "job_1",
        "operation": "parse",
        "status": "queued",
        "input": "file_123",
        "file_id": "file_123",
        "submitted_at": "2027-01-15T08:00:00.000Z",
    }
    assert service.count(POLL) == 0


def test_a_document_is_uploaded_once_for_two_parses(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path, "--wait")
    stage.run("parse", path, "--wait", "--grounding", "regions")
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 2)


def test_the_same_request_is_not_paid_twice(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    first = stage.run("parse", path, "--wait")
    second = stage.run("parse", path, "--wait")
    assert second.raw == first.raw
    assert service.count(SUBMIT) == 1
    assert "using parse job job_1" in second.err
    assert json.loads(stage.run("parse", path).out)["reused"] is True
    assert stage.run("parse", path, "--fresh").code == 0
    assert service.count(SUBMIT) == 2


def test_many_inputs_give_a_line_each(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(5)]
    ran = stage.run("parse", *paths, "--wait")
    assert ran.code == 0
    found = [json.loads(line) for line in lines(ran.out)]
    assert {line["input"] for line in found} == set(paths)
    assert all(
        list(line) == ["input", "file_id", "job_id", "operation", "status", "result"] for line in found
    )
    assert all(line["result"]["big"] == 12345678901234567890 for line in found)
