"""Count the pages of a local document by its own structure, without rendering it."""

from __future__ import annotations

import mmap

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
        with source.path.open("rb") as file:
            if source.content_type == "image/tiff":
                from docspeed_cli.jobs.documents.tiff import tiff_pages

                return tiff_pages(file)
            from docspeed_cli.jobs.documents.pdf_pages import pdf_pages

            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return pdf_pages(content)
    except (OSError, ValueError):
        return None
