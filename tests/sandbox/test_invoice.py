"""Results of the sandbox for the documents in `examples/`."""

from __future__ import annotations

import json
import runpy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import EXAMPLES, Sandbox

SCHEMA = json.loads((EXAMPLES / "invoice.schema.json").read_text())


@pytest.fixture
def extracted(sandbox: Sandbox, invoice: bytes) -> dict[str, Any]:
    return sandbox.ask("/v1/extract", invoice, schema=SCHEMA)


def test_example_documents_are_reproducible(tmp_path: Path) -> None:
    make = runpy.run_path(str(EXAMPLES / "make_invoice.py"))["make"]
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        make(folder)
        made.append([(folder / pdf).read_bytes() for pdf in ("invoice.pdf", "packet.pdf")])
    assert made[0] == made[1]
    assert all(len(pdf) < 60_000 for pdf in made[0])


def test_parse_invoice_pages_lines_and_boxes(sandbox: Sandbox, invoice: bytes) -> None:
    body = sandbox.ask("/api/v1/parse", invoice)
    assert body["page_count"] == 2
    for number, page in enumerate(body["pages"]):
        assert (page["page_index"], page["width"], page["height"]) == (number, 595.28, 841.89)
        ids = [line["region_id"] for line in page["lines"]]
        assert ids == [f"p{number + 1}:l{n}" for n in range(1, len(ids) + 1)]
        for line in page["lines"]:
            x0, y0, x1, y1 = line["bbox"]
            assert 0 <= x0 < x1 <= page["width"] and 0 <= y0 < y1 <= page["height"]


def test_parse_invoice_markdown(sandbox: Sandbox, invoice: bytes) -> None:
    first, second = (page["markdown"] for page in sandbox.ask("/api/v1/parse", invoice)["pages"])
    assert "# TAX INVOICE\n\n### SELLER\n\nKaveri Laboratory Supplies Private Limited  \n" in first
    assert "Invoice No.: KLS/25-26/1847  \nInvoice Date: 14 March 2026  \n" in first
    assert (
        "| # | Description | HSN/SAC | Qty | Unit | Rate | Taxable Value | GST % | Amount |\n"
        "| ---: | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |\n"
        "| 1 | Beaker, borosilicate 3.3, 250 ml | 7017 | 48 | Nos | 142.00 | 6,816.00 | 18% | 8,042.88 |\n"
    ) in first
    assert (
        "| 4 | Volumetric flask, class A, 100 ml, with individual calibration certificate | 7017 |" in first
    )
    assert first.count("Beaker, borosilicate 3.3, 250 ml") == 1
    assert "Round off: 0.44  \nGrand Total (INR): 3,93,757.00" in second
    assert "## Terms and conditions\n\n1. Goods once sold" in second


def test_tables_invoice(sandbox: Sandbox, invoice: bytes) -> None:
    items, more, taxes = sandbox.ask("/v1/tables", invoice)["tables"]
    assert (items["table_id"], more["table_id"], taxes["table_id"]) == ("p1:t1", "p2:t1", "p2:t2")
    assert items["columns"] == more["columns"]
    assert items["row_count"] + more["row_count"] - 2 == 28
    assert taxes["title"] == "Tax summary by HSN" and items["title"] is None
    assert (taxes["row_count"], taxes["col_count"]) == (10, 7)
    (cell,) = [cell for cell in items["cells"] if (cell["row_index"], cell["col_index"]) == (9, 3)]
    assert cell["value"] == "400"
    assert cell["effective_region_ids"] == cell["region_ids"] == ["p1:t1:c85"]


def test_extract_invoice_fields(extracted: dict[str, Any]) -> None:
    values = {key.removeprefix("invoice."): field["value"] for key, field in extracted["fields"].items()}
    assert values == {
        "invoice_number": "KLS/25-26/1847",
        "invoice_date": "2026-03-14",
        "due_date": "2026-04-13",
        "po_number": "SIAS/PO/2026/0117",
        "seller_name": "Kaveri Laboratory Supplies Private Limited",
        "seller_gstin": "29AAGCK4821M1Z4",
        "buyer_name": "Sahyadri Institute of Applied Sciences",
        "buyer_address": "Central Stores, Block C, Hunsur Road, Mysuru, Karnataka 570018",
        "buyer_gstin": "29AABTS7764Q1ZE",
        "place_of_supply": "Karnataka (29)",
        "reverse_charge": False,
        "currency": "INR",
        "taxable_value": 343182.0,
        "cgst": 25287.28,
        "sgst": 25287.28,
        "grand_total": 393757.0,
        "account_number": "0412 2010 0098 731",
        "ifsc": "CNRB0000412",
    }


