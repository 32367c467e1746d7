"""An operation that the service does not run as a job is asked for at once, under the same key."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import SUBMIT, Reply, Service
from tests.stage import Stage, file_ids, lines

REFUSALS = [
    (400, {"code": "invalid_input", "message": "execution_mode async is not supported"}),
    (400, "Unsupported execution mode"),
    (400, {"code": "unsupported_execution_mode", "message": "no"}),
    (400, {"code": "invalid", "message": "no", "details": {"field": "execution_mode"}}),
    (400, "tables can't run asynchronously"),
    (422, [{"loc": ["body", "execution_mode"], "msg": "must be sync", "type": "enum"}]),
]


@pytest.mark.parametrize(("status", "detail"), REFUSALS)
def test_tables_refused_as_a_job_are_asked_for_at_once(
    stage: Stage, service: Service, status: int, detail: object
) -> None:
    service.then(SUBMIT, Reply.of(status, {"detail": detail}))
    ran = stage.run("tables", "--file-id", "f", "--wait")
    assert ran.code == 0, ran.err
    assert [body["execution_mode"] for body in service.bodies()] == ["async", "sync"]
    assert len({call.headers["idempotency-key"] for call in service.calls}) == 1
    assert ran.err.count("the service has no jobs for tables") == 1
    assert json.loads(ran.out)["operation"] == "tables"
    assert stage.states() == ["done"]


def test_tables_of_many_documents_are_refused_as_a_job_once(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(*REFUSALS[0][:1], {"detail": REFUSALS[0][1]}))
    ran = stage.run("tables", *file_ids("a", "b", "c"), "--concurrency", "1")
    assert ran.code == 0, ran.err
    assert [body["execution_mode"] for body in service.bodies()] == ["async", "sync", "sync", "sync"]
    assert ran.err.count("the service has no jobs for tables") == 1
    assert all("result" in json.loads(line) for line in lines(ran.out))


@pytest.mark.parametrize(
    ("status", "detail"),
    [(400, "grounding is not supported"), (400, ""), (409, "async"), (413, "async"), (402, "async")],
)
def test_refusal_for_another_reason_is_final(
    stage: Stage, service: Service, status: int, detail: str
) -> None:
    service.always(SUBMIT, Reply.of(status, {"detail": detail}))
    assert stage.run("tables", "--file-id", "f", "--wait").code == (3 if status == 402 else 7)
    assert service.count(SUBMIT) == 1


@pytest.mark.parametrize("flags", [["--sync"], ["--set", "execution_mode=async"]])
def test_mode_that_the_user_named_is_not_changed(stage: Stage, service: Service, flags: list[str]) -> None:
    service.always(SUBMIT, Reply.of(400, {"detail": "execution_mode"}))
    assert stage.run("tables", "--file-id", "f", "--wait", *flags).code == 7
    assert service.count(SUBMIT) == 1
