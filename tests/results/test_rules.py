"""Rules: what they find in a result, and what is wrong with a file of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docspeed_cli.core.errors import UsageError
from docspeed_cli.results.rules import Check, Rules, names_of, parse_rules

SCHEMA = {
    "fields": [
        {"key": "invoice_number", "type": "string"},
        {"key": "currency", "type": "string"},
        {"key": "invoice_date", "type": "date"},
        {"key": "due_date", "type": "date"},
        {"key": "paid", "type": "boolean"},
        {
            "key": "totals",
            "fields": [{"key": "subtotal", "type": "number"}, {"key": "tax", "type": "number"}],
        },
        {"key": "total", "type": "number"},
        {"key": "taxes", "type": "number", "array": True},
    ],
    "tables": [
        {
            "key": "line_items",
            "fields": [
                {"key": "code", "type": "string"},
                {"key": "quantity", "type": "number"},
                {"key": "unit_price", "type": "number"},
                {"key": "amount", "type": "number"},
            ],
        }
    ],
}


def cell(value: Any, region: str = "p1:l1") -> dict[str, Any]:
    return {"value": value, "region_ids": [region], "text": None if value is None else str(value)}


def invoice(**changes: Any) -> dict[str, Any]:
    """An invoice on which every rule of this file holds."""
    fields = {
        "invoice_number": "INV-0042",
        "currency": "EUR",
        "invoice_date": "2 March 2026",
        "due_date": "2026-04-01",
        "paid": False,
        "totals": {"subtotal": "1,250.00", "tax": "250.00"},
        "total": "EUR 1,500.00",
        "taxes": ["200.00", "50.00"],
        **changes,
    }

    def grounded(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: grounded(item) for name, item in value.items()}
        return [cell(item) for item in value] if isinstance(value, list) else cell(value)

    items = changes.pop("line_items", [("A1", "2", "500.00", "1,000.00"), ("B2", "25", "10.00", "250.00")])
    fields.pop("line_items", None)
    names = ("code", "quantity", "unit_price", "amount")
    rows = [{name: cell(value, "p2:t1") for name, value in zip(names, row, strict=True)} for row in items]
    return {"fields": grounded(fields), "line_items": rows}


def rule(check: str, more: str = "") -> str:
    return f"[[rule]]\nname = {json.dumps(check)}\ncheck = {json.dumps(check)}\n{more}\n"


def check(text: str, payload: Any, schema: Any = SCHEMA) -> list[Check]:
    return parse_rules(text, "rules.toml", names_of(schema)).check(payload)


def outcomes(text: str, payload: Any) -> list[str]:
    return [found.outcome for found in check(text, payload)]


HOLDING = [
    "sum(line_items.amount) == totals.subtotal",
    "subtotal + tax == total",
    "totals.subtotal + totals.tax - total == 0",
    "sum(line_items.quantity * line_items.unit_price) == 1250",
    "sum(taxes) == tax",
    "due_date >= invoice_date",
    'invoice_date > "2026-01-01"',
    "due_date - invoice_date <= 30",
    "days(invoice_date, due_date) == 30",
    "invoice_date + 30 == due_date",
    'currency in ("EUR", "USD")',
    '"B2" in line_items.code',
    '"Z9" not in line_items.code',
    'matches(invoice_number, "INV-[0-9]{4}")',
    "unique(line_items.code)",
    "unique(invoice_number)",
    "present(due_date) and present(line_items.amount)",
    "count(line_items) == 2 and count(line_items.code) == 2",
    "min(line_items.amount) == 250 and max(line_items.amount) == 1000",
    "max(tax, total) == total",
    "abs(tax - total) == 1250",
    "round(total / 7, 2) == 214.29",
    "not paid",
    "0 < tax < total <= 1500.00",
    "total == 1500 or total == 1",
    'field("invoice_number") == "INV-0042"',
    "-tax < 0",
]


@pytest.mark.parametrize("source", HOLDING)
def test_check_of_a_rule_that_holds_passes(source: str) -> None:
    assert outcomes(rule(source), invoice()) == ["pass"]


@pytest.mark.parametrize("source", HOLDING)
def test_check_of_a_negated_rule_that_holds_fails(source: str) -> None:
    assert outcomes(rule(f"not ({source})"), invoice()) == ["fail"]


def test_check_of_a_failed_rule_names_values_places_and_difference() -> None:
    (found,) = check(
        rule("sum(line_items.amount) == subtotal"), invoice(totals={"subtotal": "1.240,00", "tax": "1"})
    )
    assert found.to_json() == {
        "rule": "sum(line_items.amount) == subtotal",
        "outcome": "fail",
        "severity": "error",
        "message": "sum(line_items.amount) is 1250.00, subtotal is 1240.00",
        "difference": "10.00",
        "values": [
            {"key": "line_items[1].amount", "value": "1,000.00", "page": 2, "text": "1,000.00"},
            {"key": "line_items[2].amount", "value": "250.00", "page": 2, "text": "250.00"},
            {"key": "totals.subtotal", "value": "1.240,00", "page": 1, "text": "1.240,00"},
        ],
    }


def test_check_within_the_tolerance_passes() -> None:
    text = rule("subtotal + tax == total", "tolerance = 0.02")
    assert outcomes(text, invoice(total="1,500.02")) == ["pass"]
    assert outcomes(text, invoice(total="1,500.03")) == ["fail"]
    assert outcomes(rule("subtotal + tax != total", "tolerance = 0.02"), invoice(total="1,500.02")) == [
        "fail"
    ]
    assert outcomes(rule("total < tax + subtotal", "tolerance = 0.02"), invoice(total="1,499.99")) == ["fail"]


def test_check_of_each_row_names_the_row_that_fails() -> None:
    text = rule("quantity * unit_price == amount", 'each = "line_items"\ntolerance = 0.01')
    assert outcomes(text, invoice()) == ["pass"]
    items = [("A1", "2", "500.00", "1,000.00"), ("B2", "24", "10.00", "250.00"), ("C3", "x", "1", "1")]
    failed, unreadable = check(text, invoice(line_items=items))
    assert (failed.outcome, failed.row, failed.difference) == ("fail", 2, "-10.00")
    assert failed.message == "quantity * unit_price is 240.00, amount is 250.00"
    assert (unreadable.outcome, unreadable.row) == ("unreadable", 3)
    assert unreadable.message == "line_items[3].quantity can't be read as a number: 'x'"


def test_check_of_each_row_may_use_whole_columns() -> None:
    text = rule("amount < sum(line_items.amount)", 'each = "line_items"')
    assert outcomes(text, invoice()) == ["pass"]
    assert outcomes(text, invoice(line_items=[("A1", "1", "5", "5")])) == ["fail"]


def test_check_of_each_row_of_an_empty_table_is_skipped() -> None:
    assert outcomes(rule("amount > 0", 'each = "line_items"'), invoice(line_items=[])) == ["skipped"]


@pytest.mark.parametrize(
    ("source", "changes", "message"),
    [
        ("tax > 0", {"totals": {"tax": None}}, "totals.tax has no value"),
        ("tax > 0", {"totals": {}}, "tax has no value"),
        ("total > 0", {"total": "1,5,00"}, "total can't be read as a number: '1,5,00'"),
        (
            "due_date > invoice_date",
            {"due_date": "02/03/2026"},
            "due_date can't be read as a date: '02/03/2026'",
        ),
        ("tax / (total - total) > 1", {}, "can't be calculated: division by zero"),
        ("paid", {"paid": "perhaps"}, "paid can't be read as true or false: 'perhaps'"),
    ],
)
def test_check_of_an_unreadable_value_neither_passes_nor_fails(
    source: str, changes: dict[str, Any], message: str
) -> None:
    (found,) = check(rule(source), invoice(**changes))
    assert (found.outcome, found.message, found.failed) == ("unreadable", message, True)


def test_check_of_a_sum_ignores_cells_without_a_value() -> None:
    items = [("A1", "1", "5", "5.00"), ("note", None, None, None)]
    assert outcomes(rule("sum(line_items.amount) == 5"), invoice(line_items=items)) == ["pass"]
    assert outcomes(rule("present(line_items.amount)"), invoice(line_items=items)) == ["fail"]


def test_check_under_a_condition_that_does_not_hold_is_skipped() -> None:
    text = rule("tax == 0", "when = \"currency == 'USD'\"")
    assert outcomes(text, invoice()) == ["skipped"]
    assert outcomes(text, invoice(currency="USD")) == ["fail"]
    assert outcomes(text, invoice(currency=None)) == ["skipped"]


def test_check_of_a_unique_value_holds_over_the_run() -> None:
    rules = parse_rules(rule("unique(invoice_number)"), "rules.toml", names_of(SCHEMA))
    assert [found.outcome for found in rules.check(invoice(), "a.pdf")] == ["pass"]
    assert [found.outcome for found in rules.check(invoice(), "a.pdf")] == ["pass"]
    (found,) = rules.check(invoice(), "b.pdf")
    assert (found.outcome, found.message) == ("fail", "a.pdf has the same value")
    assert [found.outcome for found in rules.check(invoice(invoice_number="INV-0043"), "c.pdf")] == ["pass"]


def test_check_of_json_numbers_is_exact() -> None:
    payload = {"fields": {"a": cell(0.1), "b": cell(0.2), "c": cell(0.3)}}
    assert [found.outcome for found in check(rule("a + b == c"), payload, None)] == ["pass"]


def test_check_of_texts_that_are_names_compares_them_as_texts() -> None:
    payload = {"fields": {"a": cell("00123"), "b": cell("123")}}
    assert [found.outcome for found in check(rule("a == b"), payload, None)] == ["fail"]


@pytest.mark.parametrize("payload", [None, [], {}, {"fields": []}, {"line_items": [1, None]}, "text"])
def test_check_of_any_payload_raises_nothing(payload: Any) -> None:
    for source in HOLDING:
        parse_rules(rule(source), "rules.toml").check(payload)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("subtotl > 0", "there is no 'subtotl'; did you mean 'totals.subtotal'?"),
        ("amount > 0", "there is no 'amount'; did you mean 'line_items.amount'?"),
        ("sum(total)", "it gives a number, not true or false"),
        ("line_items.amount > 0", "`line_items.amount` has a value for each row: add `each` to the rule"),
        ("'a' + 1 == 2", "`'a'` can't be used in arithmetic"),
        ("matches(currency, '[')", "'[' is not a regular expression"),
        ("matches(currency, '(a+)+')", "'(a+)+' repeats a repetition"),
        ("matches(currency, '(a|aa)*')", "'(a|aa)*' repeats a repetition"),
        ("matches(currency, total)", "`matches(currency, total)` takes a text in quotes"),
        ("total ** 2 > 1", "`total ** 2` is not allowed"),
        ("total is None", "`is` is not allowed in an expression; use == or present()"),
        ("round(total, 99) > 1", "the number of digits is a whole number up to 20"),
        ("open('x')", "`open` is not a function here"),
        ("total.__class__ == 1", "there is no 'total.__class__'"),
        ("().__class__ == 1", "only names may stand before a dot"),
        ("[x for x in taxes]", "is not allowed in an expression"),
        ("(lambda: 1)()", "is not a function here"),
        ("f'{total}' == 1", "is not allowed in an expression"),
        ("sum(line_items.amount, 1) > 1", "sum takes 1 argument"),
        ("total ==", "it can't be read: invalid syntax"),
        ("1+" * 900 + "1 > 0", "it has more than 1000 parts"),
        ("(" * 3000, "it is longer than 2000 characters"),
        ("total == 1j", "is neither a number nor a text"),
        ("abs(line_items.amount) > 1", "line_items.amount is a column, not a value"),
    ],
)
def test_parse_rules_with_a_wrong_expression_names_line_and_problem(source: str, problem: str) -> None:
    text = "# rules\n" + rule("total > 0") + rule(source)
    with pytest.raises(UsageError) as raised:
        parse_rules(text, "rules.toml", names_of(SCHEMA))
    assert raised.value.message.startswith("rules.toml, line 8: check: ")
    assert problem in raised.value.message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "rules.toml: it has no rule"),
        ("rule = 1", "rules.toml: it has no rule"),
        ("[[rules]]\nname='a'", "rules.toml: 'rules' is not known"),
        ("[[rule]\n", "rules.toml: it is not TOML"),
        ("[[rule]]\nname='a'", "line 1: the rule has no `check`"),
        (
            "[[rule]]\nname='a'\ncheck='total > 0'\nsevere=1",
            "line 4: 'severe' is not known; did you mean severity?",
        ),
        (
            "[[rule]]\nname='a'\ncheck='total > 0'\ntolerance='x'",
            "line 4: tolerance must be a number from 0 up",
        ),
        (
            "[[rule]]\nname='a'\ncheck='total > 0'\ntolerance=nan",
            "line 4: tolerance must be a number from 0 up",
        ),
        ("[[rule]]\nname='a'\ncheck='total > 0'\nseverity='x'", "line 4: severity is `error` or `warning`"),
        ("[[rule]]\nname='a'\ncheck=1", "line 3: check must be a text, not 1"),
        ("[[rule]]\nname='a'\ncheck='x'\neach='items'", "line 4: there is no table 'items'"),
        ("[[rule]]\nname='a'\ncheck='total>0'\n" * 2, "rules.toml: two rules are named 'a'"),
    ],
)
def test_parse_rules_of_a_wrong_file_says_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_rules(text, "rules.toml", names_of(SCHEMA))
    assert problem in raised.value.message


def test_parse_rules_reports_every_problem() -> None:
    with pytest.raises(UsageError) as raised:
        parse_rules(rule("a > 0") + rule("b > 0"), "rules.toml", names_of(SCHEMA))
    assert len(raised.value.message.splitlines()) == 2


def test_rules_of_a_warning_keep_their_severity() -> None:
    (found,) = check(rule("total < 0", 'severity = "warning"'), invoice())
    assert (found.outcome, found.severity) == ("fail", "warning")


def test_rules_without_a_schema_find_names_in_the_result() -> None:
    rules: Rules = parse_rules(rule("sum(line_items.amount) == subtotal"), "rules.toml")
    assert [found.outcome for found in rules.check(invoice())] == ["pass"]
