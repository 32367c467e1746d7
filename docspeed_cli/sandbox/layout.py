"""Lay out pages: group rows into blocks, find the reading order, and number the regions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import fmean, median

from docspeed_cli.sandbox.grids import ruled_tables
from docspeed_cli.sandbox.lines import Box, Line, Page, Row, Word, find_rows, hull, is_label, turned
from docspeed_cli.sandbox.tables import Extent, Table, find_tables

# Distances below are multiples of a row's height. They are chosen for the invoices, receipts, statements and
# articles of the tests.

_LIST_ITEM = re.compile(r"(\d{1,2}[.)]|\([a-z0-9]\)|[-•*–])\s")


@dataclass(eq=False)
class Block:
    """Rows that belong together; two lines in a row are a label and its value."""

    kind: str  # heading, paragraph or table
    rows: list[tuple[Line, ...]]
    table: Table | None = None
    level: int = 0

    @cached_property
    def lines(self) -> list[Line]:
        """Lines in reading order."""
        return [line for row in self.rows for line in row]

    @cached_property
    def box(self) -> Box:
        """Smallest box around the lines."""
        return hull(line.box for line in self.lines)

    @cached_property
    def text(self) -> str:
        """Text with one line for each row."""
        return "\n".join("  ".join(line.text for line in row) for row in self.rows)


@dataclass(eq=False)
class PageLayout:
    """A page's blocks in reading order."""

    page_index: int
    page: Page
    blocks: list[Block]

    @cached_property
    def lines(self) -> list[Line]:
        """All lines in reading order."""
        return [line for block in self.blocks for line in block.lines]

    @cached_property
    def tables(self) -> list[Table]:
        """Tables from top to bottom."""
        return [block.table for block in self.blocks if block.table]


@dataclass(eq=False)
class Layout:
    """A document's pages, laid out."""

    pages: list[PageLayout]

    @property
    def lines(self) -> Iterator[Line]:
        """All lines of all pages."""
        return (line for page in self.pages for line in page.lines)

    @property
    def tables(self) -> list[Table]:
        """All tables of all pages."""
        return [table for page in self.pages for table in page.tables]


def lay_out(pages: Sequence[Page]) -> Layout:
    """Lay out every page."""
    layout = Layout([PageLayout(index, page, list(_oriented(page))) for index, page in enumerate(pages)])
    for page in layout.pages:
        _number(page)
    for before, table in pairwise(layout.tables):
        follows = table.page_index == before.page_index + 1 and len(before.columns) == len(table.columns)
        if follows and not any(table.columns):
            table.columns = list(before.columns)
    return layout


def _oriented(page: Page) -> Iterator[Block]:
    """Blocks of a page: first those in the direction of most of its text, then sideways and slanted ones."""
    turns: dict[int, list[Word]] = {}
    for word in page.words:
        turns.setdefault(word.turn, []).append(word)
    for turn, words in sorted(turns.items(), key=lambda item: -len(item[1])):
        yield from _blocks(words, [turned(rule, turn) for rule in page.rules])


def _blocks(words: Sequence[Word], rules: Sequence[Box]) -> Iterator[Block]:
    """Blocks from top to bottom: ruled tables, and between them text and tables without rules."""
    ruled = ruled_tables(words, rules)
    inside = {word for table in ruled for line in table.lines for word in line.words}
    rows = find_rows([word for word in words if word not in inside])
    body = median(word.y1 - word.y0 for word in words)
    for table in ruled:
        yield from _unruled([row for row in rows if row.box[1] <= table.box[1]], body)
        yield _table_block(table)
        rows = [row for row in rows if row.box[1] > table.box[1]]
    yield from _unruled(rows, body)


def _unruled(rows: Sequence[Row], body: float) -> Iterator[Block]:
    for part in find_tables(rows):
        yield from [_table_block(part)] if isinstance(part, Table) else _flow(part, body)


def _table_block(table: Table) -> Block:
    return Block("table", [(line,) for line in table.lines], table)


def _number(page: PageLayout) -> None:
    """Assign region ids, counted from 1 on each page in reading order, and the tables' titles."""
    prefix, index = f"p{page.page_index + 1}", page.page_index
    for number, line in enumerate(page.lines, 1):
        line.region_id, line.page_index = f"{prefix}:l{number}", index
    for number, table in enumerate(page.tables, 1):
        table.table_id, table.page_index = f"{prefix}:t{number}", index
        for count, cell in enumerate(table.cells, 1):
            cell.region_id = f"{table.table_id}:c{count}"
    for above, block in pairwise(page.blocks):
        gap = block.box[1] - above.box[3]
        short = len(above.lines) == 1 and len(above.text) <= 60 and not above.text.endswith((".", ":"))
        if block.table and short and gap < 2 * above.lines[0].height:
            block.table.title = above.text


