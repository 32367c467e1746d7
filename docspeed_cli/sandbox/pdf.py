"""Read PDF pages with pdfium: words as they are seen, form values and notes included, and ruled lines."""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docspeed_cli.sandbox.documents import DAMAGED, NO_TEXT, TRUNCATED, Box, Page, Word, turned
from docspeed_cli.sandbox.errors import Unreadable

_BOLD = re.compile(r"bold|black|heavy", re.IGNORECASE)
_HYPHENS = {0x02: "-", 0xAD: "-"}  # pdfium's mark for a hyphen at the end of a line, and the soft hyphen
_MAX_OBJECTS = 20_000  # drawn on a page; a map has more, and no tables
_UNKNOWN_SIZE = (612.0, 792.0)
_UNIT = re.compile(rb"/UserUnit\s+(\d+(?:\.\d+)?)")


class opened:
    """Open PDF as a context; pdfium's errors become `Unreadable`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Any:
        import pypdfium2

        try:
            self.pdf = pypdfium2.PdfDocument(self.path)
        except pypdfium2.PdfiumError as error:
            if "password" in str(error).lower() or "security" in str(error).lower():
                raise Unreadable("document_encrypted", "the PDF is encrypted; it needs a password") from None
            raise Unreadable("document_unreadable", "the PDF is damaged: it can't be opened") from None
        return self.pdf

    def __exit__(self, *_: object) -> None:
        self.pdf.close()


def user_unit(path: Path) -> float:
    """Points in a unit of the pages' user space; pdfium does not tell it."""
    found = _UNIT.search(path.read_bytes())
    return float(found[1]) or 1.0 if found else 1.0


def read_page(pdf: Any, number: int, limit: int, unit: float) -> tuple[Page, int]:
    """Page, and the number of characters read."""
    import pypdfium2

    try:
        page = _with_annotations(pdf, number)
        text = page.get_textpage()
    except pypdfium2.PdfiumError:
        return Page(*_UNKNOWN_SIZE, (), problem=DAMAGED), 0
    try:
        view = _View(page, unit)
        count = text.count_chars()
        words = tuple(_words(text, min(count, limit), view))
        problem = TRUNCATED if count > limit else "" if words or not _objects(page) else NO_TEXT
        return Page(view.width, view.height, words, tuple(_rules(page, view)), problem), min(count, limit)
    finally:
        text.close()
        page.close()


def _with_annotations(pdf: Any, number: int) -> Any:
    """Page with the appearance of its form fields and notes drawn into it, so that they are text too."""
    from pypdfium2 import raw

    page = pdf[number]
    if raw.FPDFPage_GetAnnotCount(page):
        raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
        page.close()
        page = pdf[number]
    return page


class _View:
    """The visible part of a page, and the way from PDF coordinates to it."""

    def __init__(self, page: Any, unit: float) -> None:
        self.frame: Box = page.get_bbox()
        self.rotation: int = page.get_rotation()
        self.unit = unit
        width, height = page.get_size()
        self.width, self.height = width * unit, height * unit

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        """Box as seen, measured from the top left corner, in points."""
        x0, y0, x1, y1 = self.frame
        upright = {
            0: (left - x0, y1 - top, right - x0, y1 - bottom),
            90: (bottom - y0, left - x0, top - y0, right - x0),
            180: (x1 - right, bottom - y0, x1 - left, top - y0),
            270: (y1 - top, x1 - right, y1 - bottom, x1 - left),
        }[self.rotation]
        a, b, c, d = (edge * self.unit for edge in upright)
        return a, b, max(c, a + 0.1), max(d, b + 0.1)  # a height of 0 would be divided by

    def shows(self, box: Box) -> bool:
        """True if the middle of a box is on the page."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return -1 < x < self.width + 1 and -1 < y < self.height + 1


class _Letters:
    """A word under construction; its box is in the frame in which it reads from left to right."""

    def __init__(self, text: Any, index: int, box: Box, turn: int) -> None:
        self._text, self._first, self._last = text, index, box
        self.turn = turn
        self.chars: list[str] = []
        self.box = turned(box, turn)

    def add(self, char: str, box: Box) -> None:
        """Add a letter with its box on the page."""
        if len(self.chars) == 1 and not self.turn and _is_below(self._last, box):
            self.turn, self.box = 90, turned(self.box, 90)  # vertical writing
        self.chars.append(char)
        new = turned(box, self.turn)
        old = self.box
        self.box = (min(old[0], new[0]), min(old[1], new[1]), max(old[2], new[2]), max(old[3], new[3]))
        self._last = box

    def is_apart(self, box: Box) -> bool:
        """True if a letter at this place starts another word."""
        if len(self.chars) == 1 and not self.turn and _is_below(self._last, box):
            return False
        if self.turn % 90:
            return False  # the upright box of a slanted letter says little
        new, old = turned(box, self.turn), self.box
        height = old[3] - old[1]
        shifted = abs((new[1] + new[3]) - (old[1] + old[3])) > height
        return shifted or max(new[0] - old[2], old[0] - new[2]) > 0.3 * height

    def word(self) -> Word:
        """The finished word."""
        # pdfium returns a character beyond the BMP as two surrogates.
        text = "".join(self.chars).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return Word(text, *self.box, _is_bold(self._text, self._first), self.turn)


def _is_below(above: Box, box: Box) -> bool:
    """True if a letter is right below another one, as in vertical writing."""
    height, middle = above[3] - above[1], (above[0] + above[2]) / 2
    level = abs((box[0] + box[2]) / 2 - middle) < 0.3 * (above[2] - above[0])
    return level and -0.3 * height < box[1] - above[3] < 0.5 * height


def _words(text: Any, count: int, view: _View) -> Iterator[Word]:
    """Words in the order in which the file draws them."""
    from pypdfium2 import raw

    rect = raw.FS_RECTF()
    letters: _Letters | None = None
    for index in range(count):
        code = raw.FPDFText_GetUnicode(text, index)
        char = _HYPHENS.get(code) or _char(code)
        box = None
        if char and raw.FPDFText_GetLooseCharBox(text, index, rect):
            box = view.box(rect.left, rect.bottom, rect.right, rect.top)
        if letters and (box is None or letters.is_apart(box)):
            yield letters.word()
            letters = None
        if box is None or not view.shows(box):
            continue
        if letters is None:
            angle = math.degrees(raw.FPDFText_GetCharAngle(text, index))
            letters = _Letters(text, index, box, _turn(view.rotation - angle))
        letters.add(char, box)
    if letters:
        yield letters.word()


def _turn(angle: float) -> int:
    """Angle from 0 to 359; a scan that is slightly askew counts as straight."""
    straight = 90 * round(angle / 90)
    return (straight if abs(angle - straight) < 8 else round(angle)) % 360


def _char(code: int) -> str:
    """Character as text, a ligature as its letters; empty for a space or control character."""
    if code <= 0x20 or code == 0xA0:
        return ""
    if code > 0x10FFFF:
        return "\ufffd"
    char = chr(code)
    return unicodedata.normalize("NFKC", char) if 0xFB00 <= code <= 0xFEFC else char


def _is_bold(text: Any, index: int) -> bool:
    from pypdfium2 import raw

    name = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(text, index, name, 128, ctypes.c_int())
    return bool(_BOLD.search(name.value.decode("latin-1")))


def _objects(page: Any) -> int:
    from pypdfium2 import raw

    return int(raw.FPDFPage_CountObjects(page))


def _rules(page: Any, view: _View) -> Iterator[Box]:
    return iter(())
