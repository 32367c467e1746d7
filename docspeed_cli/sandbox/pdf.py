"""Read PDF pages with pdfium: words as they are seen, form values and notes included, and ruled lines."""

from __future__ import annotations

import ctypes
import math
import mmap
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from docspeed_cli.sandbox.errors import Unreadable
from docspeed_cli.sandbox.page import DAMAGED, NO_TEXT, TRUNCATED, Box, Page, Word, turned

_BOLD = re.compile(r"bold|black|heavy", re.IGNORECASE)
_HYPHENS = (0x02, 0xAD)  # pdfium's mark for a hyphen at the end of a line, and the soft hyphen
GAP = 0.2  # of a word's height: wider than the space between two letters
CLOSE_GAP = 0.1  # where the other letters of the word are much closer to each other
_SPACES = frozenset(b"\t\n\r ")
_MIN_RULE = 6.0  # points; what is shorter is part of a picture
_MAX_OBJECTS, _MAX_SEGMENTS = 5_000, 200  # on a page, and in a drawing; a map has more
_UNKNOWN_SIZE = (612.0, 792.0)
_UNIT = re.compile(rb"/UserUnit\s+(\d+(?:\.\d+)?)")


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open PDF as a context; pdfium's errors become `Unreadable`."""
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise Unreadable("document_encrypted", "the PDF is encrypted; it needs a password") from None
        raise Unreadable("document_unreadable", "the PDF is damaged: it can't be opened") from None
    try:
        yield pdf
    finally:
        pdf.close()


