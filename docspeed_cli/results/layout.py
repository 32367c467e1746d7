"""Lay an extraction out in columns: those of its schema, or those that its documents turn out to have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from docspeed_cli.results.corrections import Correction
from docspeed_cli.results.fields import Extraction, Field, read_row
from docspeed_cli.results.schema import Node, read_schema, walk_nodes

Row = dict[str, Any]
"""The values of a row by the names of their columns."""

STRING = "string"
"""The type of a column whose values stay text."""

DOCUMENT_COLUMNS = ("input", "job_id", "status")
ERROR = "error"

_LIST_INDEX = re.compile(r"\[\d+\]")
"""The `[2]` in `parties[2].city`: a schema names such a field once, as `parties.city`."""


_IN_ROW = re.compile(r"(?P<table>[^\[\]]+)\[(?P<row>\d+)\]\.(?P<column>.+)")
"""The key of a cell, such as `line_items[3].amount`."""


class Column(NamedTuple):
    """A column: its name, and the type that the schema gives it."""

    name: str
    kind: str = ""


class ColumnPlace(NamedTuple):
    """The column of a value: its table and row, counted from 1, or None for the documents' table."""

    table: str | None
    row: int | None
    column: Column


class Document(NamedTuple):
    """What is known of a document besides its result; `code` and `error` say why it failed."""

    input: str
    job_id: str = ""
    status: str = ""
    code: str = ""
    error: str = ""
    problems: tuple[tuple[str, str, str], ...] = ()
    """Failed checks: code, keys, and what is wrong."""
    corrections: tuple[Correction, ...] = ()
    """What reviewers corrected in its result."""


class Columns(NamedTuple):
    """The columns of a table: ours, and between them those of the documents.

    Without a schema the documents' columns are all that any document has, in the order in which they come.
    """

    first: tuple[Column, ...]
    own: tuple[Column, ...] | None
    last: tuple[Column, ...] = ()

    def all(self, found: Iterable[str] = ()) -> list[Column]:
        """Return all columns, with those `found` where no schema names them."""
        ours = {column.name for column in (*self.first, *self.last)}
        own = self.own
        if own is None:
            own = tuple(Column(name) for name in dict.fromkeys(found) if name not in ours)
        return [*self.first, *own, *self.last]


class _Names:
    """Finds the schema's name for a key of a payload; both may leave out what stands before a dot."""

    def __init__(self, names: Sequence[str], ours: Sequence[str]) -> None:
        self._names = {name: f"field.{name}" if name in ours else name for name in names}
        self._known: dict[str, tuple[str, int] | None] = {}

    def find(self, key: str) -> tuple[str, int] | None:
        """Return the name and how far the key is from it: 0 if they are equal; None for no name."""
        if key not in self._known:
            self._known[key] = self._find(key)
        return self._known[key]

    def _find(self, key: str) -> tuple[str, int] | None:
        plain = _LIST_INDEX.sub("", key)
        if plain in self._names:
            return self._names[plain], 0
        parts = [name for name in self._names if plain.startswith(f"{name}.")]
        if parts:  # the schema has no fields below this one
            return self._names[max(parts, key=len)], 0
        ends = [n for n in self._names if n.endswith(f".{plain}") or plain.endswith(f".{n}")]
        return (self._names[ends[0]], 1) if len(ends) == 1 else None

    @property
    def columns(self) -> list[str]:
        """The names as columns; one that we have ourselves gets a prefix."""
        return list(self._names.values())


