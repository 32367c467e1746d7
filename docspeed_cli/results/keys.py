"""Compare keys of fields, tables and columns; one of two keys may leave out the part before a dot."""

from __future__ import annotations

import re
from collections.abc import Collection

_INDEX = re.compile(r"\[\d+\]")


def without_indexes(key: str) -> str:
    """Return a key without its row numbers: a schema names `parties[2].city` once, as `parties.city`."""
    return _INDEX.sub("", key)


def keys_ending(name: str, keys: Collection[str]) -> list[str]:
    """Return the keys that a name may stand for: the one that equals it, or else those that end with it."""
    return [name] if name in keys else [key for key in keys if key.endswith(f".{name}")]


def find_key(name: str, keys: Collection[str]) -> str | None:
    """Return the key of this name; either may leave out its beginning if only one key is meant."""
    if name in keys:
        return name
    ends = [key for key in keys if key.endswith(f".{name}") or name.endswith(f".{key}")]
    return ends[0] if len(ends) == 1 else None
