"""Submissions: the body that options make, the idempotency key, and the responses that are accepted."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import KEY, POLL, RESULT, SUBMIT, UPLOAD, Reply, Service
from tests.stage import Stage, lines


def body_of(stage: Stage, *flags: str) -> str:
    """Return the body that these options make, as JSON text, because the order counts."""
    ran = stage.run("parse", "--file-id", "f", "--dry-run", *flags)
    assert ran.code == 0, ran.err
    return json.dumps(json.loads(ran.out)["body"])


@pytest.mark.parametrize(
    ("flags", "added"),
    [
        (("--profile", "grounded"), {"profile": "grounded"}),
        (("--profile", "of-next-year"), {"profile": "of-next-year"}),
        (("--grounding", "ocr_lines"), {"grounding": "ocr_lines"}),
        (("--grounding", "word"), {"grounding": "word"}),
        (("--set", "pages=[1,2]"), {"pages": [1, 2]}),
        (("--set", "name=plain text"), {"name": "plain text"}),
        (("--set", 'name="5"'), {"name": "5"}),
        (("--set", "n=5"), {"n": 5}),
        (("--set", "n=NaN"), {"n": "NaN"}),
        (("--set", "n=null"), {"n": None}),
        (("--set", "n="), {"n": ""}),
        (("--set", "q=a=b"), {"q": "a=b"}),
        (("--set", "a.b=1", "--set", "a.c=2"), {"a": {"b": 1, "c": 2}}),
        (("--set", 'a={"b":1}', "--set", "a.c=2"), {"a": {"b": 1, "c": 2}}),
    ],
)
def test_submit_options_make_the_body(
    stage: Stage, service: Service, flags: tuple[str, ...], added: object
) -> None:
    assert isinstance(added, dict)
    whole = {"input": {"file_id": "f"}, "execution_mode": "async", **added}
    assert body_of(stage, *flags) == json.dumps(whole)
    assert service.calls == []


def test_submit_set_overrides_other_options(stage: Stage) -> None:
    assert json.loads(body_of(stage, "--set", "input.page=3"))["input"] == {"file_id": "f", "page": 3}
    assert json.loads(body_of(stage, "--grounding", "cell", "--set", "grounding=x"))["grounding"] == "x"


def test_submit_fresh_has_another_idempotency_key(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f")
    stage.run("parse", "--file-id", "f", "--fresh")
    tokens = [call.headers["idempotency-key"] for call in service.calls if call.kind == SUBMIT]
    assert len(tokens) == len(set(tokens)) == 2
    assert service.count(UPLOAD) == 0


def test_submit_retry_keeps_the_idempotency_key(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(503, {}), Reply.of(429, {}))
    assert stage.run("parse", "--file-id", "f").code == 0
    tokens = {call.headers["idempotency-key"] for call in service.calls if call.kind == SUBMIT}
    assert (service.count(SUBMIT), len(tokens)) == (3, 1)


@pytest.mark.parametrize("accepted", [200, 201, 202])
def test_submit_any_2xx_status_with_a_job_is_accepted(stage: Stage, service: Service, accepted: int) -> None:
    service.has("job_7", "completed")
    service.then(SUBMIT, Reply.of(accepted, {"job_id": "job_7", "status": "Accepted"}))
    ran = stage.run("parse", "--file-id", "f")
    assert ran.code == 0
    assert (json.loads(ran.out)["job_id"], json.loads(ran.out)["status"]) == ("job_7", "Accepted")


def test_submit_parse_matches_the_vendor_example(stage: Stage, service: Service) -> None:
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


def test_submit_prints_the_job(stage: Stage, service: Service) -> None:
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


def test_submit_json_line_has_the_promised_keys(stage: Stage, service: Service) -> None:
    keys = ["job_id", "operation", "status", "input", "file_id", "submitted_at"]
    path = stage.document("a.pdf")
    ran = stage.run("parse", path)
    assert list(json.loads(ran.out)) == keys
    assert ran.out.count("\n") == 1
    assert list(json.loads(stage.run("parse", path).out)) == [*keys, "reused"]
    ran = stage.run("parse", path, "--file-id", "g")
    assert all(list(json.loads(line))[:6] == keys for line in lines(ran.out))


def test_submit_async_answered_with_a_result_prints_it(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply(200, b'{"pages": [{"text": "t"}]}'))
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert (ran.code, ran.out) == (0, '{"pages": [{"text": "t"}]}\n')


PARSE = ("parse", "--file-id", "f")


def test_submit_rejected_leaves_no_ledger_row(stage: Stage, service: Service) -> None:
    for status in (400, 401, 402, 403, 413, 422):
        service.then(SUBMIT, Reply.of(status, {"detail": "no"}))
        assert stage.run(*PARSE).code in (3, 4, 7)
    assert stage.rows() == []
