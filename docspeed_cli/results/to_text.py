"""Alone in turning payloads into text formats: markdown, plain text, CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from docspeed_cli.results.fields import Field, columns, fields, has_fields, line_items
from docspeed_cli.results.pages import Citation, Region, Section, answer, citations, pages, sections
from docspeed_cli.results.schema import Node, Outline, outline
from docspeed_cli.results.tables import Table, has_tables, tables
from docspeed_cli.results.values import member, scalar

Writer = Callable[[Any], str | None]

_NUMBER = re.compile(r"[-+]?\s?(?:\d[\d.,' \u00a0\u202f]*|\.\d+)(?:[eE][-+]?\d+)?\s?%?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_WIDEST = 40


class NoSuchTable(ValueError):
    """The result has no table of this name."""


class NotConvertible(ValueError):
    """The result holds nothing of this format."""


_NO_NAMES: Mapping[str, str] = MappingProxyType({})


def to_markdown(operation: str, payload: Any, names: Mapping[str, str] = _NO_NAMES) -> str:
    """The payload as markdown; `names` are cited documents' by their file ids.

    NotConvertible where it holds nothing that this could show.
    """
    return _written(operation, payload, {**_MARKDOWN, **_chat(_inline, "## Sources", names)}, "markdown")


def to_text(operation: str, payload: Any, names: Mapping[str, str] = _NO_NAMES) -> str:
    """The payload as plain text, likewise."""
    return _written(operation, payload, {**_TEXT, **_chat(_line, "Sources:", names)}, "text")


def to_csv(operation: str, payload: Any, table: str | None = None) -> str:
    """The payload's tables or line items as CSV: all, or the named one; `fields` are extract's fields.

    Tables follow one another after an empty line. Several structures of line items become one table whose
    first column `table` says where a row is from; without any of them, it is the fields.
    """
    if operation == "extract" or (operation != "tables" and line_items(payload)):
        text = _extracted_csv(payload, table)
    else:
        text = _tables_csv(payload, table)
    if text is None:
        raise NotConvertible(_nothing("csv", operation))
    return _encodable(text)


def _written(operation: str, payload: Any, writers: dict[str, Writer], name: str) -> str:
    chosen = [writers[operation]] if operation in writers else []
    for write in (*chosen, writers["parse"], writers["chat"]):
        text = write(payload)
        if text is not None:
            return _encodable(text.strip("\n") + "\n" if text.strip() else "")
    raise NotConvertible(_nothing(name, operation))


def _nothing(name: str, operation: str) -> str:
    return f"this {operation} result holds nothing that can be written as {name}"


def _encodable(text: str) -> str:
    """The same text, without halves of surrogate pairs, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


# -- markdown


def _parse_markdown(payload: Any) -> str | None:
    listed = pages(payload)
    if not listed:
        return "" if member(payload, "pages") == [] else None
    head, *rest = listed
    return "\n\n".join(
        [
            head.markdown.strip("\n"),
            *(f"<!-- page {p.number} -->\n\n{p.markdown.strip(chr(10))}" for p in rest),
        ]
    )


def _tables_markdown(payload: Any) -> str | None:
    if not has_tables(payload):
        return None
    return "\n\n".join(_table_markdown(table) for table in tables(payload)) or "No tables."


def _table_markdown(table: Table) -> str:
    page = f" (page {table.page})" if table.page else ""
    heading = f"## {_inline(table.title or f'Table {table.name}')}{page}"
    return f"{heading}\n\n{_grid_markdown(table.grid)}"


def _grid_markdown(grid: Sequence[Sequence[str]]) -> str:
    """A markdown table; rows may be short, but what is beyond the headings would be lost."""
    width = max((len(row) for row in grid), default=0)
    if not width:
        return "(empty)"
    head, *body = grid
    lines = [[*map(_inline, head), *([""] * (width - len(head)))], ["---"] * width]
    rows = (*lines, *([_inline(cell) for cell in row] for row in body))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _inline(text: str) -> str:
    """A text as one cell or heading: nothing in it is taken for markdown."""
    text = re.sub(r"([\\|`*<\[]|(?<!\w)_|_(?!\w))", r"\\\1", text.strip())
    return re.sub(r"\s*[\r\n\x0b\x0c\x85\u2028\u2029]+\s*", "<br>", text)


