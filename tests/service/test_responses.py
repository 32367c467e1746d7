"""Statuses become errors with exit codes, error bodies are read in every form, jobs are found in answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.errors import (
    AuthError,
    DocspeedError,
    NoCredits,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from docspeed_cli.service.body import Body
from docspeed_cli.service.responses import error_members, job_error, job_in, status_error, status_word

REPEATABLE = pytest.mark.parametrize("repeatable", [True, False])

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "detail",
                    "error",
                    "code",
                    "message",
                    "msg",
                    "loc",
                    "details",
                    "job",
                    "job_id",
                    "status",
                    "id",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def job(value: Any, *, sync: bool = False) -> dict[str, Any] | None:
    return job_in(Body(body(value)), sync=sync)


# -- statuses


def expected(repeatable: bool, status: int) -> tuple[type[DocspeedError], int]:
    """The error and the exit code that the contract names for a status."""
    if status in (401, 403):
        return AuthError, 4
    if status == 402:
        return NoCredits, 3
    if status in (404, 410):
        return NotFound, 6
    if status in (429, 502, 503):
        return Unavailable, 9
    if status >= 500 or status in (408, 425):
        return (Unavailable, 9) if repeatable else (OutcomeUnknown, 9)
    return Rejected, 7


@REPEATABLE
def test_status_error_of_each_status_has_its_exit_code(repeatable: bool) -> None:
    for status in range(400, 600):
        error = status_error(status, b"{}", repeatable=repeatable)
        assert (type(error), error.exit_code) == expected(repeatable, status), status
        assert error.status == status
        assert error.message
        assert error.code


@REPEATABLE
def test_status_error_is_retryable_only_if_nothing_was_taken(repeatable: bool) -> None:
    """A submission is never repeated after a 500 or a 504: it may have made a job."""
    for status in range(400, 600):
        error = status_error(status, b"", repeatable=repeatable)
        harmless = repeatable and (status >= 500 or status in (408, 425))
        assert error.retryable == (status in (429, 502, 503) or harmless), status


@pytest.mark.parametrize("status", [429, 502, 503])
def test_status_error_keeps_retry_after(status: int) -> None:
    assert status_error(status, b"", repeatable=False, retry_after=12.5).retry_after == 12.5


@pytest.mark.parametrize("status", [400, 401, 402, 404, 422, 429, 500, 503])
def test_status_error_has_the_server_s_code_message_and_details(status: int) -> None:
    said = {"detail": {"code": "their_code", "message": "their words", "details": {"page": 3}}}
    error = status_error(status, body(said), repeatable=False)
    assert "their words" in error.message
    assert error.code == "their_code"
    assert error.details == {"page": 3}


def test_status_error_without_a_body_has_our_code() -> None:
    codes = {
        status: status_error(status, b"", repeatable=False).code for status in (400, 401, 402, 404, 429, 500)
    }
    assert codes == {
        400: "rejected",
        401: "auth",
        402: "no_credits",
        404: "not_found",
        429: "rate_limited",
        500: "outcome_unknown",
    }


def test_status_error_401_hints_at_auth_login() -> None:
    assert "docspeed auth" in (status_error(401, b"", repeatable=True).hint or "")


# -- bodies of errors


@pytest.mark.parametrize(
    ("value", "code", "message", "details"),
    [
        ({"detail": {"code": "c", "message": "m", "details": None}}, "c", "m", None),
        ({"detail": {"code": "c", "message": "m", "details": [1]}}, "c", "m", [1]),
        ({"detail": {"code": "c", "message": "m"}}, "c", "m", None),
        ({"detail": {"message": "m"}}, None, "m", None),
        ({"detail": "Missing bearer token"}, None, "Missing bearer token", None),
        ({"error": {"code": "c", "message": "m"}}, "c", "m", None),
        ({"error": "m"}, None, "m", None),
        ({"code": "c", "message": "m"}, "c", "m", None),
        ("m", None, "m", None),
        ({"detail": {"code": 17, "message": "m"}}, "17", "m", None),
    ],
)
def test_error_members_reads_every_published_form(
    value: Any, code: str | None, message: str, details: Any
) -> None:
    assert error_members(body(value)) == (code, message, details)


def test_error_members_joins_validation_messages_and_keeps_details() -> None:
    faults = [
        {"loc": ["body", "input", 0], "msg": "field required", "type": "missing"},
        {"loc": ["body"], "msg": "too long"},
        {"msg": "no place"},
    ]
    code, message, details = error_members(body({"detail": faults}))
    assert code == "invalid_input"
    assert message == "body.input.0: field required; body: too long; no place"
    assert details == faults


def test_error_members_of_a_long_list_shortens_the_message_only() -> None:
    faults = [{"loc": ["body", n], "msg": "wrong"} for n in range(500)]
    _, message, details = error_members(body({"detail": faults}))
    assert "body.3: wrong" in message and "body.499" not in message
    assert details == faults


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"<html><body>502 Bad Gateway</body></html>",
        b"\xff\xfe\x00",
        b"\x00",
        b'{"detail": ',
        b"null",
        b"true",
        b"12",
        b"1e999",
        b"9" * 10_000,
        b"[]",
        b"[null]",
        b"{}",
        b'{"detail": null}',
        b'{"detail": []}',
        b'{"detail": {}}',
        b'{"detail": [null, 1, "x", [], {}, [[]]]}',
        b'{"detail": [{"loc": null, "msg": null}]}',
        b'{"detail": [{"loc": [null, {}], "msg": ["a"]}]}',
        b'{"detail": {"code": null, "message": null}}',
        b'{"detail": {"code": {}, "message": []}}',
        b'{"detail": {"code": {"a": 1}, "message": {"b": 2}}}',
        b'{"error": null, "detail": null}',
        b"[" * 200_000 + b"]" * 200_000,
        b'{"detail":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"detail":' * 40 + b'"deep"' + b"}" * 40,
        b'{"detail": "\\ud800"}',
        b'{"detail": {"message": "\\u001b[2Jclear"}}',
    ],
    ids=lambda content: content[:40].decode("latin-1"),
)
@REPEATABLE
def test_status_error_survives_any_body(content: bytes, repeatable: bool) -> None:
    for status in (400, 422, 429, 500):
        error = status_error(status, content, repeatable=repeatable)
        assert (type(error), error.exit_code) == expected(repeatable, status)
        assert isinstance(error.message, str) and error.message
        assert isinstance(error.code, str) and error.code
        json.dumps(error.to_json())


@given(value=anything, status=st.integers(400, 599))
def test_status_error_survives_any_json_value(value: Any, status: int) -> None:
    error = status_error(status, body(value), repeatable=False)
    assert (type(error), error.exit_code) == expected(False, status)
    assert isinstance(error.message, str) and error.message
    assert isinstance(error.code, str) and error.code
    json.dumps(error.to_json())


# -- the job in the answer to a submission

QUEUED = {"job_id": "job_1", "operation": "parse", "status": "queued", "execution_mode": "async"}


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        QUEUED,
        {**QUEUED, "status": "completed"},
        {**QUEUED, "status": "failed", "error": {"code": "c", "message": "m"}},
        {**QUEUED, "progress": {"done": 1, "of": 3}},
        {"job_id": 17, "status": "queued"},
        {"job_id": "job_1"},
        {"job_id": "job_1", "status": "accepted", "warnings": []},
    ],
)
def test_job_in_finds_a_job_object_in_either_mode(value: dict[str, Any], sync: bool) -> None:
    found = job(value, sync=sync)
    assert found is not None
    assert found["job_id"] == value["job_id"]


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1,
        "job_1",
        [],
        [QUEUED],
        {},
        {"pages": []},
        {"job_id": None},
        {"job_id": {}},
        {"job_id": True},
        {"status": 3},
    ],
)
def test_job_in_without_a_job_is_none(value: Any, sync: bool) -> None:
    assert job(value, sync=sync) is None


@pytest.mark.parametrize(
    "value",
    [
        {"pages": [{"page_index": 0}]},
        {"job_id": "job_1", "pages": [{"page_index": 0}]},
        {"job_id": "job_1", "status": "completed", "pages": [{"page_index": 0}]},
        {"status": "completed", "execution_mode": "sync", "answer": "42", "citations": [{"doc_id": "d"}]},
        {"doc_class": "invoice", "fields": [{"key": "id"}], "id": "schema_1"},
    ],
)
def test_job_in_a_sync_result_is_none(value: dict[str, Any]) -> None:
    assert job(value, sync=True) is None


def test_job_in_the_answer_to_a_sync_request_may_be_a_job() -> None:
    running = {**QUEUED, "links": {"self": "/v1/jobs/job_1"}, "status": "processing"}
    assert job(running, sync=True) == running


@pytest.mark.parametrize(
    "value",
    [
        {"jobId": "job_1", "status": "queued"},
        {"task_id": "job_1"},
        {"id": "job_1", "state": "PENDING"},
        {"job": {"id": "job_1", "status": "queued"}, "request_id": "r"},
        {"job": {"id": "job_1"}},
        {"data": {"job_id": "job_1", "status": "queued"}, "error": None},
    ],
)
def test_job_in_with_another_name_for_the_id_is_found_unless_exact(value: dict[str, Any]) -> None:
    found = job_in(Body(body(value)), sync=False, exact=False)
    assert found is not None
    assert found["job_id"] == "job_1"
    assert job(value) is None
    assert job_in(Body(body(value)), sync=True, exact=False) is None


@pytest.mark.parametrize(
    "value",
    [
        {"id": "schema_1", "fields": [{"key": "a"}], "status": "done"},
        {"id": "doc_1", "answer": "42"},
        {"id": "doc_1", "answer": "42", "status": "ok", "citations": []},
        {"data": {"job_id": "job_1", "pages": [{"page_index": 0}]}},
        {"data": {"id": "doc_1", "status": "ok"}, "pages": [{"page_index": 0}]},
        {"data": {"id": True, "status": "ok"}},
    ],
)
def test_job_in_a_result_with_another_id_is_none(value: dict[str, Any]) -> None:
    assert job_in(Body(body(value)), sync=False, exact=False) is None


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "completed"},
        {"state": "completed"},
        {"jobStatus": "completed"},
        {"status": {"state": "completed", "since": 3}},
        {"status": {"name": "completed"}},
        {"job": {"status": "completed"}},
        {"data": {"id": "job_1", "status": "completed"}, "status": None},
    ],
)
def test_status_word_is_found_under_each_name(answer: dict[str, Any]) -> None:
    assert status_word(answer) == "completed"


@pytest.mark.parametrize("answer", [{}, {"status": 3}, {"name": "completed"}, {"data": ["completed"]}])
def test_status_word_without_a_status_is_none(answer: dict[str, Any]) -> None:
    assert status_word(answer) is None


def test_job_in_a_large_sync_answer_is_none() -> None:
    content = json.dumps({**QUEUED, "pages": ["x" * 100] * 1000}).encode()
    assert job_in(Body(content), sync=True) is None


def test_job_in_an_answer_nested_too_deeply_is_none() -> None:
    """It was paid for; its bytes can be handed on without being understood."""
    assert job_in(Body(b"[" * 30_000 + b"]" * 30_000), sync=True) is None


@given(value=anything, sync=st.booleans())
def test_job_in_survives_any_json_value(value: Any, sync: bool) -> None:
    found = job_in(Body(body(value)), sync=sync, exact=False)
    assert found is None or isinstance(found["job_id"], str | int)


# -- the error of a failed job


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"error": {"code": "bad_pdf", "message": "can't read page 3"}}, ("bad_pdf", "can't read page 3")),
        ({"error": "can't read page 3"}, (None, "can't read page 3")),
        ({"detail": {"code": "bad_pdf", "message": "m", "details": None}}, ("bad_pdf", "m")),
        ({"detail": "m"}, (None, "m")),
        ({"failure": {"detail": "m"}}, (None, "m")),
        ({"error_message": "m"}, (None, "m")),
        ({"message": "m"}, (None, "m")),
        ({"reason": "m"}, (None, "m")),
        ({"error": None, "message": "m"}, (None, "m")),
        ({"error": "", "message": "m"}, (None, "m")),
        ({"error": {"code": 7, "message": 8}}, ("7", "8")),
        ({"error": ["x"], "status": "failed"}, (None, "x")),
        ({"error": [{"code": "a", "message": "x"}, "y", 7]}, ("a", "x; y")),
        ({"error": [[["x"]]]}, (None, "x")),
        ({}, (None, "")),
        (
            {"errors": [{"msg": "page 3 is blank"}, {"msg": "page 4 is blank"}]},
            (None, "page 3 is blank; page 4 is blank"),
        ),
        ({"failure_reason": "page 3 is blank", "message": "Job failed"}, (None, "page 3 is blank")),
        ({"failureReason": "page 3 is blank"}, (None, "page 3 is blank")),
        ({"status_message": "page 3 is blank"}, (None, "page 3 is blank")),
        ({"statusDetails": {"reason": "page 3 is blank", "code": "blank"}}, ("blank", "page 3 is blank")),
        ({"error": "blank_page", "message": "page 3 is blank"}, ("blank_page", "page 3 is blank")),
        ({"error_code": "blank_page", "error_message": "page 3 is blank"}, ("blank_page", "page 3 is blank")),
        ({"error": {"error": {"details": [{"message": "page 3 is blank"}]}}}, (None, "page 3 is blank")),
        ({"error": {"code": "E7", "details": {"cause": {"message": "m"}}}}, ("E7", "m")),
        ({"result": {"errors": ["page 3 is blank"]}}, (None, "page 3 is blank")),
        ({"data": {"job": {"failure": {"description": "page 3 is blank"}}}}, (None, "page 3 is blank")),
        ({"error": '{"code": "blank", "message": "page 3"}'}, ("blank", "page 3")),
        ({"detail": json.dumps(json.dumps({"errors": ["page 3 is blank"]}))}, (None, "page 3 is blank")),
        ({"detail": '"a.pdf" is blank'}, (None, '"a.pdf" is blank')),
        ({"error": "{not JSON"}, (None, "{not JSON")),
        ({"error": True, "reason": "page 3 is blank"}, (None, "page 3 is blank")),
        ({"errors": [], "details": None, "reason": "  page 3 is blank\n"}, (None, "page 3 is blank")),
        ({"errors": ["the same"] * 30}, (None, "the same")),
        ({"error": "x" * 3000}, (None, "x" * 2000 + "…")),
    ],
)
def test_job_error_is_found_in_each_place(answer: dict[str, Any], found: tuple[str | None, str]) -> None:
    assert job_error({"job_id": "job_1", "status": "failed", **answer}) == found


def test_job_error_of_errors_in_errors_ends() -> None:
    for name in ("error", "result", "errors"):
        answer: Any = {"message": "m"}
        for _ in range(400):
            answer = {name: [answer] if name == "errors" else answer}
        assert job_error(answer) == (None, "")
    packed = '{"message": "m"}'
    for _ in range(12):
        packed = json.dumps({"error": packed})
    assert job_error({"error": packed})[1] == ""
    assert job_error({"error": json.dumps(["x" * 100_000])})[1].startswith('["xxx')


@given(value=anything)
def test_job_error_survives_any_json_value(value: Any) -> None:
    code, text = job_error({"error": value, "status": value})
    assert isinstance(code, str | None) and isinstance(text, str)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>It has expired</Message></Error>',
            "AccessDenied: It has expired",
        ),
        (b"<Error>\n <Code> AuthenticationFailed </Code>\n</Error>", "AuthenticationFailed"),
        (b"\xef\xbb\xbf<Error><Message>Caller lacks access</Message></Error>", "Caller lacks access"),
        (b"<html><head><TITLE>\n403 Forbidden</TITLE></head></html>", "403 Forbidden"),
        (b"<!DOCTYPE html><html><body>blocked</body></html>", "a web page"),
        (b"<Denied/>", "XML"),
    ],
)
def test_status_error_in_a_form_that_is_not_the_services_does_not_blame_the_key(
    body: bytes, says: str
) -> None:
    for status, kind in (
        (401, AuthError),
        (403, AuthError),
        (404, NotFound),
        (400, Rejected),
        (502, Unavailable),
    ):
        error = status_error(status, body, repeatable=True)
        assert type(error) is kind and error.message.endswith(says)
        assert "this API key" not in error.message and "auth login" not in str(error.hint)


@pytest.mark.parametrize("body", [b"", b"Forbidden", b'{"detail": "<no>"}', b"<", b'"<Error>"'])
def test_status_error_of_anything_else_is_the_services(body: bytes) -> None:
    error = status_error(403, body, repeatable=True)
    assert error.message.startswith("this API key is not allowed") == (body != b"<")
