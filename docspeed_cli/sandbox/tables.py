"""Find tables: rows whose lines are aligned in columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from docspeed_cli.sandbox.lines import Line, Row, hull, is_label
from docspeed_cli.sandbox.page import Box

_PARTY = re.compile(
    r"(bill(ed)?|ship(ped)?|sold|deliver)\s+(to|by|from)|buyer|seller|vendor|supplier|consignee|customer|from|to",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"((sub|grand|net)\s*-?\s*)?totals?\b|(balance )?(carried|brought) forward|(balance|amount) due",
    re.IGNORECASE,
)
_TAX = re.compile(r"([csi]?gst|vat|(sales )?tax|discount|round(ed|ing)?|shipping|freight)\b", re.IGNORECASE)
_YEAR = re.compile(r"(?:FY\s?)?(?:19|20)\d\d(?:[-/]\d{2,4})?")
MAX_COLUMNS = 60
Extent = tuple[float, float]


@dataclass(eq=False)
class Cell:
    """A cell with its lines or parts of lines."""

    row: int
    column: int
    lines: tuple[Line, ...]
    region_id: str = ""

    @cached_property
    def value(self) -> str:
        """Text of its lines, joined by spaces."""
        return " ".join(line.text for line in self.lines)

    @cached_property
    def box(self) -> Box:
        """Smallest box around the lines."""
        return hull(line.box for line in self.lines)


@dataclass(eq=False)
class Table:
    """Cells in reading order; row 0 is the header, and a table without one starts at row 1."""

    columns: list[str]
    cells: list[Cell]
    lines: list[Line]
    extents: list[Extent]
    table_id: str = ""
    page_index: int = 0
    title: str | None = None

    @cached_property
    def box(self) -> Box:
        """Smallest box around the cells."""
        return hull(cell.box for cell in self.cells)

    def rows(self) -> list[dict[int, Cell]]:
        """Data rows, each a map from column to cell."""
        found: dict[int, dict[int, Cell]] = {}
        for cell in self.cells:
            if cell.row > 0:
                found.setdefault(cell.row, {})[cell.column] = cell
        return [found[number] for number in sorted(found)]

    def numeric(self, column: int) -> bool:
        """True if most data cells of a column are numbers."""
        cells = [cell for cell in self.cells if cell.column == column and cell.row > 0]
        return bool(cells) and 2 * sum(_is_amount(cell) for cell in cells) > len(cells)


@dataclass
class _Grid:
    """A table under construction, row by row."""

    extents: list[Extent]
    rows: list[dict[int, list[Line]]] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    taken: int = 0  # number of page rows in the table

    def add(self, cells: dict[int, list[Line]], row: Row) -> None:
        """Add a row of the page."""
        for column, lines in cells.items():
            if len(cells) > 1 or column == 0:
                self._widen(column, lines)
        self.rows.append(cells)
        self.boxes.append(row.box)
        self.heights.append(row.height)

    def _widen(self, column: int, lines: Sequence[Line]) -> None:
        x0, x1 = self.extents[column]
        left, _, right, _ = hull(line.box for line in lines)
        low = self.extents[column - 1][1] if column else left
        high = self.extents[column + 1][0] if column + 1 < len(self.extents) else right
        self.extents[column] = (min(x0, max(left, low)), max(x1, min(right, high)))

    def insert(self, line: Line) -> int:
        """Insert a column at the line's place; returns its number."""
        at = sum(1 for x0, _ in self.extents if x0 < line.box[0])
        self.extents.insert(at, (line.box[0], line.box[2]))
        self.rows = [{c + (c >= at): lines for c, lines in row.items()} for row in self.rows]
        return at

    def numbers_in(self, column: int) -> bool:
        """True if most cells of a column so far are numbers."""
        lines = [line for row in self.rows[1:][-50:] for line in row.get(column, ())]
        return 2 * sum(line.is_amount for line in lines) > len(lines)

    @property
    def has_data(self) -> bool:
        """True if any cell is a number."""
        return any(line.is_amount for row in self.rows for lines in row.values() for line in lines)


def find_tables(page_rows: Sequence[Row]) -> Iterator[tuple[int, int, Table]]:
    """Yield each table with the index of its first row and of the row after its last."""
    rows = [row.parted for row in page_rows]
    at = 0
    while at < len(rows):
        grid = _grow(rows, at) if 1 < len(rows[at].lines) <= MAX_COLUMNS else None
        table = _finish(grid) if grid else None
        if grid and table:
            yield at, at + grid.taken, table
            at += grid.taken
        else:
            at += (
                grid.taken // 8 if grid and grid.taken > 64 else 1
            )  # bounds the work on a page made to be slow


def _grow(rows: Sequence[Row], start: int) -> _Grid:
    first = rows[start]
    grid = _Grid([(line.box[0], line.box[2]) for line in first.lines])
    grid.add({column: [line] for column, line in enumerate(first.lines)}, first)
    full = 1
    for index in range(start + 1, len(rows)):
        row = rows[index]
        if _is_far(grid, row) or not 0.75 < row.height / grid.heights[0] < 1.3:
            break
        cells = _place(grid, row)
        if cells is None or _sums_up(grid, cells):
            break
        if len(cells) == 1 and not _belongs(grid, row, cells, rows, index):
            break
        grid.add(cells, row)
        if len(cells) > 1:
            full = len(grid.rows)
    _trim(grid, full)
    grid.taken = len(grid.rows)
    return grid


