"""Alone in reading single values of payloads: scalars, grounded objects, wrappers, page numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

VALUES = ("value", "text", "content", "normalized_value", "raw_value")
_GROUNDS = ("region_ids", "effective_region_ids", "region_id", "page_index", "page", "bbox", "confidence")
_REGION_IDS = ("region_ids", "effective_region_ids", "region_id")
_POINTERS = (
    "evidence",
    "regions",
    "citations",
    "sources",
    "bbox",
    "bounding_box",
    "polygon",
    "quote",
    "snippet",
)
_WRAPPERS = ("result", "data", "extraction", "output", "response", "payload")
_DEEPEST = 12
_REGION = re.compile(r"p(\d{1,7})(?![^\W_])")


def scalar(value: Any, depth: int = 0) -> str:
    """A value as the text of one cell: a grounded object is its value, a list its items, null nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple) and depth < _DEEPEST:
        return "; ".join(scalar(item, depth + 1) for item in value)
    if grounded(value) and depth < _DEEPEST:
        return scalar(content(value), depth + 1)
    return compact(value)


def compact(value: Any) -> str:
    """A value as compact JSON."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (RecursionError, ValueError):
        return "(nested too deeply)"


def grounded(value: Any) -> bool:
    """Whether this is a value with its evidence rather than an object of fields."""
    if not isinstance(value, dict):
        return False
    if "value" in value:
        inner = value["value"]
        return not isinstance(inner, dict) or any(name in value for name in _GROUNDS)
    return any(name in value for name in _GROUNDS) and any(name in value for name in VALUES)


def content(value: Mapping[str, Any]) -> Any:
    """The value of a grounded object."""
    return next((value[name] for name in VALUES if name in value), None)


def whole(value: Any) -> int | None:
    """A whole number that is not negative, however it is written."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    if isinstance(value, float) and value == value and abs(value) < 1e15 and value == int(value):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def first(value: Any, names: Iterable[str]) -> Any:
    """The first of these members that says something."""
    if isinstance(value, dict):
        for name in names:
            if value.get(name) not in (None, "", [], {}):
                return value[name]
    return None


def strings(value: Any) -> tuple[str, ...]:
    """The texts in a list, or a text alone."""
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str))
    return (value,) if isinstance(value, str) else ()


def unwrap(payload: Any) -> Iterator[dict[str, Any]]:
    """The payload, and what it wraps, from the outside in."""
    level = [payload]
    for _ in range(4):
        found = [item for item in level if isinstance(item, dict)]
        yield from found
        level = [item[name] for item in found for name in _WRAPPERS if name in item]


def member(payload: Any, *names: str) -> Any:
    """The first of these members in the payload or in what it wraps; None where there is none."""
    return next((body[name] for body in unwrap(payload) for name in names if name in body), None)


def page_of(value: Any, region_ids: Iterable[str] = ()) -> int | None:
    """The number, from one, of the page that something is on."""
    if isinstance(value, dict):
        if (index := whole(value.get("page_index"))) is not None:
            return index + 1
        for name in ("page_number", "page_no", "page"):
            if (number := whole(value.get(name))) is not None:
                return number
    return next((int(found[1]) for name in region_ids if (found := _REGION.match(name))), None)


def regions_of(value: Any) -> tuple[str, ...]:
    """The ids of the regions that a value was read from, named beside it or one by one in a list of them."""
    named = strings(first(value, _REGION_IDS))
    listed = first(value, _POINTERS) if not named else None
    items = [item for item in (listed if isinstance(listed, list) else [listed]) if isinstance(item, dict)]
    return named or tuple(name for item in items for name in strings(first(item, (*_REGION_IDS, "id"))))


def evident(value: Any) -> bool:
    """Whether something points at where a value was read, in whatever form."""
    return first(value, (*_REGION_IDS, *_POINTERS)) is not None or page_of(value) is not None
