"""Words of a page, and the lines they make: on one baseline, split at gaps that are wider than a space."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter

from docspeed_cli.sandbox.labels import RULES
from docspeed_cli.sandbox.values import find_date, parse_number

# What a result says of a page with a problem, after "page 1 has".
DAMAGED = "damaged content that can't be read"
NO_TEXT = "no text layer, as in a scan or a picture; the sandbox finds no text there"
TRUNCATED = "too much text: the sandbox read only the first part"

Box = tuple[float, float, float, float]

_GAP = 0.72  # of a line's height: wider than a space, even in justified text
_CELL_GAP = 0.42  # between close cells; justified text has such gaps too, so this is for tables only
_DRAWN = re.compile(r"[-=_*~.·—–]{4,}")  # rules and leaders drawn with characters
_LEFTWARD = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")  # Hebrew, Arabic and related scripts
_LABEL = re.compile(RULES["label"], re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its box in points, measured from the page's top left corner.

    The box of a sideways word is turned back about that corner, so that all text reads from left to right;
    `turn` is the word's angle on the page, in degrees clockwise.
    """

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    bold: bool
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Size of a page in points, its words as the file draws them, and its ruled lines as thin boxes."""

    width: float
    height: float
    words: tuple[Word, ...]
    rules: tuple[Box, ...] = ()
    problem: str = ""  # DAMAGED, NO_TEXT, TRUNCATED, or empty


@dataclass(eq=False)
class Line:
    """Words of one line; layout assigns the region id."""

    words: tuple[Word, ...]
    region_id: str = ""
    page_index: int = 0

    @cached_property
    def text(self) -> str:
        """Words in reading order, joined by spaces."""
        return " ".join(word.text for word in _reading_order(self.words))

    @cached_property
    def box(self) -> Box:
        """Smallest box around the words."""
        return hull((word.x0, word.y0, word.x1, word.y1) for word in self.words)

    @cached_property
    def height(self) -> float:
        """Median height of the words, slightly more than the font size."""
        heights = sorted(word.y1 - word.y0 for word in self.words)
        return heights[len(heights) // 2]

    @cached_property
    def bold(self) -> bool:
        """True if all words are bold."""
        return all(word.bold for word in self.words)

    @cached_property
    def is_amount(self) -> bool:
        """True for a number, with or without a currency."""
        return parse_number(self.text) is not None

    @cached_property
    def is_value(self) -> bool:
        """True for a number or a date."""
        return self.is_amount or find_date(self.text)[1] == self.text


@dataclass(eq=False)
class Row:
    """Lines side by side, from left to right."""

    lines: tuple[Line, ...]

    @cached_property
    def parted(self) -> Row:
        """Same row split at narrower gaps, as a table's cells may be."""
        words = [word for line in self.lines for word in line.words]
        letters = sum(len(word.text) for word in words)
        width = sum(word.x1 - word.x0 for word in words) / letters  # a monospaced font has wide spaces
        return Row(tuple(_lines(words, max(_CELL_GAP * self.height, 1.25 * width))))

    @property
    def whole(self) -> Row:
        """Same row as one line."""
        return Row((Line(tuple(word for line in self.lines for word in line.words)),))

    @cached_property
    def box(self) -> Box:
        """Smallest box around the lines."""
        return hull(line.box for line in self.lines)

    @cached_property
    def height(self) -> float:
        """Height of the tallest line."""
        return max(line.height for line in self.lines)


def turned(box: Box, angle: int) -> Box:
    """Box around a box that is turned counterclockwise, in degrees, about the page's top left corner."""
    x0, y0, x1, y1 = box
    if not angle:
        return box
    cos, sin = round(math.cos(math.radians(angle)), 9), round(math.sin(math.radians(angle)), 9)
    xs = [x * cos + y * sin for x in (x0, x1) for y in (y0, y1)]
    ys = [y * cos - x * sin for x in (x0, x1) for y in (y0, y1)]
    return min(xs), min(ys), max(xs), max(ys)


def is_label(text: str) -> bool:
    """True if a text looks like the label of a value."""
    if text.endswith(":"):
        return len(text) <= 50
    return bool(_LABEL.search(text)) and len(text) <= 32 and not re.search(r"\d{3}|,|@|:", text)


def _reading_order(words: Sequence[Word]) -> Sequence[Word]:
    """Words from left to right; in Hebrew and Arabic lines from right to left, except numbers and names."""
    leftward = [bool(_LEFTWARD.search(word.text)) for word in words]
    if 2 * sum(leftward) <= sum(bool(re.search(r"[^\W\d]", word.text)) for word in words):
        return words
    ordered: list[Word] = []
    for is_leftward, run in groupby(zip(words, leftward, strict=True), key=itemgetter(1)):
        kept = [word for word, _ in run]
        ordered[:0] = reversed(kept) if is_leftward else kept
    return ordered


def hull(boxes: Iterable[Box]) -> Box:
    """Smallest box around the boxes."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def on_page(lines: Iterable[Line]) -> list[float]:
    """Box around lines as the API returns it: on the page as seen, rounded to 0.01 points."""
    return [round(edge, 2) for edge in hull(turned(line.box, -line.words[0].turn) for line in lines)]


def find_rows(words: Sequence[Word]) -> list[Row]:
    """Rows of a page from top to bottom."""
    baselines: list[list[Word]] = []
    written = (word for word in words if not _DRAWN.fullmatch(word.text))
    for word in sorted(written, key=lambda word: (word.y0 + word.y1, word.x0)):
        if baselines and _level(baselines[-1][-1], word):
            baselines[-1].append(word)
        else:
            baselines.append([word])
    listed = (sorted(words, key=lambda word: word.x0) for words in baselines)
    return [Row(tuple(_lines(words, _GAP * max(word.y1 - word.y0 for word in words)))) for words in listed]


def _level(one: Word, other: Word) -> bool:
    """True if two words share a baseline; a superscript counts as the same."""
    shift = abs((one.y0 + one.y1) - (other.y0 + other.y1)) / 2
    return shift < 0.35 * min(one.y1 - one.y0, other.y1 - other.y0)


def _lines(words: list[Word], gap: float) -> Iterable[Line]:
    start, reach = 0, words[0].x1
    for index in range(1, len(words)):
        word = words[index]
        if word.x0 - reach > gap:
            yield Line(tuple(words[start:index]))
            start = index
        reach = max(reach, word.x1)
    yield Line(tuple(words[start:]))
