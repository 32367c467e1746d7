"""stdout holds data and stderr everything else: bytes, formats, files, errors, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fake_service import POLL, RESULT, SUBMIT, Reply, Service
from tests.stage import Stage, lines

STRANGE = [
    b'{"b": 1.0, "a": 1e2, "b2": 12345678901234567890123, "n": -0.0}',
    b'{"\\u0061": "\\u20b9 \\/ \\ud83d\\ude00", "raw": "\xe2\x82\xb9\xf0\x9f\x98\x80"}',
    b'{\r\n\t"x" : [ 1 ,2 ],\n\n "y":{ }}',
    b'{"twice": 1, "twice": 2}',
    b'["a", "list"]',
    b'{"lone": "\\ud800"}',
    b'{"pages": []}\n',
    b' \n{"pages": []} \n',
]


@pytest.mark.parametrize("payload", STRANGE)
def test_result_in_pipe_is_the_server_s_bytes(stage: Stage, service: Service, payload: bytes) -> None:
    service.payload = lambda operation, body: payload
    expected = payload if payload.endswith(b"\n") else payload + b"\n"
    for flags in ((), ("--json",), ("--format", "json"), ("--quiet",), ("--verbose",)):
        assert stage.run("parse", "--file-id", "f", "--wait", *flags).raw == expected
    assert stage.run("jobs", "result", "job_1").raw == expected


@pytest.mark.parametrize("payload", STRANGE)
def test_result_in_batch_line_changes_only_line_breaks(
    stage: Stage, service: Service, payload: bytes
) -> None:
    service.payload = lambda operation, body: payload
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait")
    assert ran.code == 0
    assert ran.raw.count(b"\n") == 2
    for line in ran.raw.splitlines():
        found = json.loads(line)
        assert found["result"] == json.loads(payload)
        bare = b"".join(part.lstrip(b" \t") if n else part for n, part in enumerate(payload.split(b"\n")))
        sent = line.split(b'"result":', 1)[1]
        assert sent.strip() == bare.replace(b"\r", b"").strip() + b"}"


def test_output_file_is_written_and_stdout_is_empty(stage: Stage, service: Service) -> None:
    target = stage.folder / "result.json"
    ran = stage.run("parse", "--file-id", "f", "--wait", "-o", str(target))
    assert (ran.code, ran.out) == (0, "")
    assert target.read_bytes() == service.results["job_1"] + b"\n"
    assert [path.name for path in stage.folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("size", [10, 900_000])
@pytest.mark.parametrize("code", [5, 9])
def test_output_file_without_result_is_left_alone(
    stage: Stage, service: Service, code: int, size: int
) -> None:
    target = stage.folder / "out" / "result.json"
    target.parent.mkdir()
    target.write_text("what was there")
    if code == 5:
        service.final = "failed"
    else:
        cut = json.dumps({"pages": ["x" * size]}).encode()[:-2]
        service.always(RESULT, Reply(200, cut))
    ran = stage.run("parse", "--file-id", "f", "--wait", "-o", str(target))
    assert (ran.code, ran.out) == (code, "")
    assert target.read_text() == "what was there"
    assert list(target.parent.iterdir()) == [target]


def test_output_file_not_writable_names_jobs_result(stage: Stage, service: Service) -> None:
    target = stage.folder / "there"
    (target / "a.json").mkdir(parents=True)
    ran = stage.run("parse", "--file-id", "f", "--wait", "-o", str(target / "no" / "x.json"))
    assert (ran.code, service.calls) == (2, []), "a folder that is not there is found before anything is sent"
    ran = stage.run("parse", stage.document("a.pdf"), "--wait", "-o", f"{target}/", "--json")
    assert ran.code == 1
    assert "jobs result job_1" in ran.out + ran.err


def test_format_id_prints_bare_job_ids(stage: Stage) -> None:
    ran = stage.run("parse", "--file-id", "f", "--format", "id")
    assert (ran.code, ran.out) == (0, "job_1\n")
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--format", "id")
    assert sorted(lines(ran.out)) == ["job_1", "job_2"]


@pytest.mark.parametrize("name", ["markdown", "text"])
def test_format_markdown_or_text_holds_no_json(stage: Stage, service: Service, name: str) -> None:
    page = {"page_index": 0, "markdown": "# Totals\n\n₹ 12", "text": "Totals\n₹ 12"}
    payload = json.dumps({"pages": [page]}).encode()
    service.payload = lambda operation, body: payload
    ran = stage.run("parse", "--file-id", "f", "--wait", "--format", name)
    assert ran.code == 0, ran.err
    assert "Totals" in ran.out and "₹ 12" in ran.out
    assert ("# Totals" in ran.out) is (name == "markdown")
    assert "page_index" not in ran.out
    assert stage.run("jobs", "result", "@last", "--format", name).out == ran.out


def test_format_from_environment_gives_way_to_flag(stage: Stage) -> None:
    env = {"DOCSPEED_FORMAT": "id"}
    assert stage.run("parse", "--file-id", "f", env=env).out == "job_1\n"
    assert json.loads(stage.run("parse", "--file-id", "f", "--json", env=env).out)["job_id"] == "job_1"
    assert stage.run("parse", "--file-id", "f", env={"DOCSPEED_FORMAT": "csv"}).code in (0, 2)
    assert stage.run("parse", "--file-id", "f", env={"DOCSPEED_FORMAT": "pdf"}).code == 2


def test_format_csv_for_parse_fails_before_any_request(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", "--wait", "--format", "csv")
    assert (ran.code, ran.out, service.calls) == (2, "", [])


def test_submit_json_line_has_the_promised_keys(stage: Stage, service: Service) -> None:
    keys = ["job_id", "operation", "status", "input", "file_id", "submitted_at"]
    path = stage.document("a.pdf")
    ran = stage.run("parse", path)
    assert list(json.loads(ran.out)) == keys
    assert ran.out.count("\n") == 1
    assert list(json.loads(stage.run("parse", path).out)) == [*keys, "reused"]
    ran = stage.run("parse", path, "--file-id", "g")
    assert all(list(json.loads(line))[:6] == keys for line in lines(ran.out))


# -- errors


def problem(stage: Stage, *argv: str) -> tuple[int, dict[str, object]]:
    """The exit code and the error object of a run with `--json`, whose stdout must be empty."""
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
def test_usage_error_with_json_is_an_error_object(stage: Stage, argv: tuple[str, ...]) -> None:
    code, error = problem(stage, *argv)
    assert (code, error["code"], error["retryable"]) == (2, "usage", False)
    assert {"code", "message", "retryable", "hint"} >= set(error) - {"details"}


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


# -- exit codes, each provoked


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
def test_submit_http_status_gives_exit_code(
    stage: Stage, service: Service, status: int, code: int, name: str
) -> None:
    service.always(SUBMIT, Reply(status, b""))
    ran = stage.run("parse", "--file-id", "f", "--json")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (ran.code, error["code"], error["status"]) == (code, name, status)


@pytest.mark.parametrize(("status", "code"), [(400, 7), (401, 4), (402, 3), (404, 6), (410, 6), (503, 9)])
def test_jobs_http_status_gives_exit_code(stage: Stage, service: Service, status: int, code: int) -> None:
    service.always(POLL, Reply(status, b""))
    for command in ("status", "result", *(["wait"] if status != 503 else [])):
        ran = stage.run("jobs", command, "job_77")
        assert (ran.code, ran.out) == (code, ""), ran.err


def test_exit_code_success_and_empty_list_are_zero(stage: Stage) -> None:
    assert stage.run("jobs", "list").code == 0
    assert stage.run("jobs", "list", "--json").out == ""
    assert stage.run("parse", "--file-id", "f").code == 0


def test_exit_code_without_key_is_4_before_any_request(stage: Stage, service: Service) -> None:
    code, error = problem_without_key(stage)
    assert code == 4
    assert error["code"] == "no_key"
    assert "auth login" in str(error["hint"])
    assert service.calls == []


def problem_without_key(stage: Stage) -> tuple[int, dict[str, object]]:
    ran = stage.run("parse", "--file-id", "f", "--json", env={"DOCSPEED_API_KEY": ""})
    assert ran.out == ""
    return ran.code, json.loads(ran.err)["error"]


# -- quiet and verbose


def test_quiet_silences_notes_and_progress_but_not_errors(stage: Stage, service: Service) -> None:
    service.polls = 3
    ran = stage.run("parse", stage.document("a.pdf"), "--wait", "--quiet")
    assert (ran.code, ran.err) == (0, "")
    ran = stage.run("parse", "missing.pdf", "--quiet")
    assert ran.err.startswith("error: ")
    ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--wait", "--quiet")
    assert (ran.code, ran.err) == (0, "")


def test_verbose_adds_a_line_for_each_exchange(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(503, {}, X_Request_Id="req_1"))
    ran = stage.run("parse", stage.document("a.pdf"), "--wait", "--verbose")
    assert ran.code == 0
    exchanges = [line.split() for line in lines(ran.err) if line.startswith("http: ")]
    assert [exchange[1:4] for exchange in exchanges] == [
        ["POST", "/api/v1/upload", "200"],
        ["POST", "/api/v1/parse", "503"],
        ["POST", "/api/v1/parse", "200"],
        ["GET", "/v1/jobs/job_1", "200"],
        ["GET", "/v1/jobs/job_1/result", "200"],
    ]
    assert exchanges[1][4].isdigit() and exchanges[1][5:] == ["ms", "req_1"]
    assert ran.raw == service.results["job_1"] + b"\n"


def test_run_leaves_nothing_in_the_working_directory(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    stage.run("parse", "--file-id", "f", "--wait")
    assert list((tmp_path / "here").iterdir()) == []
