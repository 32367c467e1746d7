"""Schemas: all problems are found at once with their places, and every form is read into nodes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.results.schema import check_schema, read_schema, walk_nodes
from tests.results.payloads import OLDER_SCHEMA, SCHEMA, any_json, nested

MEMBERS = ["fields", "tables", "invoice_level_fields", "line_item_structures", "properties"]


# -- problems


@pytest.mark.parametrize("schema", [SCHEMA, OLDER_SCHEMA, {**SCHEMA, "sandbox": True, "notes": [1]}])
def test_check_schema_published_form_passes_unchanged(schema: dict[str, Any]) -> None:
    checked = check_schema(json.dumps(schema))
    assert (checked.faults, checked.notes) == ((), ())
    assert json.dumps(checked.schema) == json.dumps(schema)


def test_check_schema_reports_every_fault_with_its_place() -> None:
    schema = {
        "fields": [
            {"key": "a", "type": "string"},
            {"key": "a"},
            {"type": 5, "array": "yes", "description": []},
            "b",
            {"key": " "},
            {"key": "c", "fields": [{"key": "d", "fields": 1}]},
        ],
        "tables": [
            {"key": "t", "fields": [{"key": "x", "array": "yes"}, {}]},
            {"key": "t"},
        ],
    }
    assert check_schema(json.dumps(schema)).faults == (
        'fields[1] repeats the key "a" of fields[0]',
        "fields[2].key is missing",
        "fields[2].type must be a string, not 5",
        'fields[2].array must be true or false, not "yes"',
        "fields[2].description must be a string, not a list",
        'fields[3] must be an object, not "b"',
        'fields[4].key must be a non-empty string, not " "',
        "fields[5].fields[0].fields must be a list, not 1",
        'tables[0].fields[0].array must be true or false, not "yes"',
        "tables[0].fields[1].key is missing",
        'tables[1] repeats the key "t" of tables[0]',
        "tables[1].fields is missing",
    )


def test_check_schema_reports_every_fault_of_the_older_form() -> None:
    schema = {
        "invoice_level_fields": {"a": "string: A", "b": 5, "c": {"d": None}, "e": {"type": 5}},
        "line_item_structures": {
            "t": {"target_fields": ["x (string): X", "x", 7, "(y"]},
            "u": {},
            "v": "w",
            "x": {"target_fields": 1},
        },
    }
    assert check_schema(json.dumps(schema)).faults == (
        "invoice_level_fields.b must be a string (`type: description`) or an object, not 5",
        "invoice_level_fields.c.d must be a string (`type: description`) or an object, not null",
        "invoice_level_fields.e.type must be a string, not 5",
        'line_item_structures.t.target_fields[1] repeats the key "x" of '
        "line_item_structures.t.target_fields[0]",
        "line_item_structures.t.target_fields[2] must be a string like `name (type): description`, not 7",
        'line_item_structures.t.target_fields[3] must be a string like `name (type): description`, not "(y"',
        "line_item_structures.u.target_fields is missing",
        'line_item_structures.v must be an object, not "w"',
        "line_item_structures.x.target_fields must be a list, not 1",
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it is empty"),
        ('{"a" 1}', "it is not JSON: Expecting ':' delimiter: line 1 column 6 (char 5)"),
        ('{"a": 1} x', "it is not JSON: Extra data: line 1 column 10 (char 9)"),
        ("[1]", "a schema must be an object, not a list"),
        ("null", "a schema must be an object, not null"),
        ('{"fields": [{"key": "a", "max": NaN}]}', "it is not JSON: NaN is not a JSON value"),
        ('{"a": -Infinity}', "it is not JSON: -Infinity is not a JSON value"),
        ('{"a": "\\ud800"}', "a string in it has half of a surrogate pair, which can't be sent"),
        ("[" * 100_000, "it is nested too deeply"),
        (json.dumps({"fields": [nested(60, "a")]}), "fields[0].key is missing"),
        ("{}", "it has neither fields nor tables"),
        ('{"doc_class": "x"}', "it has neither fields nor tables"),
        ('{"fields": [], "tables": []}', "it has neither fields nor tables"),
        ('{"fields": "x"}', 'fields must be a list, not "x"'),
        ('{"invoice_level_fields": []}', "invoice_level_fields must be an object, not a list"),
    ],
)
def test_check_schema_single_fault_is_reported(text: str, fault: str) -> None:
    (found,) = check_schema(text).faults
    assert found.startswith(fault)  # later Python versions append the value that is out of range


def test_check_schema_deep_nesting_is_a_fault() -> None:
    schema: dict[str, Any] = {"key": "a"}
    for _ in range(30):
        schema = {"key": "a", "fields": [schema]}
    (fault,) = check_schema(json.dumps({"fields": [schema]})).faults
    assert fault.endswith("is nested too deeply")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"total": "number"},
        {"fields": {"a": "x"}},
    ],
)
def test_check_schema_unknown_form_is_a_note(schema: dict[str, Any]) -> None:
    checked = check_schema(json.dumps(schema))
    assert (checked.schema, checked.faults, len(checked.notes)) == (schema, (), 1)


def test_check_schema_byte_order_mark_is_accepted() -> None:
    assert check_schema("\ufeff" + json.dumps(SCHEMA)).schema == SCHEMA


@given(any_json(st.text(max_size=4)), st.sampled_from(MEMBERS))
def test_check_schema_any_json_is_checked(value: Any, member: str) -> None:
    for text in (json.dumps(value), json.dumps({member: value, "fields": [{"key": "a"}]})):
        checked = check_schema(text)
        problems = (*checked.faults, *checked.notes)
        assert all(isinstance(problem, str) for problem in problems)


@given(st.text(max_size=20))
def test_check_schema_any_text_is_checked(text: str) -> None:
    assert isinstance(check_schema(text).faults, tuple)


# -- nodes


@pytest.mark.parametrize(
    "schema",
    [
        {"fields": [{"key": "a", "type": "object", "fields": [{"key": "b", "type": "string"}]}]},
        {"data": {"fields": [{"key": "a", "type": "object", "fields": [{"key": "b", "type": "string"}]}]}},
        {"invoice_level_fields": {"a": {"type": "object", "fields": [{"key": "b", "type": "string"}]}}},
    ],
)
def test_read_schema_any_form_gives_nodes(schema: Any) -> None:
    found = read_schema(schema)
    assert found is not None
    assert [(path, node.type) for path, node in walk_nodes(found.fields)] == [
        (("a",), "object"),
        (("a", "b"), "string"),
    ]


def test_read_schema_older_form_nests_names_in_names() -> None:
    group = {"type": "string: Kind of seller", "description": "string: What it sells"}
    found = read_schema({"invoice_level_fields": {"seller": group}})
    assert found is not None
    assert [(".".join(path), node.type) for path, node in walk_nodes(found.fields)] == [
        ("seller", ""),
        ("seller.type", "string"),
        ("seller.description", "string"),
    ]


@pytest.mark.parametrize("name", [None, "fields", "items", "properties"])
def test_read_schema_deep_nesting_does_not_crash(name: str | None) -> None:
    for member in MEMBERS:
        read_schema({member: nested(950, name)})
