"""Expected results against actual ones: what differs, and what only looks different."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from docspeed_cli.results.compare import CompareOptions, Comparison, RowScore, compare_payloads


def cell(value: Any, region: str = "p1:l1") -> dict[str, Any]:
    return {"value": value, "region_ids": [region], "text": str(value)}


EXPECTED: dict[str, Any] = {
    "doc_class": "invoice",
    "fields": {
        "invoice_number": cell("INV-0042"),
        "supplier": {"name": cell("Blue  Hill\nLtd"), "vat": cell("00123")},
        "total": cell("1,240.00"),
        "date": cell("2 March 2026"),
        "paid": cell(False),
        "po_number": cell(None),
        "tags": [cell("a"), cell("b")],
    },
    "line_items": [
        {"description": cell("Copper wire"), "quantity": cell("2"), "amount": cell("500.00")},
        {"description": cell("Paper"), "quantity": cell("1"), "amount": cell("240.00")},
        {"description": cell("Shipping"), "quantity": cell("1"), "amount": cell("500.00")},
    ],
}


def compared(actual: Any, expected: Any = EXPECTED, **options: Any) -> Comparison:
    return compare_payloads(expected, actual, CompareOptions(**options))


def found(actual: Any, **options: Any) -> list[tuple[str, str]]:
    return [(each.key, each.kind) for each in compared(actual, **options).differences]


def changed(change: Callable[[Any], object]) -> Any:
    payload = copy.deepcopy(EXPECTED)
    change(payload)
    return payload


def with_field(name: str, value: Any) -> Any:
    return changed(lambda payload: payload["fields"].update({name: cell(value, "p9:l9")}))


def with_item(index: int, name: str, value: Any) -> Any:
    return changed(lambda payload: payload["line_items"][index].update({name: cell(value)}))


SAME = {
    "number in another form": with_field("total", "1240"),
    "number of JSON": with_field("total", 1240.0),
    "number in European form": with_field("total", "1.240,00 €"),
    "date in another form": with_field("date", "2026-03-02"),
    "region and text": with_field("invoice_number", "INV-0042"),
    "null for empty": with_field("po_number", ""),
    "no member for null": changed(lambda payload: payload["fields"].pop("po_number")),
    "new field of the server": with_field("iban", "DE00"),
    "new member of the server": changed(lambda payload: payload.update(usage={"pages": 2}, job_id="job_9")),
    "new column of the server": with_item(0, "sku", "W-1"),
    "order of the keys": changed(
        lambda payload: payload.update(fields=dict(reversed(payload["fields"].items())))
    ),
    "order of the columns": changed(
        lambda payload: payload.update(
            line_items=[dict(reversed(row.items())) for row in payload["line_items"]]
        )
    ),
    "order of the rows": changed(lambda payload: payload["line_items"].reverse()),
    "white space": changed(
        lambda payload: payload["fields"]["supplier"].update(name=cell(" Blue Hill\u00a0Ltd"))
    ),
    "wrapped payload": {"result": EXPECTED},
}


@pytest.mark.parametrize("name", SAME)
def test_compare_of_what_only_looks_different_finds_nothing(name: str) -> None:
    assert found(SAME[name]) == []


def test_compare_of_another_currency_is_a_difference() -> None:
    euros = with_field("total", "1,240.00 EUR")
    assert [each.kind for each in compared(with_field("total", "USD 1,240"), euros).differences] == [
        "changed"
    ]
    assert compared(with_field("total", "€1.240,00"), euros).differences == []


def test_compare_of_another_time_of_day_is_a_difference() -> None:
    ten = with_field("date", "2026-03-02T10:00:00Z")
    assert [each.kind for each in compared(with_field("date", "02.03.2026, 14:00"), ten).differences] == [
        "changed"
    ]
    assert compared(with_field("date", "2 March 2026"), ten).differences == []
    assert compared(with_field("date", "02.03.2026 10:00"), ten).differences == []


SEEDED = {
    "text": (with_field("invoice_number", "INV-0043"), [("invoice_number", "changed")]),
    "case": (with_field("invoice_number", "inv-0042"), [("invoice_number", "changed")]),
    "digit": (with_field("total", "1,240.01"), [("total", "changed")]),
    "sign": (with_field("total", "-1,240.00"), [("total", "changed")]),
    "lost decimal mark": (with_field("total", "124000"), [("total", "changed")]),
    "day": (with_field("date", "3 March 2026"), [("date", "changed")]),
    "ambiguous date": (with_field("date", "02/03/2026"), [("date", "changed")]),
    "leading zeros": (
        changed(lambda payload: payload["fields"]["supplier"].update(vat=cell("123"))),
        [("supplier.vat", "changed")],
    ),
    "truth": (with_field("paid", True), [("paid", "changed")]),
    "value lost": (with_field("total", None), [("total", "missing")]),
    "field lost": (changed(lambda payload: payload["fields"].pop("date")), [("date", "missing")]),
    "value invented": (with_field("po_number", "PO-1"), [("po_number", "extra")]),
    "item of a list": (
        changed(lambda payload: payload["fields"].update(tags=[cell("a"), cell("c")])),
        [("tags", "changed")],
    ),
    "shorter list": (
        changed(lambda payload: payload["fields"].update(tags=[cell("a")])),
        [("tags", "changed")],
    ),
    "group lost": (
        changed(lambda payload: payload["fields"].pop("supplier")),
        [("supplier.name", "missing"), ("supplier.vat", "missing")],
    ),
    "cell": (with_item(1, "amount", "204.00"), [("line_items[2].amount", "changed")]),
    "cell lost": (with_item(1, "amount", None), [("line_items[2].amount", "missing")]),
    "first row lost": (
        changed(lambda payload: payload["line_items"].pop(0)),
        [("line_items[1]", "row missing")],
    ),
    "last row lost": (
        changed(lambda payload: payload["line_items"].pop()),
        [("line_items[3]", "row missing")],
    ),
    "row invented": (
        changed(lambda payload: payload["line_items"].insert(1, {"description": cell("Pens")})),
        [("line_items[2]", "row extra")],
    ),
    "row doubled": (
        changed(lambda payload: payload["line_items"].append(payload["line_items"][0])),
        [("line_items[4]", "row extra")],
    ),
    "row replaced": (
        changed(
            lambda payload: payload["line_items"].__setitem__(
                1, {"description": cell("Ink"), "quantity": cell("9"), "amount": cell("1.00")}
            )
        ),
        [("line_items[2]", "row missing"), ("line_items[2]", "row extra")],
    ),
    "table lost": (
        changed(lambda payload: payload.pop("line_items")),
        [(f"line_items[{number}]", "row missing") for number in (1, 2, 3)],
    ),
}


@pytest.mark.parametrize("name", SEEDED)
def test_compare_of_a_seeded_change_names_its_place_and_kind(name: str) -> None:
    actual, differences = SEEDED[name]
    assert found(actual) == differences


def test_compare_of_two_changes_in_reordered_rows_finds_the_cells() -> None:
    actual = with_item(2, "quantity", "3")
    actual["line_items"].reverse()
    assert found(actual) == [("line_items[3].quantity", "changed")]


def test_compare_by_a_key_column_tells_a_changed_row_from_a_lost_one() -> None:
    actual = with_item(1, "description", "Card")
    assert found(actual) == [("line_items[2].description", "changed")]
    by_key = {"row_keys": {"line_items": ["description"]}}
    assert found(actual, **by_key) == [("line_items[2]", "row missing"), ("line_items[2]", "row extra")]
    assert found(with_item(1, "amount", "1"), **by_key) == [("line_items[2].amount", "changed")]


def test_compare_within_the_tolerance_finds_nothing() -> None:
    assert found(with_field("total", "1,240.01"), tolerance=Decimal("0.01")) == []
    assert found(with_field("total", "1,240.02"), tolerance=Decimal("0.01")) == [("total", "changed")]


@pytest.mark.parametrize(
    ("pattern", "actual"),
    [
        ("total", with_field("total", "1")),
        ("supplier", changed(lambda payload: payload["fields"].pop("supplier"))),
        ("supplier.*", changed(lambda payload: payload["fields"].pop("supplier"))),
        ("line_items.amount", with_item(0, "amount", "1")),
        ("line_items", changed(lambda payload: payload.pop("line_items"))),
        ("*.amount", with_item(0, "amount", "1")),
    ],
)
def test_compare_of_an_ignored_key_finds_nothing(pattern: str, actual: Any) -> None:
    assert found(actual, ignore=[pattern]) == []


def test_compare_by_rules_of_case_and_exactness() -> None:
    assert found(with_field("invoice_number", "inv-0042"), ignore_case=["invoice_number"]) == []
    assert found(with_field("total", "1240"), exact=["total"]) == [("total", "changed")]


def test_compare_scores_each_key_and_the_rows() -> None:
    actual = with_item(1, "amount", "1.00")
    actual["line_items"].pop(0)
    actual["line_items"].append({"description": cell("Pens")})
    result = compared(actual)
    assert result.rows["line_items"] == RowScore(matched=2, expected=3, actual=3)
    assert (result.rows["line_items"].precision, result.rows["line_items"].recall) == (2 / 3, 2 / 3)
    assert result.keys["line_items.amount"] == (1, 3)
    assert result.keys["line_items.description"] == (2, 4)
    assert result.keys["total"].accuracy == 1.0
    assert result.score == (
        sum(s.right for s in result.keys.values()),
        sum(s.total for s in result.keys.values()),
    )


def test_compare_of_other_results_ignores_places() -> None:
    expected = {
        "pages": [{"page_index": 0, "text": "One", "regions": [{"id": "p1:l1", "bbox": [0, 0, 1, 1]}]}]
    }
    actual = {"pages": [{"page_index": 0, "text": "One ", "regions": []}], "usage": 1}
    assert compared(actual, expected).differences == []
    actual["pages"][0]["text"] = "Two"  # type: ignore[index]
    (difference,) = compared(actual, expected).differences
    assert difference.key in ("pages[1]", "pages[1].text")


def test_compare_of_tables_finds_the_cell() -> None:
    def table(last: str) -> Any:
        texts = [("Item", 0, 0), ("Price", 0, 1), ("Wire", 1, 0), (last, 1, 1)]
        cells = [{"value": value, "row_index": row, "col_index": column} for value, row, column in texts]
        return {"tables": [{"table_id": "p1:t1", "cells": cells}]}

    assert compared(table("5.00"), table("5")).differences == []
    assert len(compared(table("6"), table("5")).differences) == 1


def test_compare_of_tables_with_two_columns_of_one_heading_compares_both() -> None:
    def table(*cells: str) -> Any:
        return {"tables": [{"rows": [["Tax", "Tax"], list(cells)]}]}

    for change, column in ((("7", "2"), "Tax"), (("1", "7"), "Tax 2")):
        (difference,) = compared(table(*change), table("1", "2")).differences
        assert difference.key == f"tables[1][2].{column}"


@pytest.mark.parametrize("payload", [None, [], {}, "text", {"fields": []}, {"line_items": [1, None]}, [[[]]]])
def test_compare_of_any_payloads_raises_nothing(payload: Any) -> None:
    compared(payload)
    compared(EXPECTED, payload)
    assert compared(payload, payload).differences == []


def test_compare_of_long_tables_with_one_change_finds_it() -> None:
    rows = [{"n": cell(str(number)), "text": cell(f"row {number}")} for number in range(3000)]
    other = [dict(row) for row in rows]
    other[1500] = {"n": cell("1500"), "text": cell("changed")}
    result = compared({"line_items": other}, {"line_items": rows})
    assert [(each.key, each.kind) for each in result.differences] == [("line_items[1501].text", "changed")]
