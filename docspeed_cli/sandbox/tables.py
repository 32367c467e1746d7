"""Find tables: rows whose lines are aligned in columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from operator import attrgetter

from docspeed_cli.sandbox.lines import Box, Line, Row, hull, is_label

_SUM = re.compile(
    r"((sub|grand|net)\s*-?\s*)?totals?\b|(balance )?(carried|brought) forward|(balance|amount) due"
    r"|([csi]?gst|vat|(sales )?tax|discount|round(ed|ing)?|shipping|freight)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:FY\s?)?(?:19|20)\d\d(?:[-/]\d{2,4})?")
_MAX_COLUMNS = 60
Extent = tuple[float, float]
Cells = dict[int, list[Line]]  # a row's lines by column


@dataclass(eq=False)
class Cell:
    """A cell with its lines or parts of lines; layout assigns the region id."""

    row: int
    column: int
    lines: tuple[Line, ...]
    region_id: str = ""

    @cached_property
    def value(self) -> str:
        """Text of its lines, joined by spaces."""
        return _text(self.lines)


@dataclass(eq=False)
class Table:
    """Cells in reading order; row 0 is the header, and a table without one starts at row 1."""

    columns: list[str]
    cells: list[Cell]
    table_id: str = ""
    page_index: int = 0
    title: str | None = None

    @property
    def lines(self) -> list[Line]:
        """Lines of all cells."""
        return [line for cell in self.cells for line in cell.lines]

    @cached_property
    def box(self) -> Box:
        """Smallest box around the cells."""
        return hull(line.box for line in self.lines)

    def rows(self) -> list[dict[int, Cell]]:
        """Data rows, each a map from column to cell."""
        rows = groupby(self.cells, key=attrgetter("row"))
        return [{cell.column: cell for cell in cells} for number, cells in rows if number > 0]

    def numeric(self, column: int) -> bool:
        """True if most data cells of a column are numbers."""
        cells = [row[column] for row in self.rows() if column in row]
        return 2 * sum(line.is_amount for cell in cells for line in cell.lines) > len(cells)


@dataclass
class _Grid:
    """A table under construction: rows of the page, and their lines by column."""

    extents: list[Extent]
    rows: list[Row]
    cells: list[Cells]


def find_tables(page_rows: Sequence[Row]) -> Iterator[Table | Sequence[Row]]:
    """Yield tables, and between them the rows outside of tables, from top to bottom."""
    rows = [row.parted for row in page_rows]
    done = at = 0
    while at < len(rows):
        grid = _grow(rows, at)
        table = _finish(grid)
        if table:
            yield page_rows[done:at]
            yield table
            done = at = at + len(grid.rows)
        else:
            at += max(1, len(grid.rows) // 32)  # bounds the work on a page made to be slow
    yield page_rows[done:]


def _grow(rows: Sequence[Row], start: int) -> _Grid:
    """The row at `start`, and those after it that fit its columns."""
    first = rows[start]
    extents = [(line.box[0], line.box[2]) for line in first.lines]
    grid = _Grid(extents, [first], [{column: [line] for column, line in enumerate(first.lines)}])
    if not 1 < len(extents) <= _MAX_COLUMNS:
        return grid
    for row, below in pairwise([*rows[start + 1 :], Row(())]):
        gap = row.box[1] - grid.rows[-1].box[3]
        if gap > 2.2 * row.height or not 0.75 < row.height / first.height < 1.3:
            break
        cells = _place(extents, row)
        if not cells or (2 * len(cells) <= len(extents) and 0 not in cells and _SUM.match(row.lines[0].text)):
            break  # below the table, perhaps in a block of totals
        heads = 0 in cells and len(below.lines) > 1
        if len(cells) == 1 and gap > 0.6 * row.height and not (heads and _place(extents, below)):
            break
        grid.rows.append(row)
        grid.cells.append(cells)
        for column, lines in cells.items() if len(cells) > 1 else ():
            x0, _, x1, _ = hull(line.box for line in lines)
            extents[column] = (min(x0, extents[column][0]), max(x1, extents[column][1]))
    return grid


def _place(extents: Sequence[Extent], row: Row) -> Cells | None:
    """Lines of the row by column; None if they do not fit."""
    if 1 < len(row.lines) < len(extents):  # cells may be so close that they look like one
        words = [(_touched(extents, Line((word,))), word) for line in row.lines for word in line.words]
        by_word = {n: [word for touched, word in words if touched == [n]] for n in range(len(extents))}
        if all(by_word.values()) and sum(map(len, by_word.values())) == len(words):
            return {n: [Line(tuple(found))] for n, found in by_word.items()}
    placed: Cells = {}
    for line in row.lines:
        touched = _touched(extents, line)
        if not touched or (len(touched) > 1 and len(row.lines) == 1):
            return None
        placed.setdefault(touched[-1 if line.is_amount else 0], []).append(line)
    return placed


def _touched(extents: Sequence[Extent], line: Line) -> list[int]:
    x0, x1 = line.box[0] + 0.15 * line.height, line.box[2] - 0.15 * line.height
    return [column for column, (left, right) in enumerate(extents) if x0 < right and x1 > left]


def _finish(grid: _Grid) -> Table | None:
    """Table made of the grid, or None if it does not look like one."""
    rows, width = _joined(grid), len(grid.extents)
    if len(rows) < 2 or width < 2:
        return None
    headed = is_header(rows[0], width)
    body = rows[headed:]
    typed = [column for column in range(width) if _share(body, column) >= 0.6]
    full = sum(len(row) >= max(2, 0.6 * width) for row in body)
    if headed:
        looks = typed and full >= (2 if width == 2 else 1) and not is_form(rows)
    else:
        looks = width > 3 and len(typed) > 1 and full >= 0.6 * len(body)
    return make_table(rows, headed, width) if looks else None


def make_table(rows: Sequence[Cells], headed: bool, width: int) -> Table:
    """Table of rows of cells; the first row is the header of a table with one."""
    columns = [_text(rows[0].get(column, ())) if headed else "" for column in range(width)]
    cells = [
        Cell(number, column, tuple(row[column]))
        for number, row in enumerate(rows, 0 if headed else 1)
        for column in sorted(row)
    ]
    return Table(columns, cells)


def _text(lines: Sequence[Line]) -> str:
    return " ".join(line.text for line in lines)


def _joined(grid: _Grid) -> list[Cells]:
    """Rows of cells; a page row with few cells, close to the row above, continues its cells."""
    joined = [{column: list(lines) for column, lines in grid.cells[0].items()}]
    for number in range(1, len(grid.rows)):
        above, row, cells = grid.rows[number - 1], grid.rows[number], grid.cells[number]
        close = row.box[1] - above.box[3] <= 0.6 * row.height
        amounts = any(line.is_amount for line in row.lines)
        if close and not amounts and len(cells) < len(joined[-1]) and 3 * len(cells) <= len(grid.extents):
            for column, lines in cells.items():
                joined[-1].setdefault(column, []).extend(lines)
        else:
            joined.append({column: list(lines) for column, lines in cells.items()})
    return joined


def is_header(header: Cells, width: int) -> bool:
    """True for a row of headings: it fills most columns, without colons, and without values but years."""
    lines = [line for cell in header.values() for line in cell]
    data = any(line.is_value and not _YEAR.fullmatch(line.text) for line in lines)
    labels = any(re.search(r":(\s|$)", line.text) for line in lines)
    return not data and not labels and len(header) >= max(2, 0.6 * width)


def is_form(rows: Sequence[Cells]) -> bool:
    """True if the rows are labels with their values: below them, or beside those of the first column."""
    if len(rows) == 2 and all(is_label(_text(lines)) for lines in rows[0].values()):
        return True
    labels = [_text(row[0]) for row in rows if 0 in row]
    named = sum(is_label(text) for text in labels) >= 0.7 * len(labels)
    return named and bool(re.search(r"\d", _text(rows[0].get(1, ()))))


def _share(body: Sequence[Cells], column: int) -> float:
    """Share of a column's cells that are numbers or dates."""
    cells = [row[column] for row in body if column in row]
    return sum(all(line.is_value for line in cell) for cell in cells) / max(len(cells), 1)


def is_total(cells: dict[int, Cell], width: int) -> bool:
    """True for a row of totals or taxes: it has such a label, alone in its cell or with few other cells."""
    found = [(cell.value, match[0]) for cell in cells.values() if (match := _SUM.match(cell.value))]
    return any(len(cells) < width or text.rstrip(" :") == label for text, label in found)
