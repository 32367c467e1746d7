"""Number, date and total of invoices in several languages and arrangements, and null if there are none."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.sandbox.conftest import Sandbox
from tests.sandbox.papers import Paper, lines_pdf

Rows = Sequence[tuple[str, str]]
TYPES = {"invoice_number": "string", "invoice_date": "date", "due_date": "date", "total": "number"}
INVOICES: dict[str, Rows] = {
    "English": (
        ("Invoice #", "INV-2041"),
        ("Date of issue", "March 5, 2026"),
        ("Payment due", "April 4, 2026"),
        ("Total for this invoice", "1,234.50"),
    ),
    "Indian English": (
        ("Invoice No.", "KLS/25-26/18"),
        ("Dated", "5-Mar-26"),
        ("Due Date", "4-Apr-26"),
        ("Total Invoice Value (INR)", "Rs. 1,00,234.50"),
    ),
    "German": (
        ("Rechnungs-Nr.", "471113"),
        ("Rechnungsdatum", "05.03.2026"),
        ("Fälligkeitsdatum", "4. April 2026"),
        ("Gesamtbetrag inkl. MwSt.", "1.234,50 EUR"),
    ),
    "French": (
        ("N° de facture", "F20260018"),
        ("Date d'émission", "5 mars 2026"),
        ("Date d'échéance", "04/04/2026"),
        ("Net à payer", "1 234,50 EUR"),
    ),
    "Spanish": (
        ("Nº de factura", "A-2026/77"),
        ("Fecha de emisión", "5 de marzo de 2026"),
        ("Fecha de vencimiento", "04/04/2026"),
        ("Importe total", "1.234,50 EUR"),
    ),
    "Italian": (
        ("Fattura n.", "12/2026-A"),
        ("Data fattura", "5 marzo 2026"),
        ("Scadenza", "04/04/2026"),
        ("Totale documento", "1.234,50 EUR"),
    ),
    "Dutch": (
        ("Factuurnummer", "VF1005193"),
        ("Factuurdatum", "5 maart 2026"),
        ("Vervaldatum", "04-04-2026"),
        ("Totaal incl. btw", "1.234,50 EUR"),
    ),
}


def inline(rows: Rows, paper: Paper) -> None:
    """Each label and its value in one line, with a colon."""
    for at, (label, value) in enumerate(rows):
        paper.put(60, 200 + 18 * at, f"{label}: {value}")


def run_in(rows: Rows, paper: Paper) -> None:
    """Each label and its value in one line, without a colon."""
    for at, (label, value) in enumerate(rows):
        paper.put(60, 200 + 18 * at, f"{label} {value}")


def beside(rows: Rows, paper: Paper) -> None:
    """Values in a column close to their labels."""
    for at, (label, value) in enumerate(rows):
        paper.put(60, 200 + 18 * at, label)
        paper.put(220, 200 + 18 * at, value)


def far(rows: Rows, paper: Paper) -> None:
    """Labels at the left edge, values at the right edge."""
    for at, (label, value) in enumerate(rows):
        paper.put(20, 200 + 18 * at, label, size=7)
        paper.end(580, 200 + 18 * at, value)


def above(rows: Rows, paper: Paper) -> None:
    """Labels side by side above their values."""
    for at, (label, value) in enumerate(rows):
        paper.put(40 + 130 * at, 200, label)
        paper.put(40 + 130 * at, 213, value)


ARRANGEMENTS: tuple[Callable[[Rows, Paper], None], ...] = (inline, run_in, beside, far, above)


def extract(sandbox: Sandbox, document: bytes, **types: str) -> dict[str, Any]:
    """Extracted values of fields with these types, by default of number, dates and total."""
    fields = [{"key": key, "type": kind} for key, kind in (types or TYPES).items()]
    found = sandbox.ask("/v1/extract", document, schema={"fields": fields})["fields"]
    return {key: field["value"] for key, field in found.items()}


@pytest.mark.parametrize("language", INVOICES)
def test_extract_every_language_and_arrangement_same_fields(sandbox: Sandbox, language: str) -> None:
    rows = INVOICES[language]
    total = 100234.5 if language == "Indian English" else 1234.5
    expected = {
        "invoice_number": rows[0][1],
        "invoice_date": "2026-03-05",
        "due_date": "2026-04-04",
        "total": total,
    }
    for arrange in ARRANGEMENTS:
        paper = Paper()
        arrange(rows, paper)
        assert extract(sandbox, paper.bytes()) == expected, arrange.__name__


NOISE = (
    "TAX INVOICE",
    "RECHNUNG",
    "INVOICE",
    "48 Main Road, 12345 Stadthausen",
    "VAT ID: DE123456789",
    "GSTIN: 29AAGCK4821M1Z4",
    "Lieferdatum: 01.02.2026",
    "Customer No. 90017",
    "Order 2026-118 of 2 January 2026",
    "Telefon 030 123456",
    "Thank you for your order of 12 items",
    "Page 1 of 1",
    "IBAN DE89 3704 0044 0532 0130 00",
)


@pytest.mark.parametrize("seed", range(6))
def test_extract_headings_and_unrelated_lines_change_nothing(sandbox: Sandbox, seed: int) -> None:
    chance = random.Random(seed)
    rows = INVOICES[chance.choice(list(INVOICES))]
    plain, noisy = Paper(), Paper()
    arrange = chance.choice(ARRANGEMENTS)
    arrange(rows, plain)
    arrange(rows, noisy)
    places = [(x, y) for x in (60, 300) for y in (*range(60, 180, 24), *range(320, 760, 24))]
    for text, (x, y) in zip(NOISE, chance.sample(places, len(NOISE)), strict=True):
        noisy.put(x, y, text, chance.choice(("", "B")), chance.choice((9, 10, 18)))
    assert extract(sandbox, noisy.bytes()) == extract(sandbox, plain.bytes())


@pytest.mark.parametrize(
    "lines",
    [
        ["TAX INVOICE", "12 March 2026"],
        ["INVOICE", "2026-03-12"],
        ["INVOICE", "90017"],
        ["RECHNUNG", "DE123456789"],
        ["Rechnung DE123456789"],
        ["Invoice No: 29AAGCK4821M1Z4"],
        ["Invoice No: 12.03.2026"],
        ["Rechnungsnummer: siehe oben", "Facture n° : voir ci-dessus"],
        ["Invoice 1,234.50 EUR"],
        ["Invoice", "48 Main Road"],
        ["INVOICE to 4711 Acme"],
        ["Rechnung gemäß Bestellung Nr. 2018-471331 vom 01.03.2018."],
        ["Invoice date 12 March 2026", "Customer invoice account: 4711"],
    ],
)
def test_extract_date_or_vat_id_as_invoice_number_is_null(sandbox: Sandbox, lines: list[str]) -> None:
    assert extract(sandbox, lines_pdf(lines), invoice_number="string") == {"invoice_number": None}


@pytest.mark.parametrize(
    ("line", "number", "day"),
    [
        ("Handelsrechnung (380) Nr. 471113 vom 13.06.2018", "471113", "2018-06-13"),
        ("Facture n° 2018-12 du 3 août 2018", "2018-12", "2018-08-03"),
        ("Facture n°201812 du 3 août 2018", "201812", "2018-08-03"),
        ("Fattura n. 77 del 13/06/2018", "77", "2018-06-13"),
        ("Invoice # RE-20190610/507 issued on 2019-06-10", "RE-20190610/507", "2019-06-10"),
        ("Bill No. 4471 Date: 05-02-26", "4471", "2026-02-05"),
    ],
)
def test_extract_number_and_date_in_one_line_reads_both(
    sandbox: Sandbox, line: str, number: str, day: str
) -> None:
    document = lines_pdf([line, "Bestellung Nr. 9 vom 01.01.2018"])
    assert extract(sandbox, document, invoice_number="string", invoice_date="date") == {
        "invoice_number": number,
        "invoice_date": day,
    }


SUMS = (
    [("Subtotal", "100.00"), ("VAT 20 %", "20.00"), ("Total", "120.00")],
    [("Nettobetrag", "100,00"), ("zzgl. 20 % MwSt.", "20,00"), ("Rechnungsbetrag", "120,00")],
    [("Summe netto", "100,00"), ("USt", "20,00"), ("Summe inkl. USt", "120,00"), ("Positionssumme", "95,00")],
    [("Total HT", "100,00"), ("Total TVA", "20,00"), ("Total TTC", "120,00")],
    [("Base imponible", "100,00"), ("IVA 20%", "20,00"), ("Total a pagar", "120,00")],
    [("Imponibile", "100,00"), ("Totale IVA", "20,00"), ("Totale fattura", "120,00")],
    [("Subtotaal excl. btw", "100,00"), ("Btw", "20,00"), ("Te betalen", "120,00")],
    [("Total before tax", "100.00"), ("Grand Total", "120.00"), ("Total discount", "5.00")],
    [("Total", "120.00"), ("Paid", "70.00"), ("Amount due", "50.00")],
    [("Total (excl. VAT)", "100.00"), ("VAT (20%)", "20.00"), ("Total (2 items)", "120.00")],
)


@pytest.mark.parametrize("rows", SUMS, ids=lambda rows: rows[-1][0])
def test_extract_total_among_other_sums_is_the_gross_total(sandbox: Sandbox, rows: Rows) -> None:
    for order in (rows, rows[::-1]):
        paper = Paper()
        far(order, paper)
        assert extract(sandbox, paper.bytes(), total="number") == {"total": 120.0}


@pytest.mark.parametrize(
    "lines",
    [
        ["Subtotal 100.00", "Total tax 20.00", "Total weight 12 kg"],
        ["Summe netto: 100,00", "Gesamtgewicht: 7,5", "Anzahl gesamt: 3"],
        ["Total HT 100,00", "Total TVA 20,00"],
        ["TOTALE", "Il presente documento non costituisce fattura ai sensi dell'art. 21"],
    ],
)
def test_extract_document_without_a_total_returns_null(sandbox: Sandbox, lines: list[str]) -> None:
    assert extract(sandbox, lines_pdf(lines), total="number") == {"total": None}


def test_extract_total_below_its_column_is_not_an_item(sandbox: Sandbox) -> None:
    paper = Paper()
    for row, cells in enumerate((("Description", "Qty", "Total"), ("Beaker", "2", "9.00"))):
        for x, cell in zip((50, 300, 450), cells, strict=True):
            paper.put(x, 80 + 14 * row, cell)
    assert extract(sandbox, paper.bytes(), total="number") == {"total": None}


def table(*rows: Sequence[str]) -> bytes:
    """PDF with cells that begin at the same places in every row."""
    paper = Paper()
    for at, cells in enumerate(rows):
        for x, cell in zip((50, 200, 300, 400), cells, strict=False):
            paper.put(x, 80 + 14 * at, cell)
    return paper.bytes()


def test_extract_row_of_sums_ends_with_the_total(sandbox: Sandbox) -> None:
    document = table(("", "7 %", "19 %", "EUR"), ("Summe", "376,37", "71,51", "447,88"))
    assert extract(sandbox, document, total="number") == {"total": 447.88}


def test_extract_column_of_numbers_below_a_label_is_null(sandbox: Sandbox) -> None:
    document = table(("Invoice No.", "Paid on"), ("R-7", "05.03.2026"), ("R-8", "06.03.2026"))
    assert extract(sandbox, document, invoice_number="string") == {"invoice_number": None}


@pytest.mark.parametrize(
    ("key", "description", "kind", "value"),
    [
        ("Rechnungsnummer", "", "string", "R-7"),
        ("inv_no", "", "string", "R-7"),
        ("invoiceNumber", "", "string", "R-7"),
        ("invoice.number", "", "string", "R-7"),
        ("header.invoice_id", "", "string", "R-7"),
        ("doc_ref", "Invoice number as printed at the top of the page", "string", "R-7"),
        ("numéro_facture", "", "string", "R-7"),
        ("fecha", "", "date", "2026-03-05"),
        ("issued", "Date of the invoice", "date", "2026-03-05"),
        ("invoice_date", "", "string", "05.03.2026"),
        ("total_amount", "", "number", 120.0),
        ("Gesamtbetrag", "", "string", "120,00"),
        ("summary.total_ttc", "", "number", 120.0),
        ("subtotal", "", "number", 100.0),
        ("net_amount", "", "number", 100.0),
        ("VAT", "", "number", 20.0),
        ("vat_id", "", "string", "DE123456789"),
        ("Farbe", "", "string", "rot"),
        ("cost_centre", "", "string", "4711 Nord"),
        ("invoice_number", "", "date", None),
        ("invoice_date", "", "number", None),
        ("colour", "", "string", None),
    ],
)
def test_extract_schema_names_find_the_same_meaning(
    sandbox: Sandbox, key: str, description: str, kind: str, value: object
) -> None:
    lines = ["Rechnung Nr.: R-7", "Datum: 05.03.2026", "Farbe: rot", "Cost centre: 4711 Nord"]
    sums = ["Nettobetrag: 100,00", "MwSt. 20 %: 20,00", "Gesamtbetrag: 120,00", "USt-IdNr.: DE123456789"]
    fields = [{"key": key, "description": description, "type": kind}]
    found = sandbox.ask("/v1/extract", lines_pdf(lines + sums), schema={"fields": fields})["fields"]
    assert found[key]["value"] == value


def test_extract_evidence_is_the_label_and_its_value(sandbox: Sandbox) -> None:
    paper = Paper()
    far(INVOICES["German"], paper)
    pages = sandbox.ask("/api/v1/parse", paper.bytes())["pages"]
    texts = {line["region_id"]: line["text"] for page in pages for line in page["lines"]}
    schema = {"fields": [{"key": key, "type": kind} for key, kind in TYPES.items()]}
    found = sandbox.ask("/v1/extract", paper.bytes(), schema=schema)["fields"]
    for field, row in zip(found.values(), INVOICES["German"], strict=True):
        assert [texts[region] for region in field["region_ids"]] == list(row)
        assert (field["page_index"], field["text"]) == (0, " ".join(row))


@pytest.mark.parametrize(
    ("seller", "buyer", "name"),
    [
        ("Seller", "Bill to", ""),
        ("Verkäufer", "Käufer/Leistungsempfänger", "Name:"),
        ("Fournisseur", "Facturé à", "Nom :"),
        ("Proveedor", "Cliente", ""),
        ("From (Seller)", "To (Buyer)", ""),
    ],
)
def test_extract_parties_in_several_languages(sandbox: Sandbox, seller: str, buyer: str, name: str) -> None:
    paper = Paper()
    for y, heading, party in ((100, seller, "Rohstoff AG"), (200, buyer, "Metallbau Leipzig GmbH")):
        paper.put(60, y, heading, "B")
        paper.put(60, y + 14, name)
        paper.put(160 if name else 60, y + 14, party)
        paper.put(160 if name else 60, y + 28, "Musterstraße 42")
    found = extract(sandbox, paper.bytes(), seller_name="string", **{"customer.name": "string"})
    assert found == {"seller_name": "Rohstoff AG", "customer.name": "Metallbau Leipzig GmbH"}


def test_extract_parties_laid_out_as_a_table_are_found(sandbox: Sandbox) -> None:
    document = table(
        ("Verkäufer", ""),
        ("Nummer:", "549910"),
        ("Name:", "Rohstoff AG"),
        ("USt-IdNr.:", "DE123456789"),
        ("Menge:", "12,00"),
    )
    assert extract(sandbox, document, seller_name="string", **{"supplier.vat_id": "string"}) == {
        "seller_name": "Rohstoff AG",
        "supplier.vat_id": "DE123456789",
    }


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["Seller", "Rohstoff AG", "Musterstr. 42"], "Rohstoff AG"),
        (["Seller", "Ihr Partner am Bau", "Musterstr. 42"], None),
        (["Seller", "Name: Ihr Partner am Bau", "Musterstr. 42"], "Ihr Partner am Bau"),
        (["Seller contact name: Erika Muster"], None),
        (["Seller trade name: Rohstoffe"], None),
    ],
)
def test_extract_seller_without_a_label_is_a_company_or_null(
    sandbox: Sandbox, lines: list[str], name: str | None
) -> None:
    assert extract(sandbox, lines_pdf(lines), seller_name="string") == {"seller_name": name}


def test_extract_address_ends_where_a_table_begins(sandbox: Sandbox) -> None:
    paper = Paper()
    for row, text in enumerate(("Bill to", "Rohstoff AG", "Musterstr. 42", "80331 München")):
        paper.put(50, 80 + 14 * row, text)
    for row, cells in enumerate(
        (("Pos.", "Item", "Amount"), ("1", "Beaker", "9.00"), ("2", "Flask", "7.00"))
    ):
        for x, cell in zip((50, 200, 400), cells, strict=True):
            paper.put(x, 140 + 14 * row, cell)
    found = extract(sandbox, paper.bytes(), **{"buyer.address": "string"})
    assert found == {"buyer.address": "Musterstr. 42, 80331 München"}


def test_extract_tax_after_a_spaced_percentage_is_the_amount(sandbox: Sandbox) -> None:
    document = table(("Total HT", "100,00"), ("TVA 20 %", "20,55"), ("Total TTC", "120,55"))
    assert extract(sandbox, document, tax_amount="number") == {"tax_amount": 20.55}


def test_extract_number_of_a_house_is_no_number_of_the_seller(sandbox: Sandbox) -> None:
    document = lines_pdf(["Seller", "Rohstoff AG", "No. 48, 2nd Cross, Pune", "GSTIN: 29AAGCK4821M1Z4"])
    names = {"seller.number": "string", "seller.address": "string"}
    assert extract(sandbox, document, **names)["seller.number"] is None
    assert extract(sandbox, document, **names)["seller.address"] == "No. 48, 2nd Cross, Pune"


def test_extract_label_with_a_value_is_no_value_of_the_label_above(sandbox: Sandbox) -> None:
    document = table(("Bank", "Canara, Peenya"), ("Account Name", "Rohstoff AG"), ("Account No.", "0412"))
    answer = sandbox.ask("/api/v1/ask", document, query="Which bank?")["answer"]
    assert answer == "“Bank: Canara, Peenya” (page 1)"


def test_extract_party_ends_at_a_gap_wider_than_its_own(sandbox: Sandbox) -> None:
    paper = Paper()
    for y, text in ((80, "Bill to"), (92, "Rohstoff AG"), (104, "Pune"), (125, "Invoice No: 12-7")):
        paper.put(50, y, text)
    found = extract(sandbox, paper.bytes(), **{"customer_number": "string", "buyer.address": "string"})
    assert found == {"customer_number": None, "buyer.address": "Pune"}


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("Zahlbar bis: 17.11.2026", "due_date", "17.11.2026"),
        ("Bon de commande : BC-771", "po_number", "BC-771"),
    ],
)
def test_extract_common_labels_of_other_languages_are_known(
    sandbox: Sandbox, line: str, key: str, value: str
) -> None:
    assert extract(sandbox, lines_pdf([line]), **{key: "string"}) == {key: value}


def test_extract_net_price_of_a_french_item_is_its_unit_price(sandbox: Sandbox) -> None:
    document = table(
        ("Désignation", "Quantité", "Prix unitaire HT", "Montant HT"), ("Farine", "12", "2,50", "30,00")
    )
    tables = [{"key": "items", "fields": [{"key": "unit_price", "type": "number"}]}]
    (item,) = sandbox.ask("/v1/extract", document, schema={"tables": tables})["line_items"]["items"]
    assert item["unit_price"]["value"] == 2.5


def test_extract_nested_field_of_a_party_is_that_partys(sandbox: Sandbox) -> None:
    document = lines_pdf(["Seller", "GSTIN: 27AABCL1234F1Z5", "", "Buyer", "GSTIN: 29AAGCS9876M1ZQ"])
    found = extract(sandbox, document, **{"buyer.tax.gstin": "string", "seller.tax.gstin": "string"})
    assert found == {"buyer.tax.gstin": "29AAGCS9876M1ZQ", "seller.tax.gstin": "27AABCL1234F1Z5"}


def test_schema_tax_with_its_rate_is_a_field_without_the_rate(sandbox: Sandbox) -> None:
    document = table(("Total HT", "100,00"), ("TVA 20 %", "20,55"), ("IGST @ 5%", "5,00"))
    inputs = [{"file_id": sandbox.file_id(document)}]
    built = sandbox.json(sandbox.post("/v1/schema/auto", {"inputs": inputs}))
    assert [field["key"] for field in built["fields"]] == ["total_ht", "tva", "igst"]
