"""Numbers, dates and types read from text."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.sandbox.values import Value, guess_type, normalise, parse_boolean, parse_date, parse_number

paise = st.integers(min_value=-(10**13), max_value=10**13)
dates = st.dates(min_value=date(1970, 1, 1), max_value=date(2069, 12, 31))


def grouped(whole: int, mark: str, indian: bool) -> str:
    """Digits of a number with separators between groups."""
    text = str(whole)
    size, head, tail = (2 if indian else 3), text[:-3], text[-3:]
    groups = [head[max(end - size, 0) : end] for end in range(len(head), 0, -size)][::-1]
    return mark.join([*groups, tail])


@given(paise, st.booleans())
def test_parse_number_indian_and_english_grouping(amount: int, indian: bool) -> None:
    whole, cents = divmod(abs(amount), 100)
    text = f"{grouped(whole, ',', indian)}.{cents:02}"
    expected = whole + cents / 100
    assert parse_number(f"Rs. {text}") == pytest.approx(expected)
    assert parse_number(f"₹{text}/-") == pytest.approx(expected)
    assert parse_number(f"({text})") == pytest.approx(-expected)
    assert parse_number(f"-{text}") == pytest.approx(-expected)


@given(paise)
def test_parse_number_continental_grouping(amount: int) -> None:
    whole, cents = divmod(abs(amount), 100)
    assert parse_number(f"€ {grouped(whole, '.', False)},{cents:02}") == pytest.approx(whole + cents / 100)
    assert parse_number(f"{grouped(whole, ' ', False)},{cents:02} EUR") == pytest.approx(whole + cents / 100)


@given(st.text(max_size=60))
def test_parse_number_any_text_is_a_number_or_none(text: str) -> None:
    number = parse_number(text)
    assert number is None or isinstance(number, int | float)
    parsed = parse_date(text)
    assert parsed is None or date.fromisoformat(parsed)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,23,456.00", 123456.0),
        ("1.234,56", 1234.56),
        ("1'234.50", 1234.5),
        ("€ 1.234", 1234),
        ("1.234", 1.234),
        ("12,5", 12.5),
        ("1,234", 1234),
        ("18%", 18),
        ("USD 45", 45),
        ("45.10-", -45.1),
        ("−7", -7),
        ("1,2,3", None),
        ("1,2345", 1.2345),
        ("12.03.2026", None),
        ("(45", None),
        ("KLS/25", None),
        ("", None),
    ],
)
def test_parse_number_examples(text: str, number: float | None) -> None:
    assert parse_number(text) == number


@given(dates)
def test_parse_date_in_several_forms(day: date) -> None:
    iso = day.isoformat()
    for form in ("%d/%m/%Y", "%d-%m-%y", "%d.%m.%Y", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d-%b-%Y"):
        assert parse_date(day.strftime(form)) == iso


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("12/03/2026", "2026-03-12"),
        ("03/28/2026", "2026-03-28"),
        ("Dated 1st April, 2026 at Pune", "2026-04-01"),
        ("31/02/2026", None),
        ("99/99/2026", None),
        ("29AAGCK4821M1Z4", None),
    ],
)
def test_parse_date_examples(text: str, iso: str | None) -> None:
    assert parse_date(text) == iso


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Rs. 1,000.50 only", "currency", 1000.5),
        ("10 Nos", "integer", 10),
        ("10.5", "integer", None),
        ("Yes", "boolean", True),
        ("NO.", "bool", False),
        ("perhaps", "boolean", None),
        ("14 March 2026", "date", "2026-03-14"),
        ("  plain ", "string", "plain"),
        ("", "string", None),
    ],
)
def test_normalise_by_type(text: str, kind: str, value: Value) -> None:
    assert normalise(text, kind) == value


def test_guess_type_from_values() -> None:
    assert guess_type(["1,000.00", "7"]) == "number"
    assert guess_type(["12/03/2026"]) == "date"
    assert guess_type(["Yes"]) == "boolean"
    assert guess_type(["0412 2010 0098 731"]) == guess_type(["007"]) == guess_type(["7", "x"]) == "string"
    assert parse_boolean("true") is True
