"""Count the pages of a local document by its own structure, without rendering it."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from docspeed_cli.core.models import Source

_ONE_PAGE = ("image/png", "image/jpeg", "image/webp", "image/bmp", "image/gif")


def page_count(source: Source) -> int | None:
    """Return the number of a document's pages; None where its structure does not tell."""
    if source.path is None:
        return None
    if source.content_type in _ONE_PAGE:
        return 1
    if source.content_type not in ("application/pdf", "image/tiff"):
        return None
    try:
        return _counted(source.path, pdf=source.content_type == "application/pdf")
    except (OSError, ValueError):
        return None


def _counted(path: Path, *, pdf: bool) -> int | None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if not pdf:
            return _tiff_pages(content)
        from docspeed_cli.jobs.documents.pdf_pages import pdf_pages

        return pdf_pages(content)


def _tiff_pages(content: mmap.mmap) -> int | None:
    """Count the directories of a TIFF: each is a page."""
    order = "<" if content[:2] == b"II" else ">"
    big = content[2:4] in (b"+\0", b"\0+")
    count_format, entry = ("Q", 20) if big else ("H", 12)
    offset_format = "Q" if big else "I"
    seen: set[int] = set()
    try:
        (offset,) = struct.unpack_from(order + offset_format, content, 8 if big else 4)
        while offset:
            if offset in seen:
                return None  # the links form a circle
            seen.add(offset)
            (entries,) = struct.unpack_from(order + count_format, content, offset)
            next_at = offset + struct.calcsize(order + count_format) + entries * entry
            (offset,) = struct.unpack_from(order + offset_format, content, next_at)
    except (struct.error, OverflowError):
        return None
    return len(seen) or None
