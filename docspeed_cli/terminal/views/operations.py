"""Alone in what each operation's result looks like at a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any

from rich.console import RenderableType
from rich.rule import Rule
from rich.table import Table as Columns
from rich.text import Text
from rich.tree import Tree

from docspeed_cli.results.fields import Field, columns, fields, has_fields, line_items
from docspeed_cli.results.pages import Citation, Page, answer, citations, pages, sections
from docspeed_cli.results.schema import Node, Outline, outline
from docspeed_cli.results.tables import Table, has_tables, tables
from docspeed_cli.results.values import member
from docspeed_cli.terminal.views.grid import MOST_COLUMNS, Grid
from docspeed_cli.terminal.views.markdown import SafeMarkdown
from docspeed_cli.terminal.views.packet import SectionsView
from docspeed_cli.terminal.views.parts import (
    Room,
    cell,
    clipped,
    counted,
    goes_on,
    heading,
    headings,
    line,
    more,
)

Parts = Iterator[RenderableType]
View = Callable[[Any, Mapping[str, str], Room], Parts | None]

_PLACES = 5
_QUOTE = 160
_OURS = "italic"
"""How our own words look that stand in the place of a document's."""


def parse(payload: Any, names: Mapping[str, str], room: Room) -> Parts | None:
    """Pages, one after the other."""
    listed = pages(payload)
    if not listed and member(payload, "pages") is None:
        return None
    return _pages(listed, room)


def _pages(listed: Sequence[Page], room: Room) -> Parts:
    if not listed:
        yield Text("No pages.")
    for shown, page in enumerate(listed):
        if not room.take(4):
            yield more(len(listed) - shown, "page", "--format markdown")
            return
        if shown:
            yield Text()
        yield Rule(_page_line(page, len(listed)), align="left", style="dim")
        source, cut = room.cut(page.markdown)
        yield SafeMarkdown(source) if source.strip() else Text("(no text on this page)", style=_OURS)
        if cut:
            yield goes_on(f"page {page.number}")


def _page_line(page: Page, total: int) -> Text:
    counts = (counted(page.lines, "line"), counted(page.regions, "region"))
    known = [count for count in counts if not count.startswith("0")]
    size = line(page.size).plain
    return heading(f"Page {page.number} of {total}", " · ".join([*([size] if size else []), *known]))


def chat(payload: Any, names: Mapping[str, str], room: Room) -> Parts | None:
    """The answer, and what it rests on."""
    text = answer(payload)
    return None if text is None else _answered(text, citations(payload), names, room)


def _answered(text: str, listed: Sequence[Citation], names: Mapping[str, str], room: Room) -> Parts:
    source, cut = room.cut(text)
    yield SafeMarkdown(source) if source.strip() else Text("(no answer)", style=_OURS)
    if cut:
        yield goes_on("the answer")
    if listed:
        yield Text("\nSources", style="bold")
        yield _sources(listed, names, room)


def _sources(listed: Sequence[Citation], names: Mapping[str, str], room: Room) -> RenderableType:
    table = Columns.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True, justify="right")
    table.add_column(overflow="fold")
    for number, citation in enumerate(listed, 1):
        if not room.take(3):
            table.add_row(Text(), more(len(listed) - number + 1, "source", "--format markdown"))
            break
        document = line(names.get(citation.document) or citation.document or "document").plain
        table.add_row(Text(f"{number}."), Text("\n").join([heading(document), *_places(citation)]))
    return table


def _places(citation: Citation) -> Iterator[Text]:
    """A line for each page that is cited, with what is quoted from it."""
    together = [(page, list(regions)) for page, regions in groupby(citation.regions, lambda r: r.page)]
    for page, regions in together[:_PLACES]:
        quote = " ".join(line(region.text).plain for region in regions[:20] if region.text)
        named = f"page {page}" if page else line(regions[0].region_id).plain
        text = Text(named)
        if quote:
            text.append(f"{': ' if named else ''}“{clipped(quote, _QUOTE)}”")
        yield text
    if len(together) > _PLACES:
        yield Text(f"… and {counted(len(together) - _PLACES, 'more place')}")


def extract(payload: Any, names: Mapping[str, str], room: Room) -> Parts | None:
    """Fields with their evidence, then the line items."""
    if not has_fields(payload):
        return None
    return _extracted(payload, fields(payload), line_items(payload), room)


def _extracted(payload: Any, listed: Sequence[Field], items: Mapping[str, Any], room: Room) -> Parts:
    missing = sum(field.value in (None, []) for field in listed)
    details = [counted(len(listed), "field"), f"{missing} not found" if missing else ""]
    if listed or not items:
        yield heading(line(_title(member(payload, "doc_class"))), *details)
    if listed:
        shown = _fitting(listed, room)
        rows = [headings("Field", "Value", "Evidence"), *map(_field_row, shown)]
        yield Grid(rows, {1: 12, 2: 8})
        if len(shown) < len(listed):
            yield more(len(listed) - len(shown), "field", "--format markdown")
    for number, (name, rows) in enumerate(items.items()):
        if listed or number:
            yield Text()
        yield heading(line(name), counted(len(rows), "row"))
        names = columns(rows)
        yield from _grid(_items_rows(names, rows), len(rows) + 1, room, len(names) - MOST_COLUMNS)


