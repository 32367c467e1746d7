from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from openpyxl import load_workbook

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.settings import resolve
from docspeed_cli.core.signals import Interrupts
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.stored.review_queue import reviewables
from docspeed_cli.results.decisions import CORRECTED, Change, Decision
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.streams import Style
from tests.stage import Stage, Stream

RESULT = {
    "fields": {"total": {"value": 10, "page_index": 0}, "city": {"value": "Basel", "page_index": 0}},
    "line_items": {"items": [{"amount": {"value": 4}}, {"amount": {"value": 6}}]},
}
SCHEMA = {
    "fields": [{"key": "total", "type": "number"}, {"key": "city"}],
    "tables": [{"key": "items", "fields": [{"key": "amount", "type": "number"}]}],
}
CORRECTIONS = {
    "corrections": [
        {"field": "total", "old": 10, "new": 12.5, "reviewer": "ana"},
        {"field": "items[2].amount", "old": 6, "new": 8.5},
        {"field": "gone", "old": 1, "new": 2},
    ]
}
REJECTED = {
    "corrections": [],
    "decisions": [
        {"decision": "rejected", "reviewer": "ben"},
        {"decision": "note", "text": "blurred", "reviewer": "ben"},
    ],
}


@pytest.fixture
def ran(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A user with a run over two documents, of which the first has a corrected result."""
    monkeypatch.chdir(stage.folder)
    stage.service.payload = lambda operation, body: json.dumps(RESULT).encode()
    for name in ("a.pdf", "b.pdf"):
        stage.document(name)
    Path("s.json").write_text(json.dumps(SCHEMA))
    done = stage.run(
        "extract", "a.pdf", "b.pdf", "--schema", "s.json", "--wait", "-o", "out/", "--name", "march"
    )
    assert done.code == 0, done.err
    return stage


def rows(stage: Stage, *flags: str) -> list[dict[str, str]]:
    done = stage.run("jobs", "result", "@march", "--format", "csv", *flags)
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def test_csv_of_a_run_has_corrected_values_and_says_which(ran: Stage) -> None:
    before = ran.run("jobs", "result", "@march", "--format", "csv").out
    assert "corrected" not in before
    Path("out/a.corrections.json").write_text(json.dumps(CORRECTIONS))
    original = Path("out/a.json").read_bytes()
    first, second = rows(ran)
    assert (first["total"], first["city"], first["corrected"]) == ("12.5", "Basel", "total; items[2].amount")
    assert (second["total"], second["corrected"]) == ("10", "")
    amounts = [(row["amount"], row["corrected"]) for row in rows(ran, "--table", "items")]
    assert amounts == [("4", ""), ("8.5", "items[2].amount"), ("4", ""), ("6", "")]
    fields = {row["field"]: row["corrected"] for row in rows(ran, "--table", "fields")[:2]}
    assert fields == {"total": "total", "city": ""}
    assert (
        "gone no longer has the value that was corrected"
        in ran.run("jobs", "result", "@march", "--format", "csv").err
    )
    assert Path("out/a.json").read_bytes() == original


@pytest.mark.parametrize("argv", [("runs", "show", "march"), ("jobs", "result", "@march")])
def test_workbook_of_a_run_has_corrected_values_with_comments(ran: Stage, argv: tuple[str, ...]) -> None:
    Path("out/a.corrections.json").write_text(json.dumps(CORRECTIONS))
    done = ran.run(*argv, "--format", "xlsx", "-o", "march.xlsx")
    assert done.code == 0, done.err
    book = load_workbook("march.xlsx")
    found = {
        (name, cell.column_letter, cell.row): (cell.value, cell.comment.text)
        for name in book.sheetnames
        for line in book[name].iter_rows()
        for cell in line
        if cell.comment is not None
    }
    assert list(found.values()) == [(12.5, "Corrected by ana; it was 10"), (8.5, "Corrected; it was 6")]


EXTRACT = ("extract", "a.pdf", "b.pdf", "--schema", "s.json", "--wait")


def test_csv_of_a_repeated_extraction_has_new_corrections_and_rejections(ran: Stage) -> None:
    assert "corrected" not in ran.run(*EXTRACT, "--format", "csv").out
    Path("out/a.corrections.json").write_text(json.dumps(CORRECTIONS))
    Path("out/b.corrections.json").write_text(json.dumps(REJECTED))
    done = ran.run(*EXTRACT, "--format", "csv")
    assert re.sub(r"job_\d", "job", done.out).splitlines() == [
        "input,job_id,status,total,city,error,corrected,rejected",
        "a.pdf,job,completed,12.5,Basel,,total; items[2].amount,",
        "b.pdf,job,completed,10,Basel,,,rejected by ben: blurred",
    ]


def test_csv_of_an_extraction_without_decisions_accepts_the_reviewers_columns(ran: Stage) -> None:
    done = ran.run(*EXTRACT, "--format", "csv", "--columns", "input,corrected")
    assert (done.code, done.out) == (0, "input,corrected\r\na.pdf,\r\nb.pdf,\r\n")


def test_csv_files_of_an_extraction_are_rewritten_after_a_correction(ran: Stage) -> None:
    argv = (*EXTRACT, "--format", "csv", "-o", "out/")
    assert ran.run(*argv).code == 0
    Path("out/a.corrections.json").write_text(json.dumps(CORRECTIONS))
    second = Path("out/b.csv").stat().st_mtime_ns
    submitted = len(ran.service.jobs)
    for _ in range(2):
        assert ran.run(*argv).code == 0
        (first,) = csv.DictReader(io.StringIO(Path("out/a.csv").read_text()))
        assert (first["total"], first["corrected"]) == ("12.5", "total; items[2].amount")
    assert Path("out/b.csv").stat().st_mtime_ns == second
    assert len(ran.service.jobs) == submitted


def test_workbook_of_a_repeated_extraction_has_corrections_and_rejections(ran: Stage) -> None:
    Path("out/a.corrections.json").write_text(json.dumps(CORRECTIONS))
    Path("out/b.corrections.json").write_text(json.dumps(REJECTED))
    done = ran.run(*EXTRACT, "--format", "xlsx", "-o", "march.xlsx")
    assert done.code == 0, done.err
    book = load_workbook("march.xlsx")
    notes = {
        cell.coordinate: cell.comment.text for line in book["Documents"] for cell in line if cell.comment
    }
    assert notes == {"D2": "Corrected by ana; it was 10", "A3": "Rejected by ben: blurred"}
    assert [cell.value for cell in book["Problems"][2]][2:] == ["rejected", None, "rejected by ben: blurred"]
    assert book["items"]["A4"].comment.text == "Rejected by ben: blurred"


TABLES = {
    "tables": [
        {"cells": [{"row_index": 0, "col_index": 0, "text": "Note"}]},
        {
            "cells": [
                {"row_index": row, "col_index": column, "text": text, "region_ids": ["p1:l1"]}
                for row, texts in enumerate((("Item", "Tax", "Tax"), ("Pump", "1", "2")))
                for column, text in enumerate(texts)
            ]
        },
        {"columns": ["Item", "Tax"], "rows": [{"Item": "Hose", "Tax": 3}], "title": "More"},
    ]
}


def test_correction_of_another_value_than_the_result_has_is_left_out_and_named(ran: Stage) -> None:
    Path("out/a.corrections.json").write_text(json.dumps(CORRECTIONS))
    rows_now = [{"amount": {"value": 4}}, {"amount": {"value": 5}}, {"amount": {"value": 6}}]
    ran.service.payload = lambda operation, body: json.dumps(
        {**RESULT, "line_items": {"items": rows_now}}
    ).encode()
    argv = ("extract", "a.pdf", "--schema", "s.json", "--wait")
    assert ran.run(*argv, "--fresh", "-o", "out/").code == 0
    done = ran.run(*argv, "--format", "csv", "--table", "items")
    assert [row["amount"] for row in csv.DictReader(io.StringIO(done.out))] == ["4", "5", "6"]
    assert "items[2].amount no longer has the value that was corrected" in done.err
    update = ran.run("diff", "expected", "out", "--update", "--yes")
    assert "items[2].amount no longer has the value that was corrected" in update.err


@pytest.mark.parametrize(
    "argv",
    [
        ("jobs", "result", "@march", "-o", "again/"),
        ("extract", "a.pdf", "b.pdf", "--schema", "s.json", "--wait", "-o", "again/"),
        ("extract", "a.pdf", "b.pdf", "--schema", "s.json", "--wait", "-o", "again/", "--format", "csv"),
    ],
)
def test_corrections_are_in_rows_after_the_results_were_written_to_another_folder(
    ran: Stage, argv: tuple[str, ...]
) -> None:
    Path("out/a.corrections.json").write_text(json.dumps(CORRECTIONS))
    for _ in range(2):
        assert ran.run(*argv).code == 0
        assert [row["total"] for row in rows(ran)] == ["12.5", "10"]
    if "csv" in argv:
        assert "12.5" in Path("again/a.csv").read_text()


@pytest.mark.parametrize("output", ["a.pdf", "out/b.json", "out/a.corrections.json"])
@pytest.mark.parametrize(
    "argv",
    [("jobs", "result", "@march", "--format", "csv"), ("runs", "show", "march", "--format", "xlsx")],
)
def test_rows_never_replace_documents_results_or_decisions(
    ran: Stage, argv: tuple[str, ...], output: str
) -> None:
    Path("out/a.corrections.json").write_text(json.dumps(CORRECTIONS))

    before = Path(output).read_bytes()
    done = ran.run(*argv, "-o", output)
    assert (done.code, Path(output).read_bytes()) == (2, before), done.err
    assert f"-o {output} would replace" in done.err


def test_rows_of_tables_have_corrected_cells_and_name_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stage.folder)
    stage.service.payload = lambda operation, body: json.dumps(TABLES).encode()
    stage.document("a.pdf")
    argv = ("tables", "a.pdf", "--wait")
    assert stage.run(*argv, "-o", "out/").code == 0
    made = {"tables[2][2].Tax 2": ("2", "2.5"), "tables[3][2].Tax": (3, 4), "tables[3][7].Tax": (1, 2)}
    content = {
        "corrections": [{"field": field, "old": old, "new": new} for field, (old, new) in made.items()]
    }
    Path("out/a.corrections.json").write_text(json.dumps(content))
    done = stage.run(*argv, "--format", "csv")
    assert "tables[3][7].Tax no longer has the value that was corrected" in done.err
    found = list(csv.reader(io.StringIO(done.out)))
    assert [row[3:] for row in found[1:]] == [
        ["1", "Note", "", "", "", "", ""],
        ["1", "Item", "Tax", "Tax", "", "", ""],
        ["2", "Pump", "1", "2.5", "", "", "tables[2][2].Tax 2"],
        ["1", "", "", "", "Hose", "4", "tables[3][2].Tax"],
    ]
    stage.run(*argv, "--format", "xlsx", "-o", "a.xlsx")
    cells = [cell for line in load_workbook("a.xlsx")["Tables"] for cell in line if cell.comment]
    assert [(cell.value, cell.comment.text) for cell in cells] == [
        ("2.5", "Corrected; it was 2"),
        (4, "Corrected; it was 3"),
    ]


@pytest.mark.parametrize(
    "argv", [("jobs", "result", "@march", "--format", "csv"), ("review", "out/", "--no-open")]
)
def test_damaged_corrections_are_an_error_with_a_hint(ran: Stage, argv: tuple[str, ...]) -> None:
    Path("out/b.corrections.json").write_text('{"corrections": [{"field": 1}]}')
    done = ran.run(*argv)
    assert (done.code, done.out) == (1, "")
    assert "out/b.corrections.json: a correction or another decision is an object" in done.err
    assert "hint: repair the file or move it away, and run" in done.err


@pytest.mark.parametrize("moved", [False, True])
def test_decisions_beside_one_of_two_files_of_a_job_are_in_the_rows_of_both(ran: Stage, moved: bool) -> None:
    ran.service.payload = lambda operation, body: json.dumps({**RESULT, "of": "c"}).encode()
    for folder in ("x", "y"):
        ran.document(f"in/{folder}/c.pdf", "the same")
    argv = ("extract", "in", "--recursive", "--schema", "s.json", "--wait")
    assert ran.run(*argv, "-o", "both/", "--concurrency", "1").code == 0
    if moved:
        Path("both").rename("elsewhere")
    environment = Environment({}, Stream(), Stream(), Stream(), Interrupts())
    context = Context(environment, resolve({}, ran.base()), Output(environment, Style()))
    items = reviewables(context, ["elsewhere" if moved else "both"], None, lambda run: None)
    x = next(item.file for item in items)
    assert x.path.parent.name == "x"
    decision = Decision("total", CORRECTED, 12.5, 10, "ana")
    x.save([Change(decision.key, decision, None)])
    context.close()
    done = ran.run(*argv, "--format", "csv")
    assert [row["total"] for row in csv.DictReader(io.StringIO(done.out))] == ["12.5", "12.5"], done.err
