"""Makes the example documents: `invoice.pdf`, a GST tax invoice, and `packet.pdf`, four documents in one.

Run it with fpdf2 installed; it writes beside itself, the same bytes each time.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout

INK, FAINT, ACCENT, TINT = (32, 38, 46), (110, 118, 128), (20, 82, 96), (232, 240, 242)
STAMP = datetime(2026, 3, 14, 10, 30, tzinfo=UTC)
SELLER = ("Kaveri Laboratory Supplies Private Limited", "No. 48, 2nd Cross, Peenya Industrial Area",
          "Bengaluru, Karnataka 560058", "GSTIN: 29AAGCK4821M1Z4",
          "Email: accounts@kaverilab.example")  # fmt: skip
BUYER = ("Sahyadri Institute of Applied Sciences", "Central Stores, Block C, Hunsur Road",
         "Mysuru, Karnataka 570018", "GSTIN: 29AABTS7764Q1ZE", "State: Karnataka (29)")  # fmt: skip

SMALL = (
    "Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve",
    "Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen",
)  # fmt: skip
TENS = ("Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety")


class Item(NamedTuple):
    """One line of an order."""

    description: str
    hsn: str
    qty: int
    unit: str
    rate: str
    gst: int

    @property
    def taxable(self) -> Decimal:
        """Quantity times rate."""
        return self.qty * Decimal(self.rate)

    @property
    def tax(self) -> Decimal:
        """CGST and SGST together."""
        return self.taxable * self.gst / 100


ITEMS = (
    Item("Beaker, borosilicate 3.3, 250 ml", "7017", 48, "Nos", "142.00", 18),
    Item("Beaker, borosilicate 3.3, 600 ml", "7017", 24, "Nos", "218.00", 18),
    Item("Conical flask, narrow mouth, 250 ml", "7017", 36, "Nos", "176.50", 18),
    Item("Volumetric flask, class A, 100 ml, with individual calibration certificate",
         "7017", 20, "Nos", "485.00", 18),
    Item("Measuring cylinder, class A, 100 ml", "7017", 12, "Nos", "395.00", 18),
    Item("Burette, PTFE stopcock, 50 ml", "7017", 10, "Nos", "1240.00", 18),
    Item("Reagent bottle, screw cap, 500 ml", "7017", 60, "Nos", "164.00", 18),
    Item("Desiccator, vacuum type, 250 mm", "7017", 2, "Nos", "5850.00", 18),
    Item("Test tube, rimless, 18 x 150 mm", "7017", 400, "Nos", "9.50", 18),
    Item("Micropipette tips, 200 ul, sterile, racked", "3926", 40, "Pack", "315.00", 18),
    Item("Centrifuge tube, conical, 15 ml", "3926", 20, "Pack", "640.00", 18),
    Item("Petri dish, polystyrene, 90 mm, gamma sterilised, sleeve of 20", "3926", 75, "Pack", "188.00", 18),
    Item("Wash bottle, LDPE, 500 ml", "3926", 30, "Nos", "72.00", 18),
    Item("Carboy with spigot, 20 litre", "3926", 4, "Nos", "2150.00", 18),
    Item("Nitrile examination gloves, size M", "4015", 50, "Box", "420.00", 5),
    Item("Nitrile examination gloves, size L", "4015", 30, "Box", "420.00", 5),
    Item("Buffer tablets pH 4.00", "3822", 15, "Pack", "380.00", 5),
    Item("Buffer tablets pH 7.00", "3822", 15, "Pack", "380.00", 5),
    Item("Buffer tablets pH 9.20", "3822", 10, "Pack", "380.00", 5),
    Item("Glucose assay kit, GOD-POD method, 5 x 100 ml", "3822", 6, "Kit", "1950.00", 5),
    Item("Nutrient agar, dehydrated, 500 g", "3821", 8, "Nos", "1720.00", 5),
    Item("MacConkey agar, dehydrated, 500 g", "3821", 6, "Nos", "1980.00", 5),
    Item("Digital pH meter, bench top, with electrode and temperature probe", "9027", 2, "Nos", "14600.00",
         18),
    Item("Conductivity meter, hand held", "9027", 3, "Nos", "8250.00", 18),
    Item("Refractometer, 0-32 Brix, ATC", "9027", 4, "Nos", "3400.00", 18),
    Item("Magnetic stirrer with hot plate, 2 litre", "8419", 5, "Nos", "6900.00", 18),
    Item("Water bath, serological, 6 holes", "8419", 1, "Nos", "11800.00", 18),
    Item("Vortex mixer, variable speed", "8479", 3, "Nos", "7450.00", 18),
)  # fmt: skip


def money(amount: Decimal) -> str:
    """`1234567.5` as `12,34,567.50`, in the Indian grouping."""
    whole, paise = f"{amount:.2f}".split(".")
    head, tail = whole[:-3], whole[-3:]
    groups = [head[max(end - 2, 0) : end] for end in range(len(head), 0, -2)][::-1]
    return ",".join([*groups, tail]) + "." + paise


def in_words(number: int) -> str:
    """`423456` as `Four Lakh Twenty Three Thousand Four Hundred Fifty Six`."""
    for size, name in ((10**7, "Crore"), (10**5, "Lakh"), (1000, "Thousand"), (100, "Hundred")):
        if number >= size:
            rest = in_words(number % size) if number % size else ""
            return f"{in_words(number // size)} {name} {rest}".strip()
    if number < 20:
        return SMALL[number]
    return TENS[number // 10 - 2] + (f" {SMALL[number % 10]}" if number % 10 else "")


class Sheet(FPDF):
    """A4 with one look for every document in it, and `Page n of m` counted by document."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        self.set_creation_date(STAMP)
        self.set_producer("examples/make_invoice.py")  # the default names a version
        self.set_margins(14, 14)
        self.set_auto_page_break(True, margin=18)
        self.of = self.first = 0
        self.foot = ""

    def begin(self, pages: int, foot: str = "") -> None:
        """Starts a document of so many pages; one of no number has none in its foot."""
        self.add_page()
        self.first, self.of, self.foot = self.page_no(), pages, foot

    def footer(self) -> None:
        """The line at the bottom."""
        if not self.of:
            return
        self.set_y(-13)
        self.ink(7.5, color=FAINT)
        self.cell(0, 5, self.foot)
        self.set_x(self.l_margin)
        self.cell(0, 5, f"Page {self.page_no() - self.first + 1} of {self.of}", align="R")

    def ink(self, size: float, style: str = "", color: tuple[int, int, int] = INK) -> None:
        """Chooses size, weight and colour of what is written next."""
        self.set_font("helvetica", style, size)
        self.set_text_color(*color)

    def masthead(self, title: str) -> None:
        """The seller's name at the left, what this is at the right, a rule below."""
        self.ink(13, "B", ACCENT)
        self.cell(120, 8, SELLER[0].replace(" Private Limited", ""))
        self.ink(17, "B")
        self.cell(0, 8, title, align="R", new_x="LMARGIN", new_y="NEXT")
        self.set_draw_color(*ACCENT)
        self.set_line_width(0.5)
        self.line(14, self.y + 1, 196, self.y + 1)
        self.set_line_width(0.2)
        self.ln(5)

    def block(self, x: float, y: float, title: str, lines: Iterable[str]) -> float:
        """A small title and lines below it; returns where they end."""
        self.set_xy(x, y)
        self.ink(7.5, "B", ACCENT)
        self.cell(86, 4.5, title)
        for number, line in enumerate(lines):
            self.ink(9, "B" if number == 0 else "")
            self.set_xy(x, y + 5.2 + number * 4.5)
            self.cell(86, 4.5, line)
            y_end = self.y + 4.5
        return y_end

    def pairs(self, x: float, y: float, rows: Iterable[tuple[str, str]], width: float = 32) -> float:
        """Labels and their values."""
        for label, value in rows:
            self.set_xy(x, y)
            self.ink(8.5, color=FAINT)
            self.cell(width, 5, label)
            self.ink(8.5, "B")
            self.cell(50, 5, value)
            y += 5
        return y

    def grid(self, headings: Sequence[str], widths: Sequence[int], align: Sequence[str],
             rows: Iterable[Sequence[str]], last_bold: bool = False) -> None:  # fmt: skip
        """A table that goes on over pages with its headings repeated."""
        listed = [tuple(row) for row in rows]
        self.ink(8)
        self.set_draw_color(190, 200, 204)
        self.set_fill_color(255, 255, 255)
        style = FontFace(emphasis="BOLD", color=INK, fill_color=TINT)
        with self.table(
            col_widths=tuple(widths), text_align=tuple(align), headings_style=style, line_height=4.4,
            padding=(1.4, 1.2), borders_layout=TableBordersLayout.HORIZONTAL_LINES, width=182,
        ) as table:  # fmt: skip
            table.row(headings)
            for number, row in enumerate(listed):
                last = last_bold and number == len(listed) - 1
                table.row(row, style=FontFace(emphasis="BOLD") if last else None)

    def paragraph(self, text: str, size: float = 8.5, gap: float = 2) -> None:
        """Running text."""
        self.ink(size)
        self.multi_cell(0, size * 0.52, text, new_x="LMARGIN", new_y="NEXT")
        self.ln(gap)

    def heading(self, text: str) -> None:
        """A heading within a document."""
        self.ink(10, "B", ACCENT)
        self.cell(0, 6, text, new_x="LMARGIN", new_y="NEXT")
        self.ln(0.5)


