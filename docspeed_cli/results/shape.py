"""Read a result as what its operation returns, or else as what it looks like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from docspeed_cli.results.fields import read_extraction
from docspeed_cli.results.pages import Answer, read_answer, read_packet, read_pages
from docspeed_cli.results.schema import read_schema
from docspeed_cli.results.tables import read_tables

NO_NAMES: Mapping[str, str] = MappingProxyType({})

_READERS: Mapping[str, Callable[[Any], Any]] = {
    "parse": read_pages,
    "extract": read_extraction,
    "tables": read_tables,
    "split": read_packet,
    "schema": read_schema,
    "chat": read_answer,
}


def read_result(
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
