"""Error bodies are read in every form, and jobs are found in answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.service.answers import error_members, job_error, job_in, status_word
from docspeed_cli.service.body import Body

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
        [{"job_id": "job_1", "status": "queued"}],
        [{"id": "job_1", "status": "queued"}],
    ],
)
def test_job_in_another_form_is_found_unless_exact(value: Any) -> None:
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
        [{"job_id": "job_1"}, {"job_id": "job_2"}],
        [{"text": "a result"}],
    ],
)
def test_job_in_a_result_with_another_id_is_none(value: Any) -> None:
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
