"""Rows of documents, line items, evidence and cells, under the same columns for one document and for many."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.results.layout import Column, DocumentOutcome, Layout
from docspeed_cli.results.rows import (
    NoSuchColumn,
    NoSuchTable,
    RowSelection,
    failed_record,
    pick_columns,
    read_record,
)
from docspeed_cli.results.to_text import NotConvertible
from docspeed_cli.results.values import cell_text
from tests.results.payloads import EXTRACT, OLDER_SCHEMA, OPERATIONS, SCHEMA, TABLES, any_json

DOCUMENT = DocumentOutcome("a.pdf", "job_1", "completed")


def grid(selection: RowSelection, *payloads: Any) -> list[list[str]]:
    """Return the columns and the texts of the rows of all payloads."""
    rows = [row for payload in payloads for row in selection.rows(DOCUMENT, payload)]
    names = [column.name for column in selection.columns().all(name for row in rows for name in row)]
    return [names, *([cell_text(row.get(name)) for name in names] for row in rows)]


def test_document_row_has_the_schemas_fields_in_its_order() -> None:
    schema = {"fields": [{"key": "total", "type": "number"}, {"key": "invoice.number"}, {"key": "due"}]}
    assert grid(RowSelection("extract", Layout(schema)), EXTRACT) == [
        ["input", "job_id", "status", "total", "invoice.number", "due", "error"],
        ["a.pdf", "job_1", "completed", "-12.5", "INV-1", "", ""],
    ]


def test_document_row_without_a_schema_has_every_documents_fields() -> None:
    other = {"fields": {"due": {"value": "2026-01-01"}, "total": {"value": 3, "page": 1}}}
    assert grid(RowSelection("extract", Layout()), EXTRACT, other) == [
        ["input", "job_id", "status", "invoice.number", "total", "po", "tags", "due", "error"],
        ["a.pdf", "job_1", "completed", "INV-1", "-12.5", "", "a; b", "", ""],
        ["a.pdf", "job_1", "completed", "", "3", "", "", "2026-01-01", ""],
    ]


def test_document_row_of_a_failure_has_the_same_columns() -> None:
    selection = RowSelection("extract", Layout(SCHEMA))
    failed = DocumentOutcome("b.pdf", "", "failed", "job_failed", "it is damaged")
    (row,) = selection.failed_rows(failed)
    names = [column.name for column in selection.columns().all()]
    assert names == ["input", "job_id", "status", "invoice.number", "tags", "error"]
    assert [row.get(name) for name in names] == ["b.pdf", "", "failed", None, None, "it is damaged"]
    assert failed_record(failed, Layout(SCHEMA)).row == row


def test_document_row_of_the_older_schema_finds_nested_fields() -> None:
    payload = {
        "invoice_level_fields": {"number": {"value": "7", "page": 1}, "seller": {"name": {"value": "X"}}}
    }
    assert grid(RowSelection("extract", Layout(OLDER_SCHEMA)), payload) == [
        ["input", "job_id", "status", "number", "seller.name", "error"],
        ["a.pdf", "job_1", "completed", "7", "X", ""],
    ]


@pytest.mark.parametrize(
    ("key", "fields", "shown"),
    [
        ("invoice.total", {"total": {"value": 1, "page": 1}}, "1"),
        ("total", {"invoice.total": {"value": 1, "page": 1}}, "1"),
        ("total", {"total": {"value": 1, "page": 1}, "invoice.total": {"value": 2, "page": 1}}, "1"),
        ("parties.city", {"parties": [{"city": "Pune"}, {"city": "Goa"}]}, "Pune; Goa"),
        ("address", {"address": {"city": {"value": "Pune"}, "zip": {"value": "01"}}}, "Pune; 01"),
        ("tags", {"tags": [{"value": "a", "page": 1}, {"value": "b", "page": 1}]}, "a; b"),
        ("status", {"status": {"value": "paid", "page": 1}}, "paid"),
    ],
)
def test_document_row_field_is_found(key: str, fields: dict[str, Any], shown: str) -> None:
    names, row = grid(RowSelection("extract", Layout({"fields": [{"key": key}]})), {"fields": fields})
    assert dict(zip(names, row, strict=True))["field.status" if key == "status" else key] == shown


def test_table_rows_have_the_schemas_columns() -> None:
    schema = {"tables": [{"key": "line_items", "fields": [{"key": "qty"}, {"key": "amount"}]}], "fields": []}
    selection = RowSelection("extract", Layout(schema), "line_items")
    assert grid(selection, EXTRACT, {"fields": {}, "line_items": {}}) == [
        ["input", "qty", "amount"],
        ["a.pdf", "10", ""],
        ["a.pdf", "", "5.0"],
    ]
    assert selection.failed_rows(DOCUMENT) == []


def test_table_rows_without_a_schema_have_every_rows_columns() -> None:
    assert grid(RowSelection("extract", Layout(), "line_items"), EXTRACT)[0] == [
        "input",
        "description",
        "qty",
        "amount",
    ]
    with pytest.raises(NoSuchTable, match="no table 'x' in the result; it has line_items, fields"):
        grid(RowSelection("extract", Layout(), "x"), EXTRACT)


def test_table_fields_are_values_with_their_evidence() -> None:
    assert grid(RowSelection("extract", Layout(SCHEMA), "fields"), EXTRACT) == [
        ["field", "value", "page", "quoted_text", "regions", "input"],
        ["invoice.number", "INV-1", "2", "No INV-1", "p2:l3", "a.pdf"],
        ["total", "-12.5", "1", "", "p1:l9", "a.pdf"],
        ["po", "", "", "", "", "a.pdf"],
        ["tags", "a; b", "", "", "", "a.pdf"],
    ]


def test_cell_rows_are_one_rectangle_under_all_headings() -> None:
    keyed = {"table_id": "k", "rows": [{"Item": "Bolt", "page": "x"}]}
    payload = {"tables": [*TABLES["tables"], keyed, {"columns": ["A", "A", ""], "rows": [[1, 2, 3]]}]}
    assert grid(RowSelection("tables", Layout()), payload) == [
        [
            "input",
            "page",
            "table",
            "row",
            "No",
            "Item",
            "column_1",
            "column_2",
            "field.page",
            "A",
            "A 2",
            "column_3",
        ],
        ["a.pdf", "1", "p1:t1", "1", "1", "Bolt", *[""] * 6],
        ["a.pdf", "1", "p1:t1", "2", "", "Nut", *[""] * 6],
        ["a.pdf", "2", "p2:t1", "1", "", "", "a", "b", *[""] * 4],
        ["a.pdf", "2", "p2:t1", "2", "", "", "c", "d|e", *[""] * 4],
        ["a.pdf", "", "k", "1", "", "Bolt", "", "", "x", "", "", ""],
        ["a.pdf", "", "4", "1", *[""] * 5, "1", "2", "3"],
    ]


def test_cell_rows_under_headings_that_repeat_keep_every_cell() -> None:
    payload = {"tables": [{"columns": ["a", "a 2", "a", "column_5"], "rows": [list("vwxyz")]}]}
    names, row = grid(RowSelection("tables", Layout()), payload)
    assert names[4:] == ["a", "a 2", "a 3", "column_5", "column_5 2"]
    assert row[4:] == list("vwxyz")


@pytest.mark.parametrize("name", ["p1:t1", "Items", "items", "1"])
def test_cell_rows_table_is_picked_by_name_title_or_number(name: str) -> None:
    assert [row[2] for row in grid(RowSelection("tables", Layout(), name), TABLES)[1:]] == ["p1:t1", "p1:t1"]
    with pytest.raises(NoSuchTable, match=r"it has p1:t1 \(Items\), p2:t1"):
        grid(RowSelection("tables", Layout(), "x"), TABLES)


def test_record_links_rows_to_their_evidence() -> None:
    record = read_record("extract", DOCUMENT, EXTRACT, Layout())
    fields = [row[1:3] for row in record.evidence]
    assert fields[:2] == [("invoice.number", "INV-1"), ("total", -12.5)]
    assert fields[4:] == [("line_items[1]", "Bolt, M6; 10")]
    assert [(row.table, row.evidence) for row in record.tables] == [("line_items", 4), ("line_items", None)]


def test_pick_columns_takes_full_names_and_their_ends() -> None:
    columns = [Column("input"), Column("invoice.total"), Column("a.x"), Column("b.x"), Column("total")]
    assert [c.name for c in pick_columns(columns, ["total", "b.x", "input"])] == ["total", "b.x", "input"]
    assert [c.name for c in pick_columns(columns[:2], ["total"])] == ["invoice.total"]
    for wrong in ("x", "nothing"):
        with pytest.raises(NoSuchColumn, match=f"no column '{wrong}'"):
            pick_columns(columns, [wrong])


@given(st.sampled_from(OPERATIONS), any_json(st.text(max_size=5)), any_json(st.text(max_size=5)))
def test_rows_of_any_payload_fit_their_columns(operation: str, payload: Any, schema: Any) -> None:
    for layout in (Layout(), Layout(schema), Layout(SCHEMA)):
        for table in (None, "fields", *layout.tables[:1]):
            selection = RowSelection(operation, layout, table)
            try:
                rows = selection.rows(DOCUMENT, payload)
            except (NotConvertible, NoSuchTable):
                continue
            names = [column.name for column in selection.columns().all(name for row in rows for name in row)]
            assert len(names) == len(set(names))
            assert all(set(row) <= set(names) for row in rows) or layout.known
            read_record(operation, DOCUMENT, payload, layout)
