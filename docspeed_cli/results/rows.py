"""Lay results out as rows: one for each document, the rows of its tables, and the evidence of its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from docspeed_cli.results.corrections import cell_key
from docspeed_cli.results.decisions import CORRECTED, REJECTED, Decision
from docspeed_cli.results.fields import Extraction, Field, read_extraction
from docspeed_cli.results.keys import keys_ending
from docspeed_cli.results.layout import MARKS, STRING, Column, Columns, DocumentOutcome, Layout, Row
from docspeed_cli.results.tables import Table, column_names, read_tables
from docspeed_cli.results.to_text import NotConvertible, one_line
from docspeed_cli.results.values import cell_text

PROBLEM_COLUMNS = ("input", "job_id", "code", "field", "problem")
EVIDENCE_COLUMNS = ("input", "field", "value", "page", "quoted_text", "regions")
CELL_COLUMNS = ("input", "page", "table", "row")
_OF_ANY_TYPE = ("value", "page", "row")
ALL_TABLES = "Tables"
"""The sheet with the rows of all tables of all documents, where they are not line items."""

FIELDS = "fields"
"""The table of an extraction's fields, each with its evidence."""


def our_columns(names: Sequence[str]) -> tuple[Column, ...]:
    """Return docspeed's own columns with their types."""
    return tuple(Column(name, "" if name in _OF_ANY_TYPE else STRING) for name in names)


# -- evidence


def evidence_of(document: DocumentOutcome, field: Field) -> tuple[Any, ...]:
    """Return a field's value and what it was read from, by column."""
    regions = "; ".join(field.region_ids)
    return document.input, field.key, field.value, field.page, field.quoted_text, regions


def evidence_of_row(document: DocumentOutcome, name: str, cells: Sequence[Field]) -> tuple[Any, ...]:
    """Return the values of a row of line items and what they were read from, by column."""
    values = cell_text([cell.value for cell in cells])
    page = next((cell.page for cell in cells if cell.page is not None), None)
    quoted = "; ".join(dict.fromkeys(filter(None, (cell.quoted_text for cell in cells))))
    regions = "; ".join(dict.fromkeys(region_id for cell in cells for region_id in cell.region_ids))
    return document.input, name, values, page, quoted, regions


# -- tables of cells


Corrected = list[tuple[Column, Decision]]
"""The corrections in one row, each with its column."""


def cell_rows(
    document: DocumentOutcome, tables: Iterable[tuple[int, Table]]
) -> Iterator[tuple[Row, Corrected]]:
    """Yield the rows of numbered tables, under their headings or else the columns' numbers."""
    made = [(found, each) for each in document.corrections if (found := cell_key(each.field))]
    for place, table in tables:
        headings = [one_line(cell) for cell in table.grid[0]] if table.headed else []
        width = max(map(len, table.grid), default=0)
        names = [
            f"field.{name}" if name in (*CELL_COLUMNS, *MARKS) else name
            for name in column_names(headings, width, "column_")
        ]
        columns = dict(zip(table.names, names, strict=True))
        corrected = [(row, columns.get(name, "row"), each) for (at, row, name), each in made if at == place]
        for number, cells in enumerate(table.grid[table.headed :], 1):
            row: Row = dict(zip(CELL_COLUMNS, (document.input, table.page, table.name, number), strict=True))
            here = [(Column(name), each) for at, name, each in corrected if at == number + table.headed]
            yield row | dict(zip(names, cells, strict=False)), here


# -- what is shown


class RowSelection:
    """Which rows of results are shown: documents, line items, fields with evidence, or tables' cells."""

    def __init__(self, operation: str, layout: Layout, table: str | None = None) -> None:
        self.operation = operation
        self.layout = layout
        self.table = table
        self.one_each = operation == "extract" and table is None
        """Whether there is one row for each document, also for one that failed."""
        self._evidence = operation == "extract" and table == FIELDS and FIELDS not in layout.tables

    def columns(self, marks: Sequence[str] = ()) -> Columns:
        """Return the columns of these rows; `marks` name those for reviewers' decisions."""
        columns = self._columns()
        return columns._replace(last=(*columns.last, *our_columns(marks)))

    def _columns(self) -> Columns:
        if self.operation != "extract":
            return Columns(our_columns(CELL_COLUMNS), None)
        if self._evidence:
            # The field comes first: the rows are a list of fields with their values.
            return Columns(our_columns((*EVIDENCE_COLUMNS[1:], "input")), ())
        return self.layout.document_columns() if self.table is None else self.layout.table_columns(self.table)

    def failed_rows(self, document: DocumentOutcome) -> list[Row]:
        """Return the rows of a document that has no result."""
        return [self.layout.document_row(document, None)] if self.one_each else []

    def rows(self, document: DocumentOutcome, payload: Any) -> list[Row]:
        """Return the rows of a result. NotConvertible if it has none, NoSuchTable for a wrong name."""
        if self.operation != "extract":
            found = cell_rows(document, self._tables(payload))
            return [row | _mark(document, _corrected_keys(made)) for row, made in found]
        items_needed = self.table is not None and not self._evidence
        extraction = read_extraction(payload, items_needed=items_needed)
        if extraction is None:
            raise NotConvertible(self.operation, "csv")
        if self.table is None:
            row = self.layout.document_row(document, extraction)
            return [row | _mark(document, (each.field for each in document.corrections))]
        if self._evidence:
            evidence = (evidence_of(document, field) for field in extraction.fields)
            listed = [dict(zip(EVIDENCE_COLUMNS, row, strict=True)) for row in evidence]
            keys = {each.field for each in document.corrections}
            return [row | _mark(document, {row["field"]} & keys) for row in listed]
        if self.table not in (*self.layout.tables, *extraction.line_items):
            raise NoSuchTable(self.table, [*extraction.line_items, FIELDS])
        rows = self.layout.table_rows(extraction)
        return [
            {
                "input": document.input,
                **row,
                **_mark(
                    document, _corrected_keys(_corrected_in(document, self.layout, extraction, name, number))
                ),
            }
            for name, number, _, row in rows
            if name == self.table
        ]

    def _tables(self, payload: Any) -> list[tuple[int, Table]]:
        """Return the tables that are wanted, with their numbers."""
        tables = read_tables(payload)
        if tables is None:
            raise NotConvertible(self.operation, "csv")
        picked = tables if self.table is None else tables_named(tables, self.table)
        return [
            (number, table) for number, table in enumerate(tables, 1) if any(table is one for one in picked)
        ]