def _flow(rows: Sequence[Row], body: float, depth: int = 0) -> Iterator[Block]:
    """Group rows outside tables into blocks, column by column where there are columns."""
    for group, columns in _groups(rows):
        if len(columns) == 1 or depth > 4:
            yield from _paragraphs([row.whole for row in group], body)
            continue
        joined = columns[:1]
        for column in columns[1:]:
            if _are_pairs(group, joined[-1], column):
                joined[-1] = (joined[-1][0], column[1])
            else:
                joined.append(column)
        if len(joined) == 1:
            yield from _paragraphs(group, body)
            continue
        for column in joined:
            yield from _flow(_within(group, column), body, depth + 1)


def _groups(rows: Sequence[Row]) -> Iterator[tuple[list[Row], list[Extent]]]:
    """Yield runs of rows with their common columns."""
    group: list[Row] = []
    columns: list[Extent] = []
    for row in rows:
        merged = _merge(columns, row)
        spans = len(merged) < 2 <= len(columns)
        if group and (spans or row.box[1] - group[-1].box[3] > 0.9 * row.height):
            yield group, columns
            group, merged = [], _merge([], row)
        group.append(row)
        columns = merged
    if group:
        yield group, columns


def _merge(columns: Sequence[Extent], row: Row) -> list[Extent]:
    """Columns after a row joins; extents that touch become one."""
    extents = sorted([*columns, *((line.box[0], line.box[2]) for line in row.lines)])
    merged = [extents[0]]
    for x0, x1 in extents[1:]:
        if x0 - merged[-1][1] < 0.5 * row.height:
            merged[-1] = (merged[-1][0], max(merged[-1][1], x1))
        else:
            merged.append((x0, x1))
    return merged


def _within(rows: Sequence[Row], column: Extent) -> list[Row]:
    """Parts of the rows that are in a column."""
    x0, x1 = column[0] - 0.1, column[1] + 0.1
    picked = (tuple(line for line in row.lines if x0 <= line.box[0] and line.box[2] <= x1) for row in rows)
    return [Row(lines) for lines in picked if lines]


def _are_pairs(rows: Sequence[Row], left: Extent, right: Extent) -> bool:
    """True if two columns are labels and their values."""
    labels, values = ([line for row in _within(rows, side) for line in row.lines] for side in (left, right))
    both = sum(len(_within([row], left)) + len(_within([row], right)) == 2 for row in rows)
    if both < 0.5 * max(len(labels), len(values)) or fmean(is_label(x.text) for x in labels) < 0.5:
        return False
    return fmean(is_label(x.text) for x in values) < 0.5 or all(":" in x.text for x in labels)


def _paragraphs(rows: Sequence[Row], body: float) -> Iterator[Block]:
    """Headings and paragraphs; a gap or the mark of a list item begins a new one."""
    block: Block | None = None
    for above, row, below in zip([None, *rows], rows, [*rows[1:], None], strict=False):
        level = _heading_level(row, below, body)
        if block and above and not (level or block.level or _are_parted(above, row)):
            block.rows.append(row.lines)
            continue
        if block:
            yield block
        block = Block("heading" if level else "paragraph", [row.lines], level=level)
    if block:
        yield block


def _are_parted(above: Row, row: Row) -> bool:
    gap = row.box[1] - above.box[3]
    return gap > 0.75 * row.height or bool(_LIST_ITEM.match(row.lines[0].text))


def _heading_level(row: Row, below: Row | None, body: float) -> int:
    """Heading level 1 to 3 by size or weight; 0 if the row is not a heading."""
    line, ratio = row.lines[0], row.height / body
    wordless = line.is_value or not re.search(r"[^\W\d_]{2}", line.text)
    if len(row.lines) > 1 or len(line.text) > 90 or wordless or line.text.endswith((",", ";", ":")):
        return 0
    if ratio >= 1.25:
        return 1 if ratio >= 1.6 else 2
    if not below or not line.bold or line.text.endswith("."):
        return 0
    resized = abs(below.height - row.height) > 0.05 * row.height
    return 3 if resized or (not below.lines[0].bold and _are_parted(row, below)) else 0
