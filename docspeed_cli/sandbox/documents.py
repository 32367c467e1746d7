"""Read documents: content type, page count, page sizes, and words with their boxes."""

from __future__ import annotations

import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docspeed_cli.sandbox import images
from docspeed_cli.sandbox.errors import Unreadable

MAX_PAGES = 500
MAX_CHARS_PER_PAGE = 60_000
MAX_CHARS = 1_500_000

_pdfium_lock = threading.Lock()  # pdfium is not thread-safe
_BOLD = re.compile(r"bold|black|heavy", re.IGNORECASE)
_OFFICE = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its box in points, measured from the page's top left corner."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    bold: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Size of a page in points, and its words in the order in which the file draws them."""

    width: float
    height: float
    words: tuple[Word, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """Pages of a document."""

    content_type: str
    pages: tuple[Page, ...]

    @property
    def is_image(self) -> bool:
        """True if its pages are pictures: their size is known, their text is not."""
        return self.content_type.startswith("image/")


def sniff(path: Path) -> str | None:
    """Content type by the first bytes; None for a type that the service does not accept."""
    with path.open("rb") as file:
        head = file.read(2048)
    if b"%PDF-" in head[:1024]:
        return "application/pdf"
    if head.startswith(b"PK\x03\x04"):
        return _office_type(path)
    return images.content_type(head)


def _office_type(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return None
    return next((kind for folder, kind in _OFFICE.items() if any(n.startswith(folder) for n in names)), None)


def count_pages(path: Path, content_type: str) -> int:
    """Number of pages. `Unreadable` for a document that is damaged, encrypted or too long."""
    if content_type != "application/pdf":
        return len(images.page_sizes(path)) if content_type.startswith("image/") else 1
    with _pdfium_lock, _opened(path) as pdf:
        count = len(pdf)
    if not count:
        raise Unreadable("document_unreadable", "the PDF has no pages")
    if count > MAX_PAGES:
        raise Unreadable(
            "document_too_large", f"the sandbox reads {MAX_PAGES} pages at most; this has {count}"
        )
    return count


def read(path: Path, content_type: str) -> Document:
    """Read every page, up to the limits on characters."""
    if content_type.startswith("image/"):
        return Document(content_type, tuple(Page(w, h, ()) for w, h in images.page_sizes(path)))
    pages: list[Page] = []
    left = MAX_CHARS
    with _pdfium_lock, _opened(path) as pdf:
        for number in range(len(pdf)):
            page, taken = _page(pdf, number, min(left, MAX_CHARS_PER_PAGE))
            pages.append(page)
            left -= taken
    return Document(content_type, tuple(pages))


class _opened:
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


def _page(pdf: Any, number: int, limit: int) -> tuple[Page, int]:
    """Page, and the number of characters read."""
    import pypdfium2

    try:
        page = pdf[number]
        text = page.get_textpage()
    except pypdfium2.PdfiumError:
        raise Unreadable("document_unreadable", f"page {number + 1} of the PDF is damaged") from None
    try:
        width, height = page.get_size()
        count = text.count_chars()
        glyphs = _glyphs(text, min(count, limit), page.get_rotation(), page.get_bbox())
        return Page(width, height, tuple(_words(glyphs)), count > limit), min(count, limit)
    finally:
        text.close()
        page.close()


def _glyphs(text: Any, count: int, rotation: int, frame: Box) -> Iterator[tuple[str, Box, Any]]:
    """Yield each character, its box, and a function that says whether it is bold."""
    from pypdfium2 import raw

    rect = raw.FS_RECTF()
    for index in range(count):
        code = raw.FPDFText_GetUnicode(text, index)
        if code <= 0x20 or code == 0xA0 or not raw.FPDFText_GetLooseCharBox(text, index, rect):
            yield " ", (0, 0, 0, 0), None
            continue
        box = _upright((rect.left, rect.bottom, rect.right, rect.top), rotation, frame)
        yield chr(code), box, lambda index=index: _is_bold(raw, text, index)


def _is_bold(raw: Any, text: Any, index: int) -> bool:
    import ctypes

    name = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    raw.FPDFText_GetFontInfo(text, index, name, 128, flags)
    return bool(_BOLD.search(name.value.decode("latin-1")))


def _upright(box: Box, rotation: int, frame: Box) -> Box:
    """Convert PDF coordinates (unrotated, origin bottom left) to the page as seen (origin top left)."""
    left, bottom, right, top = box
    if rotation == 90:
        return bottom - frame[1], left - frame[0], top - frame[1], right - frame[0]
    if rotation == 180:
        return frame[2] - right, bottom - frame[1], frame[2] - left, top - frame[1]
    if rotation == 270:
        return frame[3] - top, frame[2] - right, frame[3] - bottom, frame[2] - left
    return left - frame[0], frame[3] - top, right - frame[0], frame[3] - bottom


def _words(glyphs: Iterator[tuple[str, Box, Any]]) -> Iterator[Word]:
    letters: list[str] = []
    box: Box = (0, 0, 0, 0)
    bold = False
    for char, new, is_bold in glyphs:
        if letters and (char == " " or _apart(box, new)):
            yield _word(letters, box, bold)
            letters = []
        if char == " ":
            continue
        if not letters:
            box, bold = new, is_bold()
        letters.append(char)
        box = (min(box[0], new[0]), min(box[1], new[1]), max(box[2], new[2]), max(box[3], new[3]))
    if letters:
        yield _word(letters, box, bold)


def _apart(box: Box, new: Box) -> bool:
    height = box[3] - box[1]
    shifted = abs((new[1] + new[3]) - (box[1] + box[3])) > height
    return shifted or new[0] - box[2] > 0.3 * height


def _word(letters: list[str], box: Box, bold: bool) -> Word:
    # pdfium returns a character beyond the BMP as two surrogates.
    text = "".join(letters).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Word(text, *box, bold)
