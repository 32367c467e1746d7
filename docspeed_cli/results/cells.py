"""Decide what a value is in a spreadsheet: a number or a date where that is certain, or else text."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, NamedTuple

from docspeed_cli.results.readings import read_date, read_number
from docspeed_cli.results.values import MAX_DEPTH, NumberText, cell_text, grounded_value, is_grounded

Cell = str | int | float | bool | date
"""The value of one cell; an empty one is an empty text."""

MAX_DIGITS = 15
"""Digits that a spreadsheet keeps of a number; it replaces the others by zeros."""

TOO_MANY_DIGITS = f"kept as text, not summed: a spreadsheet keeps only {MAX_DIGITS} digits of a number"
NOT_A_NUMBER = "kept as text, not summed: it is not certain which number it is"
NOT_A_DATE = "kept as text: it is not certain which date it is"

_MAX_EXPONENT = 300
_MAX_TYPED = 40
"""Characters of the longest text that may be a number or a date."""
_ISO_LENGTH = 10
_FIRST_DATE = date(1900, 3, 1)
"""Spreadsheets disagree about the days before it: some count a 29 February 1900."""

_KINDS = {
    word: kind
    for kind, words in {
        "text": ("string", "str", "text"),
        "number": ("number", "numeric", "float", "double", "decimal", "money", "amount"),
        "integer": ("integer", "int"),
        "date": ("date",),
        "boolean": ("boolean", "bool"),
    }.items()
    for word in words
}
"""The kind that each type of a schema means."""

_PRINTED_NUMBER = re.compile(r"-?\d+(?:\.\d+)?|-?\d+(?:[.,]\d+){2,}", re.ASCII)
"""A number without a currency or a percent sign, and with a comma only where other marks explain it."""

_WHOLE_DATE = re.compile(r"[^:]*\d{4}[^:]*", re.ASCII)
"""A date with all digits of its year, and no time of day, which its cell would lose."""

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class TypedCell(NamedTuple):
    """A cell's value, the number of its decimals as written, and why it is text if that loses something."""

    value: Cell
    decimals: int | None = None
    problem: str = ""


def surely_text(text: str, kind: str) -> bool:
    """Whether a text is certainly text, so that `typed_cell` can be skipped."""
    return not kind and len(text) != _ISO_LENGTH


def typed_cell(value: Any, kind: str = "") -> TypedCell:
    """Return a value of a payload as a cell; `kind` is the type that the schema gives it, if any.

    The schema's type decides. Without one, JSON numbers are numbers and ISO dates are dates.
    """
    base = base_kind(kind)
    # Short numbers, which most are, get by in less than half the time of the steps below.
    if type(value) in (int, float) and base != "text" and len(text := repr(value)) <= MAX_DIGITS:
        whole, _, fraction = text.partition(".")
        if whole.lstrip("-").isdigit() and (not fraction or fraction.isdigit()):
            return TypedCell(value, len(fraction))
    depth = 0
    while is_grounded(value) and depth < MAX_DEPTH:
        value, depth = grounded_value(value), depth + 1
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], dict | list):
        return typed_cell(value[0], kind.lower().removeprefix("list of "))
    text = cell_text(value)
    if base == "text" or not text.strip():
        return TypedCell(text)
    if isinstance(value, bool):
        return TypedCell(value)
    if isinstance(value, int | float | NumberText):
        return _number_cell(text)
    if not isinstance(value, str):
        return TypedCell(text)
    if base in ("number", "integer"):
        plain = _plain_number(text.strip()) if len(text) < _MAX_TYPED else ""
        return _number_cell(plain, text) if plain else TypedCell(text, None, NOT_A_NUMBER)
    if base == "date":
        found = _spreadsheet_date(text.strip()) if len(text) < _MAX_TYPED else None
        return TypedCell(text, None, NOT_A_DATE) if found is None else TypedCell(found)
    iso = len(text) == _ISO_LENGTH and _ISO_DATE.fullmatch(text)
    return TypedCell((_spreadsheet_date(text) if iso else None) or text)


def _number_cell(text: str, shown: str = "") -> TypedCell:
    """Return the number with this JSON text; as text if a spreadsheet would change its value."""
    mantissa, _, exponent = text.lower().partition("e")
    # Zeros at either end don't count among the digits that a spreadsheet keeps.
    digits = mantissa.lstrip("-").replace(".", "").strip("0")
    power = int(exponent) if len(exponent) < 6 and exponent.lstrip("+-").isdigit() else 0
    too_far = bool(exponent) and not -_MAX_EXPONENT < power < _MAX_EXPONENT
    if not digits.isdigit() and digits:
        return TypedCell(shown or text)  # the NaN and Infinity that Python reads are not JSON
    if len(digits) > MAX_DIGITS or len(mantissa) > _MAX_EXPONENT or too_far:
        return TypedCell(shown or text, None, TOO_MANY_DIGITS)
    whole, _, fraction = mantissa.partition(".")
    if not exponent and not fraction:
        return TypedCell(int(whole), 0)
    return TypedCell(float(text), None if exponent else len(fraction))


def _plain_number(text: str) -> str:
    """Return a text as a JSON number; empty unless it means the same under either decimal mark."""
    if not _PRINTED_NUMBER.fullmatch(text):
        return ""
    number = read_number(text, lambda: ".")
    return f"{number:f}" if number is not None and number == read_number(text, lambda: ",") else ""


def base_kind(kind: str) -> str:
    """Return `integer`, `number`, `date`, `boolean` or `text` for a schema's type; empty for any other."""
    return _KINDS.get(kind.strip().lower(), "")


def _spreadsheet_date(text: str) -> date | None:
    """Return the date of a text if it can mean only one day, and all spreadsheets count it alike."""
    found = read_date(text) if _WHOLE_DATE.fullmatch(text) else None
    return found if found is not None and found >= _FIRST_DATE else None
