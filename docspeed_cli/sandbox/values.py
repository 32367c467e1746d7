"""Parse values: numbers in the forms of several countries, dates, yes and no."""

from __future__ import annotations

import re
from datetime import date

Value = str | int | float | bool | None

NUMBER_TYPES = frozenset(
    {"number", "float", "currency", "amount", "money", "decimal", "percent", "percentage"}
)
INTEGER_TYPES = frozenset({"integer", "int"})
DATE_TYPES = frozenset({"date", "datetime"})
BOOLEAN_TYPES = frozenset({"boolean", "bool"})

_CURRENCY = r"(?:Rs\.?|INR|USD|US\$|EUR|GBP|CHF|AED|SGD|JPY|CAD|AUD|[₹$€£¥])"
_DIGITS = r"\d[\d,.' \u00a0\u202f]*\d|\d"
_NUMBER = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-−+])?\s*(?:{_CURRENCY})?\s*(?P<inner>[-−+])?\s*(?P<digits>{_DIGITS})"
    rf"\s*(?:/-|/=)?\s*(?:{_CURRENCY}|%)?\s*(?P<after>-)?\s*(?P<close>\))?\s*(?:(?P<side>Cr|Dr)\.?)?",
    re.IGNORECASE,
)
_EMBEDDED = re.compile(
    rf"(?<![\w/.,-])\(?[-−]?\s?(?:{_CURRENCY}\s?)?[-−]?(?:\d[\d,.']*\d|\d)\)?(?![\w/]|-\d)", re.I
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_NUMERIC = re.compile(r"(?<![\d/.-])(\d{1,2})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{4}|\d{2})(?![\d/])")
_NAMED = re.compile(r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?[-/. ]+([A-Za-z]{3,9})\.?[-/., ]+'?(\d{4}|\d{2})(?!\d)")
_MONTH_FIRST = re.compile(r"\b([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)")
_YES = frozenset({"yes", "y", "true", "x", "checked", "applicable", "paid"})
_NO = frozenset({"no", "n", "false", "unchecked", "nil", "none", "not applicable", "n/a", "na", "unpaid"})
_LONGEST = 200  # characters; longer texts are not values


def parse_number(text: str) -> int | float | None:
    """Parse a text that is one number, else None: `₹ 1,23,456.00`, `(45.10)`, `€ 1.234,56`, `12%`."""
    match = _NUMBER.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if not match or bool(match["open"]) != bool(match["close"]):
        return None
    digits = _plain_digits(
        re.sub(r"[' \u00a0\u202f]", "", match["digits"]), "€" in text or "EUR" in text.upper()
    )
    if digits is None:
        return None
    minus = match["open"] or "-" in (match["sign"], match["inner"], match["after"])
    minus = minus or "−" in (match["sign"], match["inner"])
    number = float(digits) if "." in digits else int(digits)
    return -number if minus else number


def _plain_digits(text: str, euro: bool) -> str | None:
    """Digits with at most a decimal point; None if the separators make no sense."""
    comma, point = text.rfind(","), text.rfind(".")
    if comma >= 0 and point >= 0:
        decimal, group = (",", ".") if comma > point else (".", ",")
        whole, _, fraction = text.rpartition(decimal)
        return f"{whole.replace(group, '')}.{fraction}" if _grouped(whole, group) and fraction else None
    if comma < 0 and point < 0:
        return text
    mark = "," if comma >= 0 else "."
    parts = text.split(mark)
    if len(parts) > 2 or (len(parts[1]) == 3 and (mark == "," or euro) and len(parts[0]) <= 3):
        return "".join(parts) if _grouped(text, mark) else None
    return ".".join(parts)


def _grouped(text: str, mark: str) -> bool:
    """True if separators group three digits, or in the Indian way two digits before the last three."""
    head, *groups = text.split(mark)
    if not groups:
        return head.isdigit()
    if not 1 <= len(head) <= 3 or len(groups[-1]) != 3:
        return False
    return all(len(g) == 3 for g in groups) or (len(head) <= 2 and all(len(g) == 2 for g in groups[:-1]))


def find_number(text: str) -> int | float | None:
    """Number that a text is, or the last number in it; None if it has none."""
    whole = parse_number(text)
    if whole is not None:
        return whole
    found = [parse_number(match) for match in _EMBEDDED.findall(text[:_LONGEST])]
    return next((number for number in reversed(found) if number is not None), None)


def parse_date(text: str) -> str | None:
    """First date in a text as `YYYY-MM-DD`; if day and month are ambiguous, the day comes first."""
    text = text[:_LONGEST]
    if match := _ISO.search(text):
        return _date(match[1], match[2], match[3])
    if match := _NUMERIC.search(text):
        return _date(match[3], match[2], match[1]) or _date(match[3], match[1], match[2])
    if match := _NAMED.search(text):
        return _date(match[3], _month(match[2]), match[1])
    if match := _MONTH_FIRST.search(text):
        return _date(match[3], _month(match[1]), match[2])
    return None


def _month(name: str) -> str:
    short = name[:3].lower()
    return str(_MONTHS.index(short) + 1) if short in _MONTHS else "0"


def _date(year: str, month: str, day: str) -> str | None:
    full = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 70 else 1900)
    try:
        return date(full, int(month), int(day)).isoformat()
    except ValueError:
        return None


def parse_boolean(text: str) -> bool | None:
    """Parse yes or no; None for anything else."""
    word = text.strip(" .").lower()
    return True if word in _YES else False if word in _NO else None


def normalise(text: str, kind: str) -> Value:
    """Convert a text to a value of a schema's type; None if it does not fit."""
    kind = kind.lower()
    if kind in NUMBER_TYPES:
        return find_number(text)
    if kind in INTEGER_TYPES:
        number = find_number(text)
        return int(number) if number is not None and number == int(number) else None
    if kind in DATE_TYPES:
        return parse_date(text)
    if kind in BOOLEAN_TYPES:
        return parse_boolean(text)
    return text.strip() or None


def guess_type(values: list[str]) -> str:
    """Type of all the values: number, date, boolean or string."""
    if not values:
        return "string"
    if all(parse_number(value) is not None and not _is_code(value) for value in values):
        return "number"
    if all(parse_date(value) and len(value) <= 30 for value in values):
        return "date"
    return "boolean" if all(parse_boolean(value) is not None for value in values) else "string"


def _is_code(text: str) -> bool:
    """True for digits that are an identifier: leading zeros, odd groups, or very long."""
    digits = re.sub(r"\D", "", text)
    return (len(digits) > 1 and digits[0] == "0" and "." not in text) or len(digits) > 12 or bool(
        re.search(r"\d \d", text)
    )  # fmt: skip
