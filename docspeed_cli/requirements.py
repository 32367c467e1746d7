"""Judges whether an extraction has what a script can't do without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from docspeed_cli.errors import JobFailed, UsageError
from docspeed_cli.nearest import nearest
from docspeed_cli.payloads.extraction import Field, fields, line_items
from docspeed_cli.payloads.outline import Node, outline


class Requirements(NamedTuple):
    """Keys of fields that must have a value and evidence, and of tables that must have a row; what stands
    before a field's last dot may be left out."""

    keys: tuple[str, ...] = ()
    all_of: Any = None
    """A schema, every field of which is required."""

    def check(self, payload: Any) -> JobFailed | None:
        """What is missing, as an error; None where nothing is."""
        found, tables = fields(payload), line_items(payload)
        missing = [
            key
            for key in self._wanted(found)
            if not tables.get(key) and not any(_has(field, key) for field in found)
        ]
        if not missing:
            return None
        keys = ", ".join(missing)
        return JobFailed(
            f"required but not found: {keys}", code="required_missing", details={"missing": missing}
        )

    def _wanted(self, found: Sequence[Field]) -> list[str]:
        if self.all_of is None:
            return list(self.keys)
        known = outline(self.all_of)
        from_schema = list(_leaves(known.fields)) if known else []
        return list(dict.fromkeys([*self.keys, *from_schema, *(field.key for field in found)]))


def _leaves(nodes: Sequence[Node], above: str = "") -> Iterator[str]:
    for node in nodes:
        key = f"{above}{node.key}"
        yield from _leaves(node.children, f"{key}.") if node.children else (key,)


def required(given: Sequence[str] | None) -> tuple[str, ...]:
    """The keys in `--require a,b --require c`. UsageError where one is empty: it would be no gate."""
    keys: list[str] = []
    for text in given or ():
        named = [key.strip() for key in text.split(",")]
        if not all(named):
            raise UsageError(f"--require {text}: a key is empty: an unset variable?")
        keys += named
    return tuple(keys)


def check_names(schema: Any, keys: Sequence[str], table: str | None) -> None:
    """UsageError where the schema has no such field or table: its job would be paid for nothing."""
    known = outline(schema)
    if known is None:
        return
    tables = [node.key for node in known.tables]
    paths = [*_paths(known.fields), *tables]
    for key in keys:
        if paths and not any(path == key or path.endswith(f".{key}") for path in paths):
            raise _unknown(f"--require {key}: the schema has no such field or table", key, paths)
    if table is not None and table not in ("fields", *tables):
        raise _unknown(f"--table {table}: the schema has no such table", table, [*tables, "fields"])


def _unknown(what: str, word: str, known: Sequence[str]) -> UsageError:
    near = nearest(word, [*known, *(path.rpartition(".")[2] for path in known)])
    hint = f"did you mean {near}?" if near else f"it has {', '.join(known[:20])}"
    return UsageError(what, hint=hint)


def _paths(nodes: Sequence[Node], above: str = "") -> Iterator[str]:
    """The dotted keys of all nodes, of groups of fields too."""
    for node in nodes:
        key = f"{above}{node.key}"
        yield key
        yield from _paths(node.children, f"{key}.")


def _has(field: Field, key: str) -> bool:
    named = field.key == key or field.key.endswith(f".{key}")
    return named and field.value not in (None, "", []) and field.evident
