"""Errors: their JSON, their text for people, their hints, and the exit code of each."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import POLL, RESULT, SUBMIT, Reply, Service
from tests.stage import Stage, lines


def problem(stage: Stage, *argv: str) -> tuple[int, dict[str, object]]:
    """Run with `--json`, check that stdout is empty, and return the exit code and the error object."""
    ran = stage.run(*argv, "--json")
    assert ran.out == ""
    assert ran.err.count("\n") == 1, ran.err
    whole = json.loads(ran.err)
    assert list(whole) == ["error"]
    return ran.code, whole["error"]


def test_error_json_has_the_promised_keys(stage: Stage, service: Service) -> None:
    detail = {"code": "invalid_input", "message": "no such profile", "details": {"field": "profile"}}
    service.then(SUBMIT, Reply.of(422, {"detail": detail}, X_Request_Id="req_42"))
    code, error = problem(stage, "parse", "--file-id", "f")
    assert code == 7
    assert error == {
        "code": "invalid_input",
        "message": "no such profile",
        "retryable": False,
        "status": 422,
        "request_id": "req_42",
        "details": {"field": "profile"},
    }


def test_error_json_is_one_line(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "a")
    service.then(RESULT, Reply.of(400, {"detail": {"code": "odd", "message": "no"}}))
    for env in ({}, {"GITHUB_ACTIONS": "true"}):
        ran = stage.run("parse", "--file-id", "a", "--wait", "--json", env=env)
        service.then(RESULT, Reply.of(400, {"detail": {"code": "odd", "message": "no"}}))
        assert json.loads(ran.err)["error"]["code"] == "odd"


@pytest.mark.parametrize(
    "argv",
    [
        ("parse", "--nonsense"),
        ("parse", "missing.pdf"),
        ("parse",),
        ("parse", "--file-id", "f", "--format", "csv"),
        ("parse", "--file-id", "f", "--timeout", "soon"),
        ("jobs", "list", "--limit", "0"),
        ("jobs", "wait"),
        ("jobs", "forget"),
        ("nonsense",),
    ],
)
def test_error_json_of_wrong_usage_has_code_usage(stage: Stage, argv: tuple[str, ...]) -> None:
    code, error = problem(stage, *argv)
    assert (code, error["code"], error["retryable"]) == (2, "usage", False)
    assert {"code", "message", "retryable", "hint"} >= set(error) - {"details"}


def test_error_json_of_unknown_outcome_has_the_server_code_in_details(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(500, {"detail": {"code": "internal_error", "message": "boom"}}))
    error = json.loads(stage.run("parse", "--file-id", "a", "--json").err)["error"]
    assert (error["code"], error["details"]["code"]) == ("outcome_unknown", "internal_error")


def test_error_for_people_is_message_then_hint(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(402, {"detail": {"code": "credits", "message": "0 left", "details": None}}))
    ran = stage.run("parse", "--file-id", "f")
    assert (ran.code, ran.out) == (3, "")
    first, second = lines(ran.err)
    assert first.startswith("error: ") and "0 left" in first
    assert second.startswith("hint: ")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"detail": {"code": "x", "message": "no such profile", "details": null}}', "no such profile"),
        (b'{"detail": "no such profile"}', "no such profile"),
        (
            b'{"detail": [{"loc": ["body", "input"], "msg": "no such profile", "type": "missing"}]}',
            "body.input: no such profile",
        ),
        (b'{"error": {"message": "no such profile"}}', "no such profile"),
        (b'{"message": "no such profile"}', "no such profile"),
        (b"<html>sorry</html>", "422"),
        (b"", "422"),
        (b"\xff\xfe", "422"),
        (b"[]", "422"),
        (b'{"detail": null}', "422"),
    ],
)
def test_error_body_any_shape_gives_message(
    stage: Stage, service: Service, body: bytes, message: str
) -> None:
    service.then(SUBMIT, Reply(422, body))
    ran = stage.run("parse", "--file-id", "f")
    assert (ran.code, ran.out) == (7, "")
    assert message in ran.err


def test_error_hint_names_the_base_url(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(401, {"detail": "no"}))
    ran = stage.run("parse", "--file-id", "f", "--base-url", "https://other.example")
    assert "docspeed auth login --base-url https://other.example" in ran.err


@pytest.mark.parametrize(("kind", "again"), [(POLL, "wait"), (RESULT, "result")])
def test_error_hint_after_submission_names_the_jobs_command(
    stage: Stage, service: Service, kind: str, again: str
) -> None:
    service.then(kind, Reply.of(401, {"detail": "expired"}))
    ran = stage.run("parse", "--file-id", "f", "--wait", "--base-url", "https://a.example")
    flags = " --base-url https://a.example"
    first = f"fix DOCSPEED_API_KEY; or unset it, then `docspeed auth login{flags}`"
    hint = f"hint: {first}, then run `docspeed jobs {again} job_1{flags}`"
    assert (ran.code, ran.err.splitlines()[-1]) == (4, hint)


def test_error_of_failed_job_names_its_document(stage: Stage, service: Service) -> None:
    service.final = "failed"
    path = stage.document("a.pdf")
    assert (
        f"error: {path}: parse job job_1 ended with status failed" in stage.run("parse", path, "--wait").err
    )


# -- exit codes


@pytest.mark.parametrize(
    ("status", "code", "name"),
    [
        (400, 7, "rejected"),
        (401, 4, "auth"),
        (402, 3, "no_credits"),
        (403, 4, "auth"),
        (404, 6, "not_found"),
        (409, 7, "rejected"),
        (410, 6, "not_found"),
        (413, 7, "rejected"),
        (415, 7, "rejected"),
        (422, 7, "rejected"),
        (418, 7, "rejected"),
        (429, 9, "rate_limited"),
        (500, 9, "outcome_unknown"),
        (502, 9, "unavailable"),
        (503, 9, "unavailable"),
    ],
)
def test_exit_code_of_submission_follows_http_status(
    stage: Stage, service: Service, status: int, code: int, name: str
) -> None:
    service.always(SUBMIT, Reply(status, b""))
    ran = stage.run("parse", "--file-id", "f", "--json")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (ran.code, error["code"], error["status"]) == (code, name, status)


@pytest.mark.parametrize(("status", "code"), [(400, 7), (401, 4), (402, 3), (404, 6), (410, 6), (503, 9)])
def test_exit_code_of_jobs_commands_follows_http_status(
    stage: Stage, service: Service, status: int, code: int
) -> None:
    service.always(POLL, Reply.of(status, {"detail": "no"}))
    for command in ("status", "result", *(["wait"] if status != 503 else [])):
        ran = stage.run("jobs", command, "job_77")
        assert (ran.code, ran.out) == (code, ""), ran.err


def test_exit_code_of_success_and_empty_list_is_0(stage: Stage) -> None:
    assert stage.run("jobs", "list").code == 0
    assert stage.run("jobs", "list", "--json").out == ""
    assert stage.run("parse", "--file-id", "f").code == 0


def problem_without_key(stage: Stage) -> tuple[int, dict[str, object]]:
    ran = stage.run("parse", "--file-id", "f", "--json", env={"DOCSPEED_API_KEY": ""})
    assert ran.out == ""
    return ran.code, json.loads(ran.err)["error"]


def test_exit_code_without_key_is_4_before_any_request(stage: Stage, service: Service) -> None:
    code, error = problem_without_key(stage)
    assert code == 4
    assert error["code"] == "no_key"
    assert "auth login" in str(error["hint"])
    assert service.calls == []


def test_file_whose_name_begins_with_a_dash_is_hinted_at(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stage.folder)
    stage.document("-dash.pdf")
    ran = stage.run("parse", "-dash.pdf")
    assert ran.code == 2 and ran.err.endswith("hint: for the file, write `./-dash.pdf`\n")
    assert stage.run("parse", "./-dash.pdf").code == 0


def test_schema_without_fields_hints_at_the_topic(stage: Stage) -> None:
    ran = stage.run("extract", "--file-id", "f", "--schema", "{}")
    assert (ran.code, ran.err) == (
        2,
        "error: --schema: it has neither fields nor tables\nhint: docspeed help schemas\n",
    )
