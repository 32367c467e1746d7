"""Find tables by the ruled lines between their cells."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from docspeed_cli.sandbox.lines import Line, Row, find_rows
from docspeed_cli.sandbox.page import Box, Word
from docspeed_cli.sandbox.tables import Table, is_form, is_header, make_table

_NEAR = 3.0  # points between lines that count as one, or as touching
_MAX_CROSSINGS = 100_000  # of rules on a page; a drawing has more
_MAX_SHARE, _MAX_WORDS = 0.5, 60  # of a table's words in one cell
Span = tuple[float, float]
Place = tuple[int, int]  # row and column


@dataclass(frozen=True)
class _Grid:
    """Words by row and column between ruled lines; a spanning cell is at its first place."""

    top: float
    columns: list[Span]
    cells: dict[Place, list[Word]]


class _Rule(NamedTuple):
    """A ruled line: its position across, and where it starts and ends."""

    at: float
    start: float
    end: float


def ruled_tables(words: Sequence[Word], rules: Sequence[Box]) -> list[Table]:
    """Tables with ruled lines from top to bottom, each with at least two rows and two columns of words."""
    level = _merged(_Rule(y0, x0, x1) for x0, y0, x1, y1 in rules if x1 - x0 >= y1 - y0)
    upright = _merged(_Rule(x0, y0, y1) for x0, y0, x1, y1 in rules if x1 - x0 < y1 - y0)
    if len(level) * len(upright) > _MAX_CROSSINGS:
        return []
    grids = (_grid(across, down, words) for across, down in _crossing(level, upright))
    found = [(grid.top, table) for grid in grids if grid and (table := _ruled_table(grid))]
    return [table for _, table in sorted(found, key=itemgetter(0))]


def _merged(rules: Iterable[_Rule]) -> list[_Rule]:
    """Rules of one direction; pieces of one line are joined, and close lines get the same position."""
    merged: list[_Rule] = []
    at = float("-inf")
    lines: list[list[_Rule]] = []
    for rule in sorted(rules):
        if rule.at - at > _NEAR:
            lines.append([])
        at = rule.at
        lines[-1].append(rule)
    for line in lines:
        position = line[0].at
        for _, start, end in sorted(line, key=lambda rule: rule.start):
            if merged and merged[-1].at == position and start <= merged[-1].end + _NEAR:
                merged[-1] = _Rule(position, merged[-1].start, max(end, merged[-1].end))
            else:
                merged.append(_Rule(position, start, end))
    return merged


def _crossing(level: Sequence[_Rule], upright: Sequence[_Rule]) -> Iterator[tuple[list[_Rule], list[_Rule]]]:
    """Groups of horizontal and vertical rules that cross or touch each other."""
    left = set(level)
    while left:
        across, down = [left.pop()], list[_Rule]()
        for rule in across:
            new = [other for other in upright if other not in down and _touch(rule, other)]
            down += new
            for other in new:
                touching = [further for further in left if _touch(further, other)]
                left.difference_update(touching)
                across += touching
        yield sorted(across), sorted(down)


def _touch(level: _Rule, upright: _Rule) -> bool:
    return (
        level.start - _NEAR <= upright.at <= level.end + _NEAR
        and upright.start - _NEAR <= level.at <= upright.end + _NEAR
    )


def _grid(level: Sequence[_Rule], upright: Sequence[_Rule], words: Sequence[Word]) -> _Grid | None:
    if not upright:
        return None
    xs, ys = _edges(upright, level), _edges(level, upright)
    firsts = _spans(xs, ys, upright, level)
    cells: dict[Place, list[Word]] = {}
    for word in words:
        x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
        column, row = bisect(xs, x) - 1, bisect(ys, y) - 1
        if 0 <= column < len(xs) - 1 and 0 <= row < len(ys) - 1:
            cells.setdefault(firsts[row, column], []).append(word)
    most = max(map(len, cells.values()), default=0)
    if most > _MAX_SHARE * sum(map(len, cells.values())) and most > _MAX_WORDS:
        return None  # a frame around the page's text
    if len({row for row, _ in cells}) < 2 or len({column for _, column in cells}) < 2:
        return None
    return _Grid(ys[0], list(pairwise(xs)), cells)


def _edges(rules: Sequence[_Rule], across: Sequence[_Rule]) -> list[float]:
    """Positions of the rules, and of the table's sides if the rules across go on beyond them."""
    positions = sorted({rule.at for rule in rules})
    low, high = min(rule.start for rule in across), max(rule.end for rule in across)
    before = [low] if low < positions[0] - 2 * _NEAR else []
    after = [high] if high > positions[-1] + 2 * _NEAR else []
    return [*before, *positions, *after]


