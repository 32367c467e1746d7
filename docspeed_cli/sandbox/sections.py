"""Split a packet into documents, by page titles and by page numbers that start again."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from docspeed_cli.sandbox.labels import TABLE, fit, names_of
from docspeed_cli.sandbox.layout import Layout, PageLayout
from docspeed_cli.sandbox.lines import Line
from docspeed_cli.sandbox.pairs import page_pairs
from docspeed_cli.sandbox.values import part_of_kind

_KIND = re.compile(
    "|".join(rf"(?P<{kind}>\b(?:{words})s?\b)" for kind, words in TABLE["documents"].items()), re.IGNORECASE
)
_NUMBERS = {"purchase_order": "po_number", "receipt": "receipt_number"}  # others have an invoice number
_COUNT = re.compile(r"(?:page|pg\.?|sheet)\s*(\d{1,4})\s*(?:of|/)\s*\d{1,4}", re.IGNORECASE)


class _Cover(NamedTuple):
    """What a page says of its document: title, kind, number, and the page's own number."""

    title: Line | None
    kind: str
    number: str
    page: int | None


def find_sections(layout: Layout) -> list[dict[str, object]]:
    """Sections of a packet with their page ranges."""
    covers = [_cover(page) for page in layout.pages]
    starts: list[int] = []
    for index, cover in enumerate(covers):
        first = covers[starts[-1]] if starts else cover
        other = cover.kind != first.kind or cover.number not in ("", first.number)
        titled = cover.kind != "document" and other
        if not starts or (titled if cover.page is None else cover.page == 1):
            starts.append(index)
    return [
        {
            "section_id": f"s{number}",
            "name": title.text if (title := covers[start].title) else "Document",
            "kind": covers[start].kind,
            "start_page_index": start,
            "end_page_index": end - 1,
            "page_count": end - start,
            "region_ids": [title.region_id] if title else [],
        }
        for number, (start, end) in enumerate(pairwise([*starts, len(covers)]), 1)
    ]


def document_kind(layout: Layout) -> str:
    """Kind of document by its first page."""
    return _cover(layout.pages[0]).kind if layout.pages else "document"


def kind_of(text: str) -> str:
    """Kind that a text names first, or `document`."""
    match = _KIND.search(text)
    return (match and match.lastgroup) or "document"


def _cover(page: PageLayout) -> _Cover:
    title, kind = _title(page)
    names = names_of(_NUMBERS.get(kind, "invoice_number"))
    found = ((fit(names, pair.label), part_of_kind(pair.value, "id")) for pair in page_pairs(page))
    numbers = {score: number for score, number in found if score >= 0.6 and number}
    ends = (*reversed(page.lines[-4:]), *page.lines[:4])
    counts = [int(match[1]) for line in ends if (match := _COUNT.search(line.text))]
    return _Cover(title, kind, numbers[max(numbers)] if numbers else "", counts[0] if counts else None)


def _title(page: PageLayout) -> tuple[Line | None, str]:
    """Line with the page's title, and the kind of document it names."""
    top = [line for line in page.lines if line.box[1] < 0.4 * page.page.height]
    bold = {line for block in page.blocks if block.kind == "heading" for line in block.lines}
    headings = [line for line in top if line in bold]
    named = [line for line in headings or top[:5] if _KIND.search(line.text) and len(line.text) <= 80]
    title = max(named or headings or page.lines[:1], key=lambda line: line.height, default=None)
    if title and named:
        return title, kind_of(title.text)
    return title, "letter" if any(re.match(r"Dear\s", line.text) for line in page.lines) else "document"
