"""Payloads of every kind, and of no kind, as markdown, text and CSV."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.results.fields import fields, line_items
from docspeed_cli.results.pages import citations, pages, sections
from docspeed_cli.results.schema import outline
from docspeed_cli.results.tables import tables
from docspeed_cli.results.to_text import NoSuchTable, NotConvertible, to_csv, to_markdown, to_text
from tests.results.payloads import (
    CHAT,
    EXTRACT,
    OLDER_SCHEMA,
    OPERATIONS,
    PARSE,
    SCHEMA,
    SPLIT,
    TABLES,
    any_json,
    nested,
)


def rows(text: str) -> list[list[str]]:
    assert "\n" not in text.replace("\r\n", "")
    return list(csv.reader(io.StringIO(text, newline="")))


# -- markdown and text


def test_parse() -> None:
    assert to_markdown("parse", PARSE) == (
        "# Tax Invoice\n\n| Item | Qty |\n|---|---:|\n| Bolt | 10 |\n\n<!-- page 2 -->\n\nonly\nlines\n"
    )
    assert to_text("parse", PARSE) == "Tax Invoice\nNo INV-1\n\nonly\nlines\n"


def test_tables() -> None:
    assert to_markdown("tables", TABLES) == (
        "## Items (page 1)\n\n| No | Item |\n| --- | --- |\n| 1 | Bolt |\n|  | Nut |\n\n"
        "## Table p2:t1 (page 2)\n\n| a | b |\n| --- | --- |\n| c | d\\|e |\n"
    )
    assert to_text("tables", TABLES).splitlines() == [
        "Items (page 1)",
        "No  Item",
        "1   Bolt",
        "    Nut",
        "",
        "Table p2:t1 (page 2)",
        "a  b",
        "c  d|e",
    ]


def test_extract() -> None:
    assert to_markdown("extract", EXTRACT) == (
        "| Field | Value | Evidence |\n| --- | --- | --- |\n| invoice.number | INV-1 | page 2, p2:l3 |\n"
        "| total | -12.5 | page 1, p1:l9 |\n| po |  |  |\n| tags | a; b |  |\n\n"
        "## line_items\n\n| description | qty | amount |\n| --- | --- | --- |\n"
        "| Bolt, M6 | 10 |  |\n| =cmd() |  | 5.0 |\n"
    )
    text = to_text("extract", EXTRACT)
    assert text.startswith("invoice.number: INV-1\ntotal: -12.5\npo: \ntags: a; b\n\nline_items\ndescription")


def test_split() -> None:
    assert (
        "| Invoice | invoice | 1–3 |\n| Letter | letter | 5 |\n| Contract | contract | 7–8 |"
        in to_markdown("split", SPLIT)
    )
    assert to_text("split", SPLIT).splitlines()[1] == "pages 5    letter    Letter"


def test_schema() -> None:
    assert to_markdown("schema", SCHEMA) == (
        "# invoice\n\n- **invoice.number** (string): Invoice number\n- **tags** (list of string)\n"
        "- **line_items**: One row each\n  - **qty** (number)\n"
    )
    assert to_text("schema", OLDER_SCHEMA).splitlines() == [
        "invoice",
        "number (string): Invoice number",
        "seller",
        "  name (string): Who sells",
        "items: Rows",
        "  qty (number): How many",
        "  unit",
    ]


@pytest.mark.parametrize("operation", ["chat", "ask", "something"])
def test_chat(operation: str) -> None:
    assert to_text(operation, CHAT) == (
        "The total is **5**.\n\nSources:\n\n"
        "1. f1, page 2: “Total 5”\n2. f2\n   - page 1\n   - page 4: “five”\n"
    )
    assert to_markdown(operation, CHAT).startswith("The total is **5**.\n\n## Sources\n\n1. f1, page 2")


def test_an_unknown_operation_is_what_its_payload_looks_like() -> None:
    assert to_text("ocr", {"result": {"pages": ["one", {"text": "two"}]}}) == "one\n\ntwo\n"
    with pytest.raises(NotConvertible, match="layout result holds nothing that can be written as markdown"):
        to_markdown("layout", {"boxes": []})


@pytest.mark.parametrize(
    ("operation", "payload"),
    [
        ("parse", {"pages": []}),
        ("split", {"sections": []}),
        ("tables", {"tables": []}),
        ("extract", {"fields": {}}),
    ],
)
def test_an_empty_result_is_no_error(operation: str, payload: Any) -> None:
    assert isinstance(to_markdown(operation, payload), str)
    assert isinstance(to_text(operation, payload), str)


# -- CSV


def test_all_tables_one_after_the_other() -> None:
    assert to_csv("tables", TABLES) == "No,Item\r\n1,Bolt\r\n,Nut\r\n\r\na,b\r\nc,d|e\r\n"


@pytest.mark.parametrize("name", ["p1:t1", "Items", "items", "1"])
def test_one_table_by_its_names(name: str) -> None:
    assert to_csv("tables", TABLES, name) == "No,Item\r\n1,Bolt\r\n,Nut\r\n"


def test_a_wrong_name_lists_the_right_ones() -> None:
    with pytest.raises(NoSuchTable, match=r"no table 'x' in the result; it has p1:t1 \(Items\), p2:t1"):
        to_csv("tables", TABLES, "x")
    with pytest.raises(NoSuchTable, match="it has line_items, fields"):
        to_csv("extract", EXTRACT, "x")


def test_line_items() -> None:
    assert to_csv("extract", EXTRACT) == 'description,qty,amount\r\n"Bolt, M6",10,\r\n\'=cmd(),,5.0\r\n'
    assert to_csv("extract", EXTRACT, "line_items") == to_csv("extract", EXTRACT)


def test_several_structures_of_line_items_are_one_table() -> None:
    payload = {"line_items": {"a": [{"x": 1}], "b": [{"y": {"value": 2, "region_ids": []}}]}, "fields": {}}
    assert rows(to_csv("extract", payload)) == [["table", "x", "y"], ["a", "1", ""], ["b", "", "2"]]
    assert rows(to_csv("extract", payload, "b")) == [["y"], ["2"]]
    with pytest.raises(NoSuchTable, match="it has a, b, fields"):
        to_csv("extract", payload, "x")


def test_fields() -> None:
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
def test_formulas_are_made_inert(cell: str) -> None:
    assert rows(to_csv("tables", {"tables": [{"rows": [[cell]]}]})) == [[f"'{cell}"]]


@pytest.mark.parametrize("cell", ["-1", "+1,234.50", "-.5", "-1e5", "-5 %", "1=1", "- 3"])
def test_numbers_are_left_alone(cell: str) -> None:
    assert rows(to_csv("tables", {"tables": [{"rows": [[cell]]}]})) == [[cell]]


def test_quotes_and_line_ends_in_cells() -> None:
    cells = ['say "hi"', "a,b", "two\nlines", ""]
    text = to_csv("tables", {"tables": [{"rows": [cells]}]})
    assert next(csv.reader(io.StringIO(text, newline=""))) == cells


def test_half_a_surrogate_pair_can_be_written() -> None:
    assert to_text("parse", {"pages": ["a\ud800b"]}) == "a\ufffdb\n"


# -- readers


@pytest.mark.parametrize(
    "payload",
    [
        {"fields": {"a": {"b": {"value": 1, "region_ids": ["p3:l1"]}}}},
        {"fields": {"a": {"b": {"value": 1, "page_index": 2}}}},
        {"data": {"fields": [{"key": "a.b", "value": 1, "region_ids": ["p3:l1"]}]}},
        {"result": {"extraction": {"fields": [{"name": "a", "fields": {"b": {"value": 1, "page": 3}}}]}}},
        {"result": {"a.b": {"value": 1, "page_number": 3}}},
    ],
)
def test_fields_in_many_shapes(payload: Any) -> None:
    assert [(f.key, f.value, f.page) for f in fields(payload)] == [("a.b", 1, 3)]


def test_a_field_that_is_called_value() -> None:
    payload = {"fields": {"amount": {"value": {"value": 5, "region_ids": []}, "currency": {"value": "EUR"}}}}
    assert [(f.key, f.value) for f in fields(payload)] == [("amount.value", 5), ("amount.currency", "EUR")]


@pytest.mark.parametrize(
    "payload",
    [
        {"line_items": {"items": [{"x": 1}]}},
        {"line_items": {"items": {"rows": [{"x": 1}]}}},
        {"line_items": [{"key": "items", "rows": [{"x": 1}]}]},
        {"data": {"tables": [{"name": "items", "items": [{"fields": {"x": 1}}]}]}},
        {"tables": {"items": [{"cells": [{"key": "x", "value": 1}]}]}},
    ],
)
def test_line_items_in_many_shapes(payload: Any) -> None:
    assert to_csv("extract", payload, "items") == "x\r\n1\r\n"


@pytest.mark.parametrize(
    "table",
    [
        {
            "cells": [
                {"value": t, "row_index": r, "col_index": c}
                for r, c, t in [(0, 0, "a"), (0, 1, "b"), (1, 1, "d")]
            ]
        },
        {"cells": [{"text": t, "row": r, "col": c} for r, c, t in [(1, 1, "d"), (0, 0, "a"), (0, 1, "b")]]},
        {"cells": [["a", "b"], [{"value": None}, {"value": "d"}]]},
        {"rows": [["a", "b"], [None, "d"]]},
        {"columns": ["a", "b"], "rows": [["", "d"]]},
        {"headers": [{"name": "a"}, {"name": "b"}], "rows": [{"cells": ["", "d"]}]},
        {"rows": [{"a": None, "b": "d"}]},
        {"columns": ["a", "b"], "cells": [{"value": "d", "row_index": 1, "col_index": 1}]},
    ],
)
def test_tables_in_many_shapes(table: Any) -> None:
    assert [t.grid for t in tables({"tables": [table]})] == [[["a", "b"], ["", "d"]]]


def test_tables_that_stand_in_pages() -> None:
    (table,) = tables({"pages": [{"page_index": 4, "tables": [{"rows": [["x"]]}]}]})
    assert (table.page, table.grid) == (5, [["x"]])


@pytest.mark.parametrize("index", [10**9, 10**15, 10**30])
def test_a_huge_index_takes_no_memory(index: int) -> None:
    cells = [
        {"value": "a", "row_index": index, "col_index": 0},
        {"value": "b", "row_index": 0, "col_index": index},
    ]
    (table,) = tables({"tables": [{"cells": cells}]})
    assert sorted(text for row in table.grid for text in row if text) == ["a", "b"]
    many = [{"value": "x", "row_index": n, "col_index": n} for n in range(20_000)]
    assert sum(map(len, tables({"tables": [{"cells": many}]})[0].grid)) == 20_000


@pytest.mark.parametrize(
    "section",
    [
        {"start_page_index": 1, "end_page_index": 3},
        {"start_page": 2, "end_page": 4},
        {"page_range": [2, 4]},
        {"page_range": {"start": 2, "end": 4}},
        {"page_range": "2-4"},
        {"pages": [2, 3, 4]},
        {"pages": [{"page_index": 1}, {"page_index": 3}]},
        {"page_indices": [1, 2, 3]},
    ],
)
def test_page_ranges_in_many_shapes(section: Any) -> None:
    assert [(s.first, s.last) for s in sections({"sections": [section]})] == [(2, 4)]


def test_a_page_of_nothing_is_still_a_page() -> None:
    assert [(p.number, p.text) for p in pages({"pages": [{"page_index": 3}, None]})] == [(4, "")]


# -- anything


@pytest.mark.parametrize("write", [to_markdown, to_text, to_csv])
@given(operation=st.sampled_from(OPERATIONS), payload=any_json(st.text(max_size=5)))
def test_no_payload_is_too_strange(write: Callable[[str, Any], str], operation: str, payload: Any) -> None:
    with suppress(NotConvertible):
        write(operation, payload).encode()


@given(st.sampled_from(OPERATIONS), any_json(st.text(max_size=5)), st.text(max_size=4))
def test_no_table_name_is_too_strange(operation: str, payload: Any, name: str) -> None:
    for known in (name, *list(line_items(payload))[:2], *(found.name for found in list(tables(payload))[:2])):
        with suppress(NoSuchTable, NotConvertible):
            to_csv(operation, payload, known)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "name", [None, "fields", "tables", "line_items", "value", "cells", "pages", "result", "items"]
)
def test_nesting_is_no_crash(operation: str, name: str | None) -> None:
    for payload in (
        nested(950, name),
        {name or "fields": nested(950, None)},
        {"fields": {"a": nested(950, name)}},
    ):
        for write in (to_markdown, to_text, to_csv):
            with suppress(NoSuchTable, NotConvertible):
                write(operation, payload)
        outline(payload)
        citations(payload)
        line_items(payload)


def test_a_large_payload_is_written_quickly() -> None:
    cells = [{"value": f"{r}.{c}", "row_index": r, "col_index": c} for r in range(5000) for c in range(10)]
    started = time.perf_counter()
    assert to_csv("tables", {"tables": [{"cells": cells}]}).count("\r\n") == 5000
    assert time.perf_counter() - started < 5
