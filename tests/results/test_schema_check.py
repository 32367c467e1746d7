"""Every fault of a schema is found at once, with its place; what is not known is let through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.results.schema_check import check
from tests.results.payloads import OLDER_SCHEMA, SCHEMA, any_json

MEMBERS = ["fields", "tables", "invoice_level_fields", "line_item_structures"]


@pytest.mark.parametrize("schema", [SCHEMA, OLDER_SCHEMA, {**SCHEMA, "sandbox": True, "notes": [1]}])
def test_published_forms_are_fine_and_never_rewritten(schema: dict[str, Any]) -> None:
    checked = check(json.dumps(schema))
    assert (checked.faults, checked.warnings, checked.notes) == ((), (), ())
    assert json.dumps(checked.schema) == json.dumps(schema)


def test_every_fault_is_told_with_its_place() -> None:
    schema = {
        "fields": [
            {"key": "a", "type": "string"},
            {"key": "a"},
            {"type": 5, "array": "yes", "description": []},
            "b",
            {"key": " "},
        ],
        "tables": [
            {"key": "t", "fields": [{"key": "x", "array": "yes"}, {}]},
            {"key": "t"},
            {"key": "u", "fields": []},
        ],
    }
    assert check(json.dumps(schema)).faults == (
        'fields[1].key is "a", like fields[0].key',
        "fields[2].key is missing",
        "fields[2].type must be a text, not 5",
        'fields[2].array must be true or false, not "yes"',
        "fields[2].description must be a text, not []",
        "fields[3] must be an object, not a text",
        'fields[4].key must be a text with something in it, not " "',
        'tables[0].fields[0].array must be true or false, not "yes"',
        "tables[0].fields[1].key is missing",
        'tables[1].key is "t", like tables[0].key',
        "tables[1].fields is missing",
        "tables[2].fields is empty",
    )


def test_faults_of_the_older_form() -> None:
    schema = {
        "invoice_level_fields": {"a": "string: A", "b": 5, "c": {"d": None}},
        "line_item_structures": {"t": {"target_fields": ["x (string): X", "x", 7]}, "u": {}, "v": "w"},
    }
    assert check(json.dumps(schema)).faults == (
        "invoice_level_fields.b must be a text (`type: description`) or an object, not a number",
        "invoice_level_fields.c.d must be a text (`type: description`) or an object, not null",
        'line_item_structures.t.target_fields[1] is "x", like line_item_structures.t.target_fields[0]',
        "line_item_structures.t.target_fields[2] must be a text like `name (type): description`, not 7",
        "line_item_structures.u.target_fields is missing",
        "line_item_structures.v must be an object, not a text",
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it is empty"),
        ('{"a" 1}', "line 1, column 6: expected ':' after the name"),
        ('{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: expected ',' or the end of the list or object"),
        ('{"a": 1} x', "line 1, column 10: expected the end, as the JSON is complete before this"),
        ('{"a": [1', "line 1, column 9: expected ',' or the end of the list or object, and the text ends"),
        ("{'a': 1}", "line 1, column 2: expected a name in double quotes"),
        ("[1]", "a schema is an object, not a list"),
        ("null", "a schema is an object, not null"),
        ('{"fields": [{"key": "a", "max": NaN}]}', "NaN is not a value in JSON"),
        ('{"a": 1e999}', "1e999 is too large a number"),
        ('{"a": "\\ud800"}', "a text in it holds half of a surrogate pair, which can't be sent"),
        ("[" * 100_000, "it is nested too deeply"),
        ("{}", "it names no field"),
        ('{"doc_class": "x"}', "it names no field"),
        ('{"fields": [], "tables": []}', "it names no field"),
        ('{"fields": "x"}', "fields must be a list, not a text"),
    ],
)
def test_one_fault(text: str, fault: str) -> None:
    checked = check(text)
    assert checked.faults == (fault,)


def test_names_that_come_twice_and_unknown_types_are_warnings() -> None:
    text = '{"fields": [{"key": "a", "key": "b", "type": "strng"}, {"key": "c", "type": "strng"}]}'
    twice, unknown = check(text).warnings
    assert twice == 'an object has "key" more than once; only the last one counts'
    assert unknown.startswith(
        'fields[0].type (and 1 more) is "strng", which the service may not know; known are '
    )
    assert "string, number" in unknown


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"total": "number"},
        {"fields": {"a": "x"}},
    ],
)
def test_other_plausible_objects_are_sent_with_a_note(schema: dict[str, Any]) -> None:
    checked = check(json.dumps(schema))
    assert (checked.schema, checked.faults, len(checked.notes)) == (schema, (), 1)


def test_a_byte_order_mark_is_no_fault() -> None:
    assert check("\ufeff" + json.dumps(SCHEMA)).schema == SCHEMA


@given(
    any_json(st.text(max_size=4)),
    st.sampled_from(["fields", "tables", "invoice_level_fields", "line_item_structures"]),
)
def test_no_schema_is_too_strange(value: Any, member: str) -> None:
    for text in (json.dumps(value), json.dumps({member: value, "fields": [{"key": "a"}]})):
        checked = check(text)
        assert all(isinstance(said, str) for said in (*checked.faults, *checked.warnings, *checked.notes))


@given(st.text(max_size=20))
def test_no_text_is_too_strange(text: str) -> None:
    assert isinstance(check(text).faults, tuple)
