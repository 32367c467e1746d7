"""Numbers and dates where they are certain, text where they are not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docspeed_cli.results.cells import NOT_A_DATE, NOT_A_NUMBER, TOO_MANY_DIGITS, typed_cell


@pytest.mark.parametrize(
    ("value", "kind", "cell", "decimals"),
    [
        (1234.5, "", 1234.5, 1),
        (7, "", 7, 0),
        ("1234.50", "number", 1234.5, 2),
        ("1,240.00", "number", 1240, 2),
        ("12,34,567.89", "number", 1234567.89, 2),
        ("1.240,00", "number", 1240, 2),
        ("-1.234.567", "number", -1234567, 0),
        ({"value": 0.125, "region_ids": []}, "number", 0.125, 3),
        ([5], "list of number", 5, 0),
        (True, "", True, None),
        ("2026-03-02", "", date(2026, 3, 2), None),
        ("25/03/2026", "date", date(2026, 3, 25), None),
        ("3.3.2026", "date", date(2026, 3, 3), None),
        ("02.03.2026", "date", date(2026, 3, 2), None),
        ("2. März 2026", "date", date(2026, 3, 2), None),
        ("2nd March 2026", "date", date(2026, 3, 2), None),
        ("Mar 2, 2026", "Date", date(2026, 3, 2), None),
    ],
)
def test_typed_cell_certain_value_is_a_number_or_a_date(
    value: Any, kind: str, cell: Any, decimals: int | None
) -> None:
    found = typed_cell(value, kind)
    assert (found.value, found.decimals, found.problem) == (cell, decimals, "")
    assert type(found.value) in (type(cell), float)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("00123", ""),
        ("1234.50", ""),
        ("29AAGCK4821M1Z4", ""),
        ("DE89 3704 0044 0532 0130 00", ""),
        ("1E5", ""),
        (4500123, "string"),
        (4500123, "String"),
        ("2026-03-02", "string"),
        ("2026-02-30", ""),
        (["a", "b"], "list of string"),
    ],
)
def test_typed_cell_text_stays_text(value: Any, kind: str) -> None:
    found = typed_cell(value, kind)
    assert isinstance(found.value, str)
    assert found.problem == ""


@pytest.mark.parametrize(
    "text", ["1,240", "1.240", "007", "₹ 5", "n/a", "1.2.3", "(5)", "1,23", "12,3456", "850,01,021", "5 %"]
)
def test_typed_cell_uncertain_number_is_text_with_a_problem(text: str) -> None:
    assert typed_cell(text, "number") == (text, None, NOT_A_NUMBER)


@pytest.mark.parametrize(
    "text",
    [
        "02/03/2026",
        "2/3/26",
        "31.02.2026",
        "March 2026",
        "1899-12-31",
        "2 Ju 2026",
        "25/03/26",
        "2026-03-02T10:00:00Z",
    ],
)
def test_typed_cell_uncertain_date_is_text_with_a_problem(text: str) -> None:
    assert typed_cell(text, "date") == (text, None, NOT_A_DATE)


@pytest.mark.parametrize("number", [12345678901234567, 0.30000000000000004, 1e300, 10**400])
def test_typed_cell_number_that_a_spreadsheet_would_change_is_text(number: Any) -> None:
    value, _, problem = typed_cell(number, "number")
    assert isinstance(value, str)
    assert Decimal(value) == Decimal(str(number))
    assert problem == TOO_MANY_DIGITS


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
@example(9.91837465255095e-17)
def test_typed_cell_number_keeps_its_value_to_the_last_digit(number: Any) -> None:
    value = typed_cell(number).value
    assert Decimal(str(value)) == Decimal(str(number))
