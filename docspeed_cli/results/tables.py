"""Read tables as grids of texts, whichever way a payload lists their cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product, zip_longest
from types import MappingProxyType
from typing import Any, NamedTuple

from docspeed_cli.results.values import (
    VALUE_NAMES,
    NumberText,
    cell_text,
    find_member,
    first_filled,
    is_number,
    list_of_texts,
    page_of,
    whole_number,
)

_TABLE_MEMBERS = ("cells", "rows", "columns", "headers", "table_id", "title")


class CellPlace(NamedTuple):
    """The place of a cell in a payload, even of a cell that the payload lacks."""

    holder: Any
    """The list or the object that holds the cell."""
    key: Any
    """Index or name in `holder`; a dict of row and column for a cell to be appended."""

    @property
    def content(self) -> Any:
        """The cell as the payload has it; None for one that it lacks."""
        if isinstance(self.key, dict):
            return None
        return self.holder.get(self.key) if isinstance(self.holder, dict) else self.holder[self.key]

    @property
    def value(self) -> Any:
        """The cell's value."""
        return _cell_value(self.content)

    def put(self, content: Any) -> None:
        """Put this in the cell's place."""
        if isinstance(self.key, dict):
            self.holder.append({**self.key, "value": content})
        else:
            self.holder[self.key] = content


class Table(NamedTuple):
    """A table as rows of texts; the first row has the headings, if it has any."""

    name: str
    title: str
    page: int | None
    grid: list[list[str]]
    headed: bool = False
    """Whether the payload says that the first row has the headings."""

    source: Mapping[str, Any] = MappingProxyType({})
    """The part of the payload that the table was read from."""
    added: int = 0
    """Number of rows that the grid has above the payload's cells."""

    @property
    def names(self) -> list[str]:
        """The names of the columns, all different, from the first row, heading or not."""
        width = max(map(len, self.grid), default=0)
        return column_names(self.grid[0], width) if width else []

    def places(self) -> dict[tuple[int, int], CellPlace]:
        """Return the places of the cells in the payload by row and column, except for spanning cells."""
        return _places_by_cell(self.source, self.added)

    @property
    def heading(self) -> str:
        """The table's title or name, and the page that it is on."""
        page = f" (page {self.page})" if self.page else ""
        return (self.title.strip() or f"Table {self.name}") + page


class _Cell(NamedTuple):
    row: int
    column: int
    text: str


def read_tables(payload: Any) -> list[Table] | None:
    """Return the tables at a payload's top, or else those of its pages; None if it has no place for any."""
    found = find_member(payload, "tables")
    if isinstance(found, list):
        listed = [item for item in found if _is_table(item)]
    elif find_member(payload, "cells") is not None:
        listed = [payload]
    else:
        pages = find_member(payload, "pages")
        listed = [table for page in pages for table in _tables_on(page)] if isinstance(pages, list) else []
        if not listed:
            return None
    return [_read_table(item, number) for number, item in enumerate(listed, 1)]


def _is_table(item: Any) -> bool:
    return isinstance(item, dict) and any(name in item for name in _TABLE_MEMBERS)


def _tables_on(page: Any) -> Iterator[dict[str, Any]]:
    found = page.get("tables") if isinstance(page, dict) else None
    for item in found if isinstance(found, list) else ():
        if _is_table(item):
            yield {"page_number": page_of(page), **item}


def _read_table(item: dict[str, Any], number: int) -> Table:
    ids = list_of_texts(first_filled(item, ("table_id", "region_ids")))
    name = cell_text(first_filled(item, ("table_id", "id", "key", "name"))) or str(number)
    title = cell_text(first_filled(item, ("title", "caption")))
    read, headed = _grid_of_table(item)
    grid, headed = _with_headings(_headings(item), read, headed)
    return Table(name, title, page_of(item, ids), grid, headed, item, len(grid) - len(read))


def _grid_of_table(item: dict[str, Any]) -> tuple[list[list[str]], bool]:
    """Return the grid of a table, and whether its first row has the names of the columns."""
    cells = _cells_of(item)
    if cells:
        return _grid_of_cells(list(_placed(cells))), False
    rows = [_row_of_table(row) for row in _rows_of(item)]
    return grid_of_rows(rows), any(isinstance(row, Mapping) for row in rows)


def _cells_of(item: Mapping[str, Any]) -> list[Any]:
    """Return the cells that a table lists without rows."""
    cells = find_member(item, "cells")
    listed = isinstance(cells, list) and not any(isinstance(cell, list) for cell in cells)
    return cells if listed else []


def _rows_of(item: Mapping[str, Any]) -> list[Any]:
    listed = find_member(item, "cells") or find_member(item, "rows", "data")
    return listed if isinstance(listed, list) else []


def _places_by_cell(item: Mapping[str, Any], added: int) -> dict[tuple[int, int], CellPlace]:
    """Return the places of the payload's cells, by row and column of a grid with `added` rows above them."""
    cells = _cells_of(item)
    if not cells:
        return dict(_places_in_rows(_rows_of(item), added))
    placed = list(_placed(cells))
    if _is_sparse(placed):
        return {}
    count = Counter((cell.row, cell.column) for cell in placed)
    found = {
        (cell.row + added, cell.column): CellPlace(cells, number)
        for number, cell in enumerate(placed)
        if count[cell.row, cell.column] == 1
    }
    height, width = _extent(placed)
    is_numbered = all(isinstance(cell, dict) and {"row_index", "col_index"} <= cell.keys() for cell in cells)
    # A reviewer may fill in a cell that the list lacks, but only if the others state row and column too.
    if is_numbered and height * width <= 1000 + 2 * len(cells):
        for row, column in product(range(height), range(width)):
            if not count[row, column]:
                found[row + added, column] = CellPlace(cells, {"row_index": row, "col_index": column})
    return found


