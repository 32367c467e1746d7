"""Read an extraction schema into nodes, and report what is wrong with it before it is sent.

Both published forms are read: lists of `fields` and `tables`, and the older `invoice_level_fields` and
`line_item_structures`. A schema of any other form is the service's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from docspeed_cli.core.json_text import TooDeep, read_json, to_json
from docspeed_cli.results.values import MAX_DEPTH, cell_text, unwrap

_LISTS = ("fields", "tables")
_OLDER_FORM = ("invoice_level_fields", "line_item_structures")

_TARGET_FIELD = re.compile(r"\s*([^():]+?)\s*(?:\(([^()]*)\))?\s*(?::\s*(.*))?", re.DOTALL)
"""`name (type): description`, a column of a table in the older form."""

_TARGET_FORM = "a string like `name (type): description`"


class Node(NamedTuple):
    """A field, a group of fields, or a table."""

    key: str
    type: str
    description: str
    children: tuple[Node, ...] = ()


class Schema(NamedTuple):
    """The keys of a schema with their types."""

    doc_class: str
    fields: tuple[Node, ...]
    tables: tuple[Node, ...]


class CheckedSchema(NamedTuple):
    """A schema exactly as it was given, with its problems; one with faults is not worth sending."""

    schema: Any
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_schema(payload: Any) -> Schema | None:
    """Return the schema in a payload; None where there is none of a published form."""
    for schema in unwrap(payload):
        if _is_older(schema) or any(isinstance(schema.get(name), list) for name in _LISTS):
            return _Reader().read(schema)
    return None


def check_schema(text: str) -> CheckedSchema:
    """Parse a schema's JSON text, and report all problems at once, each with its place."""
    text = text.removeprefix("\ufeff")
    if not text.strip():
        return CheckedSchema(None, ("it is empty",))
    try:
        schema = read_json(text, strict=True)
        # This looks for half surrogate pairs, which JSON can escape and a request's UTF-8 can't hold.
        to_json(schema).encode()
    # This and TooDeep come before ValueError, which both of them are.
    except UnicodeEncodeError:
        return CheckedSchema(None, ("a string in it has half of a surrogate pair, which can't be sent",))
    except TooDeep as error:
        return CheckedSchema(None, (str(error),))
    except ValueError as error:
        return CheckedSchema(None, (f"it is not JSON: {error}",))
    if not isinstance(schema, dict):
        return CheckedSchema(schema, (f"a schema must be an object, not {_wording(schema)}",))
    # An object of `fields` is in no published form, but the service may know it.
    if not _is_older(schema) and all(isinstance(schema.get(name, {}), dict) for name in _LISTS):
        return _check_unknown_form(schema)
    reader = _Reader()
    found = reader.read(schema)
    if not reader.faults and not found.fields and not found.tables:
        reader.faults.append("it has neither fields nor tables")
    return CheckedSchema(schema, tuple(reader.faults))


