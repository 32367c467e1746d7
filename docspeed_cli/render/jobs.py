"""Alone in drawing the list of jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from docspeed_cli.render.grid import GAP, fitted
from docspeed_cli.render.parts import line

_NAMES = ("job_id", "job")
_SHRINKING = {"input": 12, "server": 16}
"""What may be cut, and how far; the words of the other columns are no use by half."""
_LONGEST = 20


class Jobs:
    """Rows of texts in which a job's id is never cut: the other columns shrink, and then leave."""

    def __init__(self, rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> None:
        key = next((name for name in _NAMES if name in columns), columns[0] if columns else "")
        self.key = key
        self.columns = [key, *(name for name in columns if name != key)] if key else []
        self.rows = [[line(row.get(name, "")) for name in self.columns] for row in rows]
        heads = [Text(name.replace("_", " ")) for name in self.columns]
        cells = zip(heads, *self.rows, strict=True)
        self.heads = heads
        self.natural = [max(cell.cell_len for cell in column) for column in cells]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        if not self.columns:
            return
        if self.natural[0] > room:
            yield from (Text(row[0].plain, overflow="fold") for row in self.rows)
            return
        others = zip(self.columns[1:], self.natural[1:], strict=True)
        least = [
            self.natural[0],
            *(min(width, _SHRINKING.get(name, _LONGEST)) for name, width in others),
        ]
        while sum(least) + GAP * (len(least) - 1) > room:
            least.pop()
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
        for head, width in zip(self.heads, fitted(self.natural[: len(least)], least, room), strict=False):
            table.add_column(head, width=width, no_wrap=True, overflow="ellipsis")
        widths = [column.width or 0 for column in table.columns]
        for row in self.rows:
            table.add_row(*map(_shortened, self.columns, row, widths))
        yield table


def _shortened(name: str, cell: Text, width: int) -> Text:
    """A path keeps its end, which tells more than its beginning; the rest is cut by the table."""
    if name != "input" or cell.cell_len <= width:
        return cell
    text = cell.plain
    while text and cell_len(text) >= width:
        text = text[max(len(text) - width, 1) :]
    return Text("…" + text)


def jobs_table(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> Jobs:
    """A light table of jobs; the column `job` or `job_id` comes first and is never cut."""
    return Jobs(rows, columns)
