"""Sixty invoices in the forms of several countries, twenty of them broken: each is named, and no other."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from typing import Any

from docspeed_cli.results.rules import parse_rules
from tests.results.invoices import FORMS, cell, invoice

RULES = """
[[rule]]
name = "sum"
check = "sum(line_items.amount) == subtotal"
tolerance = 0.01

[[rule]]
name = "row"
each = "line_items"
check = "quantity * unit_price == amount"
tolerance = 0.01

[[rule]]
name = "total"
check = "subtotal + tax == total"
tolerance = 0.01

[[rule]]
name = "due"
check = "days(invoice_date, due_date) >= 0 and days(invoice_date, due_date) <= 90"

[[rule]]
name = "new"
check = "unique(invoice_number)"

[[rule]]
name = "currency"
check = 'currency in ("EUR", "USD", "INR", "CHF")'
"""


def broken(number: int, payload: dict[str, Any]) -> tuple[str, str]:
    """Break an invoice; returns the rule that must name it, and the place that it must name."""
    write, dates, _ = FORMS[number % len(FORMS)]
    fields, rows = payload["fields"], payload["line_items"]
    way = (number // 3) % 7
    if way == 0:
        rows[-1]["amount"] = cell(write(Decimal("1234567.89")))
        return "row", f"line_items[{len(rows)}].amount"
    if way == 1:
        fields["total"] = cell(write(Decimal("0.99")))
        return "total", "total"
    if way == 2:
        fields["due_date"] = cell(date(2025, 12, 24).strftime(dates))
        return "due", "due_date"
    if way == 3:
        fields["invoice_number"] = cell("R-0001")
        return "new", "invoice_number"
    if way == 4:
        fields["currency"] = cell("E")
        return "currency", "currency"
    if way == 5:
        fields["tax"] = cell("19 % of it")
        return "total", "tax"
    rows.append(dict(rows[0]))
    return "sum", "subtotal"


def test_rules_on_sixty_invoices_name_the_twenty_that_are_broken() -> None:
    chance = random.Random(17)
    rules = parse_rules(RULES, "rules.toml")
    expected, found = {}, {}
    for number in range(1, 61):
        payload = invoice(number, chance)
        if number % 3 == 0:
            expected[number] = broken(number, payload)
        failed = [check for check in rules.check(payload, f"{number}.pdf") if check.failed]
        if failed:
            found[number] = failed
    assert len(expected) == 20
    assert found.keys() == expected.keys()
    for number, (rule, place) in expected.items():
        named = {(check.rule, field.key) for check in found[number] for field in check.values}
        assert (rule, place) in named, (number, named)
