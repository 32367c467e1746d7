"""Alone in reading the outline of a schema: its keys with their types, in any of the forms in use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from docspeed_cli.results.values import scalar, unwrap

_DEEPEST = 12
_TYPED = re.compile(r"\s*([A-Za-z][\w\[\]-]*)\s*(?::\s*(.*))?", re.DOTALL)
_TARGET = re.compile(r"\s*([^():]+?)\s*(?:\(([^()]*)\))?\s*(?::\s*(.*))?", re.DOTALL)
_MEMBERS = {"key", "name", "type", "description", "array", "items", "format", "enum", "required", "example"}
_INNER = ("fields", "target_fields", "properties", "columns")


class Node(NamedTuple):
    """A key with its type, its description, and what is below it."""

    key: str
    type: str
    description: str
    children: tuple[Node, ...]


class Outline(NamedTuple):
    """A schema in short."""

    doc_class: str
    fields: tuple[Node, ...]
    tables: tuple[Node, ...]


def outline(payload: Any) -> Outline | None:
    """The schema in a payload; None where there is none to be found."""
    wrapped = [body["schema"] for body in unwrap(payload) if isinstance(body.get("schema"), dict)]
    for schema in (*unwrap(payload), *wrapped):
        groups = [
            tuple(_nodes(schema[name])) if name in schema else None
            for name in ("fields", "invoice_level_fields", "properties", "tables", "line_item_structures")
        ]
        if any(group is not None for group in groups):
            flat, older, properties, tables, structures = (group or () for group in groups)
            named = schema.get("doc_class") or schema.get("title")
            return Outline(scalar(named), flat + older + properties, tables + structures)
    return None


def _nodes(listed: Any, depth: int = 0) -> Iterator[Node]:
    """The nodes of a list of objects or texts, or of an object of names."""
    if depth > _DEEPEST:
        return
    if isinstance(listed, dict):
        for name, value in listed.items():
            yield _named(str(name), value, depth)
    elif isinstance(listed, list):
        for item in listed:
            if isinstance(item, str):
                yield _target(item)
            elif isinstance(item, dict):
                named = scalar(item.get("key") or item.get("name")) or "(no key)"
                yield _object(named, item, depth, listed=True)


def _target(text: str) -> Node:
    """`name (type): description`, as the older form has it."""
    match = _TARGET.fullmatch(text)
    return Node(match[1], match[2] or "", match[3] or "", ()) if match else Node(text.strip(), "", "", ())


def _named(name: str, value: Any, depth: int) -> Node:
    if isinstance(value, str):
        typed = _TYPED.fullmatch(value)
        return Node(name, typed[1], typed[2] or "", ()) if typed else Node(name, "", value, ())
    if isinstance(value, list):
        return Node(name, "", "", tuple(_nodes(value, depth + 1)))
    return _object(name, value, depth) if isinstance(value, dict) else Node(name, "", scalar(value), ())


def _object(name: str, value: dict[str, Any], depth: int, listed: bool = False) -> Node:
    items = value.get("items")
    source = items if isinstance(items, dict) else value
    inner = next((source[key] for key in _INNER if isinstance(source.get(key), dict | list)), None)
    kind = value.get("type")
    if inner is None and not listed and not ("type" in value and value.keys() <= _MEMBERS):
        inner = value  # the older form nests names in names, and `name` or `description` may be one of them
    array = value.get("array") is True or kind == "array"
    shown = _type(items.get("type") if isinstance(items, dict) else kind, array)
    return Node(name, shown, scalar(value.get("description")), tuple(_nodes(inner, depth + 1)))


def _type(kind: Any, listed: bool) -> str:
    text = scalar(kind)
    if not listed:
        return text
    return f"list of {text}" if text and text != "array" else "list"
