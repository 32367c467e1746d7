"""Read documents: content type, page count, page sizes, and words with their boxes."""

from __future__ import annotations

import math
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

from docspeed_cli.sandbox import images
from docspeed_cli.sandbox.errors import Unreadable

MAX_PAGES = 500
MAX_CHARS_PER_PAGE = 60_000
MAX_CHARS = 1_500_000

DAMAGED = "damaged"
NO_TEXT = "no text"
TRUNCATED = "truncated"

_pdfium_lock = threading.Lock()  # pdfium is not thread-safe
_OFFICE = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its box in points, measured from the page's top left corner.

    The box of a word that runs sideways is the one it has after a turn back about that corner, so that each
    text reads from left to right; `turn` is the word's angle on the page, in degrees clockwise.
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


@dataclass(frozen=True, slots=True)
class Document:
    """Pages of a document."""

    content_type: str
    pages: tuple[Page, ...]


def turned(box: Box, angle: int) -> Box:
    """Box around the box after a turn of the page counterclockwise about its top left corner."""
    x0, y0, x1, y1 = box
    if not angle:
        return box
    cos, sin = round(math.cos(math.radians(angle)), 9), round(math.sin(math.radians(angle)), 9)
    xs = [x * cos + y * sin for x in (x0, x1) for y in (y0, y1)]
    ys = [y * cos - x * sin for x in (x0, x1) for y in (y0, y1)]
    return min(xs), min(ys), max(xs), max(ys)


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
    from docspeed_cli.sandbox.pdf import opened

    with _pdfium_lock, opened(path) as pdf:
        count = len(pdf)
    if not count:
        raise Unreadable("document_unreadable", "the PDF has no pages")
    if count > MAX_PAGES:
        raise Unreadable(
            "document_too_large", f"the sandbox reads {MAX_PAGES} pages at most; this has {count}"
        )
    return count


def read(path: Path, content_type: str) -> Document:
    """Read every page, up to the limits on characters. `Unreadable` if all pages are damaged."""
    if content_type.startswith("image/"):
        sizes = images.page_sizes(path)
        return Document(content_type, tuple(Page(w, h, (), problem=NO_TEXT) for w, h in sizes))
    from docspeed_cli.sandbox.pdf import opened, read_page, user_unit

    pages: list[Page] = []
    left = MAX_CHARS
    unit = user_unit(path)
    with _pdfium_lock, opened(path) as pdf:
        for number in range(len(pdf)):
            page, taken = read_page(pdf, number, min(left, MAX_CHARS_PER_PAGE), unit)
            pages.append(page)
            left -= taken
    if all(page.problem == DAMAGED for page in pages):
        raise Unreadable("document_unreadable", "the PDF is damaged: none of its pages can be read")
    return Document(content_type, tuple(pages))
