"""A minimal program that draws each page of a PDF with pypdfium2, as wide as `docspeed view` does.

render_pages.py DOCUMENT
"""

from __future__ import annotations

import sys

import pypdfium2

WIDTH = 1400


def main(document: str) -> None:
    """Draw the pages."""
    for page in pypdfium2.PdfDocument(document):
        page.render(scale=WIDTH / page.get_width()).to_pil()


if __name__ == "__main__":
    main(sys.argv[1])
