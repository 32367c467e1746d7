"""`docspeed api`: any endpoint, with query parameters, a body from a file, and jobs that are followed."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import POLL, RESULT, SUBMIT, Reply, Service
from tests.stage import Stage

# -- --query


@pytest.mark.parametrize(
    ("path", "flags", "query"),
    [
        ("/v1/usage", ("--query", "month=2026-03"), "month=2026-03"),
        ("/v1/usage", ("--query", "q=a b&c=ü", "--query", "q="), "q=a+b%26c%3D%C3%BC&q="),
        ("/v1/usage?page=2", ("--query", "size=5"), "page=2&size=5"),
    ],
    ids=["one", "encoded", "appended"],
)
def test_api_query_is_encoded_into_the_url(
    stage: Stage, service: Service, path: str, flags: tuple[str, ...], query: str
) -> None:
    service.at("/v1/usage", Reply.of(200, {"pages": 3}))
    ran = stage.run("api", "GET", path, *flags)
    assert (ran.code, ran.out, ran.err) == (0, '{"pages": 3}\n', "")
    assert [call.query for call in service.calls] == [query]


@pytest.mark.parametrize("pair", ["month", "=2026-03", ""])
def test_api_query_without_key_or_value_is_a_usage_error(stage: Stage, service: Service, pair: str) -> None:
    ran = stage.run("api", "GET", "/v1/usage", "--query", pair)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err.startswith("error: --query ")


@pytest.mark.parametrize("words", [["/v1/\udcff"], ["/v1/usage", "--query", "a=\udcff"]])
def test_api_url_that_is_not_utf_8_is_a_usage_error(stage: Stage, service: Service, words: list[str]) -> None:
    ran = stage.run("api", "GET", *words)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert stage.run("jobs", "list", "--base-url", f"https://example.com{words[0]}x\udcff").code == 2


@pytest.mark.parametrize("path", ["C:/Program Files/Git/v1/jobs", "c:\\v1", "/v1/jobs\n", "/v1\r\nX: y"])
def test_api_path_rewritten_by_a_shell_or_broken_is_a_usage_error(
    stage: Stage, service: Service, path: str
) -> None:
    ran = stage.run("api", "GET", path)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err.startswith("error: PATH ")


# -- --body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{broken", "it is not JSON: Expecting property name"),
        (b"", "it is not JSON: Expecting value"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[1]", "it is not a JSON object"),
    ],
    ids=["broken", "empty", "not UTF-8", "list"],
)
def test_api_body_that_is_not_a_json_object_is_a_usage_error(
    stage: Stage, service: Service, content: bytes, message: str
) -> None:
    path = stage.folder / "body.json"
    path.write_bytes(content)
    for name in (str(path), "-"):
        ran = stage.run("api", "POST", "/v1/ocr", "--body", name, stdin=content)
        assert (ran.code, ran.out, service.calls) == (2, "", [])
        assert ran.err.startswith(f"error: --body {name}: {message}")


@pytest.mark.parametrize(("name", "reason"), [("missing.json", "No such file"), (".", "Is a directory")])
def test_api_body_unreadable_file_is_a_usage_error(
    stage: Stage, service: Service, name: str, reason: str
) -> None:
    ran = stage.run("api", "POST", "/v1/ocr", "--body", str(stage.folder / name))
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert reason in ran.err


def test_api_body_with_get_is_a_usage_error(stage: Stage, service: Service) -> None:
    ran = stage.run("api", "GET", "/v1/ocr", "--body", "-", stdin=b'{"a": 1}')
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err == "error: a GET request has no body\nhint: use `--query KEY=VALUE` in place of `--set`\n"


def test_api_body_fields_are_overridden_by_set(stage: Stage, service: Service) -> None:
    service.at("/v1/ocr", Reply.of(200, {"pages": []}))
    argv = ("api", "POST", "/v1/ocr", "--body", "-", "--set", "b.d=3", "--set", "a=9")
    assert stage.run(*argv, stdin=b'{"a": 1, "b": {"c": 2}}').code == 0
    assert service.bodies() == [{"a": 9, "b": {"c": 2, "d": 3}}]


def test_api_request_that_was_answered_before_is_submitted_again_with_a_note(
    stage: Stage, service: Service
) -> None:
    for path, noted in (("/api/v1/parse", True), ("/api/v1/ask", False)):
        argv = ("api", "POST", path, "--set", "input.file_id=f", "--wait")
        assert "again" not in stage.run(*argv).err
        ran = stage.run(*argv)
        assert ran.code == 0
        assert ("job job_1 (`docspeed jobs result job_1`); submitting it again" in ran.err) == noted
    assert service.count(SUBMIT) == 4


# -- GET --wait


def test_api_get_with_wait_follows_the_named_job(stage: Stage, service: Service) -> None:
    service.has("job_9", "queued", "completed", result=b'{"pages": [9]}')
    job = {"job_id": "job_9", "operation": "parse", "status": "queued"}
    service.at("/v1/latest", *[Reply.of(200, job)] * 2)
    assert json.loads(stage.run("api", "GET", "/v1/latest").out) == job
    assert service.count(POLL) == 0
    ran = stage.run("api", "GET", "/v1/latest", "--wait")
    assert (ran.code, ran.out) == (0, '{"pages": [9]}\n')
    assert (service.count(POLL), service.count(RESULT)) == (2, 1)


def test_api_get_with_wait_for_a_failed_job_exits_5(stage: Stage, service: Service) -> None:
    service.has("job_9", "failed", error="no pages")
    service.at("/v1/latest", Reply.of(200, {"job_id": "job_9", "status": "queued"}))
    ran = stage.run("api", "GET", "/v1/latest", "--wait")
    assert (ran.code, ran.out, "no pages" in ran.err) == (5, "", True)


def test_api_get_with_wait_and_timeout_exits_8(stage: Stage, service: Service) -> None:
    service.has("job_9", "queued")
    service.at("/v1/latest", Reply.of(200, {"job_id": "job_9", "status": "queued"}))
    ran = stage.run("api", "GET", "/v1/latest", "--wait", "--timeout", "5")
    assert (ran.code, ran.out) == (8, "")
    assert "docspeed jobs wait job_9" in ran.err


def test_api_get_with_wait_prints_a_response_without_job(stage: Stage, service: Service) -> None:
    service.at("/v1/usage", Reply.of(200, {"pages": 3}))
    assert stage.run("api", "GET", "/v1/usage", "--wait").out == '{"pages": 3}\n'
    assert service.count(POLL) == 0


def test_api_unknown_method_is_a_usage_error(stage: Stage, service: Service) -> None:
    ran = stage.run("api", "FETCH", "/v1/ocr")
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert "FETCH is not an HTTP method" in ran.err
