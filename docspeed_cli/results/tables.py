"""Alone in laying the cells of a table out as a grid, however the payload lists them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

from docspeed_cli.results.values import first, member, page_of, scalar, strings, whole

_ROOMY = 1000
"""Places that a grid may always have; beyond that, they must be in proportion to the cells."""

_ROWS = ("row_index", "row", "rowIndex", "r")
_COLUMNS = ("col_index", "column_index", "col", "column", "columnIndex", "c")
_TEXTS = ("value", "text", "content")
_SPANS = ("col_span", "colspan", "column_span")


class Table(NamedTuple):
    """A table as rows of texts; the first row has the headings, if it has any."""

    name: str
    title: str
    page: int | None
    grid: list[list[str]]


class _Cell(NamedTuple):
    row: int
    column: int
    text: str


def tables(payload: Any) -> list[Table]:
    """The tables of a payload: its own, or else those of its pages."""
    return [_table(item, name, number) for number, (name, item) in enumerate(_listed(payload), 1)]


def has_tables(payload: Any) -> bool:
    """Whether the payload speaks of tables at all, be it none."""
    return isinstance(member(payload, "tables"), list | dict) or bool(_listed(payload))


def _listed(payload: Any) -> list[tuple[str, Any]]:
    found = payload if isinstance(payload, list) else member(payload, "tables")
    if isinstance(found, dict):
        return [(str(name), item) for name, item in found.items() if isinstance(item, dict | list)]
    if isinstance(found, list):
        return [("", item) for item in found if isinstance(item, dict) and not _hollow(item)]
    if member(payload, "cells") is not None:
        return [("", payload)]
    listed = member(payload, "pages")
    return [table for page in listed for table in _of_page(page)] if isinstance(listed, list) else []


def _of_page(page: Any) -> list[tuple[str, Any]]:
    found = page.get("tables") if isinstance(page, dict) else None
    if not isinstance(found, list):
        return []
    where = {name: page[name] for name in ("page_index", "page_number", "page") if name in page}
    return [("", {**where, **item}) for item in found if isinstance(item, dict)]


def _hollow(item: dict[str, Any]) -> bool:
    """Whether nothing of this object is a table's."""
    known = ("cells", "rows", "columns", "headers", "table_id", "title", "row_count", "data")
    return not any(name in item for name in known)


def _table(item: Any, name: str, number: int) -> Table:
    if isinstance(item, list):
        return Table(name, "", None, _from_rows(item))
    ids = strings(first(item, ("table_id", "region_ids", "region_id")))
    named = scalar(first(item, ("table_id", "id", "key", "name"))) or name or str(number)
    title = scalar(first(item, ("title", "caption")))
    return Table(named, title, page_of(item, ids), _headed(_headings(item), _grid(item)))


def _grid(item: dict[str, Any]) -> list[list[str]]:
    cells = member(item, "cells")
    if isinstance(cells, list) and cells and not any(isinstance(cell, list) for cell in cells):
        return _laid_out(list(_cells(cells)))
    rows = cells if isinstance(cells, list) and cells else member(item, "rows", "data", "items")
    return _from_rows(rows) if isinstance(rows, list) else []


# -- cells with indexes


def _cells(listed: Iterable[Any]) -> Iterator[_Cell]:
    """Cells with their places; one that does not say stands right of the last one."""
    row, column = 0, -1
    for item in listed:
        if isinstance(item, dict):
            below = whole(first(item, _ROWS)) if first(item, _ROWS) is not None else row
            column = -1 if below not in (None, row) else column
            row = row if below is None else below
            beside = whole(first(item, _COLUMNS))
            column = column + 1 if beside is None else beside
            yield _Cell(row, column, scalar(first(item, _TEXTS)))
        elif item is not None:
            column += 1
            yield _Cell(row, column, scalar(item))


def _laid_out(cells: list[_Cell]) -> list[list[str]]:
    """A grid with empty places where no cell is, unless that were far too many."""
    if not cells:
        return []
    most = _ROOMY + 50 * len(cells)
    rows, width = _extent(cells)
    if rows * width > most:
        cells = _close(cells)
        rows, width = _extent(cells)
    if rows * width > most:
        return _ragged(cells)
    grid = [[""] * width for _ in range(rows)]
    for cell in cells:
        before = grid[cell.row][cell.column]
        grid[cell.row][cell.column] = f"{before} {cell.text}" if before else cell.text
    return grid


def _extent(cells: list[_Cell]) -> tuple[int, int]:
    return max(cell.row for cell in cells) + 1, max(cell.column for cell in cells) + 1


def _close(cells: list[_Cell]) -> list[_Cell]:
    """The same cells with the gaps between their indexes closed."""
    rows = {row: rank for rank, row in enumerate(sorted({cell.row for cell in cells}))}
    beside = {column: rank for rank, column in enumerate(sorted({cell.column for cell in cells}))}
    return [_Cell(rows[cell.row], beside[cell.column], cell.text) for cell in cells]


def _ragged(cells: list[_Cell]) -> list[list[str]]:
    rows: dict[int, list[str]] = {}
    for cell in sorted(cells):
        rows.setdefault(cell.row, []).append(cell.text)
    return list(rows.values())


# -- lists of rows


def _from_rows(rows: list[Any]) -> list[list[str]]:
    inner = [_inner(row) for row in rows]
    keyed = [row for row in inner if isinstance(row, dict)]
    names = list(dict.fromkeys(name for row in keyed for name in row))
    grid = [[str(name) for name in names]] if keyed else []
    room = len(names) * len(inner) <= _ROOMY + 50 * sum(len(row) for row in inner)
    for row in inner:
        if isinstance(row, dict):
            listed = [row.get(name) for name in names] if room else list(row.values())
            grid.append([scalar(value) for value in listed])
        else:
            grid.append(list(_spanned(row)))
    return grid


def _inner(row: Any) -> dict[str, Any] | list[Any]:
    if isinstance(row, dict):
        cells = first(row, ("cells", "values", "columns"))
        return cells if isinstance(cells, dict | list) else row
    return row if isinstance(row, list) else [row]


def _spanned(row: list[Any]) -> Iterator[str]:
    for cell in row:
        if isinstance(cell, dict) and any(name in cell for name in _TEXTS):
            yield scalar(first(cell, _TEXTS))
            span = whole(first(cell, _SPANS)) or 1
            yield from [""] * (min(span, 100) - 1)
        else:
            yield scalar(cell)


# -- headings


def _headings(item: dict[str, Any]) -> list[str]:
    """The headings that a table names beside its cells."""
    listed = first(item, ("columns", "headers", "header"))
    if not isinstance(listed, list):
        return []
    names = [
        scalar(first(one, ("title", "header", "name", "label", *_TEXTS, "key")))
        if isinstance(one, dict)
        else one
        for one in listed
    ]
    return [name for name in names if isinstance(name, str)] if any(isinstance(n, str) for n in names) else []


def _headed(headings: list[str], grid: list[list[str]]) -> list[list[str]]:
    """The grid with the headings as its first row, which may be there already, empty or cut into lines."""
    if not any(headings):
        return grid
    top = grid[0] if grid else []
    pairs = zip_longest(top, headings, fillvalue="")
    if all(text.casefold().strip() in heading.casefold() for text, heading in pairs):
        return [headings + [""] * (len(top) - len(headings)), *grid[1:]]
    return [headings, *grid]