class Layout:
    """The columns of an extraction's rows: its schema's, or those that its payloads turn out to have."""

    def __init__(self, schema: Any = None) -> None:
        known = read_schema(schema) if schema is not None else None
        self.known = known is not None
        self._fields: _Names | None = None
        self._tables: dict[str, _Names] = {}
        self._columns: dict[str | None, tuple[Column, ...]] = {}
        if known is not None:
            self._fields = self._add(None, known.fields, (*DOCUMENT_COLUMNS, ERROR))
            for table in known.tables:
                self._tables[table.key] = self._add(table.key, table.children, ("input",))

    def _add(self, table: str | None, nodes: Iterable[Node], ours: Sequence[str]) -> _Names:
        leaves = {".".join(path): node.type for path, node in walk_nodes(nodes) if not node.children}
        names = _Names(list(leaves), ours)
        kinds = zip(names.columns, leaves.values(), strict=True)
        self._columns[table] = tuple(Column(name, kind) for name, kind in kinds)
        return names

    @property
    def tables(self) -> list[str]:
        """The names of the schema's tables."""
        return list(self._tables)

    def column_of(self, key: str) -> ColumnPlace | None:
        """Return the column of a value by its key in the result; None if the schema does not have it."""
        row, number = _IN_ROW.fullmatch(key), None
        table = self._nearest_table(row["table"]) if row else None
        if row and (table is not None or not self.known):
            table, number, key = table or row["table"], int(row["row"]), row["column"]
        names = self._fields if table is None else self._tables.get(table)
        if names is None or not names.columns:
            ours = (*DOCUMENT_COLUMNS, ERROR) if table is None else ("input",)
            plain = _LIST_INDEX.sub("", key)
            column = Column(f"field.{plain}" if plain in ours else plain)
            return ColumnPlace(table, number, column)
        found = names.find(key)
        known = {column.name: column for column in self._columns[table]}
        return ColumnPlace(table, number, known[found[0]]) if found is not None else None

    def _nearest_table(self, name: str) -> str | None:
        if name in self._tables:
            return name
        ends = [n for n in self._tables if n.endswith(f".{name}") or name.endswith(f".{n}")]
        return (
            ends[0] if len(ends) == 1 else next(iter(self._tables), None) if len(self._tables) == 1 else None
        )

    def document_columns(self) -> Columns:
        """Return the columns of the table with a row for each document."""
        first = tuple(Column(name, STRING) for name in DOCUMENT_COLUMNS)
        return Columns(first, self._columns[None] if self.known else None, (Column(ERROR, STRING),))

    def table_columns(self, name: str) -> Columns:
        """Return the columns of a table of line items."""
        own = self._columns.get(name, ()) if self.known else None
        # A schema may leave a table's columns to the service.
        return Columns((Column("input", STRING),), own or None)

    def document_row(self, document: Document, extraction: Extraction | None) -> Row:
        """Return the row of a document; one that failed may have no result."""
        row: Row = dict(zip(DOCUMENT_COLUMNS, document, strict=False))
        if extraction is not None:
            row |= _values(extraction.fields, self._fields, (*DOCUMENT_COLUMNS, ERROR))
        row[ERROR] = document.error
        return row

    def table_rows(self, extraction: Extraction) -> Iterator[tuple[str, int, list[Field], Row]]:
        """Yield the table's name, the number, the cells and the row of each line item, without its input."""
        for name, rows in extraction.line_items.items():
            table = self._table_named(name, extraction)
            if table is None:
                continue
            names = self._tables.get(table)
            for number, row in enumerate(rows, 1):
                cells = read_row(row)
                columns = names if names is not None and names.columns else None
                yield table, number, cells, _values(cells, columns, ("input",))

    def _table_named(self, name: str, extraction: Extraction) -> str | None:
        """Return the schema's name for a table of a payload; None if the schema has no such table."""
        if not self.known or name in self._tables:
            return name
        alone = len(self._tables) == len(extraction.line_items) == 1
        ends = [n for n in self._tables if alone or n.endswith(f".{name}") or name.endswith(f".{n}")]
        return ends[0] if len(ends) == 1 else None


def _values(fields: Iterable[Field], names: _Names | None, ours: Sequence[str]) -> Row:
    """Return the values by column; several of one column, as in a list of parties, become a list."""
    found: dict[str, tuple[int, list[Any]]] = {}
    for field in fields:
        if names is not None:
            match = names.find(field.key)
        else:
            key = _LIST_INDEX.sub("", field.key)
            match = (f"field.{key}" if key in ours else key, 0)
        if match is None:
            continue
        name, distance = match
        nearest, values = found.setdefault(name, (distance, []))
        if distance < nearest:
            found[name] = (distance, [field.value])
        elif distance == nearest:
            values.append(field.value)
    return {name: values[0] if len(values) == 1 else values for name, (_, values) in found.items()}
