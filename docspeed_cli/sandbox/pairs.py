"""Find labels with their values, and the parties of a document."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from docspeed_cli.sandbox.layout import Block, Layout, PageLayout
from docspeed_cli.sandbox.lines import Line, is_label

MAX_LINES = 2000  # of a page, among which neighbours are searched

_COLON = re.compile(r"(?P<label>[^:]{2,48}?)\s*(?::-?|=)\s*(?P<value>(?!//)\S.*)")
_ROLES = (
    ("seller", r"seller|vendor|supplier|sold by|bill(ed)? (from|by)|from|merchant|service provider|exporter"),
    (
        "buyer",
        r"buyer|customer|client|bill(ed|ing)? to|sold to|invoiced? to|purchaser|buyer \(bill to\)|to",
    ),
    ("consignee", r"consignee|ship(ped|ping)? to|deliver(y|ed)? to|consignee \(ship to\)"),
)
_ROLE_LINES = [
    (role, re.compile(rf"(?:{words})(?:\s+(?:details|name|address))?\s*:?", re.IGNORECASE))
    for role, words in _ROLES
]


@dataclass(frozen=True, slots=True)
class Pair:
    """A label and its value with their lines; `sure` is below 1 for a less certain match."""

    label: str
    value: str
    lines: tuple[Line, ...]
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class Party:
    """A seller, buyer or consignee: the lines below its heading."""

    role: str
    lines: tuple[Line, ...]


def find_pairs(layout: Layout) -> list[Pair]:
    """Pairs of all pages in reading order."""
    return [pair for page in layout.pages for pair in page_pairs(page)]


def page_pairs(page: PageLayout) -> Iterator[Pair]:
    """Pairs of one page."""
    in_table = {line for table in page.tables for line in table.lines}
    for block in page.blocks:
        for row in block.rows:
            if block.table is None:
                yield from _row_pairs(row, block)
        if block.table is not None:
            yield from _total_pairs(block)
    headings = {line for block in page.blocks if block.kind == "heading" for line in block.lines}
    loose = [line for line in page.lines[:MAX_LINES] if line not in in_table]
    neighbours = _Lines(loose)
    values: set[Line] = set()
    for line in loose:
        if split_pair(line) is None and len(line.text) <= 40 and line not in values:
            for pair in _beside(line, neighbours):
                if is_label(line.text):
                    values.update(pair.lines[1:])  # a label's value is not a label itself
                yield replace(pair, sure=0.8) if line in headings else pair


def _row_pairs(row: tuple[Line, ...], block: Block) -> Iterator[Pair]:
    for line in row:
        pair = split_pair(line)
        if pair:
            yield pair
        elif block.kind != "heading":
            yield from _run_in(line)


def split_pair(line: Line) -> Pair | None:
    """Pair in a line like `label: value`; None if it is not one."""
    match = _COLON.fullmatch(line.text)
    if not match or re.fullmatch(r"\d+", match["label"].strip()):
        return None
    return Pair(match["label"].strip(), match["value"].strip(), (line,))


def _run_in(line: Line) -> Iterator[Pair]:
    """Pair in a line like `Total 1,234.00`: the value starts at the first digit or currency."""
    words = line.text.split(" ")
    for index in range(1, min(len(words), 6)):
        if re.search(r"\d|[₹$€£]", words[index]) and not re.fullmatch(r"\(?[\d.]+%\)?", words[index]):
            start = (
                index - 1
                if index > 1 and re.fullmatch(r"Rs\.?|INR|USD|EUR|[₹$€£]", words[index - 1])
                else index
            )
            if is_label(" ".join(words[:start])):
                yield Pair(" ".join(words[:start]), " ".join(words[start:]), (line,), 0.85)
            return


def _beside(line: Line, lines: _Lines) -> Iterator[Pair]:
    """Value to the right of a label, or else below it."""
    label = line.text.rstrip(" :#")
    right = _right_of(line, lines)
    below = _below(line, lines) if is_label(line.text) or _in_capitals(line) else None
    labelled = right is not None and (is_label(right.text) or _in_capitals(right))
    headed = below is not None and labelled and not is_label(below.text)
    if right is not None and not right.text.endswith(":") and not headed:
        yield Pair(label, right.text.lstrip(": "), (line, right), 0.97)
        return
    if below is not None and not below.text.endswith(":"):
        yield Pair(label, below.text, (line, below), 0.8)


def _in_capitals(line: Line) -> bool:
    """True for a caption in capitals, as in the boxes of a form."""
    return line.text.isupper() and len(line.words) <= 4 and not re.search(r"\d", line.text)


def _right_of(line: Line, lines: _Lines) -> Line | None:
    _, y0, x1, y1 = line.box
    level = (
        other
        for other in lines.near(y0, y1)
        if other.box[0] > x1 - 1 and min(y1, other.box[3]) - max(y0, other.box[1]) > 0.5 * line.height
    )
    nearest = min(level, key=lambda other: other.box[0], default=None)
    return nearest if nearest is not None and nearest.box[0] - x1 < 30 * line.height else None


def _below(line: Line, lines: _Lines) -> Line | None:
    x0, y0, x1, y1 = line.box
    beneath = (
        other
        for other in lines.near(y0, y1 + 1.2 * line.height)
        if -0.3 * line.height < other.box[1] - y1 < 1.2 * line.height
        and other.box[0] < x1
        and other.box[2] > x0
    )
    return min(beneath, key=lambda other: other.box[1], default=None)


class _Lines:
    """Lines of a page sorted by height, for fast search of neighbours."""

    def __init__(self, lines: list[Line]) -> None:
        self._ordered = sorted(lines, key=lambda line: line.box[1])
        self._tops = [line.box[1] for line in self._ordered]

    def near(self, top: float, bottom: float) -> list[Line]:
        """Lines that start between two heights, or slightly above the first."""
        start = bisect_left(self._tops, 2 * top - bottom)
        return self._ordered[start : bisect_right(self._tops, bottom)]


def _total_pairs(block: Block) -> Iterator[Pair]:
    """Yield totals in the last rows of a table; the value is the row's last cell."""
    assert block.table is not None
    for row in block.table.rows():
        cells = [row[column] for column in sorted(row)]
        words = [cell for cell in cells if not all(line.is_amount for line in cell.lines)]
        if len(words) == 1 and len(cells) > 1 and cells[-1] is not words[0] and is_label(words[0].value):
            lines = (*words[0].lines, *cells[-1].lines)
            yield Pair(words[0].value.rstrip(" :"), cells[-1].value, lines, 0.8)


def find_parties(layout: Layout) -> list[Party]:
    """Lines below headings such as "Seller" and "Bill to", in reading order."""
    return [party for page in layout.pages for party in page_parties(page)]


def page_parties(page: PageLayout) -> Iterator[Party]:
    """Parties of one page."""
    role, lines = "", list[Line]()
    for block in page.blocks:
        for line in block.lines if block.table is None else ():
            named = next((name for name, pattern in _ROLE_LINES if pattern.fullmatch(line.text)), "")
            ends = not named and (block.pairs or _far(lines, line) or len(lines) >= 8)
            if role and lines and (named or ends):
                yield Party(role, tuple(lines))
            if named or ends:
                role, lines = named, []
            elif role:
                lines.append(line)
    if role and lines:
        yield Party(role, tuple(lines))


def _far(lines: list[Line], line: Line) -> bool:
    """True if a line is in another column, or well below the others."""
    if not lines:
        return False
    left, _, _, bottom = lines[-1].box
    return abs(line.box[0] - left) > 6 * line.height or not -2 < line.box[1] - bottom < 1.6 * line.height
