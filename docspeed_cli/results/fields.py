"""Read what was extracted: fields with their evidence, and rows of line items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from docspeed_cli.results.values import (
    MAX_DEPTH,
    VALUE_NAMES,
    cell_text,
    find_member,
    first_filled,
    grounded_value,
    has_evidence,
    is_grounded,
    page_of,
    regions_of,
    unwrap,
)

_ROW_LISTS = ("rows", "items", "line_items")


class Field(NamedTuple):
    """A field with its evidence; the value of a field that was not found is None."""

    key: str
    value: Any
    region_ids: tuple[str, ...]
    page: int | None
    quoted_text: str
    """The text in the document that the value was read from; empty where the payload has none."""

    has_evidence: bool
    """Whether anything points at the place where the value was read."""


class Extraction(NamedTuple):
    """What was extracted from a document: its class, its fields, and its line items by table."""

    doc_class: str
    fields: list[Field]
    line_items: dict[str, list[dict[str, Any]]]


def read_extraction(payload: Any) -> Extraction | None:
    """Return the fields and line items of an extraction; None for a payload of another shape."""
    items = read_line_items(payload)
    if not items and not isinstance(_fields_member(payload), dict | list):
        return None
    doc_class = find_member(payload, "doc_class")
    return Extraction(doc_class if isinstance(doc_class, str) else "", read_fields(payload), items)


def _fields_member(payload: Any) -> Any:
    found = find_member(payload, "fields", "extracted_fields", "invoice_level_fields")
    if found is not None:
        return found
    # Without a member for fields, the fields are those members that have evidence.
    innermost = list(unwrap(payload))[-1:]
    bare = {key: value for body in innermost for key, value in body.items() if is_grounded(value)}
    return bare or None


def read_fields(payload: Any) -> list[Field]:
    """Return the extracted fields in their order, nested ones under dotted keys."""
    return list(_fields_in("", _fields_member(payload), 0))


def _fields_in(key: str, value: Any, depth: int) -> Iterator[Field]:
    if is_grounded(value):
        yield _field(key, grounded_value(value), value)
    elif isinstance(value, dict) and value and depth < MAX_DEPTH:
        for name, item in value.items():
            yield from _fields_in(f"{key}.{name}" if key else str(name), item, depth + 1)
    elif isinstance(value, list) and depth < MAX_DEPTH and any(isinstance(item, dict) for item in value):
        yield from _listed_fields(key, value, depth)
    elif key:
        yield _field(key, value, None)


def _listed_fields(key: str, items: list[Any], depth: int) -> Iterator[Field]:
    """Yield the fields of a list: one with several values, or one for each item, named or numbered."""
    # Values without names of their own are the several values of one field, such as `tags`.
    if all(is_grounded(item) and not _own_name(item) for item in items):
        ids = tuple(chain.from_iterable(regions_of(item) for item in items))
        values = [grounded_value(item) for item in items]
        page, known = page_of(items[0], ids), all(map(has_evidence, items))
        yield Field(key or "value", values, ids, page, _quoted_text(items[0]), known)
        return
    for number, item in enumerate(items, 1):
        name = _own_name(item)
        inner = f"{key}.{name}" if key and name else name or f"{key}[{number}]"
        value = item.get("fields") or first_filled(item, VALUE_NAMES) if name else item
        if name and not isinstance(value, dict):
            yield _field(inner, value, item)
        else:
            yield from _fields_in(inner, value, depth + 1)


def _own_name(item: Any) -> str:
    found = first_filled(item, ("key", "name", "field", "label"))
    return found if isinstance(found, str) else ""


def _field(key: str, value: Any, source: Any) -> Field:
    ids = regions_of(source)
    return Field(key, value, ids, page_of(source, ids), _quoted_text(source), has_evidence(source))


def _quoted_text(source: Any) -> str:
    found = first_filled(source, ("text", "quote", "evidence", "snippet"))
    return found if isinstance(found, str) else ""


def read_line_items(payload: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each line-item table by the table's name; a row maps columns to values."""
    found = find_member(payload, "line_items", "line_item_structures")
    listed = found if isinstance(found, dict | list) else find_member(payload, "tables")
    if isinstance(listed, dict):
        named: Iterable[tuple[str, Any]] = [(str(name), value) for name, value in listed.items()]
    elif isinstance(listed, list) and any(_rows_member(item) is not None for item in listed):
        named = [(_table_name(item, number), item) for number, item in enumerate(listed, 1)]
    else:
        named = [("line_items", found)] if isinstance(found, list) and found else []
    items: dict[str, list[dict[str, Any]]] = {}
    for name, value in named:
        rows = value if isinstance(value, list) else _rows_member(value)
        if isinstance(rows, list):
            # Two tables of one name, say the two halves of one over a page break, become one.
            items.setdefault(name, []).extend(row for row in map(_row_of, rows) if row)
    return items


def _table_name(item: Any, number: int) -> str:
    return _own_name(item) or cell_text(first_filled(item, ("table_id", "id", "title"))) or str(number)


def _rows_member(item: Any) -> list[Any] | None:
    found = first_filled(item, _ROW_LISTS)
    if found is None and isinstance(item, dict):
        found = next((item[name] for name in _ROW_LISTS if name in item), None)
    return found if isinstance(found, list) else None


def _row_of(row: Any) -> dict[str, Any]:
    inner = first_filled(row, ("fields", "cells", "values"))
    if not isinstance(inner, dict | list) or is_grounded(inner):
        inner = row
    if isinstance(inner, dict):
        return {str(name): value for name, value in inner.items()}
    if isinstance(inner, list):
        return {_own_name(cell) or str(number): cell for number, cell in enumerate(inner, 1)}
    return {} if inner is None else {"value": inner}
