"""Check that an extraction has the fields and tables that `--require` and `--require-all` name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from docspeed_cli.core.errors import NotAsRequired, UsageError
from docspeed_cli.core.suggest import nearest
from docspeed_cli.results.fields import Field, read_fields, read_line_items
from docspeed_cli.results.keys import keys_ending, without_indexes
from docspeed_cli.results.schema import leaf_types, read_schema, walk_nodes
from docspeed_cli.results.values import MAX_DEPTH, grounded_value, is_grounded


class Requirements(NamedTuple):
    """The keys that a result must have, and optionally a schema that it must fill completely.

    A field must have a value and evidence, a table a row, and a column a value in each row. A key may
    leave out what stands before a field's last dot.
    """

    keys: tuple[str, ...] = ()
    complete_schema: Any = None

    def check(self, payload: Any) -> NotAsRequired | None:
        """Return an error that lists the missing keys; None if the result has them all."""
        fields, tables = read_fields(payload), read_line_items(payload)
        keys = dict.fromkeys([*self.keys, *_keys_of(self.complete_schema, fields)])
        missing = [key for key in keys if not _has_rows(tables, key) and not _has_field(fields, key)]
        if not missing:
            return None
        return NotAsRequired(
            f"required but not found: {', '.join(missing)}",
            code="required_missing",
            details={"missing": missing},
        )


def _keys_of(schema: Any, fields: Sequence[Field]) -> Sequence[str]:
    if schema is None:
        return []
    if known := read_schema(schema):
        return [*leaf_types(known.fields), *(table.key for table in known.tables)]
    # Nothing is known of what should be there, so at least all that was returned must be complete.
    return [field.key for field in fields]


def _has_field(fields: Sequence[Field], key: str) -> bool:
    """Whether all fields that the key may stand for have a value and evidence."""
    names = [without_indexes(field.key) for field in fields]
    meant = keys_ending(key, names)
    matches = [field for name, field in zip(names, fields, strict=True) if name in meant]
    return bool(matches) and all(
        field.has_evidence and not _is_blank_throughout(field.value) for field in matches
    )


def _has_rows(tables: Mapping[str, Sequence[Mapping[str, Any]]], key: str) -> bool:
    """Whether the table of this name has a row, or the column `table.column` a value in each row."""
    name, _, column = key.rpartition(".")
    rows = tables.get(name, ())
    return bool(tables.get(key)) or (
        bool(rows) and not any(_is_blank_throughout(row.get(column)) for row in rows)
    )


def _is_blank_throughout(value: Any, depth: int = 0) -> bool:
    """Whether a value is null or white space, or a list or object of nothing else."""
    if depth == MAX_DEPTH:
        return False
    if is_grounded(value):
        return _is_blank_throughout(grounded_value(value), depth + 1)
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return all(_is_blank_throughout(item, depth + 1) for item in items)
    return value is None


# -- keys


def parse_required(values: Sequence[str] | None) -> tuple[str, ...]:
    """Return the keys in the values of `--require a,b --require c`. UsageError if one is empty."""
    keys: list[str] = []
    for value in values or ():
        named = [key.strip() for key in value.split(",")]
        if not all(named):
            # With `--require "$KEYS"` and KEYS unset, a CI job would pass without any check.
            raise UsageError(f"--require {value}: a key is empty; is a variable unset?")
        keys += named
    return tuple(keys)


def expand_groups(keys: Sequence[str], schema: Any) -> tuple[str, ...]:
    """Return the keys with each group of the schema, or name of several fields, as its fields' keys."""
    known = read_schema(schema)
    leaves = leaf_types(known.fields) if known else {}
    expanded: list[str] = []
    for key in keys:
        members = [leaf for leaf in leaves if f".{key}." in f".{leaf}."]
        unique = key in leaves or (len(members) == 1 and members[0].endswith(key))
        expanded += members if members and not unique else [key]
    return tuple(expanded)


def check_names(schema: Any, keys: Sequence[str], table: str | None) -> None:
    """Check that the schema has these fields and this table, before a job is paid for. Raises UsageError."""
    known = read_schema(schema)
    if known is None:
        return
    fields = [".".join(path) for path, _ in walk_nodes(known.fields)]
    tables = [node.key for node in known.tables]
    columns = [f"{node.key}.{column.key}" for node in known.tables for column in node.children]
    names = [*fields, *tables, *columns]
    for key in keys:
        if key not in names and not keys_ending(key, fields):
            hint = _names_hint(key, names)
            raise UsageError(f"--require {key}: the schema has no such field or table", hint=hint)
    if table is not None and table not in ("fields", *tables):
        raise UsageError(
            f"--table {table}: the schema has no such table", hint=_names_hint(table, [*tables, "fields"])
        )


def _names_hint(name: str, known: Sequence[str]) -> str:
    suggestion = nearest(name, [*known, *(key.rpartition(".")[2] for key in known)])
    return f"did you mean {suggestion}?" if suggestion else f"the schema has {', '.join(known[:20])}"
