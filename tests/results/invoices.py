"""Invoices in the forms of several countries, whose numbers add up."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any


def english(number: Decimal) -> str:
    return f"{number:,.2f}"


def german(number: Decimal) -> str:
    return english(number).translate(str.maketrans(",.", ".,"))


def swiss(number: Decimal) -> str:
    return f"CHF {english(number).replace(',', chr(39))}"


def indian(number: Decimal) -> str:
    whole, fraction = f"{number:.2f}".split(".")
    head, tail = whole[:-3], whole[-3:]
    groups: list[str] = []
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return "₹ " + ",".join([*groups, tail]) + "." + fraction


FORMS: list[tuple[Callable[[Decimal], str], str, str]] = [
    (english, "%Y-%m-%d", "USD"),
    (german, "%d.%m.%Y", "EUR"),
    (swiss, "%d %B %Y", "CHF"),
    (indian, "%d-%b-%Y", "INR"),
    (lambda number: f"{number:.2f}", "%B %d, %Y", "EUR"),
]


def cell(value: Any) -> dict[str, Any]:
    return {"value": value, "region_ids": ["p1:l1"]}


def invoice(number: int, chance: random.Random) -> dict[str, Any]:
    write, dates, currency = FORMS[number % len(FORMS)]
    rows, subtotal = [], Decimal(0)
    for row in range(chance.randint(1, 6)):
        quantity, price = Decimal(chance.randint(1, 40)), Decimal(chance.randint(50, 90_000)) / 100
        amount = quantity * price
        subtotal += amount
        values = {"description": f"Item {row}", "quantity": str(quantity), "unit_price": write(price)}
        rows.append({name: cell(value) for name, value in {**values, "amount": write(amount)}.items()})
    tax = (subtotal * Decimal("0.19")).quantize(Decimal("0.01"))
    issued = date(2026, 1, 13) + timedelta(days=number)
    fields = {
        "invoice_number": f"R-{number:04}",
        "currency": currency,
        "invoice_date": issued.strftime(dates),
        "due_date": (issued + timedelta(days=30)).strftime(dates),
        "subtotal": write(subtotal),
        "tax": write(tax),
        "total": write(subtotal + tax),
    }
    return {"fields": {name: cell(value) for name, value in fields.items()}, "line_items": rows}
