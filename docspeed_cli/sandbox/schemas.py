"""Build a schema from documents, from instructions, or from both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, replace

from docspeed_cli.sandbox.items import Field
from docspeed_cli.sandbox.labels import RULES, TABLE, fit, is_known, known_kinds, names_of, snake, tokens
from docspeed_cli.sandbox.layout import Layout
from docspeed_cli.sandbox.lines import is_label
from docspeed_cli.sandbox.pairs import BELOW, Pair, page_pairs
from docspeed_cli.sandbox.sections import document_kind, kind_of
from docspeed_cli.sandbox.tables import Table, is_total
from docspeed_cli.sandbox.values import guess_type, parse_number

MAX_FIELDS = 200

_DESCRIPTION = names_of("description", column=True)
# What stands around a field's name in a request: "please extract the … from this invoice".
_LEAD = re.compile(rf"^(?:(?:{RULES['asking']})\b[\s:]*)+", re.IGNORECASE)
_DOCUMENT = rf"(?:{RULES['asked']})s?"
_TAIL = re.compile(rf"\s+(?:from|of|on|in|for) (?:(?:{RULES['asking']}) )*{_DOCUMENT}\b.*$", re.IGNORECASE)
_ITEMS = re.compile(
    r"\b(?:line items?|items table|items|positions|products|rows)\b\s*(?:each )?"
    r"(?:\((?P<listed>[^)]*)\)|(?:with|:|including)\s+(?P<named>[^.;\n]*))?",
    re.IGNORECASE,
)
_NOTE = re.compile(r"\(\d+\)|@?\s*\d+(?:[.,]\d+)?\s*%")  # a number in brackets, or the rate of a tax
_DEFAULT_COLUMNS = "description, quantity, unit price, amount"


def build(layouts: list[Layout], instructions: str) -> dict[str, object]:
    """Schema that the extract operation accepts: fields and columns asked for come first."""
    kinds = [document_kind(layout) for layout in layouts] or [kind_of(instructions)]
    doc_class = max(kinds, key=kinds.count)
    prefix = f"{doc_class}." if doc_class != "document" else ""
    text = instructions[:20_000]
    items = _ITEMS.search(text)
    columns = _nouns(items["listed"] or items["named"] or _DEFAULT_COLUMNS) if items else []
    common: dict[str, list[Field]] = {}
    for field in (field for layout in layouts for field in _fields(layout).values()):
        common.setdefault(field.key, []).append(field)
    fields = {field.key: field for field in _nouns(_ITEMS.sub(",", text, count=1))}
    for same in sorted(common.values(), key=lambda same: -len(same)):
        alike = all(field.type == same[0].type for field in same)
        fields.setdefault(same[0].key, same[0] if alike else replace(same[0], type="string"))
    tables = {"line_items": {column.key: column for column in columns}} if columns else {}
    for key, column in (found for layout in layouts for found in _columns(layout)):
        tables.setdefault(key, {}).setdefault(column.key, column)
    return {
        "doc_class": doc_class,
        "fields": [asdict(replace(f, key=prefix + f.key)) for f in list(fields.values())[:MAX_FIELDS]],
        "tables": [
            {"key": key, "description": "One row each", "fields": [asdict(c) for c in columns.values()]}
            for key, columns in tables.items()
        ],
    }


def _fields(layout: Layout) -> dict[str, Field]:
    """Fields of one document: every label with a value, each key once."""
    fields: dict[str, Field] = {}
    for pair in (pair for page in layout.pages for pair in page_pairs(page)):
        pair = pair._replace(label=" ".join(_NOTE.sub("", pair.label).split()))
        if _names_something(pair):
            of = f" of the {pair.role}" if pair.role else ""
            key = snake(f"{pair.role} {pair.label}")
            fields.setdefault(key, Field(key, pair.label + of, _type(pair.label, [pair.value])))
    return fields


def _names_something(pair: Pair) -> bool:
    """True if a label can be a field's name, and is not a sentence before a colon."""
    sentence = re.search(r"\d{2}|[.;,]\s|^page\b", pair.label, re.IGNORECASE)
    if sentence or not snake(pair.label) or len(pair.label.split()) > 5:
        return False
    if is_known(pair.label) or pair.sure == 1.0:
        return True
    named = is_label(pair.label) or pair.lines[0].text.endswith(":")
    return named and (pair.sure > BELOW or parse_number(pair.value) is not None)


def _type(name: str, values: list[str] | None = None) -> str:
    """Type by the words of a name, and by its values if there are any."""
    words = {*tokens(name), name.split()[0].lower()}
    named = next((kind for kind, listed in TABLE["types"].items() if words.intersection(listed)), "")
    return guess_type(values) if values is not None and named != "string" else named or "string"


def _columns(layout: Layout) -> Iterator[tuple[str, Field]]:
    """Columns of a document's tables, each with its table's key; tables with the same headings are one."""
    numbers: dict[tuple[str, ...], int] = {}
    for table in layout.tables:
        rows = [cells for cells in table.rows() if not is_total(cells, len(table.columns))]
        for at, heading in enumerate(table.columns):
            if name := snake(heading):
                number = numbers.setdefault(tuple(table.columns), len(numbers) + 1)
                kind = _type(heading, [row[at].value for row in rows if at in row])
                key = _table_key(table) or f"table_{number}"
                yield key, Field("line_number" if name == "number" else name, heading, kind)


def _table_key(table: Table) -> str:
    """`line_items` for a table of these, or its title as a key, or an empty text."""
    described = any(fit(_DESCRIPTION, heading) >= 0.75 for heading in table.columns)
    known = sum(bool(known_kinds(heading, column=True)) for heading in table.columns)
    return "line_items" if described and known > 1 else snake(table.title or "")


def _nouns(text: str) -> list[Field]:
    """Fields named in a list with commas, line breaks and "and"."""
    parts = re.split(r"[,;\n•]|\.\s|\.$|\s-\s|\band\b|&|\bor\b|:\s", text)
    nouns = [_TAIL.sub("", _LEAD.sub("", part.strip(" .-*\t"))).strip(" .:'\"()") for part in parts]
    return [
        Field(snake(noun), noun[0].upper() + noun[1:], _type(noun))
        for noun in nouns
        if snake(noun) and len(noun.split()) <= 5 and not re.fullmatch(rf"(?:\w+ )?{_DOCUMENT}", noun, re.I)
    ]
