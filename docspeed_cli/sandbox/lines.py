"""Join words into lines: one baseline, split at gaps that are wider than a space."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter

from docspeed_cli.sandbox.page import Box, Word, turned

GAP = 0.72  # of a line's height: wider than a space, even in justified text
CELL_GAP = 0.42  # between close cells; justified text has such gaps too, so this is for tables only
AMOUNT = re.compile(
    r"\(?[-+]?\s?(?:(?:Rs|INR|USD|EUR|GBP)\.?|[₹$€£¥])?\s?[-+]?\d[\d,.' ]*%?\)?"
    r"\s?(?:Cr|Dr|CR|DR|INR|USD|EUR|/-)?"
)
_DRAWN = re.compile(r"[-=_*~.·—–]{4,}")  # rules and leaders drawn with characters
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ]\w{3,9}[-/., ]+\d{2,4}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}"
    r"|[A-Z][a-z]{2,8}\.? \d{1,2},? \d{4}"
)

_LEFTWARD = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")  # Hebrew, Arabic and related scripts

LABEL = re.compile(
    r"\b(no|nos|number|num|date|dated|due|total|sub-?total|tax|taxable|[cis]?gst|gstin|vat|pan|tin|terms|order|"
    r"ref|reference|place|supply|discount|amount|amt|balance|bank|account|a/c|ifsc|swift|iban|currency|phone|tel|"
    r"mobile|fax|e-?mail|name|address|city|state|country|pin|zip|code|method|mode|delivery|ship|shipped|bill|to|by|id|"
    r"invoice|receipt|customer|vendor|round|shipping|freight|charge|charges|paid|payable|rate|period|from|type)\b",
    re.IGNORECASE,
)


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
        return bool(AMOUNT.fullmatch(self.text))

    @cached_property
    def is_value(self) -> bool:
        """True for a number or a date."""
        return self.is_amount or bool(DATE.fullmatch(self.text))


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
        return Row(tuple(_lines(words, max(CELL_GAP * self.height, 1.25 * width))))

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


def is_label(text: str) -> bool:
    """True if a text looks like the label of a value."""
    if text.endswith(":"):
        return len(text) <= 50
    known = bool(LABEL.search(text))
    return known and len(text) <= 32 and not re.search(r"\d{3}|,|@|:", text)


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
    return [Row(tuple(_lines(words, GAP * max(word.y1 - word.y0 for word in words)))) for words in listed]


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
