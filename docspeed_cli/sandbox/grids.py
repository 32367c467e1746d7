"""Find tables by the ruled lines between their cells."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from docspeed_cli.sandbox.lines import Box, Line, Row, Word, find_rows
from docspeed_cli.sandbox.tables import Cells, Extent, Table, is_form, is_header, make_table

_NEAR = 3.0  # points between lines that count as one, or as touching
_MAX_CROSSINGS = 20_000  # of rules on a page; a drawing has more
_MAX_SHARE, _MAX_WORDS = 0.5, 60  # of a table's words in a cell; beyond both, it is a frame around text
Place = tuple[int, int]  # row and column


class _Rule(NamedTuple):
    """A ruled line: its position across, and where it starts and ends."""

    at: float
    start: float
    end: float

    def passes(self, at: float, point: float) -> bool:
        """True if the rule is at a position and passes a point there."""
        return self.at == at and self.start <= point <= self.end


def ruled_tables(words: Sequence[Word], rules: Sequence[Box]) -> list[Table]:
    """Tables with ruled lines from top to bottom, each with at least two rows and two columns of words."""
    level = _merged(_Rule(y0, x0, x1) for x0, y0, x1, y1 in rules if x1 - x0 >= y1 - y0)
    upright = _merged(_Rule(x0, y0, y1) for x0, y0, x1, y1 in rules if x1 - x0 < y1 - y0)
    if len(level) * len(upright) > _MAX_CROSSINGS:
        return []
    tables = (_table(across, down, words) for across, down in _crossing(level, upright) if down)
    return sorted((table for table in tables if table), key=lambda table: table.box[1])


def _merged(rules: Iterable[_Rule]) -> list[_Rule]:
    """Rules of one direction; pieces of one line are joined, and close lines get the same position."""
    lines: list[list[_Rule]] = []
    for rule in sorted(rules):
        if not lines or rule.at - lines[-1][-1].at > _NEAR:
            lines.append([])
        lines[-1].append(rule)
    merged: list[_Rule] = []
    for line in lines:
        position, reach = line[0].at, float("-inf")
        for _, start, end in sorted(line, key=lambda rule: rule.start):
            if start <= reach + _NEAR:
                start = merged.pop().start
            reach = max(reach, end)
            merged.append(_Rule(position, start, reach))
    return merged


def _crossing(level: Sequence[_Rule], upright: Sequence[_Rule]) -> Iterator[tuple[list[_Rule], list[_Rule]]]:
    """Groups of horizontal and vertical rules that cross or touch each other."""
    left = set(level)
    while left:
        across, down = [left.pop()], list[_Rule]()
        for rule in across:
            new = [other for other in upright if other not in down and _touch(rule, other)]
            down += new
            touching = [further for further in left if any(_touch(further, other) for other in new)]
            left.difference_update(touching)
            across += touching
        yield sorted(across), sorted(down)


def _touch(level: _Rule, upright: _Rule) -> bool:
    return (
        level.start - _NEAR <= upright.at <= level.end + _NEAR
        and upright.start - _NEAR <= level.at <= upright.end + _NEAR
    )


def _table(level: Sequence[_Rule], upright: Sequence[_Rule], words: Sequence[Word]) -> Table | None:
    """Table of the words between rules; None for a frame around the page's text, and for a form."""
    xs, ys = _edges(upright, level), _edges(level, upright)
    firsts = _spans(xs, ys, upright, level)
    found: dict[Place, list[Word]] = {}
    for word in words:
        place = (bisect(ys, (word.y0 + word.y1) / 2) - 1, bisect(xs, (word.x0 + word.x1) / 2) - 1)
        if place in firsts:
            found.setdefault(firsts[place], []).append(word)
    most = max(map(len, found.values()), default=0)
    if most > _MAX_SHARE * sum(map(len, found.values())) and most > _MAX_WORDS:
        return None
    columns = list(pairwise(xs))
    bands: dict[int, Cells] = {}
    for (row, column), inside in sorted(found.items()):
        for text in find_rows(inside):
            for at, line in _by_column(columns, text, column):
                bands.setdefault(row, {}).setdefault(at, []).append(line)
    used = sorted({column for cells in bands.values() for column in cells})
    rows = [cells for band in bands.values() for cells in _unstacked(band)]
    rows = [{used.index(column): lines for column, lines in cells.items()} for cells in rows]
    if len(bands) < 2 or len(used) < 2 or (len(used) == 2 and is_form(rows)):
        return None
    return make_table(rows, is_header(rows[0], len(used)), len(used))


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
    firsts: dict[Place, Place] = {}
    for row, (top, bottom) in enumerate(pairwise(ys)):
        for column, (left, right) in enumerate(pairwise(xs)):
            firsts[row, column] = (row, column)
            if column and not any(rule.passes(left, (top + bottom) / 2) for rule in upright):
                firsts[row, column] = firsts[row, column - 1]
            elif row and not any(rule.passes(top, (left + right) / 2) for rule in level):
                firsts[row, column] = firsts[row - 1, column]
    return firsts


def _by_column(columns: Sequence[Extent], text: Row, column: int) -> list[tuple[int, Line]]:
    """Lines of a cell's row of text by column; a cell without inner rules may span several columns."""
    parts = text.parted.lines
    places = [
        next((n for n, (x0, x1) in enumerate(columns) if x0 <= line.box[0] and line.box[2] <= x1), -1)
        for line in parts
    ]
    if -1 not in places and len(set(places)) == len(parts) > 1:
        return list(zip(places, parts, strict=True))
    return [(column, text.whole.lines[0])]


def _unstacked(cells: Cells) -> list[Cells]:
    """Rows without rules between them: as many in each column, or each from the level of a number on."""
    numbers = [lines for lines in cells.values() if all(line.is_value for line in lines)]
    heights = {len(lines) for lines in cells.values()}
    if numbers and len(cells) > 1 and len(heights) == 1:
        return [{column: [lines[n]] for column, lines in cells.items()} for n in range(heights.pop())]
    stacked = [lines for lines in numbers if len(lines) > 1]
    if len(stacked) < 2:  # a single cell may have several numbers
        return [cells]
    words = [word for lines in stacked for line in lines for word in line.words]
    starts = [row.box[1] for row in find_rows(words)]
    rows: list[Cells] = [{} for _ in starts]
    for column, lines in cells.items():
        for line in lines:
            row = max(bisect(starts, (line.box[1] + line.box[3]) / 2) - 1, 0)
            rows[row].setdefault(column, []).append(line)
    return rows
