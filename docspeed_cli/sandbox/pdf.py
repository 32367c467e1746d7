"""Read PDF pages with pdfium: words as they are seen, form values and notes included, and ruled lines."""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise, product
from pathlib import Path
from statistics import median
from typing import Any

import pypdfium2
from pypdfium2 import raw

from docspeed_cli.sandbox.errors import Unreadable
from docspeed_cli.sandbox.lines import DAMAGED, NO_TEXT, TRUNCATED, Box, Page, Word, hull, turned

_BOLD = re.compile(rb"bold|black|heavy", re.IGNORECASE)
_ADDED = "\x03"  # in place of a space that pdfium adds between pieces of text
_WORD = re.compile(
    "[^\\s\0-\2\4-\x1f]*\x02|[^\\s\0-\2\4-\x1f]+"
)  # pdfium marks a hyphen at a line's end with \x02
_LIGATURES = re.compile("[\ufb00-\ufefc]+")
_Piece = tuple[Sequence[int], list[Box]]  # places of letters in a text, and their boxes
_GAP = 0.1  # of a letter's height: the gap at which poppler, too, parts words
_SHADOW = 0.1  # of a letter's height: how far the shadow of a word may be from it
_MIN_RULE = 6.0  # points; what is shorter is part of a picture
_MAX_OBJECTS, _MAX_SEGMENTS = 5_000, 200  # on a page, and in a drawing; a map has more
_UNKNOWN_SIZE = (612.0, 792.0)
_UNIT = re.compile(rb"/UserUnit\s+(\d+(?:\.\d+)?)")


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a PDF, to be closed after the `with` block. `Unreadable` if it is encrypted or damaged."""
    try:
        pdf = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        # pdfium's message may be about another document, opened before.
        if re.search("password|security", str(error), re.IGNORECASE) and b"/Encrypt" in path.read_bytes():
            raise Unreadable("document_encrypted", "it needs a password; save a copy without one") from None
        raise Unreadable("document_unreadable", "it is damaged or empty; export it again") from None
    try:
        yield pdf
    finally:
        pdf.close()


def user_unit(path: Path) -> float:
    """Points in a unit of the pages' user space; pdfium does not say."""
    found = _UNIT.search(path.read_bytes())
    return float(found[1]) or 1.0 if found else 1.0


def read_page(pdf: Any, number: int, limit: int, unit: float) -> tuple[Page, int]:
    """Page, and the number of characters read, at most `limit`."""
    try:
        page = pdf[number]
        view = _View(page, unit)
        words = list(_values(page, view))
        if raw.FPDFPage_GetAnnotCount(page):  # draw form fields and notes into the page: they are text too
            raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
            page.close()
            page = pdf[number]
        text = page.get_textpage()
    except pypdfium2.PdfiumError:
        return Page(*_UNKNOWN_SIZE, (), problem=DAMAGED), 0
    count = text.count_chars()
    words += _words(text, min(count, limit), view)
    is_blank = not raw.FPDFPage_CountObjects(page)
    problem = TRUNCATED if count > limit else "" if words or is_blank else NO_TEXT
    result = Page(view.width, view.height, tuple(_drawn_once(words)), tuple(_rules(page, view)), problem)
    text.close()
    page.close()
    return result, min(count, limit)


def _values(page: Any, view: _View) -> Iterator[Word]:
    """Notes and values in form fields that have no appearance, line by line; a viewer would draw them."""
    rect = raw.FS_RECTF()
    keys = {raw.FPDF_ANNOT_FREETEXT: b"Contents", raw.FPDF_ANNOT_WIDGET: b"V"}
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        key = keys.get(raw.FPDFAnnot_GetSubtype(annotation))
        is_text = key != b"V" or _string(annotation, b"FT") in ("Tx", "Ch")
        if key and is_text and not raw.FPDFAnnot_HasKey(annotation, b"AP"):
            raw.FPDFAnnot_GetRect(annotation, rect)
            x0, y0, x1, y1 = view.box(rect)
            lines = [line for line in _string(annotation, key).splitlines() if line.strip()]
            for number, line in enumerate(lines):
                y = y0 + number * (y1 - y0) / len(lines)
                yield Word(line, x0, y, x1, y + (y1 - y0) / len(lines), False)
        raw.FPDFPage_CloseAnnot(annotation)


def _string(annotation: Any, key: bytes) -> str:
    size = raw.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    buffer = (raw.FPDF_WCHAR * size)()
    raw.FPDFAnnot_GetStringValue(annotation, key, buffer, size)
    return bytes(buffer).decode("utf-16-le", "replace").partition("\0")[0]


