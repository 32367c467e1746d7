"""Write rows as CSV (RFC 4180) that a spreadsheet can open safely."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from docspeed_cli.results.values import cell_text

BYTE_ORDER_MARK = "\ufeff"
"""The beginning by which Excel tells UTF-8 from the encoding of the country."""

_NUMBER = re.compile(r"[-+]?\s?(?:\d[\d.,' \u00a0\u202f]*|\.\d+)(?:[eE][-+]?\d+)?\s?%?")
_FORMULA_STARTS = ("=", "+", "-", "@")
"""Beginnings of formulas, also in their wide and small forms: East Asian editions take them for the same."""
_TRIMMED = ("\t", "\r")
"""Beginnings that some spreadsheets take for the end of the cell before."""

_BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Characters that are drawn as blanks, although they count as letters or symbols."""


def escape_formula(cell: str) -> str:
    """Return the cell with an apostrophe before text that a spreadsheet would run as a formula."""
    if cell[:1].isalnum() and cell[:1].isascii():
        return cell  # most cells
    start = next((at for at, character in enumerate(cell) if not _is_invisible(character)), len(cell))
    shown = cell[start:]
    first = unicodedata.normalize("NFKC", shown[:1])
    # A negative number begins like a formula, but must stay a number that can be summed.
    runs = first.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(shown.rstrip())
    return f"'{cell}" if runs or cell.startswith(_TRIMMED) else cell


def _is_invisible(character: str) -> bool:
    """Whether a spreadsheet or its reader may skip this character: a blank, a control, a format or a mark."""
    return unicodedata.category(character)[0] in "CMZ" or character in _BLANK_LETTERS


class CsvWriter:
    """Writes rows under these columns, the heading first."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    def heading(self) -> str:
        """Return the line with the names of the columns."""
        return self.lines([dict(zip(self._columns, self._columns, strict=True))])

    def lines(self, rows: Iterable[Mapping[str, Any]]) -> str:
        """Return a line for each row."""
        written = io.StringIO(newline="")
        writer = csv.writer(written, lineterminator="\r\n")
        for row in rows:
            writer.writerow([escape_formula(cell_text(row.get(name))) for name in self._columns])
        return written.getvalue()
