"""Fit tables into the width of a terminal: columns shrink, texts wrap, and wide tables become bands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from docspeed_cli.terminal.views.parts import safe_cell

GAP = 2
"""Blank cells between two columns."""

_MAX_COLUMNS = 60
_MAX_WORD = 24
"""Longest word, in cells, that keeps its column from shrinking; longer ones are folded."""

_NUMBER = re.compile(r"[-−+(]{0,2}\s?[₹$€£¥]?\s?\d[\d.,' \u00a0\u202f]*\s?[₹$€£¥%]?\)?")


class Grid:
    """Rows as a light table with the first row as its headings.

    A table that is too wide is drawn in bands of columns; or, with `fold`, with its words folded.
    """

    def __init__(self, rows: Sequence[Sequence[Text | str]], *, fold: bool = False) -> None:
        full_width = max(map(len, rows), default=0)
        self.fold = fold
        self.left_out = max(full_width - _MAX_COLUMNS, 0)
        # Texts are made safe only for what is drawn: a row may have thousands of them.
        shown = [
            [safe_cell(cell) if isinstance(cell, str) else cell for cell in row[:_MAX_COLUMNS]]
            for row in rows
        ]
        self.rows = [[*row, *([Text()] * (full_width - self.left_out - len(row)))] for row in shown]
        columns = list(zip(*self.rows, strict=True))
        self.fractions = [_fractions(column[1:]) if _is_numeric(column[1:]) else None for column in columns]
        """For each column of numbers, the characters of each number from its decimal point on; else None."""
        aligned = list(map(_aligned_width, columns, self.fractions))
        self.natural = [
            max(1, _width(column[0]), width) for column, width in zip(columns, aligned, strict=True)
        ]
        self.least = list(map(_least_width, columns, aligned, self.fractions))
        self.tight = [
            max(1, _heading_width(column[0]), width) for column, width in zip(columns, aligned, strict=True)
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Bands are harder to follow than folded words, but would leave numbers whole.
        all_columns = [list(range(len(self.least)))] if self.least else []
        bands = all_columns if self.fold else list(_bands(self.least, options.max_width))
        for number, band in enumerate(bands):
            if len(bands) > 1:
                yield Text(("\n" if number else "") + _band_title(number, band, len(self.least)))
            yield self._table(band, options.max_width)
        if self.left_out:
            yield Text(f"… {self.left_out:,} more columns")

    def _table(self, band: Sequence[int], max_width: int) -> Table:
        widths = [self.natural[n] for n in band]
        if sum(widths) + GAP * (len(band) - 1) > max_width:
            # Headings give way first: `tight` is a column's width with its heading on several lines.
            widths = fitted_widths([self.tight[n] for n in band], [self.least[n] for n in band], max_width)
        table = Table(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), border_style="dim"
        )
        head, *body = self.rows
        for width, column in zip(widths, band, strict=True):
            broken = _broken_heading(head[column], width)
            heading = Text.assemble(broken, justify="left" if self.fractions[column] is None else "right")
            table.add_column(heading, width=width, header_style="bold", overflow="fold")
        for number, row in enumerate(body):
            cells = zip(widths, band, strict=True)
            table.add_row(*(self._aligned(row[column], number, column, width) for width, column in cells))
        return table

    def _aligned(self, cell: Text, number: int, column: int, width: int) -> Text:
        """Return a number with its decimal point below those of the others; any other cell as it is."""
        fractions = self.fractions[column]
        if fractions is None or _width(cell) > width:
            return cell
        after = min(max(fractions) - fractions[number], width - _width(cell))
        aligned = cell.copy()
        aligned.pad_right(after)
        aligned.pad_left(width - after - _width(cell))
        return aligned


def fitted_widths(natural: Sequence[int], least: Sequence[int], max_width: int) -> list[int]:
    """Return widths that fit with their gaps: the widest columns shrink first, to their least widths."""
    available = max(max_width - GAP * (len(natural) - 1), len(natural))
    widths = [min(width, available) for width in natural]
    while sum(widths) > available:
        # Below their least widths only if even those are too wide together.
        loose = [n for n, width in enumerate(widths) if width > least[n]] or range(len(widths))
        widths[max(loose, key=widths.__getitem__)] -= 1
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


def _aligned_width(column: Sequence[Text], fractions: Sequence[int] | None) -> int:
    """Return the width of a column without its heading; numbers stand with their decimal points in line."""
    widths = [_width(cell) for cell in column[1:]]
    if fractions is not None:
        widths = [width + max(fractions) - own for width, own in zip(widths, fractions, strict=True)]
    return max(widths, default=0)


def _least_width(column: Sequence[Text], aligned: int, fractions: Sequence[int] | None) -> int:
    """Return the width of a column's longest word; a heading also breaks after `_`, `.`, `/` and `-`."""
    words = [cell_len(word) for cell in column[1:] for word in cell.plain.split()]
    longest = max(words, default=0) if fractions is None else aligned
    return min(max(1, _heading_width(column[0]), longest), _MAX_WORD)


def _heading_width(heading: Text) -> int:
    return max(cell_len(piece.rstrip()) for piece in _heading_pieces(heading.plain))


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


def _fractions(cells: Sequence[Text]) -> list[int]:
    """Return how many characters each number has from its decimal point on, or else after its last digit."""
    texts = [cell.plain.strip() for cell in cells]
    mark = _decimal_mark(texts)
    found = []
    for text in texts:
        last_digit = max((place for place, char in enumerate(text) if char.isdigit()), default=-1)
        has_fraction = mark and text.count(mark) == 1 and text.index(mark) < last_digit
        found.append(len(text) - (text.index(mark) if has_fraction else last_digit + 1))
    return found


def _decimal_mark(texts: Iterable[str]) -> str:
    """Return the character before the decimals of a column's numbers: 1.240 and 1,240 alone don't tell."""
    uncertain = ""
    for text in texts:
        marks = re.findall(r"[.,](?=\d)", text)
        if not marks or (len(marks) > 1 and len(set(marks)) == 1):
            continue
        decimals = re.match(r"\d*", text[text.rindex(marks[-1]) + 1 :])
        if len(marks) > 1 or (decimals and len(decimals[0]) != 3):
            return str(marks[-1])
        uncertain = "." if marks[-1] == "." else uncertain
    return uncertain
