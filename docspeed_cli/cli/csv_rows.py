"""Write lists as CSV that a spreadsheet can open safely."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from docspeed_cli.terminal.output import Output


def write_csv(
    output: Output, names: Sequence[str], rows: Iterable[Iterable[Any]], *, bom: bool = False
) -> None:
    """Write a heading and rows, in a pipe after a byte order mark if asked for; None is an empty cell."""
    import csv
    import io

    from docspeed_cli.results.to_csv import BYTE_ORDER_MARK, escape_formula
    from docspeed_cli.results.values import cell_text

    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([escape_formula(cell_text(value)) for value in row] for row in rows)
    if output.environment.stdout.isatty():
        output.text(written.getvalue().replace("\r\n", "\n").rstrip("\n"))
    else:
        text = (BYTE_ORDER_MARK if bom else "") + written.getvalue()
        output.chunks([text.encode("utf-8", "backslashreplace")])
