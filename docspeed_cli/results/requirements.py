"""Judges whether an extraction has what a script can't do without."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from docspeed_cli.core.errors import JobFailed, UsageError
from docspeed_cli.core.suggest import nearest
from docspeed_cli.results.fields import Field, fields, line_items
from docspeed_cli.results.schema import Node, outline
from docspeed_cli.results.values import content, grounded

_DEEPEST = 12
_NUMBER = re.compile(r"\[\d+\]")
"""Which of several it is, in the key of a field that a schema names once."""


class Requirements(NamedTuple):
    """Keys of fields that must have a value and evidence, of tables that must have a row, and of their
    columns, which must have a value in each row; what stands before a field's last dot may be left out."""

    keys: tuple[str, ...] = ()
    all_of: Any = None
    """A schema, every field and table of which is required."""

    def check(self, payload: Any) -> JobFailed | None:
        """What is missing, as an error; None where nothing is."""
        found, tables = fields(payload), line_items(payload)
        wanted = dict.fromkeys([*self.keys, *_everything(self.all_of, found)])
        missing = [key for key in wanted if not _in_tables(tables, key) and not _in_fields(found, key)]
        if not missing:
            return None
        keys = ", ".join(missing)
        return JobFailed(
            f"required but not found: {keys}", code="required_missing", details={"missing": missing}
        )


def _everything(schema: Any, found: Sequence[Field]) -> Sequence[str]:
    """All that a schema names; all that was found where it can't be read."""
    if schema is None:
        return []
    known = outline(schema)
    if known is None:
        return [field.key for field in found]
    return [*_leaves(known.fields), *(node.key for node in known.tables)]


def _in_fields(found: Sequence[Field], key: str) -> bool:
    """Whether all fields that the key may mean have a value and evidence."""
    named = [(_NUMBER.sub("", field.key), field) for field in found]
    meant = [field for name, field in named if name == key] or [
        field for name, field in named if name.endswith(f".{key}")
    ]
    return bool(meant) and all(field.evident and not _blank(field.value) for field in meant)


def _in_tables(tables: Mapping[str, Sequence[Mapping[str, Any]]], key: str) -> bool:
    """Whether a table of this name has a row, or each of its rows a value in the column after the dot."""
    name, _, column = key.rpartition(".")
    rows = tables.get(name, ())
    return bool(tables.get(key)) or (bool(rows) and not any(_blank(row.get(column)) for row in rows))


def _blank(value: Any, depth: int = 0) -> bool:
    """Whether there is nothing in a value, however it is wrapped."""
    if depth == _DEEPEST:
        return False
    if grounded(value):
        return _blank(content(value), depth + 1)
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, dict | list):
        return all(
            _blank(inner, depth + 1) for inner in (value.values() if isinstance(value, dict) else value)
        )
    return value is None


def _leaves(nodes: Sequence[Node], above: str = "") -> Iterator[str]:
    for node in nodes:
        key = f"{above}{node.key}"
        yield from _leaves(node.children, f"{key}.") if node.children else (key,)


def expand_groups(keys: Sequence[str], schema: Any) -> tuple[str, ...]:
    """The keys, where one means a group of the schema's fields or several of one name, as all of these."""
    known = outline(schema)
    leaves = list(_leaves(known.fields)) if known else []
    spelled: list[str] = []
    for key in keys:
        meant = [leaf for leaf in leaves if f".{key}." in f".{leaf}."]
        plain = key in leaves or not meant or (len(meant) == 1 and meant[0].endswith(key))
        spelled += [key] if plain else meant
    return tuple(spelled)


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
    columns = [f"{table.key}.{column.key}" for table in known.tables for column in table.children]
    paths = [*_paths(known.fields), *tables, *columns]
    for key in keys:
        named = key in paths or any(path.endswith(f".{key}") for path in _paths(known.fields))
        if paths and not named:
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
