"""Draw the lists of jobs and of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from docspeed_cli.terminal.text_width import colour_of, keep_tail
from docspeed_cli.terminal.views.grid import GAP, fitted_widths
from docspeed_cli.terminal.views.parts import safe_line

_MIN_WIDTHS = {"input": 10, "server": 16, "name": 8}
"""Cells to which a column may be cut; a part of a status or an age would be of no use."""

_MAX_WORD = 20
"""Cells of any other column that are never cut."""

_PRIORITY = ("status", "server", "input", "operation", "age", "row")
"""Columns in the order in which they get space."""


class JobsTable:
    """A table of jobs or runs. The first column, their ids, is never cut: others shrink, then are left out.

    `min_widths` keeps the columns in their places where the table is drawn again and again. `priority` is the
    order in which columns get space.
    """

    def __init__(
        self,
        rows: Sequence[Mapping[str, str]],
        columns: Sequence[str],
        min_widths: Mapping[str, int] | None = None,
        priority: Sequence[str] = _PRIORITY,
    ) -> None:
        self.columns = columns
        self.priority = priority
        self.rows = [{name: _job_cell(name, row.get(name, "")) for name in columns} for row in rows]
        self.natural = {}
        for name in columns:
            widths = [row[name].cell_len for row in self.rows]
            self.natural[name] = max((min_widths or {}).get(name, 0), len(name), *widths)
        self.least = {
            name: min(width, _MIN_WIDTHS.get(name, _MAX_WORD)) for name, width in self.natural.items()
        }
        self.least[columns[0]] = self.natural[columns[0]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = self._columns_that_fit(options.max_width)
        if len(columns) == 1:
            # Lines for the terminal to wrap, so that a long id is whole when it is copied.
            for row in self.rows:
                texts = [row[name].plain for name in (self.columns[0], "status") if name in row]
                yield Text("  ".join(texts), no_wrap=True, overflow="ignore")
            return
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        natural, least = [self.natural[name] for name in columns], [self.least[name] for name in columns]
        widths = dict(zip(columns, fitted_widths(natural, least, options.max_width), strict=True))
        for name, width in widths.items():
            table.add_column(name, width=width, no_wrap=True, overflow="ellipsis")
        for row in self.rows:
            cells = dict(row)
            if "input" in widths:
                # The end of a path tells more than its beginning; the table cuts other cells at their end.
                cells["input"] = Text(keep_tail(row["input"].plain, widths["input"]))
            table.add_row(*(cells[name] for name in columns))
        yield table

    def _columns_that_fit(self, max_width: int) -> list[str]:
        chosen = [self.columns[0]]
        for name in self.priority:
            taken = sum(self.least[each] + GAP for each in chosen)
            if name in self.columns and taken + self.least[name] <= max_width:
                chosen.append(name)
        return [name for name in self.columns if name in chosen]


def _job_cell(name: str, text: str) -> Text:
    return safe_line(text, colour_of(text) if name == "status" else "")
