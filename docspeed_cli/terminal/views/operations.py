"""Draw the result of each operation for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.rule import Rule
from rich.table import Table as RichTable
from rich.text import Text
from rich.tree import Tree

from docspeed_cli.core.timefmt import counted
from docspeed_cli.results.fields import Extraction, Field
from docspeed_cli.results.pages import Answer, Citation, Packet, Page, Section
from docspeed_cli.results.schema import Node, Schema
from docspeed_cli.results.shape import NO_NAMES, read_payload
from docspeed_cli.results.tables import Table, grid_of_rows
from docspeed_cli.results.values import read_notices
from docspeed_cli.terminal.views.grid import GAP, Grid
from docspeed_cli.terminal.views.markdown import SafeMarkdown
from docspeed_cli.terminal.views.parts import (
    LineBudget,
    clipped,
    draw_json,
    heading,
    more_of,
    safe_cell,
    safe_line,
)

Parts = Iterator[RenderableType]

_MAX_PLACES = 5
_MAX_QUOTE = 160
_MAX_GAPS = 10
_MAX_BAR = 60
_MIN_BAR = 8
_OUR_WORDS = "italic"
"""Style of our words where a document's would stand, such as `not found`."""


def result_view(
    operation: str, payload: Any, *, names: Mapping[str, str] = NO_NAMES, max_lines: int = 400
) -> RenderableType:
    """Return a drawing of a result in about `max_lines` lines; `names` are the documents' by file id.

    A payload without the operation's shape is drawn as the pages or the answer that it holds, or as JSON.
    """
    shape, value = read_payload(operation, payload, names)
    if shape is None:
        return draw_json(payload, max_lines)
    return Group(*_VIEWS[shape](value, LineBudget(max_lines)), *_draw_notices(payload, shape))


def _draw_notices(payload: Any, shape: str) -> Parts:
    """What the server says of the document, such as that a page has no text; an answer says it itself."""
    for notice in read_notices(payload) if shape != "chat" else ():
        yield safe_line(f"Note: {notice}")


# -- pages and answers


def _draw_pages(pages: list[Page], budget: LineBudget) -> Parts:
    if not pages:
        yield Text("No pages.")
    for shown, page in enumerate(pages):
        if not budget.take(4):
            yield more_of(len(pages) - shown, "page", "markdown")
            return
        if shown:
            yield Text()
        yield Rule(_page_heading(page, len(pages)), align="left", style="dim")
        yield from _draw_markdown(page.markdown, f"page {page.number}", "(no text on this page)", budget)


def _page_heading(page: Page, total: int) -> Text:
    lines = counted(page.lines, "line") if page.lines else ""
    regions = counted(page.regions, "region") if page.regions else ""
    return heading(f"Page {page.number} of {total}", lines, regions)


def _draw_markdown(text: str, name: str, if_empty: str, budget: LineBudget) -> Parts:
    source, cut = budget.cut(text)
    yield SafeMarkdown(source) if source.strip() else Text(if_empty, style=_OUR_WORDS)
    if cut:
        yield Text(f"… {name} continues; `--format markdown` or `-o FILE` shows all of it")


def _draw_answer(answer: Answer, budget: LineBudget) -> Parts:
    yield from _draw_markdown(answer.text, "the answer", "(no answer)", budget)
    if answer.citations:
        yield Text("\nSources", style="bold")
        yield _cited_documents(answer.citations, budget)


def _cited_documents(citations: Sequence[Citation], budget: LineBudget) -> RichTable:
    table = RichTable.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True, justify="right")
    table.add_column(overflow="fold")
    for number, citation in enumerate(citations, 1):
        if not budget.take(3):
            table.add_row(Text(), more_of(len(citations) - number + 1, "source", "markdown"))
            break
        document = safe_line(citation.document or "document")
        table.add_row(Text(f"{number}."), Text("\n").join([heading(document), *_cited_places(citation)]))
    return table