def _is_far(grid: _Grid, row: Row) -> bool:
    """True if a row is too far below the last one, by its height or by the gaps so far."""
    gap = row.box[1] - grid.boxes[-1][3]
    gaps = [below[1] - above[3] for above, below in pairwise(grid.boxes[-50:])]
    usual = 2 * max(gaps) + 0.3 * row.height if len(gaps) > 1 else gap
    return gap > min(2.2 * max(row.height, grid.heights[-1]), max(usual, row.height))


def _trim(grid: _Grid, full: int) -> None:
    """Drop single lines below the last full row, unless they continue one of its cells."""
    while len(grid.rows) > full:
        gap = grid.boxes[full][1] - grid.boxes[full - 1][3]
        if gap > 0.35 * grid.heights[full]:
            break
        full += 1
    for listed in (grid.rows, grid.boxes, grid.heights):
        del listed[full:]


def _belongs(grid: _Grid, row: Row, cells: dict[int, list[Line]], rows: Sequence[Row], index: int) -> bool:
    """True if a row of one line continues a cell, or is a heading between rows."""
    (column,) = cells
    if row.box[1] - grid.boxes[-1][3] <= 0.6 * row.height:
        return not (column == len(grid.extents) - 1 and len(grid.extents) == 2)
    following = rows[index + 1] if index + 1 < len(rows) else None
    return bool(following and len(following.lines) > 1 and column == 0 and _place(grid, following, peek=True))


def _sums_up(grid: _Grid, cells: dict[int, list[Line]]) -> bool:
    """True for the first row of a block of totals: few cells, and a label in a column of numbers."""
    if 2 * len(cells) > len(grid.extents):
        return False
    return any(
        not line.is_value and grid.numbers_in(column) for column, lines in cells.items() for line in lines
    )


def _place(grid: _Grid, row: Row, *, peek: bool = False) -> dict[int, list[Line]] | None:
    """Lines of the row by column; None if they do not fit."""
    lines = row.lines
    pieces = _split(grid.extents, lines)
    if pieces is not None:
        return pieces
    placed: dict[int, list[Line]] = {}
    for line in lines:
        column = _column(grid, line, alone=len(lines) == 1)
        if column is None and not peek and not grid.has_data and len(grid.rows) < 4 and len(lines) > 1:
            column = grid.insert(line)
            placed = {c + (c >= column): kept for c, kept in placed.items()}
        if column is None or (column in placed and len(lines) > 1 and max(placed) > column):
            return None
        placed.setdefault(column, []).append(line)
    return placed if len(lines) <= len(grid.extents) else None


def _touched(extents: Sequence[Extent], line: Line) -> list[int]:
    slack = 0.15 * line.height
    x0, x1 = line.box[0] + slack, line.box[2] - slack
    return [number for number, (left, right) in enumerate(extents) if x0 < right and x1 > left]


def _column(grid: _Grid, line: Line, *, alone: bool) -> int | None:
    touched = _touched(grid.extents, line)
    if len(touched) == 1:
        return touched[0]
    if touched:
        # A label that spans columns belongs to the table only with a value beside it.
        return None if alone else touched[-1 if line.is_amount else 0]
    return None


def _split(extents: Sequence[Extent], lines: Sequence[Line]) -> dict[int, list[Line]] | None:
    """Words by column, for cells so close that they look like one; None if a column stays empty."""
    if len(lines) < 2 or len(lines) >= len(extents):
        return None
    found: dict[int, list[Line]] = {}
    for line in lines:
        for word in line.words:
            piece = Line((word,))
            touched = _touched(extents, piece)
            if len(touched) != 1:
                return None
            before = found.setdefault(touched[0], [])
            before[:] = [Line((*before[0].words, word))] if before else [piece]
    return found if len(found) == len(extents) else None


def _finish(grid: _Grid) -> Table | None:
    """Table made of the grid, or None if it does not look like one."""
    rows = _logical(grid)
    if len(rows) < 2 or len(grid.extents) < 2:
        return None
    header, body = rows[0], rows[1:]
    width = len(grid.extents)
    headed = is_header(header, width)
    if not _plausible(header, body, width) if headed else not _regular(rows, width):
        return None
    return make_table(rows, headed, grid.extents)


def make_table(rows: list[dict[int, list[Line]]], headed: bool, extents: list[Extent]) -> Table:
    """Table of rows of cells; the first row is the header of a table with one."""
    columns = [_text(rows[0].get(column)) if headed else "" for column in range(len(extents))]
    cells = [
        Cell(number, column, tuple(row[column]))
        for number, row in enumerate(rows, 0 if headed else 1)
        for column in sorted(row)
    ]
    return Table(columns, cells, [line for cell in cells for line in cell.lines], extents)


