"""What the service's answers mean: each status an error with its exit code, each body whatever it says."""

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
from docspeed_cli.service.responses import error_members, job_error, job_in, refusal, status_word

METHODS = pytest.mark.parametrize("method", ["GET", "POST"])

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
    return job_in(Body.of(body(value)), sync=sync)


# -- statuses


def expected(method: str, status: int) -> tuple[type[DocspeedError], int]:
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
        return (Unavailable, 9) if method == "GET" else (OutcomeUnknown, 9)
    return Rejected, 7


@METHODS
@pytest.mark.parametrize("status", range(400, 600))
def test_each_status_is_an_error_with_its_exit_code(method: str, status: int) -> None:
    error = refusal(method, status, b"{}", "req_1", None)
    assert (type(error), error.exit_code) == expected(method, status)
    assert error.status == status
    assert error.request_id == "req_1"
    assert error.message
    assert error.code


@METHODS
@pytest.mark.parametrize("status", range(400, 600))
def test_only_what_nobody_can_have_taken_is_repeated(method: str, status: int) -> None:
    """A submission is never repeated after a 500 or a 504: a job may have come of it."""
    error = refusal(method, status, b"", None, None)
    harmless = method == "GET" and (status >= 500 or status in (408, 425))
    assert error.retryable == (status in (429, 502, 503) or harmless)


@pytest.mark.parametrize("status", [429, 502, 503])
def test_the_time_that_the_server_asks_for_is_kept(status: int) -> None:
    assert refusal("POST", status, b"", None, 12.5).retry_after == 12.5


@pytest.mark.parametrize("status", [400, 401, 402, 404, 422, 429, 500, 503])
def test_an_error_carries_what_the_server_said(status: int) -> None:
    said = {"detail": {"code": "their_code", "message": "their words", "details": {"page": 3}}}
    error = refusal("POST", status, body(said), None, None)
    assert "their words" in error.message
    assert error.code == "their_code"
    assert error.details == {"page": 3}


def test_an_error_without_a_body_has_a_code_of_its_own() -> None:
    codes = {
        status: refusal("POST", status, b"", None, None).code for status in (400, 401, 402, 404, 429, 500)
    }
    assert codes == {
        400: "rejected",
        401: "auth",
        402: "no_credits",
        404: "not_found",
        429: "rate_limited",
        500: "outcome_unknown",
    }


def test_a_refused_key_names_the_next_command() -> None:
    assert "docspeed auth" in (refusal("GET", 401, b"", None, None).hint or "")


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
def test_an_error_s_body_in_each_form(value: Any, code: str | None, message: str, details: Any) -> None:
    assert error_members(body(value)) == (code, message, details)


def test_the_list_of_faults_is_one_sentence_and_kept_as_it_is() -> None:
    faults = [
        {"loc": ["body", "input", 0], "msg": "field required", "type": "missing"},
        {"loc": ["body"], "msg": "too long"},
        {"msg": "no place"},
    ]
    code, message, details = error_members(body({"detail": faults}))
    assert code == "invalid_input"
    assert message == "body.input.0: field required; body: too long; no place"
    assert details == faults


def test_a_long_list_of_faults_is_cut_in_the_message_only() -> None:
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
@METHODS
def test_no_body_breaks_an_error(content: bytes, method: str) -> None:
    for status in (400, 422, 429, 500):
        error = refusal(method, status, content, None, None)
        assert (type(error), error.exit_code) == expected(method, status)
        assert isinstance(error.message, str) and error.message
        assert isinstance(error.code, str) and error.code
        json.dumps(error.to_json())


@given(value=anything, status=st.integers(400, 599))
def test_no_value_breaks_an_error(value: Any, status: int) -> None:
    error = refusal("POST", status, body(value), None, None)
    assert (type(error), error.exit_code) == expected("POST", status)
    assert isinstance(error.message, str) and error.message
    assert isinstance(error.code, str) and error.code
    json.dumps(error.to_json())


# -- the status of a job


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"status": "queued"}, "queued"),
        ({"state": "queued"}, "queued"),
        ({"job_status": "queued"}, "queued"),
        ({"status": "queued", "state": "failed"}, "queued"),
        ({"status": None, "state": "queued"}, "queued"),
        ({"status": 3}, None),
        ({}, None),
    ],
)
def test_the_status_wherever_it_stands(answer: dict[str, Any], word: str | None) -> None:
    assert status_word(answer) == word


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
def test_a_job_object_is_a_job_in_either_mode(value: dict[str, Any], sync: bool) -> None:
    found = job(value, sync=sync)
    assert found is not None
    assert found["job_id"] == value["job_id"]


def test_a_job_within_the_answer_or_by_its_plain_id() -> None:
    assert job({"job": QUEUED, "links": []}) == QUEUED
    assert (job({"id": "job_1", "status": "queued"}) or {})["job_id"] == "job_1"


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
        {"status": 3},
    ],
)
def test_what_names_no_job_is_none(value: Any, sync: bool) -> None:
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
def test_a_sync_payload_is_the_payload(value: dict[str, Any]) -> None:
    assert job(value, sync=True) is None


def test_a_sync_request_may_still_get_a_job() -> None:
    running = {**QUEUED, "links": {"self": "/v1/jobs/job_1"}, "status": "processing"}
    assert job(running, sync=True) == running


def test_a_large_answer_is_a_payload_and_not_parsed() -> None:
    content = json.dumps({**QUEUED, "pages": ["x" * 100] * 1000}).encode()
    assert job_in(Body.of(content), sync=True) is None


def test_a_payload_that_is_too_deep_to_be_parsed_is_still_the_payload() -> None:
    """It was paid for; its bytes can be handed on without being understood."""
    assert job_in(Body.of(b"[" * 30_000 + b"]" * 30_000), sync=True) is None


@given(value=anything, sync=st.booleans())
def test_no_answer_breaks_the_search_for_a_job(value: Any, sync: bool) -> None:
    found = job(value, sync=sync)
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
        ({"error": [[["x"]]]}, (None, "")),
        ({}, (None, "")),
    ],
)
def test_a_failed_job_s_error_wherever_it_stands(
    answer: dict[str, Any], found: tuple[str | None, str]
) -> None:
    assert job_error(answer) == found
