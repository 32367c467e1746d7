"""Cut the place of a value out of its document."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from docspeed_cli.results.keys import keys_ending
from docspeed_cli.review.documents import Document
from docspeed_cli.review.model import PanelValue, Place

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""Formats of pictures, by the ends of their files' names."""

_DPI = 200
_MARGIN = 0.006
"""Margin as a share of the page's width, so that no letter touches the edge of the picture."""


def find_value(values: Sequence[PanelValue], key: str) -> PanelValue | None:
    """Return the value with this key; the key may leave out its beginning if only one value is meant."""
    ends = keys_ending(key, [value.key for value in values])
    return next(value for value in values if value.key == ends[0]) if len(ends) == 1 else None


def place_with_box(value: PanelValue) -> Place | None:
    """Return the first place of a value that has a box."""
    return next((place for place in value.places if place.boxes), None)


def crop_place(document: Document, place: Place) -> Any:
    """Return what is inside a place's boxes, with a small margin, as an image of Pillow."""
    size = document.size(place.page)
    # Only a PDF has points to draw at a resolution; an image is cut from the pixels that it has.
    is_image = document.from_points(place.page, (0, 0, 1, 1)) is None
    width = round(size.width) if is_image else round(size.width / 72 * _DPI)
    picture = document.picture(place.page, width)
    lefts, tops, rights, bottoms = zip(*place.boxes, strict=True)
    margin = _MARGIN * picture.width
    return picture.crop(
        (
            max(round(min(lefts) * picture.width - margin), 0),
            max(round(min(tops) * picture.height - margin), 0),
            min(round(max(rights) * picture.width + margin), picture.width),
            min(round(max(bottoms) * picture.height + margin), picture.height),
        )
    )


def to_bytes(picture: Any, suffix: str) -> bytes:
    """Write a picture in the format of a file's name."""
    file = io.BytesIO()
    # Pdfium's pictures have a fourth, unused byte in each pixel, which Pillow can't write to a PNG.
    picture.convert("RGB").save(file, FORMATS[suffix])
    return file.getvalue()
