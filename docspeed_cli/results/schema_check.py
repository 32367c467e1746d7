"""Alone in checking an extraction schema before it costs anything."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

KNOWN_TYPES = (
    "string",
    "number",
    "integer",
    "float",
    "boolean",
    "date",
    "datetime",
    "time",
    "currency",
    "percentage",
    "array",
    "object",
)
_DEEPEST = 20
_ALSO = frozenset(
    {"text", "str", "int", "bool", "decimal", "double", "amount", "money", "percent", "enum", "email", "url"}
    | {"address", "phone", "list"}
)
_JSON_FAULTS = {
    "Expecting value": "expected a value",
    "Expecting property name enclosed in double quotes": "expected a name in double quotes",
    "Expecting ':' delimiter": "expected ':' after the name",
    "Expecting ',' delimiter": "expected ',' or the end of the list or object",
    "Extra data": "expected the end, as the JSON is complete before this",
    "Invalid control character at": "expected an escape like `\\n` in place of a line break or control",
    "Unterminated string starting at": "expected a closing double quote for the text that starts here",
}
_TYPED = re.compile(r"\s*([A-Za-z][\w\[\]-]*)\s*(?::\s*(.*))?", re.DOTALL)
_TARGET = re.compile(r"\s*([^():]+?)\s*(?:\(([^()]*)\))?\s*(?::\s*(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Checked:
    """A schema as it was given, and what is to be said of it; one with faults is not worth sending."""

    schema: Any
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Found:
    """What a check has found so far."""

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    types: dict[str, list[str]] = field(default_factory=dict)
    fields: int = 0

    def fault(self, text: str) -> None:
        self.faults.append(text)

    def checked(self, schema: Any) -> Checked:
        for kind, places in self.types.items():
            where = places[0] + (f" (and {len(places) - 1} more)" if len(places) > 1 else "")
            unknown = f"{where} is {_quoted(kind)}, which the service may not know"
            self.warnings.append(f"{unknown}; known are {', '.join(KNOWN_TYPES)}")
        return Checked(
            schema, *(tuple(dict.fromkeys(said)) for said in (self.faults, self.warnings, self.notes))
        )


def check(text: str) -> Checked:
    """A schema's text, parsed and looked over: every fault with its place, at once."""
    found = _Found()
    try:
        schema = _parsed(text.removeprefix("\ufeff"), found)
        json.dumps(schema, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        return Checked(None, (_json_fault(error),))
    except UnicodeEncodeError:
        return Checked(None, ("a text in it holds half of a surrogate pair, which can't be sent",))
    except RecursionError:
        return Checked(None, ("it is nested too deeply",))
    except ValueError as error:
        return Checked(None, (f"it is not JSON: {error}",))
    if not found.faults:
        _check(schema, found)
    return found.checked(schema)


def _parsed(text: str, found: _Found) -> Any:
    """The JSON value; what JSON allows and a reader may stumble over is noted on the way."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        whole = dict(pairs)
        if len(whole) < len(pairs):
            twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
            names = ", ".join(map(_quoted, twice))
            found.warnings.append(f"an object has {names} more than once; only the last one counts")
        return whole

    def number(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            found.fault(f"{text[:40]} is too large a number")
        return value

    def constant(name: str) -> None:
        found.fault(f"{name} is not a value in JSON")

    return json.loads(text, object_pairs_hook=members, parse_float=number, parse_constant=constant)


def _json_fault(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "it is empty"
    said = _JSON_FAULTS.get(error.msg, error.msg.replace("Expecting", "expected", 1))
    if error.pos >= len(error.doc.rstrip()):
        said += ", and the text ends"
    return f"line {error.lineno}, column {error.colno}: {said[:1].lower()}{said[1:]}"


# -- the forms


def _check(schema: Any, found: _Found) -> None:
    if not isinstance(schema, dict):
        found.fault(f"a schema is an object, not {_kind(schema)}")
        return
    older = [name for name in ("invoice_level_fields", "line_item_structures") if name in schema]
    newer = [name for name in ("fields", "tables") if name in schema and not isinstance(schema[name], dict)]
    if not older and not newer:
        _unrecognised(schema, found)
        return
    if older and newer:
        found.warnings.append(f"it mixes both forms of a schema: {', '.join(newer)} and {', '.join(older)}")
    if newer:
        _check_fields(schema.get("fields", []), "fields", found)
        _check_tables(schema.get("tables", []), found)
    if older:
        _check_named(schema.get("invoice_level_fields", {}), "invoice_level_fields", found)
        _check_structures(schema.get("line_item_structures", {}), found)
    if not found.faults and not found.fields:
        found.fault("it names no field")


def _unrecognised(schema: dict[str, Any], found: _Found) -> None:
    if not any(isinstance(value, dict | list | str) and value for value in _content(schema)):
        found.fault("it names no field")
    elif "$schema" in schema or isinstance(schema.get("properties"), dict):
        found.notes.append("this looks like JSON Schema; it is sent as it is, and the service may refuse it")
    else:
        expected = "neither `fields`/`tables` lists nor `invoice_level_fields`/`line_item_structures`"
        found.notes.append(f"it has {expected}; it is sent as it is, and the service may refuse it")


def _content(schema: dict[str, Any]) -> Iterable[Any]:
    return (value for name, value in schema.items() if name not in ("doc_class", "sandbox", "$schema"))


def _check_fields(fields: Any, place: str, found: _Found, depth: int = 0) -> None:
    if not isinstance(fields, list):
        if not isinstance(fields, dict):
            found.fault(f"{place} must be a list, not {_kind(fields)}")
        return
    keys: dict[str, str] = {}
    for index, item in enumerate(fields):
        here = f"{place}[{index}]"
        if not isinstance(item, dict):
            found.fault(f"{here} must be an object, not {_kind(item)}")
            continue
        found.fields += 1
        _check_key(item, here, keys, found)
        _check_members(item, here, found)
        if "fields" in item:
            if depth < _DEEPEST:
                _check_fields(item["fields"], f"{here}.fields", found, depth + 1)
            else:
                found.fault(f"{here} is nested too deeply")


def _check_key(item: dict[str, Any], here: str, keys: dict[str, str], found: _Found) -> None:
    key = item.get("key")
    if "key" not in item:
        found.fault(f"{here}.key is missing")
    elif not isinstance(key, str) or not key.strip():
        found.fault(f"{here}.key must be a text with something in it, not {_quoted(key)}")
    elif key in keys:
        found.fault(f"{here}.key is {_quoted(key)}, like {keys[key]}.key")
    else:
        keys[key] = here


def _check_members(item: dict[str, Any], here: str, found: _Found) -> None:
    kind = item.get("type")
    if kind is not None and not isinstance(kind, str):
        found.fault(f"{here}.type must be a text, not {_quoted(kind)}")
    elif kind is not None:
        _check_type(kind, f"{here}.type", found)
    if not isinstance(item.get("array", False), bool | None):
        found.fault(f"{here}.array must be true or false, not {_quoted(item['array'])}")
    if not isinstance(item.get("description", ""), str | None):
        found.fault(f"{here}.description must be a text, not {_quoted(item['description'])}")


def _check_type(kind: str, here: str, found: _Found) -> None:
    word = kind.strip().lower().removesuffix("[]")
    if word not in KNOWN_TYPES and word not in _ALSO:
        found.types.setdefault(kind, []).append(here)


def _check_tables(tables: Any, found: _Found) -> None:
    if not isinstance(tables, list):
        if not isinstance(tables, dict):
            found.fault(f"tables must be a list, not {_kind(tables)}")
        return
    keys: dict[str, str] = {}
    for index, item in enumerate(tables):
        here = f"tables[{index}]"
        if not isinstance(item, dict):
            found.fault(f"{here} must be an object, not {_kind(item)}")
            continue
        _check_key(item, here, keys, found)
        if not isinstance(item.get("description", ""), str | None):
            found.fault(f"{here}.description must be a text, not {_quoted(item['description'])}")
        if item.get("fields") in (None, []):
            found.fault(f"{here}.fields is {'empty' if 'fields' in item else 'missing'}")
        else:
            _check_fields(item["fields"], f"{here}.fields", found)


def _check_named(fields: Any, place: str, found: _Found, depth: int = 0) -> None:
    """The older form's fields: names with `type: description`, or with an object of more of them."""
    if not isinstance(fields, dict):
        found.fault(f"{place} must be an object, not {_kind(fields)}")
        return
    for name, value in fields.items():
        here = f"{place}.{name}" if name.strip() else f'{place}[""]'
        if not name.strip():
            found.fault(f"{place} has a field without a name")
        if isinstance(value, dict) and depth < _DEEPEST:
            _check_named(value, here, found, depth + 1)
        elif isinstance(value, str):
            found.fields += 1
            kind = _TYPED.fullmatch(value)
            if kind:
                _check_type(kind[1], here, found)
        else:
            found.fault(f"{here} must be a text (`type: description`) or an object, not {_kind(value)}")


def _check_structures(structures: Any, found: _Found) -> None:
    if not isinstance(structures, dict):
        found.fault(f"line_item_structures must be an object, not {_kind(structures)}")
        return
    for name, item in structures.items():
        here = f"line_item_structures.{name}"
        targets = item.get("target_fields") if isinstance(item, dict) else None
        if not isinstance(item, dict):
            found.fault(f"{here} must be an object, not {_kind(item)}")
        elif targets in (None, []):
            found.fault(f"{here}.target_fields is {'empty' if 'target_fields' in item else 'missing'}")
        elif not isinstance(targets, list):
            found.fault(f"{here}.target_fields must be a list, not {_kind(targets)}")
        else:
            _check_targets(targets, f"{here}.target_fields", found)


def _check_targets(targets: list[Any], place: str, found: _Found) -> None:
    names: dict[str, str] = {}
    for index, target in enumerate(targets):
        here = f"{place}[{index}]"
        match = _TARGET.fullmatch(target) if isinstance(target, str) else None
        if match is None:
            found.fault(f"{here} must be a text like `name (type): description`, not {_quoted(target)}")
            continue
        found.fields += 1
        if match[1] in names:
            found.fault(f"{here} is {_quoted(match[1])}, like {names[match[1]]}")
        names.setdefault(match[1], here)
        if match[2]:
            _check_type(match[2], here, found)


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return _quoted(value)
    names: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}
    return names.get(type(value), "a number")


def _quoted(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:39] + "…"
