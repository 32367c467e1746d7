"""A reviewer's corrections, and the result with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docspeed_cli.results.corrections import corrected, rejection_among
from docspeed_cli.results.decisions import CORRECTED, Decision, read_decisions
from docspeed_cli.results.facts import Facts
from docspeed_cli.results.tables import read_tables

PAYLOADS: dict[str, Any] = {
    "objects": {
        "fields": {"seller": {"name": {"value": "a", "region_ids": ["p1:l1"]}}, "plain": "b"},
        "line_items": [{"amount": {"value": "1"}}, {"amount": {"value": "2", "region_ids": ["p1:l2"]}}],
    },
    "lists": {
        "result": {
            "fields": [
                {"key": "seller.name", "value": "a", "region_ids": ["p1:l1"]},
                {"key": "plain", "value": "b"},
            ],
            "tables": [
                {"key": "line_items", "rows": [{"amount": "1"}, {"cells": {"amount": {"value": "2"}}}]}
            ],
        }
    },
    "older": {
        "invoice_level_fields": {"seller": {"name": {"value": "a"}}, "plain": {"value": "b", "page": 1}},
        "line_item_structures": {"line_items": [{"amount": {"value": "1"}}, {"amount": {"value": "2"}}]},
    },
}


def correction_of(field: str, old: Any, new: Any, reviewer: str | None = None) -> Decision:
    return Decision(field, CORRECTED, new, old, reviewer)


def value(payload: Any, key: str) -> Any:
    facts = Facts(payload)
    cells = [cell for rows in facts.tables.values() for row in rows for cell in row.values()]
    return next((field.value for field in [*facts.fields.values(), *cells] if field.key == key), None)


@pytest.mark.parametrize("form", PAYLOADS)
@pytest.mark.parametrize("key", ["seller.name", "plain", "line_items[2].amount"])
def test_corrected_result_has_the_new_value_in_every_form(form: str, key: str) -> None:
    payload = PAYLOADS[form]
    before = value(payload, key)
    changed, _, lost = corrected(payload, [correction_of(key, before, "new")])
    assert (value(changed, key), lost) == ("new", [])
    assert value(payload, key) == before != "new"
    others = {"seller.name", "plain", "line_items[1].amount", "line_items[2].amount"} - {key}
    assert all(value(changed, other) == value(payload, other) for other in others)


def test_corrected_value_keeps_its_evidence() -> None:
    changed, *_ = corrected(PAYLOADS["objects"], [correction_of("seller.name", "a", "b")])
    assert changed["fields"]["seller"]["name"] == {"value": "b", "region_ids": ["p1:l1"]}


@pytest.mark.parametrize(
    ("row", "added"),
    [
        ({"amount": {"value": 1}, "qty": {"value": 2}}, {"amount": {"value": 1}, "qty": {"value": 3}}),
        ({"amount": 1, "qty": 2}, {"amount": 1, "qty": 3}),
        ({"cells": {"amount": 1, "qty": 2}}, {"cells": {"amount": 1, "qty": 3}}),
    ],
)
def test_corrected_row_gets_a_cell_that_only_other_rows_have(row: Any, added: Any) -> None:
    shorter = json.loads(json.dumps(row))
    shorter.get("cells", shorter).pop("qty")
    payload = {"line_items": {"items": [row, shorter]}}
    made = [correction_of("items[2].qty", None, 3), correction_of("items[2].none", None, 3)]
    changed, _, lost = corrected(payload, made)
    assert (changed["line_items"]["items"][1], lost) == (added, made[1:])


GROUNDED = {"value": 1, "page_index": 0}
HARD_KEYS: dict[str, Any] = {
    "dots": {"fields": {"a.b": GROUNDED, "a": {"c": GROUNDED}, "a..b": GROUNDED, ".": GROUNDED}},
    "brackets": {"fields": {"total [net]": GROUNDED, "x[2]": GROUNDED}, "line_items": [{"qty [kg]": 1}]},
    "lists": {"fields": {"x[2]": GROUNDED, "x": [{"y": GROUNDED}, {"y": GROUNDED}]}},
    "names that are values": {
        "fields": {"parties": [{"name": "A", "city": "B"}, {"name": "C", "city": "D"}]}
    },
    "empty rows": {"line_items": [{}, {"x": 1}, None, {"x": 2}]},
    "one table over two pages": {
        "tables": [{"name": "t", "rows": [{"x": 1}]}, {"name": "t", "rows": [{"x": 2}]}, {"rows": [{"x": 3}]}]
    },
    "no member for fields": {"total": GROUNDED, "date": GROUNDED, "file_id": "f"},
    "a field without a value": {"fields": [{"key": "a", "region_ids": []}, {"key": "b", "value": 2}]},
    "a field and a table of one name": {
        "fields": {"items": GROUNDED, "q": 1},
        "line_items": {"items": [{"q": 2}]},
    },
}


@pytest.mark.parametrize("form", HARD_KEYS)
def test_corrected_result_changes_the_one_value_that_was_corrected(form: str) -> None:
    def values(payload: Any) -> dict[str, Any]:
        facts = Facts(payload)
        cells = [cell for rows in facts.tables.values() for row in rows for cell in row.values()]
        return {field.key: field.value for field in [*facts.fields.values(), *cells]}

    before = values(HARD_KEYS[form])
    assert len(before) > 1
    for key in before:
        changed, _, lost = corrected(HARD_KEYS[form], [correction_of(key, before[key], "new")])
        assert (values(changed), lost) == (before | {key: "new"}, [])


def test_corrected_result_with_two_values_of_one_key_changes_neither() -> None:
    payload = {"fields": [{"key": "a", "value": 1}, {"key": "a", "value": 2}]}
    made = [correction_of("a", 1, 3)]
    assert corrected(payload, made) == (payload, [], made)


def test_corrected_table_gets_a_cell_that_only_other_rows_have() -> None:
    rows = [{"Item": "Pump", "Tax": "1"}, {"Item": "Hose"}]
    made = [correction_of("tables[1][3].Tax", "", "2")]
    changed, _, lost = corrected({"tables": [{"rows": rows}]}, made)
    assert (changed["tables"][0]["rows"][1], lost) == ({"Item": "Hose", "Tax": "2"}, [])
    below = {"row_index": 2, "col_index": 0, "text": "Hose"}
    changed, _, lost = corrected({"tables": [{"cells": [*CELLS, below]}]}, made)
    assert (texts(changed)[2], lost) == (["Hose", "2"], [])


@pytest.mark.parametrize(
    "key", ["nowhere", "line_items[9].amount", "line_items[0].amount", "", "seller.name.x"]
)
def test_corrected_result_without_the_place_reports_the_correction(key: str) -> None:
    correction = correction_of(key, None, "new")
    changed, _, lost = corrected(PAYLOADS["objects"], [correction])
    assert (changed, lost) == (PAYLOADS["objects"], [correction])


CELLS = [
    {"row_index": row, "col_index": column, "text": text, "region_ids": ["p1:l1"]}
    for row, texts in enumerate((("Item", "Tax"), ("Pump", "1")))
    for column, text in enumerate(texts)
]
TABLES: dict[str, Any] = {
    "cells": {"tables": [{"cells": CELLS}]},
    "cells below headings": {"tables": [{"columns": ["Item", "Tax"], "cells": CELLS[2:]}]},
    "objects": {"result": {"tables": [{"rows": [{"Item": "Pump", "Tax": {"value": "1"}}]}]}},
    "objects with cells": {"tables": [{"rows": [{"cells": {"Item": "Pump", "Tax": "1"}}]}]},
    "lists": {"tables": [{"rows": [["Item", "Tax"], ["Pump", "1"]]}]},
    "lists below headings": {"tables": [{"headers": ["Item", "Tax"], "rows": [["Pump", {"text": "1"}]]}]},
    "on a page": {"pages": [{"page": 1, "tables": [{"cells": CELLS}]}]},
}


def texts(payload: Any) -> list[list[str]]:
    (table,) = read_tables(payload) or []
    return table.grid


@pytest.mark.parametrize("form", TABLES)
def test_corrected_table_has_the_new_cell_in_every_form(form: str) -> None:
    payload = TABLES[form]
    made = [correction_of("tables[1][2].Item", "Pump", "Valve"), correction_of("tables[1][2].Tax", "1", "2")]
    changed, _, lost = corrected(payload, made)
    assert (texts(changed), lost) == ([["Item", "Tax"], ["Valve", "2"]], [])
    assert texts(payload) == [["Item", "Tax"], ["Pump", "1"]]


def test_corrected_heading_does_not_lose_the_cells_below_it() -> None:
    made = [correction_of("tables[1][1].Tax", "Tax", "VAT"), correction_of("tables[1][2].Tax", "1", "2")]
    changed, _, lost = corrected(TABLES["cells"], made)
    assert (texts(changed), lost) == ([["Item", "VAT"], ["Pump", "2"]], [])
    assert changed["tables"][0]["cells"][3] == {**CELLS[3], "text": "2"}


@pytest.mark.parametrize("cell", [{**CELLS[3], "text": "x"}, {**CELLS[3], "row_index": 10**6}])
def test_corrected_table_refuses_a_cell_whose_place_is_not_certain(cell: dict[str, Any]) -> None:
    payload = {"tables": [{"cells": [*CELLS, cell]}]}
    made = [correction_of("tables[1][2].Tax", "1", "2"), correction_of("tables[1][9].Tax", "", "2")]
    assert corrected(payload, made) == (payload, [], made)


def test_corrected_result_has_the_last_correction_of_each_field_and_no_other_decision() -> None:
    content = {
        "corrections": [{"field": "a", "new": 1}, {"field": "a", "new": 2, "reviewer": "ann", "extra": 1}],
        "decisions": [{"field": "b", "decision": "accepted"}, {"field": "a", "decision": "note"}],
    }
    payload = {"fields": {"a": None, "b": 3}}
    found = corrected(payload, read_decisions(content).values())
    assert found == ({"fields": {"a": 2, "b": 3}}, [correction_of("a", None, 2, "ann")], [])


@pytest.mark.parametrize(
    ("decided", "words"),
    [
        ([{"decision": "rejected"}], "rejected"),
        (
            [{"decision": "note", "text": "blurred"}, {"decision": "rejected", "reviewer": "ann"}],
            "rejected by ann: blurred",
        ),
        ([{"decision": "note", "text": "blurred"}, {"decision": "accepted", "field": "a"}], ""),
    ],
)
def test_rejection_among_decisions_has_the_reviewer_and_the_note(decided: Any, words: str) -> None:
    assert rejection_among(read_decisions({"corrections": [], "decisions": decided})) == words
