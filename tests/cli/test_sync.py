"""`--sync`: the result in the response is printed, kept, and not paid for twice."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import POLL, RESULT, SUBMIT, Reply, Service
from tests.stage import Stage


def test_sync_result_is_printed_verbatim(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", "--sync")
    assert ran.code == 0
    assert ran.raw == service.payload("parse", {"input": {"file_id": "f"}}) + b"\n"
    assert service.bodies()[0]["execution_mode"] == "sync"
    assert (service.count(POLL), service.count(RESULT)) == (0, 0)


@pytest.mark.parametrize("again", [("--sync",), ("--wait",), ("--sync", "--wait")])
def test_sync_result_is_kept_and_reused(stage: Stage, service: Service, again: tuple[str, ...]) -> None:
    first = stage.run("parse", "--file-id", "f", "--sync")
    calls = len(service.calls)
    second = stage.run("parse", "--file-id", "f", *again)
    assert (second.code, second.raw) == (0, first.raw)
    assert len(service.calls) == calls
    assert "note: " in second.err
    assert stage.states() == ["done"]


def test_sync_large_result_is_kept_and_reused(stage: Stage, service: Service) -> None:
    payload = json.dumps({"pages": [{"text": "x" * 300_000}]}).encode()
    service.payload = lambda operation, body: payload
    ran = stage.run("parse", "--file-id", "f", "--sync")
    assert ran.code == 0, ran.err
    assert ran.raw == payload + b"\n"
    assert stage.run("parse", "--file-id", "f", "--sync").raw == ran.raw
    assert service.count(SUBMIT) == 1


def test_sync_answered_with_a_job_is_followed(stage: Stage, service: Service) -> None:
    service.has("job_5", "queued", "working", "completed", result=b'{"pages": [5]}')
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_5", "operation": "parse", "status": "queued"}))
    ran = stage.run("parse", "--file-id", "f", "--sync")
    assert (ran.code, ran.out) == (0, '{"pages": [5]}\n')


def test_sync_result_with_a_job_id_is_a_result(stage: Stage, service: Service) -> None:
    payload = b'{"job_id": "job_6", "status": "completed", "pages": [{"text": "t"}]}'
    service.then(SUBMIT, Reply(200, payload))
    ran = stage.run("parse", "--file-id", "f", "--sync")
    assert (ran.code, ran.raw) == (0, payload + b"\n")
    assert service.count(POLL) == 0


def test_sync_failed_job_exits_5(stage: Stage, service: Service) -> None:
    service.has("job_5", "failed", error="no pages")
    service.then(SUBMIT, Reply.of(200, {"job_id": "job_5", "status": "failed", "error": "no pages"}))
    ran = stage.run("parse", "--file-id", "f", "--sync")
    assert (ran.code, ran.out) == (5, "")
    assert "no pages" in ran.err


def test_sync_result_row_is_accepted_by_jobs_commands(stage: Stage, service: Service) -> None:
    payload = stage.run("parse", "--file-id", "f", "--sync").raw
    handle = json.loads(stage.run("parse", "--file-id", "f").out)["job_id"]
    assert handle == "@1"
    assert stage.run("jobs", "wait", handle).code == 0
    assert stage.run("jobs", "result", handle).raw == payload
    assert service.count(SUBMIT) == 1