def _text(lines: Sequence[Line] | None) -> str:
    return " ".join(line.text for line in lines or ())


def _logical(grid: _Grid) -> list[dict[int, list[Line]]]:
    """Join page rows that are one table row: wrapped headings and wrapped cells."""
    rows: list[dict[int, list[Line]]] = []
    gaps = [b[1] - a[3] for a, b in zip(grid.boxes, grid.boxes[1:], strict=False)]
    for number, cells in enumerate(grid.rows):
        height = grid.heights[number]
        above = gaps[number - 1] if number else 99.0
        below = gaps[number] if number < len(gaps) else 99.0
        overlaps = number > 0 and above < -0.15 * height
        if rows and (overlaps or _continues(grid, rows, cells, above, below, height)):
            for column, lines in cells.items():
                rows[-1].setdefault(column, []).extend(lines)
        else:
            rows.append({column: list(lines) for column, lines in cells.items()})
    return rows


def _continues(grid: _Grid, rows: list[dict[int, list[Line]]], cells: dict[int, list[Line]],
               above: float, below: float, height: float) -> bool:  # fmt: skip
    """True if a page row continues the table's last row."""
    if any(line.is_amount for lines in cells.values() for line in lines) or above > 0.6 * height:
        return False
    width = len(grid.extents)
    if len(rows) == 1:
        return len(rows[0]) < width or (len(cells) < width and above < below - 0.1 * height)
    filled = len(rows[-1])
    return len(cells) <= max(1, width // 3) and filled > len(cells) and above <= below + 0.1 * height


def is_header(header: dict[int, list[Line]], width: int) -> bool:
    """True for headings: in most columns, and none is a number or date other than a year."""
    lines = [line for cell in header.values() for line in cell]
    data = [line for line in lines if line.is_value and not _YEAR.fullmatch(line.text)]
    return not data and len(header) >= max(2, 0.6 * width)


def _plausible(header: dict[int, list[Line]], body: list[dict[int, list[Line]]], width: int) -> bool:
    """False for address blocks and label-value pairs, which are aligned like tables."""
    heads = [_text(lines) for _, lines in sorted(header.items())]
    if any(re.search(r":(\s|$)", head) for head in heads) or any(_PARTY.fullmatch(head) for head in heads):
        return False
    if any(names_values(header, body, column) for column in range(width - 1)):
        return False
    typed = [column for column in range(width) if _share(body, column) >= 0.6]
    full = sum(len(row) >= max(2, 0.6 * width) for row in body)
    if width == 2:
        return len(body) >= 2 and 1 in typed and 0 not in typed and not any(
            _text(row.get(0)).endswith(":") for row in body
        )  # fmt: skip
    if typed:
        return full >= 1
    bold = all(line.bold for lines in header.values() for line in lines)
    plain = not all(line.bold for row in body for lines in row.values() for line in lines)
    return full == len(body) and len(body) >= 2 and (bold and plain)


def names_values(header: dict[int, list[Line]], body: list[dict[int, list[Line]]], column: int) -> bool:
    """True if a column holds labels for the next column's values, from the first row on."""
    labels = [_text(row[column]) for row in (header, *body) if column in row]
    named = sum(is_label(text) for text in labels) >= 0.7 * len(labels)
    return named and bool(re.search(r"\d", _text(header.get(column + 1))))


def _share(body: list[dict[int, list[Line]]], column: int) -> float:
    """Share of a column's cells that are numbers or dates."""
    cells = [row[column] for row in body if column in row]
    return sum(all(line.is_value for line in cell) for cell in cells) / len(cells) if cells else 0.0


def _regular(rows: list[dict[int, list[Line]]], width: int) -> bool:
    """True if rows without headings form a table: at least four columns, each of one type."""
    if width < 4 or len(rows) < 2:
        return False
    full = sum(len(row) == width for row in rows)
    shares = [_share(rows, column) for column in range(width)]
    even = all(share <= 0.25 or share >= 0.75 for share in shares)
    return full >= 0.6 * len(rows) and even and sum(share >= 0.75 for share in shares) >= 2


def _is_amount(cell: Cell) -> bool:
    return all(line.is_amount for line in cell.lines)


def is_total(cells: dict[int, Cell], width: int) -> bool:
    """True for a row of totals or taxes: it has such a label, alone in its cell or with few other cells."""
    taxes = len(cells) <= 2 and any(_TAX.match(cell.value) for cell in cells.values())
    sums = [
        match[0] == cell.value.rstrip(" :") for cell in cells.values() if (match := _TOTAL.match(cell.value))
    ]
    return taxes or any(sums) or (bool(sums) and len(cells) < width)


def number_cells(table: Table, table_id: str, page_index: int, title: str | None) -> Table:
    """Copy of the table with its id and its cells' ids, counted from 1 in reading order."""
    cells = [replace(cell, region_id=f"{table_id}:c{number}") for number, cell in enumerate(table.cells, 1)]
    return replace(table, cells=cells, table_id=table_id, page_index=page_index, title=title)
