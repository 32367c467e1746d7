"""Tables between ruled lines."""

from __future__ import annotations

from collections.abc import Sequence

from tests.sandbox import papers
from tests.sandbox.conftest import Sandbox
from tests.sandbox.test_layout import rows

XS = (50, 200, 300, 400)
GROUPS = ["Region", "Sales", ""]
DATA = [["Name", "2024", "2025"], ["North of it", "many", "12.50"], ["South", "few", "7.00"]]


def ruled(levels: Sequence[float], uprights: Sequence[tuple[float, float, float]]) -> papers.Paper:
    """Paper with level rules at some heights, and upright ones at x from y to y."""
    paper = papers.Paper()
    for y in levels:
        paper.line(XS[0], y, XS[-1], y)
    for x, y0, y1 in uprights:
        paper.line(x, y0, x, y1)
    return paper


def fill(paper: papers.Paper, texts: Sequence[Sequence[str]], *, top: float = 100, step: float = 20) -> bytes:
    """The paper with a text in each cell."""
    for number, row in enumerate(texts):
        for x, text in zip(XS, row, strict=False):
            paper.put(x + 5, top + 14 + step * number, text)
    return paper.bytes()


def test_grid_between_rules_keeps_text_and_empty_cells(sandbox: Sandbox) -> None:
    paper = ruled([100, 120, 140, 160], [(x, 100, 160) for x in XS])
    texts = [["Name", "Colour", "Note"], ["Pen", "red", ""], ["Ink", "", "dry; keep dark"]]
    (table,) = sandbox.ask("/v1/tables", fill(paper, texts))["tables"]
    assert table["columns"] == texts[0] and rows(table) == texts


def test_grid_with_open_sides_and_a_spanning_heading(sandbox: Sandbox) -> None:
    paper = ruled([100, 120, 140, 160, 180], [(200, 100, 180), (300, 120, 180)])
    (table,) = sandbox.ask("/v1/tables", fill(paper, [GROUPS, *DATA]))["tables"]
    assert rows(table) == [GROUPS, *DATA]


def test_grid_without_rules_between_rows_splits_them_by_their_numbers(sandbox: Sandbox) -> None:
    paper = ruled([100, 120, 180], [(x, 100, 180) for x in XS])
    (table,) = sandbox.ask("/v1/tables", fill(paper, [*DATA, ["East", "none", "0.00"]]))["tables"]
    assert rows(table) == [*DATA, ["East", "none", "0.00"]]


def test_grid_without_rules_between_rows_keeps_wrapped_text_and_empty_cells(sandbox: Sandbox) -> None:
    paper = ruled([100, 120, 240], [(x, 100, 240) for x in XS])
    texts = [
        *DATA[:1],
        ["North of it", "4", "12.50"],
        ["and beyond"],
        ["South", "", "7.00"],
        ["East", "3", ""],
    ]
    (table,) = sandbox.ask("/v1/tables", fill(paper, texts))["tables"]
    wrapped = ["North of it and beyond", "4", "12.50"]
    assert rows(table) == [DATA[0], wrapped, ["South", "", "7.00"], ["East", "3", ""]]


def test_grid_with_rules_in_the_heading_only_splits_cells(sandbox: Sandbox) -> None:
    paper = ruled([100, 120, 140, 160], [(x, 100, 120) for x in XS[1:3]])
    (table,) = sandbox.ask("/v1/tables", fill(paper, DATA))["tables"]
    assert rows(table) == DATA


def test_grid_of_a_sideways_table_is_read_upright(sandbox: Sandbox) -> None:
    lines = "".join(f"50 {y} m 350 {y} l S {50 + 100 * n} 100 m {50 + 100 * n} 160 l S\n"
                    for n, y in enumerate((100, 120, 140, 160)))  # fmt: skip
    texts = "".join(
        f"BT /F1 10 Tf 1 0 0 1 {55 + 100 * column} {146 - 20 * row} Tm ({text}) Tj ET\n"
        for row, cells in enumerate(DATA)
        for column, text in enumerate(cells)
    )
    document = papers.raw_pdf(f"q 0 1 -1 0 400 0 cm\n{lines}{texts}Q")
    (table,) = sandbox.ask("/v1/tables", document)["tables"]
    assert rows(table) == DATA
    x0, y0, x1, y1 = table["bbox"]
    assert 0 < x0 < x1 < 600 and 0 < y0 < y1 < 400 and y1 - y0 > x1 - x0


def test_grid_of_labels_and_values_is_a_form(sandbox: Sandbox) -> None:
    paper = ruled([100, 120, 140], [(x, 100, 140) for x in (50, 200, 400)])
    document = fill(paper, [["Invoice No:", "INV-17"], ["Date:", "1 May 2026"]])
    assert sandbox.ask("/v1/tables", document)["tables"] == []
    assert "Invoice No: INV-17" in sandbox.ask("/api/v1/parse", document)["pages"][0]["markdown"]
