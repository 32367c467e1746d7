"""Write rows as a workbook with sheets for documents, line items, evidence and problems.

Rows go to temporary files as they come, so memory does not grow with their number. No cell is a formula.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import date
from typing import IO, Any, NamedTuple

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from docspeed_cli.results.cells import surely_text, typed_cell
from docspeed_cli.results.decisions import REJECTED
from docspeed_cli.results.layout import STRING, Column
from docspeed_cli.results.rows import EVIDENCE_COLUMNS, PROBLEM_COLUMNS, Record, our_columns

MAX_ROWS = 1_048_575
"""Rows of a sheet below its heading."""

MAX_COLUMNS = 16_384

_MAX_TEXT = 32_767
"""Most UTF-16 units in one cell."""

_MAX_COMMENT = 1000
"""Characters of a comment on a cell."""

_CUT = " … [cut]"
TEXT_CUT = "the text is longer than a cell can be, and was cut"

_MAX_LINKS = 65_530
"""Most links on one sheet."""

_MAX_TABLE_LINKS = 10_000
"""Links on the sheet of a table: XlsxWriter keeps each in memory until the end, 650 bytes."""

_MAX_NAME = 28
"""UTF-16 units of a sheet's name, which leaves room for a number."""

_MEASURED_ROWS = 1000
_MIN_WIDTH = 8
_MAX_WIDTH = 60

_UNCLEAN = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


class TooManyColumns(ValueError):
    """A sheet can't have so many columns."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__(f"{name} would have {count:,} columns, and a sheet has {MAX_COLUMNS:,} at most")


class BookColumns(NamedTuple):
    """The columns of the documents, and those of each table."""

    documents: Sequence[Column]
    tables: Mapping[str, Sequence[Column]]


class Book:
    """A workbook that is written into a file, in a `with` block; it is complete only if `close` was called.

    Sheets get at most `max_rows` rows; the others go on in numbered sheets.
    """

    def __init__(self, file: IO[bytes], columns: BookColumns, *, max_rows: int = MAX_ROWS) -> None:
        self._columns = columns
        self._max_rows = max_rows
        self._opened = ExitStack()
        # XlsxWriter's temporary files would stay behind after a failure.
        folder = self._opened.enter_context(tempfile.TemporaryDirectory(prefix="docspeed-"))
        self._book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
        self._book.set_properties({"author": "docspeed"})  # by this a searched folder's workbooks are known
        self._formats = _Formats(self._book)
        # Excel keeps this name for itself, and compares names of sheets without case.
        self._names: set[str] = {"history"}
        self._documents = self._sheet("Documents", columns.documents, _MAX_LINKS)
        self._tables = {
            name: self._sheet(name, listed, _MAX_TABLE_LINKS) for name, listed in columns.tables.items()
        }
        self._evidence = self._sheet("Evidence", our_columns(EVIDENCE_COLUMNS))
        self._problems = self._sheet("Problems", our_columns(PROBLEM_COLUMNS))

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):
            self._opened.close()

    def add(self, record: Record) -> None:
        """Write the rows of one document."""
        document = record.document
        problems = list(document.problems)
        if document.error and not problems:
            problems.append((document.code, "", document.error))
        if document.rejected:
            problems.append((REJECTED, "", document.rejected))
        evidence = self._evidence.place
        link = evidence(0) if record.evidence else None
        row = [record.row.get(column.name) for column in self._columns.documents]
        problems += self._documents.write(row, link, record.marks)
        for name, cells, before, marks in record.tables:
            columns = self._columns.tables.get(name)
            if columns is not None:
                link = None if before is None else evidence(before)
                row = [cells.get(column.name) for column in columns]
                problems += self._tables[name].write(row, link, marks)
        for values in record.evidence:
            self._evidence.write(values)
        for problem in problems:
            self._problems.write([document.input, document.job_id, *problem])

    def close(self) -> None:
        """Finish the file. OSError if the disk is full."""
        for sheet in (self._documents, *self._tables.values(), self._evidence, self._problems):
            sheet.finish()
        try:
            self._book.close()
        except FileCreateError as error:  # its only argument is the system's error
            raise error.args[0] from None

    def _sheet(self, name: str, columns: Sequence[Column], max_links: int = 0) -> _Sheet:
        if len(columns) > MAX_COLUMNS:
            raise TooManyColumns(name, len(columns))
        # Excel allows parentheses, but `Name (2)` is how we name the sheet in which rows go on.
        # It refuses an apostrophe at either end.
        plain = re.sub(r"[\[\]:*?/\\()]", "_", _cleaned(name)).strip("' ")
        plain = _first_units(plain, _MAX_NAME).rstrip("' ") or "Table"
        unique, number = plain, 1
        while unique.casefold() in self._names:
            number += 1
            unique = f"{_first_units(plain, _MAX_NAME - 3)} {number}"
        self._names.add(unique.casefold())
        return _Sheet(self._book, self._formats, unique, columns, self._max_rows, max_links)


class _WholeNumber(float):
    """A number that is written with all of its digits: XlsxWriter's 16 make another number of 9.95."""

    def __format__(self, spec: str) -> str:
        return repr(float(self))


