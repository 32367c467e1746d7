"""Answer questions: rank a document's passages by BM25 and quote the best ones."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest

from docspeed_cli.sandbox.labels import fit, names_of, tokens
from docspeed_cli.sandbox.layout import Block, Layout
from docspeed_cli.sandbox.lines import Line
from docspeed_cli.sandbox.pairs import page_pairs
from docspeed_cli.sandbox.tables import Table
from docspeed_cli.sandbox.views import is_prose, line_view

NOTHING = "Nothing in the documents matches this question."
MAX_QUOTES = 3

_K1, _B = 1.2, 0.75
_STOP = re.compile(
    "what|which|who|whom|whose|when|where|why|how|much|many|is|are|was|were|be|been|do|does|did|has|have|had|its?|"
    "th[ia]s|that|these|those|there|here|i|you|we|they|me|my|our|your|he|she|to|from|by|at|with|as|or|not|any|all|"
    "some|tell|show|give|find|list|please|sa(?:y|id|ys)|ca?n|could|would|should|will|about|documents?|file|page|also|"
    "then|than|so|but|if|into|per|get|s|charged|"
    "wie|was|wer|wann|wo|welche[rs]?|lautet|hoch|ist|der|die|das|quel(?:le)?s?|qui|quand|combien|est|les?"
)


@dataclass(frozen=True, slots=True)
class _Unit:
    """A passage quoted as a whole: a label and its value, a row, a paragraph, or a heading and its text."""

    document: int
    lines: tuple[Line, ...]
    quote: str
    label: str = ""
    role: str = ""  # the party that it is about: the line of a GSTIN does not say whose it is


def ask(
    documents: Sequence[tuple[str, Layout]], query: str, previous: Sequence[str], grounded: bool
) -> dict[str, object]:
    """Answer with citations; if the question matches nothing, the last two questions are added to it."""
    units = [unit for number, (_, layout) in enumerate(documents) for unit in _units(number, layout)]
    found = _best(units, query) or _best(units, f"{query} {' '.join(previous[-2:])}")
    quotes = []
    for unit in found:
        document = f" of document {unit.document + 1}" if len(documents) > 1 else ""
        quotes.append(f"“{unit.quote}” (page {unit.lines[0].page_index + 1}{document})")
    citations = [
        {"doc_id": documents[number][0], "regions": [_region(line) for unit in cited for line in unit.lines]}
        for number, cited in groupby(found if grounded else [], key=lambda unit: unit.document)
    ]
    return {"answer": "\n".join(quotes) or NOTHING, "citations": citations}


def _region(line: Line) -> dict[str, object]:
    return {"page_index": line.page_index, **line_view(line)}


def _terms(text: str) -> Iterator[str]:
    for word in tokens(text):
        if not _STOP.fullmatch(word):
            yield word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word


def _best(units: Sequence[_Unit], query: str) -> list[_Unit]:
    """At most three best units, in the documents' order."""
    wanted = list(dict.fromkeys(_terms(query[:2000])))
    names = names_of(" ".join(wanted))
    scores = [
        # A line alone, such as a title, tells less than a label with its value.
        score * (1 + fit(names, unit.label) if unit.label or len(unit.lines) > 1 else 0.5)
        for unit, score in zip(units, _bm25(units, wanted), strict=True)
    ]
    ranked = sorted(range(len(units)), key=lambda index: -scores[index])[:MAX_QUOTES]
    top = max(scores, default=0.0)
    chosen = [units[index] for index in sorted(ranked) if scores[index] >= 0.8 * top > 0]
    chosen = list({frozenset(unit.lines): unit for unit in chosen}.values())
    return [unit for unit in chosen if not any(set(unit.lines) < set(other.lines) for other in chosen)]


def _bm25(units: Sequence[_Unit], wanted: Sequence[str]) -> Iterator[float]:
    terms = [Counter(_terms(f"{unit.quote} {unit.role}")) for unit in units]
    mean = sum(map(Counter.total, terms)) / len(units) if any(terms) else 1.0
    having = Counter(term for counts in terms for term in counts)
    rarity = {term: math.log(1 + (len(units) - having[term] + 0.5) / (having[term] + 0.5)) for term in wanted}
    for counts in terms:
        norm = _K1 * (1 - _B + _B * counts.total() / mean)
        yield sum(rarity[term] * counts[term] * (_K1 + 1) / (counts[term] + norm) for term in wanted)


def _units(document: int, layout: Layout) -> Iterator[_Unit]:
    for page in layout.pages:
        quoted = {line for table in page.tables for line in table.lines}
        for pair in page_pairs(page):
            if pair.lines[-1] not in quoted:
                quoted.update(pair.lines)
                yield _Unit(document, pair.lines, f"{pair.label}: {pair.value}", pair.label, pair.role)
        for block, following in zip_longest(page.blocks, page.blocks[1:]):
            if block.table:
                yield from _table_units(document, block.table)
            elif block.kind == "heading":
                yield _heading_unit(document, block, following)
            elif is_prose(block):
                yield _Unit(document, tuple(block.lines), " ".join(line.text for line in block.lines))
            else:
                rows = (row for row in block.rows if not quoted.issuperset(row))
                yield from (_Unit(document, row, "  ".join(line.text for line in row)) for row in rows)


def _table_units(document: int, table: Table) -> Iterator[_Unit]:
    for cells in table.rows():
        named = [(table.columns[column], cells[column]) for column in sorted(cells)]
        quote = "; ".join(f"{head}: {cell.value}" if head else cell.value for head, cell in named)
        lines = tuple(line for _, cell in named for line in cell.lines)
        yield _Unit(document, lines, quote, named[0][1].value)


def _heading_unit(document: int, block: Block, following: Block | None) -> _Unit:
    """Unit for a heading, with the paragraph below it."""
    rows = following.rows[:4] if following and following.kind == "paragraph" else []
    text = ", ".join(": ".join(line.text.rstrip(",:") for line in row) for row in rows)
    lines = (*block.lines, *(line for row in rows for line in row))
    return _Unit(document, lines, f"{block.text}: {text}" if text else block.text, block.text if text else "")
