"""`extract --check`: a user's rules on each result as it comes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl

from tests.fake_service import SUBMIT, Service
from tests.stage import Ran, Stage, by_input, lines

SCHEMA = json.dumps(
    {
        "fields": [{"key": "invoice_number"}, {"key": "total", "type": "number"}],
        "tables": [{"key": "line_items", "fields": [{"key": "amount", "type": "number"}]}],
    }
)
RULES = """
[[rule]]
name = "lines add up"
check = "sum(line_items.amount) == total"

[[rule]]
name = "small"
check = "total < 100"
severity = "warning"
"""


def payload(total: str, *amounts: str) -> dict[str, Any]:
    fields = {"invoice_number": {"value": "1"}, "total": {"value": total, "region_ids": ["p1:l9"]}}
    return {"fields": fields, "line_items": [{"amount": {"value": amount}} for amount in amounts]}


GOOD, BAD, LARGE = payload("3", "1", "2"), payload("4", "1", "2"), payload("300", "300")


def extract(stage: Stage, service: Service, results: dict[str, Any], *flags: str, rules: str = RULES) -> Ran:
    """Extract stored files with these results under `--check`."""
    service.payload = lambda operation, body: json.dumps(results[body["input"]["file_id"]]).encode()
    path = stage.folder / "rules.toml"
    path.write_text(rules)
    named = [word for name in results for word in ("--file-id", name)]
    return stage.run("extract", *named, "--schema", SCHEMA, "--wait", "--check", str(path), *flags)


def test_check_of_one_result_fails_with_rule_and_values(stage: Stage, service: Service) -> None:
    ran = extract(stage, service, {"f": BAD}, "--json")
    assert (ran.code, json.loads(ran.out)) == (10, BAD)
    error = json.loads(lines(ran.err)[-1])["error"]
    assert error["code"] == "check_failed"
    (found,) = error["details"]["checks"]
    assert (found["rule"], found["difference"]) == ("lines add up", "-1")
    assert found["values"][-1] == {"key": "total", "value": "4", "page": 1}
    assert extract(stage, service, {"g": GOOD}).code == 0


def test_check_of_many_results_puts_checks_into_their_lines(stage: Stage, service: Service) -> None:
    ran = extract(stage, service, {"a": GOOD, "b": BAD, "c": LARGE})
    found = by_input(ran)
    assert ran.code == 10
    outcomes = {name: [check["outcome"] for check in line["checks"]] for name, line in found.items()}
    assert outcomes == {"a": ["pass", "pass"], "b": ["fail", "pass"], "c": ["pass", "fail"]}
    assert found["b"]["error"]["code"] == "check_failed"
    assert found["b"]["result"] == BAD
    assert "error" not in found["c"]
    assert "extract: 2 done, 1 not as required in" in ran.err
    assert "1 × the rule 'lines add up' fails" in ran.err


def test_check_strict_fails_on_warnings(stage: Stage, service: Service) -> None:
    assert extract(stage, service, {"f": LARGE}).code == 0
    assert extract(stage, service, {"f": LARGE}, "--strict").code == 10


def test_check_applies_to_results_that_are_there(stage: Stage, service: Service) -> None:
    folder = str(stage.folder / "out")
    assert extract(stage, service, {"a": GOOD, "b": BAD}, "-o", folder).code == 10
    ran = extract(stage, service, {"a": GOOD, "b": BAD}, "-o", folder)
    assert (ran.code, service.count(SUBMIT)) == (10, 2)
    assert by_input(ran)["b"]["error"]["code"] == "check_failed"


def test_check_with_a_wrong_rule_sends_nothing(stage: Stage, service: Service) -> None:
    ran = extract(stage, service, {"f": GOOD}, rules='[[rule]]\nname = "x"\ncheck = "totl > 1"\n')
    assert (ran.code, service.calls) == (2, [])
    assert "line 3: check: there is no 'totl'; did you mean 'total'?" in ran.err


def test_check_without_wait_is_usage(stage: Stage, service: Service) -> None:
    path = stage.folder / "rules.toml"
    path.write_text(RULES)
    ran = stage.run("extract", "--file-id", "f", "--schema", SCHEMA, "--check", str(path))
    assert (ran.code, service.calls) == (2, [])
    assert "--check needs the result" in ran.err


def test_check_of_a_missing_rules_file_names_it(stage: Stage, service: Service) -> None:
    ran = stage.run("extract", "--file-id", "f", "--schema", SCHEMA, "--wait", "--check", "nowhere.toml")
    assert (ran.code, service.calls) == (2, [])
    assert "--check: can't read nowhere.toml: no such file" in ran.err


def test_check_failures_are_rows_of_the_workbook(stage: Stage, service: Service) -> None:
    book = stage.folder / "book.xlsx"
    ran = extract(stage, service, {"a": GOOD, "b": BAD, "c": LARGE}, "--format", "xlsx", "-o", str(book))
    assert ran.code == 10
    sheet = openpyxl.load_workbook(Path(book))["Problems"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert [(row[0], row[2]) for row in rows] == [("b", "check_failed"), ("c", "check_warning")]
    assert "lines add up: sum(line_items.amount) is 3, total is 4" in rows[0][4]


def test_unique_holds_over_the_run(stage: Stage, service: Service) -> None:
    rules = '[[rule]]\nname = "new"\ncheck = "unique(invoice_number)"\n'
    ran = extract(stage, service, {"a": GOOD, "b": GOOD, "c": GOOD}, rules=rules)
    found = by_input(ran)
    assert ran.code == 10
    assert sorted("error" in line for line in found.values()) == [False, True, True]
