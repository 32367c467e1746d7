"""Fields and line items by a schema, and schemas built from documents."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox import papers
from tests.sandbox.conftest import Sandbox


def values(sandbox: Sandbox, document: bytes, **types: str) -> dict[str, Any]:
    """Extracted values of fields with these types."""
    schema = {"fields": [{"key": key, "type": kind} for key, kind in types.items()]}
    fields = sandbox.ask("/v1/extract", document, schema=schema)["fields"]
    return {key: field["value"] for key, field in fields.items()}


def test_extract_captions_above_values_and_synonyms(sandbox: Sandbox) -> None:
    found = values(
        sandbox,
        papers.us_invoice(),
        bill_no="string",
        invoice_date="date",
        due_date="date",
        vendor_name="string",
        customer_name="string",
        ship_to_address="string",
        sales_tax="number",
        total_amount="currency",
    )
    assert found == {
        "bill_no": "NW-10045",
        "invoice_date": "2026-03-28",
        "due_date": "2026-04-27",
        "vendor_name": "Northwind Traders Inc.",
        "customer_name": "Contoso Ltd",
        "ship_to_address": "Warehouse 4, Dock 2, Tacoma, WA 98402",
        "sales_tax": 33.76,
        "total_amount": 455.76,
    }


def test_extract_receipt(sandbox: Sandbox) -> None:
    found = values(
        sandbox, papers.receipt(), bill_number="string", date="date", cgst="number", total="number"
    )
    assert found == {"bill_number": "4471", "date": "2026-02-05", "cgst": 8.0, "total": 336.0}


def test_extract_missing_field_is_null_without_evidence(sandbox: Sandbox) -> None:
    schema = {
        "fields": [{"key": "hull_number"}, {"key": "crew", "array": True}],
        "tables": [{"key": "cargo"}],
    }
    result = sandbox.ask("/v1/extract", papers.us_invoice(), schema=schema)
    assert result["fields"]["hull_number"] == {"value": None, "region_ids": []}
    assert result["fields"]["crew"] == {"value": [], "region_ids": []}
    assert result["line_items"] == {"cargo": []}


def test_extract_image_returns_nulls(sandbox: Sandbox) -> None:
    result = sandbox.ask(
        "/v1/extract", papers.image("PNG", (3, 4)), schema={"fields": [{"key": "vendor_name"}]}
    )
    assert result["fields"]["vendor_name"]["value"] is None


def test_extract_array_holds_each_value_once(sandbox: Sandbox) -> None:
    document = papers.lines_pdf(["Serial No: A1", "Serial No: B2", "Serial No: A1"])
    schema = {"fields": [{"key": "serial_no", "array": True}]}
    field = sandbox.ask("/v1/extract", document, schema=schema)["fields"]["serial_no"]
    assert sorted(field["value"]) == ["A1", "B2"]


def test_extract_value_of_wrong_type_is_ignored(sandbox: Sandbox) -> None:
    document = papers.lines_pdf(["Due Date: on receipt", "Total: see overleaf", "Quantity: 10.5"])
    found = values(sandbox, document, due_date="date", total="number", quantity="integer")
    assert found == {"due_date": None, "total": None, "quantity": None}


def test_extract_line_items_exclude_totals_and_taxes(sandbox: Sandbox) -> None:
    columns = [{"key": "item"}, {"key": "qty", "type": "integer"}, {"key": "line_total", "type": "number"}]
    schema = {"tables": [{"key": "lines", "fields": columns}]}
    rows = sandbox.ask("/v1/extract", papers.receipt(), schema=schema)["line_items"]["lines"]
    assert [[cell["value"] for cell in row.values()] for row in rows] == [
        ["Filter Coffee", 2, 90.0],
        ["Masala Dosa", 1, 110.0],
        ["Idli Vada", 2, 120.0],
    ]
    assert rows[0]["item"]["region_ids"] == ["p1:t1:c5"]


def test_extract_older_schema_form(sandbox: Sandbox, invoice: bytes) -> None:
    schema = {
        "doc_class": "invoice",
        "invoice_level_fields": {
            "invoice_no": "string: Invoice number",
            "totals": {"grand_total": "number: Grand total", "tax": {"cgst": "number: CGST"}},
            "seller": {"name": "string: Name of the seller"},
        },
        "line_item_structures": {
            "goods": {
                "description": "Goods",
                "target_fields": ["particulars", "qty (number): Quantity", "rate(number)"],
            }
        },
    }
    result = sandbox.ask("/v1/extract", invoice, schema=schema)
    assert {key: field["value"] for key, field in result["fields"].items()} == {
        "invoice_no": "KLS/25-26/1847",
        "totals.grand_total": 393757.0,
        "totals.tax.cgst": 25287.28,
        "seller.name": "Kaveri Laboratory Supplies Private Limited",
    }
    first = result["line_items"]["goods"][0]
    assert [cell["value"] for cell in first.values()] == ["Beaker, borosilicate 3.3, 250 ml", 48, 142.0]
    assert len(result["line_items"]["goods"]) == 28


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"fields": "all"},
        {"fields": [{"description": "no key"}]},
        {"tables": [{"key": "t", "fields": [1]}]},
        {"invoice_level_fields": [1]},
        {"line_item_structures": {"t": {}}},
        {"fields": [{"key": f"f{n}"} for n in range(1001)]},
    ],
)
def test_extract_invalid_schema_returns_422(sandbox: Sandbox, schema: dict[str, Any]) -> None:
    item = {"file_id": sandbox.file_id(papers.lines_pdf(["x"]))}
    response = sandbox.post("/v1/extract", {"input": item, "schema": schema, "execution_mode": "async"})
    assert sandbox.json(response, 422)["detail"]["code"] == "invalid_schema"


def test_schema_from_instructions_alone(sandbox: Sandbox) -> None:
    text = "Extract the invoice number, due date and total from invoices, and line items (description, qty)"
    schema = sandbox.json(sandbox.post("/v1/schema/auto", {"instructions": text}))
    assert schema["doc_class"] == "invoice"
    assert [(field["key"], field["type"]) for field in schema["fields"]] == [
        ("invoice.invoice_number", "string"),
        ("invoice.due_date", "date"),
        ("invoice.total", "number"),
    ]
    (table,) = schema["tables"]
    assert [field["key"] for field in table["fields"]] == ["description", "quantity"]
    assert sandbox.json(sandbox.post("/v1/schema/auto", {"prompt": text, "inputs": []})) == schema


def test_schema_common_fields_come_first(sandbox: Sandbox) -> None:
    one = sandbox.file_id(papers.lines_pdf(["Colour: red", "Weight: 4"]))
    two = sandbox.file_id(papers.lines_pdf(["Weight: heavy", "Height: 9"]))
    body = {"inputs": [{"file_id": one}, {"file_id": two}], "instructions": "owner"}
    fields = sandbox.json(sandbox.post("/v1/schema/auto", body))["fields"]
    assert [(field["key"], field["type"]) for field in fields] == [
        ("owner", "string"),
        ("weight", "string"),
        ("colour", "string"),
        ("height", "number"),
    ]


def test_extract_line_item_named_like_a_total_is_kept(sandbox: Sandbox) -> None:
    paper = papers.Paper()
    listed = (
        ("Item", "Qty", "Rate", "Amount"),
        ("Balance, electronic, 200 g", "1", "9.00", "9.00"),
        ("Total station with tripod", "2", "5.00", "10.00"),
        ("Total", "", "", "19.00"),
    )
    for row, cells in enumerate(listed):
        paper.put(50, 80 + 14 * row, cells[0])
        for x, cell in zip((250, 350, 450), cells[1:], strict=True):
            if cell:
                paper.end(x, 80 + 14 * row, cell)
    schema = {"tables": [{"key": "t", "fields": [{"key": "item"}, {"key": "amount", "type": "number"}]}]}
    rows = sandbox.ask("/v1/extract", paper.bytes(), schema=schema)["line_items"]["t"]
    assert [row["amount"]["value"] for row in rows] == [9.0, 10.0]