def tax_summary(items: Sequence[Item]) -> list[tuple[str, ...]]:
    """Taxable value and tax by HSN, and their sum."""
    rows: list[tuple[str, ...]] = []
    for hsn, gst in sorted({(item.hsn, item.gst) for item in items}):
        group = [item for item in items if item.hsn == hsn]
        taxable, tax = sum(i.taxable for i in group), sum(i.tax for i in group)
        half = money(Decimal(tax) / 2)
        rows.append((hsn, f"{gst}%", money(Decimal(taxable)), half, half, "0.00", money(Decimal(tax))))
    taxable, tax = Decimal(sum(i.taxable for i in items)), Decimal(sum(i.tax for i in items))
    return [*rows, ("Total", "", money(taxable), money(tax / 2), money(tax / 2), "0.00", money(tax))]


def item_rows(items: Iterable[Item]) -> list[tuple[str, ...]]:
    """The line-item table's cells."""
    return [
        (str(n), i.description, i.hsn, str(i.qty), i.unit, money(Decimal(i.rate)), money(i.taxable),
         f"{i.gst}%", money(i.taxable + i.tax))
        for n, i in enumerate(items, 1)
    ]  # fmt: skip


def totals(pdf: Sheet, items: Sequence[Item]) -> Decimal:
    """The totals at the right; returns what is to be paid."""
    taxable, tax = Decimal(sum(i.taxable for i in items)), Decimal(sum(i.tax for i in items))
    assert tax * 100 % 2 == 0, "CGST and SGST must be whole paise"
    payable = (taxable + tax).quantize(Decimal(1))
    rows = [
        ("Taxable value", taxable),
        ("CGST", tax / 2),
        ("SGST", tax / 2),
        ("Round off", payable - taxable - tax),
    ]
    for label, amount in rows:
        sign = "-" if amount < 0 else ""
        pdf.ink(8.5)
        pdf.set_x(130)
        pdf.cell(36, 5, label)
        pdf.cell(30, 5, sign + money(abs(amount)), align="R", new_x="LMARGIN", new_y="NEXT")
    pdf.ink(10, "B")
    pdf.set_fill_color(*TINT)
    pdf.set_x(130)
    pdf.cell(36, 7, "Grand Total (INR)", fill=True)
    pdf.cell(30, 7, money(payable), align="R", fill=True, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(2)
    return payable


def invoice(pdf: Sheet, items: Sequence[Item], number: str, order: tuple[str, str]) -> None:
    """A GST tax invoice of two pages, for an order of that number and date."""
    pdf.begin(2, f"Tax Invoice {number}")
    pdf.masthead("TAX INVOICE")
    top = pdf.y
    low = pdf.block(14, top, "SELLER", SELLER)
    low = max(low, pdf.block(14, low + 3, "BILL TO", BUYER))
    details = [("Invoice No.", number), ("Invoice Date", "14 March 2026"), ("Due Date", "13 April 2026"),
               ("PO Number", order[0]), ("PO Date", order[1]), ("Place of Supply", "Karnataka (29)"),
               ("Reverse Charge", "No"), ("Vehicle No.", "KA-02-MJ-4471"),
               ("Payment Terms", "30 days")]  # fmt: skip
    pdf.pairs(120, top, details)
    pdf.set_y(low + 5)
    headings = ("#", "Description", "HSN/SAC", "Qty", "Unit", "Rate", "Taxable Value", "GST %", "Amount")
    widths = (8, 60, 17, 12, 12, 20, 23, 13, 23)
    aligns = ("RIGHT", "LEFT", "LEFT", "RIGHT", "LEFT", "RIGHT", "RIGHT", "RIGHT", "RIGHT")
    pdf.grid(headings, widths, aligns, item_rows(items))
    pdf.ln(3)
    payable = totals(pdf, items)
    pdf.paragraph(f"Amount in words: Rupees {in_words(int(payable))} Only", 9, 3)
    pdf.heading("Tax summary by HSN")
    pdf.grid(("HSN/SAC", "GST Rate", "Taxable Value", "CGST", "SGST", "IGST", "Total Tax"), (26,) * 7,
             ("LEFT", *["RIGHT"] * 6), tax_summary(items), last_bold=True)  # fmt: skip
    pdf.ln(4)
    invoice_end(pdf)
    assert pdf.page_no() - pdf.first + 1 == pdf.of, "the page numbers at the foot are wrong"


def invoice_end(pdf: Sheet) -> None:
    """Bank details, signature and terms."""
    top = pdf.y
    pdf.heading("Bank details")
    bank = [("Bank", "Canara Bank, Peenya Branch"), ("Account Name", "Kaveri Laboratory Supplies Pvt Ltd"),
            ("Account No.", "0412 2010 0098 731"), ("IFSC", "CNRB0000412")]  # fmt: skip
    low = pdf.pairs(14, pdf.y, bank, 28)
    pdf.set_xy(120, top)
    pdf.ink(8.5)
    pdf.cell(76, 5, "For Kaveri Laboratory Supplies Private Limited", align="R")
    pdf.set_xy(120, top + 20)
    pdf.ink(8.5, "B")
    pdf.cell(76, 5, "Authorised Signatory", align="R")
    pdf.set_y(low + 4)
    pdf.heading("Terms and conditions")
    pdf.paragraph(
        "1. Goods once sold are taken back only if found defective on receipt and reported within 7 days.\n"
        "2. Interest at 18% per annum is charged on payments after the due date.\n"
        "3. Subject to the jurisdiction of the courts at Bengaluru.", 8)  # fmt: skip


def letter(pdf: Sheet) -> None:
    """The packet's covering letter."""
    pdf.begin(0)
    pdf.masthead("")
    pdf.paragraph("16 March 2026", 10, 6)
    pdf.paragraph("\n".join(("The Stores Officer", *BUYER[:3])), 10, 6)
    pdf.ink(11, "B")
    pdf.cell(
        0, 7, "Cover letter: documents for purchase order SIAS/PO/2026/0131", new_x="LMARGIN", new_y="NEXT"
    )
    pdf.ln(3)
    for text in (
        "Dear Sir or Madam,",
        "With reference to your purchase order we have dispatched the goods by road on 16 March 2026. Please "
        "find enclosed the purchase order as accepted by us, our tax invoice and the packing list for the "
        "consignment.",
        "Kindly check the cartons against the packing list on arrival and return one signed copy to us. "
        "Payment is due within thirty days of the date of the invoice.",
        "We thank you for your order and remain at your service.",
        "Yours faithfully,",
    ):
        pdf.paragraph(text, 10, 4)
    pdf.ln(12)
    pdf.paragraph("R. Meenakshi\nManager, Dispatch\nKaveri Laboratory Supplies Private Limited", 10)


def purchase_order(pdf: Sheet, items: Sequence[Item]) -> None:
    """The packet's purchase order, with its conditions on a second page."""
    pdf.begin(2, "Purchase Order SIAS/PO/2026/0131")
    pdf.ink(13, "B", ACCENT)
    pdf.cell(110, 8, BUYER[0])
    pdf.ink(17, "B")
    pdf.cell(0, 8, "PURCHASE ORDER", align="R", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(5)
    top = pdf.y
    low = pdf.block(14, top, "VENDOR", SELLER)
    pdf.pairs(120, top, [("PO Number", "SIAS/PO/2026/0131"), ("PO Date", "09/03/2026"),
                         ("Delivery By", "20/03/2026"),
                         ("Ship To", "Central Stores, Block C"), ("Indent No.", "CHEM-2026-58")])  # fmt: skip
    pdf.set_y(low + 5)
    rows = [(str(n), i.description, str(i.qty), i.unit, money(Decimal(i.rate)), money(i.taxable))
            for n, i in enumerate(items, 1)]  # fmt: skip
    rows.append(("", "Total", "", "", "", money(Decimal(sum(i.taxable for i in items)))))
    pdf.grid(("#", "Item", "Qty", "Unit", "Unit Price", "Value"), (10, 84, 16, 16, 28, 28),
             ("RIGHT", "LEFT", "RIGHT", "LEFT", "RIGHT", "RIGHT"), rows, last_bold=True)  # fmt: skip
    pdf.ln(4)
    pdf.paragraph("Prices exclude GST, which is payable as applicable.", 9)
    pdf.add_page()
    pdf.heading("Conditions of purchase")
    for number, text in enumerate(CONDITIONS, 1):
        pdf.paragraph(f"{number}. {text}", 9.5, 3)


CONDITIONS = (
    "The vendor acknowledges this order in writing within three working days of its receipt.",
    "Goods are delivered to the Central Stores between 9.30 am and 4.30 pm on working days, carriage paid.",
    "Each carton bears the purchase order number, and a packing list is enclosed in the first carton.",
    "Glassware is packed against breakage; broken pieces are replaced free of cost within fifteen days.",
    "Payment is made by bank transfer within thirty days of the receipt of goods and of a tax invoice.",
    "Delay beyond the date of delivery attracts a deduction of 0.5% of the value for each week, at most 5%.",
)


def packing_list(pdf: Sheet, items: Sequence[Item]) -> None:
    """The packet's last sheet."""
    pdf.begin(1, "Packing List PL-0462")
    pdf.masthead("PACKING LIST")
    low = pdf.pairs(14, pdf.y, [("Packing List No.", "PL-0462"), ("Date", "16/03/2026"),
                                ("Purchase Order", "SIAS/PO/2026/0131"), ("Cartons", "4"),
                                ("Transporter", "VRL Logistics")])  # fmt: skip
    pdf.set_y(low + 5)
    carton = random.Random(7)
    rows = [(str(n % 4 + 1), i.description, str(i.qty), i.unit, f"{carton.uniform(1, 14):.1f}")
            for n, i in enumerate(items)]  # fmt: skip
    pdf.grid(("Carton", "Contents", "Qty", "Unit", "Gross kg"), (18, 104, 18, 18, 24),
             ("LEFT", "LEFT", "RIGHT", "LEFT", "RIGHT"), rows)  # fmt: skip
    pdf.ln(8)
    pdf.paragraph("Received the above goods in good condition.\n\n\nSignature and stamp of the receiver", 9)


def make(folder: Path) -> None:
    """Writes both documents."""
    pdf = Sheet()
    pdf.set_title("Tax Invoice KLS/25-26/1847")
    invoice(pdf, ITEMS, "KLS/25-26/1847", ("SIAS/PO/2026/0117", "26 February 2026"))
    pdf.output(str(folder / "invoice.pdf"))
    packet, items = Sheet(), ITEMS[::3]
    packet.set_title("Consignment SIAS/PO/2026/0131")
    letter(packet)
    purchase_order(packet, items)
    invoice(packet, items, "KLS/25-26/1862", ("SIAS/PO/2026/0131", "9 March 2026"))
    packing_list(packet, items)
    packet.output(str(folder / "packet.pdf"))


if __name__ == "__main__":
    make(Path(__file__).parent)