def _places_in_rows(listed: list[Any], added: int) -> Iterator[tuple[tuple[int, int], CellPlace]]:
    rows = [_row_of_table(row) for row in listed]
    names = list(dict.fromkeys(name for row in rows if isinstance(row, Mapping) for name in row))
    columns = {name: column for column, name in enumerate(names)}
    for number, row in enumerate(rows):
        at = number + added + bool(names)
        if isinstance(row, Mapping):
            yield from (((at, column), CellPlace(row, name)) for name, column in columns.items())
        elif isinstance(listed[number], dict | list):
            yield from (((at, column), CellPlace(row, column)) for column in range(len(row)))
        else:
            yield (at, 0), CellPlace(listed, number)


def column_names(headings: Sequence[str], width: int, blank: str = "") -> list[str]:
    """Return names of `width` columns that all differ.

    A column without a heading has its number as its name, with `blank` before it. A name that is
    there already gets a number: `Tax` and `Tax 2`.
    """
    names: dict[str, int] = {}
    for number in range(1, width + 1):
        heading = headings[number - 1].strip() if number <= len(headings) else ""
        wanted = name = heading or f"{blank}{number}"
        while name in names:
            names[wanted] += 1
            name = f"{wanted} {names[wanted]}"
        names[name] = 1
    return list(names)


# -- cells with indexes


def _placed(listed: Iterable[Any]) -> Iterator[_Cell]:
    """Yield the cells with their places; a cell without a place is right of the one before."""
    row, column = 0, -1
    for item in listed:
        below = whole_number(first_filled(item, ("row_index", "row")))
        if below not in (None, row):
            row, column = below, -1
        beside = whole_number(first_filled(item, ("col_index", "col")))
        column = column + 1 if beside is None else beside
        yield _Cell(row, column, _text_of(_cell_value(item)))


def _text_of(value: Any) -> str:
    return NumberText(cell_text(value)) if is_number(value) else cell_text(value)


def _cell_value(cell: Any) -> Any:
    has_value = isinstance(cell, dict) and any(name in cell for name in VALUE_NAMES)
    return first_filled(cell, VALUE_NAMES) if has_value else cell


def _extent(cells: list[_Cell]) -> tuple[int, int]:
    """Return the height and the width of a grid that has all cells."""
    return max(cell.row for cell in cells) + 1, max(cell.column for cell in cells) + 1


def _is_sparse(cells: list[_Cell]) -> bool:
    """Whether a grid would be nearly empty: one cell with a huge index must not take gigabytes."""
    height, width = _extent(cells)
    return height * width > 1000 + 50 * len(cells)


def _grid_of_cells(cells: list[_Cell]) -> list[list[str]]:
    """Return a grid with the cells in their places, or rows without places if it would be too sparse."""
    height, width = _extent(cells)
    if _is_sparse(cells):
        rows: dict[int, list[str]] = {}
        for cell in sorted(cells):
            rows.setdefault(cell.row, []).append(cell.text)
        return list(rows.values())
    grid = [[""] * width for _ in range(height)]
    for cell in cells:
        before = grid[cell.row][cell.column]
        # Where two cells claim one place, keep the texts of both.
        grid[cell.row][cell.column] = f"{before} {cell.text}" if before else cell.text
    return grid


# -- lists of rows


def grid_of_rows(rows: Sequence[Mapping[str, Any] | Sequence[Any]]) -> list[list[str]]:
    """Return rows as a grid; the columns of those that are objects become its first row, the headings."""
    keyed = [row for row in rows if isinstance(row, Mapping)]
    names = list(dict.fromkeys(name for row in keyed for name in row))
    grid = [[str(name) for name in names]] if keyed else []
    for row in rows:
        cells = [row.get(name) for name in names] if isinstance(row, Mapping) else map(_cell_value, row)
        grid.append([_text_of(cell) for cell in cells])
    return grid


def _row_of_table(row: Any) -> dict[str, Any] | list[Any]:
    cells = first_filled(row, ("cells", "values"))
    if isinstance(cells, dict | list):
        return cells
    return row if isinstance(row, dict | list) else [row]


# -- headings


def _headings(item: dict[str, Any]) -> list[str]:
    """Return the headings that a table lists beside its cells."""
    listed = first_filled(item, ("columns", "headers"))
    members = ("title", "name", "label", *VALUE_NAMES, "key")
    if not isinstance(listed, list):
        return []
    return [cell_text(first_filled(one, members) if isinstance(one, dict) else one) for one in listed]


def _with_headings(headings: list[str], grid: list[list[str]], headed: bool) -> tuple[list[list[str]], bool]:
    """Return the grid with the headings as its first row, and whether it has any."""
    if not any(headings):
        return grid, headed
    # The cells may hold a row for the headings already: the same texts, only their last lines, or blanks.
    top = grid[0] if grid else []
    pairs = zip_longest(top, headings, fillvalue="")
    if all(text.casefold().strip() in heading.casefold() for text, heading in pairs):
        return [headings + [""] * (len(top) - len(headings)), *grid[1:]], True
    return [headings, *grid], True