def _cited_places(citation: Citation) -> Iterator[Text]:
    """Yield a line for each cited page, with what is quoted from it."""
    pages = [(page, list(regions)) for page, regions in groupby(citation.regions, lambda r: r.page)]
    for page, regions in pages[:_MAX_PLACES]:
        quote = " ".join(safe_line(region.text).plain for region in regions[:20] if region.text)
        place = f"page {page}" if page else safe_line(regions[0].region_id).plain
        yield Text(": ".join(filter(None, (place, quote and f"“{clipped(quote, _MAX_QUOTE)}”"))))
    if len(pages) > _MAX_PLACES:
        yield Text(f"… and {counted(len(pages) - _MAX_PLACES, 'more place')}")


# -- fields and tables


def _draw_extraction(extraction: Extraction, budget: LineBudget) -> Parts:
    doc_class, fields, items = extraction
    if fields or not items:
        missing = sum(field.value in (None, []) for field in fields)
        not_found = f"{missing} not found" if missing else ""
        yield heading(safe_line(doc_class.strip() or "Fields"), counted(len(fields), "field"), not_found)
    if fields:
        shown = fields[: max(budget.lines, 1)]
        budget.take(len(shown) + 3)
        yield Grid([["Field", "Value", "Page", "Read from"], *map(_field_row, shown)], fold=True)
        if len(shown) < len(fields):
            yield more_of(len(fields) - len(shown), "field", "markdown")
    for number, (name, rows) in enumerate(items.items()):
        if fields or number:
            yield Text()
        yield heading(safe_line(name), counted(len(rows), "row"))
        yield from _draw_grid(grid_of_rows(rows), budget)


def _field_row(field: Field) -> list[Text]:
    if field.value in (None, []):
        value = Text("not found", style=_OUR_WORDS)
    else:
        value = Text("(empty)", style=_OUR_WORDS) if field.value == "" else safe_cell(field.value)
    return [safe_line(field.key), value, Text(str(field.page or "")), _evidence_text(field)]


def _evidence_text(field: Field) -> Text:
    """Return the text that a value was read from, or else the ids of its regions."""
    if field.quoted_text.strip():
        return Text(clipped(safe_line(field.quoted_text).plain, _MAX_QUOTE))
    shown = [safe_line(region_id[:60]).plain for region_id in field.region_ids[:2]]
    rest = [f"+{len(field.region_ids) - 2}"] if len(field.region_ids) > 2 else []
    return Text(" ".join([*shown, *rest]), "dim")


def _draw_tables(tables: list[Table], budget: LineBudget) -> Parts:
    if not tables:
        yield Text("No tables.")
    for shown, table in enumerate(tables):
        if not budget.take(4):
            yield more_of(len(tables) - shown, "table", "csv")
            return
        if shown:
            yield Text()
        rows, columns = max(len(table.grid) - 1, 0), max(map(len, table.grid), default=0)
        size = f"{counted(rows, 'row')} × {counted(columns, 'column')}"
        page = f"page {table.page}" if table.page else ""
        title = safe_line(table.title) if table.title.strip() else Text(f"Table {shown + 1}")
        yield heading(title, page, size, "" if table.name.isdigit() else safe_line(table.name).plain)
        yield from _draw_grid(table.grid, budget)


def _draw_grid(grid: Sequence[Sequence[str]], budget: LineBudget) -> Parts:
    """Draw as many rows as the budget allows."""
    shown = grid[: max(budget.lines, 2)]
    budget.take(len(shown))
    if not any(grid):
        yield Text("(empty)", style=_OUR_WORDS)
        return
    yield Grid(shown)
    if len(grid) > len(shown):
        yield more_of(len(grid) - len(shown), "row", "csv")


# -- sections


