"""Convert a layout to the API's payloads: lines, regions, markdown and tables of cells."""

from __future__ import annotations

import re
from collections.abc import Sequence

from docspeed_cli.sandbox.layout import Block, Layout, PageLayout
from docspeed_cli.sandbox.lines import Line, on_page
from docspeed_cli.sandbox.tables import Table

_BREAK = "  \n"  # a hard line break in markdown


def parse_view(file_id: str, layout: Layout, grounding: str | None) -> dict[str, object]:
    """Payload of the parse operation."""
    pages = [_page_view(page, grounding) for page in layout.pages]
    return {"file_id": file_id, "page_count": len(pages), "pages": pages}


def _page_view(page: PageLayout, grounding: str | None) -> dict[str, object]:
    view: dict[str, object] = {
        "page_index": page.page_index,
        "width": round(page.page.width, 2),
        "height": round(page.page.height, 2),
        "text": "\n".join(_plain(block) for block in page.blocks),
        "markdown": "\n\n".join(markdown(block) for block in page.blocks),
        "lines": [line_view(line) for line in page.lines],
    }
    if grounding == "regions":
        number = page.page_index + 1
        view["regions"] = [_region_view(f"p{number}:r{n}", block) for n, block in enumerate(page.blocks, 1)]
    if grounding == "cell":
        view["tables"] = [table_view(table) for table in page.tables]
    return view


def line_view(line: Line) -> dict[str, object]:
    """A line with its id and box."""
    return {"region_id": line.region_id, "text": line.text, "bbox": on_page([line])}


def _region_view(region_id: str, block: Block) -> dict[str, object]:
    return {
        "region_id": region_id,
        "type": block.kind,
        "bbox": on_page(block.lines),
        "line_ids": [line.region_id for line in block.lines],
        "text": _plain(block),
    }


def table_view(table: Table) -> dict[str, object]:
    """A table with its cells."""
    return {
        "table_id": table.table_id,
        "page_index": table.page_index,
        "bbox": on_page(table.lines),
        "title": table.title,
        "row_count": len({cell.row for cell in table.cells}),
        "col_count": len(table.columns),
        "columns": table.columns,
        "cells": [
            {
                "value": cell.value,
                "row_index": cell.row,
                "col_index": cell.column,
                "region_ids": [cell.region_id],
                "effective_region_ids": [cell.region_id],
                "bbox": on_page(cell.lines),
            }
            for cell in table.cells
        ],
    }


def _plain(block: Block) -> str:
    if block.table:
        rows = _grid(block.table)
        return "\n".join("  ".join(value for value in row if value) for row in rows if any(row))
    return block.text


def markdown(block: Block) -> str:
    """Convert a block to markdown."""
    if block.table:
        return _table_markdown(block.table)
    if block.kind == "heading":
        return "#" * block.level + " " + block.text
    rows = [_row_markdown(row) for row in block.rows]
    return (" " if is_prose(block) else _BREAK).join(rows)


def _row_markdown(row: Sequence[Line]) -> str:
    if len(row) == 2:  # a label and its value
        return f"{row[0].text.rstrip(' :')}: {row[1].text.lstrip(': ')}"
    return "  ".join(line.text for line in row)


def is_prose(block: Block) -> bool:
    """True for running text: all lines but the last reach the right edge."""
    if any(len(row) > 1 for row in block.rows) or len(block.rows) < 2:
        return False
    x0, _, x1, _ = block.box
    lines = [row[0] for row in block.rows]
    full = all(line.box[2] > x0 + 0.8 * (x1 - x0) for line in lines[:-1])
    labels = sum(bool(re.match(r"[\w .]{2,24}: ", line.text)) for line in lines)
    return full and x1 - x0 > 18 * lines[0].height and labels < 2


def _grid(table: Table) -> list[list[str]]:
    """Rows of text, the headings first."""
    rows = [[""] * len(table.columns) for _ in range(max(cell.row for cell in table.cells) + 1)]
    rows[0] = list(table.columns)
    for cell in table.cells:
        rows[cell.row][cell.column] = cell.value
    return rows


def _table_markdown(table: Table) -> str:
    head, *body = _grid(table)
    rules = ["---:" if table.numeric(column) else "---" for column in range(len(head))]
    listed = [_table_row(head), "| " + " | ".join(rules) + " |", *map(_table_row, body)]
    return "\n".join(listed)


def _table_row(values: Sequence[str]) -> str:
    return "| " + " | ".join(value.replace("|", "\\|") for value in values) + " |"
