"""`docspeed diff`: expected results against actual ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.stage import Ran, Stage, lines


def result(total: str, *amounts: str) -> dict[str, Any]:
    items = [{"name": {"value": f"item {n}"}, "amount": {"value": a}} for n, a in enumerate(amounts)]
    return {"fields": {"total": {"value": total, "region_ids": ["p3:l1"]}}, "line_items": items}


def write(path: Path, payload: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(payload))
    return path


@pytest.fixture
def folders(stage: Stage) -> tuple[str, str]:
    """Two folders: a pair that is the same, one that differs, one on either side only."""
    expected, actual = stage.folder / "expected", stage.folder / "actual"
    write(expected / "same.json", result("1,240.00", "1"))
    write(actual / "same.json", {**result("1240", "1.00"), "usage": {"pages": 1}})
    write(expected / "other.json", result("5", "1", "2"))
    write(actual / "other.json", result("6", "1"))
    return str(expected), str(actual)


def found(ran: Ran) -> dict[str, Any]:
    read = [json.loads(line) for line in lines(ran.out)]
    return {line["name"]: line for line in read if "name" in line}


def test_diff_of_equal_files_exits_0(stage: Stage, folders: tuple[str, str]) -> None:
    ran = stage.run("diff", f"{folders[0]}/same.json", f"{folders[1]}/same.json")
    assert ran.code == 0
    (line,) = found(ran).values()
    assert (line["status"], line["right"], line["total"], line["differences"]) == ("same", 3, 3, [])


def test_diff_of_folders_names_differences_and_accuracy(stage: Stage, folders: tuple[str, str]) -> None:
    ran = stage.run("diff", *folders)
    assert ran.code == 10
    assert found(ran)["other.json"]["differences"] == [
        {"key": "total", "kind": "changed", "expected": "5", "actual": "6", "page": 3},
        {"key": "line_items[2]", "kind": "row missing", "expected": {"name": "item 1", "amount": "2"}},
    ]
    summary = json.loads(lines(ran.out)[-1])["summary"]
    assert (summary["same"], summary["different"]) == (1, 1)
    assert summary["keys"]["total"] == {"right": 1, "total": 2, "accuracy": 0.5}
    assert summary["rows"]["line_items"]["recall"] == pytest.approx(2 / 3)
    assert "diff: 1 same, 1 different; 5 of 8 values right (62.5 %)" in ran.err


def test_diff_at_a_terminal_shows_a_table(stage: Stage, folders: tuple[str, str]) -> None:
    ran = stage.run("diff", *folders, terminal=True)
    assert ran.code == 10
    for text in ("other.json", "expected", "actual", "row missing", "accuracy", "50.0 %"):
        assert text in ran.out
    assert "same.json" not in ran.out


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--fail-under", "0.6"], 0),
        (["--fail-under", "0.63"], 10),
        (["--tolerance", "1", "--ignore", "line_items"], 0),
        (["--ignore", "total", "--ignore", "line_items"], 0),
    ],
)
def test_diff_flags_decide_what_fails(
    stage: Stage, folders: tuple[str, str], flags: list[str], code: int
) -> None:
    assert stage.run("diff", *folders, *flags).code == code


def test_diff_of_folders_pairs_names_with_accents_in_either_form(stage: Stage) -> None:
    for folder, form in (("e", "é"), ("a", "e\u0301")):
        path = stage.folder / folder / f"r{form}sum{form}.json"
        path.parent.mkdir()
        path.write_text('{"fields": {"total": "1"}}')
    ran = stage.run("diff", str(stage.folder / "e"), str(stage.folder / "a"))
    assert (ran.code, "1 same" in ran.err) == (0, True), ran.err


def test_diff_of_a_missing_result_fails(stage: Stage, folders: tuple[str, str]) -> None:
    Path(folders[1], "same.json").unlink()
    ran = stage.run("diff", *folders, "--fail-under", "0")
    assert ran.code == 10
    assert found(ran)["same.json"] == {
        "name": "same.json",
        "status": "not compared",
        "error": "the actual result is missing",
    }


@pytest.mark.parametrize("side", [0, 1])
def test_diff_of_a_missing_folder_exits_2(stage: Stage, folders: tuple[str, str], side: int) -> None:
    names = list(folders)
    names[side] = str(stage.folder / "typo")
    ran = stage.run("diff", *names)
    assert (ran.code, ran.out) == (2, "")
    assert "typo: no such file or folder" in ran.err
    assert ("--update --yes` takes the actual results as the expected ones" in ran.err) == (side == 0)


def test_diff_where_nothing_could_be_compared_names_no_share(stage: Stage, folders: tuple[str, str]) -> None:
    for path in Path(folders[1]).iterdir():
        path.unlink()
    ran = stage.run("diff", *folders)
    assert ran.code == 10
    assert "not compared" in ran.err and "values right" not in ran.err


@pytest.mark.parametrize("side", [0, 1])
def test_diff_of_a_file_that_is_not_json_exits_2(stage: Stage, folders: tuple[str, str], side: int) -> None:
    Path(folders[side], "same.json").write_text("{")
    names = [f"{folder}/same.json" for folder in folders]
    ran = stage.run("diff", *names)
    assert ran.code == 2
    (line,) = found(ran).values()
    assert line["status"] == "unreadable"
    assert ("expected", "actual")[side] in line["error"] and "it is not JSON" in line["error"]
    assert stage.run("diff", *folders).code == 10


def test_diff_junit_has_a_case_for_each_result(stage: Stage, folders: tuple[str, str]) -> None:
    report = stage.folder / "report.xml"
    assert stage.run("diff", *folders, "--junit", str(report)).code == 10
    suite = ElementTree.parse(report).getroot()[0]
    assert {key: suite.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "2",
        "failures": "1",
        "errors": "0",
    }
    failure = suite.find("testcase[@name='other.json']/failure")
    assert failure is not None
    assert "total: expected '5', got '6' (page 3)" in str(failure.text)


def test_diff_junit_file_that_is_a_compared_result_exits_2(stage: Stage, folders: tuple[str, str]) -> None:
    path = Path(folders[1], "same.json")
    before = path.read_bytes()
    ran = stage.run("diff", *folders, "--junit", str(path))
    assert (ran.code, path.read_bytes()) == (2, before)
    assert "would replace" in ran.err


def test_diff_markdown_has_a_table_for_each_result(stage: Stage, folders: tuple[str, str]) -> None:
    ran = stage.run("diff", *folders, "--format", "markdown")
    assert "## other.json" in ran.out
    assert "| total | changed | 5 | 6 | 3 |" in ran.out
    assert "## Accuracy" in ran.out


def test_diff_update_takes_results_and_corrections_over(stage: Stage, folders: tuple[str, str]) -> None:
    correction = {"field": "line_items[1].amount", "old": "1", "new": "1.50", "reviewer": "ann"}
    write(Path(folders[1], "other.corrections.json"), {"corrections": [correction]})
    refused = stage.run("diff", *folders, "--update")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert stage.run("diff", *folders, "--update", "--yes").code == 0
    updated = json.loads(Path(folders[0], "other.json").read_text())
    assert updated["fields"]["total"]["value"] == "6"
    assert updated["line_items"][0]["amount"] == {"value": "1.50"}
    ran = stage.run("diff", *folders)
    assert [line["status"] for line in found(ran).values()] == ["different", "same"]


def test_diff_update_leaves_out_results_that_were_rejected(stage: Stage, folders: tuple[str, str]) -> None:
    before = Path(folders[0], "other.json").read_bytes()
    decisions = [{"decision": "rejected", "reviewer": "ann"}]
    write(Path(folders[1], "other.corrections.json"), {"corrections": [], "decisions": decisions})
    ran = stage.run("diff", *folders, "--update", "--yes")
    assert (ran.code, Path(folders[0], "other.json").read_bytes()) == (0, before)
    assert "other.json: rejected by ann; its expected result stays as it is" in ran.err
    assert "updated 1 expected result " in ran.err


@pytest.mark.parametrize("content", ["", '{"fields"', "<html>"])
def test_diff_update_leaves_expected_result_where_actual_is_unreadable(
    stage: Stage, folders: tuple[str, str], content: str
) -> None:
    before = Path(folders[0], "other.json").read_bytes()
    Path(folders[1], "other.json").write_text(content)
    ran = stage.run("diff", *folders, "--update", "--yes")
    assert (ran.code, Path(folders[0], "other.json").read_bytes()) == (2, before)
    assert "warning: other.json: its actual result can't be used" in ran.err
    assert "updated 1 expected result " in ran.err


def test_diff_update_asks_at_a_terminal(stage: Stage, folders: tuple[str, str]) -> None:
    before = Path(folders[0], "other.json").read_bytes()
    ran = stage.run("diff", *folders, "--update", stdin=b"n\n", terminal=True, typing=True)
    assert (ran.code, Path(folders[0], "other.json").read_bytes()) == (0, before)
    assert stage.run("diff", *folders, "--update", stdin=b"y\n", terminal=True, typing=True).code == 0
    assert Path(folders[0], "other.json").read_bytes() != before


def test_diff_update_makes_the_folder_of_expected_results(stage: Stage, folders: tuple[str, str]) -> None:
    new = stage.folder / "new"
    assert stage.run("diff", str(new), folders[1], "--update", "--yes").code == 0
    assert sorted(path.name for path in new.iterdir()) == ["other.json", "same.json"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--tolerance", "x"], "--tolerance x: it is not a number from 0 up"),
        (["--fail-under", "2"], "--fail-under 2: it is not a number from 0 to 1"),
        (["--key", "line_items"], "--key line_items: name a table and its columns"),
    ],
)
def test_diff_with_a_wrong_flag_is_usage(
    stage: Stage, folders: tuple[str, str], flags: list[str], message: str
) -> None:
    ran = stage.run("diff", *folders, *flags)
    assert (ran.code, message in ran.err) == (2, True)


def test_diff_of_a_file_and_a_folder_is_usage(stage: Stage, folders: tuple[str, str]) -> None:
    ran = stage.run("diff", f"{folders[0]}/same.json", folders[1])
    assert (ran.code, "compare two files, or two folders" in ran.err) == (2, True)
    assert stage.run("diff", folders[0], "nowhere").code == 2


def test_diff_without_expected_results_compares_nothing(stage: Stage, folders: tuple[str, str]) -> None:
    empty = stage.folder / "empty"
    empty.mkdir()
    ran = stage.run("diff", str(empty), folders[1])
    assert (ran.code, {line["status"] for line in found(ran).values()}) == (10, {"not compared"})
