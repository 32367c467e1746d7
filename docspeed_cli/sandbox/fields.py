"""Extract fields: read a schema, current or older, and find each field's value with its evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from docspeed_cli.sandbox.errors import refusal
from docspeed_cli.sandbox.items import Field, ItemTable, line_items
from docspeed_cli.sandbox.labels import ROLES, TABLE, Name, best_fit, is_known, names_of, role_of, tokens
from docspeed_cli.sandbox.layout import Layout
from docspeed_cli.sandbox.lines import Line
from docspeed_cli.sandbox.pairs import COMPANY, Pair, page_pairs
from docspeed_cli.sandbox.values import Value, normalise, part_of_kind

MAX_FIELDS = 1000  # bounds the work for one request

_MEMBERS = {"fields", "tables", "invoice_level_fields", "line_item_structures"}
_EXPECTED = "the schema can't be used: it needs 'fields' or 'tables', lists of objects with a 'key'"


class Schema(NamedTuple):
    """A schema: its document class, fields and tables of line items."""

    doc_class: str | None
    fields: tuple[Field, ...]
    tables: tuple[ItemTable, ...]


class _Found(NamedTuple):
    """Candidate value with the lines it was read from."""

    value: Value
    lines: tuple[Line, ...]
    score: float


def read_schema(given: dict[str, Any]) -> Schema:
    """Parse a schema in the current or the older form. `ApiError` if it is neither."""
    if not _MEMBERS.intersection(given):
        raise refusal(422, "invalid_schema", _EXPECTED)
    try:
        form = given if {"fields", "tables"} & given.keys() else _from_older(given)
        fields = tuple(map(_field, form.get("fields") or ()))
        tables = tuple(
            ItemTable(_key(table), tuple(map(_field, table.get("fields") or ())))
            for table in form.get("tables") or ()
        )
    except (AttributeError, KeyError, TypeError, RecursionError):  # of some other form
        raise refusal(422, "invalid_schema", _EXPECTED) from None
    if len(fields) + sum(len(table.fields) for table in tables) > MAX_FIELDS:
        raise refusal(422, "invalid_schema", f"the schema has more than {MAX_FIELDS} fields")
    named = given.get("doc_class")
    return Schema(named if isinstance(named, str) else None, fields, tables)


def _key(item: dict[str, Any]) -> str:
    return str(item.get("key") or item["name"])


def _field(item: dict[str, Any]) -> Field:
    about = str(item.get("description") or "").strip()
    kind = str(item.get("type") or "string").lower()
    return Field(_key(item), about, kind, item.get("array") is True)


def _from_older(given: dict[str, Any]) -> dict[str, Any]:
    """Current form of a schema in the older form."""
    tables = given.get("line_item_structures") or {}
    return {
        "fields": list(_flat(given.get("invoice_level_fields") or {}, "")),
        "tables": [
            {"key": name, "fields": [_target(str(target)) for target in table["target_fields"]]}
            for name, table in tables.items()
        ],
    }


def _flat(given: dict[str, Any], prefix: str) -> Iterator[dict[str, str]]:
    """Fields of nested objects, with dotted keys; each is written as `type: description`."""
    for name, about in given.items():
        if isinstance(about, dict):
            yield from _flat(about, f"{prefix}{name}.")
        else:
            kind, colon, description = str(about).partition(":")
            yield {"key": prefix + name, "type": kind.strip(), "description": description if colon else kind}


def _target(text: str) -> dict[str, str]:
    """Field written as `name (type): description`."""
    name, _, description = text.partition(":")
    name, _, kind = name.partition("(")
    return {"key": name.strip(), "type": kind.strip(" )"), "description": description}


def extract(layout: Layout, schema: Schema) -> dict[str, object]:
    """Payload: the fields with their evidence, and the line items."""
    pairs = [pair for page in layout.pages for pair in page_pairs(page)]
    return {
        "doc_class": schema.doc_class,
        "fields": {
            field.key: _field_view(field, _candidates(field, layout, pairs)) for field in schema.fields
        },
        "line_items": {table.key: line_items(table, layout.tables) for table in schema.tables},
    }


def _field_view(field: Field, candidates: Iterable[_Found]) -> dict[str, object]:
    found = sorted(candidates, key=lambda candidate: -candidate.score)
    if not found:
        return {"value": [] if field.array else None, "region_ids": []}
    kept = found[:1]
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


def _candidates(field: Field, layout: Layout, pairs: list[Pair]) -> Iterator[_Found]:
    """Yield every candidate for the field's value."""
    *parents, name = field.key.split(".")
    parent = next(filter(role_of, reversed(parents)), "".join(parents[-1:]))
    if role_of(parent) or is_known(f"{parent} {name}"):  # `seller.name`, `invoice.number`
        name = f"{parent} {name}"
    words = tokens(name)
    role = next((role for role in ROLES if role in words), "")
    attribute = " ".join(word for word in words if word != role)
    if role:
        own = (pair for pair in pairs if pair.role == role)
        yield from _of_pairs(field, names_of(attribute or "name"), own)
    yield from _of_pairs(field, names_of(name, field.description), pairs)
    if role == "seller" and attribute in ("", "name"):
        # The name may have no label: it is then a company's, among the first lines.
        top = (line for line in islice(layout.lines, 3) if len(line.text) <= 80 and ":" not in line.text)
        yield from (_Found(line.text, (line,), 0.5) for line in top if COMPANY.search(line.text))
    if attribute.endswith("currency"):
        signs = [(code, re.compile(sign)) for code, sign in TABLE["currencies"].items()]
        found = ((code, line) for line in layout.lines for code, sign in signs if sign.search(line.text))
        yield from (_Found(code, (line,), 0.6) for code, line in islice(found, 1))


def _of_pairs(field: Field, names: list[Name], pairs: Iterable[Pair]) -> Iterator[_Found]:
    for pair in pairs:
        fits, kind = best_fit(names, pair.label)
        score = fits * pair.sure
        value = normalise(part_of_kind(pair.value, kind), field.type) if score >= 0.45 else None
        if value is not None:
            yield _Found(value, pair.lines, score)
