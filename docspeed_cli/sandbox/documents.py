"""Read documents: content type, page sizes, and words with their boxes."""

from __future__ import annotations

import re
import struct
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from docspeed_cli.sandbox import pdf
from docspeed_cli.sandbox.errors import Unreadable
from docspeed_cli.sandbox.lines import DAMAGED, NO_TEXT, Page

MAX_PAGES = 500
MAX_CHARS_PER_PAGE = 60_000
MAX_CHARS = 1_500_000

_pdfium_lock = threading.Lock()  # pdfium is not thread-safe
_STARTS = {  # patterns of the first bytes
    "application/pdf": rb".{0,1019}%PDF-",
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/jpeg": rb"\xff\xd8\xff",
    "image/tiff": rb"II[*+]\x00|MM\x00[*+]",
    "image/bmp": rb"BM",
    "image/gif": rb"GIF8[79]a",
    "image/webp": rb"RIFF.{4}WEBP",
}
_OFFICE = {  # types by a name in the archive
    b"word/document": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/workbook": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_ORIENTATION, _SIDEWAYS = 274, (5, 6, 7, 8)  # EXIF tag, and its values that swap width and height


def sniff(path: Path) -> str | None:
    """Content type by the first bytes; None for a type that the service does not accept."""
    with path.open("rb") as file:
        head = file.read(1024)
    if head.startswith(b"PK\x03\x04"):
        data = path.read_bytes()
        return next((kind for name, kind in _OFFICE.items() if name in data), None)
    return next((kind for kind, start in _STARTS.items() if re.match(start, head, re.DOTALL)), None)


def read(path: Path, content_type: str) -> list[Page]:
    """Read every page, up to the limits on characters.

    `Unreadable` for a document that is encrypted, too long, or damaged on all of its pages.
    """
    if content_type.startswith("image/"):
        return _read_image(path)
    pages: list[Page] = []
    left = MAX_CHARS
    unit = pdf.user_unit(path)
    with _pdfium_lock, pdf.opened(path) as opened:
        _check_length(len(opened))
        for number in range(len(opened)):
            page, taken = pdf.read_page(opened, number, min(left, MAX_CHARS_PER_PAGE), unit)
            pages.append(page)
            left -= taken
    if all(page.problem == DAMAGED for page in pages):
        message = "the PDF is damaged on all of its pages; open it in another program and save it again"
        raise Unreadable("document_unreadable", message)
    return pages


def _check_length(count: int) -> None:
    if count > MAX_PAGES:
        message = f"the sandbox reads {MAX_PAGES} pages at most, and this document has {count}; split it"
        raise Unreadable("document_too_large", message)


def _read_image(path: Path) -> list[Page]:
    """Pages without text, as large as the pictures; only a TIFF can have several."""
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            count = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
            _check_length(count)
            return [_picture(image, number) for number in range(count)]
    except Image.DecompressionBombError:
        message = "the image has too many pixels for the sandbox; make it smaller"
        raise Unreadable("document_too_large", message) from None
    except (OSError, SyntaxError, ValueError, LookupError, ArithmeticError, TypeError, struct.error):
        # Pillow's readers raise all of these for damaged files.
        message = "the image is damaged, or of a kind that the sandbox can't read; save it again as PNG"
        raise Unreadable("document_unreadable", message) from None


def _picture(image: Any, number: int) -> Page:
    if number:
        image.seek(number)
    # Pillow turns a TIFF itself. It would read a PNG to its end for EXIF data behind the pixels.
    is_upright = image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info)
    width, height = image.size
    with suppress(Exception):  # damaged EXIF data
        if not is_upright and image.getexif().get(_ORIENTATION) in _SIDEWAYS:
            width, height = height, width
    return Page(width, height, (), problem=NO_TEXT)
