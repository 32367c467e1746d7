"""Read tables as grids of texts, whichever way a payload lists their cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from docspeed_cli.results.values import (
    cell_text,
    find_member,
    first_filled,
    list_of_texts,
    page_of,
    whole_number,
)

_ROWS = ("row_index", "row", "rowIndex", "r")
_COLUMNS = ("col_index", "column_index", "col", "column", "columnIndex", "c")
_TEXTS = ("value", "text", "content")
_SPANS = ("col_span", "colspan", "column_span")
_MAX_SPAN = 100
"""Most columns that one cell may span: a payload may claim any number."""

_TABLE_MEMBERS = ("cells", "rows", "columns", "headers", "table_id", "title", "row_count", "data")


class Table(NamedTuple):
    """A table as rows of texts; the first row has the headings, if it has any."""

    name: str
    title: str
    page: int | None
    grid: list[list[str]]

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
    listed = _listed_tables(payload)
    if listed is None:
        return None
    return [_read_table(item, name, number) for number, (name, item) in enumerate(listed, 1)]


def _listed_tables(payload: Any) -> list[tuple[str, Any]] | None:
    found = find_member(payload, "tables")
    if isinstance(found, dict):
        return [(str(name), item) for name, item in found.items() if isinstance(item, dict | list)]
    if isinstance(found, list):
        return _tables_in(found)
    if isinstance(payload, list):
        return _tables_in(payload) or None
    if find_member(payload, "cells") is not None:
        return [("", payload)]
    pages = find_member(payload, "pages")
    on_pages = map(_tables_on_page, pages if isinstance(pages, list) else [])
    return [table for tables in on_pages for table in tables] or None


def _tables_in(items: list[Any]) -> list[tuple[str, Any]]:
    objects = [item for item in items if isinstance(item, dict)]
    return [("", item) for item in objects if any(name in item for name in _TABLE_MEMBERS)]


def _tables_on_page(page: Any) -> list[tuple[str, Any]]:
    found = page.get("tables") if isinstance(page, dict) else None
    if not isinstance(found, list):
        return []
    place = {name: page[name] for name in ("page_index", "page_number", "page") if name in page}
    return [("", {**place, **item}) for item in found if isinstance(item, dict)]


def _read_table(item: Any, name: str, number: int) -> Table:
    if isinstance(item, list):
        return Table(name, "", None, _grid_of_lists(item))
    ids = list_of_texts(first_filled(item, ("table_id", "region_ids", "region_id")))
    own_name = cell_text(first_filled(item, ("table_id", "id", "key", "name"))) or name or str(number)
    title = cell_text(first_filled(item, ("title", "caption")))
    return Table(own_name, title, page_of(item, ids), _with_headings(_headings(item), _grid(item)))


def _grid(item: dict[str, Any]) -> list[list[str]]:
    cells = find_member(item, "cells")
    if isinstance(cells, list) and cells and not any(isinstance(cell, list) for cell in cells):
        return _grid_of_cells(list(_placed(cells)))
    rows = cells if isinstance(cells, list) and cells else find_member(item, "rows", "data", "items")
    return _grid_of_lists(rows) if isinstance(rows, list) else []


def _too_sparse(places: int, filled: int) -> bool:
    """Whether a grid would be nearly empty: one cell with a huge index must not take gigabytes."""
    return places > 1000 + 50 * filled


# -- cells with indexes


def _placed(listed: Iterable[Any]) -> Iterator[_Cell]:
    """Yield the cells with their places; a cell without a place is right of the one before."""
    row, column = 0, -1
    for item in listed:
        if isinstance(item, dict):
            below = whole_number(first_filled(item, _ROWS)) if first_filled(item, _ROWS) is not None else row
            column = -1 if below not in (None, row) else column
            row = row if below is None else below
            beside = whole_number(first_filled(item, _COLUMNS))
            column = column + 1 if beside is None else beside
            yield _Cell(row, column, cell_text(first_filled(item, _TEXTS)))
        elif item is not None:
            column += 1
            yield _Cell(row, column, cell_text(item))


def _grid_of_cells(cells: list[_Cell]) -> list[list[str]]:
    """Return a grid with the cells in their places, or rows without places if it would be too sparse."""
    if not cells:
        return []
    height = max(cell.row for cell in cells) + 1
    width = max(cell.column for cell in cells) + 1
    if _too_sparse(height * width, len(cells)):
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
    sparse = _too_sparse(len(names) * len(rows), sum(map(len, rows)))
    grid = [[str(name) for name in names]] if keyed else []
    for row in rows:
        if not isinstance(row, Mapping):
            grid.append(list(_spanned(row)))
        elif sparse:
            grid.append([f"{name}: {cell_text(value)}" for name, value in row.items()])
        else:
            grid.append([cell_text(row.get(name)) for name in names])
    return grid


def _grid_of_lists(rows: list[Any]) -> list[list[str]]:
    return grid_of_rows([_row_of_table(row) for row in rows])


def _row_of_table(row: Any) -> dict[str, Any] | list[Any]:
    cells = first_filled(row, ("cells", "values", "columns"))
    if isinstance(cells, dict | list):
        return cells
    return row if isinstance(row, dict | list) else [row]


def _spanned(row: Sequence[Any]) -> Iterator[str]:
    for cell in row:
        if isinstance(cell, dict) and any(name in cell for name in _TEXTS):
            yield cell_text(first_filled(cell, _TEXTS))
            span = whole_number(first_filled(cell, _SPANS)) or 1
            yield from [""] * (min(span, _MAX_SPAN) - 1)
        else:
            yield cell_text(cell)


# -- headings


def _headings(item: dict[str, Any]) -> list[str]:
    """Return the headings that a table lists beside its cells."""
    listed = first_filled(item, ("columns", "headers", "header"))
    if not isinstance(listed, list):
        return []
    members = ("title", "header", "name", "label", *_TEXTS, "key")
    names = [cell_text(first_filled(one, members)) if isinstance(one, dict) else one for one in listed]
    return [name for name in names if isinstance(name, str)]


def _with_headings(headings: list[str], grid: list[list[str]]) -> list[list[str]]:
    """Return the grid with the headings as its first row."""
    if not any(headings):
        return grid
    # The cells may hold a row for the headings already: the same texts, only their last lines, or blanks.
    top = grid[0] if grid else []
    pairs = zip_longest(top, headings, fillvalue="")
    if all(text.casefold().strip() in heading.casefold() for text, heading in pairs):
        return [headings + [""] * (len(top) - len(headings)), *grid[1:]]
    return [headings, *grid]
