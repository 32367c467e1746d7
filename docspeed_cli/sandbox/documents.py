"""Read documents: content type, page sizes, and words with their boxes."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from docspeed_cli.sandbox import pdf
from docspeed_cli.sandbox.errors import Unreadable
from docspeed_cli.sandbox.lines import DAMAGED, NO_TEXT, Page

MAX_PAGES = 500
MAX_CHARS_PER_PAGE = 60_000
MAX_CHARS = 1_500_000

_pdfium_lock = threading.Lock()  # pdfium is not thread-safe
_STARTS = {  # patterns of the first bytes, and of the names in an archive
    "application/pdf": rb".{0,1019}%PDF-",
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/jpeg": rb"\xff\xd8\xff",
    "image/tiff": rb"II[*+]\x00|MM\x00[*+]",
    "image/bmp": rb"BM",
    "image/gif": rb"GIF8[79]a",
    "image/webp": rb"RIFF.{4}WEBP",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": rb"PK\x03\x04.*word/document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": rb"PK\x03\x04.*xl/workbook",
}
_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274  # tags of TIFF and EXIF
_SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
_SIZES = {3: 2, 4: 4, 16: 8}  # bytes of whole numbers in a TIFF, by their kind


def sniff(path: Path) -> str | None:
    """Content type by the bytes; None for a type that the service does not accept."""
    data = path.read_bytes()
    return next((kind for kind, start in _STARTS.items() if re.match(start, data, re.DOTALL)), None)


def read(path: Path, content_type: str) -> list[Page]:
    """Read every page, up to the limits on characters; of an image only the size.

    `Unreadable` for a document that is encrypted, too long, or damaged on all of its pages.
    """
    readers = {"application/pdf": _read_pdf, "image/tiff": _read_tiff}
    pages = list(readers.get(content_type, _read_image)(path))
    if all(page.problem == DAMAGED for page in pages):
        raise Unreadable("document_unreadable", "it is damaged on all of its pages; export it again")
    return pages


def _check_length(count: int) -> None:
    if count > MAX_PAGES:
        raise Unreadable("document_too_large", f"split it: the sandbox reads {MAX_PAGES} pages, not {count}")


def _read_pdf(path: Path) -> Iterator[Page]:
    left = MAX_CHARS
    unit = pdf.user_unit(path)
    with _pdfium_lock, pdf.opened(path) as opened:
        _check_length(len(opened))
        for number in range(len(opened)):
            page, taken = pdf.read_page(opened, number, min(left, MAX_CHARS_PER_PAGE), unit)
            left -= taken
            yield page


def _read_tiff(path: Path) -> Iterator[Page]:
    """A page for each directory. Pillow refuses TIFFs of rare kinds, but their sizes are easy to read."""
    data = path.read_bytes()
    count_size, size, entry = (8, 8, 20) if b"+" in data[2:4] else (2, 4, 12)

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "big" if data[:1] == b"M" else "little")

    place, seen = number(size, size), set[int]()
    while place and place not in seen:
        seen.add(place)
        _check_length(len(seen))
        first = place + count_size
        place = first + entry * number(place, count_size)
        tags = {
            number(at, 2): number(at + entry - size, _SIZES.get(number(at + 2, 2), 1))
            for at in range(first, min(place, len(data)), entry)
        }
        yield _picture(tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0), tags.get(_ORIENTATION))
        place = number(place, size)


def _read_image(path: Path) -> Iterator[Page]:
    from PIL import Image

    orientation = None
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            # Pillow would read a PNG to its end for EXIF data behind the pixels.
            if image.format != "PNG" or "exif" in image.info:
                with suppress(Exception):  # damaged EXIF data
                    orientation = image.getexif().get(_ORIENTATION)
            yield _picture(*image.size, orientation)
    except Image.DecompressionBombError:
        raise Unreadable("document_too_large", "it has too many pixels; make it smaller") from None
    except Exception:  # noqa: BLE001 - Pillow raises many kinds for a damaged file
        raise Unreadable("document_unreadable", "it is damaged or of a rare kind; save it as PNG") from None


def _picture(width: int, height: int, orientation: int | None) -> Page:
    if orientation in _SIDEWAYS:
        width, height = height, width
    return Page(width, height, (), problem=NO_TEXT if width and height else DAMAGED)
