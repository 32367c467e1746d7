"""Extract fields: read a schema in either form, and find each field's value with its evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from docspeed_cli.sandbox.errors import ApiError, refusal
from docspeed_cli.sandbox.items import Field, ItemTable, line_items
from docspeed_cli.sandbox.labels import (
    COMPANY,
    CURRENCIES,
    ROLES,
    Name,
    best_fit,
    is_known,
    names_of,
    role_of,
    tokens,
)
from docspeed_cli.sandbox.layout import Layout
from docspeed_cli.sandbox.lines import Line
from docspeed_cli.sandbox.pairs import BESIDE, Pair, Party, find_pairs, find_parties, split_pair
from docspeed_cli.sandbox.values import Value, kinds_of, normalise, part_of_kind

MAX_FIELDS = 1000  # bounds the work for one request

_TYPED = re.compile(r"\s*(?P<type>\w+)\s*:\s*(?P<description>.*)", re.DOTALL)
_TARGET = re.compile(
    r"\s*(?P<name>[^(:]+?)\s*(?:\((?P<type>[^)]*)\))?\s*(?::\s*(?P<description>.*))?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema: its document class, fields and tables of line items."""

    doc_class: str | None
    fields: tuple[Field, ...]
    tables: tuple[ItemTable, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """Candidate value with the lines it was read from."""

    value: Value
    lines: tuple[Line, ...]
    score: float


def read_schema(given: dict[str, Any]) -> Schema:
    """Parse a schema in the current or the older form. `ApiError` if it is neither."""
    named = given.get("doc_class")
    doc_class = named if isinstance(named, str) else None
    if "invoice_level_fields" in given or "line_item_structures" in given:
        fields = tuple(_older_fields(given.get("invoice_level_fields") or {}, ""))
        tables = tuple(_older_tables(given.get("line_item_structures") or {}))
    elif "fields" in given or "tables" in given:
        fields = tuple(_field(item) for item in _listed(given, "fields"))
        tables = tuple(
            ItemTable(_key(item), tuple(_field(field) for field in _listed(item, "fields")))
            for item in _listed(given, "tables")
        )
    else:
        raise _bad_schema("it has neither 'fields' and 'tables' nor 'invoice_level_fields'")
    if len(fields) + sum(len(table.fields) for table in tables) > MAX_FIELDS:
        raise _bad_schema(f"it has more than {MAX_FIELDS} fields")
    return Schema(doc_class, fields, tables)


def _bad_schema(why: str) -> ApiError:
    return refusal(422, "invalid_schema", f"the schema can't be used: {why}")


def _listed(given: dict[str, object], name: str) -> list[dict[str, object]]:
    items = given.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _bad_schema(f"{name!r} is not a list of objects")
    return items


def _key(item: dict[str, object]) -> str:
    key = item.get("key") or item.get("name")
    if not isinstance(key, str):
        raise _bad_schema("a field or table has no 'key'")
    return key


def _field(item: dict[str, object]) -> Field:
    about, kind = item.get("description"), item.get("type")
    return Field(_key(item), str(about or ""), str(kind or "string").lower(), item.get("array") is True)


def _older_fields(given: object, prefix: str) -> Iterator[Field]:
    if not isinstance(given, dict):
        raise _bad_schema("'invoice_level_fields' is not an object")
    for name, about in given.items():
        if isinstance(about, dict):
            if prefix.count(".") > 20:  # before Python's own limit on recursion
                raise _bad_schema("it is nested too deeply")
            yield from _older_fields(about, f"{prefix}{name}.")
            continue
        match = _TYPED.fullmatch(str(about))
        kind, description = (match["type"].lower(), match["description"]) if match else ("string", str(about))
        yield Field(f"{prefix}{name}", description, kind)


def _older_tables(given: object) -> Iterator[ItemTable]:
    if not isinstance(given, dict):
        raise _bad_schema("'line_item_structures' is not an object")
    for name, table in given.items():
        targets = table.get("target_fields") if isinstance(table, dict) else None
        if not isinstance(targets, list):
            raise _bad_schema(f"the line items {name!r} have no list of 'target_fields'")
        yield ItemTable(str(name), tuple(_target(str(target)) for target in targets))


def _target(text: str) -> Field:
    match = _TARGET.fullmatch(text)
    if not match:
        return Field(text.strip())
    return Field(match["name"], match["description"] or "", (match["type"] or "string").lower())


def extract(layout: Layout, schema: Schema) -> dict[str, object]:
    """Payload: the fields with their evidence, and the line items."""
    pairs, parties = find_pairs(layout), find_parties(layout)
    return {
        "doc_class": schema.doc_class,
        "fields": {
            field.key: _field_view(field, _candidates(field, layout, pairs, parties))
            for field in schema.fields
        },
        "line_items": {table.key: line_items(table, layout.tables) for table in schema.tables},
    }


def _field_view(field: Field, candidates: Iterable[_Found]) -> dict[str, object]:
    found = sorted(candidates, key=lambda candidate: -candidate.score)
    if not found:
        return {"value": [] if field.array else None, "region_ids": []}
    kept = [found[0]]
    if field.array:
        close = (candidate for candidate in found if candidate.score >= found[0].score - 0.04)
        kept = list({candidate.value: candidate for candidate in close}.values())
    lines = list(dict.fromkeys(line for candidate in kept for line in candidate.lines))
    return {
        "value": [candidate.value for candidate in kept] if field.array else kept[0].value,
        "region_ids": [line.region_id for line in lines],
        "page_index": lines[0].page_index,
        "text": " ".join(line.text for line in lines),
    }


def _candidates(field: Field, layout: Layout, pairs: list[Pair], parties: list[Party]) -> Iterator[_Found]:
    """Yield every candidate for the field's value."""
    name = _name(field.key)
    words = tokens(name)
    role = next((role for role in ROLES if role in words and not {"order", "po"}.intersection(words)), "")
    attribute = tuple(word for word in words if word != role)
    for party in parties:
        if party.role == role:
            yield from _in_block(field, attribute, party, pairs)
    names = names_of(name, field.description, kinds=kinds_of(field.type))
    yield from _of_pairs(field, names, pairs)
    if role == "seller" and attribute in ((), ("name",)):
        yield from _company(layout)
    if attribute[-1:] == ("currency",):
        yield from _currency(layout)


def _name(key: str) -> str:
    """Name to search for: the last part of a key, or the last two of `seller.name` and `invoice.number`."""
    *parents, last = key.split(".")
    both = f"{parents[-1]} {last}" if parents else last
    return both if is_known(both) or (parents and role_of(parents[-1])) else last


def _of_pairs(field: Field, names: list[Name], pairs: Iterable[Pair]) -> Iterator[_Found]:
    for pair in pairs:
        fits, kind = best_fit(names, pair.label)
        score = fits * pair.sure
        value = normalise(part_of_kind(pair.value, kind), field.type) if score >= 0.45 else None
        if value is not None and len(str(value)) <= 300:
            yield _Found(value, pair.lines, score)


def _in_block(field: Field, attribute: tuple[str, ...], party: Party, pairs: list[Pair]) -> Iterator[_Found]:
    own = [pair for pair in pairs if pair.sure >= BESIDE and set(pair.lines) <= set(party.lines)]
    found = list(_of_pairs(field, names_of("_".join(attribute) or "name"), own))
    yield from found
    labelled = {line for pair in own for line in pair.lines}
    plain = [line for line in party.lines if line not in labelled and not line.text.endswith(":")]
    if attribute in ((), ("name",)) and plain and not found and not re.search(r"\d$|^\d|@", plain[0].text):
        yield _Found(plain[0].text, (plain[0],), 0.99)
    elif attribute == ("address",) and len(plain) > 1:
        yield _Found(", ".join(line.text.rstrip(",") for line in plain[1:]), tuple(plain[1:]), 0.99)


def _company(layout: Layout) -> Iterator[_Found]:
    """Issuer of a document without a label for it: a company's name that is among the first lines."""
    for line in layout.pages[0].lines[:3] if layout.pages else ():
        if COMPANY.search(line.text) and len(line.text) <= 80 and split_pair(line) is None:
            yield _Found(line.text, (line,), 0.5)


def _currency(layout: Layout) -> Iterator[_Found]:
    """First currency mentioned in the document."""
    mentions = ((code, line) for line in layout.lines for code, sign in CURRENCIES if sign.search(line.text))
    for code, line in islice(mentions, 1):
        yield _Found(code, (line,), 0.6)
