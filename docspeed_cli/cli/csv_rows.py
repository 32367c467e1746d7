"""Write lists as CSV that a spreadsheet can open safely."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from docspeed_cli.terminal.output import Output


def write_csv(
    output: Output, names: Sequence[str], rows: Iterable[Iterable[Any]], *, bom: bool = False
) -> None:
    """Write a heading and rows, in a pipe after a byte order mark if asked for; None is an empty cell."""
    from docspeed_cli.results.to_csv import BYTE_ORDER_MARK, CsvWriter

    writer = CsvWriter(names)
    mark = BYTE_ORDER_MARK if bom else ""
    lines = writer.lines(dict(zip(names, row, strict=True)) for row in rows)
    output.csv(mark + writer.heading() + lines)
