"""Parse values: numbers in the forms of several countries, dates, yes and no."""

from __future__ import annotations

import re
from datetime import date

from docspeed_cli.sandbox.labels import MONTHS, RULES, fold

Value = str | int | float | bool | None

NUMBER_TYPES = frozenset(
    {"number", "float", "currency", "amount", "money", "decimal", "percent", "percentage"}
)
INTEGER_TYPES = frozenset({"integer", "int"})
DATE_TYPES = frozenset({"date", "datetime"})
BOOLEAN_TYPES = frozenset({"boolean", "bool"})

_MONEY = r"(?:Rs\.?|INR|USD|US\$|EUR|GBP|CHF|AED|SGD|JPY|CAD|AUD|[₹$€£¥])"
CURRENCY = re.compile(_MONEY, re.IGNORECASE)
_DIGITS = r"\d[\d,.' \u00a0\u202f]*\d|\d"
_NUMBER = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-−+])?\s*(?:{_MONEY})?\s*(?P<inner>[-−+])?\s*(?P<digits>{_DIGITS})"
    rf"\s*(?:/-|/=)?\s*(?:{_MONEY}|%)?\s*(?P<after>-)?\s*(?P<close>\))?\s*(?:(?P<side>Cr|Dr)\.?)?",
    re.IGNORECASE,
)
_EMBEDDED = re.compile(
    rf"(?<![\w/.,-])\(?[-−]?\s?(?:{_MONEY}\s?)?[-−]?"
    r"(?:\d{1,3}(?:[ \u00a0\u202f]\d{3})+[.,]\d\d|\d[\d,.']*\d|\d)\)?(?![\w/]|-\d)",
    re.I,
)
_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_NUMERIC = re.compile(r"(?<![\d/.-])(\d{1,2})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{4}|\d{2})(?![\d/])")
_MONTH = r"([^\W\d_]{3,10})"
_DAY, _YEAR = r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|[º°])?", r"'?(\d{4}|\d{2})(?!\d)"
_NAMED = re.compile(rf"{_DAY}[-/., ]+(?:de |of )?{_MONTH}\.?[-/., ]+(?:del? )?{_YEAR}")
_MONTH_FIRST = re.compile(rf"\b{_MONTH}\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})(?!\d)")
_DATES = (  # each with the groups of year, month and day
    (_ISO, (1, 2, 3)),
    (_NUMERIC, (3, 2, 1), (3, 1, 2)),
    (_NAMED, (3, 2, 1)),
    (_MONTH_FIRST, (3, 1, 2)),
)
_YES = frozenset({"yes", "y", "true", "x", "checked", "applicable", "paid"})
_NO = frozenset({"no", "n", "false", "unchecked", "nil", "none", "not applicable", "n/a", "na", "unpaid"})
_PREFIX = re.compile(r"[A-Z]{1,5}[-.:]?")
_NOT_AN_ID = re.compile(f"{RULES['vat']}|{RULES['iban']}|{RULES['sum']}|")
_NOT_A_TAX_ID = re.compile(f"{RULES['iban']}|{RULES['sum']}|.{{0,4}}")
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
    return parse_number(_number_in(text))


def _number_in(text: str) -> str:
    """Whole text if it is a number, or the last number in it as written; empty if it has none."""
    if parse_number(text) is not None:
        return text
    found = _EMBEDDED.findall(text[:_LONGEST])
    return next((number for number in reversed(found) if parse_number(number) is not None), "")


def parse_date(text: str) -> str | None:
    """First date in a text as `YYYY-MM-DD`; if day and month are ambiguous, the day comes first."""
    found = find_date(text)
    return found[0] if found else None


def find_date(text: str) -> tuple[str, str] | None:
    """First date in a text, as `YYYY-MM-DD` and as written."""
    text = text[:_LONGEST]
    for pattern, *orders in _DATES:
        if match := pattern.search(text):
            days = (_date(*(match[part] for part in order)) for order in orders)
            return next(((day, match[0]) for day in days if day), None)
    return None


def _month(name: str) -> int:
    if name.isdigit():
        return int(name)
    return next((MONTHS[fold(name)[:size]] for size in (4, 3) if fold(name)[:size] in MONTHS), 0)


def _date(year: str, month: str, day: str) -> str | None:
    full = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 70 else 1900)
    try:
        return date(full, _month(month), int(day)).isoformat()
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


def part_of_kind(text: str, kind: str) -> str:
    """Part of a text that is a value of a label's kind, as written; empty if there is none."""
    if kind in ("date", "amount"):
        day = find_date(text)
        part = _number_in(text) if kind == "amount" else day[1] if day else ""
        before = re.findall(r"[^\W\d_]{2,}", text.partition(part)[0] if part else "")
        return "" if len(before) > 3 or re.search(r"\d{10}|%", part) else part  # not out of a sentence
    if kind in ("id", "tax id"):
        return _identifier(text, other=_NOT_AN_ID if kind == "id" else _NOT_A_TAX_ID)
    return "" if kind in ("account", "code") and not re.search(r"\d", text) else text


def _identifier(text: str, other: re.Pattern[str]) -> str:
    """Identifier at the start of a text: its first words with digits, after at most one prefix."""
    words = re.sub(r"^(?:#|(?i:n[ro]\.?\s|n[°º]))\s*", "", text).split()[:8]
    start = 1 if len(words) > 1 and _PREFIX.fullmatch(words[0]) else 0
    end = next((at for at in range(start, len(words)) if not re.match(r"[^\s(]*\d", words[at])), len(words))
    found = " ".join(words[:end] if end > start else ()).strip(" ,;:")
    day = find_date(found)
    if day and found.endswith(day[1]):
        found = found.removesuffix(day[1]).rstrip()
    sentence = words[end:] and re.match(r"\w", words[end])
    return "" if sentence or len(found) > 40 or other.fullmatch(found) else found


def kinds_of(field_type: str) -> str:
    """Regular expression for the kinds of labels whose values suit a field's type."""
    if field_type.lower() in NUMBER_TYPES | INTEGER_TYPES:
        return "amount|"
    return "date" if field_type.lower() in DATE_TYPES else ".*"


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
