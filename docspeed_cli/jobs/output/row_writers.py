"""Turn results into CSV or a workbook, one by one; rows whose columns are not known yet wait on disk."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from docspeed_cli.core.errors import DocspeedError, UsageError
from docspeed_cli.core.suggest import nearest
from docspeed_cli.jobs.output.target import RowOptions
from docspeed_cli.jobs.output.temporary import temporary_file
from docspeed_cli.results.layout import MARKS, Column, DocumentOutcome, Layout
from docspeed_cli.results.rows import (
    ALL_TABLES,
    NoSuchColumn,
    Record,
    RowSelection,
    failed_record,
    pick_columns,
    read_record,
)
from docspeed_cli.results.to_csv import BYTE_ORDER_MARK, CsvWriter

if TYPE_CHECKING:
    from docspeed_cli.results.to_xlsx import Book

Warn = Callable[[str], None]


def check_columns(options: RowOptions) -> None:
    """Check that the columns exist, where a schema tells. Raises UsageError."""
    columns = _selection(options).columns(() if options.is_book else MARKS)
    if columns.own is not None:
        _pick(columns.all(), options.columns)


def _selection(options: RowOptions) -> RowSelection:
    return RowSelection(options.operation, Layout(options.schema), options.table)


def _pick(columns: list[Column], names: Sequence[str]) -> list[Column]:
    """Return the columns with these names, all if there are none. UsageError if one does not exist."""
    try:
        return pick_columns(columns, names) if names else columns
    except NoSuchColumn as error:
        suggestion = nearest(error.name, error.known)
        listed = ", ".join(error.known[:20]) + (", …" if len(error.known) > 20 else "")
        hint = f"did you mean {suggestion}?" if suggestion else f"there are {listed}"
        raise UsageError(f"--columns {error.name}: there is no such column", hint=hint) from None


def _pick_found(columns: list[Column], names: Sequence[str], warn: Warn) -> list[Column]:
    """Return the columns with these names, all if there are none; one that no document has is empty."""
    found = []
    for name in names:
        try:
            found += pick_columns(columns, [name])
        except NoSuchColumn:
            warn(f"--columns {name}: no document has this column")
            found.append(Column(name))
    return found or columns


class CsvRows:
    """Rows as CSV; each method returns the text that can be written now."""

    def __init__(self, options: RowOptions) -> None:
        self._picked = options.columns
        self._mark = BYTE_ORDER_MARK if options.bom else ""
        self._selection = _selection(options)
        self._names: dict[str, None] = {}
        # The heading says whether a reviewer decided anything.
        waits = options.is_reviewed or self._selection.columns().own is None
        self._waiting = _Waiting() if waits else None
        self._writer: CsvWriter | None = None

    def add(self, document: DocumentOutcome, payload: Any | None) -> str:
        """Take a result, or None if the document failed. NotConvertible or NoSuchTable if it has no rows."""
        rows = (
            self._selection.failed_rows(document)
            if payload is None
            else self._selection.rows(document, payload)
        )
        if self._waiting is None:
            return self._lines(rows, lambda: _pick(self._all_columns(), self._picked))
        for row in rows:
            self._names.update(dict.fromkeys(row))
        self._waiting.add(rows)
        return ""

    def finish(self, warn: Warn) -> Iterator[str]:
        """Yield the rest: the heading if nothing was added, and the rows that waited."""

        def columns() -> list[Column]:
            return _pick_found(self._all_columns(), self._picked, warn)

        yield self._lines((), columns)
        for rows in self._waiting or ():
            yield self._lines(rows, columns)

    def _all_columns(self) -> list[Column]:
        marks = [name for name in MARKS if name in self._names or name in self._picked]
        return self._selection.columns(marks).all(self._names)

    def _lines(self, rows: Iterable[dict[str, Any]], columns: Callable[[], Sequence[Column]]) -> str:
        heading = ""
        if self._writer is None:
            self._writer = CsvWriter([column.name for column in columns()])
            heading = self._mark + self._writer.heading()
        return heading + self._writer.lines(rows)


class BookRows:
    """Rows as a workbook in a file, which is whole once `finish` has ended."""

    def __init__(self, options: RowOptions, file: IO[bytes]) -> None:
        self._options = options
        self._file = file
        self._layout = Layout(options.schema)
        self._in_cells = options.operation != "extract"
        self._names: dict[str | None, dict[str, None]] = {}
        self._book: Book | None = None
        self._waiting: _Waiting | None = None
        if self._layout.known and not self._in_cells:
            documents = _pick(self._layout.document_columns().all(), options.columns)
            tables = {name: self._layout.table_columns(name) for name in self._layout.tables}
            if all(columns.own is not None for columns in tables.values()):
                self._open(documents, {name: columns.all() for name, columns in tables.items()})
        if self._book is None:
            self._waiting = _Waiting()

    def add(self, document: DocumentOutcome, payload: Any | None) -> str:
        """Take a result, or None if the document failed. NotConvertible if it has no rows."""
        if payload is None:
            record = failed_record(document, self._layout)
        else:
            record = read_record(self._options.operation, document, payload, self._layout)
        if self._book is not None:
            self._book.add(record)
        elif self._waiting is not None:
            self._note_names(record)
            self._waiting.add(record)
        return ""

    def finish(self, warn: Warn) -> Iterator[str]:
        """Write what waited, and finish the file."""
        if self._book is None:
            self._open_found(warn)
        assert self._book is not None
        with self._book:
            for record in self._waiting or ():
                self._book.add(record)
            self._book.close()
        yield ""

    def _note_names(self, record: Record) -> None:
        self._names.setdefault(None, {}).update(dict.fromkeys(record.row))
        for name, row, *_ in record.tables:
            self._names.setdefault(name, {}).update(dict.fromkeys(row))

    def _open_found(self, warn: Warn) -> None:
        documents = self._layout.document_columns().all(self._names.get(None, ()))
        if self._in_cells:
            cells = _selection(self._options).columns().all(self._names.get(ALL_TABLES, ()))
            self._open(documents, {ALL_TABLES: _pick_found(cells, self._options.columns, warn)})
            return
        names = dict.fromkeys([*self._layout.tables, *(name for name in self._names if name is not None)])
        tables = {name: self._layout.table_columns(name).all(self._names.get(name, ())) for name in names}
        self._open(_pick_found(documents, self._options.columns, warn), tables)

    def _open(self, documents: Sequence[Column], tables: dict[str, list[Column]]) -> None:
        from docspeed_cli.results.to_xlsx import Book, BookColumns, TooManyColumns

        try:
            self._book = Book(self._file, BookColumns(documents, tables))
        except TooManyColumns as error:
            hint = "name the columns that you need with `--columns`"
            raise DocspeedError(str(error), code="not_convertible", hint=hint) from None


class _Waiting:
    """Values that wait in a file."""

    def __init__(self) -> None:
        self._file = temporary_file()
        self._count = 0

    def add(self, value: Any) -> None:
        pickle.dump(value, self._file)
        self._count += 1

    def __iter__(self) -> Iterator[Any]:
        self._file.seek(0)
        for _ in range(self._count):
            yield pickle.load(self._file)  # only this process can write to the file
