"""Alone in fitting tables into a terminal's width: columns shrink, texts wrap, wide tables become bands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.table import Table
from rich.text import Text

GAP = 2
MOST_COLUMNS = 60
_WORD = 24
"""A word of this length keeps its column from shrinking further; longer ones are folded."""

_NUMBER = re.compile(r"[-−+(]{0,2}\s?[₹$€£¥]?\s?\d[\d.,' \u00a0\u202f]*\s?[₹$€£¥%]?\)?")

Row = Sequence[Text]


class Grid:
    """Rows as a light table, the first one as its headings; a table too wide is drawn in bands of columns.

    Before that, the columns named in `least` shrink to so many cells, though their words be folded.
    """

    def __init__(
        self, rows: Sequence[Row], least: Mapping[int, int] | None = None, *, beyond: int = 0
    ) -> None:
        width = min(max((len(row) for row in rows), default=0), MOST_COLUMNS)
        self.rows = [[*row[:width], *([Text()] * (width - len(row)))] for row in rows]
        self.cut = max((len(row) for row in rows), default=0) - width + beyond
        columns = list(zip(*self.rows, strict=True))
        self.natural = [max((_width(cell) for cell in column), default=1) or 1 for column in columns]
        self.least = [_least(column) for column in columns]
        self.folded = [min((least or {}).get(n, width), width) for n, width in enumerate(self.least)]
        self.tight = [_tight(column) for column in columns]
        self.right = [_numeric(column[1:]) for column in columns]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fits = sum(self.least) + GAP * (len(self.least) - 1) <= options.max_width
        least = self.least if fits else self.folded
        bands = list(_bands(least, options.max_width))
        for number, band in enumerate(bands):
            if len(bands) > 1:
                yield Text(("\n" if number else "") + _named(number, band, len(self.least)))
            yield self._table(band, least, options.max_width)
        if self.cut:
            yield Text(f"… {self.cut:,} more columns")

    def _table(self, band: Sequence[int], least: Sequence[int], room: int) -> Table:
        widths = [self.natural[n] for n in band]
        if sum(widths) + GAP * (len(band) - 1) > room:
            widths = fitted([self.tight[n] for n in band], [least[n] for n in band], room)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.border_style = "dim"
        head, *body = self.rows
        for width, column in zip(widths, band, strict=True):
            justify: JustifyMethod = "right" if self.right[column] else "left"
            named = _broken(head[column], width)
            table.add_column(named, width=width, justify=justify, header_style="bold", overflow="fold")
        for row in body:
            table.add_row(*(row[column] for column in band))
        return table


def fitted(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths that fill no more than the room: the widest columns shrink first, none below its least."""
    room = max(room - GAP * (len(natural) - 1), len(natural))
    low, high = 1, max(natural, default=1)
    while low < high:
        level = (low + high + 1) // 2
        low, high = (level, high) if sum(_cut(natural, least, level)) <= room else (low, level - 1)
    widths = _cut(natural, least, low)
    while sum(widths) > room:
        widths[widths.index(max(widths))] -= 1
    return widths


def _cut(natural: Sequence[int], least: Sequence[int], level: int) -> list[int]:
    return [min(full, max(small, level)) for full, small in zip(natural, least, strict=True)]


def _bands(least: Sequence[int], room: int) -> Iterator[list[int]]:
    """Columns in groups that fit; each begins with the first column, if there is room for it."""
    key = [0] if len(least) > 1 and least[0] <= room // 3 else []
    band = list(key)
    for column in range(len(key), len(least)):
        if len(band) > len(key) and sum(least[n] for n in (*band, column)) + GAP * len(band) > room:
            yield band
            band = list(key)
        band.append(column)
    if band:
        yield band


def _named(number: int, band: Sequence[int], total: int) -> str:
    own = band[1] if number and band[0] == 0 else band[0]
    named = f"columns {own + 1}–{band[-1] + 1}" if own < band[-1] else f"column {own + 1}"
    return f"{named} of {total}"


def _width(cell: Text) -> int:
    return max((cell_len(line) for line in cell.plain.split("\n")), default=0)


def _least(column: Sequence[Text]) -> int:
    """A column's longest word; a heading may also be broken after `_`, `.`, `/` and `-`."""
    words = chain(_pieces(column[0].plain), (word for cell in column[1:] for word in cell.plain.split()))
    return min(max((cell_len(word.strip()) for word in words), default=1), _WORD)


def _tight(column: Sequence[Text]) -> int:
    """A column's width with its heading broken: headings give way before the texts do."""
    heading = max((cell_len(piece.rstrip()) for piece in _pieces(column[0].plain)), default=1)
    return max(heading, *map(_width, column[1:]), 1)


def _pieces(heading: str) -> list[str]:
    return re.findall(r"[^\s_./-]*(?:[\s_./-]+|$)", heading)


def _broken(heading: Text, width: int) -> Text:
    """A heading such as `taxable_value` on lines of this width, if it can be broken so."""
    if cell_len(heading.plain) <= width or heading.spans:
        return heading
    lines = [""]
    for piece in _pieces(heading.plain):
        if cell_len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return Text("\n".join(line.rstrip() for line in lines if line), style=heading.style)


def _numeric(cells: Iterable[Text]) -> bool:
    texts = [text for cell in cells if (text := cell.plain.strip())]
    return bool(texts) and all(len(text) < 30 and _NUMBER.fullmatch(text) for text in texts)