def _extract_markdown(payload: Any) -> str | None:
    if not has_fields(payload):
        return None
    rows = [[field.key, scalar(field.value), _where(field)] for field in fields(payload)]
    parts = [_grid_markdown([["Field", "Value", "Evidence"], *rows])] if rows else []
    for name, items in line_items(payload).items():
        parts.append(f"## {_inline(name)}\n\n{_grid_markdown(_items_grid(items))}")
    return "\n\n".join(parts)


def _items_grid(items: Sequence[dict[str, Any]]) -> list[list[str]]:
    names = columns(items)
    if len(names) * len(items) > 1000 + 50 * sum(map(len, items)):
        return [names, *([f"{name}: {scalar(value)}" for name, value in row.items()] for row in items)]
    return [names, *([scalar(row.get(name)) for name in names] for row in items)]


def _where(field: Field) -> str:
    page = [f"page {field.page}"] if field.page else []
    return ", ".join([*page, *field.region_ids])


def _split_markdown(payload: Any) -> str | None:
    listed = _known_sections(payload)
    if listed is None:
        return None
    rows = [[section.name, section.kind, page_range(section)] for section in listed]
    return _grid_markdown([["Section", "Kind", "Pages"], *rows])


def _known_sections(payload: Any) -> list[Section] | None:
    listed = sections(payload)
    return listed if listed or member(payload, "sections") == [] else None


def page_range(section: Section) -> str:
    """The pages of a section, as people write them."""
    if section.first is None or section.last is None:
        return ""
    return str(section.first) if section.first == section.last else f"{section.first}–{section.last}"


def _schema_markdown(payload: Any) -> str | None:
    found = outline(payload)
    return None if found is None else "\n".join(_bullets(found))


def _bullets(found: Outline) -> Iterator[str]:
    if found.doc_class:
        yield f"# {_inline(found.doc_class)}\n"
    for depth, node in _walk((*found.fields, *found.tables)):
        kind = f" ({_inline(node.type)})" if node.type else ""
        said = f": {_inline(node.description)}" if node.description else ""
        yield f"{'  ' * depth}- **{_inline(node.key)}**{kind}{said}"


def _walk(nodes: Iterable[Node], depth: int = 0) -> Iterator[tuple[int, Node]]:
    for node in nodes:
        yield depth, node
        yield from _walk(node.children, depth + 1)


def _chat(quoted: Callable[[str], str], heading: str, names: Mapping[str, str]) -> dict[str, Writer]:
    """What writes answers, under the operation's two names."""
    write = partial(_answered, quoted=quoted, heading=heading, names=names)
    return {"chat": write, "ask": write}


def _answered(
    payload: Any, quoted: Callable[[str], str], heading: str, names: Mapping[str, str]
) -> str | None:
    text = answer(payload)
    if text is None:
        return None
    named = (
        citation._replace(document=names.get(citation.document, citation.document))
        for citation in citations(payload)
    )
    listed = [_cited(n, citation, quoted) for n, citation in enumerate(named, 1)]
    return "\n\n".join([text.strip("\n"), *([f"{heading}\n\n" + "\n".join(listed)] if listed else [])])


def _cited(number: int, citation: Citation, quoted: Callable[[str], str]) -> str:
    places = [_place(region, quoted) for region in citation.regions]
    lead = f"{number}. {quoted(citation.document) or 'document'}"
    if len(places) < 2:
        return ", ".join([lead, *places])
    return "\n".join([lead, *(f"   - {place}" for place in places)])


def _place(region: Region, quoted: Callable[[str], str]) -> str:
    where = f"page {region.page}" if region.page else quoted(region.region_id)
    return ": ".join(part for part in (where, f"“{quoted(region.text)}”" if region.text else "") if part)


# -- plain text


def _parse_text(payload: Any) -> str | None:
    listed = pages(payload)
    if not listed:
        return "" if member(payload, "pages") == [] else None
    return "\n\n".join(page.text.strip("\n") for page in listed)


def _tables_text(payload: Any) -> str | None:
    if not has_tables(payload):
        return None
    return "\n\n".join(
        f"{_line(table.title or f'Table {table.name}')}{f' (page {table.page})' if table.page else ''}\n"
        + _aligned(table.grid)
        for table in tables(payload)
    )