class _Formats:
    """The formats of cells, each made once."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self.heading = book.add_format({"bold": True, "bottom": 1})
        self.date = book.add_format({"num_format": "yyyy-mm-dd"})
        self._numbers: dict[int | None, Any] = {None: None}

    def number(self, decimals: int | None) -> Any:
        """Return the format of a number with so many decimals."""
        if decimals not in self._numbers:
            shown = f"0.{'0' * decimals}" if decimals else "0"
            self._numbers[decimals] = self._book.add_format({"num_format": shown})
        return self._numbers[decimals]


class _Sheet:
    """A sheet, and the numbered ones in which its rows go on."""

    def __init__(
        self,
        book: xlsxwriter.Workbook,
        formats: _Formats,
        name: str,
        columns: Sequence[Column],
        max_rows: int,
        max_links: int,
    ) -> None:
        self._book = book
        self._formats = formats
        self._name = name
        self._columns = columns
        self._kinds = [column.kind for column in columns]
        self._max_rows = max_rows
        self._max_links = max_links
        self._widths = [len(column.name) + 3 for column in columns]  # 3 for the filter's button
        self._written = 0
        self._sheet: Any = None
        self._start()

    def place(self, further: int) -> str:
        """Return a link's address for the row that comes after `further` more rows."""
        number, row = divmod(self._written + further, self._max_rows)
        return f"internal:'{self._numbered(number)}'!A{row + 2}"

    def write(
        self, values: Sequence[Any], link: str | None = None, marks: Mapping[str, str] | None = None
    ) -> list[tuple[str, str, str]]:
        """Write a row, whose first cell may be a link; `marks` are comments by column.

        Returns its problems: code, column and what it is.
        """
        row = self._written % self._max_rows
        if row == 0 and self._written:
            self.finish()
            self._start()
        self._written += 1
        problems: list[tuple[str, str, str]] = []
        for place, column in enumerate(self._columns if marks else ()):
            if marks and column.name in marks:
                self._sheet.write_comment(row + 1, place, _cleaned(marks[column.name])[:_MAX_COMMENT])
        for place, value in enumerate(values):
            if value is None or value == "":
                continue
            kind = self._kinds[place]
            if type(value) is not str or not (kind == STRING or surely_text(value, kind)):
                problem = self._write_typed(row + 1, place, value, kind)
            elif place == 0 and link is not None and row < self._max_links:
                problem = self._write_text(row + 1, place, value, link)
            else:
                problem = self._write_text(row + 1, place, value)
            if problem:
                kind = "text_cut" if problem == TEXT_CUT else "text_kept"
                problems.append((kind, self._columns[place].name, problem))
        return problems

    def _write_typed(self, row: int, place: int, value: Any, kind: str) -> str:
        cell, decimals, problem = typed_cell(value, kind)
        if isinstance(cell, str):
            return self._write_text(row, place, cell) or problem
        if isinstance(cell, bool):
            self._sheet.write_boolean(row, place, cell)
        elif isinstance(cell, date):
            self._sheet.write_datetime(row, place, cell, self._formats.date)
        else:
            form = self._formats.number(decimals)
            self._sheet.write_number(row, place, cell if type(cell) is int else _WholeNumber(cell), form)
        return problem

    def _write_text(self, row: int, place: int, text: str, link: str | None = None) -> str:
        problem = ""
        # A character takes two units at most, so nearly every text is spared the count.
        if len(text) > _MAX_TEXT // 2 and _units(text) > _MAX_TEXT:
            text, problem = _cut_cell(text), TEXT_CUT
        if not text.isprintable():
            text = _cleaned(text)
        if row <= _MEASURED_ROWS:
            self._widths[place] = max(self._widths[place], min(len(text), _MAX_WIDTH))
        if link is not None and text and not _is_markup(text):
            self._sheet.write_url(row, place, link, string=text)
        elif text:
            self._put(row, place, text)
        return problem

    def _put(self, row: int, place: int, text: str, form: Any = None) -> None:
        if text[:1] == "<" and _is_markup(text):
            forms = [form] if form is not None else []
            # XlsxWriter escapes the pieces of a rich text, where it would write the whole as it is.
            self._sheet.write_rich_string(row, place, text[:1], text[1:2], text[2:], *forms)
        else:
            # Not `write`, which would make a formula of `=1+1` and a link of an address.
            self._sheet.write_string(row, place, text, form)

    def finish(self) -> None:
        """Give the sheet its widths and its filter."""
        for place, width in enumerate(self._widths):
            self._sheet.set_column(place, place, max(_MIN_WIDTH, min(width, _MAX_WIDTH)))
        rows = (self._written - 1) % self._max_rows + 1 if self._written else 0
        if self._columns:
            self._sheet.autofilter(0, 0, rows, len(self._columns) - 1)

    def _start(self) -> None:
        self._sheet = self._book.add_worksheet(self._numbered(self._written // self._max_rows))
        self._sheet.freeze_panes(1, 1)
        for place, column in enumerate(self._columns):
            self._put(0, place, _cleaned(column.name)[: _MAX_TEXT // 2], self._formats.heading)

    def _numbered(self, number: int) -> str:
        return f"{self._name} ({number + 1})" if number else self._name


def _is_markup(text: str) -> bool:
    """Whether XlsxWriter would take the text for its own markup, and write it without escapes."""
    return text.startswith("<r>") and text.endswith("</r>")


def _cleaned(text: str) -> str:
    """Return a text without the characters that a workbook can't hold."""
    if not _UNCLEAN.search(text):
        return text
    return _UNCLEAN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _first_units(text: str, count: int) -> str:
    # Where the cut falls inside a surrogate pair, its half is left out: a sheet can't hold it.
    return text.encode("utf-16-le", "surrogatepass")[: 2 * count].decode("utf-16-le", "ignore")


def _cut_cell(text: str) -> str:
    return _first_units(text, _MAX_TEXT - len(_CUT)) + _CUT
