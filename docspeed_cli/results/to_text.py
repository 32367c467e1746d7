"""Write payloads as plain text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from docspeed_cli.results.fields import has_fields, read_fields, read_line_items
from docspeed_cli.results.pages import Region, read_answer, read_citations, read_pages, read_sections
from docspeed_cli.results.schema import read_schema, walk_nodes
from docspeed_cli.results.tables import grid_of_rows, has_tables, read_tables
from docspeed_cli.results.values import cell_text, find_member

Writer = Callable[[Any], str | None]
"""Writes a payload in one format; None if the payload has not the operation's shape."""

NO_NAMES: Mapping[str, str] = MappingProxyType({})

_MAX_COLUMN = 40
"""Widest column, in characters, that is padded; a longer cell pushes the rest of its row aside."""


class NotConvertible(ValueError):
    """The result holds nothing that can be written in this format."""


def to_text(operation: str, payload: Any, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return the payload as plain text; `names` are the names of cited documents by their file ids.

    NotConvertible if the payload has neither the operation's shape, nor pages, nor an answer.
    """
    writers = {**_WRITERS, "chat": answer_writer("Sources:", one_line, names)}
    return convert(operation, payload, writers, "text")


def convert(operation: str, payload: Any, writers: Mapping[str, Writer], name: str) -> str:
    """Write a payload with its operation's writer, or else as the pages or the answer that it holds.

    `name` is the format's, for the message of NotConvertible.
    """
    operation = "chat" if operation == "ask" else operation
    for shape in (operation, "parse", "chat"):
        text = writers[shape](payload) if shape in writers else None
        if text is not None:
            return without_surrogates(text.strip("\n") + "\n" if text.strip() else "")
    raise NotConvertible(f"this {operation} result holds nothing that can be written as {name}")


def without_surrogates(text: str) -> str:
    """Return the text with a replacement character for half a surrogate pair, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def one_line(text: str) -> str:
    """Return the text on one line, with single blanks."""
    return " ".join(text.split())


def aligned_rows(grid: Sequence[Sequence[str]]) -> str:
    """Return rows of texts as lines with aligned columns; a row may be shorter than the others."""
    rows = [[one_line(cell) for cell in row] for row in grid]
    widths = [0] * max(map(len, rows), default=0)
    for row in rows:
        for index, cell in enumerate(row):
            widths[index] = max(widths[index], min(len(cell), _MAX_COLUMN))
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


# -- what operations return


def _pages_as_text(payload: Any) -> str | None:
    pages = read_pages(payload)
    if not pages:
        return "" if find_member(payload, "pages") == [] else None
    return "\n\n".join(page.text.strip("\n") for page in pages)


def _tables_as_text(payload: Any) -> str | None:
    if not has_tables(payload):
        return None
    return "\n\n".join(
        f"{one_line(table.heading)}\n{aligned_rows(table.grid)}" for table in read_tables(payload)
    )


def _extraction_as_text(payload: Any) -> str | None:
    if not has_fields(payload):
        return None
    fields = [f"{one_line(field.key)}: {one_line(cell_text(field.value))}" for field in read_fields(payload)]
    items = read_line_items(payload).items()
    tables = [f"{one_line(name)}\n{aligned_rows(grid_of_rows(rows))}" for name, rows in items]
    return "\n\n".join(filter(None, ["\n".join(fields), *tables]))


def _sections_as_text(payload: Any) -> str | None:
    sections = read_sections(payload)
    if not sections and find_member(payload, "sections") != []:
        return None
    return aligned_rows([[f"pages {section.page_range}", section.kind, section.name] for section in sections])


def _schema_as_text(payload: Any) -> str | None:
    schema = read_schema(payload)
    if schema is None:
        return None
    lines = [one_line(schema.doc_class)] if schema.doc_class else []
    for path, node in walk_nodes((*schema.fields, *schema.tables)):
        kind = f" ({one_line(node.type)})" if node.type else ""
        description = f": {one_line(node.description)}" if node.description else ""
        lines.append(f"{'  ' * (len(path) - 1)}{one_line(node.key)}{kind}{description}")
    return "\n".join(lines)


_WRITERS: Mapping[str, Writer] = {
    "parse": _pages_as_text,
    "extract": _extraction_as_text,
    "tables": _tables_as_text,
    "split": _sections_as_text,
    "schema": _schema_as_text,
}


# -- answers


def answer_writer(heading: str, escape: Callable[[str], str], names: Mapping[str, str]) -> Writer:
    """Return a writer of answers with their numbered citations, for plain text and markdown alike."""

    def write(payload: Any) -> str | None:
        answer = read_answer(payload)
        if answer is None:
            return None
        sources = []
        for number, citation in enumerate(read_citations(payload), 1):
            document = escape(names.get(citation.document, citation.document)) or "document"
            places = [_place(region, escape) for region in citation.regions]
            if len(places) < 2:
                sources.append(", ".join([f"{number}. {document}", *places]))
            else:
                sources += [f"{number}. {document}", *(f"   - {place}" for place in places)]
        parts = [answer.strip("\n"), *([heading, "\n".join(sources)] if sources else [])]
        return "\n\n".join(parts)

    return write


def _place(region: Region, escape: Callable[[str], str]) -> str:
    place = f"page {region.page}" if region.page else escape(region.region_id)
    quote = f"“{escape(region.text)}”" if region.text else ""
    return ": ".join(filter(None, (place, quote)))
