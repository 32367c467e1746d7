"""Split a packet into documents, by page titles and by page numbers that start again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from docspeed_cli.sandbox.labels import fit, names_of
from docspeed_cli.sandbox.layout import Layout, PageLayout
from docspeed_cli.sandbox.lines import Line
from docspeed_cli.sandbox.pairs import page_pairs
from docspeed_cli.sandbox.values import part_of_kind

_KINDS = (
    ("letter", r"cover(ing)? letter|letter of \w+"),
    ("packing_list", r"packing (list|slip)"),
    ("purchase_order", r"purchase order|work order"),
    ("credit_note", r"credit (note|memo)"),
    ("debit_note", r"debit (note|memo)"),
    ("proforma_invoice", r"pro-?\s?forma( invoice)?"),
    ("delivery_note", r"delivery (note|challan)|challan|bill of lading|e-?way bill"),
    ("quotation", r"quotation|quote|estimate"),
    ("receipt", r"receipt|cash memo"),
    ("statement", r"(bank |account )?statement( of accounts?)?"),
    ("contract", r"contract|agreement|memorandum of understanding"),
    ("certificate", r"certificate"),
    ("payslip", r"pay ?slip|salary slip"),
    ("report", r"report"),
    ("invoice", r"(tax |commercial )?invoice|bill of supply|bill"),
)
_KIND_PATTERNS = [(kind, re.compile(rf"\b(?:{words})s?\b", re.IGNORECASE)) for kind, words in _KINDS]
_COUNT = re.compile(r"(?:page|pg\.?|sheet)\s*(\d{1,4})\s*(?:of|/)\s*(\d{1,4})", re.IGNORECASE)
_NUMBERS = {
    "purchase_order": names_of("po_number"),
    "receipt": names_of("receipt_number"),
}


@dataclass(frozen=True, slots=True)
class _Cover:
    """Title, kind and page number that a page carries."""

    title: Line | None
    kind: str
    number: str
    count: tuple[int, int] | None


def find_sections(layout: Layout) -> list[dict[str, object]]:
    """Sections of a packet with their page ranges."""
    covers = [_cover(page) for page in layout.pages]
    starts = [0] if covers else []
    for index in range(1, len(covers)):
        if _starts(covers[starts[-1]], covers[index]):
            starts.append(index)
    ends = [start - 1 for start in starts[1:]] + [len(covers) - 1]
    return [
        _section(number, covers[start], start, end)
        for number, (start, end) in enumerate(zip(starts, ends, strict=False), 1)
    ]


def document_kind(layout: Layout) -> str:
    """Kind of document by its first page."""
    return _cover(layout.pages[0]).kind if layout.pages else "document"


def kind_of(text: str) -> str:
    """Kind that a text names first, or `document`."""
    found = [(match.start(), kind) for kind, pattern in _KIND_PATTERNS if (match := pattern.search(text))]
    return min(found, key=lambda named: named[0])[1] if found else "document"


def _section(number: int, cover: _Cover, start: int, end: int) -> dict[str, object]:
    return {
        "section_id": f"s{number}",
        "name": cover.title.text if cover.title else "Document",
        "kind": cover.kind,
        "start_page_index": start,
        "end_page_index": end,
        "page_count": end - start + 1,
        "region_ids": [cover.title.region_id] if cover.title else [],
    }


def _starts(first: _Cover, page: _Cover) -> bool:
    """True if a page starts a new document after the one that begins with `first`."""
    if page.count:
        return page.count[0] == 1
    if page.kind == "document":
        return False
    if page.kind != first.kind:
        return True
    return bool(page.number) and page.number != first.number


def _cover(page: PageLayout) -> _Cover:
    title, kind = _title(page)
    names = _NUMBERS.get(kind, names_of("invoice_number"))
    numbers = [(fit(names, pair.label), part_of_kind(pair.value, "id")) for pair in page_pairs(page)]
    found = [(score, number) for score, number in numbers if score >= 0.6 and number]
    number = max(found, key=lambda one: one[0])[1] if found else ""
    return _Cover(title, kind, number, _count(page))


def _title(page: PageLayout) -> tuple[Line | None, str]:
    """Line with the page's title, and the kind of document it names."""
    top = [line for line in page.lines if line.box[1] < 0.4 * page.page.height]
    headings = [
        line for block in page.blocks if block.kind == "heading" for line in block.lines if line in top
    ]
    named = [
        line for line in headings or top[:5] if kind_of(line.text) != "document" and len(line.text) <= 80
    ]
    if named:
        title = max(named, key=lambda line: line.height)
        return title, kind_of(title.text)
    first = max(headings, key=lambda line: line.height) if headings else next(iter(page.lines), None)
    greets = any(re.match(r"Dear\s", line.text) for line in page.lines)
    return first, "letter" if greets else "document"


def _count(page: PageLayout) -> tuple[int, int] | None:
    """Numbers in `Page n of m`, searched in the page's last and first lines."""
    for line in (*reversed(page.lines[-4:]), *page.lines[:4]):
        if match := _COUNT.search(line.text):
            return int(match[1]), int(match[2])
    return None
