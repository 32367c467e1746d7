"""Read an extraction schema into nodes, and report what is wrong with it before it is sent."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from docspeed_cli.results.values import MAX_DEPTH, cell_text, unwrap

KNOWN_TYPES = (
    "string, number, integer, float, boolean, date, datetime, time, currency, percentage, array, object"
)
_OTHER_TYPES = frozenset(
    {"text", "str", "int", "bool", "decimal", "double", "amount", "money", "percent", "enum", "email", "url"}
    | {"address", "phone", "list", "table"}
)
"""Types that we accept without a warning, but do not suggest."""

_OLDER_FORM = ("invoice_level_fields", "line_item_structures")
_TABLES = ("tables", "line_item_structures")
_PUBLISHED_CHILDREN = ("fields", "target_fields")
_CHILDREN = (*_PUBLISHED_CHILDREN, "properties", "columns")
_LEAF_MEMBERS = {"key", "name", "type", "description", "array", "items"} | {
    "format",
    "enum",
    "required",
    "example",
}

_TYPE_AND_DESCRIPTION = re.compile(r"\s*([A-Za-z][\w\[\]-]*)\s*(?::\s*(.*))?", re.DOTALL)
"""`type: description`, the value of a field in the older form."""

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
    """The keys of a schema with their types, in any of the forms in use."""

    doc_class: str
    fields: tuple[Node, ...]
    tables: tuple[Node, ...]


class CheckedSchema(NamedTuple):
    """A schema exactly as it was given, with its problems; one with faults is not worth sending."""

    schema: Any
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_schema(payload: Any) -> Schema | None:
    """Return the schema in a payload; None where there is none."""
    wrapped = [body["schema"] for body in unwrap(payload) if isinstance(body.get("schema"), dict)]
    for schema in (*unwrap(payload), *wrapped):
        if any(name in schema for name in ("fields", "tables", "properties", *_OLDER_FORM)):
            return _Reader().read(schema)
    return None


def check_schema(text: str) -> CheckedSchema:
    """Parse a schema's JSON text, and report all problems at once, each with its place."""
    if not text.strip("\ufeff \t\r\n"):
        return CheckedSchema(None, ("it is empty",))
    reader = _Reader()
    try:
        schema = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=reader.json_object)
        # Python accepts NaN, 1e999 and halves of surrogate pairs; the service would refuse the request.
        json.dumps(schema, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return CheckedSchema(None, ("a string in it has half of a surrogate pair, which can't be sent",))
    except RecursionError:
        return CheckedSchema(None, ("it is nested too deeply",))
    except ValueError as error:
        return CheckedSchema(None, (f"it is not JSON: {error}",))
    reader.check(schema)
    problems = (reader.faults, [*reader.warnings, *reader.type_warnings()], reader.notes)
    return CheckedSchema(schema, *(tuple(dict.fromkeys(found)) for found in problems))


def walk_nodes(nodes: Iterable[Node], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Yield each node with its path of keys, parents before their children."""
    for node in nodes:
        path = (*above, node.key)
        yield path, node
        yield from walk_nodes(node.children, path)


class _Reader:
    """Reads schemas into nodes, and collects their problems on the way.

    Each node has a place, such as `fields[0].key`. In forms that are not published the place is empty:
    they are read for views and requirements, but their problems are the service's to report.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self._unknown_types: dict[str, list[str]] = {}

    def fault(self, place: str, problem: str) -> None:
        if place:
            self.faults.append(place + problem)

    def json_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return a JSON object from its members, and warn of names that it has more than once."""
        counts = Counter(name for name, _ in pairs)
        if len(counts) < len(pairs):
            names = ", ".join(_wording(name) for name, count in counts.items() if count > 1)
            self.warnings.append(f"an object has {names} more than once; only the last one counts")
        return dict(pairs)

    def type_warnings(self) -> Iterator[str]:
        """Yield one warning for each unknown type, however many fields have it."""
        for kind, places in self._unknown_types.items():
            where = places[0] + (f" (and {len(places) - 1} more)" if len(places) > 1 else "")
            yield (
                f"{where} is {_wording(kind)}, which the service may not know; known types are {KNOWN_TYPES}"
            )

    def check(self, schema: Any) -> None:
        """Read a schema for its problems alone."""
        if not isinstance(schema, dict):
            self.faults.append(f"a schema must be an object, not {_wording(schema)}")
            return
        older = [name for name in _OLDER_FORM if name in schema]
        newer = [name for name in ("fields", "tables") if not isinstance(schema.get(name, {}), dict)]
        if not older and not newer:
            self._check_unknown_form(schema)
            return
        if older and newer:
            self.warnings.append(
                f"it mixes both forms of a schema: {', '.join(newer)} and {', '.join(older)}"
            )
        found = self.read(schema)
        if not self.faults and not found.fields and not found.tables:
            self.faults.append("it names no field")

    def _check_unknown_form(self, schema: dict[str, Any]) -> None:
        # In a form that we do not know, any member but these may name a field.
        values = [schema[name] for name in schema if name not in ("doc_class", "sandbox", "$schema")]
        if not any(isinstance(value, dict | list | str) and value for value in values):
            self.faults.append("it names no field")
            return
        form = "it has neither `fields`/`tables` lists nor `invoice_level_fields`/`line_item_structures`"
        if "$schema" in schema or isinstance(schema.get("properties"), dict):
            form = "this looks like JSON Schema"
        self.notes.append(f"{form}; it is sent as it is, and the service may refuse it")

    def read(self, schema: dict[str, Any]) -> Schema:
        def members(*names: str) -> tuple[Node, ...]:
            known = [name for name in names if name in schema]
            return tuple(node for name in known for node in self._nodes(schema[name], name, name))

        return Schema(
            cell_text(schema.get("doc_class") or schema.get("title")),
            members("fields", "invoice_level_fields", "properties"),
            members("tables", "line_item_structures"),
        )

    def _nodes(self, value: Any, place: str, member: str, depth: int = 0) -> Iterator[Node]:
        """Yield the nodes in a `member` of a schema: a list of objects or texts, or an object of names."""
        if depth > MAX_DEPTH:
            self.fault(place, " is nested too deeply")
        elif isinstance(value, dict):
            yield from self._named_nodes(value, place if member in _OLDER_FORM else "", member, depth)
        elif isinstance(value, list) and member not in _OLDER_FORM:
            yield from self._listed_nodes(value, place, member, depth)
        else:
            expected = "an object" if member in _OLDER_FORM else "a list"
            self.fault(place, f" must be {expected}, not {_wording(value)}")

    def _listed_nodes(self, items: list[Any], place: str, member: str, depth: int) -> Iterator[Node]:
        seen: dict[str, str] = {}
        for index, item in enumerate(items):
            here = place and f"{place}[{index}]"  # an empty place stays empty below
            if not isinstance(item, str if member == "target_fields" else dict):
                expected = _TARGET_FORM if member == "target_fields" else "an object"
                self.fault(here, f" must be {expected}, not {_wording(item)}")
                here = ""
            if isinstance(item, str):
                yield self._target_field(item, here, seen)
            elif isinstance(item, dict):
                self._check_key(item.get("key"), here, seen)
                key = cell_text(item.get("key") or item.get("name")) or "(no key)"
                yield self._node(key, item, here, member, depth, listed=True)

    def _target_field(self, text: str, place: str, seen: dict[str, str]) -> Node:
        match = _TARGET_FIELD.fullmatch(text)
        if match is None:
            self.fault(place, f" must be {_TARGET_FORM}, not {_wording(text)}")
            return Node(text.strip(), "", "")
        self._check_key(match[1], place, seen)
        self._check_type(match[2], place)
        return Node(match[1], match[2] or "", match[3] or "")

    def _named_nodes(self, members: dict[str, Any], place: str, member: str, depth: int) -> Iterator[Node]:
        for name, value in members.items():
            here = place and (f"{place}.{name}" if name.strip() else f'{place}[""]')
            if not name.strip():
                self.fault(place, " has a field without a name")
            if isinstance(value, dict):
                yield self._node(name, value, here, member, depth)
            elif isinstance(value, str) and member != "line_item_structures":
                match = _TYPE_AND_DESCRIPTION.fullmatch(value)
                self._check_type(match and match[1], here)
                yield Node(name, match[1], match[2] or "") if match else Node(name, "", value)
            else:
                texts = "" if member == "line_item_structures" else "a string (`type: description`) or "
                self.fault(here, f" must be {texts}an object, not {_wording(value)}")
                yield Node(name, "", "")

    def _node(
        self, key: str, item: dict[str, Any], place: str, member: str, depth: int, *, listed: bool = False
    ) -> Node:
        items = item.get("items")
        source = items if isinstance(items, dict) else item
        inner = next((name for name in _CHILDREN if isinstance(source.get(name), dict | list)), "")
        if not inner and not listed and member not in _TABLES and not _is_leaf(item):
            # The older form nests names in names, and `type` or `description` may be one of them.
            return Node(key, "", "", tuple(self._nodes(item, place, _OLDER_FORM[0], depth + 1)))
        self._check_members(item, place, member)
        kind = cell_text(source.get("type"))
        if item.get("array") is True or item.get("type") == "array":
            kind = f"list of {kind}" if kind not in ("", "array") else "list"
        # Children in a member that no published form has are read, but not checked.
        below = f"{place}.{inner}" if place and source is item and inner in _PUBLISHED_CHILDREN else ""
        children = self._nodes(source[inner], below, inner, depth + 1) if inner else ()
        return Node(key, kind, cell_text(item.get("description")), tuple(children))

    def _check_members(self, item: dict[str, Any], place: str, member: str) -> None:
        kind, array, description = (item.get(name) for name in ("type", "array", "description"))
        if isinstance(kind, str | None):
            self._check_type(kind, place and f"{place}.type")
        else:
            self.fault(place, f".type must be a string, not {_wording(kind)}")
        if not isinstance(array, bool | None):
            self.fault(place, f".array must be true or false, not {_wording(array)}")
        if not isinstance(description, str | None):
            self.fault(place, f".description must be a string, not {_wording(description)}")
        inner = "target_fields" if member == "line_item_structures" else "fields"
        if member in _TABLES and item.get(inner) in (None, []):
            self.fault(place, f".{inner} is {'empty' if inner in item else 'missing'}")
        elif not isinstance(item.get(inner, []), dict | list):
            self.fault(place, f".{inner} must be a list, not {_wording(item[inner])}")

    def _check_key(self, key: Any, place: str, seen: dict[str, str]) -> None:
        """Check a key against the others of its list, whose places are in `seen`."""
        if key is None:
            self.fault(place, ".key is missing")
        elif not isinstance(key, str) or not key.strip():
            self.fault(place, f".key must be a non-empty string, not {_wording(key)}")
        elif key in seen:
            self.fault(place, f" repeats the key {_wording(key)} of {seen[key]}")
        else:
            seen[key] = place

    def _check_type(self, kind: str | None, place: str) -> None:
        word = (kind or "string").strip().lower().removesuffix("[]")
        if place and word not in KNOWN_TYPES.split(", ") and word not in _OTHER_TYPES:
            self._unknown_types.setdefault(str(kind), []).append(place)


def _is_leaf(item: dict[str, Any]) -> bool:
    """Whether an object under a name describes one field, rather than naming more fields."""
    return "type" in item and item.keys() <= _LEAF_MEMBERS and ":" not in cell_text(item["type"])


def _wording(value: Any) -> str:
    """Return how a message names a value that is not what it must be."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:39] + "…"
