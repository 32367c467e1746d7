"""Read what was extracted: fields with their evidence, and rows of line items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from docspeed_cli.results.values import (
    MAX_DEPTH,
    find_member,
    first_filled,
    grounded_value,
    has_evidence,
    is_described,
    is_grounded,
    page_of,
    regions_of,
    unwrap,
)

PayloadPlace = tuple[Any, Any]
"""An object or a list, and a name or an index in it."""


class Field:
    """A field and its evidence, which is read on first use; a field that was not found has no value.

    `sources` are the objects of the payload that may have the evidence as members. `place` is the object or
    list of the payload that the field is in, and its name or its index there.
    """

    __slots__ = ("key", "place", "sources", "value")

    def __init__(self, key: str, value: Any, *sources: Any) -> None:
        self.key = key
        self.value = value
        self.sources = sources
        self.place: PayloadPlace | None = None

    def renamed(self, key: str) -> Field:
        """The same field under another key."""
        return Field(key, self.value, *self.sources)

    def at(self, place: PayloadPlace | None) -> Field:
        """Set the place, and return the field."""
        self.place = place
        return self

    @property
    def region_ids(self) -> tuple[str, ...]:
        """The regions that the value was read from."""
        return tuple(self._region_ids())

    @property
    def page(self) -> int | None:
        """The page that the value is on, counted from 1."""
        return page_of(self.sources[0], self._region_ids()) if self.sources else None

    def _region_ids(self) -> Iterator[str]:
        return (region_id for source in self.sources for region_id in regions_of(source))

    @property
    def quoted_text(self) -> str:
        """The text in the document that the value was read from; empty where the payload has none."""
        quoted = first_filled(self.sources[0], ("text", "quote")) if self.sources else None
        return quoted if isinstance(quoted, str) else ""

    @property
    def has_evidence(self) -> bool:
        """Whether something points at the place where the value was read."""
        return bool(self.sources) and all(map(has_evidence, self.sources))


class Extraction(NamedTuple):
    """What was extracted from a document: its class, its fields, and its line items by table."""

    doc_class: str
    fields: list[Field]
    line_items: dict[str, list[dict[str, Any]]]


def read_extraction(payload: Any, *, items_needed: bool = True) -> Extraction | None:
    """Return the fields and line items of an extraction; None for a payload of another shape.

    Reading line items takes most of the time, so they may be left out where there are fields.
    """
    has_fields = isinstance(_fields_member(payload), dict | list)
    items = read_line_items(payload) if items_needed or not has_fields else {}
    if not items and not has_fields:
        return None
    doc_class = find_member(payload, "doc_class")
    return Extraction(doc_class if isinstance(doc_class, str) else "", read_fields(payload), items)


def read_fields(payload: Any) -> list[Field]:
    """Return the extracted fields in their order, nested ones under dotted keys."""
    return list(_fields_in("", _fields_member(payload), 0))


def _fields_member(payload: Any) -> Any:
    found = find_member(payload, "fields", "invoice_level_fields")
    if found is None:
        # Without a member for fields, the fields are those members that have evidence.
        bodies = list(unwrap(payload)) or [{}]
        found = {name: value for name, value in bodies[-1].items() if is_grounded(value)} or None
    return found


def _fields_in(key: str, value: Any, depth: int, place: PayloadPlace | None = None) -> Iterator[Field]:
    if is_grounded(value):
        yield Field(key, grounded_value(value), value).at(place)
    elif isinstance(value, dict) and value and depth < MAX_DEPTH:
        for name, item in value.items():
            yield from _fields_in(f"{key}.{name}" if key else str(name), item, depth + 1, (value, name))
    elif isinstance(value, list) and depth < MAX_DEPTH and any(isinstance(item, dict) for item in value):
        yield from _listed_fields(key, value, depth, place)
    elif key:
        yield Field(key, value).at(place)


def _listed_fields(key: str, items: list[Any], depth: int, place: PayloadPlace | None) -> Iterator[Field]:
    """Yield the fields of a list: one with several values, or one for each item, named or numbered."""
    # Values without names of their own are the several values of one field, such as `tags`.
    if all(is_grounded(item) and not name_in(item) for item in items):
        yield Field(key or "value", [grounded_value(item) for item in items], *items).at(place)
        return
    for index, item in enumerate(items):
        name = name_in(item) if is_named(item) else ""
        inner = f"{key}.{name}" if key and name else name or f"{key}[{index + 1}]"
        if name and "fields" not in item:
            yield Field(inner, grounded_value(item), item).at((items, index))
        elif name:
            yield from _fields_in(inner, item["fields"], depth + 1, (item, "fields"))
        else:
            yield from _fields_in(inner, item, depth + 1, (items, index))


def is_named(item: Any) -> bool:
    """Whether an object in a list is a field with its own name in it, rather than an object of fields.

    In `{"name": "ACME", "city": "Basel"}` the name is a value.
    """
    return isinstance(item, dict) and ("key" in item or "fields" in item or is_described(item))


def name_in(item: Any) -> str:
    """Return the name that a field or a table has in a list; empty if it has none."""
    found = first_filled(item, ("key", "name"))
    return found if isinstance(found, str) else ""


def read_line_items(payload: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each line-item table by the table's name; a row maps columns to values."""
    items: dict[str, list[dict[str, Any]]] = {}
    for name, rows in _line_item_lists(payload):
        # Two tables of one name, say the two halves of one over a page break, become one.
        items.setdefault(name, []).extend(row for row in map(_row_of, rows) if row)
    return items