def test_extract_invoice_evidence_is_the_source_line(
    sandbox: Sandbox, invoice: bytes, extracted: dict[str, Any]
) -> None:
    pages = sandbox.ask("/api/v1/parse", invoice)["pages"]
    texts = {line["region_id"]: line["text"] for page in pages for line in page["lines"]}
    total = extracted["fields"]["invoice.grand_total"]
    assert total["page_index"] == 1
    assert [texts[region] for region in total["region_ids"]] == ["Grand Total (INR)", "3,93,757.00"]
    assert total["text"] == "Grand Total (INR) 3,93,757.00"
    for field in extracted["fields"].values():
        assert (
            field["region_ids"] and " ".join(texts[region] for region in field["region_ids"]) == field["text"]
        )


def test_extract_invoice_line_items_of_both_pages_add_up(extracted: dict[str, Any]) -> None:
    rows = extracted["line_items"]["line_items"]
    assert len(rows) == 28
    assert {key: cell["value"] for key, cell in rows[27].items()} == {
        "description": "Vortex mixer, variable speed",
        "hsn": "8479",
        "quantity": 3,
        "unit": "Nos",
        "rate": 7450.0,
        "taxable_value": 22350.0,
        "gst_percent": 18,
        "amount": 26373.0,
    }
    assert rows[27]["rate"]["region_ids"] == ["p2:t1:c60"]
    taxable = sum(Decimal(str(row["taxable_value"]["value"])) for row in rows)
    assert taxable == Decimal("343182")
    amount = sum(Decimal(str(row["amount"]["value"])) for row in rows)
    assert amount + Decimal("0.44") == Decimal("393757")


def test_schema_built_from_invoice_extracts_every_field(sandbox: Sandbox, invoice: bytes) -> None:
    schema = sandbox.ask("/v1/schema/auto", invoice)
    assert schema["doc_class"] == "invoice"
    types = {field["key"]: field["type"] for field in schema["fields"]}
    assert types["invoice.invoice_number"] == "string"
    assert types["invoice.due_date"] == "date"
    assert types["invoice.grand_total"] == "number"
    assert "invoice.number" not in types  # "Reverse Charge: No" is not a label
    assert [table["key"] for table in schema["tables"]] == ["line_items", "tax_summary_by_hsn"]
    result = sandbox.ask("/v1/extract", invoice, schema=schema)
    assert [key for key, field in result["fields"].items() if field["value"] is None] == []
    assert len(result["line_items"]["line_items"]) == 28
    assert len(result["line_items"]["tax_summary_by_hsn"]) == 8


def test_split_packet_returns_four_sections(sandbox: Sandbox, packet: bytes) -> None:
    sections = sandbox.ask("/v1/split", packet)["sections"]
    assert [(s["section_id"], s["kind"], s["start_page_index"], s["end_page_index"]) for s in sections] == [
        ("s1", "letter", 0, 0),
        ("s2", "purchase_order", 1, 2),
        ("s3", "invoice", 3, 4),
        ("s4", "packing_list", 5, 5),
    ]
    assert [section["page_count"] for section in sections] == [1, 2, 2, 1]
    assert sections[1]["name"] == "PURCHASE ORDER" and sections[1]["region_ids"] == ["p2:l2"]


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("What is the invoice total?", "Grand Total (INR): 3,93,757.00"),
        ("When is it due?", "Due Date: 13 April 2026"),
        ("What is the seller's GSTIN?", "GSTIN: 29AAGCK4821M1Z4"),
        ("What is the GSTIN of the customer?", "GSTIN: 29AABTS7764Q1ZE"),
        (
            "How many magnetic stirrers?",
            "Description: Magnetic stirrer with hot plate, 2 litre; HSN/SAC: 8419; Qty: 5",
        ),
        ("Who is the buyer?", "BILL TO: Sahyadri Institute of Applied Sciences"),
        ("When must defective goods be reported?", "within 7 days"),
    ],
)
def test_ask_invoice_answer_quotes_the_line(
    sandbox: Sandbox, invoice: bytes, question: str, quote: str
) -> None:
    body = sandbox.ask("/api/v1/ask", invoice, query=question)
    assert quote in body["answer"] and body["answer"].count("\n") == 0
    cited = " ".join(region["text"] for region in body["citations"][0]["regions"])
    assert quote.split(": ")[-1] in cited