class _View:
    """The visible part of a page, and the way from PDF coordinates to it."""

    def __init__(self, page: Any, unit: float) -> None:
        left, bottom, right, top = page.get_bbox()
        self.rotation: int = page.get_rotation()
        self.unit = unit
        self.x, self.y, *_ = turned((left, -top, right, -bottom), -self.rotation)
        width, height = page.get_size()
        self.width, self.height = width * unit, height * unit

    def box(self, rect: Any) -> Box:
        """Box as seen, measured from the top left corner, in points."""
        x0, y0, x1, y1 = turned((rect.left, -rect.top, rect.right, -rect.bottom), -self.rotation)
        left, top = (x0 - self.x) * self.unit, (y0 - self.y) * self.unit
        width, height = (x1 - x0) * self.unit, (y1 - y0) * self.unit
        return left, top, left + max(width, 0.1), top + max(height, 0.1)  # others divide by the height

    def shows(self, box: Box) -> bool:
        """True if the middle of a box is on the page."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return bool(-1 < x < self.width + 1 and -1 < y < self.height + 1)


def _words(text: Any, count: int, view: _View) -> Iterator[Word]:
    """Words in the order in which the file draws them."""
    letters = "".join(_character(text, index) for index in range(count))
    for found in _WORD.finditer(letters):
        places = [index for index in range(*found.span()) if letters[index] != _ADDED]
        angle = raw.FPDFText_GetCharAngle(text, places[0]) if places else math.nan
        if not math.isfinite(angle):  # a damaged font
            continue
        # In steps of 15 degrees: a scan that is slightly askew counts as straight.
        turn = 15 * round((view.rotation + math.degrees(angle)) / 15) % 360
        for piece, boxes in _pieces(text, places, turn, view):
            # Vertical writing: the last letter is below the first one.
            down = boxes[-1][1] > (boxes[0][1] + boxes[0][3]) / 2 and boxes[-1][0] < boxes[0][2]
            box = turned(hull(boxes), 90 if down else 0)
            turn_of_word = (turn + 90) % 360 if down else turn
            if view.shows(turned(box, -turn_of_word)):
                written = _written("".join(letters[index] for index in piece))
                yield Word(written, *box, _is_bold(text, piece[0]), turn_of_word)


def _drawn_once(words: Iterable[Word]) -> Iterator[Word]:
    """Words without those that are drawn again almost at their place, as bold letters and shadows may be."""
    seen: dict[tuple[str, int, float], set[tuple[int, int]]] = {}
    for word in words:
        height = word.y1 - word.y0
        x, y = round(word.x0 / height / _SHADOW), round(word.y0 / height / _SHADOW)
        places = seen.setdefault((word.text, word.turn, round(height, 1)), set())
        if places.isdisjoint(product((x - 1, x, x + 1), (y - 1, y, y + 1))):
            places.add((x, y))
            yield word


def _character(text: Any, index: int) -> str:
    code = raw.FPDFText_GetUnicode(text, index)
    if code == 0x20 and raw.FPDFText_IsGenerated(text, index) == 1:
        return _ADDED
    return chr(code) if code <= 0x10FFFF else "\ufffd"


def _pieces(text: Any, places: Sequence[int], turn: int, view: _View) -> Iterator[_Piece]:
    """Pieces of a word, split at wide gaps."""
    boxes = [turned(_letter(text, index, view), turn) for index in places]
    gaps = [
        max(box[0] - before[2], before[0] - box[2]) / (box[3] - box[1]) for before, box in pairwise(boxes)
    ]
    spaced = [other - one > 1 for one, other in pairwise(places)]
    usual = median([gap for gap, has_space in zip(gaps, spaced, strict=True) if not has_space] or [0.0])
    # Letters may all be set apart, as in a title. The upright box of a slanted letter says little.
    apart = usual if usual > _GAP and not turn % 90 else 0.0
    wide = math.inf if turn % 90 else _GAP + apart
    narrow = 1.2 * apart if apart else -math.inf
    limits = (narrow if has_space else wide for has_space in spaced)
    ends = [at for at, (gap, limit) in enumerate(zip(gaps, limits, strict=True), 1) if gap > limit]
    for start, end in pairwise([0, *ends, len(boxes)]):
        yield places[start:end], boxes[start:end]


def _letter(text: Any, index: int, view: _View) -> Box:
    rect = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(text, index, rect)
    return view.box(rect)


def _written(letters: str) -> str:
    """Text of a word, with plain hyphens, ligatures as letters, and surrogate pairs as characters."""
    whole = letters.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    spelt = _LIGATURES.sub(lambda found: unicodedata.normalize("NFKC", found[0]), whole)
    return spelt.replace("\x02", "-").replace("\xad", "-")


def _is_bold(text: Any, index: int) -> bool:
    name = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(text, index, name, 128, ctypes.c_int())
    return bool(_BOLD.search(name.value))


def _rules(page: Any, view: _View) -> Iterator[Box]:
    """Vertical and horizontal lines of the drawings on a page, as thin boxes."""
    paths = page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH], max_depth=1)
    for drawn in islice(paths, _MAX_OBJECTS):
        left, bottom, right, top = drawn.get_bounds()
        if max(right - left, top - bottom) >= _MIN_RULE:
            yield from (view.box(edge) for edge in _segments(drawn))


def _segments(path: Any) -> Iterator[raw.FS_RECTF]:
    matrix = path.get_matrix()
    x, y = ctypes.c_float(), ctypes.c_float()
    point = start = (0.0, 0.0)
    for index in range(min(raw.FPDFPath_CountSegments(path), _MAX_SEGMENTS)):
        segment = raw.FPDFPath_GetPathSegment(path, index)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        last, point = point, matrix.on_point(x.value, y.value)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = point
        ends = [last, point] if kind == raw.FPDF_SEGMENT_LINETO else []
        if raw.FPDFPathSegment_GetClose(segment):
            ends.append(start)
        for one, other in pairwise(ends):
            x0, y0, x1, y1 = hull([(*one, *one), (*other, *other)])
            if min(x1 - x0, y1 - y0) < 1 and max(x1 - x0, y1 - y0) >= 2:
                yield raw.FS_RECTF(x0, y1, x1, y0)
