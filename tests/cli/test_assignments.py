"""`--set` adds any field to a body; an error names what it can't parse."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.cli.assignments import merge, parse_assignments
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.json_text import to_json

keys = st.text(st.characters(exclude_characters=".=", exclude_categories=["Cs"]), min_size=1, max_size=5)
plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(keys, values, max_size=4)


def paths(value: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The path of each leaf; an object without members is one."""
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from paths(inner, (*before, name))
        else:
            yield (*before, name), inner


def assignments(value: Mapping[str, Any]) -> list[str]:
    return [f"{'.'.join(path)}={json.dumps(leaf)}" for path, leaf in paths(value)]


# -- building


@given(objects)
def test_assignments_path_by_path_build_any_object(value: dict[str, Any]) -> None:
    assert to_json(parse_assignments(assignments(value))) == to_json(value)


@given(objects, st.randoms(use_true_random=False))
def test_assignments_in_another_order_change_the_order_of_members_only(
    value: dict[str, Any], chance: Any
) -> None:
    flags = assignments(value)
    chance.shuffle(flags)
    assert parse_assignments(flags) == value


@given(objects)
def test_assignment_of_any_object_sets_it_whole(value: dict[str, Any]) -> None:
    assert parse_assignments([f"field={json.dumps(value)}"]) == {"field": value}


def test_assignments_without_a_flag_are_empty() -> None:
    assert parse_assignments(None) == parse_assignments([]) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ('{"a": 1}', {"a": 1}),
        ('"1"', "1"),
        (" 1 ", 1),
        ("hello", "hello"),
        ("hello world", "hello world"),
        ("True", "True"),
        ("None", "None"),
        ("01", "01"),
        ("1,2", "1,2"),
        ("+1", "+1"),
        ("", ""),
        (" ", " "),
        ("a=b", "a=b"),
        ("=", "="),
        ("{", "{"),
        ("{'a': 1}", "{'a': 1}"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("[NaN]", "[NaN]"),
        ("file.pdf", "file.pdf"),
    ],
)
def test_assignment_value_that_parses_is_json_else_text(text: str, value: Any) -> None:
    found = parse_assignments([f"field={text}"])["field"]
    assert found == value
    assert type(found) is type(value)


@given(st.text())
def test_assignment_value_quoted_as_json_is_text(text: str) -> None:
    """Quoted as JSON it is text, whatever it looks like."""
    assert parse_assignments([f"field={json.dumps(text)}"]) == {"field": text}


@pytest.mark.parametrize("depth", [50_000, 200_000])
def test_assignment_value_too_deep_to_parse_is_text(depth: int) -> None:
    assert parse_assignments([f"field={'[' * depth}"]) == {"field": "[" * depth}


@pytest.mark.parametrize(
    "number",
    ["1e400", "-1e999", "1.10", "12345678901234567.89", "-0", "1E5", "9" * 5000],
    ids=lambda n: n[:20],
)
def test_assignment_number_is_sent_as_written(number: str) -> None:
    assignments = [f"field={number}", f'list=[{number}, {{"a": {number}}}]']
    written = to_json(parse_assignments(assignments))
    assert written == f'{{"field":{number},"list":[{number},{{"a":{number}}}]}}'


def test_assignment_repeated_takes_the_last_value() -> None:
    assert parse_assignments(["a=1", "a=2"]) == {"a": 2}
    assert parse_assignments(["a.b=1", "a.b=[2]"]) == {"a": {"b": [2]}}


def test_assignments_of_objects_to_one_field_are_merged() -> None:
    assert parse_assignments(['a={"b": 1}', "a.c=2", 'a={"d": 3}']) == {"a": {"b": 1, "c": 2, "d": 3}}


# -- contradictions


@pytest.mark.parametrize("text", ["", "a", "=1", ".=1", ".a=1", "a.=1", "a..b=1", "a.b"])
def test_assignment_malformed_is_named(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_assignments(["good=1", text])
    assert f"--set {text}" in caught.value.message


@pytest.mark.parametrize("value", ["1", "null", "[]", "text", "false", '""'])
def test_assignment_below_a_plain_value_is_rejected(value: str) -> None:
    with pytest.raises(UsageError, match=r"--set a\.b=1") as caught:
        parse_assignments([f"a={value}", "a.b=1"])
    assert "a" in caught.value.message


@pytest.mark.parametrize("value", ["1", "null", "[]", "text"])
def test_assignment_of_a_plain_value_over_fields_is_rejected(value: str) -> None:
    """In this order, too: nothing that was asked for may be dropped without a word."""
    with pytest.raises(UsageError, match="--set a="):
        parse_assignments(["a.b=1", f"a={value}"])


# -- merging


def test_merge_nested_fields_are_added() -> None:
    body = {"schema": {"doc_class": "invoice", "fields": [1]}, "grounding": "cell"}
    extra = {"schema": {"strict": True, "fields": [2]}, "page": 1}
    assert merge(body, extra) == {
        "schema": {"doc_class": "invoice", "fields": [2], "strict": True},
        "grounding": "cell",
        "page": 1,
    }


@pytest.mark.parametrize(("there", "extra"), [({"a": 1}, {"a": {"b": 1}}), ({"a": {"b": 1}}, {"a": None})])
def test_merge_of_different_kinds_replaces_the_value(there: dict[str, Any], extra: dict[str, Any]) -> None:
    assert merge(there, extra) == extra


@given(objects, objects)
def test_merge_changes_neither_part(body: dict[str, Any], extra: dict[str, Any]) -> None:
    before = json.dumps([body, extra])
    found = merge(body, extra)
    assert json.dumps([body, extra]) == before
    for path, leaf in paths(extra):
        inner: Any = found
        for name in path:
            inner = inner[name]
        assert inner == leaf or leaf == {}
    assert set(found) == {*body, *extra}


@given(objects)
def test_merge_with_nothing_changes_nothing(body: dict[str, Any]) -> None:
    assert merge(body, {}) == merge({}, body) == body


def test_assignment_path_too_deep_is_rejected() -> None:
    with pytest.raises(UsageError, match="can't be 3000 levels deep"):
        parse_assignments(["a." * 2999 + "a=1"])
