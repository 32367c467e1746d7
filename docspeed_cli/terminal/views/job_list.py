"""Draw the list of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from docspeed_cli.terminal.text_width import colour_of, keep_tail
from docspeed_cli.terminal.views.grid import GAP, fitted_widths
from docspeed_cli.terminal.views.parts import clipped, safe_line

_ID_COLUMNS = ("job_id", "job")
_MIN_WIDTHS = {"input": 10, "server": 16}
"""Cells to which a column may be cut; a part of a status or an age would be of no use."""

_MAX_WORD = 20
"""Cells of any other column that are never cut."""

_PRIORITY = ("status", "server", "input", "operation", "age", "row")
"""Columns in the order in which they get space; the status is always shown."""


class JobsTable:
    """A table of jobs whose ids come first and are never cut: other columns shrink, then are left out.

    `min_widths` keeps the columns in their places where the table is drawn again and again.
    """

    def __init__(
        self,
        rows: Sequence[Mapping[str, str]],
        columns: Sequence[str],
        min_widths: Mapping[str, int] | None = None,
    ) -> None:
        key = next((name for name in _ID_COLUMNS if name in columns), columns[0] if columns else "")
        self.columns = [key, *(name for name in columns if name != key)] if key else []
        self.rows = [{name: _job_cell(name, row.get(name, "")) for name in self.columns} for row in rows]
        self.headings = {name: Text(name.replace("_", " ")) for name in self.columns}
        self.natural = {}
        for name, heading in self.headings.items():
            widths = [row[name].cell_len for row in self.rows]
            self.natural[name] = max((min_widths or {}).get(name, 0), heading.cell_len, *widths)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns, least = self._columns_that_fit(options.max_width)
        if not columns:
            return
        if sum(least) + GAP * (len(least) - 1) > options.max_width:
            yield from (_unwrapped(row[name] for name in columns) for row in self.rows)
            return
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        widths = fitted_widths([self.natural[name] for name in columns], least, options.max_width)
        for name, width in zip(columns, widths, strict=True):
            table.add_column(self.headings[name], width=width, no_wrap=True, overflow="ellipsis")
        for row in self.rows:
            cells = zip(columns, widths, strict=True)
            # The end of a path tells more than its beginning; the table cuts other cells at their end.
            table.add_row(
                *(
                    Text(keep_tail(row[name].plain, width)) if name == "input" else row[name]
                    for name, width in cells
                )
            )
        yield table

    def _columns_that_fit(self, max_width: int) -> tuple[list[str], list[int]]:
        """Return the columns that fit, and how narrow each may become."""
        key, *others = self.columns or [""]
        least = {name: self._least_width(name, whole=name == key) for name in self.columns}
        known = [name for name in _PRIORITY if name in others]
        chosen = {key} & set(self.columns)
        for name in (*known, *(name for name in others if name not in known)):
            wanted = chosen | {name}
            if name == "status" or sum(least[each] + GAP for each in wanted) - GAP <= max_width:
                chosen = wanted
        columns = [name for name in self.columns if name in chosen]
        return columns, [least[name] for name in columns]

    def _least_width(self, name: str, *, whole: bool) -> int:
        width = self.natural[name]
        return width if whole else min(width, _MIN_WIDTHS.get(name, _MAX_WORD))


def _job_cell(name: str, text: str) -> Text:
    return safe_line(text, colour_of(text) if name == "status" else "")


def _unwrapped(cells: Iterable[Text]) -> Text:
    """Return a row as one line for the terminal to wrap, so that a long id is whole when it is copied."""
    key, *others = (cell.plain for cell in cells)
    texts = [key, *(clipped(text, _MAX_WORD) for text in others if text)]
    return Text("  ".join(texts), no_wrap=True, overflow="ignore")
