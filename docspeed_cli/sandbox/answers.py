"""Answer questions: rank a document's passages by BM25 and quote the best ones."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docspeed_cli.sandbox.labels import fit, names_of, tokens
from docspeed_cli.sandbox.layout import Block, Layout
from docspeed_cli.sandbox.lines import Line, is_label, on_page
from docspeed_cli.sandbox.pairs import page_parties, split_pair
from docspeed_cli.sandbox.tables import Table
from docspeed_cli.sandbox.views import is_prose

NOTHING = "Nothing in the documents matches this question."
MAX_QUOTES = 3

_K1, _B = 1.2, 0.75
_STOP = re.compile(
    "what|which|who|whom|whose|when|where|why|how|much|many|is|are|was|were|be|been|do|does|did|has|have|had|its?|"
    "th[ia]s|that|these|those|there|here|i|you|we|they|me|my|our|your|he|she|to|from|by|at|with|as|or|not|any|all|"
    "some|tell|show|give|find|list|please|sa(?:y|id|ys)|ca?n|could|would|should|will|about|documents?|file|page|also|"
    "then|than|so|but|if|into|per|get|s"
)
_RELATED = {
    "cost": ("amount", "price", "rate", "total"), "price": ("rate",), "pay": ("payment", "due"),
    "owe": ("total", "due", "payable"), "deadline": ("due", "date"), "tax": ("gst", "cgst", "sgst"),
    "issue": ("date",), "phone": ("mobile", "tel"), "sum": ("total",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Unit:
    """A passage quoted as a whole: a label and its value, a row, a paragraph, or a heading and its text."""

    file_id: str
    lines: tuple[Line, ...]
    quote: str
    terms: Counter[str]
    label: str = ""


def ask(
    documents: Sequence[tuple[str, Layout]], query: str, previous: Sequence[str], grounded: bool
) -> dict[str, object]:
    """Answer with citations; if the question matches nothing, the last two questions are added to it."""
    units = [unit for file_id, layout in documents for unit in _units(file_id, layout)]
    found = _best(units, query)
    if not found and previous:
        found = _best(units, f"{query} {' '.join(previous[-2:])}")
    if not found:
        return {"answer": NOTHING, "citations": []}
    named = len(documents) > 1
    order = [file_id for file_id, _ in documents]
    quotes = [_quoted(unit, order.index(unit.file_id) + 1 if named else 0) for unit in found]
    return {"answer": "\n".join(quotes), "citations": _citations(found) if grounded else []}


def _quoted(unit: _Unit, document: int) -> str:
    where = f"page {unit.lines[0].page_index + 1}" + (f" of document {document}" if document else "")
    return f"“{unit.quote}” ({where})"


def _citations(units: Sequence[_Unit]) -> list[dict[str, object]]:
    regions: dict[str, list[dict[str, object]]] = {}
    for unit in units:
        regions.setdefault(unit.file_id, []).extend(
            {
                "page_index": line.page_index,
                "region_id": line.region_id,
                "bbox": on_page([line]),
                "text": line.text,
            }
            for line in unit.lines
        )
    return [{"doc_id": file_id, "regions": listed} for file_id, listed in regions.items()]


def _terms(text: str) -> Iterator[str]:
    for word in tokens(text):
        if not _STOP.fullmatch(word):
            yield word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word


def _best(units: Sequence[_Unit], query: str) -> list[_Unit]:
    """At most three best units, in the documents' order."""
    wanted = dict.fromkeys(_terms(query[:2000]), 1.0)
    for term in list(wanted):
        wanted |= {related: 0.5 for related in _RELATED.get(term, ()) if related not in wanted}
    names = names_of(" ".join(term for term, weight in wanted.items() if weight == 1.0)) if wanted else []
    scored = _bm25(units, wanted)
    for index, score in scored.items():
        if units[index].label:
            scored[index] = score * (1 + fit(names, units[index].label))
    top = max(scored.values(), default=0.0)
    chosen = sorted(scored, key=lambda index: -scored[index])[:MAX_QUOTES]
    return _apart([units[index] for index in chosen if scored[index] >= 0.8 * top > 0], units)


