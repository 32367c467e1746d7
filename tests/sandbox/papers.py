"""Small PDFs and images for the sandbox's tests, made in memory."""

from __future__ import annotations

import struct
import textwrap
from collections.abc import Iterable

from fpdf import FPDF


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


def png(width: int, height: int) -> bytes:
    """The head of a PNG."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x02\x00\x00\x00"


def tiff(*sizes: tuple[int, int]) -> bytes:
    """The directories of a TIFF with a page of each size."""
    data = b"II*\x00" + struct.pack("<I", 8)
    for number, (width, height) in enumerate(sizes, 1):
        entries = struct.pack("<HHIIHHIHH", 256, 4, 1, width, 257, 3, 1, height, 0)
        following = len(data) + 2 + len(entries) + 4 if number < len(sizes) else 0
        data += struct.pack("<H", 2) + entries + struct.pack("<I", following)
    return data


def bmp(width: int, height: int) -> bytes:
    """The head of a BMP stored from top to bottom."""
    return b"BM" + bytes(12) + struct.pack("<Iii", 40, width, -height) + bytes(20)


def gif(width: int, height: int) -> bytes:
    """The head of a GIF."""
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(8)


def jpeg(width: int, height: int) -> bytes:
    """The markers of a JPEG up to its size."""
    app0 = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\x00" + bytes(9)
    return b"\xff\xd8" + app0 + b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + bytes(3)


def webp(width: int, height: int) -> bytes:
    """The head of an extended WebP."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + bytes(4) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size
