"""Read single values of a payload: texts, values with their evidence, wrappers, page numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, TypeGuard

from docspeed_cli.core.json_text import to_json

MAX_DEPTH = 20
"""Levels of nesting that we read; anything deeper is shown as JSON or left out."""

VALUE_NAMES = ("value", "text", "content")
"""Members in which a value stands beside its evidence, the most exact first."""

_REGION_IDS = ("region_ids", "effective_region_ids", "region_id")
_EVIDENCE = ("evidence", "regions", "citations", "quote", "bbox")
_GROUNDING = frozenset({*_REGION_IDS, "page_index", "page", "bbox", "confidence"})
"""Members that only a value with evidence has, and an object of fields has not."""

_WRAPPERS = ("result", "data", "output")
_MAX_WRAPPERS = 3
_PAGE_IN_REGION_ID = re.compile(r"p(\d{1,7})(?![^\W_])")


class NumberText(str):
    """The text of a JSON number. Its type distinguishes it from a JSON string that looks like a number."""

    __slots__ = ()


def cell_text(value: Any, depth: int = 0) -> str:
    """Return a value as the text of one cell: a list as its items, null as an empty text."""
    if isinstance(value, str):
        return value
    if type(value) is int or (isinstance(value, float) and isfinite(value)):
        return str(value)  # what to_json writes, in a tenth of the time
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple) and depth < MAX_DEPTH:
        return "; ".join(cell_text(item, depth + 1) for item in value)
    if is_grounded(value) and depth < MAX_DEPTH:
        return cell_text(grounded_value(value), depth + 1)
    return to_json(value)


def is_grounded(value: Any) -> bool:
    """Whether this is a value with its evidence rather than an object of fields."""
    if not isinstance(value, dict):
        return False
    has_grounding = not _GROUNDING.isdisjoint(value)
    if "value" in value:
        # A field may itself have the name `value`: then an object is below it, and no evidence is beside it.
        return has_grounding or not isinstance(value["value"], dict)
    return has_grounding and any(name in value for name in VALUE_NAMES)


def is_described(value: Mapping[str, Any]) -> bool:
    """Whether an object has a value or evidence beside its other members."""
    return not _GROUNDING.isdisjoint(value) or any(name in value for name in VALUE_NAMES)


def grounded_value(value: Mapping[str, Any]) -> Any:
    """Return the value of a grounded object, without its evidence."""
    for name in VALUE_NAMES:
        if name in value:
            return value[name]
    return None


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value of JSON is a number; to Python, true and false are numbers too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole_number(value: Any) -> int | None:
    """Return a whole number from 0 up; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def first_filled(value: Any, names: Iterable[str]) -> Any:
    """Return the first of these members of an object that is not empty; None where there is none."""
    if isinstance(value, dict):
        for name in names:
            if value.get(name) not in (None, "", [], {}):
                return value[name]
    return None


def list_of_texts(value: Any) -> tuple[str, ...]:
    """Return the texts in a list, or a single text as the only one."""
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str))
    return (value,) if isinstance(value, str) else ()


def unwrap(payload: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the payload, then the objects that it wraps in members such as `result`, outermost first."""
    if isinstance(payload, dict) and depth < _MAX_WRAPPERS:
        yield payload
        for name in _WRAPPERS:
            yield from unwrap(payload.get(name), depth + 1)


def find_member(payload: Any, *names: str) -> Any:
    """Return the first of these members in the payload or in what it wraps; None where there is none."""
    return next((body[name] for body in unwrap(payload) for name in names if name in body), None)


def read_notices(payload: Any) -> tuple[str, ...]:
    """Return what the server says about the documents, such as that a page has no text."""
    return list_of_texts(find_member(payload, "notices"))


def page_of(value: Any, region_ids: Iterable[str] = ()) -> int | None:
    """Return the page, counted from 1, that a value is on; region ids such as `p2:l3` name it too."""
    if isinstance(value, dict):
        # An index counts from 0, unlike the numbers and the ids below.
        if (index := whole_number(value.get("page_index"))) is not None:
            return index + 1
        for name in ("page_number", "page"):
            if (number := whole_number(value.get(name))) is not None:
                return number
    return next((int(found[1]) for name in region_ids if (found := _PAGE_IN_REGION_ID.match(name))), None)


def regions_of(value: Any) -> tuple[str, ...]:
    """Return the ids of the regions that a value was read from, wherever its evidence lists them."""
    beside = list_of_texts(first_filled(value, _REGION_IDS))
    if beside:
        return beside
    evidence = first_filled(value, _EVIDENCE)
    items = evidence if isinstance(evidence, list) else [evidence]
    return tuple(name for item in items for name in list_of_texts(first_filled(item, (*_REGION_IDS, "id"))))


def has_evidence(value: Any) -> bool:
    """Whether anything points at the place where a value was read."""
    return first_filled(value, (*_REGION_IDS, *_EVIDENCE)) is not None or page_of(value) is not None
