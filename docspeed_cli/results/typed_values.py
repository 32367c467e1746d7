"""Read what a reviewer types as a JSON value of the type that the schema or the old value has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docspeed_cli.core.json_text import Number
from docspeed_cli.results.cells import base_kind
from docspeed_cli.results.readings import read_date, read_number

_TRUE = frozenset({"true", "yes", "y", "1"})
_FALSE = frozenset({"false", "no", "n", "0"})


def typed_value(text: str, kind: str, old: Any = None) -> Any:
    """Return the value that a text means; None for an empty text, which says that there is none.

    `kind` is the schema's type; without one, the text is of the old value's type if it can be. ValueError
    with what to type instead.
    """
    text = text.strip()
    if not text:
        return None
    if isinstance(old, list) or kind.lower().startswith("list"):
        inner = kind.lower().removeprefix("list").removeprefix(" of ")
        first = next(iter(old), None) if isinstance(old, list) else None
        return [typed_value(part, inner, first) for part in text.split(";") if part.strip()]
    reader = _READERS.get(base_kind(kind) or _kind_of(old))
    if reader is None:
        return text
    try:
        return reader(text)
    except ValueError:
        if kind:
            raise
        return text  # the old value's type is a guess


def _kind_of(old: Any) -> str:
    if isinstance(old, bool):
        return "boolean"
    return "number" if isinstance(old, int | float) else ""


def _typed_number(text: str) -> Any:
    number = read_number(text)
    if number is None:
        raise ValueError(f"{text!r} is not a number that can mean only one; type it like 1240.50")
    plain = f"{number:f}"
    # A float would lose the last zero of 1240.50, which the reviewer typed.
    return Number(plain) if "." in plain else int(plain)


def _whole_number(text: str) -> Any:
    number = _typed_number(text)
    if not isinstance(number, int):
        raise ValueError(f"{text!r} is not a whole number")
    return number


def _iso_date(text: str) -> str:
    found = read_date(text)
    if found is None:
        raise ValueError(f"{text!r} is not a date that can mean only one day; type it like 2026-03-02")
    return found.isoformat()


def _boolean(text: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"{text!r} is neither true nor false")
    return word in _TRUE


_READERS: dict[str, Callable[[str], Any]] = {
    "number": _typed_number,
    "integer": _whole_number,
    "date": _iso_date,
    "boolean": _boolean,
}
