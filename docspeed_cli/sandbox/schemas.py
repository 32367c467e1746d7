"""Build a schema from documents, from instructions, or from both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace

from docspeed_cli.sandbox.items import Field
from docspeed_cli.sandbox.labels import TYPES, fit, is_known, names_of, snake, tokens
from docspeed_cli.sandbox.layout import Layout
from docspeed_cli.sandbox.lines import is_label
from docspeed_cli.sandbox.pairs import BELOW, Pair, find_pairs
from docspeed_cli.sandbox.sections import document_kind, kind_of
from docspeed_cli.sandbox.tables import Table, is_total
from docspeed_cli.sandbox.values import guess_type, parse_number

MAX_FIELDS = 200

_ITEM_COLUMNS = ("quantity", "rate", "amount")
_DOCUMENTS = r"(?:invoice|bill|receipt|(?:purchase )?order|document|contract|statement|pdf|file)s?"
_LEAD = re.compile(
    r"^(?:(?:please|kindly|can you|could you|i|we|want|need|would like|to|extract|get|give me|find|"
    r"pull( out)?|capture|read|return|build|make|create|a|an|the|schema|fields?|following|values?|for|with|"
    r"all|each|every|its|their|also|list of|of|from|as well as|including|include|plus|"
    r"whether (?:it|they|the \w+))\b[\s:]*)+",
    re.IGNORECASE,
)
_TAIL = re.compile(
    rf"\s+(?:from|of|on|in|for) (?:the |an? |each |every |these |this |all )?{_DOCUMENTS}\b.*$", re.IGNORECASE
)
_ITEMS = re.compile(
    r"\b(?:line items?|items table|items|positions|products|rows)\b\s*(?:each )?"
    r"(?:\((?P<listed>[^)]*)\)|(?:with|:|including)\s+(?P<named>[^.;\n]*))?",
    re.IGNORECASE,
)
_DEFAULT_COLUMNS = "description, quantity, unit price, amount"


def build(layouts: list[Layout], instructions: str) -> dict[str, object]:
    """Schema that the extract operation accepts: fields and columns asked for come first."""
    kinds = [document_kind(layout) for layout in layouts] or [kind_of(instructions)]
    doc_class = max(kinds, key=kinds.count)
    prefix = f"{doc_class}." if doc_class != "document" else ""
    asked, columns = _read_instructions(instructions[:20_000])
    common = _by_key(field for layout in layouts for field in _fields(layout))
    fields = {field.key: field for field in asked}
    for same in sorted(common.values(), key=lambda same: -len(same)):
        alike = all(field.type == same[0].type for field in same)
        fields.setdefault(same[0].key, same[0] if alike else replace(same[0], type="string"))
    tables = {"line_items": columns} if columns else {}
    for key, column in (found for layout in layouts for found in _columns(layout)):
        tables.setdefault(key, []).append(column)
    return {
        "doc_class": doc_class,
        "fields": [asdict(replace(f, key=prefix + f.key)) for f in list(fields.values())[:MAX_FIELDS]],
        "tables": [
            {
                "key": key,
                "description": "One row each",
                "fields": [asdict(same[0]) for same in _by_key(columns).values()],
            }
            for key, columns in tables.items()
        ],
    }


def _by_key(fields: Iterable[Field]) -> dict[str, list[Field]]:
    """Fields with the same key together."""
    shared: dict[str, list[Field]] = {}
    for field in fields:
        shared.setdefault(field.key, []).append(field)
    return shared


def _fields(layout: Layout) -> Iterator[Field]:
    """Fields of one document: every label with a value, each key once."""
    fields: dict[str, Field] = {}
    for pair in find_pairs(layout):
        key = "_".join(filter(None, (pair.role, snake(pair.label))))
        if snake(pair.label) and _names_something(pair):
            about = f"{pair.label} of the {pair.role}" if pair.role else pair.label
            fields.setdefault(key, Field(key, about, _type(pair.label, [pair.value])))
    yield from fields.values()


def _names_something(pair: Pair) -> bool:
    """True if a label can be a field's name, and is not a sentence before a colon."""
    label = re.sub(r"\(\d+\)", "", pair.label)
    if not 1 <= len(label.split()) <= 5 or re.search(r"\d{2}|[.;,]\s|^page\b", label, re.IGNORECASE):
        return False
    if is_known(pair.label) or pair.sure == 1.0:
        return True
    named = is_label(pair.label) or pair.lines[0].text.endswith(":")
    return named and (pair.sure > BELOW or parse_number(pair.value) is not None)


def _type(label: str, values: list[str]) -> str:
    return guess_type(values) if set(TYPES["string"]).isdisjoint(tokens(label)) else "string"


def _named_type(name: str) -> str:
    """Type by the words of a name."""
    words = {*tokens(name), name.split()[0].lower()}
    return next((kind for kind, listed in TYPES.items() if words.intersection(listed)), "string")


def _columns(layout: Layout) -> Iterator[tuple[str, Field]]:
    """Columns of a document's tables, each with its table's key; tables with the same headings are one."""
    numbers: dict[tuple[str, ...], int] = {}
    for table in layout.tables:
        if any(table.columns):
            number = numbers.setdefault(tuple(table.columns), len(numbers) + 1)
            key = _table_key(table) or f"table_{number}"
            rows = [cells for cells in table.rows() if not is_total(cells, len(table.columns))]
            for at, heading in enumerate(table.columns):
                name = (
                    snake(heading).replace("number", "line_number")
                    if snake(heading) == "number"
                    else snake(heading)
                )
                if name:
                    yield (
                        key,
                        Field(name, heading, _type(heading, [row[at].value for row in rows if at in row])),
                    )


def _table_key(table: Table) -> str:
    """`line_items` for a table of these, or its title as a key, or an empty text."""

    def has(name: str) -> bool:
        return any(fit(names_of(name, column=True), heading) >= 0.75 for heading in table.columns)

    return "line_items" if has("description") and any(map(has, _ITEM_COLUMNS)) else snake(table.title or "")


def _read_instructions(text: str) -> tuple[list[Field], list[Field]]:
    """Fields that a text asks for, and columns of line items."""
    match = _ITEMS.search(text)
    if not match:
        return _nouns(text), []
    columns = match["listed"] or match["named"] or _DEFAULT_COLUMNS
    return _nouns(f"{text[: match.start()]},{text[match.end() :]}"), _nouns(columns)


def _nouns(text: str) -> list[Field]:
    """Fields named in a list with commas, line breaks and "and"."""
    parts = re.split(r"[,;\n•]|\.\s|\.$|\s-\s|\band\b|&|\bor\b|:\s", text)
    nouns = [_TAIL.sub("", _LEAD.sub("", part.strip(" .-*\t"))).strip(" .:'\"()") for part in parts]
    return [
        Field(snake(noun), noun[0].upper() + noun[1:], _named_type(noun))
        for noun in nouns
        if snake(noun) and len(noun.split()) <= 5 and not re.fullmatch(rf"(?:\w+ )?{_DOCUMENTS}", noun, re.I)
    ]