def _spans(
    xs: Sequence[float], ys: Sequence[float], upright: Sequence[_Rule], level: Sequence[_Rule]
) -> dict[Place, Place]:
    """First row and column of the cell at each place; cells without a rule between them are one."""
    walls, floors = _by_position(upright), _by_position(level)
    firsts: dict[Place, Place] = {}
    for row in range(len(ys) - 1):
        for column in range(len(xs) - 1):
            x, y = (xs[column] + xs[column + 1]) / 2, (ys[row] + ys[row + 1]) / 2
            first = (row, column)
            if column and not _covers(walls.get(xs[column], ()), y):
                first = firsts[row, column - 1]
            elif row and not _covers(floors.get(ys[row], ()), x):
                first = firsts[row - 1, column]
            firsts[row, column] = first
    return firsts


def _by_position(rules: Sequence[_Rule]) -> dict[float, list[_Rule]]:
    found: dict[float, list[_Rule]] = {}
    for rule in rules:
        found.setdefault(rule.at, []).append(rule)
    return found


def _covers(rules: Sequence[_Rule], point: float) -> bool:
    """True if one of the rules passes a point."""
    return any(rule.start <= point <= rule.end for rule in rules)


def _ruled_table(grid: _Grid) -> Table | None:
    """Table of a grid, or None for a form: two columns, of labels and values."""
    bands: dict[int, dict[int, list[Line]]] = {}
    for (row, column), words in sorted(grid.cells.items()):
        for text in find_rows(words):
            for at, line in _by_column(grid, text, column):
                bands.setdefault(row, {}).setdefault(at, []).append(line)
    used = sorted({column for cells in bands.values() for column in cells})
    rows = [
        {used.index(column): lines for column, lines in cells.items()}
        for band in bands.values()
        for cells in _unstacked(band)
    ]
    if len(rows) < 2 or len(used) < 2 or (len(used) == 2 and is_form(rows)):
        return None
    return make_table(rows, is_header(rows[0], len(used)), [grid.columns[column] for column in used])


def _by_column(grid: _Grid, text: Row, column: int) -> list[tuple[int, Line]]:
    """A row of text in a cell, split if it stands in several columns: only the headings may have rules."""
    parts = text.parted.lines
    places = [
        next((n for n, (x0, x1) in enumerate(grid.columns) if x0 <= line.box[0] and line.box[2] <= x1), -1)
        for line in parts
    ]
    if len(parts) > 1 and -1 not in places and len(set(places)) == len(parts):
        return list(zip(places, parts, strict=True))
    return [(column, Line(tuple(word for line in text.lines for word in line.words)))]


def _unstacked(cells: dict[int, list[Line]]) -> list[dict[int, list[Line]]]:
    """Rows of a table without rules between them: as many lines in each column, and numbers in one."""
    heights = {len(lines) for lines in cells.values()}
    numbers = any(all(line.is_value for line in lines) for lines in cells.values())
    if len(heights) > 1 or len(cells) < 2 or not numbers:
        return [cells]
    return [{column: [lines[n]] for column, lines in cells.items()} for n in range(heights.pop())]
