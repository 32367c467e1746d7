"""Small PDFs and images for the sandbox's tests, made in memory."""

from __future__ import annotations

import io
import struct
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from fpdf import FPDF
from PIL import Image


class Paper(FPDF):
    """PDF builder; coordinates are points from the top left corner."""

    def __init__(self) -> None:
        super().__init__(unit="pt", format="A4")
        self.set_auto_page_break(False)
        self.add_page()

    def put(
        self, x: float, y: float, text: str, style: str = "", size: float = 10, font: str = "helvetica"
    ) -> None:
        """Draw text whose baseline starts at a point."""
        self.set_font(font, style, size)
        self.text(x, y, text)

    def end(self, x: float, y: float, text: str, style: str = "") -> None:
        """Draw text whose baseline ends at a point."""
        self.set_font("helvetica", style, 10)
        self.text(x - self.get_string_width(text), y, text)

    def bytes(self) -> bytes:
        """The finished PDF."""
        return bytes(self.output())


def lines_pdf(*pages: Iterable[str]) -> bytes:
    """PDF with pages of plain lines."""
    paper = Paper()
    for number, lines in enumerate(pages):
        if number:
            paper.add_page()
        for row, line in enumerate(lines):
            paper.put(50, 80 + 16 * row, line)
    return paper.bytes()


def encrypted_pdf() -> bytes:
    """A PDF that needs a password."""
    paper = Paper()
    paper.put(50, 80, "Secret: 42")
    paper.set_encryption(owner_password="owner", user_password="user")
    return paper.bytes()


def us_invoice() -> bytes:
    """An invoice with addresses side by side, captions above values, totals close below."""
    paper = Paper()
    paper.put(40, 60, "Northwind Traders Inc.", "B", 18)
    paper.put(470, 60, "INVOICE", "B", 18)
    for x, lines in (
        (40, ("Bill To", "Contoso Ltd", "88 Lake Road", "Seattle, WA 98101")),
        (230, ("Ship To", "Contoso Ltd", "Warehouse 4, Dock 2", "Tacoma, WA 98402")),
    ):
        for row, line in enumerate(lines):
            paper.put(x, 130 + 13 * row, line, "B" if row == 0 else "")
    captions = (("Invoice #", "NW-10045"), ("Invoice Date", "03/28/2026"), ("Due Date", "04/27/2026"))
    for number, (caption, value) in enumerate(captions):
        paper.put(40 + 120 * number, 205, caption, "B")
        paper.put(40 + 120 * number, 219, value)
    _us_items(paper)
    return paper.bytes()


def _us_items(paper: Paper) -> None:
    y = 255.0
    paper.put(40, y, "Qty", "B")
    paper.put(80, y, "Description", "B")
    paper.end(470, y, "Unit Price", "B")
    paper.end(555, y, "Amount", "B")
    for quantity, description, price, amount in (
        ("2", ("Ergonomic keyboard, split layout,", "with wrist rest"), "89.00", "178.00"),
        ("10", ("USB-C cable 2 m",), "9.50", "95.00"),
        ("1", ("Docking station (refurbished)", "serial DS-7781"), "149.00", "149.00"),
    ):
        y += 14
        paper.end(60, y, quantity)
        paper.end(470, y, price)
        paper.end(555, y, amount)
        for row, line in enumerate(description):
            paper.put(80, y + 12 * row, line)
        y += 12 * (len(description) - 1)
    for label, amount in (("Subtotal", "422.00"), ("Sales Tax (8%)", "33.76"), ("Total", "$455.76")):
        y += 14
        paper.end(470, y, label)
        paper.end(555, y, amount)


RECEIPT = """\
        CORNER CAFE
GSTIN: 27ABCDE1234F1Z5

Bill No: 4471     Date: 05-02-26
--------------------------------
Item            Qty  Rate    Amt
--------------------------------
Filter Coffee     2  45.00  90.00
Masala Dosa       1 110.00 110.00
Idli Vada         2  60.00 120.00
--------------------------------
Subtotal                   320.00
CGST 2.5%                    8.00
SGST 2.5%                    8.00
TOTAL               Rs. 336.00
--------------------------------
Paid by UPI"""


def receipt() -> bytes:
    """A receipt in a monospaced font."""
    paper = Paper()
    for row, line in enumerate(RECEIPT.splitlines()):
        if line:
            paper.put(40, 60 + 13 * row, line, font="courier")
    return paper.bytes()


