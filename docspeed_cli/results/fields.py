"""Alone in reading what was extracted: fields with their evidence, and rows of line items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from docspeed_cli.results.values import (
    VALUES,
    content,
    evident,
    first,
    grounded,
    member,
    page_of,
    regions_of,
    scalar,
    unwrap,
)

_DEEPEST = 12


class Field(NamedTuple):
    """A field with its evidence; a value of None was not found."""

    key: str
    value: Any
    region_ids: tuple[str, ...]
    page: int | None
    evidence: str
    evident: bool
    """Whether anything points at where it was read."""


def has_fields(payload: Any) -> bool:
    """Whether this is an extraction's result at all, be it empty."""
    return isinstance(_fields_member(payload), dict | list) or bool(line_items(payload))


def _fields_member(payload: Any) -> Any:
    found = member(payload, "fields", "extracted_fields", "invoice_level_fields")
    if found is not None:
        return found
    inmost = list(unwrap(payload))[-1:]
    bare = {key: value for body in inmost for key, value in body.items() if grounded(value)}
    return bare or None


def fields(payload: Any) -> list[Field]:
    """The extracted fields, nested ones under dotted keys."""
    return list(_fields_in("", _fields_member(payload), 0))


def _fields_in(key: str, value: Any, depth: int) -> Iterator[Field]:
    """The fields in a value; one level of a list of named fields has the names as keys."""
    if grounded(value):
        yield _field(key, content(value), value)
    elif isinstance(value, dict) and value and depth < _DEEPEST:
        for name, item in value.items():
            yield from _fields_in(f"{key}.{name}" if key else str(name), item, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST and any(isinstance(item, dict) for item in value):
        yield from _listed_fields(key, value, depth)
    elif key:
        yield _field(key, value, None)


def _listed_fields(key: str, items: list[Any], depth: int) -> Iterator[Field]:
    if all(grounded(item) and not _name(item) for item in items):
        ids = tuple(chain.from_iterable(regions_of(item) for item in items))
        values = [content(item) for item in items]
        known = all(map(evident, items))
        yield Field(key or "value", values, ids, page_of(items[0], ids), _evidence(items[0]), known)
        return
    for number, item in enumerate(items, 1):
        name = _name(item)
        inner = f"{key}.{name}" if key and name else name or f"{key}[{number}]"
        if name and isinstance(item, dict):
            value = item.get("fields") or first(item, VALUES)
            named = _field(inner, value, item)
            yield from _fields_in(inner, value, depth + 1) if isinstance(value, dict) else [named]
        else:
            yield from _fields_in(inner, item, depth + 1)


def _name(item: Any) -> str:
    found = first(item, ("key", "name", "field", "label"))
    return found if isinstance(found, str) else ""


def _field(key: str, value: Any, source: Any) -> Field:
    ids = regions_of(source)
    return Field(key, value, ids, page_of(source, ids), _evidence(source), evident(source))


def _evidence(source: Any) -> str:
    found = first(source, ("text", "quote", "evidence", "snippet"))
    return found if isinstance(found, str) else ""


def line_items(payload: Any) -> dict[str, list[dict[str, Any]]]:
    """The rows of every line-item structure by its name, each a mapping of columns to values."""
    found = member(payload, "line_items", "line_item_structures")
    listed = found if isinstance(found, dict | list) else member(payload, "tables")
    if isinstance(listed, dict):
        named: Iterable[tuple[str, Any]] = [(str(name), value) for name, value in listed.items()]
    elif isinstance(listed, list) and any(_rows_member(item) is not None for item in listed):
        named = [(_structure(item, number), item) for number, item in enumerate(listed, 1)]
    else:
        named = [("line_items", found)] if isinstance(found, list) and found else []
    items: dict[str, list[dict[str, Any]]] = {}
    for name, value in named:
        rows = value if isinstance(value, list) else _rows_member(value)
        if isinstance(rows, list):
            items.setdefault(name, []).extend(row for row in map(_row, rows) if row)
    return items


def _structure(item: Any, number: int) -> str:
    return _name(item) or scalar(first(item, ("table_id", "id", "title"))) or str(number)


def _rows_member(item: Any) -> Any:
    found = first(item, ("rows", "items", "line_items"))
    if found is None and isinstance(item, dict):
        found = next((item[name] for name in ("rows", "items", "line_items") if name in item), None)
    return found if isinstance(found, list) else None


def _row(row: Any) -> dict[str, Any]:
    inner = first(row, ("fields", "cells", "values")) if isinstance(row, dict) else row
    if not isinstance(inner, dict | list) or (isinstance(inner, dict) and grounded(inner)):
        inner = row
    if isinstance(inner, dict):
        return {str(name): value for name, value in inner.items()}
    if isinstance(inner, list):
        return {_name(cell) or str(number): cell for number, cell in enumerate(inner, 1)}
    return {} if inner is None else {"value": inner}


def columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The columns of rows in the order in which they first come."""
    return list(dict.fromkeys(chain.from_iterable(rows)))
