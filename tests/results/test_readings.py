"""Numbers and dates as documents print them."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.results.readings import decimal_mark, have_other_units, read_date, read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"),
        ("1,240.00", "1240.00"),
        ("1.240,00", "1240.00"),
        ("1 240,00", "1240.00"),
        ("1\u202f240,5", "1240.5"),
        ("1'240.00", "1240.00"),
        ("1’240.00", "1240.00"),
        ("1,24,000.00", "124000.00"),
        ("12.345.678", "12345678"),
        ("(12.50)", "-12.50"),
        ("12.50-", "-12.50"),
        ("−5,00", "-5.00"),
        ("-$12.50", "-12.50"),
        ("$-12.50", "-12.50"),
        ("₹ 42", "42"),
        ("USD 12", "12"),
        ("12 EUR", "12"),
        ("12,50€", "12.50"),
        ("Rs. 1,200.00", "1200.00"),
        ("18 %", "18"),
        (".5", "0.5"),
        ("0.125", "0.125"),
        ("1234.567", "1234.567"),
        ("१२३", "123"),
        ("CHF 1'000.-", "1000"),
        ("1.000,—", "1000"),
        ("5,-- €", "5"),
        ("$(12.50)", "-12.50"),
        ("EUR (1.240,00)", "-1240.00"),
        ("\u200e-5\u200e", "-5"),
        ("\u202a1,240.00\u202c", "1240.00"),
        ("Rs. 1,24,000/-", "124000"),
        ("₹1,24,000.50/-", "124000.50"),
        ("240:- SEK", "240"),
        ("1.240,00 Euro", "1240.00"),
        ("Rupees 12", "12"),
        ("NZ$12.50", "12.50"),
        ("25 000 FCFA", "25000"),
    ],
)
def test_read_number_of_a_printed_amount_returns_its_value(text: str, number: str) -> None:
    assert read_number(text) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "007",
        "INV 12",
        "12 May",
        "12 pcs",
        "1,2,3",
        "1,23,45",
        "1.2.3",
        "(12",
        "12)",
        "--1",
        "EUR 5 EUR",
        "2026-03-02",
        "1e5",
        "12/3",
        "12/-3",
        "12 months",
        "1,240.000,5",
        "9" * 61,
    ],
)
def test_read_number_of_another_text_returns_none(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("text", "mark", "number"),
    [("1.240", None, "1.240"), ("1.240", ",", "1240"), ("1,240", None, "1240"), ("1,240", ",", "1.240")],
)
def test_read_number_of_an_ambiguous_amount_follows_the_document(
    text: str, mark: str | None, number: str
) -> None:
    assert str(read_number(text, lambda: mark)) == number


def test_decimal_mark_is_what_the_other_numbers_show() -> None:
    assert decimal_mark(["1.240", "12,50", "INV 1,5"]) == ","
    assert decimal_mark(["1,240", "EUR 12.5"]) == "."
    assert decimal_mark(["1,240", "12"]) is None
    assert decimal_mark(["1.240,00", "12.5"]) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
def test_read_number_of_any_amount_in_any_form_returns_its_value(number: Decimal) -> None:
    english = f"{number:,.2f}"
    assert read_number(english) == number
    assert read_number(english.translate(str.maketrans(",.", ".,"))) == number
    assert read_number(f"€ {english}") == number


@given(st.text(max_size=80))
def test_readings_of_any_text_raise_nothing(text: str) -> None:
    read_number(text)
    read_date(text)
    decimal_mark([text])


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02",
        "2026/3/2",
        "2026-03-02T10:00:00Z",
        "2 March 2026",
        "March 2, 2026",
        "Mar 2 2026",
        "02-Mar-26",
        "02.03.2026",
        "2. März 2026",
        "2 mars 2026",
        "2 de marzo de 2026",
        "2nd of March 2026",
        "Monday, 2 March 2026",
        "2\xa0March\xa02026",
        "Monday 2 March 2026",
        "lundi 2 mars 2026",
        "lunes, 2 de marzo de 2026",
        "Mo., den 2. März 2026",
        "2 marca 2026",
        "2. marts 2026",
        "2. 3. 2026",
        "02. 03. 2026",
        "02.03.2026 14:05",
        "02.03.2026, 14:05:09 Uhr",
        "March 2,2026",
        "March 2 , 2026",
        *(f"{day} 2. 3. 2026" for day in ("Vie,", "gio", "sáb.", "wo,", "Qui,", "tors", "tir.", "śr.")),
    ],
)
def test_read_date_of_a_printed_date_returns_its_day(text: str) -> None:
    assert read_date(text) == date(2026, 3, 2)


def test_read_date_reads_both_forms_of_a_polish_month() -> None:
    assert read_date("2 grudzień 2026") == read_date("2 grudnia 2026") == date(2026, 12, 2)


def test_read_date_between_slashes_returns_a_day_only_if_one_is_possible() -> None:
    assert read_date("13/03/2026") == read_date("03/13/2026") == date(2026, 3, 13)
    assert read_date("03/03/2026") == date(2026, 3, 3)
    assert read_date("02/03/2026") is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "May 2026", "31.02.2026", "26-03-02", "2 Foo 2026", "2026", "20260302", "00/00/0000"),
        *("Berlin, 2 March 2026", "Invoice 2 March 2026", "Monday", "1.2.3.2026", "2. 3. 2026 rev. 4"),
    ],
)
def test_read_date_of_another_text_returns_none(text: str) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize(
    ("text", "other", "differ"),
    [
        ("5 EUR", "USD 5", True),
        ("€5", "$5", True),
        ("5 %", "5 EUR", True),
        ("5 EUR", "5,00 EUR", False),
        ("5 EUR", "5", False),
        ("€5", "5 EUR", False),
        ("Rs. 5", "INR 5", False),
        ("US$ 5", "5 USD", False),
        ("￥5", "¥5", False),
        ("five", "5 EUR", False),
    ],
)
def test_have_other_units_is_true_only_where_that_is_certain(text: str, other: str, differ: bool) -> None:
    assert have_other_units(text, other) == have_other_units(other, text) == differ
