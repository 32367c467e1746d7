from __future__ import annotations

import pytest

from docspeed_cli.results.decisions import (
    ACCEPTED,
    CORRECTED,
    NOTE,
    REJECTED,
    Change,
    Decision,
    decisions_content,
    is_reviewed,
    merge_changes,
    outdated,
    read_decisions,
)
from docspeed_cli.results.layout import Layout
from docspeed_cli.results.typed_values import typed_value

TOTAL = Decision("total", CORRECTED, 12, 10, "ana", "2026-03-02T10:00:00Z")
SEEN = Decision("date", ACCEPTED, reviewer="ana", time="2026-03-02T10:00:01Z")
MINE = [TOTAL, SEEN, Decision("date", NOTE, "blurred"), Decision("", REJECTED), Decision("", NOTE, "spam")]


def test_decisions_written_are_read_as_they_were_and_the_corrections_in_their_own_form() -> None:
    decisions = {each.key: each for each in MINE}
    content = decisions_content(decisions, {"corrections": [], "ours": 1})
    assert read_decisions(content) == decisions
    assert content["ours"] == 1
    content["corrections"][0]["comment"] = content["decisions"][0]["comment"] = "by hand"
    changed = {each.key: each for each in [*MINE[:-1], Decision("tax", ACCEPTED, "2")]}
    again = decisions_content(changed, content)
    assert [item.get("comment") for item in (again["corrections"] + again["decisions"])[:3]] == [
        *("by hand", "by hand"),
        None,
    ]
    content = decisions_content(decisions)
    (correction,) = (each for each in decisions.values() if each.decision == CORRECTED)
    written = content["corrections"][0]
    assert [*written] == ["field", "old", "new", "reviewer", "time"]
    assert (correction.old, correction.value) == (written["old"], written["new"]) == (10, 12)


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"corrections": [1]},
        {"corrections": [{}]},
        {"corrections": {}},
        {"corrections": [{"field": "a"}]},
        {"corrections": [], "decisions": [{"decision": "maybe"}]},
        {"corrections": [], "decisions": [{"decision": "note", "field": 1}]},
    ],
)
def test_decisions_of_another_form_are_an_error(content: object) -> None:
    with pytest.raises(ValueError, match=r"correction|decision"):
        read_decisions(content)


def test_merge_of_two_reviewers_keeps_both_fields_and_tells_the_last_of_one_field() -> None:
    theirs = Decision("total", CORRECTED, 13, 10, "ben")
    merged, replaced = merge_changes({SEEN.key: SEEN}, [Change(TOTAL.key, TOTAL, None)])
    assert (list(merged.values()), replaced) == ([SEEN, TOTAL], [])
    merged, replaced = merge_changes(merged, [Change(theirs.key, theirs, None)])
    assert (merged[theirs.key], replaced) == (theirs, [TOTAL])
    assert merge_changes(merged, [Change(TOTAL.key, TOTAL, theirs)])[1] == []
    assert merge_changes(merged, [Change(theirs.key, theirs._replace(reviewer="ana"), None)])[1] == []
    assert merge_changes(merged, [Change(theirs.key, None, theirs)])[0] == {SEEN.key: SEEN}


def test_document_is_reviewed_once_it_is_rejected_or_every_value_is_decided_about() -> None:
    decided = {each.key: each for each in (TOTAL, SEEN)}
    assert is_reviewed(decided, 2) and not is_reviewed(decided, 3)
    assert is_reviewed({("", False): Decision("", REJECTED)}, 3)
    assert not is_reviewed({("", True): Decision("", NOTE, "spam")}, 3)
    assert not is_reviewed({}, 0) and is_reviewed({("", False): Decision("", ACCEPTED)}, 0)


@pytest.mark.parametrize(
    ("text", "kind", "old", "value"),
    [
        ("1,240.50", "number", None, "1240.50"),
        ("1 240", "money", None, "1240"),
        ("12", "", 10.5, "12"),
        ("12", "", "10", "'12'"),
        ("none", "", 10, "'none'"),
        ("-7", "integer", None, "-7"),
        ("2 March 2026", "date", None, "'2026-03-02'"),
        ("YES", "boolean", None, "True"),
        ("false", "", True, "False"),
        (" Basel ", "string", None, "'Basel'"),
        ("007", "string", 7, "'007'"),
        ("a; b", "list of string", None, "['a', 'b']"),
        ("1; 2", "", [3], "[1, 2]"),
        ("", "number", 5, "None"),
    ],
)
def test_typed_value_is_of_the_schemas_type_or_else_the_old_values(
    text: str, kind: str, old: object, value: str
) -> None:
    assert repr(typed_value(text, kind, old)) == value


@pytest.mark.parametrize(
    ("text", "kind"), [("12x", "number"), ("1.5", "integer"), ("03/04/2026", "date"), ("perhaps", "boolean")]
)
def test_typed_value_that_has_not_the_type_is_an_error(text: str, kind: str) -> None:
    with pytest.raises(ValueError, match=text):
        typed_value(text, kind)


def test_layout_column_of_a_value_is_found_by_its_key() -> None:
    schema = {
        "fields": [{"key": "invoice", "fields": [{"key": "total", "type": "number"}]}],
        "tables": [{"key": "line_items", "fields": [{"key": "amount", "type": "money"}]}],
    }
    layout = Layout(schema)
    found = [
        layout.column_of(key, ["line_items"])
        for key in ("invoice.total", "total", "line_items[3].amount", "line_items[3].x", "y")
    ]
    assert found == [
        (None, None, ("invoice.total", "number")),
        (None, None, ("invoice.total", "number")),
        ("line_items", 3, ("amount", "money")),
        None,
        None,
    ]
    assert Layout().column_of("items[2].amount", ["items"]) == ("items", 2, ("amount", ""))
    assert Layout().column_of("input", []) == (None, None, ("field.input", ""))


def test_layout_column_of_a_value_in_another_table_or_in_a_list_of_fields_is_not_a_cell() -> None:
    layout = Layout({"tables": [{"key": "line_items", "fields": [{"key": "amount"}]}]})
    assert layout.column_of("items[1].amount", ["items"]) == ("line_items", 1, ("amount", ""))
    assert layout.column_of("taxes[1].amount", ["items", "taxes"]) is None
    assert Layout().column_of("parties[2].city", ["items"]) == (None, None, ("parties.city", ""))


def test_decision_about_a_value_that_has_changed_is_outdated() -> None:
    made = {
        each.key: each
        for each in (
            SEEN._replace(value="2026-04-01"),
            Decision("total", CORRECTED, 12.5, old=10),
            Decision("tax", CORRECTED, "2", old=None),
            Decision("net", CORRECTED, 9.5, old=9),
            Decision("city", ACCEPTED, "Basel"),
            Decision("gone", ACCEPTED, "x"),
            Decision("", ACCEPTED),
        )
    }
    now = {"date": "2026-04-02", "total": "11", "tax": "", "net": "9.5", "city": "Basel"}
    assert [each.field for each in outdated(made, now)] == ["date", "total", "gone"]
    again = outdated(read_decisions(decisions_content(made)), now)
    assert sorted(again) == sorted(outdated(made, now))