def walk_nodes(nodes: Iterable[Node], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Yield each node with its path of keys, parents before their children."""
    for node in nodes:
        path = (*above, node.key)
        yield path, node
        yield from walk_nodes(node.children, path)


def leaf_types(nodes: Iterable[Node]) -> dict[str, str]:
    """Return the types of the fields without children, by their dotted keys."""
    return {".".join(path): node.type for path, node in walk_nodes(nodes) if not node.children}


def _is_older(schema: dict[str, Any]) -> bool:
    return any(name in schema for name in _OLDER_FORM)


def _check_unknown_form(schema: dict[str, Any]) -> CheckedSchema:
    if not any(value for name, value in schema.items() if name != "doc_class"):
        return CheckedSchema(schema, ("it has neither fields nor tables",))
    form = "it has neither `fields`/`tables` lists nor `invoice_level_fields`/`line_item_structures`"
    return CheckedSchema(schema, (), (f"{form}; it is sent as it is, and the service may refuse it",))


class _Reader:
    """Reads schemas into nodes, and collects their faults, each with its place such as `fields[0].key`."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def read(self, schema: dict[str, Any]) -> Schema:
        def members(*names: str) -> tuple[Node, ...]:
            known = [name for name in names if name in schema]
            return tuple(node for name in known for node in self._nodes(schema[name], name, name))

        return Schema(
            cell_text(schema.get("doc_class")),
            members("fields", "invoice_level_fields"),
            members("tables", "line_item_structures"),
        )

    def _nodes(self, value: Any, place: str, member: str, depth: int = 0) -> Iterator[Node]:
        """Yield the nodes in a `member` of a schema: a list of objects or texts, or an object of names."""
        if depth > MAX_DEPTH:
            self.faults.append(f"{place} is nested too deeply")
        elif isinstance(value, dict) and member in _OLDER_FORM:
            yield from self._named_nodes(value, place, member, depth)
        elif isinstance(value, list) and member not in _OLDER_FORM:
            yield from self._listed_nodes(value, place, member, depth)
        elif not isinstance(value, dict):
            expected = "an object" if member in _OLDER_FORM else "a list"
            self._fault(place, expected, value)

    def _listed_nodes(self, items: list[Any], place: str, member: str, depth: int) -> Iterator[Node]:
        texts = member == "target_fields"
        seen: dict[str, str] = {}
        for index, item in enumerate(items):
            here = f"{place}[{index}]"
            match = _TARGET_FIELD.fullmatch(item) if texts and isinstance(item, str) else None
            if match is not None:
                self._check_key(match[1], here, seen)
                yield Node(match[1], match[2] or "", match[3] or "")
            elif isinstance(item, dict) and not texts:
                self._check_key(item.get("key"), here, seen)
                yield self._node(cell_text(item.get("key")) or "(no key)", item, here, member, depth)
            else:
                self._fault(here, _TARGET_FORM if texts else "an object", item)

    def _named_nodes(self, members: dict[str, Any], place: str, member: str, depth: int) -> Iterator[Node]:
        tables = member == "line_item_structures"
        for name, value in members.items():
            here = f"{place}.{name}"
            if isinstance(value, str) and not tables:
                kind, _, description = value.partition(":")
                yield Node(name, kind.strip(), description.strip())
            elif not isinstance(value, dict):
                texts = "" if tables else "a string (`type: description`) or "
                self._fault(here, f"{texts}an object", value)
            # Names may be nested in names, and `type` may be one of them.
            elif tables or ("type" in value and ":" not in cell_text(value["type"])):
                yield self._node(name, value, here, member, depth)
            else:
                yield Node(name, "", "", tuple(self._nodes(value, here, member, depth + 1)))

    def _node(self, key: str, item: dict[str, Any], place: str, member: str, depth: int) -> Node:
        kind, array, description = (item.get(name) for name in ("type", "array", "description"))
        if not isinstance(kind, str | None):
            self._fault(f"{place}.type", "a string", kind)
        if not isinstance(array, bool | None):
            self._fault(f"{place}.array", "true or false", array)
        if not isinstance(description, str | None):
            self._fault(f"{place}.description", "a string", description)
        inner = "target_fields" if member == "line_item_structures" else "fields"
        if inner not in item and member in ("tables", "line_item_structures"):
            self.faults.append(f"{place}.{inner} is missing")
        children = self._nodes(item.get(inner, []), f"{place}.{inner}", inner, depth + 1)
        shown = cell_text(kind)
        if array is True:
            shown = f"list of {shown}" if shown else "list"
        return Node(key, shown, cell_text(description), tuple(children))

    def _check_key(self, key: Any, place: str, seen: dict[str, str]) -> None:
        """Check a key against the others of its list, whose places are in `seen`."""
        if key is None:
            self.faults.append(f"{place}.key is missing")
        elif not isinstance(key, str) or not key.strip():
            self._fault(f"{place}.key", "a non-empty string", key)
        elif key in seen:
            self.faults.append(f"{place} repeats the key {_wording(key)} of {seen[key]}")
        else:
            seen[key] = place

    def _fault(self, place: str, expected: str, value: Any) -> None:
        self.faults.append(f"{place} must be {expected}, not {_wording(value)}")


def _wording(value: Any) -> str:
    """Return how a message names a value that is not what it must be."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = to_json(value)
    return text if len(text) <= 40 else text[:39] + "…"