def _draw_packet(packet: Packet, budget: LineBudget) -> Parts:
    sections = packet.sections
    if not sections:
        yield Text("No sections.")
        return
    shown = sections[: max(budget.lines, 1)]
    yield SectionsView(shown, max(packet.page_count, *(section.last or 0 for section in sections)))
    if len(shown) < len(sections):
        yield more_of(len(sections) - len(shown), "section", "markdown")


class SectionsView:
    """Sections with their pages; where the terminal is wide enough, with a bar over all pages for each."""

    def __init__(self, sections: Sequence[Section], total: int) -> None:
        self.sections = sections
        self.total = total

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows: list[list[Text | str]] = [["Section", "Kind", "Pages"]]
        rows += [[each.name, each.kind, each.page_range or "unknown"] for each in self.sections]
        taken = sum(Grid(rows).natural) + 3 * GAP
        width = 0 if options.ascii_only else _bar_width(self.total, options.max_width - taken)
        if width:
            last = str(self.total)
            rows[0].append("1" + last.rjust(width - 1) if width > len(last) + 1 else "")
            for section, row in zip(self.sections, rows[1:], strict=True):
                row.append(_bar(section, self.total, width))
        yield Grid(rows)
        gaps = list(_gaps(self.sections, self.total))
        if gaps:
            listed = ", ".join(gaps[:_MAX_GAPS]) + (", …" if len(gaps) > _MAX_GAPS else "")
            yield Text(f"In no section: page{'' if gaps[0].isdigit() and not gaps[1:] else 's'} {listed}")


def _bar_width(total: int, available: int) -> int:
    """Return the cells for a bar of all pages; 0 where it would be too short to show anything."""
    available = min(available, _MAX_BAR)
    if total < 2 or available < min(total, _MIN_BAR):
        return 0
    return total * min(4, available // total) if total <= available else available


def _bar(section: Section, total: int, width: int) -> Text:
    if section.first is None or section.last is None:
        return Text("·" * width, style="dim")
    before = max(min((section.first - 1) * width // total, width - 1), 0)
    # Rounded up, so that one page of hundreds is still a cell.
    filled = max(-(-section.last * width // total) - before, 1)
    after = max(width - before - filled, 0)
    return Text.assemble(("·" * before, "dim"), "█" * filled, ("·" * after, "dim"))


def _gaps(sections: Sequence[Section], total: int) -> Iterator[str]:
    """Yield the ranges of pages that are in no section."""
    free = 1
    spans = sorted((s.first, s.last) for s in sections if s.first is not None and s.last is not None)
    for first, last in [*spans, (total + 1, total + 1)] if spans else []:
        if first > free:
            yield Section("", "", free, first - 1).page_range
        free = max(free, last + 1)


# -- schemas


def _draw_schema(schema: Schema, budget: LineBudget) -> Parts:
    tables = counted(len(schema.tables), "table") if schema.tables else ""
    title = heading(safe_line(schema.doc_class or "Schema"), counted(len(schema.fields), "field"), tables)
    tree = Tree(title, guide_style="dim")
    left_out = _add_nodes(tree, schema.fields, budget) + _add_nodes(tree, schema.tables, budget)
    yield tree
    if left_out:
        yield more_of(left_out, "key", "markdown")


def _add_nodes(tree: Tree, nodes: Sequence[Node], budget: LineBudget) -> int:
    """Add nodes to a tree as far as the budget allows. Returns how many were left out."""
    left_out = 0
    for node in nodes:
        if not budget.take(1):
            left_out += 1
            continue
        parts = [safe_line(node.key, "bold"), safe_line(node.type, "magenta"), safe_line(node.description)]
        branch = tree.add(Text("  ").join(part for part in parts if part))
        left_out += _add_nodes(branch, node.children, budget)
    return left_out


_VIEWS: Mapping[str, Callable[[Any, LineBudget], Parts]] = {
    "parse": _draw_pages,
    "extract": _draw_extraction,
    "tables": _draw_tables,
    "split": _draw_packet,
    "schema": _draw_schema,
    "chat": _draw_answer,
}
