"""Read a result as what its operation returns, or else as what it looks like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from docspeed_cli.results.fields import read_extraction
from docspeed_cli.results.pages import Answer, read_answer, read_packet, read_pages
from docspeed_cli.results.schema import read_schema
from docspeed_cli.results.tables import read_tables
from docspeed_cli.results.values import VALUE_NAMES, find_member

NO_NAMES: Mapping[str, str] = MappingProxyType({})

_READERS: Mapping[str, Callable[[Any], Any]] = {
    "parse": read_pages,
    "extract": read_extraction,
    "tables": read_tables,
    "split": read_packet,
    "schema": read_schema,
    "chat": read_answer,
}


def read_payload(
    operation: str, payload: Any, names: Mapping[str, str] = NO_NAMES
) -> tuple[str, Any] | tuple[None, None]:
    """Return the operation whose shape a payload has, and its value; (None, None) for an unknown shape.

    The value is a list of pages or tables, an Extraction, a Packet, a Schema or an Answer. An answer's
    documents get their `names` in place of their file ids.
    """
    operation = "chat" if operation == "ask" else operation
    # An operation that we do not know, or a shape that changed: pages and answers are still readable.
    for shape in (operation, "parse", "chat"):
        value = _READERS[shape](payload) if shape in _READERS else None
        if value is not None:
            return shape, value.with_names(names) if isinstance(value, Answer) else value
    return None, None


def guess_operation(payload: Any) -> str:
    """Return the operation that a result most likely comes from, by its members; empty if none fits."""
    # The order decides: there may also be tables beside pages and beside the fields of an extraction.
    members = {
        "chat": ("answer",),
        "parse": ("pages",),
        "split": ("sections", "segments"),
        "extract": ("fields", "invoice_level_fields", "line_items", "line_item_structures"),
        "tables": ("tables", "cells"),
    }
    found = next((name for name, keys in members.items() if find_member(payload, *keys) is not None), "")
    fields = find_member(payload, "fields", "tables")
    if found in ("extract", "tables") and isinstance(fields, list) and fields and all(map(_is_node, fields)):
        return "schema"
    return found


def _is_node(item: Any) -> bool:
    """Whether an item of a list of fields names a field without a value, as a schema does."""
    named = isinstance(item, dict) and "key" in item and ("type" in item or "fields" in item)
    return named and not any(name in item for name in (*VALUE_NAMES, "rows", "cells"))