def _aligned(grid: Sequence[Sequence[str]]) -> str:
    """Rows with their cells in columns; a long cell pushes the rest of its row aside."""
    rows = [[_line(cell) for cell in row] for row in grid]
    widths: list[int] = []
    for row in rows:
        widths += [0] * (len(row) - len(widths))
        for index, cell in enumerate(row):
            widths[index] = max(widths[index], min(len(cell), _WIDEST))
    padded = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(padded)


def _line(text: str) -> str:
    return " ".join(text.split())


def _extract_text(payload: Any) -> str | None:
    if not has_fields(payload):
        return None
    parts = ["\n".join(f"{_line(field.key)}: {_line(scalar(field.value))}" for field in fields(payload))]
    parts += [f"{_line(name)}\n{_aligned(_items_grid(rows))}" for name, rows in line_items(payload).items()]
    return "\n\n".join(filter(None, parts))


def _split_text(payload: Any) -> str | None:
    listed = _known_sections(payload)
    if listed is None:
        return None
    return _aligned([[f"pages {page_range(section)}", section.kind, section.name] for section in listed])


def _schema_text(payload: Any) -> str | None:
    found = outline(payload)
    if found is None:
        return None
    lines = [_line(found.doc_class)] if found.doc_class else []
    for depth, node in _walk((*found.fields, *found.tables)):
        kind = f" ({_line(node.type)})" if node.type else ""
        said = f": {_line(node.description)}" if node.description else ""
        lines.append(f"{'  ' * depth}{_line(node.key)}{kind}{said}")
    return "\n".join(lines)


_MARKDOWN: dict[str, Writer] = {
    "parse": _parse_markdown,
    "extract": _extract_markdown,
    "tables": _tables_markdown,
    "split": _split_markdown,
    "schema": _schema_markdown,
}
_TEXT: dict[str, Writer] = {
    "parse": _parse_text,
    "extract": _extract_text,
    "tables": _tables_text,
    "split": _split_text,
    "schema": _schema_text,
}


# -- CSV


def _tables_csv(payload: Any, name: str | None) -> str | None:
    if not has_tables(payload):
        return None
    listed = tables(payload)
    if name is not None:
        listed = _picked(listed, name)
    return "\r\n".join(filter(None, (_csv(table.grid) for table in listed)))


def _picked(listed: Sequence[Table], name: str) -> list[Table]:
    """The table of this name; or those of this title, or the one with this number."""
    titled = [table for table in listed if table.title.strip().casefold() == name.strip().casefold()]
    number = int(name) if name.isascii() and name.isdigit() and len(name) < 10 else 0
    found = [table for table in listed if table.name == name] or (titled if name.strip() else [])
    found = found or list(listed[max(number - 1, 0) : number])
    if not found:
        names = [f"{table.name} ({table.title})" if table.title else table.name for table in listed]
        raise NoSuchTable(_unknown(name, names))
    return found


def _unknown(name: str, names: Sequence[str]) -> str:
    listed = ", ".join(_line(known)[:60] for known in names[:20]) + (", …" if len(names) > 20 else "")
    return (
        f"there is no table {name!r} in the result; it has {listed}" if names else "the result has no tables"
    )


def _extracted_csv(payload: Any, name: str | None) -> str | None:
    if not has_fields(payload):
        return None if name is None else _tables_csv(payload, name)
    items = line_items(payload)
    if name in items:
        return _csv(_items_grid(items[name]))
    if name == "fields" or (name is None and not items):
        return _fields_csv(fields(payload))
    if name is not None:
        raise NoSuchTable(_unknown(name, [*items, "fields"]))
    if len(items) == 1:
        return _csv(_items_grid(next(iter(items.values()))))
    return _csv(_united(items))


def _united(items: dict[str, list[dict[str, Any]]]) -> Iterator[list[str]]:
    """All rows under the union of their columns, with the structure's name in the first one."""
    names = [name for name, rows in items.items() for _ in rows]
    grid = _items_grid([row for rows in items.values() for row in rows])
    for name, row in zip(["table", *names], grid, strict=True):
        yield [name, *row]


def _fields_csv(listed: Iterable[Field]) -> str:
    rows = (
        [f.key, scalar(f.value), str(f.page or ""), f.evidence or "; ".join(f.region_ids)] for f in listed
    )
    return _csv([["key", "value", "page", "evidence"], *rows])


def _csv(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([escape_formula(cell) for cell in row] for row in rows if row)
    return out.getvalue()


def escape_formula(cell: str) -> str:
    """The cell, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell
