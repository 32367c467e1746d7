"""A page with its words and ruled lines, and turns of the page."""

from __future__ import annotations

import math
from dataclasses import dataclass

# What a result says of a page with a problem, after "page 1 has".
DAMAGED = "damaged content that can't be read"
NO_TEXT = "no text layer, as in a scan or a picture; the sandbox finds no text there"
TRUNCATED = "too much text: the sandbox read only the first part"

Box = tuple[float, float, float, float]


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


def turned(box: Box, angle: int) -> Box:
    """Box around the box after a turn of the page counterclockwise about its top left corner."""
    x0, y0, x1, y1 = box
    if not angle:
        return box
    cos, sin = round(math.cos(math.radians(angle)), 9), round(math.sin(math.radians(angle)), 9)
    xs = [x * cos + y * sin for x in (x0, x1) for y in (y0, y1)]
    ys = [y * cos - x * sin for x in (x0, x1) for y in (y0, y1)]
    return min(xs), min(ys), max(xs), max(ys)
