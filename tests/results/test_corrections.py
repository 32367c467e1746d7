"""A reviewer's corrections, and the result with them."""

from __future__ import annotations

from typing import Any

import pytest

from docspeed_cli.results.corrections import Correction, corrected, corrections_among
from docspeed_cli.results.decisions import read_decisions
from docspeed_cli.results.facts import Facts

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


def value(payload: Any, key: str) -> Any:
    facts = Facts(payload)
    cells = [cell for rows in facts.tables.values() for row in rows for cell in row.values()]
    return next((field.value for field in [*facts.fields.values(), *cells] if field.key == key), None)


@pytest.mark.parametrize("form", PAYLOADS)
@pytest.mark.parametrize("key", ["seller.name", "plain", "line_items[2].amount"])
def test_corrected_result_has_the_new_value_in_every_form(form: str, key: str) -> None:
    payload = PAYLOADS[form]
    before = value(payload, key)
    changed, lost = corrected(payload, [Correction(key, before, "new")])
    assert (value(changed, key), lost) == ("new", [])
    assert value(payload, key) == before != "new"
    others = {"seller.name", "plain", "line_items[1].amount", "line_items[2].amount"} - {key}
    assert all(value(changed, other) == value(payload, other) for other in others)


def test_corrected_value_keeps_its_evidence() -> None:
    changed, _ = corrected(PAYLOADS["objects"], [Correction("seller.name", "a", "b")])
    assert changed["fields"]["seller"]["name"] == {"value": "b", "region_ids": ["p1:l1"]}


@pytest.mark.parametrize(
    "key", ["nowhere", "line_items[9].amount", "line_items[0].amount", "", "seller.name.x"]
)
def test_corrected_result_without_the_place_reports_the_correction(key: str) -> None:
    correction = Correction(key, None, "new")
    changed, lost = corrected(PAYLOADS["objects"], [correction])
    assert (changed, lost) == (PAYLOADS["objects"], [correction])


def test_corrections_among_decisions_are_the_last_of_each_field() -> None:
    content = {
        "corrections": [{"field": "a", "new": 1}, {"field": "a", "new": 2, "reviewer": "ann", "extra": 1}],
        "decisions": [{"field": "b", "decision": "accepted"}, {"field": "a", "decision": "note"}],
    }
    assert corrections_among(read_decisions(content)) == [Correction("a", None, 2, "ann")]
