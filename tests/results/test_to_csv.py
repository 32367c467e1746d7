"""Tables, line items and fields as CSV."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.results.fields import read_line_items
from docspeed_cli.results.tables import read_tables
from docspeed_cli.results.to_csv import NoSuchTable, to_csv
from docspeed_cli.results.to_text import NotConvertible
from tests.results.payloads import EXTRACT, OPERATIONS, TABLES, any_json


def rows(text: str) -> list[list[str]]:
    assert "\n" not in text.replace("\r\n", "")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_to_csv_tables_follow_one_another() -> None:
    assert to_csv("tables", TABLES) == "No,Item\r\n1,Bolt\r\n,Nut\r\n\r\na,b\r\nc,d|e\r\n"


@pytest.mark.parametrize("name", ["p1:t1", "Items", "items", "1"])
def test_to_csv_table_is_picked_by_name_title_or_number(name: str) -> None:
    assert to_csv("tables", TABLES, name) == "No,Item\r\n1,Bolt\r\n,Nut\r\n"


def test_to_csv_wrong_table_lists_the_names() -> None:
    with pytest.raises(NoSuchTable, match=r"no table 'x' in the result; it has p1:t1 \(Items\), p2:t1"):
        to_csv("tables", TABLES, "x")
    with pytest.raises(NoSuchTable, match="it has line_items, fields"):
        to_csv("extract", EXTRACT, "x")


def test_to_csv_line_items_are_the_default_of_extract() -> None:
    assert to_csv("extract", EXTRACT) == 'description,qty,amount\r\n"Bolt, M6",10,\r\n\'=cmd(),,5.0\r\n'
    assert to_csv("extract", EXTRACT, "line_items") == to_csv("extract", EXTRACT)


def test_to_csv_several_line_item_tables_become_one() -> None:
    payload = {"line_items": {"a": [{"x": 1}], "b": [{"y": {"value": 2, "region_ids": []}}]}, "fields": {}}
    assert rows(to_csv("extract", payload)) == [["table", "x", "y"], ["a", "1", ""], ["b", "", "2"]]
    assert rows(to_csv("extract", payload, "b")) == [["y"], ["2"]]
    with pytest.raises(NoSuchTable, match="it has a, b, fields"):
        to_csv("extract", payload, "x")


def test_to_csv_fields_have_a_row_each() -> None:
    written = rows(to_csv("extract", EXTRACT, "fields"))
    assert written == [
        ["key", "value", "page", "evidence"],
        ["invoice.number", "INV-1", "2", "No INV-1"],
        ["total", "-12.5", "1", "p1:l9"],
        ["po", "", "", ""],
        ["tags", "a; b", "", ""],
    ]
    assert rows(to_csv("extract", {"fields": EXTRACT["fields"], "line_items": {}})) == written


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-x", "@SUM(A1)", "\tx", "\rx", "-1+1", "＝1", "--1"])
def test_to_csv_formula_is_escaped(cell: str) -> None:
    assert rows(to_csv("tables", {"tables": [{"rows": [[cell]]}]})) == [[f"'{cell}"]]


@pytest.mark.parametrize("cell", ["-1", "+1,234.50", "-.5", "-1e5", "-5 %", "1=1", "- 3"])
def test_to_csv_number_is_not_escaped(cell: str) -> None:
    assert rows(to_csv("tables", {"tables": [{"rows": [[cell]]}]})) == [[cell]]


def test_to_csv_quotes_and_line_ends_survive() -> None:
    cells = ['say "hi"', "a,b", "two\nlines", ""]
    text = to_csv("tables", {"tables": [{"rows": [cells]}]})
    assert next(csv.reader(io.StringIO(text, newline=""))) == cells


@given(st.sampled_from(OPERATIONS), any_json(st.text(max_size=5)), st.text(max_size=4))
def test_to_csv_any_table_name_is_written_or_refused(operation: str, payload: Any, name: str) -> None:
    tables = [table.name for table in (read_tables(payload) or [])[:2]]
    for known in (name, *list(read_line_items(payload))[:2], *tables):
        with suppress(NoSuchTable, NotConvertible):
            to_csv(operation, payload, known)
