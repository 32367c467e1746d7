"""Fifty expected results, thirty of them changed in known ways: each change is named, and nothing else."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

from docspeed_cli.results.compare import compare_payloads
from tests.results.invoices import cell, invoice

Change = Callable[[Any], None]


def with_field(name: str, value: Any) -> Change:
    return lambda payload: payload["fields"].update({name: cell(value)})


CHANGES: list[tuple[str, str, Change]] = [
    ("total", "changed", with_field("total", "0.07")),
    ("invoice_number", "changed", with_field("invoice_number", "R-O001")),
    ("currency", "changed", with_field("currency", "SEK")),
    ("due_date", "changed", with_field("due_date", "2031-01-13")),
    ("tax", "missing", with_field("tax", None)),
    ("subtotal", "missing", lambda result: result["fields"].pop("subtotal")),
    ("line_items[1]", "row missing", lambda result: result["line_items"].pop(0)),
    ("line_items[1].quantity", "changed", lambda result: result["line_items"][0].update(quantity=cell("77"))),
    ("line_items[1].unit_price", "missing", lambda result: result["line_items"][0].pop("unit_price")),
    ("row", "row extra", lambda result: result["line_items"].append({"description": cell("Stamps")})),
]
"""A place, a kind of difference, and what makes it."""


def dressed(payload: Any) -> Any:
    """The same result as a newer server may send it: other order, other places, more members."""
    fields = dict(reversed(payload["fields"].items()))
    fields["iban"] = cell("DE00")
    for field in fields.values():
        field["region_ids"] = ["p7:l7"]
    rows = [dict(reversed(row.items())) | {"sku": cell("x")} for row in payload["line_items"]]
    return {"usage": {"pages": 3}, "line_items": rows, "fields": fields, "job_id": "job_9"}


def test_compare_of_fifty_results_names_the_thirty_changes_and_nothing_else() -> None:
    chance = random.Random(50)
    wrong = []
    for number in range(50):
        expected = invoice(number, chance)
        actual = copy.deepcopy(expected)
        wanted: list[tuple[str, str]] = []
        if number < 30:
            place, kind, change = CHANGES[number % len(CHANGES)]
            change(actual)
            extra = f"line_items[{len(actual['line_items'])}]"
            wanted = [(extra if place == "row" else place, kind)]
        found = [(each.key, each.kind) for each in compare_payloads(expected, dressed(actual)).differences]
        if found != wanted:
            wrong.append((number, wanted, found))
    assert wrong == []
