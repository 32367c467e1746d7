"""Build a schema from documents, from instructions, or from both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from docspeed_cli.sandbox.instructions import read_instructions
from docspeed_cli.sandbox.items import Field, ItemTable
from docspeed_cli.sandbox.labels import fit, is_known, names_of, snake, tokens
from docspeed_cli.sandbox.layout import Layout
from docspeed_cli.sandbox.lines import is_label
from docspeed_cli.sandbox.pairs import BESIDE, Pair, find_pairs, find_parties, split_pair
from docspeed_cli.sandbox.sections import document_kind, kind_of
from docspeed_cli.sandbox.tables import Table, is_total
from docspeed_cli.sandbox.values import guess_type, parse_number

MAX_FIELDS = 200

_CODES = {"number", "code", "hsn", "sac", "gstin", "pan", "ifsc", "phone", "mobile", "fax", "pin", "zip"}
_ITEM_COLUMNS = ("description", "quantity", "rate", "amount")


def build(layouts: list[Layout], instructions: str) -> dict[str, object]:
    """Schema that the extract operation accepts."""
    kinds = [document_kind(layout) for layout in layouts] or [kind_of(instructions)]
    doc_class = max(kinds, key=kinds.count)
    asked, asked_tables = read_instructions(instructions)
    fields = _common([asked] if asked else [], [_fields(layout) for layout in layouts])
    tables = _merged([*asked_tables, *(table for layout in layouts for table in _tables(layout))])
    prefix = f"{doc_class}." if doc_class != "document" else ""
    return {
        "doc_class": doc_class,
        "fields": [_view(field, prefix) for field in fields[:MAX_FIELDS]],
        "tables": [
            {
                "key": table.key,
                "description": "One row each",
                "fields": [_view(field) for field in table.fields],
            }
            for table in tables
        ],
    }


def _view(field: Field, prefix: str = "") -> dict[str, object]:
    return {
        "key": prefix + field.key,
        "description": field.description,
        "type": field.type,
        "array": field.array,
    }


def _common(asked: list[list[Field]], found: list[list[Field]]) -> list[Field]:
    """Fields asked for, then those of the documents, the most common first."""
    shared: dict[str, list[Field]] = {}
    for field in (field for fields in found for field in fields):
        shared.setdefault(field.key, []).append(field)
    ordered = sorted(shared.values(), key=lambda same: -len(same))
    merged = [field for fields in asked for field in fields] + [_agreed(same) for same in ordered]
    return list({field.key: field for field in reversed(merged)}.values())[::-1]


def _agreed(same: list[Field]) -> Field:
    kinds = {field.type for field in same}
    return Field(same[0].key, same[0].description, kinds.pop() if len(kinds) == 1 else "string")


def _fields(layout: Layout) -> list[Field]:
    """Fields of one document: those of the parties, then every label with a value."""
    fields: dict[str, Field] = {}
    parties = find_parties(layout)
    for party in parties:
        fields.setdefault(f"{party.role}_name", Field(f"{party.role}_name", f"Name of the {party.role}"))
        for pair in (split_pair(line) for line in party.lines):
            key = pair and snake(pair.label)
            if pair and key:
                _add(fields, f"{party.role}_{key}", pair, f"{pair.label} of the {party.role}")
    taken = {line for party in parties for line in party.lines}
    for pair in find_pairs(layout):
        if not taken & set(pair.lines) and _names_something(pair):
            _add(fields, snake(pair.label), pair, pair.label)
    return list(fields.values())


def _add(fields: dict[str, Field], key: str, pair: Pair, description: str) -> None:
    if key:
        fields.setdefault(key, Field(key, description, _type(pair.label, [pair.value])))


def _names_something(pair: Pair) -> bool:
    """True if a label can be a field's name, and is not a sentence before a colon."""
    known = is_known(pair.label)
    label = re.sub(r"\(\d+\)", "", pair.label)
    if not 1 <= len(label.split()) <= 5 or re.search(r"\d{2}|[.;,]\s|^page\b", label, re.IGNORECASE):
        return False
    if not known and pair.sure < BESIDE and (len(pair.lines) > 1 or parse_number(pair.value) is None):
        return False
    colon = pair.sure == 1.0 if len(pair.lines) == 1 else pair.lines[0].text.endswith(":")
    return known or colon or is_label(pair.label)


def _type(label: str, values: list[str]) -> str:
    return "string" if _CODES & set(tokens(label)) and "percent" not in tokens(label) else guess_type(values)


def _tables(layout: Layout) -> Iterator[ItemTable]:
    """Tables of one document; tables with the same headings count once."""
    seen: set[tuple[str, ...]] = set()
    for table in layout.tables:
        headings = tuple(table.columns)
        if any(headings) and headings not in seen:
            seen.add(headings)
            fields = tuple(_column(table, column) for column, heading in enumerate(headings) if heading)
            yield ItemTable(_table_key(table, len(seen)), _unique(fields))


def _column(table: Table, column: int) -> Field:
    heading = table.columns[column]
    rows = [cells for cells in table.rows() if not is_total(cells, len(table.columns))]
    values = [cells[column].value for cells in rows if column in cells]
    key = snake(heading)
    return Field("line_number" if key == "number" else key, heading, _type(heading, values))


def _unique(fields: Iterable[Field]) -> tuple[Field, ...]:
    return tuple({field.key: field for field in fields if field.key}.values())


def _table_key(table: Table, number: int) -> str:
    fits = [
        name
        for name in _ITEM_COLUMNS
        if any(fit(names_of(name, column=True), head) >= 0.75 for head in table.columns)
    ]
    if "description" in fits and len(fits) > 1:
        return "line_items"
    return snake(table.title or "") or f"table_{number}"


def _merged(tables: Iterable[ItemTable]) -> list[ItemTable]:
    """Merge tables with the same key into one with all their columns."""
    merged: dict[str, ItemTable] = {}
    for table in tables:
        before = merged.get(table.key)
        fields = (*before.fields, *(f for f in table.fields if f.key not in {b.key for b in before.fields})) \
            if before else table.fields  # fmt: skip
        merged[table.key] = ItemTable(table.key, fields)
    return list(merged.values())
