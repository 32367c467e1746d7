"""Fit tables into the width of a terminal: columns shrink, texts wrap, and wide tables become bands."""

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
"""Blank cells between two columns."""

MAX_COLUMNS = 60
_MAX_WORD = 24
"""Longest word, in cells, that keeps its column from shrinking; longer ones are folded."""

_NUMBER = re.compile(r"[-−+(]{0,2}\s?[₹$€£¥]?\s?\d[\d.,' \u00a0\u202f]*\s?[₹$€£¥%]?\)?")

Row = Sequence[Text]


class Grid:
    """Rows as a light table with the first row as its headings, in bands of columns if it is too wide.

    `folding` has the fewest cells of columns by number: rather than in bands, a table is drawn with the
    words of these columns folded. `left_out` is the number of columns that the rows are without already.
    """

    def __init__(
        self, rows: Sequence[Row], folding: Mapping[int, int] | None = None, *, left_out: int = 0
    ) -> None:
        full_width = max((len(row) for row in rows), default=0)
        width = min(full_width, MAX_COLUMNS)
        self.rows = [[*row[:width], *([Text()] * (width - len(row)))] for row in rows]
        self.left_out = full_width - width + left_out
        columns = list(zip(*self.rows, strict=True))
        self.natural = [max((_width(cell) for cell in column), default=1) or 1 for column in columns]
        self.least = [_least_width(column) for column in columns]
        self.folded = [min((folding or {}).get(n, width), width) for n, width in enumerate(self.least)]
        self.tight = [_tight_width(column) for column in columns]
        self.numeric = [_is_numeric(column[1:]) for column in columns]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Bands are harder to follow than folded words, so the columns that may fold do so first.
        fits = sum(self.least) + GAP * (len(self.least) - 1) <= options.max_width
        least = self.least if fits else self.folded
        bands = list(_bands(least, options.max_width))
        for number, band in enumerate(bands):
            if len(bands) > 1:
                yield Text(("\n" if number else "") + _band_title(number, band, len(self.least)))
            yield self._table(band, least, options.max_width)
        if self.left_out:
            yield Text(f"… {self.left_out:,} more columns")

    def _table(self, band: Sequence[int], least: Sequence[int], max_width: int) -> Table:
        widths = [self.natural[n] for n in band]
        if sum(widths) + GAP * (len(band) - 1) > max_width:
            # Headings give way first: `tight` is a column's width with its heading on several lines.
            widths = fitted_widths([self.tight[n] for n in band], [least[n] for n in band], max_width)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.border_style = "dim"
        head, *body = self.rows
        for width, column in zip(widths, band, strict=True):
            justify: JustifyMethod = "right" if self.numeric[column] else "left"
            heading = _broken_heading(head[column], width)
            table.add_column(heading, width=width, justify=justify, header_style="bold", overflow="fold")
        for row in body:
            table.add_row(*(row[column] for column in band))
        return table


def fitted_widths(natural: Sequence[int], least: Sequence[int], max_width: int) -> list[int]:
    """Return widths that fit with their gaps: the widest columns shrink first, none below its least width."""

    def limited(limit: int) -> list[int]:
        return [min(full, max(small, limit)) for full, small in zip(natural, least, strict=True)]

    available = max(max_width - GAP * (len(natural) - 1), len(natural))
    low, high = 1, max(natural, default=1)
    while low < high:
        limit = (low + high + 1) // 2
        low, high = (limit, high) if sum(limited(limit)) <= available else (low, limit - 1)
    widths = limited(low)
    while sum(widths) > available:
        # Even the least widths are too wide together, or the limit leaves a few cells too many.
        widths[widths.index(max(widths))] -= 1
    return widths


def _bands(least: Sequence[int], max_width: int) -> Iterator[list[int]]:
    """Yield groups of columns that fit; each begins with the first column unless that is too wide."""
    key = [0] if len(least) > 1 and least[0] <= max_width // 3 else []
    band = list(key)
    for column in range(len(key), len(least)):
        if len(band) > len(key) and sum(least[n] for n in (*band, column)) + GAP * len(band) > max_width:
            yield band
            band = list(key)
        band.append(column)
    if band:
        yield band


def _band_title(number: int, band: Sequence[int], total: int) -> str:
    first = band[1] if number and band[0] == 0 else band[0]
    columns = f"columns {first + 1}–{band[-1] + 1}" if first < band[-1] else f"column {first + 1}"
    return f"{columns} of {total}"


def _width(cell: Text) -> int:
    return max((cell_len(line) for line in cell.plain.split("\n")), default=0)


def _least_width(column: Sequence[Text]) -> int:
    """Return the width of a column's longest word; a heading also breaks after `_`, `.`, `/` and `-`."""
    words = chain(
        _heading_pieces(column[0].plain), (word for cell in column[1:] for word in cell.plain.split())
    )
    return min(max((cell_len(word.strip()) for word in words), default=1), _MAX_WORD)


def _tight_width(column: Sequence[Text]) -> int:
    heading = max((cell_len(piece.rstrip()) for piece in _heading_pieces(column[0].plain)), default=1)
    return max(heading, *map(_width, column[1:]), 1)


def _heading_pieces(heading: str) -> list[str]:
    return re.findall(r"[^\s_./-]*(?:[\s_./-]+|$)", heading)


def _broken_heading(heading: Text, width: int) -> Text:
    """Return a heading such as `taxable_value` broken into lines of this width where possible."""
    if cell_len(heading.plain) <= width or heading.spans:
        return heading
    lines = [""]
    for piece in _heading_pieces(heading.plain):
        if cell_len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return Text("\n".join(line.rstrip() for line in lines if line), style=heading.style)


def _is_numeric(cells: Iterable[Text]) -> bool:
    texts = [text for cell in cells if (text := cell.plain.strip())]
    return bool(texts) and all(len(text) < 30 and _NUMBER.fullmatch(text) for text in texts)
