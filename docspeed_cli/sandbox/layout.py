"""Lay out pages: group rows into blocks, find the reading order, and number the regions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

from docspeed_cli.sandbox.grids import ruled_tables
from docspeed_cli.sandbox.lines import Line, Row, find_rows, hull, is_label
from docspeed_cli.sandbox.page import Box, Page, Word, turned
from docspeed_cli.sandbox.tables import Extent, Table, find_tables

# Distances below are multiples of a row's height, chosen so that invoices, receipts, statements and articles
# of the tests come out right.

_LIST_ITEM = re.compile(r"(\d{1,2}[.)]|\([a-z0-9]\)|[-•*–])\s")


@dataclass(eq=False)
class Block:
    """Rows that belong together; with `pairs`, each row is a label and its value."""

    kind: str  # heading, paragraph or table
    rows: list[tuple[Line, ...]]
    table: Table | None = None
    pairs: bool = False
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
    laid_out = [
        PageLayout(index, page, _number(list(_oriented(page)), index)) for index, page in enumerate(pages)
    ]
    _inherit_headings([table for page in laid_out for table in page.tables])
    return Layout(laid_out)


def _oriented(page: Page) -> Iterator[Block]:
    """Blocks of a page: first those in the direction of most of its text, then sideways and slanted ones."""
    turns: dict[int, list[Word]] = {}
    for word in page.words:
        turns.setdefault(word.turn, []).append(word)
    for _, words in sorted(turns.items(), key=lambda turned: -len(turned[1])):
        yield from _page_blocks(words, [turned(rule, words[0].turn) for rule in page.rules])


def _page_blocks(words: Sequence[Word], rules: Sequence[Box]) -> Iterator[Block]:
    """Ruled tables, and between them what is outside of tables or in tables without rules."""
    ruled = ruled_tables(words, rules)
    inside = {word for table in ruled for line in table.lines for word in line.words}
    rows = find_rows([word for word in words if word not in inside])
    body = median(line.height for row in rows for line in row.lines) if rows else 0.0
    done = 0
    for table in [*ruled, None]:
        rest = (n for n in range(done, len(rows)) if table and rows[n].box[1] > table.box[1])
        below = next(rest, len(rows))
        for part in [*find_tables(rows[done:below]), *([table] if table else [])]:
            if isinstance(part, Table):
                yield Block("table", [(line,) for line in part.lines], part)
            else:
                yield from _flow(part, body)
        done = below


def _number(blocks: list[Block], page_index: int) -> list[Block]:
    """Assign region ids, counted from 1 on each page in reading order."""
    page = f"p{page_index + 1}"
    for number, line in enumerate((line for block in blocks for line in block.lines), 1):
        line.region_id, line.page_index = f"{page}:l{number}", page_index
    tables = 0
    for above, block in pairwise([None, *blocks]):
        if block and block.table:
            tables += 1
            table = block.table
            table.table_id, table.page_index = f"{page}:t{tables}", page_index
            table.title = _title(above, block) if above else None
            for number, cell in enumerate(table.cells, 1):
                cell.region_id = f"{table.table_id}:c{number}"
    return blocks


def _title(above: Block, table: Block) -> str | None:
    """Line above a table, if it is short and close."""
    near = table.box[1] - above.box[3] < 2 * above.lines[-1].height
    short = len(above.rows) == 1 and len(above.lines) == 1 and len(above.text) <= 60
    return above.text if near and short and not above.text.endswith((".", ":")) else None


def _inherit_headings(tables: Sequence[Table]) -> None:
    """Copy headings to a table that continues from the page before."""
    for before, table in pairwise(tables):
        follows = table.page_index == before.page_index + 1 and len(before.columns) == len(table.columns)
        if follows and not any(table.columns) and abs(before.extents[0][0] - table.extents[0][0]) < 20:
            table.columns = list(before.columns)


def _flow(rows: Sequence[Row], body: float, depth: int = 0) -> list[Block]:
    """Group rows outside tables into blocks, column by column where there are columns."""
    blocks: list[Block] = []
    for group, columns in _groups(_join_justified(rows)):
        if len(columns) < 2 or depth > 4:
            blocks += _paragraphs(group, body, pairs=False)
            continue
        columns = _join_pairs(group, columns)
        if len(columns) == 1:
            blocks += _paragraphs(group, body, pairs=True)
            continue
        for column in columns:
            blocks += _flow(_within(group, column), body, depth + 1)
    return blocks


def _join_justified(rows: Sequence[Row]) -> list[Row]:
    """Rows in which a line that was spaced out to fill its column is one line again."""
    joined: list[Row] = []
    for index, row in enumerate(rows):
        near = [*joined[-1:], *rows[index + 1 : index + 2]]
        if len(row.lines) > 1 and any(_is_flush(row, other) for other in near):
            row = Row((Line(tuple(word for line in row.lines for word in line.words)),))
        joined.append(row)
    return joined


def _is_flush(row: Row, other: Row) -> bool:
    """True if a row fills the same column as the line right above or below it."""
    height = row.height
    gaps = [right.box[0] - left.box[2] for left, right in pairwise(row.lines)]
    apart = max(row.box[1], other.box[1]) - min(row.box[3], other.box[3])
    return (
        len(other.lines) == 1
        and max(gaps) < 4 * height
        and apart < height
        and abs(row.box[2] - other.box[2]) < 0.5 * height
        and -0.5 * height < row.box[0] - other.box[0] < 3 * height
    )


def _groups(rows: Sequence[Row]) -> Iterator[tuple[list[Row], list[Extent]]]:
    """Yield runs of rows with their common columns."""
    group: list[Row] = []
    columns: list[Extent] = []
    for index, row in enumerate(rows):
        merged = _merge(columns, row)
        if group and (
            _far(group, row) or _breaks(columns, merged, row) or _left_over(merged, group, rows, index)
        ):
            yield group, columns
            group, merged = [], _merge([], row)
        group.append(row)
        columns = merged
    if group:
        yield group, columns


def _far(group: Sequence[Row], row: Row) -> bool:
    """True if a row is too far below the columns above."""
    gap = row.box[1] - max(above.box[3] for above in group[-3:])
    return gap > 1.6 * row.height


def _breaks(columns: Sequence[Extent], merged: Sequence[Extent], row: Row) -> bool:
    """True if a row spans columns, or starts columns that overlap the text above."""
    if len(columns) > 1:
        return len(merged) < 2
    return len(columns) == 1 and len(row.lines) > 1 and len(merged) < 2


def _left_over(columns: Sequence[Extent], group: Sequence[Row], rows: Sequence[Row], index: int) -> bool:
    """True if only one of the columns continues here, after a gap."""
    row = rows[index]
    if len(columns) < 2 or len(row.lines) > 1 or row.box[1] - group[-1].box[3] < 0.7 * row.height:
        return False
    own = [column for column in columns if _in(row.lines[0], column)]
    if not own:
        return False
    ahead = [line for following in rows[index + 1 : index + 4] for line in following.lines]
    return not any(line.box[0] > own[0][1] or line.box[2] < own[0][0] for line in ahead)


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
    picked = (tuple(line for line in row.lines if _in(line, column)) for row in rows)
    return [Row(lines) for lines in picked if lines]


def _in(line: Line, column: Extent) -> bool:
    return column[0] - 0.1 <= line.box[0] and line.box[2] <= column[1] + 0.1


def _join_pairs(rows: Sequence[Row], columns: list[Extent]) -> list[Extent]:
    """Join each column of labels with the column of its values."""
    joined: list[Extent] = []
    index = 0
    while index < len(columns):
        if index + 1 < len(columns) and _are_pairs(rows, columns[index], columns[index + 1]):
            joined.append((columns[index][0], columns[index + 1][1]))
            index += 2
        else:
            joined.append(columns[index])
            index += 1
    return joined


def _are_pairs(rows: Sequence[Row], left: Extent, right: Extent) -> bool:
    labels = [line for row in rows for line in row.lines if _in(line, left)]
    values = [line for row in rows for line in row.lines if _in(line, right)]
    both = sum(
        any(_in(line, left) for line in row.lines) and any(_in(line, right) for line in row.lines)
        for row in rows
    )
    if both < 0.6 * len(labels) or both < 0.6 * len(values):
        return False
    data = sum(line.is_value for line in values) / len(values)
    if any(line.is_value for line in labels):
        return False
    if data >= 0.6 and len(labels) > 1 and all(len(line.text) <= 40 for line in labels):
        return True
    return _label_share(labels) >= 0.6 and (_label_share(values) < 0.5 or all(":" in x.text for x in labels))


def _label_share(lines: Sequence[Line]) -> float:
    return sum(is_label(line.text) for line in lines) / len(lines)


def _paragraphs(rows: Sequence[Row], body: float, *, pairs: bool) -> list[Block]:
    blocks: list[Block] = []
    run: list[Row] = []
    for index, row in enumerate(rows):
        heading = _heading_level(rows, index, body)
        if run and (heading or _parts(run[-1], row)):
            blocks.append(_paragraph(run, pairs))
            run = []
        if heading:
            blocks.append(Block("heading", [row.lines], level=heading))
        else:
            run.append(row)
    if run:
        blocks.append(_paragraph(run, pairs))
    return blocks


def _paragraph(rows: Sequence[Row], pairs: bool) -> Block:
    both = pairs and any(len(row.lines) > 1 for row in rows)
    return Block("paragraph", [row.lines for row in rows], pairs=both)


def _parts(above: Row, row: Row) -> bool:
    """True if a new paragraph starts at this row."""
    if _LIST_ITEM.match(row.lines[0].text):
        return True
    gap = row.box[1] - above.box[3]
    return gap > 0.75 * max(row.height, above.height)


def _heading_level(rows: Sequence[Row], index: int, body: float) -> int:
    """Heading level 1 to 3 by size or weight; 0 if the row is not a heading."""
    line = rows[index].lines[0]
    if len(rows[index].lines) > 1 or len(line.text) > 90 or not re.search(r"[^\W\d_]{2}", line.text):
        return 0
    ratio = line.height / body
    sentence = line.text.endswith((",", ";", ":")) or (
        line.text.endswith(".") and (ratio < 1.25 or len(line.words) > 6)
    )
    if sentence or line.is_value:
        return 0
    if ratio >= 1.25:
        return 1 if ratio >= 1.6 else 2
    return 3 if line.bold and _stands_apart(rows, index, body) else 0


def _stands_apart(rows: Sequence[Row], index: int, body: float) -> bool:
    """True if a bold row is a heading and not a paragraph's first line."""
    if index + 1 >= len(rows):
        return rows[index].height > 1.05 * body
    row, following = rows[index], rows[index + 1]
    if all(line.bold for line in following.lines):
        return following.height > 1.05 * row.height
    sized = abs(row.height - following.height) > 0.05 * row.height
    return sized or following.box[1] - row.box[3] > 0.45 * row.height