def _corrected_keys(made: Corrected) -> Iterator[str]:
    return (each.field for _, each in made)


def _mark(document: DocumentOutcome, keys: Iterable[str]) -> Row:
    """Return the columns that name the corrected values, and who rejected the document, if so."""
    texts = {CORRECTED: "; ".join(keys), REJECTED: document.rejected}
    return {name: text for name, text in texts.items() if text}


def _corrected_in(
    document: DocumentOutcome,
    layout: Layout,
    extraction: Extraction,
    table: str | None = None,
    number: int | None = None,
) -> Corrected:
    """Return the corrections in a row of a table, or in the row of a document, with their columns."""
    tables = extraction.line_items
    placed = ((layout.column_of(each.field, tables), each) for each in document.corrections)
    return [
        (place.column, each)
        for place, each in placed
        if place is not None and (place.table, place.row) == (table, number)
    ]


class NoSuchTable(ValueError):
    """The result has no table of this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        listed = ", ".join(map(one_line, known[:20])) + (", …" if len(known) > 20 else "")
        has = f"it has {listed}" if known else "it has no tables"
        super().__init__(f"there is no table {name!r} in the result; {has}")


def tables_named(tables: list[Table], name: str) -> list[Table]:
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


class TableRow(NamedTuple):
    """A row of a table in a workbook; `evidence` is the place of its first row of evidence, from 0."""

    table: str
    row: Row
    evidence: int | None
    marks: Mapping[str, str] = {}
    """What is said about corrected values, by column."""


class Record(NamedTuple):
    """Everything that a workbook shows of one document."""

    document: DocumentOutcome
    row: Row
    tables: Sequence[TableRow] = ()
    evidence: Sequence[tuple[Any, ...]] = ()
    marks: Mapping[str, str] = {}
    """What is said about corrected values, by column."""


def failed_record(document: DocumentOutcome, layout: Layout) -> Record:
    """Return what a workbook shows of a document that has no result."""
    return Record(document, layout.document_row(document, None))


def read_record(operation: str, document: DocumentOutcome, payload: Any, layout: Layout) -> Record:
    """Return what a workbook shows of a result. NotConvertible if it has neither fields nor tables."""
    if operation != "extract":
        listed = read_tables(payload)
        if listed is None:
            raise NotConvertible(operation, "xlsx")
        found = cell_rows(document, enumerate(listed, 1))
        rows = [TableRow(ALL_TABLES, row, None, _decision_comments(document, made)) for row, made in found]
        row = layout.document_row(document, None)
        return Record(document, row, rows, marks=_decision_comments(document, []))
    extraction = read_extraction(payload)
    if extraction is None:
        raise NotConvertible(operation, "xlsx")
    evidence = [evidence_of(document, field) for field in extraction.fields]
    tables = []
    for table, number, cells, row in layout.table_rows(extraction):
        has_evidence = any(cell.has_evidence for cell in cells)
        marks = _decision_comments(document, _corrected_in(document, layout, extraction, table, number))
        tables.append(
            TableRow(table, {"input": document.input, **row}, len(evidence) if has_evidence else None, marks)
        )
        if has_evidence:
            evidence.append(evidence_of_row(document, f"{table}[{number}]", cells))
    row = layout.document_row(document, extraction)
    marks = _decision_comments(document, _corrected_in(document, layout, extraction))
    return Record(document, row, tables, evidence, marks)


def _decision_comments(document: DocumentOutcome, corrections: Corrected) -> dict[str, str]:
    """Return the comments on corrected values by column, and on the input of a rejected document."""
    marks = {"input": f"{document.rejected[:1].upper()}{document.rejected[1:]}"} if document.rejected else {}
    for column, each in corrections:
        by = f" by {each.reviewer}" if each.reviewer else ""
        marks[column.name] = f"Corrected{by}; it was {cell_text(each.old) or 'empty'}"
    return marks


class NoSuchColumn(ValueError):
    """There is no column of this name, or there are several."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no column {name!r}")
        self.name = name
        self.known = known


def pick_columns(columns: Sequence[Column], picked: Sequence[str]) -> list[Column]:
    """Return these columns in this order; a name may leave out what stands before a dot. NoSuchColumn."""
    named = {column.name: column for column in columns}
    found: list[Column] = []
    for name in picked:
        ends = keys_ending(name, named)
        if len(ends) != 1:
            raise NoSuchColumn(name, list(named))
        found.append(named[ends[0]])
    return found
