"""Open local documents: the sizes of their pages, pictures of them, and their text with its places."""

from __future__ import annotations

import io
import re
import threading
import warnings
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from docspeed_cli.core.extras import check_extra
from docspeed_cli.review.boxes import PageSize, on_page
from docspeed_cli.review.model import Box
from docspeed_cli.review.page_text import NO_BOX, PageText

_MAX_PIXELS = 100_000_000
"""Pixels of the largest image that is decoded: about 400 MB."""

_MAX_PICTURE = 8_000_000
"""Pixels of the largest picture of a page that is made."""

_JPEG_QUALITY = 82
_MAX_CHARS = 60_000
"""Characters of one page in which a value is looked for."""

_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
"""Formats that Pillow may read; for one of its others it starts another program."""

_CACHED_TEXTS = 64
"""Pages whose text stays in memory, each up to a megabyte: as many as a value may be looked for on."""

_GRID = 1 << 20
"""Steps along a side of the page in which pdfium gives a place on it."""

_MAX_SIDE = 65_500
"""Pixels of the longest side that a JPEG may have."""

_ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""

_TO_UPRIGHT = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""Pillow's `Transpose` for each orientation."""

_TURNED = 5
"""Orientations from here on are turned by a quarter."""

_UNKNOWN_SIZE = PageSize(595, 842)

_pdfium = threading.Lock()
"""Held during every call, because pdfium is not safe in several threads."""


_CHARS = {0: " ", 2: "-"}
"""What stands for codes of pdfium: it marks a hyphen at the end of a line with 2."""


class DocumentProblem(Exception):
    """Why a document can't be shown."""


def open_document(path: Path) -> Document:
    """Open a PDF or an image. DocumentProblem if it is neither, damaged or encrypted."""
    try:
        with path.open("rb") as file:
            # Some producers write bytes before the header, and PDF readers accept that in the first 1,024.
            is_pdf = b"%PDF-" in file.read(1024)
        return PdfDocument(path) if is_pdf else ImageDocument(path)
    except OSError as error:
        raise DocumentProblem(error.strerror or "it is not a PDF or an image") from None


def check_installed() -> None:
    """Check that documents can be drawn. DocspeedError if the extra is missing."""
    problem = "drawing documents needs the libraries pypdfium2 and Pillow, which are not installed"
    check_extra("review", problem, code="no_review")


