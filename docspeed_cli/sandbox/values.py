"""Parse values: numbers in the forms of several countries, dates, yes and no."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date

from docspeed_cli.sandbox.labels import RULES, TABLE, fold

Value = str | int | float | bool | None

_NUMBERS = {"number", "float", "currency", "amount", "money", "decimal", "percent", "percentage"}
_MONEY = r"(?:Rs\.?|INR|USD|US\$|EUR|GBP|CHF|AED|SGD|JPY|CAD|AUD|[₹$€£¥])"
CURRENCY = re.compile(_MONEY, re.IGNORECASE)
_UNITS = re.compile(rf"{_MONEY}|%|/[-=]|\b[CD]r\.?$", re.IGNORECASE)
_SIGNED = re.compile(r"([-−+(]?)\s*(\d.*?)\s*([-)]?)")
# Groups of three digits, or in India of two before the last three.
_COMMAS = re.compile(r"(\d+|\d{1,3}(?:[,'\s]\d{3})+|\d{1,2}(?:,\d\d)+,\d{3})(?:\.(\d+))?")
_POINTS = re.compile(r"(\d+|\d{1,3}(?:[.'\s]\d{3})+)(?:,(\d+))?")
_EMBEDDED = re.compile(
    rf"(?<![\w/.,-])\(?[-−]?\s?(?:{_MONEY}\s?)?[-−]?"
    r"(?:\d{1,3}(?:[ \u00a0\u202f]\d{3})+[.,]\d\d|\d[\d,.']*\d|\d)\)?(?![\w/]|-\d)",
    re.I,
)
_MONTH = r"(?P<month>[^\W\d_]{3,10})"
_DATES = (
    re.compile(r"(?<!\d)(?P<year>\d{4})[-/.](?P<month>\d\d?)[-/.](?P<day>\d\d?)(?!\d)"),
    re.compile(
        r"(?<![\d/.-])(?P<day>\d\d?)\s?[-/.]\s?(?P<month>\d\d?)\s?[-/.]\s?(?P<year>\d{4}|\d\d)(?![\d/])"
    ),
    re.compile(
        r"(?<!\d)(?P<day>\d\d?)(?:st|nd|rd|th|er|[º°])?[-/., ]+(?:de |of )?"
        rf"{_MONTH}\.?[-/., ]+(?:del? )?'?(?P<year>\d{{4}}|\d\d)(?!\d)"
    ),
    re.compile(rf"\b{_MONTH}\.?\s+(?P<day>\d\d?)(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})(?!\d)"),
)
_NOT_AN_ID = re.compile("|".join(RULES[rule] for rule in ("vat", "iban", "sum")))
_CODE = re.compile(r"\+.*|0[\d\s]+|\d+(?:\s\d+)+|\d{13,}")  # digits that are not a number
_LONGEST = 200  # characters; longer texts are not values


def parse_number(text: str) -> int | float | None:
    """Parse a text that is one number, else None: `₹ 1,23,456.00`, `(45.10)`, `€ 1.234,56`, `12%`."""
    match = _SIGNED.fullmatch(_UNITS.sub("", text).strip()) if len(text) <= _LONGEST else None
    if not match or (match[1] == "(") != (match[3] == ")"):
        return None
    euro = ("€" in text or "EUR" in text.upper()) and "," not in text  # € 1.234 is 1234
    forms = (form.fullmatch(match[2]) for form in ((_POINTS, _COMMAS) if euro else (_COMMAS, _POINTS)))
    digits = next((form for form in forms if form), None)
    if digits is None:
        return None
    whole = re.sub(r"\D", "", digits[1])
    number = float(f"{whole}.{digits[2]}") if digits[2] else int(whole)
    return -number if match[1] in ("-", "−", "(") or match[3] == "-" else number


def find_number(text: str) -> tuple[int | float | None, str]:
    """Number that a text is, or the last one in it, and the number as written; None if it has none."""
    for written in (text, *reversed(_EMBEDDED.findall(text[:_LONGEST]))):
        if (number := parse_number(written)) is not None:
            return number, written
    return None, ""


def parse_date(text: str) -> str | None:
    """First date in a text as `YYYY-MM-DD`; if day and month are ambiguous, the day comes first."""
    return find_date(text)[0]


def find_date(text: str) -> tuple[str | None, str]:
    """First date in a text, as `YYYY-MM-DD` and as written; None and an empty text if it has none."""
    match = next(filter(None, (pattern.search(text[:_LONGEST]) for pattern in _DATES)), None)
    if not match:
        return None, ""
    name, months = fold(match["month"]), TABLE["months"]
    month = int(name) if name.isdigit() else months.get(name[:4]) or months.get(name[:3], 0)
    day, year = int(match["day"]), int(match["year"])
    year += 0 if year > 99 else 2000 if year < 70 else 1900
    for order in ((month, day), (day, month)):
        with suppress(ValueError):
            return date(year, *order).isoformat(), match[0]
    return None, ""


def parse_boolean(text: str) -> bool | None:
    """Parse yes or no; None for anything else."""
    value: bool | None = TABLE["booleans"].get(text.strip(" .").lower())
    return value


def normalise(text: str, kind: str) -> Value:
    """Convert a text to a value of a schema's type; None if it does not fit."""
    kind = kind.lower()
    if kind in ("date", "datetime"):
        return parse_date(text)
    if kind in ("boolean", "bool"):
        return parse_boolean(text)
    if kind in ("integer", "int"):
        number = find_number(text)[0]
        return int(number) if number is not None and number == int(number) else None
    return find_number(text)[0] if kind in _NUMBERS else text.strip() or None


def part_of_kind(text: str, kind: str) -> str:
    """Part of a text that is a value of a label's kind, as written; empty if there is none."""
    if kind in ("date", "amount"):
        part = (find_date if kind == "date" else find_number)(text)[1]
        before = re.findall(r"[^\W\d_]{2,}", text[: text.find(part)])
        return "" if len(before) > 3 else part  # a sentence has no value
    if kind in ("id", "tax id"):
        found = _identifier(text)
        return "" if kind == "id" and _NOT_AN_ID.fullmatch(found) else found
    return "" if kind == "account" and not re.search(r"\d", text) else text


def _identifier(text: str) -> str:
    """Identifier at the start of a text: its first words with digits, after at most one prefix."""
    words = re.sub(r"^(?:#|(?i:n[ro]\.?\s|n[°º]))\s*", "", text).split()
    start = 1 if len(words) > 1 and re.fullmatch(r"[A-Z]{1,5}[-.:]?", words[0]) else 0
    end = next((at for at in range(start, len(words)) if not re.match(r"[^\s(]*\d", words[at])), len(words))
    found = " ".join(words[:end] if end > start else ()).strip(" ,;:")
    found = found.removesuffix(find_date(found)[1]).rstrip()
    sentence = words[end:] and re.match(r"\w", words[end])
    return "" if sentence or len(found) > 40 else found


def guess_type(values: list[str]) -> str:
    """Type of all the values: number, date, boolean or string."""
    if not values:
        return "string"
    if all(parse_number(value) is not None and not _CODE.fullmatch(value) for value in values):
        return "number"
    if all(parse_date(value) and len(value) <= 30 for value in values):
        return "date"
    return "boolean" if all(parse_boolean(value) is not None for value in values) else "string"
