"""Status words, request bodies, and which requests are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.models import Job, Request, Source, State
from docspeed_cli.core.operations import CHAT, EXTRACT, OPERATIONS, PARSE, SCHEMA, SPLIT, TABLES, Operation


def test_job_with_status_keeps_the_word_and_sets_the_state() -> None:
    job = Job("parse", "queued", State.RUNNING, job_id="job_1", row=3)
    ended = job.with_status("Succeeded")
    assert (ended.status, ended.state, ended.ended, ended.job_id, ended.row) == (
        "Succeeded",
        State.DONE,
        True,
        "job_1",
        3,
    )
    assert not job.ended


def test_job_ref_without_id_is_its_row() -> None:
    assert Job("parse", "", State.DONE, job_id="job_1", row=3).ref == "job_1"
    assert Job("parse", "", State.DONE, row=3).ref == "@3"


# -- bodies


def request(operation: Operation, *documents: str, sync: bool = False, **fields: Any) -> Request:
    sources = tuple(Source(name, path=Path(name)) for name in documents)
    return Request(operation, sources, fields, sync)


@pytest.mark.parametrize(
    ("asked", "ids", "body"),
    [
        (
            request(PARSE, profile="grounded"),
            ["file_123"],
            '{"input": {"file_id": "file_123"}, "execution_mode": "async", "profile": "grounded"}',
        ),
        (
            request(PARSE, grounding="regions", profile="grounded", sync=True),
            ["f"],
            '{"input": {"file_id": "f"}, "execution_mode": "sync",'
            ' "profile": "grounded", "grounding": "regions"}',
        ),
        (
            request(EXTRACT, schema={"fields": []}, grounding="cell"),
            ["f"],
            '{"input": {"file_id": "f"}, "execution_mode": "async", "grounding": "cell",'
            ' "schema": {"fields": []}}',
        ),
        (request(SPLIT), ["f"], '{"input": {"file_id": "f"}, "execution_mode": "async"}'),
        (
            request(TABLES, grounding="cell"),
            ["f"],
            '{"input": {"file_id": "f"}, "execution_mode": "async", "grounding": "cell"}',
        ),
        (
            request(SCHEMA, instructions="an invoice"),
            [],
            '{"instructions": "an invoice", "execution_mode": "async"}',
        ),
        (
            request(SCHEMA),
            ["f"],
            '{"inputs": [{"file_id": "f"}], "execution_mode": "async"}',
        ),
        (
            request(SCHEMA, instructions="an invoice"),
            ["g", "f"],
            '{"inputs": [{"file_id": "g"}, {"file_id": "f"}], "instructions": "an invoice",'
            ' "execution_mode": "async"}',
        ),
        (
            request(CHAT, session_id="s", include_grounding=True, query="how much?"),
            ["g", "f"],
            '{"inputs": [{"file_id": "g"}, {"file_id": "f"}], "query": "how much?",'
            ' "include_grounding": true, "session_id": "s", "execution_mode": "async"}',
        ),
        (
            request(CHAT, query="how much?", session_id="s", sync=True),
            [],
            '{"query": "how much?", "session_id": "s", "execution_mode": "sync"}',
        ),
    ],
)
def test_request_body_equals_the_vendor_s_example(asked: Request, ids: list[str], body: str) -> None:
    assert json.dumps(asked.body(ids)) == body


def test_request_body_unpublished_fields_come_last_in_order() -> None:
    asked = request(PARSE, zeta=1, profile="p", alpha={"b": [1]})
    assert json.dumps(asked.body(["f"])) == (
        '{"input": {"file_id": "f"}, "execution_mode": "async",'
        ' "profile": "p", "zeta": 1, "alpha": {"b": [1]}}'
    )


def test_request_body_field_set_by_user_wins() -> None:
    asked = request(PARSE, execution_mode="batch", input={"file_id": "g", "pages": [1]})
    assert asked.body(["f"]) == {"input": {"file_id": "g", "pages": [1]}, "execution_mode": "batch"}


def test_request_body_made_twice_is_equal() -> None:
    asked = request(PARSE, profile="p")
    assert asked.body(["f"]) == asked.body(["f"])
    assert asked.fields == {"profile": "p"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_path_is_the_published_one(name: str) -> None:
    paths = {
        "parse": "/api/v1/parse",
        "extract": "/v1/extract",
        "split": "/v1/split",
        "tables": "/v1/tables",
        "schema": "/v1/schema/auto",
        "chat": "/api/v1/ask",
    }
    assert OPERATIONS[name].path == paths[name]
    assert OPERATIONS[name].many == (name in ("schema", "chat"))
    assert OPERATIONS[name].reusable == (name != "chat")


# -- identity


def identity(
    asked: Request,
    documents: tuple[str, ...] = ("sha-a", "sha-b"),
    server: str = "https://api.docspeed.ai",
    key: str = "key",
) -> str:
    read = tuple(Source(digest, digest=digest) for digest in documents)
    return asked._replace(sources=read).identified(server, key).identity


BASE = request(EXTRACT, "a.pdf", "b.pdf", schema={"fields": [1, 2], "doc_class": "x"}, grounding="cell")


@pytest.mark.parametrize(
    "same",
    [
        request(EXTRACT, "a.pdf", "b.pdf", grounding="cell", schema={"doc_class": "x", "fields": [1, 2]}),
        request(EXTRACT, "other/name.pdf", "b.pdf", **BASE.fields),
        request(EXTRACT, "a.pdf", "b.pdf", sync=True, **BASE.fields),
        request(EXTRACT, "a.pdf", "b.pdf", execution_mode="sync", **BASE.fields),
    ],
    ids=["order of members", "names of files", "sync", "execution_mode"],
)
def test_request_identity_of_same_work_is_equal(same: Request) -> None:
    assert identity(same) == identity(BASE)


@pytest.mark.parametrize(
    "other",
    [
        identity(request(TABLES, "a.pdf", "b.pdf", **BASE.fields)),
        identity(request(EXTRACT, "a.pdf", "b.pdf", **{**BASE.fields, "grounding": "regions"})),
        identity(request(EXTRACT, "a.pdf", "b.pdf", grounding="cell")),
        identity(request(EXTRACT, "a.pdf", "b.pdf", **{**BASE.fields, "page": 1})),
        identity(
            request(EXTRACT, "a.pdf", "b.pdf", grounding="cell", schema={"fields": [2, 1], "doc_class": "x"})
        ),
        identity(BASE, ("sha-b", "sha-a")),
        identity(BASE, ("sha-a",)),
        identity(BASE, ("sha-a", "sha-c")),
        identity(BASE, ("sha-a", "sha-b", "sha-b")),
        identity(BASE, server="https://other.example"),
        identity(BASE, server="sandbox"),
        identity(BASE, key="another"),
        identity(BASE, key=""),
    ],
    ids=[
        "operation",
        "grounding",
        "a field less",
        "a field more",
        "order of a list",
        "order of documents",
        "a document less",
        "another content",
        "a document twice",
        "server",
        "sandbox",
        "key",
        "no key",
    ],
)
def test_request_identity_of_other_work_differs(other: str) -> None:
    assert other != identity(BASE)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text('ab:,"', max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=2),
    max_leaves=6,
)
fields = st.dictionaries(st.text("ab", max_size=2), json_values, max_size=2)
documents = st.lists(st.text('ab,]"', max_size=3), max_size=2)
words = st.text("ab", max_size=2)


asked = st.tuples(fields, documents, words, words)


@given(asked, asked)
def test_request_identity_is_equal_only_for_equal_requests(
    one: tuple[Any, ...], two: tuple[Any, ...]
) -> None:
    def known(fields: dict[str, Any], documents: list[str], server: str, key: str) -> str:
        return identity(Request(PARSE, (), fields), tuple(documents), server, key)

    alike = json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    assert (known(*one) == known(*two)) == alike


def test_request_identity_is_a_sha256_digest() -> None:
    found = identity(BASE, key="secret")
    assert len(found) == 64
    assert int(found, 16)


# -- labels


@pytest.mark.parametrize(
    ("names", "label"),
    [
        ((), ""),
        (("a.pdf",), "a.pdf"),
        (("a.pdf", "b.pdf", "c.pdf"), "a.pdf, b.pdf, c.pdf"),
        (("a.pdf", "b.pdf", "c.pdf", "d.pdf", "e.pdf"), "a.pdf, b.pdf, c.pdf and 2 more"),
    ],
)
def test_request_label_names_three_documents_and_counts_the_rest(names: tuple[str, ...], label: str) -> None:
    assert request(SCHEMA, *names).label == label
