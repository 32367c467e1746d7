from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.json_text import read_json
from docspeed_cli.results.corrections import corrected
from docspeed_cli.review.decision_file import DecisionFile
from docspeed_cli.review.page import DocumentFile
from docspeed_cli.review.queue import summarize_result
from docspeed_cli.review.session import Loaded, Refused, Reviewable, Session
from tests.review.papers import pdf

RESULT: dict[str, Any] = {
    "fields": {
        "total": {"value": 10, "page_index": 0, "text": "10"},
        "city": {"value": "Basel", "page_index": 0, "text": "Basel"},
        "date": {"value": None},
    },
    "line_items": {"items": [{"amount": {"value": 4, "page_index": 0}}]},
}
FIELDS = ["total", "city", "date", "items[1].amount"]


def reviewable(folder: Path, name: str = "a", result: Any = RESULT, operation: str = "extract") -> Reviewable:
    file = DecisionFile(folder / f"{name}.corrections.json")
    summary = summarize_result(result, operation, (), file.read())
    return Reviewable(name, file, summary, lambda: Loaded(result, operation, ()))


def session(*items: Reviewable, reviewer: str = "ana") -> Session:
    return Session(items, reviewer, lambda: "2026-03-02T10:00:00Z")


def saved(folder: Path, name: str = "a") -> Any:
    return read_json((folder / f"{name}.corrections.json").read_bytes())


def test_session_decisions_are_saved_at_once_and_merge_into_the_result(tmp_path: Path) -> None:
    mine = session(reviewable(tmp_path))
    mine.decide(1, {"decision": "corrected", "field": "total", "text": "12.50"})
    mine.decide(1, {"decision": "corrected", "field": "items[1].amount", "text": "5"})
    mine.decide(1, {"decision": "note", "field": "city", "text": " blurred "})
    answer = mine.decide(1, {"decision": "accepted"})
    assert (answer["left"], answer["reviewed"], answer["next"]) == (0, 1, None)
    content = saved(tmp_path)
    assert [(each["field"], each["old"], each["new"]) for each in content["corrections"]] == [
        ("total", 10, 12.5),
        ("items[1].amount", 4, 5),
    ]
    assert [(each["decision"], each["field"]) for each in content["decisions"]] == [
        ("note", "city"),
        ("accepted", "city"),
        ("accepted", "date"),
    ]
    decisions = DecisionFile(tmp_path / "a.corrections.json").read()
    changed, _, lost = corrected(RESULT, decisions.values())
    assert (changed["fields"]["total"]["value"], changed["fields"]["total"]["text"], lost) == (12.5, "10", [])


def test_session_correction_of_a_table_cell_keeps_its_type(tmp_path: Path) -> None:
    rows = [{"Item": "Pump", "Tax": 3}, {"Item": "Hose", "Tax": 4}]
    mine = session(reviewable(tmp_path, "a", {"tables": [{"rows": rows}]}, "tables"))
    mine.decide(1, {"decision": "corrected", "field": "tables[1][3].Tax", "text": "4.50"})
    mine.decide(1, {"decision": "corrected", "field": "tables[1][2].Item", "text": "12"})
    made = [(each["field"], each["old"], each["new"]) for each in saved(tmp_path)["corrections"]]
    assert made == [("tables[1][3].Tax", 4, 4.5), ("tables[1][2].Item", "Pump", "12")]


def test_session_value_that_changed_after_it_was_accepted_is_open_again_and_first(tmp_path: Path) -> None:
    session(reviewable(tmp_path)).decide(1, {"decision": "accepted"})
    city = RESULT["fields"]["city"]
    again = {**RESULT, "fields": {**RESULT["fields"], "city": {**city, "value": "Bern"}}}
    mine = session(reviewable(tmp_path, "a", again))
    data, review = mine.page(1)
    assert (review["left"], mine.progress.left) == (1, 1)
    assert [each["field"] for each in review["decisions"]] == ["total", "date", "items[1].amount"]
    place = [value.key for value in data.values].index("city")
    assert (review["order"][0], review["reasons"][place][0]) == (
        place,
        "changed since Basel was accepted by ana",
    )
    answer = mine.decide(1, {"decision": "accepted"})
    assert (answer["left"], answer["replaced"], mine.progress.left) == (0, [], 0)
    assert saved(tmp_path)["decisions"][-1]["text"] == "Bern"
    mine.undo()
    assert mine.progress.left == 1


def test_session_result_without_values_comes_first_and_is_accepted_as_a_whole(tmp_path: Path) -> None:
    good = {"fields": {"city": RESULT["fields"]["city"]}}
    mine = session(reviewable(tmp_path, "good", good), reviewable(tmp_path, "none", {"fields": {}}))
    data, review = mine.page(1)
    assert (data.title, review["document"], mine.progress.left) == ("none", ["The result has no values."], 2)
    assert mine.decide(1, {"decision": "accepted"})["reviewed"] == 1
    assert [each["decision"] for each in saved(tmp_path, "none")["decisions"]] == ["accepted"]
    mine.undo()
    assert mine.progress.left == 2


def test_session_correction_of_a_value_shown_in_part_is_refused(tmp_path: Path) -> None:
    mine = session(reviewable(tmp_path, "a", {"fields": {"terms": {"value": "x" * 5001}}}))
    with pytest.raises(Refused, match="only the beginning"):
        mine.decide(1, {"decision": "corrected", "field": "terms", "text": "x" * 5000 + "…"})


