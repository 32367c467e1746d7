"""Read images: the format, and each page's size in pixels, turned as the file says."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from docspeed_cli.sandbox.errors import Unreadable

MAX_FRAMES = 500

Size = tuple[float, float]
_ORIENTATION = 274
_SIDEWAYS = (5, 6, 7, 8)  # values of the orientation that swap width and height
_MARKS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def content_type(head: bytes) -> str | None:
    """Content type by the first bytes; None if it is not an image."""
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _MARKS if head.startswith(mark)), None)


def page_sizes(path: Path) -> list[Size]:
    """Width and height of each page; only a TIFF can have several. `Unreadable` for a damaged image."""
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            count = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
            sizes = [_size(image, number) for number in range(min(count, MAX_FRAMES + 1))]
    except Image.DecompressionBombError:
        raise Unreadable("document_too_large", "the image has too many pixels for the sandbox") from None
    except (OSError, SyntaxError, ValueError, LookupError, ArithmeticError, TypeError):
        # Pillow's readers raise all of these for damaged files.
        raise Unreadable("document_unreadable", "the image is damaged: its size can't be read") from None
    if len(sizes) > MAX_FRAMES:
        raise Unreadable("document_too_large", f"the sandbox reads {MAX_FRAMES} pages of a TIFF at most")
    return sizes


def _size(image: Any, number: int) -> Size:
    if number:
        image.seek(number)
    width, height = image.size
    # A PNG would be read to its end for this, and could be damaged there.
    turned = image.format != "PNG" and image.getexif().get(_ORIENTATION) in _SIDEWAYS
    return (height, width) if turned else (width, height)
