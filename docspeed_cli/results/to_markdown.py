"""Write results as markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from docspeed_cli.results.fields import Extraction, Field
from docspeed_cli.results.pages import Packet, Page
from docspeed_cli.results.schema import Schema, walk_nodes
from docspeed_cli.results.shape import NO_NAMES
from docspeed_cli.results.tables import Table, grid_of_rows
from docspeed_cli.results.to_text import Writers, answer_with_sources, written_as
from docspeed_cli.results.values import cell_text


def to_markdown(operation: str, payload: Any, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return a result as markdown; `names` are the names of cited documents by their file ids.

    NotConvertible if the payload has neither the operation's shape, nor pages, nor an answer.
    """
    return written_as("markdown", _WRITERS, operation, payload, names)


def _escape(text: str) -> str:
    """Return the text for one cell or heading, with nothing in it that would be read as markdown."""
    # An underscore inside a word makes no emphasis, and `line\_items` would be harder to read.
    text = re.sub(r"([\\|`*<\[]|(?<!\w)_|_(?!\w))", r"\\\1", text.strip())
    return re.sub(r"\s*[\r\n\x0b\x0c\x85\u2028\u2029]+\s*", "<br>", text)


def markdown_table(grid: Sequence[Sequence[str]]) -> str:
    """Return a markdown table; its rows may be of different lengths."""
    width = max((len(row) for row in grid), default=0)
    if not width:
        return "(empty)"
    head, *body = grid
    # Renderers drop the cells of a row beyond the headings, so there is a heading for each column.
    lines = [[*map(_escape, head), *([""] * (width - len(head)))], ["---"] * width]
    rows = (*lines, *([_escape(cell) for cell in row] for row in body))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _pages_as_markdown(pages: list[Page]) -> str:
    texts = [page.markdown.strip("\n") for page in pages]
    marked = [f"<!-- page {page.number} -->\n\n{text}" for page, text in zip(pages, texts, strict=True)]
    return "\n\n".join([*texts[:1], *marked[1:]])


def _tables_as_markdown(tables: list[Table]) -> str:
    parts = [f"## {_escape(table.heading)}\n\n{markdown_table(table.grid)}" for table in tables]
    return "\n\n".join(parts) or "No tables."


def _extraction_as_markdown(extraction: Extraction) -> str:
    rows = [[field.key, cell_text(field.value), _place_of_field(field)] for field in extraction.fields]
    parts = [markdown_table([["Field", "Value", "Evidence"], *rows])] if rows else []
    for name, items in extraction.line_items.items():
        parts.append(f"## {_escape(name)}\n\n{markdown_table(grid_of_rows(items))}")
    return "\n\n".join(parts)


def _place_of_field(field: Field) -> str:
    page = [f"page {field.page}"] if field.page else []
    return ", ".join([*page, *field.region_ids])


def _packet_as_markdown(packet: Packet) -> str:
    rows = [[section.name, section.kind, section.page_range] for section in packet.sections]
    return markdown_table([["Section", "Kind", "Pages"], *rows])


def _schema_as_markdown(schema: Schema) -> str:
    lines = [f"# {_escape(schema.doc_class)}\n"] if schema.doc_class else []
    for path, node in walk_nodes((*schema.fields, *schema.tables)):
        kind = f" ({_escape(node.type)})" if node.type else ""
        description = f": {_escape(node.description)}" if node.description else ""
        lines.append(f"{'  ' * (len(path) - 1)}- **{_escape(node.key)}**{kind}{description}")
    return "\n".join(lines)


_WRITERS: Writers = {
    "parse": _pages_as_markdown,
    "extract": _extraction_as_markdown,
    "tables": _tables_as_markdown,
    "split": _packet_as_markdown,
    "schema": _schema_as_markdown,
    "chat": lambda answer: answer_with_sources(answer, "## Sources", _escape),
}
