"""Write results as plain text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from docspeed_cli.results.fields import Extraction
from docspeed_cli.results.pages import Answer, CitedRegion, Packet, Page
from docspeed_cli.results.schema import Schema, walk_nodes
from docspeed_cli.results.shape import NO_NAMES, read_payload
from docspeed_cli.results.tables import Table, grid_of_rows
from docspeed_cli.results.values import cell_text

_MAX_COLUMN = 40
"""Widest column, in characters, that is padded; a longer cell pushes the rest of its row aside."""


class NotConvertible(ValueError):
    """The result holds nothing that can be written in this format."""

    def __init__(self, operation: str, format_name: str) -> None:
        super().__init__(f"this {operation} result can't be written as {format_name}")


def to_text(operation: str, payload: Any, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return a result as plain text; `names` are the names of cited documents by their file ids.

    NotConvertible if the payload has neither the operation's shape, nor pages, nor an answer.
    """
    return written_as("text", _WRITERS, operation, payload, names)


Writers = Mapping[str, Callable[[Any], str]]
"""The function that writes each shape of `read_payload`."""


def written_as(
    format_name: str, writers: Writers, operation: str, payload: Any, names: Mapping[str, str]
) -> str:
    """Return a result as text that is empty or ends with one newline. NotConvertible if no writer fits."""
    shape, value = read_payload(operation, payload, names)
    if shape is None:
        raise NotConvertible(operation, format_name)
    text = writers[shape](value)
    return text.strip("\n") + "\n" if text.strip() else ""


def one_line(text: str) -> str:
    """Return the text on one line, with single blanks."""
    return " ".join(text.split())


def aligned_rows(grid: Sequence[Sequence[str]]) -> str:
    """Return rows of texts as lines with aligned columns; a row may be shorter than the others."""
    rows = [[one_line(cell) for cell in row] for row in grid]
    # Characters, not terminal cells: the text may go to a file that is read with any font.
    widths = [0] * max(map(len, rows), default=0)
    for row in rows:
        for index, cell in enumerate(row):
            widths[index] = max(widths[index], min(len(cell), _MAX_COLUMN))
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _pages_as_text(pages: list[Page]) -> str:
    return "\n\n".join(page.text.strip("\n") for page in pages)


def _tables_as_text(tables: list[Table]) -> str:
    return "\n\n".join(f"{one_line(table.heading)}\n{aligned_rows(table.grid)}" for table in tables)


def _extraction_as_text(extraction: Extraction) -> str:
    fields = [f"{one_line(field.key)}: {one_line(cell_text(field.value))}" for field in extraction.fields]
    items = extraction.line_items.items()
    tables = [f"{one_line(name)}\n{aligned_rows(grid_of_rows(rows))}" for name, rows in items]
    return "\n\n".join(filter(None, ["\n".join(fields), *tables]))


def _packet_as_text(packet: Packet) -> str:
    return aligned_rows([[f"pages {each.page_range}", each.kind, each.name] for each in packet.sections])


def _schema_as_text(schema: Schema) -> str:
    lines = [one_line(schema.doc_class)] if schema.doc_class else []
    for path, node in walk_nodes((*schema.fields, *schema.tables)):
        kind = f" ({one_line(node.type)})" if node.type else ""
        description = f": {one_line(node.description)}" if node.description else ""
        lines.append(f"{'  ' * (len(path) - 1)}{one_line(node.key)}{kind}{description}")
    return "\n".join(lines)


def answer_with_sources(answer: Answer, heading: str, escape: Callable[[str], str]) -> str:
    """Return an answer with its numbered citations, for plain text and markdown alike."""
    sources = []
    for number, citation in enumerate(answer.citations, 1):
        document = f"{number}. {escape(citation.document) or 'document'}"
        places = [_cited_place(region, escape) for region in citation.regions]
        if len(places) < 2:  # on one line
            sources.append(", ".join([document, *places]))
        else:
            sources += [document, *(f"   - {place}" for place in places)]
    parts = [answer.text.strip("\n"), *([heading, "\n".join(sources)] if sources else [])]
    return "\n\n".join(parts)


def _cited_place(region: CitedRegion, escape: Callable[[str], str]) -> str:
    place = f"page {region.page}" if region.page else escape(region.region_id)
    quote = f"“{escape(region.text)}”" if region.text else ""
    return ": ".join(filter(None, (place, quote)))


_WRITERS: Writers = {
    "parse": _pages_as_text,
    "extract": _extraction_as_text,
    "tables": _tables_as_text,
    "split": _packet_as_text,
    "schema": _schema_as_text,
    "chat": lambda answer: answer_with_sources(answer, "Sources:", one_line),
}
