"""Read documents: content type, page sizes, and words with their boxes."""

from __future__ import annotations

import threading
import zipfile
from pathlib import Path

from docspeed_cli.sandbox import images, pdf
from docspeed_cli.sandbox.errors import Unreadable
from docspeed_cli.sandbox.page import DAMAGED, NO_TEXT, Page

MAX_PAGES = 500
MAX_CHARS_PER_PAGE = 60_000
MAX_CHARS = 1_500_000

_pdfium_lock = threading.Lock()  # pdfium is not thread-safe
_OFFICE = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


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


def read(path: Path, content_type: str) -> list[Page]:
    """Read every page, up to the limits on characters.

    `Unreadable` for a document that is encrypted, too long, or damaged on all of its pages.
    """
    if content_type.startswith("image/"):
        return [Page(w, h, (), problem=NO_TEXT) for w, h in images.page_sizes(path)]
    pages: list[Page] = []
    left = MAX_CHARS
    unit = pdf.user_unit(path)
    with _pdfium_lock, pdf.opened(path) as opened:
        if len(opened) > MAX_PAGES:
            message = f"the sandbox reads {MAX_PAGES} pages at most; this has {len(opened)}"
            raise Unreadable("document_too_large", message)
        for number in range(len(opened)):
            page, taken = pdf.read_page(opened, number, min(left, MAX_CHARS_PER_PAGE), unit)
            pages.append(page)
            left -= taken
    if all(page.problem == DAMAGED for page in pages):
        raise Unreadable("document_unreadable", "the PDF is damaged: none of its pages can be read")
    return pages
