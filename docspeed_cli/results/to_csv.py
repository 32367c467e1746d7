"""Write rows as CSV (RFC 4180) that a spreadsheet can open safely."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from docspeed_cli.results.values import cell_text

_NUMBER = re.compile(r"[-+]?\s?(?:\d[\d.,' \u00a0\u202f]*|\.\d+)(?:[eE][-+]?\d+)?\s?%?")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def escape_formula(cell: str) -> str:
    """Return the cell with an apostrophe before text that a spreadsheet would run as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(cell) else cell


class CsvWriter:
    """Writes rows under these columns, the heading first."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._lines: list[str] = []
        self._writer = csv.writer(_Appender(self._lines), lineterminator="\r\n")

    def heading(self) -> str:
        """Return the line with the names of the columns."""
        self._writer.writerow([escape_formula(name) for name in self._columns])
        return self._written()

    def lines(self, rows: Iterable[Mapping[str, Any]]) -> str:
        """Return a line for each row."""
        for row in rows:
            self._writer.writerow([escape_formula(cell_text(row.get(name))) for name in self._columns])
        return self._written()

    def _written(self) -> str:
        text = "".join(self._lines)
        self._lines.clear()
        return text


class _Appender:
    """A file for the writer that keeps what is written."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append
