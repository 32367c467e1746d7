"""`--require`: fields and tables that a result must have; names are checked before a job is paid for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fake_service import SUBMIT, Service
from tests.stage import Ran, Stage, lines

SCHEMA = json.dumps(
    {
        "doc_class": "invoice",
        "fields": [
            {"key": "invoice_number", "type": "string"},
            {"key": "seller", "type": "object", "fields": [{"key": "name"}, {"key": "tax_id"}]},
            {"key": "grand_total", "type": "number"},
        ],
        "tables": [{"key": "line_items", "fields": [{"key": "amount"}]}],
    }
)
FOUND: dict[str, Any] = {
    "fields": {
        "invoice_number": {"value": "F-7", "region_ids": ["p1:r1"]},
        "seller": {
            "name": {"value": "Uncle Bob", "evidence": [{"region_ids": ["p1:r2"]}]},
            "tax_id": {"value": None, "region_ids": ["p1:r3"]},
        },
        "grand_total": {"value": 119.0, "region_ids": []},
    },
    "line_items": {"line_items": [{"amount": 119.0}]},
}


def extracted(stage: Stage, service: Service, *flags: str, ids: tuple[str, ...] = ("f",)) -> Ran:
    service.payload = lambda operation, body: json.dumps(FOUND).encode()
    named = [word for file_id in ids for word in ("--file-id", file_id)]
    return stage.run("extract", *named, "--schema", SCHEMA, "--wait", *flags)


@pytest.mark.parametrize("keys", ["invoice_number", "seller.name", "name", "invoice_number, seller.name"])
def test_require_field_with_value_and_evidence_passes(stage: Stage, service: Service, keys: str) -> None:
    ran = extracted(stage, service, "--require", keys)
    assert (ran.code, json.loads(ran.out)) == (0, FOUND)


@pytest.mark.parametrize(
    ("flags", "missing"),
    [
        (("--require", "grand_total"), ["grand_total"]),
        (
            ("--require", "invoice_number,seller.tax_id", "--require", "grand_total"),
            ["seller.tax_id", "grand_total"],
        ),
        (("--require-all",), ["seller.tax_id", "grand_total"]),
    ],
    ids=["no evidence", "several", "all"],
)
def test_require_field_without_value_or_evidence_fails(
    stage: Stage, service: Service, flags: tuple[str, ...], missing: list[str]
) -> None:
    ran = extracted(stage, service, *flags, "--json")
    assert (ran.code, json.loads(ran.out)) == (10, FOUND)
    error = json.loads(ran.err)["error"]
    assert (error["code"], error["details"]) == ("required_missing", {"missing": missing})
    assert error["message"] == f"f: required but not found: {', '.join(missing)}"


def test_require_many_documents_checks_each(stage: Stage, service: Service) -> None:
    ran = extracted(stage, service, "--require", "grand_total", ids=("f", "g"))
    rows = [json.loads(line) for line in lines(ran.out)]
    assert ran.code == 10
    assert [(row["error"]["code"], row["result"]) for row in rows] == [("required_missing", FOUND)] * 2


@pytest.mark.parametrize("form", [(), ("--format", "text")], ids=["json", "text"])
@pytest.mark.parametrize("first", [(), ("--require", "grand_total")], ids=["not required", "required"])
def test_require_existing_output_file_is_checked_again(
    stage: Stage, service: Service, form: tuple[str, ...], first: tuple[str, ...]
) -> None:
    folder = f"{stage.folder}/out/"
    extracted(stage, service, "-o", folder, *form, *first, ids=("f", "g"))
    for _ in range(2):
        ran = extracted(stage, service, "-o", folder, *form, "--require", "grand_total", ids=("f", "g"))
        assert ran.code == 10, ran.err
    assert extracted(stage, service, "-o", folder, *form, "--require", "name", ids=("f", "g")).code == 0
    assert service.count(SUBMIT) == 2


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        (("--require", "grand_totl"), "did you mean grand_total?"),
        (("--require", "seller.nmae"), "did you mean seller.name?"),
        (("--require", "colour"), "seller.name, seller.tax_id, grand_total, line_items, line_items.amount"),
        (("--require", "lineitems"), "did you mean line_items?"),
        (("--format", "csv", "--table", "lineitems"), "did you mean line_items?"),
        (("--format", "csv", "--table", "7"), "the schema has line_items, fields"),
    ],
)
def test_require_unknown_name_fails_before_submission(
    stage: Stage, service: Service, flags: tuple[str, ...], hint: str
) -> None:
    ran = extracted(stage, service, *flags)
    assert (ran.code, ran.out, hint in ran.err) == (2, "", True), ran.err
    assert service.count(SUBMIT) == 0


@pytest.mark.parametrize("keys", [",", " , ", "invoice_number,", ",name", "name,,grand_total"])
def test_require_empty_key_is_a_usage_error(stage: Stage, service: Service, keys: str) -> None:
    ran = extracted(stage, service, "--require", keys)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err.startswith(f"error: --require {keys}: a key is empty; is a variable unset?")


@pytest.mark.parametrize("keys", ["line_items", "name,line_items"])
@pytest.mark.parametrize(("rows", "code"), [([{"amount": 119.0}], 0), ([], 10), ([{}], 10)])
def test_require_table_needs_a_row(
    stage: Stage, service: Service, keys: str, rows: list[dict[str, Any]], code: int
) -> None:
    found = {**FOUND, "line_items": {"line_items": rows}}
    service.payload = lambda operation, body: json.dumps(found).encode()
    ran = stage.run("extract", "--file-id", "f", "--schema", SCHEMA, "--wait", "--require", keys, "--json")
    assert (ran.code, json.loads(ran.out)) == (code, found)
    if code:
        assert json.loads(ran.err)["error"]["details"] == {"missing": ["line_items"]}


GROUPS = json.dumps(
    {
        "fields": [
            {"key": "seller", "type": "object", "fields": [{"key": "name"}, {"key": "tax_id"}]},
            {"key": "buyer", "type": "object", "fields": [{"key": "name"}]},
        ],
        "tables": [{"key": "items", "fields": [{"key": "amount"}]}],
    }
)


def grouped(seller: Any, tax_id: Any, buyer: Any, *amounts: Any) -> dict[str, Any]:
    def grounded(value: Any) -> dict[str, Any]:
        return {"value": value, "region_ids": ["p1:r1"]}

    return {
        "fields": {
            "seller": {"name": grounded(seller), "tax_id": grounded(tax_id)},
            "buyer": {"name": grounded(buyer)},
        },
        "line_items": {"items": [{"amount": grounded(amount)} for amount in amounts]},
    }


@pytest.mark.parametrize(
    ("keys", "found", "missing"),
    [
        ("seller", grouped("a", "b", "c"), []),
        ("seller", grouped("a", None, "c"), ["seller.tax_id"]),
        ("name", grouped("a", "b", "c"), []),
        ("name", grouped("a", "b", None), ["buyer.name"]),
        ("buyer.name", grouped(None, None, "c"), []),
        ("items.amount", grouped("a", "b", "c", 1, 2), []),
        ("items.amount", grouped("a", "b", "c", 1, None), ["items.amount"]),
        ("items.amount", grouped("a", "b", "c"), ["items.amount"]),
    ],
)
def test_require_group_name_or_column_stands_for_its_fields(
    stage: Stage, service: Service, keys: str, found: dict[str, Any], missing: list[str]
) -> None:
    service.payload = lambda operation, body: json.dumps(found).encode()
    ran = stage.run("extract", "--file-id", "f", "--schema", GROUPS, "--wait", "--require", keys, "--json")
    assert ran.code == (10 if missing else 0), ran.err
    if missing:
        assert json.loads(ran.err)["error"]["details"] == {"missing": missing}


def test_require_all_checks_only_what_the_schema_names(stage: Stage, service: Service) -> None:
    found = grouped("a", "b", "c")
    found["fields"]["beside"] = None
    service.payload = lambda operation, body: json.dumps(found).encode()
    ran = stage.run("extract", "--file-id", "f", "--schema", GROUPS, "--wait", "--require-all", "--json")
    assert json.loads(ran.err)["error"]["details"] == {"missing": ["items"]}


@pytest.mark.parametrize(
    "value", ["", " ", "\n", [], {}, [None], [""], {"amount": None}, [{"value": None}], [[[" "]]]]
)
def test_require_blank_value_fails(stage: Stage, service: Service, value: Any) -> None:
    found = grouped("a", value, "c")
    service.payload = lambda operation, body: json.dumps(found).encode()
    ran = stage.run("extract", "--file-id", "f", "--schema", GROUPS, "--wait", "--require", "seller.tax_id")
    assert ran.code == 10


@pytest.mark.parametrize("value", [0, False, "0", [None, 1], {"amount": 0}])
def test_require_zero_and_false_are_values(stage: Stage, service: Service, value: Any) -> None:
    found = grouped("a", value, "c")
    service.payload = lambda operation, body: json.dumps(found).encode()
    ran = stage.run("extract", "--file-id", "f", "--schema", GROUPS, "--wait", "--require", "seller.tax_id")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("table", ["line_items", "fields"])
def test_table_name_in_schema_is_accepted(stage: Stage, service: Service, table: str) -> None:
    assert extracted(stage, service, "--format", "csv", "--table", table).code == 0


def test_require_unknown_form_of_schema_is_submitted(stage: Stage, service: Service) -> None:
    ran = stage.run("extract", "--file-id", "f", "--schema", '{"a": {"b": 1}}', "--wait", "--require", "x")
    assert (ran.code, service.count(SUBMIT)) == (10, 1)


def test_require_summary_counts_separately_from_failures(stage: Stage, service: Service) -> None:
    ran = extracted(stage, service, "--require", "grand_total", ids=("f", "g"))
    assert "extract: 0 done, 2 not as required in" in ran.err
    assert "2 × required but not found: grand_total" in ran.err
    assert "retry the failures" not in ran.err
    assert (
        "2 of 2 not as required"
        in extracted(
            stage, service, "--require", "grand_total", "--quiet", "--format", "id", ids=("f", "g")
        ).err
    )


@pytest.mark.parametrize("key", ["amount", "items.price.net", "price.net", "nothing"])
def test_require_column_without_its_table_is_a_usage_error(stage: Stage, service: Service, key: str) -> None:
    columns = [{"key": "amount"}, {"key": "price", "type": "object", "fields": [{"key": "net"}]}]
    schema = json.dumps({"fields": [{"key": "a"}], "tables": [{"key": "items", "fields": columns}]})
    ran = stage.run("extract", "--file-id", "f", "--schema", schema, "--wait", "--require", key)
    assert (ran.code, service.count(SUBMIT)) == (2, 0), ran.err


def test_require_field_of_another_group_does_not_count(stage: Stage, service: Service) -> None:
    found = {"fields": {"name": {"value": "a", "region_ids": ["p1:r1"]}}}
    service.payload = lambda operation, body: json.dumps(found).encode()
    for flags in (("--require", "buyer.name"), ("--require-all",)):
        ran = stage.run("extract", "--file-id", "f", "--schema", GROUPS, "--wait", *flags)
        assert ran.code == 10


@pytest.mark.parametrize(("city", "code"), [("Mysuru", 0), (None, 10)])
@pytest.mark.parametrize("key", ["parties", "city", "parties.city"])
def test_require_repeated_group_must_be_complete_each_time(
    stage: Stage, service: Service, key: str, city: str | None, code: int
) -> None:
    def party(where: str | None) -> dict[str, Any]:
        return {"city": {"value": where, "region_ids": ["p1:r1"]}}

    schema = {"fields": [{"key": "parties", "type": "object", "array": True, "fields": [{"key": "city"}]}]}
    found = {"fields": {"parties": [party("Bengaluru"), party(city)]}}
    service.payload = lambda operation, body: json.dumps(found).encode()
    argv = ("extract", "--file-id", "f", "--schema", json.dumps(schema), "--wait", "--require", key)
    assert stage.run(*argv).code == code