def _apart(chosen: Sequence[_Unit], units: Sequence[_Unit]) -> list[_Unit]:
    """Chosen units in the documents' order, without those contained in another one."""
    kept = [
        unit
        for unit in chosen
        if not any(unit is not other and set(unit.lines) < set(other.lines) for other in chosen)
    ]
    return sorted(kept, key=units.index)


def _bm25(units: Sequence[_Unit], wanted: dict[str, float]) -> dict[int, float]:
    lengths = [sum(unit.terms.values()) or 1 for unit in units]
    mean = sum(lengths) / len(lengths) if lengths else 1.0
    scores: dict[int, float] = {}
    for term, weight in wanted.items():
        having = [index for index, unit in enumerate(units) if unit.terms[term]]
        rarity = math.log(1 + (len(units) - len(having) + 0.5) / (len(having) + 0.5))
        for index in having:
            count = units[index].terms[term]
            damped = count * (_K1 + 1) / (count + _K1 * (1 - _B + _B * lengths[index] / mean))
            scores[index] = scores.get(index, 0.0) + weight * rarity * damped
    return scores


def _units(file_id: str, layout: Layout) -> Iterator[_Unit]:
    for page in layout.pages:
        roles = {line: party.role for party in page_parties(page) for line in party.lines}
        for index, block in enumerate(page.blocks):
            following = page.blocks[index + 1] if index + 1 < len(page.blocks) else None
            if block.table:
                yield from _table_units(file_id, block.table)
            elif block.kind == "heading":
                yield _heading_unit(file_id, block, following)
            else:
                yield from _paragraph_units(file_id, block, roles)


def _unit(file_id: str, lines: Sequence[Line], quote: str, indexed: str, label: str = "") -> _Unit:
    return _Unit(file_id, tuple(lines), quote, Counter(_terms(indexed)), label)


def _table_units(file_id: str, table: Table) -> Iterator[_Unit]:
    for cells in table.rows():
        named = [(table.columns[column], cells[column]) for column in sorted(cells)]
        quote = "; ".join(f"{head}: {cell.value}" if head else cell.value for head, cell in named)
        lines = [line for _, cell in named for line in cell.lines]
        yield _unit(file_id, lines, quote, quote, named[0][1].value)


def _heading_unit(file_id: str, block: Block, following: Block | None) -> _Unit:
    """Unit for a heading: indexed by its own words, quoted with the paragraph below it."""
    lines, quote = list(block.lines), block.text
    if following and following.kind == "paragraph":
        rows = following.rows[:4]
        lines += [line for row in rows for line in row]
        quote += ": " + ", ".join(": ".join(line.text.rstrip(",:") for line in row) for row in rows)
    return _unit(file_id, lines, quote, block.text, block.text)


def _paragraph_units(file_id: str, block: Block, roles: dict[Line, str]) -> Iterator[_Unit]:
    if is_prose(block):
        text = " ".join(line.text for line in block.lines)
        yield _unit(file_id, block.lines, text, text)
        return
    for index, row in enumerate(block.rows):
        pair = split_pair(row[0]) if len(row) == 1 else None
        label = row[0].text.rstrip(" :") if len(row) > 1 else pair.label if pair else ""
        quote = f"{label}: {'  '.join(line.text for line in row[1:])}" if len(row) > 1 else row[0].text
        lines = list(row)
        if len(row) == 1 and not pair and is_label(row[0].text) and index + 1 < len(block.rows):
            lines += block.rows[index + 1]  # a label alone on its line: the value is below
            quote += " " + " ".join(line.text for line in block.rows[index + 1])
        indexed = f"{quote} {roles.get(row[0], '')}"  # the line of a GSTIN does not say whose it is
        yield _unit(file_id, lines, re.sub(r":\s*:", ":", quote), indexed, label)