def read_places(payload: Any) -> dict[str, list[PayloadPlace]]:
    """Return where a payload has the values of fields and line items, by key."""
    found: dict[str, list[PayloadPlace]] = {}
    fields = _fields_member(payload)
    named = find_member(payload, "fields", "invoice_level_fields") is not None
    for field in _fields_in("", fields, 0):
        if field.place is not None:
            place: PayloadPlace = field.place if named else (list(unwrap(payload))[-1], field.key)
            found.setdefault(field.key, []).append(place)
    last: Counter[str] = Counter()
    for name, rows in _line_item_lists(payload):
        columns = dict.fromkeys(column for row in rows for column in _row_of(row))
        for index, row in enumerate(rows):
            if _row_of(row):
                last[name] += 1
                for key, place in _row_places(rows, index, columns):
                    found.setdefault(f"{name}[{last[name]}].{key}", []).append(place)
    return found


def _row_places(rows: list[Any], index: int, columns: Iterable[str]) -> Iterator[tuple[str, PayloadPlace]]:
    """Yield the key and place of each cell of a row, also where it lacks a cell that other rows have."""
    cells, values, places = _cells_in(rows[index]), _row_of(rows[index]), _cell_places(rows, index)
    for column in columns:
        if column in values:
            found = _fields_in(column, values[column], 1, places[column])
            yield from ((cell.key, cell.place) for cell in found if cell.place is not None)
        elif isinstance(cells, dict):
            yield column, (cells, column)


def _cell_places(rows: list[Any], index: int) -> dict[str, PayloadPlace]:
    """Return the places of the cells that `_row_of` reads, by column."""
    cells = _cells_in(rows[index])
    if isinstance(cells, dict):
        return {str(name): (cells, name) for name in cells}
    if isinstance(cells, list):
        return {name_in(cell) or str(at + 1): (cells, at) for at, cell in enumerate(cells)}
    return {"value": (rows, index)}


def _line_item_lists(payload: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield the lists of rows of line items, each with its table's name."""
    found = find_member(payload, "line_items", "line_item_structures", "tables")
    if isinstance(found, dict):
        named = [(str(name), value) for name, value in found.items()]
    elif isinstance(found, list) and any(_rows_in(item) is not None for item in found):
        named = [(name_in(item) or str(number), item) for number, item in enumerate(found, 1)]
    else:
        rows = find_member(payload, "line_items")
        named = [("line_items", rows)] if rows else []
    for name, value in named:
        rows = value if isinstance(value, list) else _rows_in(value)
        if rows is not None:
            yield name, rows


def read_row(row: Mapping[str, Any]) -> list[Field]:
    """Return the cells of a row of line items with their evidence, nested ones under dotted keys."""
    return [cell for name, value in row.items() for cell in _fields_in(name, value, 1)]


def _rows_in(table: Any) -> list[Any] | None:
    names = [name for name in ("rows", "items") if isinstance(table, dict) and name in table]
    return table[names[0]] if names and isinstance(table[names[0]], list) else None


def _cells_in(row: Any) -> Any:
    inner = first_filled(row, ("fields", "cells"))
    return inner if isinstance(inner, dict | list) and not is_grounded(inner) else row


def _row_of(row: Any) -> dict[str, Any]:
    cells = _cells_in(row)
    if isinstance(cells, dict):
        return {str(name): value for name, value in cells.items()}
    if isinstance(cells, list):
        return {name_in(cell) or str(number): cell for number, cell in enumerate(cells, 1)}
    return {} if cells is None else {"value": cells}
