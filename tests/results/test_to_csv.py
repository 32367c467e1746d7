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


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd", "-x", "@SUM(A1)", "\tx", "\rx", "-1+1", "＝1", "--1", "﹦1", "﹫x"]
)
def test_csv_formula_is_escaped(cell: str) -> None:
    assert one_cell(cell) == f"'{cell}"


INVISIBLE = (
    *("", " ", "\n", "\r\n", "\t", "\x0b", "\x00", "\x85", "\u00a0", "\u00ad", "\u034f", "\u061c", "\u115f"),
    *("\u180e", "\u2003", "\u200b", "\u200d", "\u200e", "\u2028", "\u202e", "\u2060", "\u2066", "\u2800"),
    *("\u3000", "\u3164", "\ufe0f", "\ufeff", "\ufff9", "\U000e0001", " \u200b\ufeff\n \u00a0"),
)


@pytest.mark.parametrize("before", INVISIBLE, ids=ascii)
def test_csv_formula_behind_invisible_characters_is_escaped(before: str) -> None:
    for formula in ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "＝1", "＋1+1", "－1-1", "＠x"):
        cell = before + formula
        assert one_cell(cell) == f"'{cell}"
    for harmless in ("text", "1=1", "a@b", "(=1)"):
        cell = before + harmless
        assert one_cell(cell) == (f"'{cell}" if before[:1] in ("\t", "\r") and before else cell)


@pytest.mark.parametrize(
    "cell", ["-1", "+1,234.50", "-.5", "-1e5", "-5 %", "1=1", "- 3", " -12.50 ", "\u00a0+7"]
)
def test_csv_number_is_not_escaped(cell: str) -> None:
    assert one_cell(cell) == cell


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])).filter(lambda text: text[:1].isalnum()))
def test_csv_any_text_survives(text: str) -> None:
    assert one_cell(text) == text
