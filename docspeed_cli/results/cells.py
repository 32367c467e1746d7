"""Decide what a value is in a spreadsheet: a number or a date where that is certain, or else text."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

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

_STRINGS = frozenset({"string", "str", "text"})
_NUMBERS = frozenset({"number", "numeric", "float", "double", "decimal", "integer", "int", "money", "amount"})
_DATES = frozenset({"date"})
_WHOLE_NUMBERS = frozenset({"integer", "int"})
_BOOLEANS = frozenset({"boolean", "bool"})

_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_GROUPED_NUMBER = re.compile(
    r"-?[1-9](?:\d{0,2}(?:,\d{3})+|\d?(?:,\d\d)+,\d{3})\.\d+"  # 1,234,567.89 and 12,34,567.89
    r"|-?[1-9]\d{0,2}(?:(?:,\d{3}){2,}|(?:,\d\d)+,\d{3})",  # 1,234,567 and 12,34,567
    re.ASCII,
)
_EUROPEAN_NUMBER = re.compile(r"-?[1-9]\d{0,2}(?:\.\d{3})+,\d+|-?[1-9]\d{0,2}(?:\.\d{3}){2,}", re.ASCII)
_THOUSAND_OR_FRACTION = re.compile(r"-?[1-9]\d{0,2}\.\d{3}", re.ASCII)
"""1.240 is 1240 in Germany."""

_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", re.ASCII)
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ -]([A-Za-z]{3,9})\.?,?[ -](\d{4})", re.ASCII)
_MONTH_DAY = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", re.ASCII)
_MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)


class TypedCell(NamedTuple):
    """A cell's value, the number of its decimals as written, and why it is text if that loses something."""

    value: Cell
    decimals: int | None = None
    problem: str = ""


def surely_text(text: str, kind: str) -> bool:
    """Whether `typed_cell` returns this text as it is, which holds for most of them."""
    return not kind and len(text) != _ISO_LENGTH


def typed_cell(value: Any, kind: str = "") -> TypedCell:
    """Return a value of a payload as a cell; `kind` is the type that the schema gives it, if any.

    The schema's type decides. Without one, JSON numbers are numbers and ISO dates are dates.
    """
    if type(value) in (int, float) and kind not in _STRINGS and len(text := repr(value)) <= MAX_DIGITS:
        whole, _, fraction = text.partition(".")
        if whole.lstrip("-").isdigit() and (not fraction or fraction.isdigit()):
            return TypedCell(value, len(fraction))
    depth = 0
    while is_grounded(value) and depth < MAX_DEPTH:
        value, depth = grounded_value(value), depth + 1
    kind = kind.lower()
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], dict | list):
        (value,) = value
        kind = kind.removeprefix("list of ")
    if isinstance(value, bool):
        return TypedCell(cell_text(value) if kind in _STRINGS else value)
    if isinstance(value, int | float | NumberText):
        return TypedCell(cell_text(value)) if kind in _STRINGS else _number(cell_text(value))
    text = cell_text(value)
    if not isinstance(value, str) or kind in _STRINGS or not text.strip():
        return TypedCell(text)
    if kind in _NUMBERS:
        plain = _plain_number(text.strip()) if len(text) < _MAX_TYPED else ""
        return _number(plain, text) if plain else TypedCell(text, None, NOT_A_NUMBER)
    if kind in _DATES:
        found = _date(text.strip()) if len(text) < _MAX_TYPED else None
        return TypedCell(text, None, NOT_A_DATE) if found is None else TypedCell(found)
    iso = len(text) == _ISO_LENGTH and _ISO_DATE.fullmatch(text)
    return TypedCell((_date(text) if iso else None) or text)


def _number(text: str, shown: str = "") -> TypedCell:
    """Return the number with this JSON text; as text if a spreadsheet would change its value."""
    mantissa, _, exponent = text.lower().partition("e")
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
    """Return a text as a JSON number if it can mean only one; or else an empty text."""
    if _PLAIN_NUMBER.fullmatch(text):
        return "" if _THOUSAND_OR_FRACTION.fullmatch(text) else text
    if _GROUPED_NUMBER.fullmatch(text):
        return text.replace(",", "")
    return text.replace(".", "").replace(",", ".") if _EUROPEAN_NUMBER.fullmatch(text) else ""


def base_kind(kind: str) -> str:
    """Return `integer`, `number`, `date`, `boolean` or `text` for a schema's type; empty for any other."""
    names = {
        "integer": _WHOLE_NUMBERS,
        "number": _NUMBERS,
        "date": _DATES,
        "boolean": _BOOLEANS,
        "text": _STRINGS,
    }
    return next((name for name, words in names.items() if kind.strip().lower() in words), "")


# -- dates


@lru_cache(10_000)
def _date(text: str) -> date | None:
    """Return the date of a text if it can mean only one day."""
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(found[1], found[3], found[4])
    if found := _YEAR_LAST.fullmatch(text):
        days = {_day(found[4], found[3], found[1]), _day(found[4], found[1], found[3])} - {None}
        return days.pop() if len(days) == 1 else None
    if found := _DAY_MONTH.fullmatch(text):
        return _day(found[3], _month(found[2]), found[1])
    if found := _MONTH_DAY.fullmatch(text):
        return _day(found[3], _month(found[1]), found[2])
    return None


def _month(name: str) -> int:
    named = [number for number, month in enumerate(_MONTHS, 1) if month.startswith(name.lower())]
    return 9 if name.lower() == "sept" else named[0] if len(named) == 1 else 0


def _day(year: str, month: str | int, day: str) -> date | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if found >= _FIRST_DATE else None
