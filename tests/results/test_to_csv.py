"""Rows as CSV."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.results.to_csv import CsvWriter


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def one_cell(text: str) -> str:
    (row,) = rows(CsvWriter(["a", "b"]).lines([{"a": text, "b": 1}]))
    return row[0]


def test_csv_has_a_heading_and_a_line_for_each_row() -> None:
    writer = CsvWriter(["a", "b"])
    assert writer.heading() == "a,b\r\n"
    assert writer.lines([{"b": 2, "a": None}, {"a": ["x", "y"], "c": 0}]) == ",2\r\nx; y,\r\n"
    assert writer.lines([]) == ""


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-x", "@SUM(A1)", "\tx", "\rx", "-1+1", "＝1", "--1"])
def test_csv_formula_is_escaped(cell: str) -> None:
    assert one_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-1", "+1,234.50", "-.5", "-1e5", "-5 %", "1=1", "- 3"])
def test_csv_number_is_not_escaped(cell: str) -> None:
    assert one_cell(cell) == cell


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])).filter(lambda text: text[:1].isalnum()))
def test_csv_any_text_survives(text: str) -> None:
    assert one_cell(text) == text
