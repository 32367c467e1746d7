"""Read a result as fields and rows: those of an extraction, or all members of any other result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from docspeed_cli.results.fields import Field, name_in, read_extraction, read_row
from docspeed_cli.results.readings import decimal_mark
from docspeed_cli.results.tables import Table, read_tables
from docspeed_cli.results.values import MAX_DEPTH, find_member, grounded_value, is_grounded

FieldRow = dict[str, Field]
"""The cells of a row by column; a cell's key is its place, such as `line_items[3].amount`."""

_ABOUT = {
    *("region_ids", "effective_region_ids", "region_id", "bbox", "boxes", "box", "polygon", "confidence"),
    *("score", "page", "page_index", "page_number", "evidence", "regions", "citations", "notices", "usage"),
    *("id", "job_id", "file_id", "doc_id", "session_id", "request_id", "created_at", "updated_at"),
    "execution_mode",
}
"""Members of results other than extractions that say where a value stands, or how and when it was made."""


class Facts:
    """The fields of one result by key, and its rows by table."""

    def __init__(self, payload: Any) -> None:
        extraction = read_extraction(payload)
        self.fields: dict[str, Field] = {}
        self.tables: dict[str, list[FieldRow]] = {}
        grids = find_member(payload, "tables")
        unnamed = isinstance(grids, list) and not any(name_in(item) for item in grids)
        if extraction is None or (unnamed and not extraction.fields):
            if isinstance(grids, list) and grids:
                self._add_tables(read_tables(payload) or [])
            else:
                self._add("", payload, 0)
            return
        self.fields = {field.key: field for field in extraction.fields}
        for name, rows in extraction.line_items.items():
            self.tables[name] = [
                _fields_of_row(f"{name}[{number}].", row) for number, row in enumerate(rows, 1)
            ]

    @cached_property
    def mark(self) -> str | None:
        """The decimal mark that the document uses, if its numbers tell."""
        return decimal_mark(self._texts())

    def _texts(self) -> Iterator[str]:
        cells = (cell for rows in self.tables.values() for row in rows for cell in row.values())
        for fields in (self.fields.values(), cells):
            yield from (field.value for field in fields if isinstance(field.value, str))

    def _add(self, key: str, value: Any, depth: int) -> None:
        """Add a member: an object by its members, a list of objects as the rows of a table."""
        if key and is_grounded(value) and not isinstance(grounded_value(value), dict | list):
            self.fields[key] = Field(key, grounded_value(value), value)
        elif isinstance(value, dict) and depth < MAX_DEPTH:
            for name, item in value.items():
                if name not in _ABOUT:
                    self._add(f"{key}.{name}" if key else str(name), item, depth + 1)
        elif isinstance(value, list) and depth < MAX_DEPTH and any(isinstance(item, dict) for item in value):
            self._add_rows(key, value, depth)
        else:
            self.fields[key] = Field(key, value)

    def _add_tables(self, tables: Iterable[Table]) -> None:
        """Add the tables of a result of `tables`: the columns are named by the first row."""
        for index, table in enumerate(tables, 1):
            names = table.names
            self.tables[f"tables[{index}]"] = [
                _row(f"tables[{index}]", number, _texts(names, cells, table.page))
                for number, cells in enumerate(table.grid, 1)
            ]

    def _add_rows(self, key: str, items: list[Any], depth: int) -> None:
        for item in items:
            inner = Facts(None)
            inner.fields.clear()
            inner._add("", item, depth + 1)
            rows = self.tables.setdefault(key, [])
            rows.append(_row(key, len(rows) + 1, inner.fields.values()))
            for name, below in inner.tables.items():
                self.tables.setdefault(f"{key}.{name}", []).extend(below)


def _texts(names: list[str], cells: list[str], page: int | None) -> Iterator[Field]:
    return (Field(name, text, {"page": page}) for name, text in zip(names, cells, strict=False))


def _fields_of_row(place: str, row: Mapping[str, Any]) -> FieldRow:
    cells: FieldRow = {}
    for name, value in row.items():
        if is_grounded(value):  # nearly every cell; the other way takes twice as long
            cells[name] = Field(place + name, grounded_value(value), value)
        else:
            cells.update((cell.key, cell.renamed(place + cell.key)) for cell in read_row({name: value}))
    return cells


def _row(table: str, number: int, cells: Iterable[Field]) -> FieldRow:
    return {cell.key: cell.renamed(f"{table}[{number}].{cell.key}") for cell in cells}
