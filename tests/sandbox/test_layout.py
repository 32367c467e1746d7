"""Reading order, tables and markdown of pages made for the purpose."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox import papers
from tests.sandbox.conftest import Sandbox

JUSTIFIED = [
    "Lorem ipsum dolor sit amet, consectetuer adipiscing",
    "elit. Nam arcu libero, nonummy eget, con-",
    "sectetuer id, vulputate a, magna. Donec vehicula au",
    "eu neque. Pellentesque habitant morbi tris-",
    "tique senectus et netus et malesuada fames ac turpis",
]


def rows(table: dict[str, Any]) -> list[list[str]]:
    """Cells of a table as rows of text."""
    grid = [[""] * table["col_count"] for _ in range(table["row_count"])]
    for cell in table["cells"]:
        grid[cell["row_index"]][cell["col_index"]] = cell["value"]
    return grid


def test_layout_addresses_side_by_side_are_read_in_turn(sandbox: Sandbox) -> None:
    markdown = sandbox.ask("/api/v1/parse", papers.us_invoice())["pages"][0]["markdown"]
    assert markdown.startswith(
        "# Northwind Traders Inc.\n\n# INVOICE\n\nBill To  \nContoso Ltd  \n88 Lake Road"
    )
    assert "Ship To  \nContoso Ltd  \nWarehouse 4, Dock 2" in markdown
    assert "| 2 | Ergonomic keyboard, split layout, with wrist rest | 89.00 | 178.00 |" in markdown
    assert markdown.endswith("Subtotal: 422.00  \nSales Tax (8%): 33.76  \nTotal: $455.76")


def test_tables_invoice_with_addresses_finds_items_only(sandbox: Sandbox) -> None:
    (table,) = sandbox.ask("/v1/tables", papers.us_invoice())["tables"]
    assert table["columns"] == ["Qty", "Description", "Unit Price", "Amount"]
    assert rows(table)[3] == ["1", "Docking station (refurbished) serial DS-7781", "149.00", "149.00"]
    assert (table["row_count"], table["table_id"]) == (4, "p1:t1")
    assert [cell["region_ids"] for cell in table["cells"]] == [[f"p1:t1:c{n}"] for n in range(1, 17)]


def test_tables_cells_are_inside_their_table(sandbox: Sandbox) -> None:
    (table,) = sandbox.ask("/v1/tables", papers.statement())["tables"]
    x0, y0, x1, y1 = table["bbox"]
    for cell in table["cells"]:
        left, top, right, bottom = cell["bbox"]
        assert x0 <= left < right <= x1 and y0 <= top < bottom <= y1


def test_tables_empty_cells_stay_empty(sandbox: Sandbox) -> None:
    (table,) = sandbox.ask("/v1/tables", papers.statement())["tables"]
    assert rows(table)[2] == ["03/01/2026", "NEFT Salary Meridian", "", "75,000.00", "87,000.00"]
    assert rows(table)[3] == ["05/01/2026", "UPI Rent January", "22,000.00", "", "65,000.00"]


def test_layout_monospaced_receipt(sandbox: Sandbox) -> None:
    (table,) = sandbox.ask("/v1/tables", papers.receipt())["tables"]
    assert table["columns"] == ["Item", "Qty", "Rate", "Amt"]
    assert rows(table)[2] == ["Masala Dosa", "1", "110.00", "110.00"]
    assert rows(table)[-1] == ["TOTAL", "", "", "Rs. 336.00"]


def test_layout_text_columns_are_read_in_turn(sandbox: Sandbox) -> None:
    body = sandbox.ask("/api/v1/parse", papers.article(), grounding="regions")["pages"][0]
    title, left, right = body["regions"]
    assert (title["type"], title["text"]) == ("heading", "On the Keeping of Records")
    assert left["text"].startswith("Left column.") and right["text"].startswith("Right column.")
    assert right["region_id"] == "p1:r3" and right["bbox"][0] > left["bbox"][2]
    assert body["markdown"].count("\n\n") == 2
    assert f"Left column. {papers.STORY} {papers.STORY}" in body["markdown"]


def test_tables_running_text_has_none(sandbox: Sandbox) -> None:
    assert sandbox.ask("/v1/tables", papers.article())["tables"] == []
    words = papers.lines_pdf([papers.STORY[start : start + 70] for start in range(0, 140, 7)])
    assert sandbox.ask("/v1/tables", words)["tables"] == []


def test_tables_labels_and_values_are_not_a_table(sandbox: Sandbox) -> None:
    paper = papers.Paper()
    for row, (label, value) in enumerate((("Date", "12/03/2026"), ("Amount", "12.00"), ("Total", "14.00"))):
        paper.put(50, 80 + 14 * row, label)
        paper.put(200, 80 + 14 * row, value)
    body = sandbox.ask("/api/v1/parse", paper.bytes(), grounding="cell")["pages"][0]
    assert body["tables"] == []
    assert body["markdown"] == "Date: 12/03/2026  \nAmount: 12.00  \nTotal: 14.00"


def test_tables_years_can_be_headings(sandbox: Sandbox) -> None:
    paper = papers.Paper()
    for row, cells in enumerate(
        (("Particulars", "2025", "2024"), ("Sales", "90", "80"), ("Costs", "(70)", "60"))
    ):
        paper.put(50, 80 + 14 * row, cells[0], "B" if row == 0 else "")
        paper.end(300, 80 + 14 * row, cells[1])
        paper.end(400, 80 + 14 * row, cells[2])
    (table,) = sandbox.ask("/v1/tables", paper.bytes())["tables"]
    assert table["columns"] == ["Particulars", "2025", "2024"]


def test_tables_continuation_page_inherits_headings(sandbox: Sandbox) -> None:
    paper = papers.Paper()
    items = [(f"Part {n}", str(n), f"{n}.50", f"{n * n}.00") for n in range(1, 9)]
    for page in (0, 1):
        if page:
            paper.add_page()
        listed = [("Item", "Qty", "Price", "Amount"), *items[:4]] if page == 0 else items[4:]
        for row, cells in enumerate(listed):
            paper.put(50, 80 + 14 * row, cells[0])
            for x, cell in zip((250, 350, 450), cells[1:], strict=True):
                paper.end(x, 80 + 14 * row, cell)
    first, second = sandbox.ask("/v1/tables", paper.bytes())["tables"]
    assert second["columns"] == first["columns"] == ["Item", "Qty", "Price", "Amount"]
    assert (second["table_id"], second["page_index"], second["row_count"]) == ("p2:t1", 1, 4)
    assert min(cell["row_index"] for cell in second["cells"]) == 1


def test_markdown_pipe_in_cell_is_escaped(sandbox: Sandbox) -> None:
    paper = papers.Paper()
    for row, cells in enumerate((("Name", "Size", "Price"), ("a|b", "1", "2.00"), ("c", "3", "4.00"))):
        for x, cell in zip((50, 200, 350), cells, strict=True):
            paper.put(x, 80 + 14 * row, cell)
    assert "| a\\|b | 1 | 2.00 |" in sandbox.ask("/api/v1/parse", paper.bytes())["pages"][0]["markdown"]


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_layout_rotated_page_boxes_are_as_seen(sandbox: Sandbox, rotation: int) -> None:
    plain = papers.lines_pdf(["I"])  # near the top left corner before the turn
    turned = plain.replace(b"/Type /Page\n", b"/Type /Page\n/Rotate %d\n" % rotation)
    assert turned != plain
    page = sandbox.ask("/api/v1/parse", turned)["pages"][0]
    size = (595.28, 841.89) if rotation == 180 else (841.89, 595.28)
    assert (page["width"], page["height"]) == size
    ((x0, y0, x1, y1),) = [line["bbox"] for line in page["lines"]]
    corner = {90: (841.89 - 80, 50), 180: (595.28 - 50, 841.89 - 80), 270: (80, 595.28 - 50)}[rotation]
    assert x0 - 1 <= corner[0] <= x1 + 1 and y0 - 1 <= corner[1] <= y1 + 1


def test_layout_empty_page(sandbox: Sandbox) -> None:
    page = sandbox.ask("/api/v1/parse", papers.lines_pdf([]), grounding="regions")["pages"][0]
    assert (page["text"], page["markdown"], page["lines"], page["regions"]) == ("", "", [], [])


def test_layout_spaced_out_lines_in_columns_stay_lines(sandbox: Sandbox) -> None:
    paper = papers.Paper()
    paper.put(72, 90, "Abstract", "B", 13)
    for row, line in enumerate(JUSTIFIED):
        for left in (72, 310):
            words = line.split()
            paper.set_font("helvetica", "", 9)
            room = 228 - sum(paper.get_string_width(word) for word in words)
            x = float(left)
            for word in words:
                paper.put(x, (108 if left == 72 else 91) + 12 * row, word, size=9)
                x += paper.get_string_width(word) + room / (len(words) - 1)
    (page,) = sandbox.ask("/api/v1/parse", paper.bytes())["pages"]
    assert page["text"].split("\n") == ["Abstract", *JUSTIFIED, *JUSTIFIED]
    assert page["markdown"].split("\n\n")[1:] == [" ".join(JUSTIFIED), " ".join(JUSTIFIED)]


def test_layout_label_below_a_heading_keeps_its_value(sandbox: Sandbox) -> None:
    paper = papers.Paper()
    paper.put(50, 80, "Verkauf", "B")
    paper.put(50, 97, "Nummer:")
    paper.put(200, 97, "549910")
    (page,) = sandbox.ask("/api/v1/parse", paper.bytes())["pages"]
    assert page["markdown"].endswith("Nummer: 549910")
