"""Documents for the tests of pages: made here, so that the places of their texts are known."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pypdfium2
from fpdf import FPDF
from PIL import Image

MARK = "Total 1,240.50"


def pdf(path: Path, texts: list[str] | None = None, *, rotation: int = 0, cropped: bool = False) -> Path:
    """Write a PDF with a page for each text, which stands 100 points from the left and 200 from the top."""
    paper = FPDF(unit="pt", format=(600, 800))
    paper.set_font("helvetica", size=20)
    for text in texts or [MARK]:
        paper.add_page()
        paper.text(100, 200, text)
    paper.output(str(path))
    if rotation or cropped:
        document = pypdfium2.PdfDocument(path)
        for page in document:
            page.set_rotation(rotation)
            if cropped:
                page.set_cropbox(50, 100, 550, 750)  # 50 points less at the left, right and top
        document.save(path.with_suffix(".new"))
        document.close()
        path.with_suffix(".new").replace(path)
    return path


def image(path: Path, size: tuple[int, int] = (400, 200), **options: Any) -> Path:
    """Write a white image whose top left quarter is black."""
    picture = Image.new("L", size, 255)
    picture.paste(0, (0, 0, size[0] // 2, size[1] // 2))
    picture.save(path, **options)
    return path


def huge_image(path: Path) -> Path:
    """Write an image that says it is 30,000 pixels wide and 10,000 high, without those pixels."""
    png = image(path).read_bytes()
    header = b"IHDR" + struct.pack(">II", 30_000, 10_000) + png[24:29]
    path.write_bytes(png[:12] + header + zlib.crc32(header).to_bytes(4) + png[33:])
    return path
