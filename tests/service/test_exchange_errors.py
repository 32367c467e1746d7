"""Statuses become errors with exit codes, whatever the body of the answer says."""

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
from docspeed_cli.service.exchange_errors import status_error
from tests.service.test_answers import anything, body

REPEATABLE = pytest.mark.parametrize("repeatable", [True, False])


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
