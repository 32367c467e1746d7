"""Lay an extraction out in columns: those of its schema, or those that its documents turn out to have."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from docspeed_cli.results.decisions import CORRECTED, REJECTED, Decision
from docspeed_cli.results.fields import Extraction, Field, read_row
from docspeed_cli.results.keys import find_key, without_indexes
from docspeed_cli.results.schema import Node, leaf_types, read_schema

Row = dict[str, Any]
"""The values of a row by the names of their columns."""

STRING = "string"
"""The type of a column whose values stay text."""

DOCUMENT_COLUMNS = ("input", "job_id", "status")
ERROR = "error"
MARKS = (CORRECTED, REJECTED)
"""Last columns, which have the reviewers' decisions, if there are any."""

_OUR_DOCUMENT_COLUMNS = (*DOCUMENT_COLUMNS, ERROR, *MARKS)
_OUR_TABLE_COLUMNS = ("input", *MARKS)

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


class DocumentOutcome(NamedTuple):
    """What is known of a document besides its result; `code` and `error` say why it failed."""

    input: str
    job_id: str = ""
    status: str = ""
    code: str = ""
    error: str = ""
    problems: tuple[tuple[str, str, str], ...] = ()
    """Failed checks: code, keys, and what is wrong."""
    corrections: tuple[Decision, ...] = ()
    """What reviewers corrected in its result."""
    rejected: str = ""
    """Who rejected it and why, in words, or an empty text."""


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
    """Finds the column for a key of a payload: the schema's name for it, or its own where there is none.

    Key and name may leave out the part before a dot. A column named like one of `ours` gets a prefix.
    """

    def __init__(self, ours: Sequence[str], names: Iterable[str] = ()) -> None:
        self._ours = ours
        self._names = {name: self._column(name) for name in names}
        self._known: dict[str, tuple[str, int] | None] = {}

    def find(self, key: str) -> tuple[str, int] | None:
        """Return the column, and 1 if only the ends of key and name match, else 0; None without one."""
        if key not in self._known:
            self._known[key] = self._find(key)
        return self._known[key]

    def _find(self, key: str) -> tuple[str, int] | None:
        plain = without_indexes(key)
        if not self._names:
            return self._column(plain), 0
        if plain in self._names:
            return self._names[plain], 0
        parts = [name for name in self._names if plain.startswith(f"{name}.")]
        if parts:  # the schema has no fields below this one
            return self._names[max(parts, key=len)], 0
        name = find_key(plain, self._names)
        return (self._names[name], 1) if name is not None else None

    def _column(self, name: str) -> str:
        return f"field.{name}" if name in self._ours else name

    @property
    def columns(self) -> list[str]:
        """The names as columns."""
        return list(self._names.values())


class Layout:
    """The columns of an extraction's rows: its schema's, or those that its payloads turn out to have."""

    def __init__(self, schema: Any = None) -> None:
        known = read_schema(schema) if schema is not None else None
        self.known = known is not None
        self._fields = _Names(_OUR_DOCUMENT_COLUMNS)
        self._tables: dict[str, _Names] = {}
        self._other_tables = _Names(_OUR_TABLE_COLUMNS)
        self._columns: dict[str | None, tuple[Column, ...]] = {}
        if known is not None:
            self._fields = self._add(None, known.fields, _OUR_DOCUMENT_COLUMNS)
            for table in known.tables:
                self._tables[table.key] = self._add(table.key, table.children, _OUR_TABLE_COLUMNS)

    def _add(self, table: str | None, nodes: Iterable[Node], ours: Sequence[str]) -> _Names:
        leaves = leaf_types(nodes)
        names = _Names(ours, leaves)
        kinds = zip(names.columns, leaves.values(), strict=True)
        self._columns[table] = tuple(Column(name, kind) for name, kind in kinds)
        return names

    @property
    def tables(self) -> list[str]:
        """The names of the schema's tables."""
        return list(self._tables)

    def column_of(self, key: str, tables: Collection[str]) -> ColumnPlace | None:
        """Return the column of a value by its key in a result with these tables.

        None if the schema does not have it.
        """
        row, number, table = _IN_ROW.fullmatch(key), None, None
        if row and row["table"] in tables:  # else a list among the fields
            table, number, key = self._table_named(row["table"], tables), int(row["row"]), row["column"]
            if table is None:
                return None
        found = self._names_of(table).find(key)
        if found is None:
            return None
        known = (column for column in self._columns.get(table, ()) if column.name == found[0])
        return ColumnPlace(table, number, next(known, Column(found[0])))

    def _names_of(self, table: str | None) -> _Names:
        return self._fields if table is None else self._tables.get(table, self._other_tables)

    def document_columns(self) -> Columns:
        """Return the columns of the table with a row for each document."""
        first = tuple(Column(name, STRING) for name in DOCUMENT_COLUMNS)
        return Columns(first, self._columns[None] if self.known else None, (Column(ERROR, STRING),))

    def table_columns(self, name: str) -> Columns:
        """Return the columns of a table of line items."""
        own = self._columns.get(name, ()) if self.known else None
        # A schema may leave a table's columns to the service.
        return Columns((Column("input", STRING),), own or None)

    def document_row(self, document: DocumentOutcome, extraction: Extraction | None) -> Row:
        """Return the row of a document; one that failed may have no result."""
        row: Row = dict(zip(DOCUMENT_COLUMNS, document, strict=False))
        if extraction is not None:
            row |= _row_values(extraction.fields, self._fields)
        row[ERROR] = document.error
        return row

    def table_rows(self, extraction: Extraction) -> Iterator[tuple[str, int, list[Field], Row]]:
        """Yield the table's name, the number, the cells and the row of each line item, without its input."""
        for name, rows in extraction.line_items.items():
            table = self._table_named(name, extraction.line_items)
            if table is None:
                continue
            names = self._names_of(table)
            for number, row in enumerate(rows, 1):
                cells = read_row(row)
                yield table, number, cells, _row_values(cells, names)

    def _table_named(self, name: str, tables: Collection[str]) -> str | None:
        """Return the schema's name for one of a payload's tables; None if the schema has no such table."""
        if not self.known:
            return name
        is_alone = len(self._tables) == len(tables) == 1
        return next(iter(self._tables)) if is_alone else find_key(name, self._tables)


def _row_values(fields: Iterable[Field], names: _Names) -> Row:
    """Return the values by column; several of one column, as in a list of parties, become a list."""
    found: dict[str, tuple[int, list[Any]]] = {}
    for field in fields:
        match = names.find(field.key)
        if match is None:
            continue
        name, distance = match
        nearest, values = found.setdefault(name, (distance, []))
        if distance < nearest:
            found[name] = (distance, [field.value])
        elif distance == nearest:
            values.append(field.value)
    return {name: values[0] if len(values) == 1 else values for name, (_, values) in found.items()}
