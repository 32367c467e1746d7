"""Fields and line items in the shapes that the service may return them in."""

from __future__ import annotations

from typing import Any

import pytest

from docspeed_cli.results.fields import read_fields, read_line_items


@pytest.mark.parametrize(
    "payload",
    [
        {"fields": {"a": {"b": {"value": 1, "region_ids": ["p3:l1"]}}}},
        {"fields": {"a": {"b": {"value": 1, "page_index": 2}}}},
        {"data": {"fields": [{"key": "a.b", "value": 1, "region_ids": ["p3:l1"]}]}},
        {"result": {"data": {"fields": [{"name": "a", "fields": {"b": {"value": 1, "page": 3}}}]}}},
        {"result": {"a.b": {"value": 1, "page_number": 3}}},
    ],
)
def test_read_fields_any_shape_gives_key_value_and_page(payload: Any) -> None:
    assert [(f.key, f.value, f.page) for f in read_fields(payload)] == [("a.b", 1, 3)]


def test_read_fields_member_called_value_is_a_field() -> None:
    payload = {"fields": {"amount": {"value": {"value": 5, "region_ids": []}, "currency": {"value": "EUR"}}}}
    assert [(f.key, f.value) for f in read_fields(payload)] == [
        ("amount.value", 5),
        ("amount.currency", "EUR"),
    ]


def test_read_fields_several_values_have_all_evidence() -> None:
    values = [{"value": 1, "region_ids": ["p2:a"], "text": "one"}, {"value": 2, "region_ids": ["p2:b"]}]
    (field,) = read_fields({"fields": {"a": values}})
    assert (field.key, field.value, field.region_ids) == ("a", [1, 2], ("p2:a", "p2:b"))
    assert (field.page, field.quoted_text, field.has_evidence) == (2, "one", True)


@pytest.mark.parametrize(
    "payload",
    [
        {"line_items": {"items": [{"x": 1}]}},
        {"line_items": {"items": {"rows": [{"x": 1}]}}},
        {"line_items": [{"key": "items", "rows": [{"x": 1}]}]},
        {"data": {"tables": [{"name": "items", "items": [{"fields": {"x": 1}}]}]}},
    ],
)
def test_read_line_items_any_shape_gives_rows(payload: Any) -> None:
    assert read_line_items(payload) == {"items": [{"x": 1}]}


def test_read_line_items_listed_cells_have_their_names() -> None:
    cell = {"key": "x", "value": 1}
    assert read_line_items({"tables": {"items": [{"cells": [cell]}]}}) == {"items": [{"x": cell}]}
