"""Payloads of every operation, and any JSON at all under the names that payloads have."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

OPERATIONS = ("parse", "extract", "split", "tables", "schema", "chat", "ask", "layout")

PARSE: dict[str, Any] = {
    "file_id": "f1",
    "page_count": 2,
    "pages": [
        {
            "page_index": 0,
            "width": 595.28,
            "height": 841.89,
            "text": "Tax Invoice\nNo INV-1",
            "markdown": "# Tax Invoice\n\n| Item | Qty |\n|---|---:|\n| Bolt | 10 |",
            "lines": [
                {"region_id": "p1:l1", "text": "Tax Invoice"},
                {"region_id": "p1:l2", "text": "No INV-1"},
            ],
            "regions": [{"region_id": "p1:r1", "type": "heading", "text": "Tax Invoice"}],
        },
        {"page_index": 1, "lines": [{"text": "only"}, {"text": "lines"}]},
    ],
}
EXTRACT: dict[str, Any] = {
    "doc_class": "invoice",
    "fields": {
        "invoice.number": {"value": "INV-1", "region_ids": ["p2:l3"], "text": "No INV-1"},
        "total": {"value": -12.5, "region_ids": ["p1:l9"], "page_index": 0},
        "po": {"value": None, "region_ids": []},
        "tags": {"value": ["a", "b"], "region_ids": []},
    },
    "line_items": {
        "line_items": [
            {"description": {"value": "Bolt, M6", "region_ids": ["p1:t1:c1"]}, "qty": {"value": 10}},
            {"description": {"value": "=cmd()"}, "amount": 5.0},
        ]
    },
}
TABLES: dict[str, Any] = {
    "tables": [
        {
            "table_id": "p1:t1",
            "page_index": 0,
            "title": "Items",
            "columns": ["No", "Item"],
            "cells": [
                {"value": "1", "row_index": 1, "col_index": 0, "region_ids": ["p1:t1:c1"]},
                {"value": "Bolt", "row_index": 1, "col_index": 1},
                {"value": "Nut", "row_index": 2, "col_index": 1},
            ],
        },
        {"table_id": "p2:t1", "page_index": 1, "title": None, "rows": [["a", "b"], ["c", "d|e"]]},
    ]
}
SPLIT: dict[str, Any] = {
    "page_count": 8,
    "sections": [
        {
            "section_id": "s1",
            "name": "Invoice",
            "kind": "invoice",
            "start_page_index": 0,
            "end_page_index": 2,
        },
        {"section_id": "s2", "name": "Letter", "kind": "letter", "start_page_index": 4, "end_page_index": 4},
        {"section_id": "s3", "name": "Contract", "kind": "contract", "page_range": "7-8"},
    ],
}
SCHEMA: dict[str, Any] = {
    "doc_class": "invoice",
    "fields": [
        {"key": "invoice.number", "description": "Invoice number", "type": "string", "array": False},
        {"key": "tags", "description": "", "type": "string", "array": True},
    ],
    "tables": [
        {"key": "line_items", "description": "One row each", "fields": [{"key": "qty", "type": "number"}]}
    ],
}
OLDER_SCHEMA: dict[str, Any] = {
    "doc_class": "invoice",
    "invoice_level_fields": {"number": "string: Invoice number", "seller": {"name": "string: Who sells"}},
    "line_item_structures": {
        "items": {"description": "Rows", "target_fields": ["qty (number): How many", "unit"]}
    },
}
CHAT: dict[str, Any] = {
    "answer": "The total is **5**.",
    "session_id": "s",
    "citations": [
        {"doc_id": "f1", "regions": [{"page_index": 1, "region_id": "p2:l1", "text": "Total 5"}]},
        {"doc_id": "f2", "regions": [{"page_index": 0}, {"page_index": 3, "text": "five"}]},
    ],
}
SAMPLES = {
    "parse": PARSE,
    "extract": EXTRACT,
    "tables": TABLES,
    "split": SPLIT,
    "schema": SCHEMA,
    "chat": CHAT,
    "layout": {"boxes": [[1, 2], {"deep": {"er": None}}], "empty": {}},
}

_NAMES = (  # noqa: SIM905
    "pages tables fields line_items sections answer citations regions cells rows columns row_index col_index "
    "value text markdown lines region_ids page_index start_page_index end_page_index page_range page_count "
    "name key title type description array doc_class result data schema invoice_level_fields "
    "line_item_structures target_fields table_id properties items headers col_span width height doc_id"
).split()

HOSTILE = (
    "\x1b[31m\x1b]0;x\x07\x9b2J\u202e\u2066\u200b\r\ud800\U000e0041"
    "&#27;&#155;&#8238;[red]x[/red]:smile:\u0301"
)


def any_json(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """JSON values that often have the names and nesting of payloads."""
    leaves = st.none() | st.booleans() | st.integers(-3, 10**12) | st.floats() | text
    keys = st.sampled_from(_NAMES) | text
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=40,
    )


def with_texts(value: Any, text: str) -> Any:
    """The same payload with this text for every text and every name that the vendor does not set."""
    if isinstance(value, str):
        return text
    if isinstance(value, list):
        return [with_texts(item, text) for item in value]
    if isinstance(value, dict):
        return {
            name if name in _NAMES else text + name: with_texts(item, text) for name, item in value.items()
        }
    return value


def nested(depth: int, name: str | None) -> Any:
    """Lists, or objects of one name, in one another."""
    value: Any = "core"
    for _ in range(depth):
        value = [value] if name is None else {name: value}
    return value