def test_session_undo_takes_back_decisions_of_every_kind_in_turn(tmp_path: Path) -> None:
    mine = session(reviewable(tmp_path))
    mine.decide(1, {"decision": "accepted", "field": "total"})
    mine.decide(1, {"decision": "corrected", "field": "total", "text": "7"})
    mine.decide(1, {"decision": "rejected"})
    assert mine.progress.left == 0
    assert mine.undo()["field"] == "" and mine.progress.left == 1
    assert mine.undo()["field"] == "total"
    assert (saved(tmp_path)["corrections"], saved(tmp_path)["decisions"][0]["decision"]) == ([], "accepted")
    mine.undo()
    assert saved(tmp_path) == {"corrections": [], "decisions": []}
    with pytest.raises(Refused):
        mine.undo()


def test_session_goes_on_where_another_ended_and_puts_the_worst_first(tmp_path: Path) -> None:
    good = {"fields": {"city": RESULT["fields"]["city"]}}
    items = [reviewable(tmp_path, "good", good), reviewable(tmp_path, "bad")]
    first = session(*items)
    data, review = first.page(1)
    assert (data.title, [data.values[place].key for place in review["order"]]) == (
        "bad",
        ["date", *FIELDS[:2], FIELDS[3]],
    )
    assert review["reasons"][2] == ["no value"]
    first.decide(1, {"decision": "rejected"})
    again = session(*items)
    assert (again.first_open(), again.progress) == (2, (1, 2))


def test_session_of_two_reviewers_at_once_loses_no_decision(tmp_path: Path) -> None:
    result = {"fields": {f"f{number}": {"value": number} for number in range(40)}}
    names = list(result["fields"])

    def work(mine: Session, fields: list[str]) -> None:
        for field in fields:
            mine.decide(1, {"decision": "corrected", "field": field, "text": "-1"})

    threads = [
        threading.Thread(target=work, args=(session(reviewable(tmp_path, "a", result)), names[half::2]))
        for half in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each["field"] for each in saved(tmp_path)["corrections"]} == set(names)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".corrections.lock", "a.corrections.json"]


def test_session_last_reviewer_of_a_field_is_told_of_the_other(tmp_path: Path) -> None:
    ana, ben = session(reviewable(tmp_path)), session(reviewable(tmp_path), reviewer="ben")
    ana.page(1), ben.page(1)
    ana.decide(1, {"decision": "corrected", "field": "total", "text": "11"})
    (other,) = ben.decide(1, {"decision": "corrected", "field": "total", "text": "12"})["replaced"]
    assert (other["reviewer"], other["text"], saved(tmp_path)["corrections"][0]["new"]) == ("ana", "11", 12)
    assert ben.decide(1, {"decision": "accepted", "field": "total"})["replaced"] == []


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"decision": "corrected", "field": "gone", "text": "1"}, "no value gone"),
        ({"decision": "corrected", "field": "total", "text": "1" * 20_001}, "at most"),
        ({"decision": "corrected", "text": "1"}, "request is unknown"),
        ({"decision": "rejected", "field": "total"}, "request is unknown"),
        ([], "request is unknown"),
    ],
)
def test_session_refuses_what_makes_no_sense_and_saves_nothing(
    tmp_path: Path, asked: Any, problem: str
) -> None:
    with pytest.raises(Refused, match=problem):
        session(reviewable(tmp_path)).decide(1, asked)
    assert not (tmp_path / "a.corrections.json").exists()


def test_session_types_corrections_by_the_schema(tmp_path: Path) -> None:
    schema = {"fields": [{"key": "date", "type": "date"}, {"key": "city", "type": "string"}]}
    mine = session(reviewable(tmp_path)._replace(schema=schema))
    mine.decide(1, {"decision": "corrected", "field": "date", "text": "2 March 2026"})
    assert saved(tmp_path)["corrections"][0]["new"] == "2026-03-02"
    with pytest.raises(Refused, match="only one day"):
        mine.decide(1, {"decision": "corrected", "field": "date", "text": "03/04/2026"})


def test_session_file_of_another_form_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.corrections.json"
    item = reviewable(tmp_path)
    mine = session(item)
    path.write_text(json.dumps(["notes of mine"]))
    with pytest.raises(DocspeedError, match="no list of corrections"):
        mine.decide(1, {"decision": "accepted", "field": "total"})
    assert json.loads(path.read_text()) == ["notes of mine"]


def test_session_keeps_few_documents_open_and_draws_pages_when_they_are_looked_at(tmp_path: Path) -> None:
    paper = pdf(tmp_path / "a.pdf", ["1"] * 3)
    items = [
        reviewable(tmp_path, name)._replace(
            load=lambda: Loaded(RESULT, "extract", [DocumentFile("a.pdf", paper)])
        )
        for name in "abcd"
    ]
    mine = session(*items)
    for number in (1, 2, 3, 4, 1):
        assert [page.image for page in mine.page(number)[0].documents[0].pages][2] == "page/0/3"
        picture = mine.picture(number, 0, 3)
        assert isinstance(picture, bytes) and picture.startswith(b"\xff\xd8")
    with pytest.raises(IndexError):
        mine.picture(1, 0, 4)
    mine.close()
