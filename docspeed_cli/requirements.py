"""Judges whether an extraction has what a script can't do without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from docspeed_cli.errors import JobFailed
from docspeed_cli.payloads.extraction import Field, fields
from docspeed_cli.payloads.outline import Node, outline


class Requirements(NamedTuple):
    """Keys that must have a value and evidence; what stands before a key's last dot may be left out."""

    keys: tuple[str, ...] = ()
    all_of: Any = None
    """A schema, every field of which is required."""

    def check(self, payload: Any) -> JobFailed | None:
        """What is missing, as an error; None where nothing is."""
        found = fields(payload)
        missing = [key for key in self._wanted(found) if not any(_has(field, key) for field in found)]
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
        key = f"{above}.{node.key}" if above else node.key
        if node.children:
            yield from _leaves(node.children, key)
        else:
            yield key


def required(given: Sequence[str] | None) -> tuple[str, ...]:
    """The keys in `--require a,b --require c`."""
    return tuple(key.strip() for text in given or () for key in text.split(",") if key.strip())


def _has(field: Field, key: str) -> bool:
    named = field.key == key or field.key.endswith(f".{key}")
    return named and field.value not in (None, "", []) and bool(field.region_ids or field.evidence)
