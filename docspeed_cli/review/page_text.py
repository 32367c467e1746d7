"""Find texts and numbers in a page's text layer, whatever white space and separators are between them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from docspeed_cli.review.model import Box

Match = tuple[Box, ...]
"""The boxes of a text that was found, one for each line that it stands on."""

NO_BOX: Box = (0.0, 0.0, 0.0, 0.0)
"""The box of a character that takes no room."""

_NUMBER = re.compile(r"\d(?:[\d.,'’]*\d)?")
_GROUP = 3
"""Digits between two marks of thousands."""

_MAX_NEEDLE = 2000
"""Characters of the longest text that is looked for."""


class PageText:
    """The characters of a page in the order of the file, and four numbers for the box of each.

    The boxes are in the file's coordinates, and `NO_BOX` for white space; `seen` converts one to the page as
    people see it.
    """

    def __init__(
        self,
        chars: str,
        boxes: Sequence[float],
        seen: Callable[[Box], Box | None],
    ) -> None:
        self.chars = chars
        self._boxes = boxes
        self._seen = seen
        self._known: dict[tuple[int, int], Match] = {}

    @cached_property
    def _folded(self) -> tuple[str, list[int]]:
        """The text without white space in one form of each letter, and each letter's place in `chars`."""
        letters: list[str] = []
        at: list[int] = []
        for place, char in enumerate(self.chars):
            folded = _fold(char)
            letters += folded
            at += [place] * len(folded)
        return "".join(letters), at

    def find(self, text: str, most: int) -> list[Match]:
        """Return where a text stands as whole words; nothing if it stands at more than `most` places."""
        needle = "".join(map(_fold, text[:_MAX_NEEDLE]))
        found: list[Match] = []
        folded, at = self._folded
        start = folded.find(needle) if needle else -1
        while start >= 0:
            first, last = at[start], at[start + len(needle) - 1]
            if self._is_word(first, last) and (match := self._lines(first, last)):
                found.append(match)
                if len(found) > most:
                    return []
            start = folded.find(needle, start + 1)
        return found

    def find_number(self, number: str, most: int) -> list[Match]:
        """Return where a number of JSON stands in any usual form: 1240.5 also as 1,240.50 and 1.240,50."""
        spans = self._numbers.get(_normalized_number(number), [])
        return [self._lines(first, last) for first, last in spans] if len(spans) <= most else []

    @cached_property
    def _numbers(self) -> dict[str, list[tuple[int, int]]]:
        """The places of all numbers, by each number that one may mean."""
        found: dict[str, list[tuple[int, int]]] = {}
        for token in _NUMBER.finditer(self.chars):
            if self._is_word(token.start(), token.end() - 1):
                for reading in set(_readings(token[0])):
                    found.setdefault(reading, []).append((token.start(), token.end() - 1))
        return found

    def inside(self, box: Box) -> str:
        """Return the letters in a box, folded, to compare them with a text."""
        x0, y0, x1, y1 = box
        boxes = map(self._box, range(len(self.chars)))
        places = (None if place == NO_BOX else self._seen(place) for place in boxes)
        return "".join(
            _fold(char)
            for char, at in zip(self.chars, places, strict=True)
            if at and x0 <= (at[0] + at[2]) / 2 <= x1 and y0 <= (at[1] + at[3]) / 2 <= y1
        )

    def _box(self, place: int) -> Box:
        left, bottom, right, top = self._boxes[4 * place : 4 * place + 4]
        return left, bottom, right, top

    def _is_word(self, first: int, last: int) -> bool:
        """Whether no letter or digit goes on before or after."""
        before, after = self.chars[max(first - 1, 0) : first], self.chars[last + 1 : last + 2]
        starts, ends = self.chars[first].isalnum(), self.chars[last].isalnum()
        return not (starts and before.isalnum()) and not (ends and after.isalnum())

    def _lines(self, first: int, last: int) -> Match:
        """Return the boxes of these characters; they are joined first, because converting takes time."""
        known = self._known.get((first, last))
        if known is None:
            boxes = (box for place in range(first, last + 1) if (box := self._box(place)) != NO_BOX)
            known = tuple(seen for line in _merged(boxes) if (seen := self._seen(line)))
            self._known[first, last] = known
        return known


def fold_text(text: str) -> str:
    """Return a text as `PageText.inside` returns it."""
    return "".join(map(_fold, text))


def _fold(char: str) -> str:
    if char.isascii():
        return char.lower() if char > " " else ""
    # NFKC makes a blank and a mark of an accent that stands alone, and we compare without blanks.
    return "".join(unicodedata.normalize("NFKC", char).casefold().split())


def _merged(boxes: Iterator[Box]) -> Iterator[Box]:
    """Join the boxes of neighbouring characters on one line, which may run in any direction."""
    line: Box | None = None
    for box in boxes:
        if line is not None and (_beside(line, box, 0) or _beside(line, box, 1)):
            line = (min(line[0], box[0]), min(line[1], box[1]), max(line[2], box[2]), max(line[3], box[3]))
        else:
            if line is not None:
                yield line
            line = box
    if line is not None:
        yield line


def _beside(line: Box, box: Box, along: int) -> bool:
    """Whether a character goes on a line in this direction: 0 is to the side, 1 is down or up."""
    across = 1 - along
    height = box[across + 2] - box[across]
    overlap = min(line[across + 2], box[across + 2]) - max(line[across], box[across])
    gap = max(box[along] - line[along + 2], line[along] - box[along + 2])
    return overlap > height / 2 and gap <= 2 * height


def _normalized_number(number: str) -> str:
    """Return a number without its sign and the zeros that say nothing; empty for a text of another form."""
    if not re.fullmatch(r"-?\d+(\.\d+)?", number):
        return ""
    whole, _, fraction = number.lstrip("-").partition(".")
    return f"{whole.lstrip('0') or '0'}.{fraction.rstrip('0')}"


def _readings(token: str) -> Iterator[str]:
    """Yield the possible values of a token: with its last mark as decimal mark, or as thousands separator."""
    digits = "".join(filter(str.isdigit, token))
    last = next((char for char in reversed(token) if not char.isdigit()), "")
    decimals = len(token) - token.rfind(last) - 1
    if not last or decimals == _GROUP:
        yield _normalized_number(digits)
    if last and last in ".,":
        yield _normalized_number(f"{digits[:-decimals]}.{digits[-decimals:]}")
