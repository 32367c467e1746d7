"""Alone in drawing the list of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from docspeed_cli.terminal.text_width import colour_of, keep_tail
from docspeed_cli.terminal.views.grid import GAP, fitted
from docspeed_cli.terminal.views.parts import clipped, line

_NAMES = ("job_id", "job")
_SHRINKING = {"input": 10, "server": 16}
"""What may be cut, and how far; the words of the other columns are no use by half."""
_LONGEST = 20
_WORTH = ("status", "server", "input", "operation", "age", "row")
"""What there is room for first where there is not enough for all; what a job's state is stays."""


class Jobs:
    """Rows of texts in which a job's id is never cut: the other columns shrink, and then leave."""

    def __init__(
        self, rows: Sequence[Mapping[str, str]], columns: Sequence[str], steady: Mapping[str, int]
    ) -> None:
        key = next((name for name in _NAMES if name in columns), columns[0] if columns else "")
        self.columns = [key, *(name for name in columns if name != key)] if key else []
        self.rows = [{name: _cell(name, row.get(name, "")) for name in self.columns} for row in rows]
        self.heads = {name: Text(name.replace("_", " ")) for name in self.columns}
        self.natural = {
            name: max(
                steady.get(name, 0), self.heads[name].cell_len, *(row[name].cell_len for row in self.rows)
            )
            for name in self.columns
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns, least = self._fitting(options.max_width)
        if not columns:
            return
        if sum(least) + GAP * (len(least) - 1) > options.max_width:
            yield from (_in_words(row[name] for name in columns) for row in self.rows)
            return
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        widths = fitted([self.natural[name] for name in columns], least, options.max_width)
        for name, width in zip(columns, widths, strict=True):
            table.add_column(self.heads[name], width=width, no_wrap=True, overflow="ellipsis")
        for row in self.rows:
            cells = zip(columns, widths, strict=True)
            table.add_row(*(_shortened(name, row[name], width) for name, width in cells))
        yield table

    def _fitting(self, room: int) -> tuple[list[str], list[int]]:
        """The columns that there is room for, and how narrow each may be."""
        key, *others = self.columns or [""]
        least = {name: self._least(name, whole=name == key) for name in self.columns}
        known = [name for name in _WORTH if name in others]
        chosen = {key} & set(self.columns)
        for name in (*known, *(name for name in others if name not in known)):
            wanted = chosen | {name}
            if name == "status" or sum(least[each] + GAP for each in wanted) - GAP <= room:
                chosen = wanted
        columns = [name for name in self.columns if name in chosen]
        return columns, [least[name] for name in columns]

    def _least(self, name: str, *, whole: bool) -> int:
        width = self.natural[name]
        return width if whole else min(width, _SHRINKING.get(name, _LONGEST))


def _cell(name: str, text: str) -> Text:
    return line(text, colour_of(text) if name == "status" else "")


def _in_words(cells: Iterable[Text]) -> Text:
    """A row that no width is enough for: the terminal wraps it, so that an id is whole when it is copied."""
    key, *others = (cell.plain for cell in cells)
    texts = [key, *(clipped(text, _LONGEST) for text in others if text)]
    return Text("  ".join(texts), no_wrap=True, overflow="ignore")


def _shortened(name: str, cell: Text, width: int) -> Text:
    """A path keeps its end; the rest is cut by the table."""
    return Text(keep_tail(cell.plain, width)) if name == "input" else cell


def jobs_table(
    rows: Sequence[Mapping[str, str]], columns: Sequence[str], steady: Mapping[str, int] | None = None
) -> Jobs:
    """A light table of jobs; the column `job` or `job_id` comes first and is never cut.

    `steady` are widths that columns have though their texts be shorter, for a table that is drawn again.
    """
    return Jobs(rows, columns, steady or {})
