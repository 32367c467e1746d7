"""Alone in reading documents: bytes to a kind, a page count, page sizes and words with their boxes."""

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

_pdfium_lock = threading.Lock()  # pdfium keeps global state: one thread at a time
_BOLD = re.compile(r"bold|black|heavy", re.IGNORECASE)
_OFFICE = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Word:
    """Letters that stand together; the origin is the page's top left corner."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    bold: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page's size and words, in the order in which the file draws them."""

    width: float
    height: float
    words: tuple[Word, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """What can be read of a document."""

    content_type: str
    pages: tuple[Page, ...]

    @property
    def is_image(self) -> bool:
        """Whether its pages are pictures, of which only the size is known."""
        return self.content_type.startswith("image/")


def sniff(path: Path) -> str | None:
    """The content type that the bytes speak of, or None if it is none that the service takes."""
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
    """How many pages there are; raises `Unreadable` for what can't be worked on."""
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
    """Reads every page."""
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
    """A PDF that is closed at the end, with pdfium's complaints in the API's terms."""

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
    """One page, and how many characters were read."""
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
    """Each character with its box; the third is a call that tells whether it is bold."""
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
    """From PDF space (origin bottom left, unrotated) to the page as it is seen, origin top left."""
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
    # Characters beyond the BMP come as two surrogates.
    text = "".join(letters).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Word(text, *box, bold)