def to_jpeg(picture: Any) -> bytes:
    """Write a picture as JPEG."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()


class PdfDocument:
    """A PDF."""

    def __init__(self, path: Path) -> None:
        import logging

        import pypdfium2

        logging.getLogger("pypdfium2").setLevel(logging.ERROR)  # it warns of XFA forms on stderr
        try:
            with _pdfium:
                # Opened twice, because flattening changes the page in memory, and sometimes its edges.
                self._pdf, self._flat = pypdfium2.PdfDocument(path), pypdfium2.PdfDocument(path)
                # Before the count of pages, or pdfium draws no values of form fields that lack an appearance.
                self._pdf.init_forms()
                self._flat.init_forms()
                self.page_count = len(self._pdf)
        except pypdfium2.PdfiumError as error:
            # pdfium's message may be about another document, opened before.
            locked = re.search("password|security", str(error), re.I) and b"/Encrypt" in path.read_bytes()
            why = "it is protected with a password" if locked else "it is damaged, or has no pages"
            raise DocumentProblem(why) from None
        # A cache for each document: one on the class would keep closed documents in memory.
        self.size = lru_cache(1000)(self._size)
        self.text = lru_cache(_CACHED_TEXTS)(self._text)

    def close(self) -> None:
        """Close the file."""
        with _pdfium:
            self._pdf.close()
            self._flat.close()

    @contextmanager
    def _page(self, page: int, *, flat: bool = False) -> Iterator[Any]:
        """Open a page of pdfium during the block. DocumentProblem if it is damaged.

        On a flat page, notes and values in form fields are text like the other text.
        """
        import pypdfium2
        from pypdfium2 import raw

        with _pdfium:
            try:
                found = (self._flat if flat else self._pdf)[page - 1]
                if flat and raw.FPDFPage_GetAnnotCount(found):
                    raw.FPDFPage_Flatten(found, raw.FLAT_NORMALDISPLAY)
                    # Flattening may invalidate the open page, so it is closed and opened again.
                    found.close()
                    found = self._flat[page - 1]
            except (pypdfium2.PdfiumError, IndexError):
                raise DocumentProblem(f"page {page} is damaged") from None
            with closing(found):
                yield found

    def _size(self, page: int) -> PageSize:
        """Read the size of a page as people see it, in points."""
        try:
            with self._page(page) as found:
                width, height = found.get_size()
        except DocumentProblem:
            return _UNKNOWN_SIZE
        return PageSize(max(width, 1), max(height, 1))

    def picture(self, page: int, width: int) -> Any:
        """Draw a page about `width` pixels wide. DocumentProblem if it is damaged."""
        size = self.size(page)
        scale = _scale(size, width)
        with self._page(page) as found:
            try:
                # In this format Pillow takes pdfium's pixels without copying them.
                return found.render(scale=scale, rev_byteorder=True, prefer_bgrx=True).to_pil()
            except Exception as error:  # noqa: BLE001 - pdfium and its binding raise many kinds
                raise DocumentProblem(f"page {page} can't be drawn: {error}") from None

    def from_points(self, page: int, box: Sequence[float]) -> Box | None:
        """Convert a box of the file's own coordinates (left, bottom, right, top) to the page as seen."""
        try:
            with self._page(page) as found:
                return _Frame(found).seen(box)
        except DocumentProblem:
            return None

    def _text(self, page: int) -> PageText | None:
        """Read the characters of a page with their boxes; None where there is no text layer."""
        from pypdfium2 import raw

        try:
            with self._page(page) as found:
                seen = _Frame(found).seen  # a flat page may have other edges
            with self._page(page, flat=True) as found, closing(found.get_textpage()) as text:
                count = min(text.count_chars(), _MAX_CHARS)
                codes = (raw.FPDFText_GetUnicode(text, index) for index in range(count))
                # A damaged text layer may give a code beyond the last character, which `chr` refuses.
                chars = "".join(_CHARS.get(code) or chr(min(code, 0x10FFFF)) for code in codes)
                # Four bytes a number: Python's own floats would make several megabytes of a full page.
                boxes = array("f")
                for index, char in enumerate(chars):
                    boxes.extend(NO_BOX if char.isspace() else _char_box(raw, text, index))
                return PageText(chars, boxes, seen)
        except Exception:  # noqa: BLE001 - a damaged text layer is like none
            return None


def _char_box(raw: Any, text: Any, index: int) -> Box:
    rect = raw.FS_RECTF()
    if not raw.FPDFText_GetLooseCharBox(text, index, rect):
        return NO_BOX
    return rect.left, rect.bottom, rect.right, rect.top


class _Frame:
    """What is seen of a page: how the file's coordinates become fractions of it."""

    def __init__(self, page: Any) -> None:
        left, bottom, right, top = page.get_bbox()
        (x0, y0), (x1, y1) = _on_device(page, left, bottom), _on_device(page, right, top)
        middle = _on_device(page, right, bottom)
        wide, tall = right - left or 1, top - bottom or 1
        # Along the file's x axis and its y axis: a page that is turned swaps them.
        self._origin = left, bottom, x0, y0
        self._x = (middle[0] - x0) / wide, (middle[1] - y0) / wide
        self._y = (x1 - middle[0]) / tall, (y1 - middle[1]) / tall

    def seen(self, box: Sequence[float]) -> Box | None:
        """Convert a box; None if it is outside what is seen."""
        x0, y0 = self._point(box[0], box[1])
        x1, y1 = self._point(box[2], box[3])
        return on_page((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))

    def _point(self, x: float, y: float) -> tuple[float, float]:
        left, bottom, x0, y0 = self._origin
        right, up = x - left, y - bottom
        return x0 + right * self._x[0] + up * self._y[0], y0 + right * self._x[1] + up * self._y[1]


def _on_device(page: Any, x: float, y: float) -> tuple[float, float]:
    """Return where pdfium draws a point, as fractions of the page; it knows what is turned and cropped."""
    import ctypes

    from pypdfium2 import raw

    # Pdfium rounds to whole pixels, so it is asked about a page that has a million on each side.
    at_x, at_y = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, _GRID, _GRID, 0, x, y, at_x, at_y)
    return at_x.value / _GRID, at_y.value / _GRID


