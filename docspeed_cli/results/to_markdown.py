"""Write payloads as markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from docspeed_cli.results.fields import Field, has_fields, read_fields, read_line_items
from docspeed_cli.results.pages import read_pages, read_sections
from docspeed_cli.results.schema import read_schema, walk_nodes
from docspeed_cli.results.tables import grid_of_rows, has_tables, read_tables
from docspeed_cli.results.to_text import NO_NAMES, Writer, answer_writer, convert
from docspeed_cli.results.values import cell_text, find_member


def to_markdown(operation: str, payload: Any, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return the payload as markdown; `names` are the names of cited documents by their file ids.

    NotConvertible if the payload has neither the operation's shape, nor pages, nor an answer.
    """
    writers = {**_WRITERS, "chat": answer_writer("## Sources", _escape, names)}
    return convert(operation, payload, writers, "markdown")


def _escape(text: str) -> str:
    """Return the text for one cell or heading, with nothing in it that would be read as markdown."""
    # An underscore inside a word is no emphasis, and `line\_items` would be harder to read.
    text = re.sub(r"([\\|`*<\[]|(?<!\w)_|_(?!\w))", r"\\\1", text.strip())
    return re.sub(r"\s*[\r\n\x0b\x0c\x85\u2028\u2029]+\s*", "<br>", text)


def _markdown_table(grid: Sequence[Sequence[str]]) -> str:
    """Return a markdown table; its rows may be of different lengths."""
    width = max((len(row) for row in grid), default=0)
    if not width:
        return "(empty)"
    head, *body = grid
    # Renderers drop the cells of a row beyond the headings, so there is a heading for each column.
    lines = [[*map(_escape, head), *([""] * (width - len(head)))], ["---"] * width]
    rows = (*lines, *([_escape(cell) for cell in row] for row in body))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _pages_as_markdown(payload: Any) -> str | None:
    pages = read_pages(payload)
    if not pages:
        return "" if find_member(payload, "pages") == [] else None
    first, *others = ((page.number, page.markdown.strip("\n")) for page in pages)
    return "\n\n".join([first[1], *(f"<!-- page {number} -->\n\n{text}" for number, text in others)])


def _tables_as_markdown(payload: Any) -> str | None:
    if not has_tables(payload):
        return None
    tables = [
        f"## {_escape(table.heading)}\n\n{_markdown_table(table.grid)}" for table in read_tables(payload)
    ]
    return "\n\n".join(tables) or "No tables."


def _extraction_as_markdown(payload: Any) -> str | None:
    if not has_fields(payload):
        return None
    rows = [[field.key, cell_text(field.value), _place_of_field(field)] for field in read_fields(payload)]
    parts = [_markdown_table([["Field", "Value", "Evidence"], *rows])] if rows else []
    for name, items in read_line_items(payload).items():
        parts.append(f"## {_escape(name)}\n\n{_markdown_table(grid_of_rows(items))}")
    return "\n\n".join(parts)


def _place_of_field(field: Field) -> str:
    page = [f"page {field.page}"] if field.page else []
    return ", ".join([*page, *field.region_ids])


def _sections_as_markdown(payload: Any) -> str | None:
    sections = read_sections(payload)
    if not sections and find_member(payload, "sections") != []:
        return None
    rows = [[section.name, section.kind, section.page_range] for section in sections]
    return _markdown_table([["Section", "Kind", "Pages"], *rows])


def _schema_as_markdown(payload: Any) -> str | None:
    schema = read_schema(payload)
    if schema is None:
        return None
    lines = [f"# {_escape(schema.doc_class)}\n"] if schema.doc_class else []
    for path, node in walk_nodes((*schema.fields, *schema.tables)):
        kind = f" ({_escape(node.type)})" if node.type else ""
        description = f": {_escape(node.description)}" if node.description else ""
        lines.append(f"{'  ' * (len(path) - 1)}- **{_escape(node.key)}**{kind}{description}")
    return "\n".join(lines)


_WRITERS: Mapping[str, Writer] = {
    "parse": _pages_as_markdown,
    "extract": _extraction_as_markdown,
    "tables": _tables_as_markdown,
    "split": _sections_as_markdown,
    "schema": _schema_as_markdown,
}