def user_unit(path: Path) -> float:
    """Points in a unit of the pages' user space; pdfium does not tell it."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = _UNIT.search(data)
        return float(found[1]) or 1.0 if found else 1.0


def read_page(pdf: Any, number: int, limit: int, unit: float) -> tuple[Page, int]:
    """Page, and the number of characters read."""
    import pypdfium2

    try:
        page = pdf[number]
        view = _View(page, unit)
        unseen = list(_values(page, view))
        page = _with_annotations(pdf, number, page)
        text = page.get_textpage()
    except pypdfium2.PdfiumError:
        return Page(*_UNKNOWN_SIZE, (), problem=DAMAGED), 0
    try:
        count = text.count_chars()
        words = (*_words(text, min(count, limit), view), *unseen)
        problem = TRUNCATED if count > limit else "" if words or _is_blank(page) else NO_TEXT
        return Page(view.width, view.height, words, tuple(_rules(page, view)), problem), min(count, limit)
    finally:
        text.close()
        page.close()


def _with_annotations(pdf: Any, number: int, page: Any) -> Any:
    """Page with the appearance of its form fields and notes drawn into it, so that they are text too."""
    from pypdfium2 import raw

    if raw.FPDFPage_GetAnnotCount(page):
        raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
        page.close()
        page = pdf[number]
    return page


def _values(page: Any, view: _View) -> Iterator[Word]:
    """Words of notes and of values in form fields that have no appearance; a viewer would draw them."""
    from pypdfium2 import raw

    rect = raw.FS_RECTF()
    keys = {raw.FPDF_ANNOT_FREETEXT: b"Contents", raw.FPDF_ANNOT_WIDGET: b"V"}
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        key = keys.get(raw.FPDFAnnot_GetSubtype(annotation))
        is_text = key != b"V" or _string(annotation, b"FT") in ("Tx", "Ch")
        if key and is_text and not raw.FPDFAnnot_HasKey(annotation, b"AP"):
            raw.FPDFAnnot_GetRect(annotation, rect)
            box = view.box((rect.left, rect.bottom, rect.right, rect.top))
            yield from _written(_string(annotation, key), box)
        raw.FPDFPage_CloseAnnot(annotation)


def _string(annotation: Any, key: bytes) -> str:
    from pypdfium2 import raw

    size = raw.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    buffer = ctypes.create_string_buffer(size)
    raw.FPDFAnnot_GetStringValue(annotation, key, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
    return buffer.raw.decode("utf-16-le", "replace").rstrip("\0")


def _written(text: str, box: Box) -> Iterator[Word]:
    """Words of a text in a box, roughly where a viewer would draw them."""
    lines = text.splitlines()
    height = min(12.0, (box[3] - box[1]) / max(len(lines), 1))
    top = box[1] if len(lines) > 1 else (box[1] + box[3] - height) / 2
    for number, line in enumerate(lines):
        x, y = box[0], top + number * height
        for word in line.split():
            width = 0.5 * height * len(word)
            yield Word(word, x, y, x + width, y + 0.9 * height, False)
            x += width + 0.3 * height


class _View:
    """The visible part of a page, and the way from PDF coordinates to it."""

    def __init__(self, page: Any, unit: float) -> None:
        self.frame: Box = page.get_bbox()
        self.rotation: int = page.get_rotation()
        self.unit = unit
        width, height = page.get_size()
        self.width, self.height = width * unit, height * unit

    def box(self, box: Box) -> Box:
        """Box as seen, measured from the top left corner, in points."""
        left, bottom, right, top = box
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
        return bool(-1 < x < self.width + 1 and -1 < y < self.height + 1)


class _Run(NamedTuple):
    """Letters of one word; the box is in the file's coordinates, turned until the word reads upright.

    The loosest gap between two letters so far is a share of the height.
    """

    chars: list[str]
    first: int
    angle: int
    box: Box
    loosest: float = 0.02


def _words(text: Any, count: int, view: _View) -> Iterator[Word]:
    """Words in the order in which the file draws them."""
    bold: dict[bytes, bool] = {}
    for run in _runs(text, count):
        box = view.box(turned(run.box, -run.angle))
        if not view.shows(box):
            continue
        # pdfium returns a character beyond the BMP as two surrogates.
        letters = "".join(run.chars).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        turn = (view.rotation - run.angle) % 360
        yield Word(letters, *turned(box, turn), _is_bold(text, run.first, bold), turn)


def _runs(text: Any, count: int) -> Iterator[_Run]:
    """Runs of letters without a space; this loop takes most of the time of reading a document."""
    from pypdfium2 import raw

    rect = raw.FS_RECTF()
    run: _Run | None = None
    for index in range(count):
        code = raw.FPDFText_GetUnicode(text, index)
        char = chr(code) if 0x20 < code < 0xA0 else _char(code)
        if char is None:
            continue
        if not char or not raw.FPDFText_GetLooseCharBox(text, index, rect):
            if run:
                yield run
            run = None
            continue
        box = (rect.left, rect.bottom, rect.right, rect.top)
        if run:
            joined = _joined(run, box)
            if joined:
                joined.chars.append(char)
                run = joined
                continue
            yield run
        angle = _straight(-math.degrees(raw.FPDFText_GetCharAngle(text, index)))  # clockwise
        run = _Run([char], index, angle, turned(box, angle))
    if run:
        yield run


def _joined(run: _Run, letter: Box) -> _Run | None:
    """The run with room for a letter; None if the letter starts another word."""
    x0, y0, x1, y1 = run.box
    angle = run.angle
    left, bottom, right, top = turned(letter, angle) if angle else letter
    height = max(y1 - y0, 0.1)
    gap = max(left - x1, x0 - right) / height
    wide = gap > GAP or (gap > CLOSE_GAP and gap > 4 * run.loosest and len(run.chars) > 1)
    apart = wide or abs(top + bottom - y1 - y0) > height
    if apart and angle % 90 == 0:  # the upright box of a slanted letter says little
        below = abs(left + right - x0 - x1) < 0.6 * (x1 - x0) and -0.3 * height < y0 - top < 0.5 * height
        if not below or len(run.chars) > 1 or angle:
            return None
        angle = 270  # vertical writing
        x0, y0, x1, y1 = turned(run.box, angle)
        left, bottom, right, top = turned(letter, angle)
    box = (min(x0, left), min(y0, bottom), max(x1, right), max(y1, top))
    return _Run(run.chars, run.first, angle, box, max(run.loosest, gap))


def _straight(angle: float) -> int:
    """Angle from 0 to 359; a scan that is slightly askew counts as straight."""
    straight = 90 * round(angle / 90)
    return (straight if abs(angle - straight) < 8 else round(angle)) % 360


def _char(code: int) -> str | None:
    """Character as text, a ligature as its letters; empty for a space, None for what is not a character."""
    if code in _HYPHENS:
        return "-"
    if code <= 0x20:
        return "" if code in _SPACES else None
    if code == 0xA0:
        return ""
    if code > 0x10FFFF:
        return "\ufffd"
    char = chr(code)
    return unicodedata.normalize("NFKC", char) if 0xFB00 <= code <= 0xFEFC else char


def _is_bold(text: Any, index: int, known: dict[bytes, bool]) -> bool:
    from pypdfium2 import raw

    buffer = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(text, index, buffer, 128, ctypes.c_int())
    name = buffer.value
    if name not in known:
        known[name] = bool(_BOLD.search(name.decode("latin-1")))
    return known[name]


def _is_blank(page: Any) -> bool:
    from pypdfium2 import raw

    return not raw.FPDFPage_CountObjects(page)


def _rules(page: Any, view: _View) -> Iterator[Box]:
    """Vertical and horizontal lines of the drawings on a page, as boxes without width or height."""
    from pypdfium2 import raw

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    for drawn in _paths(page):
        raw.FPDFPageObj_GetBounds(drawn, left, bottom, right, top)
        if max(right.value - left.value, top.value - bottom.value) >= _MIN_RULE:
            yield from (view.box(edge) for edge in _edges(drawn))


def _paths(page: Any) -> Iterator[Any]:
    from pypdfium2 import raw

    for index in range(min(raw.FPDFPage_CountObjects(page), _MAX_OBJECTS)):
        drawn = raw.FPDFPage_GetObject(page, index)
        if raw.FPDFPageObj_GetType(drawn) == raw.FPDF_PAGEOBJ_PATH:
            yield drawn


def _edges(path: Any) -> Iterator[Box]:
    from pypdfium2 import raw

    matrix = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(path, matrix)
    x, y = ctypes.c_float(), ctypes.c_float()
    last = start = (0.0, 0.0)
    for index in range(min(raw.FPDFPath_CountSegments(path), _MAX_SEGMENTS)):
        segment = raw.FPDFPath_GetPathSegment(path, index)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        point = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = raw.FPDFPathSegment_GetType(segment)
        ends = [(last, point)] if kind == raw.FPDF_SEGMENT_LINETO else []
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = point
        if raw.FPDFPathSegment_GetClose(segment):
            ends.append((point, start))
        for one, other in ends:
            wide, high = abs(one[0] - other[0]), abs(one[1] - other[1])
            if min(wide, high) < 1 and max(wide, high) >= 2:
                yield (
                    min(one[0], other[0]),
                    min(one[1], other[1]),
                    max(one[0], other[0]),
                    max(one[1], other[1]),
                )
        last = point
