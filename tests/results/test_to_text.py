"""Payloads of each operation, and of any shape, as plain text and markdown."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.results.to_markdown import to_markdown
from docspeed_cli.results.to_text import NotConvertible, to_text
from tests.results.payloads import (
    CHAT,
    EXTRACT,
    OLDER_SCHEMA,
    OPERATIONS,
    PARSE,
    SCHEMA,
    SPLIT,
    TABLES,
    any_json,
    nested,
)

WRITERS = (to_markdown, to_text)


def test_to_text_parse_joins_pages() -> None:
    assert to_markdown("parse", PARSE) == (
        "# Tax Invoice\n\n| Item | Qty |\n|---|---:|\n| Bolt | 10 |\n\n<!-- page 2 -->\n\nonly\nlines\n"
    )
    assert to_text("parse", PARSE) == "Tax Invoice\nNo INV-1\n\nonly\nlines\n"


def test_to_text_tables_have_titles_and_pages() -> None:
    assert to_markdown("tables", TABLES) == (
        "## Items (page 1)\n\n| No | Item |\n| --- | --- |\n| 1 | Bolt |\n|  | Nut |\n\n"
        "## Table p2:t1 (page 2)\n\n| a | b |\n| --- | --- |\n| c | d\\|e |\n"
    )
    assert to_text("tables", TABLES).splitlines() == [
        "Items (page 1)",
        "No  Item",
        "1   Bolt",
        "    Nut",
        "",
        "Table p2:t1 (page 2)",
        "a  b",
        "c  d|e",
    ]


def test_to_text_extract_has_fields_evidence_and_line_items() -> None:
    assert to_markdown("extract", EXTRACT) == (
        "| Field | Value | Evidence |\n| --- | --- | --- |\n| invoice.number | INV-1 | page 2, p2:l3 |\n"
        "| total | -12.5 | page 1, p1:l9 |\n| po |  |  |\n| tags | a; b |  |\n\n"
        "## line_items\n\n| description | qty | amount |\n| --- | --- | --- |\n"
        "| Bolt, M6 | 10 |  |\n| =cmd() |  | 5.0 |\n"
    )
    text = to_text("extract", EXTRACT)
    assert text.startswith("invoice.number: INV-1\ntotal: -12.5\npo: \ntags: a; b\n\nline_items\ndescription")


def test_to_text_split_has_page_ranges() -> None:
    assert (
        "| Invoice | invoice | 1–3 |\n| Letter | letter | 5 |\n| Contract | contract | 7–8 |"
        in to_markdown("split", SPLIT)
    )
    assert to_text("split", SPLIT).splitlines()[1] == "pages 5    letter    Letter"


def test_to_text_schema_is_an_indented_list() -> None:
    assert to_markdown("schema", SCHEMA) == (
        "# invoice\n\n- **invoice.number** (string): Invoice number\n- **tags** (list of string)\n"
        "- **line_items**: One row each\n  - **qty** (number)\n"
    )
    assert to_text("schema", OLDER_SCHEMA).splitlines() == [
        "invoice",
        "number (string): Invoice number",
        "seller",
        "  name (string): Who sells",
        "items: Rows",
        "  qty (number): How many",
        "  unit",
    ]


@pytest.mark.parametrize("operation", ["chat", "ask", "something"])
def test_to_text_answer_has_numbered_sources(operation: str) -> None:
    assert to_text(operation, CHAT, {"f1": "a.pdf"}) == (
        "The total is **5**.\n\nSources:\n\n"
        "1. a.pdf, page 2: “Total 5”\n2. f2\n   - page 1\n   - page 4: “five”\n"
    )
    assert to_markdown(operation, CHAT).startswith("The total is **5**.\n\n## Sources\n\n1. f1, page 2")


def test_to_text_unknown_operation_is_written_by_its_shape() -> None:
    assert to_text("ocr", {"result": {"pages": ["one", {"text": "two"}]}}) == "one\n\ntwo\n"
    with pytest.raises(NotConvertible, match="layout result can't be written as markdown"):
        to_markdown("layout", {"boxes": []})


@pytest.mark.parametrize(
    ("operation", "payload"),
    [
        ("parse", {"pages": []}),
        ("split", {"sections": []}),
        ("tables", {"tables": []}),
        ("extract", {"fields": {}}),
    ],
)
def test_to_text_empty_result_is_no_error(operation: str, payload: Any) -> None:
    assert isinstance(to_markdown(operation, payload), str)
    assert isinstance(to_text(operation, payload), str)


@pytest.mark.parametrize("write", WRITERS)
@given(operation=st.sampled_from(OPERATIONS), payload=any_json(st.text(max_size=5)))
def test_writers_any_payload_is_written_or_refused(
    write: Callable[[str, Any], str], operation: str, payload: Any
) -> None:
    with suppress(NotConvertible):
        assert isinstance(write(operation, payload), str)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "name", [None, "fields", "tables", "line_items", "value", "cells", "pages", "result", "items"]
)
def test_writers_deep_nesting_does_not_crash(operation: str, name: str | None) -> None:
    for payload in (
        nested(950, name),
        {name or "fields": nested(950, None)},
        {"fields": {"a": nested(950, name)}},
    ):
        for write in WRITERS:
            with suppress(NotConvertible):
                write(operation, payload)