def _title(doc_class: Any) -> str:
    return doc_class if isinstance(doc_class, str) and doc_class.strip() else "Fields"


def _field_row(field: Field) -> list[Text]:
    if field.value in (None, []):
        value = Text("not found", style=_OURS)
    else:
        value = Text("(empty)", style=_OURS) if field.value == "" else cell(field.value)
    return [line(field.key), value, _evidence(field)]


def _evidence(field: Field) -> Text:
    shown = [line(region_id[:60]).plain for region_id in field.region_ids[:2]]
    rest = [f"+{len(field.region_ids) - 2}"] if len(field.region_ids) > 2 else []
    page = f"page {field.page}" if field.page else ""
    return Text(" · " if page and shown else "").join([Text(page), Text(" ".join([*shown, *rest]), "dim")])


def _items_rows(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Iterator[list[Text]]:
    yield [line(name) for name in names[:MOST_COLUMNS]]
    for row in rows:
        yield [cell(row.get(name)) for name in names[:MOST_COLUMNS]]


def _fitting(listed: Sequence[Field], room: Room) -> Sequence[Field]:
    """The first ones, as many as there is room for; at least one."""
    shown = listed[: max(room.lines, 1)]
    room.lines -= len(shown) + 3
    return shown


def _grid(rows: Iterable[list[Text]], total: int, room: Room, beyond: int) -> Parts:
    """A grid of as many rows as there is room for; `beyond` are the columns that the rows are without."""
    kept = list(islice(rows, max(room.lines, 2)))
    room.lines -= len(kept)
    if not any(kept):
        yield Text("(empty)", style=_OURS)
        return
    yield Grid(kept, beyond=max(beyond, 0))
    if total > len(kept):
        yield more(total - len(kept), "row", "--format csv")


def tabular(payload: Any, names: Mapping[str, str], room: Room) -> Parts | None:
    """Tables, each with its title, page and size."""
    return _tables(tables(payload), room) if has_tables(payload) else None


def _tables(listed: Sequence[Table], room: Room) -> Parts:
    if not listed:
        yield Text("No tables.")
    for shown, table in enumerate(listed):
        if not room.take(4):
            yield more(len(listed) - shown, "table", "--format csv")
            return
        if shown:
            yield Text()
        width = max((len(row) for row in table.grid), default=0)
        size = f"{counted(max(len(table.grid) - 1, 0), 'row')} × {counted(width, 'column')}"
        page = f"page {table.page}" if table.page else ""
        title = line(table.title) if table.title.strip() else Text(f"Table {shown + 1}")
        yield heading(title, page, size, "" if table.name.isdigit() else line(table.name).plain)
        rows = ([cell(text) for text in row[:MOST_COLUMNS]] for row in table.grid)
        yield from _grid(rows, len(table.grid), room, width - MOST_COLUMNS)


def split(payload: Any, names: Mapping[str, str], room: Room) -> Parts | None:
    """A packet's sections, and which pages belong where."""
    listed = sections(payload)
    if not listed and member(payload, "sections") is None:
        return None
    return _sections(payload, room)


def _sections(payload: Any, room: Room) -> Parts:
    listed = sections(payload)
    if not listed:
        yield Text("No sections.")
        return
    count = member(payload, "page_count")
    total = count if isinstance(count, int) and 0 < count < 10**9 else 0
    shown = listed[: max(room.lines, 1)]
    yield SectionsView(shown, max(total, *(section.last or 0 for section in listed)))
    if len(shown) < len(listed):
        yield more(len(listed) - len(shown), "section", "--format markdown")


def schema(payload: Any, names: Mapping[str, str], room: Room) -> Parts | None:
    """A tree of keys with their types."""
    found = outline(payload)
    if found is None:
        return None
    return _schema(found, room)


def _schema(found: Outline, room: Room) -> Parts:
    counts = [counted(len(found.fields), "field"), *_table_count(found.tables)]
    tree = Tree(heading(line(found.doc_class or "Schema"), *counts), guide_style="dim")
    left = _grow(tree, found.fields, room) + _grow(tree, found.tables, room)
    yield tree
    if left:
        yield more(left, "key", "--format markdown")


def _table_count(listed: Sequence[Node]) -> list[str]:
    return [counted(len(listed), "table")] if listed else []


def _grow(tree: Tree, nodes: Sequence[Node], room: Room) -> int:
    """Add the nodes as far as there is room. Returns how many were left out."""
    left = 0
    shown = nodes[: max(room.lines, 0)]
    width = _column([line(node.key) for node in shown], 30)
    typed = _column([line(node.type) for node in shown if node.description], 16)
    for node in nodes:
        if not room.take(1):
            left += 1
            continue
        key = line(node.key, "bold")
        kind = line(node.type, "magenta")
        key.pad_right(max(width - len(key), 0))
        kind.pad_right(max(typed - len(kind), 0) if node.description else 0)
        parts = [key, kind, line(node.description)]
        left += _grow(tree.add(Text("  ").join(part for part in parts if part)), node.children, room)
    return left


def _column(cells: Sequence[Text], most: int) -> int:
    """The width of a column that its longer cells stick out of."""
    return max((width for width in map(len, cells) if width <= most), default=0)


VIEWS: Mapping[str, View] = {
    "parse": parse,
    "extract": extract,
    "tables": tabular,
    "split": split,
    "schema": schema,
    "chat": chat,
    "ask": chat,
}