class ImageDocument:
    """A PNG, JPEG, WebP, BMP or GIF, or a TIFF with a page for each of its images."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened(1) as image:
            self.page_count = _count_frames(image) if image.format == "TIFF" else 1
        self.size = lru_cache(1000)(self._size)

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def _opened(self, page: int) -> Any:
        """Open the image again, because Pillow keeps what was decoded. DocumentProblem if it is damaged."""
        from PIL import Image, ImageFile

        # Our own limit stands in for Pillow's, which counts pixels before a JPEG is scaled down.
        Image.MAX_IMAGE_PIXELS = None
        ImageFile.LOAD_TRUNCATED_IMAGES = True  # the part that is there is worth seeing
        warnings.filterwarnings("ignore", module="PIL")  # they would be in the middle of our own messages
        try:
            image = Image.open(self._path, formats=_FORMATS)
            if page > 1:
                image.seek(page - 1)
        except Exception as error:  # noqa: BLE001 - Pillow raises many kinds for a damaged file
            raise DocumentProblem(f"it is not an image that can be read ({type(error).__name__})") from None
        return image

    def _size(self, page: int) -> PageSize:
        """Read the size of an image in pixels, turned as its camera says."""
        try:
            with self._opened(page) as image:
                width, height = image.size
                turned = _orientation(image) >= _TURNED
        except DocumentProblem:
            return _UNKNOWN_SIZE
        return PageSize(height, width) if turned else PageSize(width, height)

    def picture(self, page: int, width: int) -> Any:
        """Draw an image about `width` pixels wide. DocumentProblem if it is damaged or too large."""
        size = self.size(page)
        scale = min(1.0, _scale(size, width))
        with self._opened(page) as image:
            try:
                return _scaled(image, scale)
            except DocumentProblem:
                raise
            except Exception as error:  # noqa: BLE001 - Pillow raises many kinds for a damaged file
                raise DocumentProblem(f"page {page} can't be drawn: {error}") from None

    def text(self, page: int) -> PageText | None:
        """Return None: an image has no text layer."""
        return None

    def from_points(self, page: int, box: Sequence[float]) -> Box | None:
        """Return None: the numbers of an image's boxes are always pixels or fractions."""
        return None


Document = PdfDocument | ImageDocument
"""A document, whose pages count from 1."""


def _scale(size: PageSize, width: int) -> float:
    """Return by how much to scale a page to a width, or to the largest picture."""
    most = (_MAX_PICTURE / (size.width * size.height)) ** 0.5
    return min(width / size.width, float(most), _MAX_SIDE / max(size))


def _scaled(image: Any, scale: float) -> Any:
    """Return an image in RGB, smaller and upright."""
    from PIL import Image

    turn = _TO_UPRIGHT.get(_orientation(image))
    small = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    if image.format in ("JPEG", "MPO"):
        # Before the limit below: the decoder itself then shrinks a JPEG, so that a huge one still fits.
        image.draft("RGB", small)
    if image.width * image.height > _MAX_PIXELS:
        raise DocumentProblem(f"{image.width} × {image.height} pixels are too many to draw")
    picture = _on_white(image)
    if picture.size != small:
        # Shrinking by a whole factor first halves the time for a large scan.
        picture = picture.resize(small, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture if turn is None else picture.transpose(Image.Transpose(turn))


def _count_frames(tiff: Any) -> int:
    """Return how many pages of a TIFF can be reached: those behind a damaged one can't."""
    count = 1
    with suppress(Exception):  # the end, or one of the many kinds for a damaged page
        while True:
            tiff.seek(count)
            count += 1
    return count


def _orientation(frame: Any) -> int:
    """Return how the camera was held, as EXIF counts: 5 to 8 are turned by a quarter."""
    # Pillow turns a TIFF itself. It would decode a whole PNG to look for EXIF data behind the pixels.
    if frame.format == "TIFF" or (frame.format == "PNG" and "exif" not in frame.info):
        return 1
    found = None
    with suppress(Exception):  # damaged EXIF
        found = frame.getexif().get(_ORIENTATION)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _on_white(frame: Any) -> Any:
    """Return an image in RGB; what is transparent becomes white, and 16 bits become 8."""
    from PIL import Image

    if frame.mode.startswith("I"):
        # Pillow's direct conversion clips 16 bits instead of scaling them, so most of a scan would be white.
        return frame.convert("I").point(lambda value: value / 256).convert("RGB")
    if frame.mode in ("La", "RGBa"):
        # Pillow converts `La` to `LA` only, so colours multiplied by their transparency are divided first.
        frame = frame.convert(frame.mode.upper())
    if frame.mode in ("RGBA", "LA", "PA") or "transparency" in frame.info:
        layer = frame.convert("RGBA")
        white = Image.new("RGB", layer.size, "white")
        white.paste(layer, mask=layer.getchannel("A"))
        return white
    return frame.convert("RGB")