def statement() -> bytes:
    """A bank statement with empty cells in its debit and credit columns."""
    paper = Paper()
    paper.put(40, 60, "Statement of Account", "B", 16)
    paper.put(40, 85, "Account Number :")
    paper.put(160, 85, "001122334455")
    paper.put(40, 98, "Branch :")
    paper.put(160, 98, "MG Road")
    y = 150.0
    for x, heading in ((40, "Date"), (110, "Particulars")):
        paper.put(x, y, heading, "B")
    for x, heading in ((380, "Debit"), (460, "Credit"), (550, "Balance")):
        paper.end(x, y, heading, "B")
    for day, what, debit, credit, balance in (
        ("01/01/2026", "Opening balance", "", "", "12,000.00"),
        ("03/01/2026", "NEFT Salary Meridian", "", "75,000.00", "87,000.00"),
        ("05/01/2026", "UPI Rent January", "22,000.00", "", "65,000.00"),
        ("31/01/2026", "Interest credit", "", "210.50", "65,210.50"),
    ):
        y += 14
        paper.put(40, y, day)
        paper.put(110, y, what)
        for x, value in ((380, debit), (460, credit), (550, balance)):
            if value:
                paper.end(x, y, value)
    return paper.bytes()


STORY = (
    "The keeping of records is older than writing itself. Notched bones and knotted cords served to count "
    "sheep and jars of oil long before anyone thought of marks for words."
)


def article() -> bytes:
    """Two columns of running text below a title."""
    paper = Paper()
    paper.put(40, 60, "On the Keeping of Records", "B", 20)
    for x, word in ((40, "Left"), (310, "Right")):
        for row, line in enumerate(textwrap.wrap(f"{word} column. {STORY} {STORY}", 50)):
            paper.put(x, 100 + 12 * row, line, size=9.5)
    return paper.bytes()


def image(kind: str, *sizes: tuple[int, int], **options: Any) -> bytes:
    """Black image with a page of each size; only a TIFF can have several."""
    pages = [Image.new("RGB", size) for size in sizes]
    if len(pages) > 1:
        options |= {"save_all": True, "append_images": pages[1:]}
    out = io.BytesIO()
    pages[0].save(out, kind, **options)
    return out.getvalue()


def sideways(kind: str, width: int, height: int) -> bytes:
    """An image whose EXIF data say that it is to be shown after a turn of 90 degrees."""
    exif = Image.Exif()
    exif[274] = 6
    return image(kind, (width, height), exif=exif)


def looping_tiff(width: int, height: int) -> bytes:
    """A TIFF whose only page names itself as the next one."""
    data = bytearray(image("TIFF", (width, height)))
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * count, at)
    return bytes(data)


def rare_tiff(*sizes: tuple[int, int]) -> bytes:
    """A big-endian BigTIFF with a page of each size, of a kind of pixels that Pillow can't read."""
    out = b"MM\0+\0\x08\0\0" + struct.pack(">Q", 16)
    for number, (width, height) in enumerate(sizes, 1):
        fields = ((256, 3, width), (257, 4, height), (258, 3, 14), (274, 3, 1))
        out += struct.pack(">Q", len(fields))
        for tag, kind, value in fields:
            out += struct.pack(">HHQ", tag, kind, 1) + struct.pack({3: ">H6x", 4: ">I4x"}[kind], value)
        out += struct.pack(">Q", len(out) + 8 if number < len(sizes) else 0)
    return out


def raw_pdf(
    content: str | bytes,
    *,
    page: str = "",
    objects: Sequence[str] = (),
    pages: Sequence[str] = ("4 0 R",),
    fields: str = "",
) -> bytes:
    """PDF written by hand; its content is object 4, and further objects count from 6 on.

    `pages` has the references to each page's contents, and `fields` those to the fields of its form; `page`
    has more entries for every page. Font F1 is Helvetica.
    """
    data = content.encode("latin-1") if isinstance(content, str) else content
    first = 6 + len(objects)
    kids = " ".join(f"{first + number} 0 R" for number in range(len(pages)))
    listed = [
        f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{fields}]".encode()
        + b" /DR << /Font << /F1 5 0 R >> >> >> >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] /MediaBox [0 0 600 400] >>".encode(),
        b"<< /Font << /F1 5 0 R >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(data), data),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        *(text.encode("latin-1") for text in objects),
        *(
            (f"<< /Type /Page /Parent 2 0 R /Resources 3 0 R /Contents {named} {page} >>").encode()
            for named in pages
        ),
    ]
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(listed, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(listed) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(listed) + 1, start)
    return bytes(out)
