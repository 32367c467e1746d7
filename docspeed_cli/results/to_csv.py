"""Write tables and extracted fields as CSV that a spreadsheet can open safely."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from docspeed_cli.results.fields import Extraction, Field, read_extraction
from docspeed_cli.results.tables import Table, grid_of_rows, read_tables
from docspeed_cli.results.to_text import NotConvertible, one_line
from docspeed_cli.results.values import cell_text

_NUMBER = re.compile(r"[-+]?\s?(?:\d[\d.,' \u00a0\u202f]*|\.\d+)(?:[eE][-+]?\d+)?\s?%?")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


class NoSuchTable(ValueError):
    """The result has no table of this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        listed = ", ".join(map(one_line, known[:20])) + (", …" if len(known) > 20 else "")
        has = f"it has {listed}" if known else "it has no tables"
        super().__init__(f"there is no table {name!r} in the result; {has}")


def to_csv(operation: str, payload: Any, table: str | None = None) -> str:
    """Return the payload's tables or line items as CSV: all, or the `table` of this name or number.

    Tables follow one another after an empty line. Several tables of line items become one, whose first
    column `table` names the table of each row. An extraction without line items, or the table `fields`,
    is a row for each field. NotConvertible if there is nothing of that, NoSuchTable for a wrong name.
    """
    extraction = read_extraction(payload) if operation == "extract" else None
    if extraction is not None:
        return _csv(_extraction_rows(extraction, table))
    tables = read_tables(payload)
    if tables is None:
        raise NotConvertible(operation, "csv")
    shown = tables if table is None else _tables_named(tables, table)
    return "\r\n".join(filter(None, (_csv(table.grid) for table in shown)))


def escape_formula(cell: str) -> str:
    """Return the cell with an apostrophe before text that a spreadsheet would run as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(cell) else cell


def _tables_named(tables: list[Table], name: str) -> list[Table]:
    """Return the tables with this name; or else those with this title, or the one with this number."""
    # Ids are unique, titles are not, and a number is the position that a view shows.
    by_name = [table for table in tables if table.name == name]
    title = name.strip().casefold()
    by_title = [table for table in tables if title and table.title.strip().casefold() == title]
    number = int(name) if name.isascii() and name.isdigit() and len(name) < 10 else 0
    found = by_name or by_title or tables[max(number - 1, 0) : number]
    if not found:
        names = [f"{table.name} ({table.title})" if table.title else table.name for table in tables]
        raise NoSuchTable(name, names)
    return found


def _extraction_rows(extraction: Extraction, name: str | None) -> Iterable[Sequence[str]]:
    items = extraction.line_items
    # A table of line items may itself be called `fields`, and is then meant.
    if name in items:
        return grid_of_rows(items[name])
    if name == "fields" or (name is None and not items):
        return _field_rows(extraction.fields)
    if name is not None:
        raise NoSuchTable(name, [*items, "fields"])
    if len(items) == 1:
        return grid_of_rows(next(iter(items.values())))
    return _united_rows(items)


def _field_rows(fields: Iterable[Field]) -> Iterator[list[str]]:
    yield ["key", "value", "page", "evidence"]
    for field in fields:
        evidence = field.quoted_text or "; ".join(field.region_ids)
        yield [field.key, cell_text(field.value), str(field.page or ""), evidence]


def _united_rows(items: dict[str, list[dict[str, Any]]]) -> Iterator[list[str]]:
    """Yield the rows of all tables under the union of their columns, after the name of their table."""
    names = [name for name, rows in items.items() for _ in rows]
    grid = grid_of_rows([row for rows in items.values() for row in rows]) or [[]]
    for name, row in zip(["table", *names], grid, strict=True):
        yield [name, *row]


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([escape_formula(cell) for cell in row] for row in rows if row)
    return text.getvalue()
